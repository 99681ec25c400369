//! Looking at the customers of the next few requests before the first of them is decided.
//!
//! With many customers hardly anything of one is in a processor's caches, and each look at it waits
//! for the memory: its name, its key's place, its pools, their grants, and the copy that is written
//! over. Deciding looks at one after the other, each look depending on the one before. Here the
//! same looks are taken at several customers at once, and their waits pass side by side.

use super::{Decider, Request};
use crate::account::Chain;
use crate::key::ScopeHash;
use crate::limits::AHEAD_COMMANDS_MAX;
use std::collections::VecDeque;
use std::hint::black_box;
use stipend_core::customer::{Grant, SubscriptionTerms};

/// Requests that were taken from the queue, in their order.
#[derive(Default)]
pub(crate) struct Ahead {
    requests: VecDeque<Request>,
}

impl Ahead {
    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    pub(super) fn next(&mut self) -> Option<Request> {
        self.requests.pop_front()
    }
}

impl Decider {
    /// The next request, if one waits: of those that were taken, else of a new group out of the
    /// queue.
    pub(super) fn next_request(&mut self) -> Option<Request> {
        if self.ahead.is_empty() {
            let first = self.requests.try_recv().ok()?;
            self.ahead.requests.push_back(first);
            self.ahead.requests.extend(self.requests.try_iter().take(AHEAD_COMMANDS_MAX - 1));
            if self.ahead.requests.len() > 1 {
                self.look_ahead();
            }
        }
        self.ahead.next()
    }

    /// Looks at whom the first items of the group's commands are about.
    fn look_ahead(&self) {
        let firsts = self.ahead.requests.iter().filter_map(|Request { order, .. }| {
            let (customer, key) = order.work.first()?;
            Some((key.scope, self.working.find_customer(order.env, customer)))
        });
        self.look_at(firsts);
    }

    /// Follows what leads from one place to the next for all of a group, a step at a time: the
    /// keys and the pools of the customers in the slots. What it reads is of no use but for being
    /// near afterwards.
    pub(super) fn look_at(&self, group: impl Iterator<Item = (ScopeHash, Option<u32>)>) {
        let mut accounts = [[None; 2]; AHEAD_COMMANDS_MAX];
        let mut known = 0;
        for (pair, (scope, slot)) in accounts.iter_mut().zip(group) {
            known += usize::from(self.keys.knows(&scope));
            *pair = slot.map_or([None; 2], |slot| self.working.peek(slot));
        }
        let accounts = || accounts.iter().flatten().flatten();
        let pools = || accounts().flat_map(|account| &account.customer.pools);
        let chains = || accounts().flat_map(|account| &account.chains);
        let mut seen = accounts().fold(0, |seen, account| seen ^ account.own);
        seen = pools().fold(seen, |seen, pool| seen ^ pool.seq ^ pool.lapsed.len() as u64);
        let open = pools().flat_map(|pool| pool.live.open());
        seen = open.fold(seen, |seen, grant| seen ^ look_at(grant));
        seen = chains().fold(seen, |seen, chain| seen ^ look_at_chain(chain));
        black_box((known, seen));
    }

    /// As [`Self::look_at`], at what counts usage.
    pub(super) fn look_at_usage(&self, slots: impl Iterator<Item = Option<u32>>) {
        let mut accounts = [[None; 2]; AHEAD_COMMANDS_MAX];
        for (pair, slot) in accounts.iter_mut().zip(slots) {
            *pair = slot.map_or([None; 2], |slot| self.working.peek(slot));
        }
        let accounts = || accounts.iter().flatten().flatten();
        let subscriptions = || accounts().flat_map(|account| &account.customer.subscriptions);
        let usages = || accounts().flat_map(|account| &account.customer.usages);
        let chains = || accounts().flat_map(|account| &account.meter_chains);
        let mut seen = subscriptions().fold(0, |seen, it| seen ^ look_at_terms(&it.terms));
        seen = usages().fold(seen, |seen, usage| seen ^ usage.seq ^ usage.drawn.len() as u64);
        seen = chains().fold(seen, |seen, chain| seen ^ look_at_chain(chain));
        black_box(seen);
    }
}

/// The ends of a chain, and the first of its trees.
fn look_at_chain(chain: &Chain) -> u64 {
    chain.last ^ chain.trees.first().map_or(0, |tree| tree.1)
}

/// Something of each part of the terms that says what a customer has of a feature.
fn look_at_terms(terms: &SubscriptionTerms) -> u64 {
    let lists = terms.addons.len() ^ terms.quantities.len() ^ terms.plan.plan.as_str().len();
    let is_over = terms.has_begun ^ terms.ended.is_some();
    u64::from(terms.epoch) ^ lists as u64 ^ u64::from(is_over)
}

/// Something at both ends of a grant and in its midst.
fn look_at(grant: &Grant) -> u64 {
    let ends = grant.expires_at.is_some() ^ grant.this_month.is_some() ^ grant.comment.is_some();
    u64::from(grant.priority) ^ u64::from(grant.no.0) ^ u64::from(ends)
}
