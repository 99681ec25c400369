//! Commands to customers for whom much is due. Nothing is decided on a customer who is not rolled
//! to now, and neither may one batch take centuries of one customer: so a command does itself what
//! is due up to a limit, and beyond that it waits for the slices.

use super::request::Work;
use super::{Decider, Request};
use crate::batch::Open;
use crate::command::Command;
use crate::limits::COMMAND_INSTANTS_MAX;
use stipend_core::EnvId;

/// A request that waits until everything due was done for a customer.
pub(super) struct Behind {
    /// The customer.
    pub(super) slot: u32,
    pub(super) request: Request,
}

impl Decider {
    /// Does what is due for the customers that a command is about, as far as a command may; gives
    /// the first for whom there is more.
    pub(super) fn catch_up_for(&mut self, open: &mut Open, env: EnvId, work: &Work) -> Option<u32> {
        if !self.has_due(env) {
            return None;
        }
        let mut instants = COMMAND_INSTANTS_MAX;
        for nth in 0..work.items() {
            let Some(slot) = self.concerned(env, work, nth) else { continue };
            while self.is_behind(env, slot) {
                if instants == 0 || !open.has_room() {
                    return Some(slot);
                }
                instants -= 1;
                self.roll_instant(open, env, slot);
            }
        }
        None
    }

    /// The customer of the environment that is rolled before the nth item of a command is decided.
    fn concerned(&self, env: EnvId, work: &Work, nth: usize) -> Option<u32> {
        let named = |id| self.working.find_customer(env, id);
        let command = match work {
            Work::Consume(items) => return named(&items[nth].customer),
            Work::Report(items) => return named(&items[nth].customer),
            Work::Other(command) => command,
        };
        let slot = match &**command {
            Command::Customer(id, _) => named(id),
            Command::Subscription(id, _) => self.working.find_subscription(env, id),
            Command::Reverse(reversing) => Some(reversing.slot.0),
            Command::VoidGrant(slot, _) | Command::CatchUp(slot) => Some(slot.0),
            _ => None,
        };
        let account = slot.and_then(|slot| self.working.account(slot));
        let is_here = account.is_some_and(|account| account.customer.profile.env == env);
        slot.filter(|_| is_here)
    }

    /// Whether anything is due for a customer of an environment.
    pub(super) fn is_behind(&self, env: EnvId, slot: u32) -> bool {
        let account = self.working.account(slot);
        let due = account.and_then(|account| account.customer.next_due);
        due.is_some_and(|due| due <= self.now_in(env))
    }

    /// The customer of an environment whose turn it is: first those for whom a command waits.
    pub(super) fn next_behind(&self, env: EnvId) -> Option<u32> {
        let now = self.now_in(env);
        let mut awaited = self.parking.awaited(env);
        awaited.find(|slot| self.is_behind(env, *slot)).or_else(|| {
            let first = self.working.due().first(env);
            first.filter(|(due, _)| *due <= now).map(|(_, slot)| slot)
        })
    }

    /// Decides those for whose customers everything due was done, as far as the batch has room.
    pub(super) fn take_caught_up(&mut self, open: &mut Open) {
        for Behind { slot, request } in self.parking.take_behind() {
            let env = request.order.env;
            let waits_for = if open.has_room() && !self.is_behind(env, slot) {
                open.now = self.now;
                self.catch_up_for(open, env, &request.order.work)
            } else {
                Some(slot)
            };
            match waits_for {
                Some(slot) => self.parking.wait_behind(Behind { slot, request }),
                None => self.carry_out(open, request),
            }
        }
    }
}
