//! Tasks: long work over all customers of an environment, in slices. A task is journalled when it
//! begins and when it has ended; in between nothing is kept, since doing a step again changes
//! nothing.

use super::Decider;
use crate::batch::Open;
use crate::command::Refusal;
use crate::limits::{SLOT_FIRST, TASK_FAILURES_MAX};
use crate::realm::RealmChange;
use crate::task::{Task, TaskEnd, TaskKind};
use stipend_core::EnvId;

/// How far a task is.
pub(crate) struct TaskWalk {
    task: Task,
    next_slot: u32,
    done: u64,
    failed: Vec<(String, String)>,
}

impl Decider {
    /// Begins a task over the customers that the environment has now; gives its number.
    pub(super) fn begin_task(&mut self, open: &mut Open, env: EnvId, kind: TaskKind) -> u64 {
        let id = self.working.realm().tasks.next_id();
        let task = Task {
            id,
            env,
            kind,
            slots_end: self.next_slot,
            created_at: self.now_in(env),
            finished_at: None,
            done: 0,
            failed: Vec::new(),
        };
        self.fold_realm(open, &RealmChange::TaskBegun(task), self.now);
        id
    }

    pub(super) fn has_task(&self) -> bool {
        self.slices.walk.is_some() || self.working.realm().tasks.first_unfinished().is_some()
    }

    /// Does a slice of the task that is under way, or begins with the oldest one.
    pub(super) fn go_on_with_task(&mut self, open: &mut Open) {
        let Some(mut walk) = self.slices.walk.take().or_else(|| self.start_walk()) else { return };
        let mut budget = self.budget();
        while walk.next_slot < walk.task.slots_end {
            if !self.may_go_on(&mut budget, open) {
                self.slices.walk = Some(walk);
                return;
            }
            self.do_step(open, &mut walk);
        }
        let TaskWalk { task, done, failed, .. } = walk;
        let end = TaskEnd { id: task.id, at: self.now_in(task.env), done, failed };
        self.fold_realm(open, &RealmChange::TaskEnded(end), self.now);
    }

    fn start_walk(&self) -> Option<TaskWalk> {
        let task = self.working.realm().tasks.first_unfinished()?.clone();
        Some(TaskWalk { task, next_slot: SLOT_FIRST, done: 0, failed: Vec::new() })
    }

    fn do_step(&mut self, open: &mut Open, walk: &mut TaskWalk) {
        let slot = walk.next_slot;
        walk.next_slot += 1;
        let Some(account) = self.working.account(slot) else { return };
        let profile = &account.customer.profile;
        if profile.env != walk.task.env {
            return;
        }
        walk.done += 1;
        if let Err(refusal) = self.step(open, slot, &walk.task)
            && walk.failed.len() < TASK_FAILURES_MAX
        {
            walk.failed.push((profile.id.to_string(), refusal.to_string()));
        }
    }

    /// What a task does for one customer; doing it again must change nothing.
    fn step(&mut self, open: &mut Open, slot: u32, task: &Task) -> Result<(), Refusal> {
        match &task.kind {
            TaskKind::Migrate { .. } => {
                self.roll(open, slot);
                Ok(())
            }
        }
    }
}
