//! Deciding what concerns whole environments: making them and their keys, their clocks, their
//! catalogs.

use super::{Decider, Done};
use crate::api_key::{ApiKey, KeyNo, Rights, Scope};
use crate::batch::Open;
use crate::command::Refusal;
use crate::limits::{API_KEY_NAME_MAX, API_KEYS_MAX, CLOCK_MARGIN_SECONDS, ENVIRONMENTS_MAX};
use crate::operator::Operator;
use crate::realm::{
    ClockChange, EnvChange, Environment, EnvironmentKind, PRODUCTION, RealmChange, SANDBOX_NAME,
};
use crate::task::TaskKind;
use std::sync::Arc;
use stipend_core::catalog::{self, CatalogCommand, Migration, Settings};
use stipend_core::{EnvId, PackageKey, Timestamp};

impl Decider {
    /// Makes the production environment and a key to it, where they are missing.
    pub(super) fn open_production(
        &mut self,
        open: &mut Open,
        key: ApiKey,
    ) -> Result<Done, Refusal> {
        let rights = Rights { manages_environments: true };
        let key = ApiKey { env: PRODUCTION, rights, ..key };
        self.check_key(&key)?;
        let realm = self.working.realm();
        if !realm.environments.contains_key(&PRODUCTION) {
            let (name, kind) = ("production".to_owned(), EnvironmentKind::Production);
            self.make_environment(open, PRODUCTION, name, kind);
        }
        self.make_key(open, key);
        Ok(Done { environment: Some(PRODUCTION), ..Done::default() })
    }

    /// Makes the sandbox environment and a key to it, where they are missing.
    pub(super) fn open_sandbox(&mut self, open: &mut Open, key: ApiKey) -> Result<Done, Refusal> {
        let realm = self.working.realm();
        let found = realm.find_environment(SANDBOX_NAME);
        if found.is_some_and(|found| found.kind != EnvironmentKind::Sandbox) {
            return Err(Refusal::AlreadyExists(SANDBOX_NAME.to_owned()));
        }
        let env = match found {
            Some(found) => found.id,
            None => self.next_environment()?,
        };
        let key = ApiKey { env, ..key };
        self.check_key(&key)?;
        if found.is_none() {
            let kind = EnvironmentKind::Sandbox;
            self.make_environment(open, env, SANDBOX_NAME.to_owned(), kind);
        }
        self.make_key(open, key);
        Ok(Done { environment: Some(env), ..Done::default() })
    }

    pub(super) fn create_environment(
        &mut self,
        open: &mut Open,
        (name, kind, settings): (String, EnvironmentKind, Settings),
        key: ApiKey,
    ) -> Result<Done, Refusal> {
        if !Environment::is_name(&name) {
            return Err(Refusal::EnvironmentNameInvalid);
        }
        if self.working.realm().find_environment(&name).is_some() {
            return Err(Refusal::AlreadyExists(name));
        }
        let env = self.next_environment()?;
        let key = ApiKey { env, ..key };
        self.check_key(&key)?;
        self.make_environment(open, env, name, kind);
        self.change_catalog(open, env, &CatalogCommand::Set(settings))?;
        self.make_key(open, key);
        Ok(Done { environment: Some(env), ..Done::default() })
    }

    pub(super) fn create_key(&mut self, open: &mut Open, key: ApiKey) -> Result<Done, Refusal> {
        if self.working.realm().keys.contains_key(&key.digest) {
            return Err(Refusal::ApiKeyExists);
        }
        self.check_key(&key)?;
        let env = key.env;
        self.make_key(open, key);
        Ok(Done { environment: Some(env), ..Done::default() })
    }

    pub(super) fn revoke_key(
        &mut self,
        open: &mut Open,
        env: EnvId,
        number: KeyNo,
    ) -> Result<Done, Refusal> {
        let realm = self.working.realm();
        let known = realm.find_key(number).filter(|key| key.env == env);
        let known = known.ok_or(Refusal::ApiKeyNotFound)?;
        if known.is_live() {
            let (revoked_at, revoked_by) = (Some(self.now), Some(open.by.clone()));
            let key = ApiKey { revoked_at, revoked_by, ..known.clone() };
            self.fold_realm(open, &RealmChange::ApiKey(key), self.now);
        }
        Ok(Done { environment: Some(env), ..Done::default() })
    }

    /// Makes the first operator.
    pub(super) fn set_up_operator(
        &mut self,
        open: &mut Open,
        operator: Operator,
    ) -> Result<Done, Refusal> {
        if !self.working.realm().operators.is_empty() {
            return Err(Refusal::AlreadySetUp);
        }
        let operator = Operator { created_at: self.now, changed_at: self.now, ..operator };
        self.fold_realm(open, &RealmChange::Operator(operator), self.now);
        Ok(Done::default())
    }

    pub(super) fn set_password(
        &mut self,
        open: &mut Open,
        operator: Operator,
    ) -> Result<Done, Refusal> {
        let realm = self.working.realm();
        let known = realm.operators.get(&operator.name).ok_or(Refusal::OperatorNotFound)?;
        let created_at = known.created_at;
        let operator = Operator { created_at, changed_at: self.now, ..operator };
        self.fold_realm(open, &RealmChange::Operator(operator), self.now);
        Ok(Done::default())
    }

    /// The number of the next environment; the first one is always production's.
    fn next_environment(&self) -> Result<EnvId, Refusal> {
        let realm = self.working.realm();
        if realm.environments.len() >= ENVIRONMENTS_MAX {
            return Err(Refusal::LimitReached { what: "environments", max: ENVIRONMENTS_MAX });
        }
        let last = realm.environments.keys().next_back().copied().unwrap_or(PRODUCTION);
        Ok(EnvId(last.0 + 1))
    }

