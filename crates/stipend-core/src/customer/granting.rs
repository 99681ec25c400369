//! Granting credits and taking them back (`behaviour.md` §3.2, §3.3).

use super::decide::{Builder, CustomerRejection, Decision, check_limit, check_pool_room};
use super::entry::{Cause, Effect, Ended, GrantEnd, Settled};
use super::grant::{Cost, Grant, GrantKind};
use super::voided::remember;
use super::{Customer, Overdraft, Pool};
use crate::Amount;
use crate::catalog::{Catalog, Metadata};
use crate::id::{CurrencyId, GrantNo, PoolId, ResourceId};
use crate::limits::CUSTOMER_POOLS_MAX;
use crate::shared::Shared;
use crate::time::Timestamp;

/// Credits to grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewGrant {
    /// The credit type.
    pub currency: CurrencyId,
    /// The resource whose pool gets them.
    pub resource: Option<ResourceId>,
    /// [`GrantKind::Paid`] or [`GrantKind::Promotional`].
    pub kind: GrantKind,
    /// How many, above zero.
    pub amount: Amount,
    /// The place among the others: 0–100.
    pub priority: u8,
    /// When they come into force; now where absent.
    pub effective_at: Option<Timestamp>,
    /// When they end; never where absent.
    pub expires_at: Option<Timestamp>,
    /// Its name.
    pub name: String,
    /// Why.
    pub comment: Option<String>,
    /// The caller's own data.
    pub metadata: Metadata,
    /// What was paid.
    pub cost: Option<Cost>,
}

pub(super) fn grant(
    customer: &Customer,
    catalog: &Catalog,
    new: &NewGrant,
    now: Timestamp,
) -> Result<Decision, CustomerRejection> {
    assert!(new.amount.is_positive(), "the edge refuses grants of nothing");
    let credit_type = catalog.credit_types.get(&new.currency);
    let missing = || CustomerRejection::CurrencyNotFound(new.currency.clone());
    if credit_type.ok_or_else(missing)?.archived_at.is_some() {
        return Err(CustomerRejection::CurrencyArchived(new.currency.clone()));
    }
    let effective_at = new.effective_at.unwrap_or(now);
    if new.expires_at.is_some_and(|end| end <= effective_at || end <= now) {
        return Err(CustomerRejection::EmptyWindow);
    }
    let mut builder = Builder::new(customer, catalog, now);
    builder.resource(new.resource.as_ref())?;
    let known = customer.find_pool(&new.currency, new.resource.as_ref());
    if known.is_none() {
        check_limit(customer.pools.len(), CUSTOMER_POOLS_MAX, "pools")?;
    }
    known.map_or(Ok(()), check_pool_room)?;
    let pool = builder.pool(&new.currency, new.resource.as_ref());
    let no = builder.customer.next_grant;
    let grant = Grant {
        no,
        kind: new.kind,
        amount: new.amount,
        original: new.amount,
        consumed: Amount::ZERO,
        held: Amount::ZERO,
        priority: new.priority,
        effective_at,
        expires_at: new.expires_at,
        created_at: now,
        updated_at: now,
        voided_at: None,
        name: new.name.as_str().into(),
        comment: new.comment.as_deref().map(Into::into),
        metadata: new.metadata.clone(),
        cost: new.cost.clone().map(Shared::from),
        source: None,
        this_month: None,
    };
    let effects = if effective_at > now {
        vec![Effect::Scheduled(grant)]
    } else {
        let room = grant.amount;
        let mut effects = vec![Effect::Granted(grant)];
        let pool = builder.customer.pool(pool).expect("it was just opened");
        effects.extend(settle(pool, &[(no, room)]));
        effects
    };
    builder.push_pool(pool, Cause::Grant, effects);
    Ok(builder.finish(|decision| decision.grant = Some((pool, no))))
}

/// The overdraft is settled first by what newly came into force, in the order given, up to the
/// room of each (invariant 10). The pool is the one before the grants came.
pub(super) fn settle(pool: &Pool, fresh: &[(GrantNo, Amount)]) -> Vec<Effect> {
    let Some(overdraft) = pool.overdraft else { return Vec::new() };
    let (mut rest, mut metered) = (overdraft.amount, overdraft.metered);
    let mut effects = Vec::new();
    for (grant, room) in fresh {
        let amount = rest.min(*room);
        if amount.is_positive() {
            rest -= amount;
            let of_usage = amount.min(metered);
            metered -= of_usage;
            effects.push(Effect::Settled(Settled {
                overdraft: overdraft.no,
                grant: *grant,
                amount,
                metered: of_usage,
            }));
        }
    }
    if rest.is_zero() && !effects.is_empty() {
        let closed = Overdraft { amount: Amount::ZERO, metered: Amount::ZERO, ..overdraft };
        effects.push(Effect::OverdraftClosed(closed));
    }
    effects
}

/// A voided grant leaves the pool, so finding none there means that it has ended before; the
/// caller knows from the pool's entries how.
pub(super) fn void(
    customer: &Customer,
    catalog: &Catalog,
    pool_id: PoolId,
    no: GrantNo,
    now: Timestamp,
) -> Result<Decision, CustomerRejection> {
    let pool = customer.pool(pool_id).ok_or(CustomerRejection::GrantNotFound)?;
    if pool.overdraft.is_some_and(|overdraft| overdraft.no == no) {
        return Err(CustomerRejection::OverdraftNotVoidable);
    }
    let grant = pool.find_grant(no).ok_or(CustomerRejection::GrantNotFound)?;
    let was_live = grant.is_effective(now);
    let amount = if was_live { grant.remaining() } else { Amount::ZERO };
    let mut builder = Builder::new(customer, catalog, now);
    let ended = Ended { grant: ended_at(grant, now), amount, end: GrantEnd::Voided };
    let remembered = if was_live { remember(customer, pool, grant, now) } else { None };
    let effects = [Effect::Ended(ended)].into_iter().chain(remembered.map(Effect::Carried));
    builder.push_pool(pool_id, Cause::Void, effects.collect());
    Ok(builder.finish(|decision| decision.grant = Some((pool_id, no))))
}

/// The record of a grant that is voided at that instant.
pub(super) fn ended_at(grant: &Grant, now: Timestamp) -> Grant {
    Grant { voided_at: Some(now), updated_at: now, ..grant.clone() }
}
