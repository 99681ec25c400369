//! Consumption: the burn order and the balance that is told, worked out anew (invariant 8).

use super::{Audit, ensure};
use stipend_core::customer::{Cause, Consumption, Effect, Grant, GrantKind, PoolEntry};
use stipend_core::{Amount, GrantNo, PoolId, Timestamp};

/// The keys of the burn order.
pub(super) type Key = (u8, bool, Option<Timestamp>, bool, (Timestamp, Timestamp), GrantNo);

pub(super) fn burn_key(grant: &Grant) -> Key {
    let never = grant.expires_at.is_none();
    let is_given = grant.kind == GrantKind::Promotional;
    let times = (grant.effective_at, grant.created_at);
    (grant.priority, never, grant.expires_at, !is_given, times, grant.no)
}

impl Audit {
    /// What may be drawn, in burn order.
    fn order(&self, pool: PoolId, at: Timestamp) -> Vec<&Grant> {
        let mut order: Vec<&Grant> =
            self.live(pool).filter(|grant| grant.is_effective(at)).collect();
        order.sort_by_key(|grant| burn_key(grant));
        order
    }

    /// An amount spread in burn order, and what nothing covers.
    pub(super) fn spread(
        &self,
        pool: PoolId,
        at: Timestamp,
        amount: Amount,
    ) -> (Vec<(u32, Amount)>, Amount) {
        let mut rest = amount;
        let mut spread = Vec::new();
        for grant in self.order(pool, at) {
            let taken = grant.remaining().min(rest);
            if taken.is_positive() {
                spread.push((grant.no.0, taken));
                rest -= taken;
            }
        }
        (spread, rest)
    }

    /// So much is drawn in burn order, and the rest overdrawn.
    pub(super) fn check_drawn(&self, entry: &PoolEntry, amount: Amount) -> Result<(), String> {
        let (expected, rest) = self.spread(entry.pool, entry.at, amount);
        let drawn = entry.effects.iter().filter_map(|effect| match effect {
            Effect::Drawn(draw) => Some((draw.grant.0, draw.amount)),
            _ => None,
        });
        let overdrawn = entry.effects.iter().filter_map(|effect| match effect {
            Effect::Overdrawn(draw) => Some(draw.amount),
            _ => None,
        });
        let drawn: Vec<(u32, Amount)> = drawn.collect();
        let overdrawn: Amount = overdrawn.sum();
        ensure(drawn == expected && overdrawn == rest, || {
            format!("drawn {drawn:?} and {overdrawn} over, burn order says {expected:?} and {rest}")
        })
    }

    /// What is consumed is drawn; what less usage gives back is what it says.
    pub(super) fn check_burn(&self, entry: &PoolEntry, asked: &Consumption) -> Result<(), String> {
        if asked.amount.is_negative() {
            let given = entry.delta();
            ensure(given == -asked.amount && asked.priced.is_some(), || {
                format!("{given} comes back where {} is said", asked.amount)
            })?;
        } else {
            self.check_drawn(entry, asked.amount)?;
        }
        let order = self.order(entry.pool, entry.at);
        let overdraft = self.pools.get(&entry.pool).map_or(Amount::ZERO, |books| books.overdraft);
        let limit: Amount = order.iter().map(|grant| grant.amount).sum();
        let used: Amount = order.iter().map(|grant| grant.consumed + grant.held).sum();
        let recurring = order.iter().filter(|grant| grant.kind == GrantKind::Recurring);
        let period_end = recurring.filter_map(|grant| grant.expires_at).min();
        let told = (asked.usage_limit, asked.current_usage, asked.period_end);
        let known = (limit, used + overdraft + asked.amount, period_end);
        ensure(told == known, || format!("a consumption tells {told:?}, it is {known:?}"))
    }

    /// What a caller asked for is checked before it is noted.
    pub(super) fn check_asked(&mut self, entry: &PoolEntry) -> Result<(), String> {
        match &entry.cause {
            Cause::Consumption(asked) => {
                self.check_burn(entry, asked)?;
                self.note_paid(entry, asked)
            }
            Cause::Release(release) => self.check_release(entry, release),
            Cause::Reversal(reversal) => {
                let is_first = self.reversed.insert(reversal.of);
                let given = entry.delta();
                let is_part = !given.is_negative() && given <= reversal.amount;
                ensure(is_first && is_part, || {
                    format!("{given} of {} comes back of entry {}", reversal.amount, reversal.of)
                })
            }
            _ => Ok(()),
        }
    }
}
