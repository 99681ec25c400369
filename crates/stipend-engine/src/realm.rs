//! Environments with their catalogs, and the API keys that open them.

use std::collections::BTreeMap;
use std::sync::Arc;
use stipend_core::catalog::{Catalog, CatalogChange};
use stipend_core::{EnvId, Timestamp};
use stipend_store::{choice, record};

/// The environment that every account has.
pub const PRODUCTION: EnvId = EnvId(1);

/// What an environment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvironmentKind {
    /// Real customers.
    Production,
}

/// One environment; nothing refers across.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Its number.
    pub id: EnvId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub kind: EnvironmentKind,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its catalog.
    pub catalog: Arc<Catalog>,
}

/// A secret API key, known by its hash only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// The hash of the key.
    pub digest: [u8; 32],
    /// The environment that it opens.
    pub env: EnvId,
    /// Its last characters, for people.
    pub hint: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl ApiKey {
    /// The hash under which a key is known.
    #[must_use]
    pub fn digest_of(key: &str) -> [u8; 32] {
        blake3::derive_key("stipend 2026 api key", key.as_bytes())
    }
}

/// One change of the realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RealmChange {
    /// An environment came to be, with an empty catalog.
    Environment(Environment),
    /// A key came to be.
    ApiKey(ApiKey),
    /// A catalog changed.
    Catalog(Box<EnvChange>),
}

/// A change of the catalog of one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvChange {
    /// The environment.
    pub env: EnvId,
    /// The change.
    pub change: CatalogChange,
}

/// All environments and keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Realm {
    /// Environments by number.
    pub environments: BTreeMap<EnvId, Environment>,
    /// Keys by hash.
    pub keys: BTreeMap<[u8; 32], ApiKey>,
}

choice!(EnvironmentKind { 1 => Production });
record!(Environment { 1 => id, 2 => name, 3 => kind, 4 => created_at, 5 => catalog });
record!(ApiKey { 1 => digest, 2 => env, 3 => hint, 4 => created_at });
record!(EnvChange { 1 => env, 2 => change });
choice!(RealmChange { 1 => Environment(Environment), 2 => ApiKey(ApiKey), 3 => Catalog(Box<EnvChange>) });
record!(Realm { 1 => environments, 2 => keys });

impl Realm {
    /// Folds one change.
    ///
    /// # Panics
    /// Where it names an environment that does not exist (invariant 16).
    pub fn apply(&mut self, change: &RealmChange) {
        match change {
            RealmChange::Environment(environment) => {
                self.environments.insert(environment.id, environment.clone());
            }
            RealmChange::ApiKey(key) => {
                assert!(self.environments.contains_key(&key.env), "a key opens what exists");
                self.keys.insert(key.digest, key.clone());
            }
            RealmChange::Catalog(changed) => {
                let EnvChange { env, change } = changed.as_ref();
                let environment = self.environments.get_mut(env).expect("its environment exists");
                Arc::make_mut(&mut environment.catalog).apply(change);
            }
        }
    }

    /// The catalog of an environment.
    ///
    /// # Panics
    /// Where there is no such environment: numbers come from keys, which open what exists.
    #[must_use]
    pub fn catalog(&self, env: EnvId) -> &Arc<Catalog> {
        &self.environments.get(&env).expect("environments come from keys").catalog
    }
}
