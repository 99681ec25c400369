//! Giving back what usage had drawn, where less was used than was reported: to exactly the grants
//! that gave it, the last first (`behaviour.md` §4.7).

use super::Customer;
use super::entry::{Carried, Cause, Draw, Effect, Moved, PoolEntry, Priced, Settled};
use super::memory::Memory;
use super::pool::{Overdraft, Pool};
use super::pricing::{Facts, consumption};
use super::usage::{DrawRun, FeatureUsage};
use super::voided::Voided;
use crate::Amount;
use crate::id::GrantNo;
use crate::time::Timestamp;

/// What is given back.
pub(super) struct Refund {
    /// What is taken off the runs of draws.
    pub(super) returned: Amount,
    /// What of that does not come back, because its grant is over.
    pub(super) forfeited: Amount,
    /// The entries of the pools.
    pub(super) entries: Vec<PoolEntry>,
}

/// Gives back so much, or what was drawn where that is less.
pub(super) fn refund(
    customer: &Customer,
    usage: &FeatureUsage,
    amount: Amount,
    facts: &Facts<'_>,
    priced: &Priced,
    now: Timestamp,
) -> Refund {
    let returned = amount.min(usage.drawn_total());
    let mut rest = returned;
    let mut parts: Vec<PoolRefund<'_>> = Vec::new();
    for run in usage.drawn.iter().rev() {
        if rest.is_zero() {
            break;
        }
        let taken = run.amount.min(rest);
        rest -= taken;
        let place = parts.iter().position(|part| part.pool.id == run.pool).unwrap_or_else(|| {
            let pool = customer.pool(run.pool).expect("what was drawn was drawn from a pool");
            parts.push(PoolRefund::new(customer, pool, now));
            parts.len() - 1
        });
        parts[place].give_back(run, taken);
    }
    let came_back: Amount = parts.iter().map(PoolRefund::total).sum();
    let mut forgotten: Vec<PoolEntry> = Vec::new();
    let mut entries: Vec<PoolEntry> = Vec::new();
    for mut part in parts {
        let (pool, amount) = (part.pool, part.total());
        forgotten.extend(std::mem::take(&mut part.forgotten).into_iter().map(|said| PoolEntry {
            pool: pool.id,
            at: now,
            cause: Cause::Subscription(said.subscription),
            effects: vec![Effect::Carried(said)],
        }));
        if amount.is_positive() {
            let cause = Cause::Consumption(consumption(pool, facts, -amount, priced.clone()));
            let effects = part.into_effects(now);
            entries.push(PoolEntry { pool: pool.id, at: now, cause, effects });
        }
    }
    // What is given back stands right behind the usage; what only is remembered no more, behind it.
    entries.extend(forgotten);
    Refund { returned, forfeited: returned - came_back, entries }
}

/// What one pool gets back.
struct PoolRefund<'a> {
    pool: &'a Pool,
    /// What each live grant gets, in the order in which it was drawn, the last first.
    grants: Vec<Draw>,
    overdraft: Amount,
    customer: &'a Customer,
    now: Timestamp,
    memory: Memory,
    /// What subscriptions no longer remember of what is over.
    forgotten: Vec<Carried>,
}

impl<'a> PoolRefund<'a> {
    fn new(customer: &'a Customer, pool: &'a Pool, now: Timestamp) -> Self {
        let memory = Memory::new(customer, &pool.currency, now);
        let (grants, forgotten, overdraft) = (Vec::new(), Vec::new(), Amount::ZERO);
        Self { pool, grants, overdraft, customer, now, memory, forgotten }
    }

    fn total(&self) -> Amount {
        self.grants.iter().map(|draw| draw.amount).sum::<Amount>() + self.overdraft
    }

    /// A grant gets back at most what is consumed of it; what has ended gets nothing: what it gave
    /// would have ended with it.
    fn give_back(&mut self, run: &DrawRun, amount: Amount) {
        if run.is_overdraft {
            let open = self.pool.overdraft.filter(|overdraft| overdraft.no == run.grant);
            let open = open.map_or(Amount::ZERO, |overdraft| overdraft.amount);
            self.overdraft += amount.min(open - self.overdraft);
            return;
        }
        let Some(grant) = self.pool.live.find(run.grant) else {
            self.forget(run, amount);
            return;
        };
        let before = self.grants.iter_mut().find(|draw| draw.grant == run.grant);
        match before {
            Some(draw) => draw.amount += amount.min(grant.consumed - draw.amount),
            None => {
                let amount = amount.min(grant.consumed);
                if amount.is_positive() {
                    self.grants.push(Draw { grant: run.grant, amount });
                }
            }
        }
    }

    /// What was drawn from a grant that would still be in force counts no more, though it comes back to
    /// no grant. A subscription that was left remembers all that it gave in the period; one that goes
    /// on, what somebody voided.
    fn forget(&mut self, run: &DrawRun, amount: Amount) {
        let end = run.expires_at.filter(|end| self.now < *end);
        let subscription = run.subscription.and_then(|number| self.customer.subscription(number));
        let (Some(subscription), Some(end)) = (subscription, end) else { return };
        let number = subscription.terms.number;
        let is_voided = |one: &Voided| one.may_be_of(subscription, end);
        let (forgiven, said) = self.memory.forgive_voided(is_voided, amount);
        self.forgotten.extend(said);
        if subscription.terms.ended.is_some() {
            let (_, said) = self.memory.uncarry(number, amount - forgiven);
            self.forgotten.extend(said);
        }
    }

    /// An overdraft that is left is settled by what came back to grants, in burn order.
    fn into_effects(self, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        for draw in &self.grants {
            self.refund_grant(*draw, now, &mut effects);
        }
        let Some(overdraft) = self.pool.overdraft else { return effects };
        if self.overdraft.is_positive() {
            let draw = Draw { grant: overdraft.no, amount: self.overdraft };
            effects.push(Effect::OverdraftRefunded(draw));
        }
        let mut open = overdraft.amount - self.overdraft;
        let mut open_of_usage = overdraft.metered - self.overdraft;
        for grant in &self.pool.live {
            let refunded = self.grants.iter().find(|draw| draw.grant == grant.no);
            let amount = open.min(refunded.map_or(Amount::ZERO, |draw| draw.amount));
            if amount.is_positive() {
                open -= amount;
                let metered = amount.min(open_of_usage);
                open_of_usage -= metered;
                let (overdraft, grant) = (overdraft.no, grant.no);
                effects.push(Effect::Settled(Settled { overdraft, grant, amount, metered }));
            }
        }
        if open.is_zero() {
            let closed = Overdraft { amount: open, metered: open_of_usage, ..overdraft };
            effects.push(Effect::OverdraftClosed(closed));
        }
        effects
    }

    /// What was consumed last is given back first.
    fn refund_grant(&self, draw: Draw, now: Timestamp, effects: &mut Vec<Effect>) {
        let grant = self.find(draw.grant);
        let recent = draw.amount.min(grant.recent_at(now));
        for (amount, is_recent) in [(recent, true), (draw.amount - recent, false)] {
            if amount.is_positive() {
                effects.push(Effect::Refunded(Moved { grant: draw.grant, amount, is_recent }));
            }
        }
    }

    fn find(&self, no: GrantNo) -> &super::Grant {
        let found = self.pool.live.find(no);
        found.expect("only live grants get something back")
    }
}
