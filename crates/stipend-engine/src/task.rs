//! Long work that is journalled when it begins and when it has ended, and resumed in between.

use crate::limits::TASKS_KEPT;
use std::collections::BTreeMap;
use stipend_core::customer::ProvisionRequest;
use stipend_core::{CustomerId, EnvId, PackageKey, Timestamp};
use stipend_store::codec::{CodecError, Decode, Encode, Reader, Writer};
use stipend_store::{choice, record};

/// What a task does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskKind {
    /// Brings every subscription of the environment's customers to a version of a package.
    Migrate {
        /// The package.
        package: PackageKey,
        /// The version.
        version: u32,
    },
    /// Provisions subscriptions that were kept elsewhere, in order.
    Import {
        /// What is asked for which customer.
        items: Vec<(CustomerId, ProvisionRequest)>,
    },
}

/// A walk over all customers that an environment had when the task was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its number, from 1 without gap over all environments.
    pub id: u64,
    /// Its environment.
    pub env: EnvId,
    /// What it does.
    pub kind: TaskKind,
    /// The first slot of a customer that was made later.
    pub slots_end: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it had ended.
    pub finished_at: Option<Timestamp>,
    /// How many customers it has looked at, once it has ended.
    pub done: u64,
    /// Customers for which it was refused, with the reasons; only the first ones.
    pub failed: Vec<(String, String)>,
}

/// The end of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskEnd {
    /// The task.
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// How many customers it has looked at.
    pub done: u64,
    /// Customers for which it was refused, with the reasons; only the first ones.
    pub failed: Vec<(String, String)>,
}

/// All tasks that have not ended, and the last ones that have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tasks {
    by_id: BTreeMap<u64, Task>,
    last_id: u64,
}

choice!(TaskKind { 1 => Migrate { 1 => package, 2 => version }, 2 => Import { 1 => items } });
record!(Task {
    1 => id, 2 => env, 3 => kind, 4 => slots_end, 5 => created_at, 6 => finished_at, 7 => done,
    8 => failed
});
record!(TaskEnd { 1 => id, 2 => at, 3 => done, 4 => failed });

impl Tasks {
    /// The number of the next task.
    #[must_use]
    pub fn next_id(&self) -> u64 {
        self.last_id + 1
    }

    /// The task with that number.
    #[must_use]
    pub fn find(&self, id: u64) -> Option<&Task> {
        self.by_id.get(&id)
    }

    /// All that are known, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Task> {
        self.by_id.values()
    }

    /// The oldest that has not ended.
    #[must_use]
    pub fn first_unfinished(&self) -> Option<&Task> {
        self.iter().find(|task| task.finished_at.is_none())
    }

    pub(crate) fn begin(&mut self, task: &Task) {
        assert_eq!(task.id, self.next_id(), "tasks are numbered without gap");
        self.last_id = task.id;
        self.by_id.insert(task.id, task.clone());
    }

    pub(crate) fn end(&mut self, end: &TaskEnd) {
        let task = self.by_id.get_mut(&end.id).expect("a task ends that was begun");
        task.finished_at = Some(end.at);
        task.done = end.done;
        task.failed.clone_from(&end.failed);
        // What it was about has been done, and may be long.
        if let TaskKind::Import { items } = &mut task.kind {
            items.clear();
        }
        let finished = self.iter().filter(|task| task.finished_at.is_some());
        let ids: Vec<u64> = finished.map(|task| task.id).collect();
        for id in ids.iter().take(ids.len().saturating_sub(TASKS_KEPT)) {
            self.by_id.remove(id);
        }
    }
}

/// As a field that came later, it is left out where there never was a task.
impl Encode for Tasks {
    fn encode(&self, writer: &mut Writer) {
        self.last_id.encode(writer);
        self.by_id.encode(writer);
    }

    fn is_omitted(&self) -> bool {
        self.last_id == 0
    }
}

impl Decode for Tasks {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self { last_id: u64::decode(reader)?, by_id: BTreeMap::decode(reader)? })
    }

    fn omitted() -> Option<Self> {
        Some(Self::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_finished_tasks_make_room_and_numbers_are_not_used_again() {
        let mut tasks = Tasks::default();
        let package = PackageKey::plan(stipend_core::examples::plan());
        for id in 1..=TASKS_KEPT as u64 + 3 {
            assert_eq!(tasks.next_id(), id);
            tasks.begin(&Task {
                id,
                env: EnvId(1),
                kind: TaskKind::Migrate { package: package.clone(), version: 2 },
                slots_end: 64,
                created_at: Timestamp::EPOCH,
                finished_at: None,
                done: 0,
                failed: Vec::new(),
            });
            // The first one never ends.
            if id > 1 {
                tasks.end(&TaskEnd { id, at: Timestamp::EPOCH, done: 1, failed: Vec::new() });
            }
        }
        let kept: Vec<u64> = tasks.iter().map(|task| task.id).collect();
        assert_eq!((kept.len(), &kept[..3]), (TASKS_KEPT + 1, &[1, 4, 5][..]));
        assert_eq!(tasks.first_unfinished().map(|task| task.id), Some(1));
        let bytes = stipend_store::codec::to_bytes(&tasks);
        assert_eq!(stipend_store::codec::from_bytes(&bytes), Ok(tasks));
    }
}
