//! Environments with their clocks and catalogs, and the API keys that open them.

use crate::api_key::{ApiKey, KeyNo};
use crate::limits::ENVIRONMENT_NAME_MAX;
use crate::operator::Operator;
use crate::task::{Task, TaskEnd, Tasks};
use std::collections::BTreeMap;
use std::sync::Arc;
use stipend_core::catalog::{Catalog, CatalogChange};
use stipend_core::{EnvId, Timestamp};
use stipend_store::{Seq, choice, record};

/// The environment that every account has.
pub const PRODUCTION: EnvId = EnvId(1);

/// The name of the environment that [`crate::Command::OpenSandbox`] makes.
pub const SANDBOX_NAME: &str = "sandbox";

/// What an environment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvironmentKind {
    /// Real customers; it lives on the wall clock.
    Production,
    /// Tests; its clock can be frozen and advanced.
    Sandbox,
}

/// The clock of an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvironmentClock {
    /// The wall clock.
    Wall,
    /// It stands still at this instant until it is advanced or released.
    Frozen(Timestamp),
}

/// One environment; nothing refers across.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Its number.
    pub id: EnvId,
    /// Its name, unique.
    pub name: String,
    /// What it is for.
    pub kind: EnvironmentKind,
    /// When it was made, on the wall clock.
    pub created_at: Timestamp,
    /// Its catalog.
    pub catalog: Arc<Catalog>,
    /// The instant at which its clock stands still; on the wall clock where absent.
    pub frozen_at: Option<Timestamp>,
    /// When its clock was last released, on the wall clock.
    pub released_at: Option<Timestamp>,
}

impl Environment {
    /// An environment on the wall clock, with an empty catalog.
    #[must_use]
    pub fn new(id: EnvId, name: String, kind: EnvironmentKind, created_at: Timestamp) -> Self {
        let catalog = Arc::new(Catalog::default());
        Self { id, name, kind, created_at, catalog, frozen_at: None, released_at: None }
    }

    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> EnvironmentClock {
        self.frozen_at.map_or(EnvironmentClock::Wall, EnvironmentClock::Frozen)
    }

    /// Its effective now while the wall clock shows that.
    #[must_use]
    pub fn now(&self, wall: Timestamp) -> Timestamp {
        self.frozen_at.unwrap_or(wall)
    }

    /// Whether its clock was ever frozen.
    #[must_use]
    pub fn was_frozen(&self) -> bool {
        self.frozen_at.is_some() || self.released_at.is_some()
    }

    /// Whether a text can be the name of an environment: letters and digits, and between them
    /// `-`, `_` and `.`.
    #[must_use]
    pub fn is_name(text: &str) -> bool {
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_outer = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        text.len() <= ENVIRONMENT_NAME_MAX
            && text.bytes().all(is_inner)
            && is_outer(text.as_bytes().first())
            && is_outer(text.as_bytes().last())
    }
}

/// One change of the realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RealmChange {
    /// An environment came to be, with an empty catalog.
    Environment(Environment),
    /// A key came to be, or changed.
    ApiKey(ApiKey),
    /// A catalog changed.
    Catalog(Box<EnvChange>),
    /// The clock of an environment was set.
    Clock(ClockChange),
    /// A task began.
    TaskBegun(Task),
    /// A task ended.
    TaskEnded(TaskEnd),
    /// An operator came to be, or changed.
    Operator(Operator),
}

/// A change of the catalog of one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvChange {
    /// The environment.
    pub env: EnvId,
    /// The change.
    pub change: CatalogChange,
}

/// A change of the clock of one environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockChange {
    /// The environment.
    pub env: EnvId,
    /// When, on the wall clock.
    pub at: Timestamp,
    /// The instant at which it stands still now; released to the wall clock where absent.
    pub frozen_at: Option<Timestamp>,
}

