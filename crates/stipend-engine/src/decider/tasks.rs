//! Tasks: long work over the customers of an environment or the items of a list, in slices. A task is journalled when it
//! begins and when it has ended; in between nothing is kept, since doing a step again changes
//! nothing.

use super::Decider;
use crate::batch::Open;
use crate::command::Refusal;
use crate::limits::{SLOT_FIRST, TASK_FAILURES_MAX};
use crate::realm::RealmChange;
use crate::task::{Task, TaskEnd, TaskKind};
use stipend_core::customer::{CustomerCommand, ProvisionRequest};
use stipend_core::{CustomerId, EnvId};

/// How far a task is.
pub(crate) struct TaskWalk {
    task: Task,
    /// The next step: a slot, or the place of an item.
    next: u32,
    /// The step behind the last one.
    end: u32,
    done: u64,
    failed: Vec<(String, String)>,
    /// The batch of its last step.
    stepped_in: Option<u64>,
}

impl TaskWalk {
    /// Whether only its end is left, and must not stand in the open batch with its last steps: who
    /// sees that it has ended sees all that it did, so its end is published later.
    fn waits_to_end(&self, open: &Open) -> bool {
        self.next >= self.end && self.stepped_in == Some(open.number()) && !open.is_empty()
    }
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

    /// Whether there is a task to go on with before the open batch is committed.
    pub(super) fn has_task(&self, open: &Open) -> bool {
        match &self.slices.walk {
            Some(walk) => !walk.waits_to_end(open),
            None => self.working.realm().tasks.first_unfinished().is_some(),
        }
    }

    /// Does a slice of the task that is under way, or begins with the oldest one.
    pub(super) fn go_on_with_task(&mut self, open: &mut Open) {
        let Some(mut walk) = self.slices.walk.take().or_else(|| self.start_walk()) else { return };
        let mut budget = self.budget();
        while walk.next < walk.end {
            if !self.may_go_on(&mut budget, open) {
                self.slices.walk = Some(walk);
                return;
            }
            self.do_step(open, &mut walk);
        }
        if walk.waits_to_end(open) {
            self.slices.walk = Some(walk);
            return;
        }
        let TaskWalk { task, done, failed, .. } = walk;
        let end = TaskEnd { id: task.id, at: self.now_in(task.env), done, failed };
        self.fold_realm(open, &RealmChange::TaskEnded(end), self.now);
    }

    fn start_walk(&self) -> Option<TaskWalk> {
        let task = self.working.realm().tasks.first_unfinished()?.clone();
        let (next, end) = match &task.kind {
            TaskKind::Migrate { .. } => (SLOT_FIRST, task.slots_end),
            TaskKind::Import { items } => (0, u32::try_from(items.len()).unwrap_or(u32::MAX)),
        };
        Some(TaskWalk { task, next, end, done: 0, failed: Vec::new(), stepped_in: None })
    }

    fn do_step(&mut self, open: &mut Open, walk: &mut TaskWalk) {
        let number = walk.next;
        walk.next += 1;
        walk.stepped_in = Some(open.number());
        let env = walk.task.env;
        let (id, outcome) = match &walk.task.kind {
            TaskKind::Migrate { package, version } => {
                let Some(customer) = self.migrates(env, number) else { return };
                let command = CustomerCommand::MigrateTo(package.clone(), *version);
                (customer, self.change_customer(open, env, number, &command).map(|_| ()))
            }
            TaskKind::Import { items } => {
                let (customer, request) = &items[number as usize];
                (request.id.to_string(), self.import(open, env, customer, request))
            }
        };
        walk.done += 1;
        if let Err(refusal) = outcome
            && walk.failed.len() < TASK_FAILURES_MAX
        {
            walk.failed.push((id, refusal.to_string()));
        }
    }

    /// The id of the customer in a slot, where a migration concerns it: the subscriptions of an
    /// archived one have ended.
    fn migrates(&self, env: EnvId, slot: u32) -> Option<String> {
        let account = self.working.account(slot)?;
        let profile = &account.customer.profile;
        let concerns = profile.env == env && profile.archived_at.is_none();
        concerns.then(|| profile.id.to_string())
    }

    /// Provisions a subscription; one that its customer has already is done.
    fn import(
        &mut self,
        open: &mut Open,
        env: EnvId,
        customer: &CustomerId,
        request: &ProvisionRequest,
    ) -> Result<(), Refusal> {
        let found = self.working.find_customer(env, customer);
        let slot = found.ok_or_else(|| Refusal::CustomerNotFound(customer.clone()))?;
        match self.working.find_subscription(env, &request.id) {
            Some(holder) if holder == slot => Ok(()),
            Some(_) => Err(Refusal::AlreadyExists(request.id.to_string())),
            None => {
                let command = CustomerCommand::Provision(Box::new(request.clone()));
                self.change_customer(open, env, slot, &command).map(|_| ())
            }
        }
    }
}