    /// A key opens one environment for ever.
    fn check_key(&self, key: &ApiKey) -> Result<(), Refusal> {
        if key.name.chars().count() > API_KEY_NAME_MAX || key.name.chars().any(char::is_control) {
            return Err(Refusal::ApiKeyNameInvalid);
        }
        if key.rights.manages_environments && key.scope != Scope::Full {
            return Err(Refusal::ApiKeyScopeTooNarrow);
        }
        let realm = self.working.realm();
        match realm.keys.get(&key.digest) {
            Some(known) if known.env != key.env => Err(Refusal::ApiKeyExists),
            None if realm.keys.len() >= API_KEYS_MAX => {
                Err(Refusal::LimitReached { what: "API keys", max: API_KEYS_MAX })
            }
            Some(_) | None => Ok(()),
        }
    }

    fn make_environment(
        &mut self,
        open: &mut Open,
        env: EnvId,
        name: String,
        kind: EnvironmentKind,
    ) {
        let environment = Environment::new(env, name, kind, self.now);
        self.fold_realm(open, &RealmChange::Environment(environment), self.now);
    }

    /// Makes a key where it is missing, or gives it rights that it lacks. A revoked one stays so.
    fn make_key(&mut self, open: &mut Open, key: ApiKey) {
        let realm = self.working.realm();
        let made = match realm.keys.get(&key.digest) {
            None => {
                let (created_at, created_by) = (self.now, Some(open.by.clone()));
                ApiKey { created_at, created_by, number: realm.next_key_number(), ..key }
            }
            Some(known) if known.is_live() && known.scope == Scope::Full => {
                let manages_environments = key.rights.manages_environments;
                if known.rights.manages_environments || !manages_environments {
                    return;
                }
                ApiKey { rights: key.rights, ..known.clone() }
            }
            Some(_) => return,
        };
        self.fold_realm(open, &RealmChange::ApiKey(made), self.now);
    }

    /// Freezes a clock, or advances a frozen one. The due follows in slices.
    pub(super) fn freeze_clock(
        &mut self,
        open: &mut Open,
        env: EnvId,
        at: Timestamp,
    ) -> Result<Done, Refusal> {
        let realm = Arc::clone(self.working.realm());
        let environment = sandbox(realm.environments.get(&env))?;
        let last = Timestamp::MAX.plus_seconds(-CLOCK_MARGIN_SECONDS);
        if at < Timestamp::EPOCH || at > last {
            return Err(Refusal::ClockOutOfRange(last));
        }
        let is_free = !environment.was_frozen() && !self.working.has_customers(env);
        let now = environment.now(self.now);
        if at < now && !is_free {
            return Err(Refusal::ClockBackwards(now));
        }
        self.set_clock(open, environment, Some(at));
        Ok(Done { environment: Some(env), ..Done::default() })
    }

    pub(super) fn release_clock(&mut self, open: &mut Open, env: EnvId) -> Result<Done, Refusal> {
        let realm = Arc::clone(self.working.realm());
        let environment = sandbox(realm.environments.get(&env))?;
        if let Some(frozen_at) = environment.frozen_at.filter(|at| *at > self.now) {
            return Err(Refusal::ClockAhead(frozen_at));
        }
        self.set_clock(open, environment, None);
        Ok(Done { environment: Some(env), ..Done::default() })
    }

    fn set_clock(
        &mut self,
        open: &mut Open,
        environment: &Environment,
        frozen_at: Option<Timestamp>,
    ) {
        if environment.frozen_at != frozen_at {
            let change = ClockChange { env: environment.id, at: self.now, frozen_at };
            self.fold_realm(open, &RealmChange::Clock(change), self.now);
        }
    }

    pub(super) fn change_catalog(
        &mut self,
        open: &mut Open,
        env: EnvId,
        command: &CatalogCommand,
    ) -> Result<(), Refusal> {
        let now = self.now_in(env);
        let realm = self.working.realm();
        let changes = catalog::decide(realm.catalog(env), command, now)?;
        for change in changes {
            let change = RealmChange::Catalog(Box::new(EnvChange { env, change }));
            self.fold_realm(open, &change, now);
        }
        Ok(())
    }

    /// Where a package that was just published is to reach those who have subscribed to an earlier
    /// version, a task brings them to it.
    pub(super) fn bring_along(
        &mut self,
        open: &mut Open,
        env: EnvId,
        package: &PackageKey,
        migration: Migration,
    ) -> Done {
        let realm = self.working.realm();
        let published = &realm.catalog(env).packages[package];
        let version = published.latest().expect("it was just published").version;
        let is_used = published.subscribed_version.is_some();
        let migrates = is_used && migration == Migration::AllCustomers;
        let kind = TaskKind::Migrate { package: package.clone(), version };
        let task = migrates.then(|| self.begin_task(open, env, kind));
        Done { task, ..Done::default() }
    }

    pub(super) fn fold_realm(&mut self, open: &mut Open, change: &RealmChange, at: Timestamp) {
        open.fold_realm(&mut self.working, &mut self.flusher, change, at);
    }
}

fn sandbox(environment: Option<&Environment>) -> Result<&Environment, Refusal> {
    let is_sandbox = |found: &&Environment| found.kind == EnvironmentKind::Sandbox;
    environment.filter(is_sandbox).ok_or(Refusal::ClockFixed)
}
