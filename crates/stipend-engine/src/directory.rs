//! What a running engine says of its realm: environments, keys, operators, catalogs and tasks, as
//! they are durable.

use crate::api_key::{ApiKey, Credentials, KeyNo};
use crate::engine::Engine;
use crate::operator::Operator;
use crate::realm::Environment;
use crate::task::Task;
use std::sync::Arc;
use stipend_core::EnvId;
use stipend_core::catalog::Catalog;
use stipend_store::Seq;

impl Engine {
    /// The environment that a key opens, and what it may be used for. A revoked one opens nothing.
    #[must_use]
    pub fn authenticate(&self, key: &str) -> Option<Credentials> {
        let realm = self.published.glance();
        let known = realm.keys.get(&ApiKey::digest_of(key));
        known.filter(|key| key.is_live()).map(ApiKey::credentials)
    }

    /// The key of that number, of whatever environment.
    #[must_use]
    pub fn find_key(&self, number: KeyNo) -> Option<ApiKey> {
        self.published.glance().find_key(number).cloned()
    }

    /// All environments, oldest first.
    #[must_use]
    pub fn environments(&self) -> Vec<Environment> {
        self.published.glance().environments.values().cloned().collect()
    }

    /// The environment with that number.
    #[must_use]
    pub fn environment(&self, env: EnvId) -> Option<Environment> {
        self.published.glance().environments.get(&env).cloned()
    }

    /// A task of an environment. What it has done is told once it has ended.
    #[must_use]
    pub fn task(&self, env: EnvId, id: u64) -> Option<Task> {
        self.published.glance().tasks.find(id).filter(|task| task.env == env).cloned()
    }

    /// Whether there is any key at all.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        !self.published.glance().keys.is_empty()
    }

    /// The keys of an environment, oldest first.
    #[must_use]
    pub fn api_keys(&self, env: EnvId) -> Vec<ApiKey> {
        let realm = self.published.glance();
        let mut keys: Vec<ApiKey> =
            realm.keys.values().filter(|key| key.env == env).cloned().collect();
        keys.sort_by_key(|key| key.number);
        keys
    }

    /// The position of the last change of the realm, from which the changes before it are found.
    #[must_use]
    pub fn last_change(&self) -> Seq {
        self.published.glance().last_change
    }

    /// Who may use the dashboard, by name.
    #[must_use]
    pub fn operators(&self) -> Vec<Operator> {
        self.published.realm().operators.values().cloned().collect()
    }

    /// The operator of that name.
    #[must_use]
    pub fn find_operator(&self, name: &str) -> Option<Operator> {
        self.published.realm().operators.get(name).cloned()
    }

    /// Whether anyone may sign in to the dashboard with a password.
    #[must_use]
    pub fn has_operators(&self) -> bool {
        !self.published.realm().operators.is_empty()
    }

    /// The catalog of an environment.
    #[must_use]
    pub fn catalog(&self, env: EnvId) -> Arc<Catalog> {
        Arc::clone(self.published.glance().catalog(env))
    }
}
