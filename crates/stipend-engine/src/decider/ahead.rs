//! Looking at the customers of the next few requests before the first of them is decided.
//!
//! With many customers hardly anything of one is in a processor's caches, and each look at it waits
//! for the memory: its name, its key's place, its pools, their grants, and the copy that is written
//! over. Deciding looks at one after the other, each look depending on the one before. Here the
//! same looks are taken at several customers at once, and their waits pass side by side.

use super::{Decider, Request};
use crate::limits::AHEAD_COMMANDS_MAX;
use std::collections::VecDeque;
use std::hint::black_box;
use stipend_core::customer::Grant;

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

    /// Follows what leads from one place to the next for all of the group, a step at a time. What
    /// it reads is of no use but for being near afterwards.
    fn look_ahead(&self) {
        let mut accounts = [[None; 2]; AHEAD_COMMANDS_MAX];
        let mut known = 0;
        for (pair, Request { order, .. }) in accounts.iter_mut().zip(&self.ahead.requests) {
            let Some((customer, key)) = order.work.first() else { continue };
            known += usize::from(self.keys.knows(&key.scope));
            let slot = self.working.find_customer(order.env, customer);
            *pair = slot.map_or([None; 2], |slot| self.working.peek(slot));
        }
        let accounts = || accounts.iter().flatten().flatten();
        let pools = || accounts().flat_map(|account| &account.customer.pools);
        let chains = || accounts().flat_map(|account| &account.chains);
        let mut seen = accounts().fold(0, |seen, account| seen ^ account.own);
        seen = pools().fold(seen, |seen, pool| seen ^ pool.seq ^ pool.lapsed.len() as u64);
        seen = pools()
            .flat_map(|pool| pool.live.open())
            .fold(seen, |seen, grant| seen ^ look_at(grant));
        seen = chains().fold(seen, |seen, chain| seen ^ chain.last);
        seen =
            chains().flat_map(|chain| chain.trees.first()).fold(seen, |seen, tree| seen ^ tree.1);
        black_box((known, seen));
    }
}

/// Something at both ends of a grant and in its midst.
fn look_at(grant: &Grant) -> u64 {
    let ends = grant.expires_at.is_some() ^ grant.this_month.is_some() ^ grant.comment.is_some();
    u64::from(grant.priority) ^ u64::from(grant.no.0) ^ u64::from(ends)
}
