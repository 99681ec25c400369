//! Consumption: the burn order and the balance that is told, worked out anew (invariant 8).

use super::{Audit, ensure};
use stipend_core::Amount;
use stipend_core::customer::{Cause, Effect, Grant, GrantKind, PoolEntry};

impl Audit {
    pub(super) fn check_burn(&self, entry: &PoolEntry) -> Result<(), String> {
        let Cause::Consumption(asked) = &entry.cause else { return Ok(()) };
        let mut order: Vec<&Grant> =
            self.live(entry.pool).filter(|grant| grant.is_effective(entry.at)).collect();
        order.sort_by_key(|grant| {
            let never = grant.expires_at.is_none();
            let is_given = grant.kind == GrantKind::Promotional;
            let times = (grant.effective_at, grant.created_at);
            (grant.priority, never, grant.expires_at, !is_given, times, grant.no)
        });
        let mut rest = asked.amount;
        let mut expected = Vec::new();
        for grant in &order {
            let taken = grant.remaining().min(rest);
            if taken.is_positive() {
                expected.push((grant.no.0, taken));
                rest -= taken;
            }
        }
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
        })?;
        let overdraft = self.pools.get(&entry.pool).map_or(Amount::ZERO, |books| books.overdraft);
        let limit: Amount = order.iter().map(|grant| grant.amount).sum();
        let used: Amount = order.iter().map(|grant| grant.consumed).sum();
        let recurring = order.iter().filter(|grant| grant.kind == GrantKind::Recurring);
        let period_end = recurring.filter_map(|grant| grant.expires_at).min();
        let told = (asked.usage_limit, asked.current_usage, asked.period_end);
        let known = (limit, used + overdraft + asked.amount, period_end);
        ensure(told == known, || format!("a consumption tells {told:?}, it is {known:?}"))
    }
}
