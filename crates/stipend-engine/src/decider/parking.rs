//! Requests that wait for the due of their environment: a catalog changes when everything before
//! it has happened, and who sets a clock is answered when everything up to it has happened.

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
        self.requests.is_empty() && self.answers.is_empty()
    }

    fn is_full(&self) -> bool {
        self.requests.len() + self.answers.len() >= PARKED_MAX
    }

    fn has_request_in(&self, env: EnvId) -> bool {
        self.requests.iter().any(|request| request.order.env == env)
    }

    /// Refuses who was not decided on, and who waits for an answer.
    pub(super) fn refuse_all(&mut self, undecided: &Refusal, decided: &Refusal) {
        let requests = self.requests.drain(..).map(|request| (request.waiter, undecided));
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
        let may_park = must_wait || awaits_due(work);
        if may_park && self.parking.is_full() {
            open.wait(request.waiter, Err(Refusal::Overloaded));
        } else if must_wait {
            self.slices.resume();
            self.parking.requests.push_back(request);
        } else {
            self.carry_out(open, request);
        }
    }

    fn carry_out(&mut self, open: &mut Open, Request { order, waiter }: Request) {
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

    fn has_due(&self, env: EnvId) -> bool {
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
        let mut behind = BTreeSet::new();
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
