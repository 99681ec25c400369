//! Requests that wait for what is due: a catalog changes when everything before it has happened in
//! its environment, who sets a clock is answered when everything up to it has happened, and a
//! command to a customer who is far behind is decided when that customer is not.

use super::behind::Behind;
use super::request::{Order, Work};
use super::{Decider, Request};
use crate::batch::{Open, Waiter};
use crate::command::{Command, Refusal, Reply};
use crate::limits::PARKED_MAX;
use std::collections::{BTreeSet, VecDeque};
use stipend_core::{EnvId, Timestamp};

/// All who wait.
#[derive(Default)]
pub(crate) struct Parking {
    /// Not decided yet, in the order in which they came.
    requests: VecDeque<Request>,
    /// Not decided yet, because too much is due for a customer.
    behind: VecDeque<Behind>,
    /// Decided, and answered when the due is done.
    answers: Vec<Parked>,
}

struct Parked {
    env: EnvId,
    until: Timestamp,
    waiter: Waiter,
    reply: Reply,
}

impl Parking {
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn is_full(&self) -> bool {
        self.len() >= PARKED_MAX
    }

    fn len(&self) -> usize {
        self.requests.len() + self.behind.len() + self.answers.len()
    }

    pub(super) fn wait_behind(&mut self, behind: Behind) {
        self.behind.push_back(behind);
    }

    pub(super) fn take_behind(&mut self) -> VecDeque<Behind> {
        std::mem::take(&mut self.behind)
    }

    /// The customers of an environment for whom a command waits.
    pub(super) fn awaited(&self, env: EnvId) -> impl Iterator<Item = u32> {
        let behind = self.behind.iter();
        behind.filter(move |behind| behind.request.order.env == env).map(|behind| behind.slot)
    }

    fn has_request_in(&self, env: EnvId) -> bool {
        self.requests.iter().any(|request| request.order.env == env)
            || self.awaited(env).next().is_some()
    }

    /// Refuses who was not decided on, and who waits for an answer.
    pub(super) fn refuse_all(&mut self, undecided: &Refusal, decided: &Refusal) {
        let behind = self.behind.drain(..).map(|behind| behind.request);
        let requests = self.requests.drain(..).chain(behind);
        let requests = requests.map(|request| (request.waiter, undecided));
        let answers = self.answers.drain(..).map(|parked| (parked.waiter, decided));
        for (waiter, refusal) in requests.chain(answers) {
            // Who no longer waits does not want to know.
            let _ = waiter.send(Err(refusal.clone()));
        }
    }
}

/// Whether a command is answered only when everything due is done.
fn awaits_due(work: &Work) -> bool {
    matches!(
        work.other(),
        Some(Command::FreezeClock(_) | Command::ReleaseClock | Command::CatchUpAll)
    )
}

impl Decider {
    /// Decides a request, or parks it.
    pub(super) fn take_one(&mut self, open: &mut Open, request: Request) {
        let Order { env, ref work, .. } = request.order;
        let must_wait = match work.other() {
            Some(Command::Catalog(_)) => self.parking.has_request_in(env) || self.has_due(env),
            Some(Command::FreezeClock(_) | Command::ReleaseClock) => {
                self.parking.has_request_in(env)
            }
            _ => false,
        };
        let behind = self.catch_up_for(open, env, work);
        let may_park = must_wait || behind.is_some() || awaits_due(work);
        if may_park && self.parking.is_full() {
            open.wait(request.waiter, Err(Refusal::Overloaded));
        } else if let Some(slot) = behind {
            self.slices.resume();
            self.parking.wait_behind(Behind { slot, request });
        } else if must_wait {
            self.slices.resume();
            self.parking.requests.push_back(request);
        } else {
            self.carry_out(open, request);
        }
    }

    pub(super) fn carry_out(&mut self, open: &mut Open, Request { order, waiter }: Request) {
        let env = order.env;
        let awaits_due = awaits_due(&order.work);
        match self.decide(open, order) {
            Ok(reply) if awaits_due => {
                self.slices.resume();
                let until = self.now_in(env);
                self.parking.answers.push(Parked { env, until, waiter, reply });
            }
            answer => open.wait(waiter, answer),
        }
    }

    pub(super) fn has_due(&self, env: EnvId) -> bool {
        self.working.due().has_due(env, self.now_in(env))
    }

    /// Answers and decides those for whom the due is done. Answers go into the open batch, which
    /// is committed after all that they waited for.
    pub(super) fn answer_parked(&mut self, open: &mut Open) {
        if self.parking.is_empty() {
            return;
        }
        for parked in std::mem::take(&mut self.parking.answers) {
            if open.has_room() && !self.working.due().has_due(parked.env, parked.until) {
                open.wait(parked.waiter, Ok(parked.reply));
            } else {
                self.parking.answers.push(parked);
            }
        }
        self.take_caught_up(open);
        let behind = self.parking.behind.iter();
        let mut behind: BTreeSet<_> = behind.map(|behind| behind.request.order.env).collect();
        for request in std::mem::take(&mut self.parking.requests) {
            let env = request.order.env;
            if open.has_room() && !behind.contains(&env) && !self.has_due(env) {
                open.now = self.now;
                self.carry_out(open, request);
            } else {
                behind.insert(env);
                self.parking.requests.push_back(request);
            }
        }
    }
}