/// All environments, keys and tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Realm {
    /// Environments by number.
    pub environments: BTreeMap<EnvId, Environment>,
    /// Keys by hash.
    pub keys: BTreeMap<[u8; 32], ApiKey>,
    /// Tasks.
    pub tasks: Tasks,
    /// Who may use the dashboard, by name.
    pub operators: BTreeMap<String, Operator>,
    /// The position of its last change, 0 before the first: each row of a change leads to the one
    /// before.
    pub last_change: Seq,
}

choice!(EnvironmentKind { 1 => Production, 2 => Sandbox });
record!(Environment {
    1 => id, 2 => name, 3 => kind, 4 => created_at, 5 => catalog, 6 => frozen_at,
    7 => released_at
});
record!(EnvChange { 1 => env, 2 => change });
record!(ClockChange { 1 => env, 2 => at, 3 => frozen_at });
choice!(RealmChange {
    1 => Environment(Environment), 2 => ApiKey(ApiKey), 3 => Catalog(Box<EnvChange>),
    4 => Clock(ClockChange), 5 => TaskBegun(Task), 6 => TaskEnded(TaskEnd),
    7 => Operator(Operator)
});
record!(Realm {
    1 => environments, 2 => keys, 3 => tasks, 4 => operators or default,
    5 => last_change or default
});

impl Realm {
    /// Folds the change that stands at a position; answers where the one before it stands.
    ///
    /// # Panics
    /// As [`Realm::apply`].
    pub(crate) fn append(&mut self, seq: Seq, change: &RealmChange) -> Seq {
        self.apply(change);
        std::mem::replace(&mut self.last_change, seq)
    }

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
                // Keys that are older than numbers are numbered in the order of their rows.
                let is_numbered = key.number > KeyNo::default();
                let number = if is_numbered { key.number } else { self.next_key_number() };
                self.keys.insert(key.digest, ApiKey { number, ..key.clone() });
            }
            RealmChange::Catalog(changed) => {
                let EnvChange { env, change } = changed.as_ref();
                Arc::make_mut(&mut self.environment_mut(*env).catalog).apply(change);
            }
            RealmChange::Clock(change) => {
                let environment = self.environment_mut(change.env);
                environment.frozen_at = change.frozen_at;
                if change.frozen_at.is_none() {
                    environment.released_at = Some(change.at);
                }
            }
            RealmChange::TaskBegun(task) => {
                assert!(self.environments.contains_key(&task.env), "a task has an environment");
                self.tasks.begin(task);
            }
            RealmChange::TaskEnded(end) => self.tasks.end(end),
            RealmChange::Operator(operator) => {
                self.operators.insert(operator.name.clone(), operator.clone());
            }
        }
    }

    fn environment_mut(&mut self, env: EnvId) -> &mut Environment {
        self.environments.get_mut(&env).expect("its environment exists")
    }

    /// The number that the next key has.
    #[must_use]
    pub(crate) fn next_key_number(&self) -> KeyNo {
        KeyNo(self.keys.values().map(|key| key.number.0).max().unwrap_or(0) + 1)
    }

    /// The key of that number.
    #[must_use]
    pub fn find_key(&self, number: KeyNo) -> Option<&ApiKey> {
        self.keys.values().find(|key| key.number == number)
    }

    /// The environment with that name.
    #[must_use]
    pub fn find_environment(&self, name: &str) -> Option<&Environment> {
        self.environments.values().find(|environment| environment.name == name)
    }

    /// The effective now of an environment while the wall clock shows that.
    #[must_use]
    pub fn now(&self, env: EnvId, wall: Timestamp) -> Timestamp {
        self.environments.get(&env).map_or(wall, |environment| environment.now(wall))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_environments_are_plain() {
        for name in ["production", "a", "team-1_x.y", "9"] {
            assert!(Environment::is_name(name), "{name}");
        }
        let long = "a".repeat(ENVIRONMENT_NAME_MAX + 1);
        for text in ["", "-a", "a-", "a b", "é", "a/b", &long] {
            assert!(!Environment::is_name(text), "{text}");
        }
    }
}
