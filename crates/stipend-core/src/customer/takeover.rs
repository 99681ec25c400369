//! One subscription in the place of another, or a subscription whose periods begin anew: what
//! becomes of the running recurring grants and their consumption (`behaviour.md` §0.7).

use super::change::Change;
use super::decide::{Builder, CustomerRejection};
use super::entry::{Cause, Effect};
use super::level::{Item, Levels, levels_of};
use super::reallocate::{Granting, check_room, granting, issue_all, owners};
use super::resolve::resolve;
use super::subscription::{Subscription, SubscriptionEndReason};
use crate::Amount;
use crate::id::{CurrencyId, PoolId, ResourceId, SubscriptionNo};
use crate::period::Cadence;

/// What becomes of running grants and their consumption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takeover {
    /// They end, the new ones are full. Returning to a plan within a period restores what was
    /// consumed under it, so that switching back and forth refills nothing.
    Reset,
    /// They are replaced and their consumption moves along.
    Carry,
    /// They stay in force; only the difference is granted, for the rest of the period.
    Prorate,
}

/// Moves from the grants of a subscription, as it was while it was live, to those that `new` gives.
/// Both are the same where a subscription begins a new anchor epoch.
pub(super) fn take_over(
    builder: &mut Builder<'_>,
    former: &Subscription,
    new: SubscriptionNo,
    how: Takeover,
) -> Result<(), CustomerRejection> {
    let old = former.terms.number;
    match how {
        Takeover::Reset => {
            retire(builder, old, new);
            match restored(builder, new).filter(|_| old != new) {
                Some(former) => issue_from(builder, new, &former, &[]),
                None => issue_now(builder, new),
            }
        }
        Takeover::Carry => {
            let held_of = owners(&builder.customer, old);
            issue_from(builder, new, former, &held_of)
        }
        Takeover::Prorate => prorate(builder, former, new),
    }
}

/// Ends the running grants; what was consumed of them is remembered where the subscription is
/// left, and forgotten where its periods begin anew.
fn retire(builder: &mut Builder<'_>, old: SubscriptionNo, new: SubscriptionNo) {
    let held_of = owners(&builder.customer, old);
    for index in 0..builder.customer.pools.len() {
        let pool = &builder.customer.pools[index];
        let (id, subscription) = (pool.id, builder.customer.subscription(old));
        let subscription = subscription.expect("it was live");
        let mut change = Change::new(builder, old, id, &held_of);
        change.take_up(subscription);
        change.retire();
        if old == new {
            change.forget();
        }
        let is_own = subscription.terms.resource == pool.resource;
        let effects = if is_own { change.finish() } else { Vec::new() };
        builder.push_pool(id, Cause::Subscription(old), effects);
    }
}

/// The subscription to the same plan that was left in this period for another plan.
fn restored(builder: &Builder<'_>, new: SubscriptionNo) -> Option<Subscription> {
    let terms = &builder.customer.subscription(new).expect("it was just set").terms;
    let left = builder.customer.subscriptions.iter().rev().find(|left| {
        let is_left = |reason| reason == SubscriptionEndReason::PlanChanged;
        left.terms.number != new
            && left.terms.has_begun
            && left.terms.ended.is_some_and(|end| is_left(end.reason))
            && left.terms.plan.plan == terms.plan.plan
            && left.terms.resource == terms.resource
            && left.terms.anchor == terms.anchor
    });
    left.cloned()
}

/// Issues everything for the running windows, in force from now.
fn issue_now(builder: &mut Builder<'_>, new: SubscriptionNo) -> Result<(), CustomerRejection> {
    let terms = &builder.customer.subscription(new).expect("it was just set").terms;
    if terms.epoch_start == builder.now {
        return issue_all(builder, new);
    }
    let nothing = Subscription { carried: Vec::new(), ..builder.customer.subscriptions[0].clone() };
    issue_from(builder, new, &nothing, &[])
}

/// Gives up the grants of `held_of`, issues what `new` gives and puts the consumption on it: that
/// of those grants, and what `former` remembers.
fn issue_from(
    builder: &mut Builder<'_>,
    new: SubscriptionNo,
    former: &Subscription,
    held_of: &[SubscriptionNo],
) -> Result<(), CustomerRejection> {
    let subscription = builder.customer.subscription(new).expect("it was just set");
    let resource = subscription.terms.resource.clone();
    let after = resolve(&subscription.terms, builder.catalog);
    let held = builder.customer.pools.iter().filter(|pool| pool.resource == resource);
    let held = held
        .filter(|pool| held_of.iter().any(|number| pool.recurring_of(*number).next().is_some()));
    let mut currencies: Vec<CurrencyId> = held.map(|pool| pool.currency.clone()).collect();
    currencies.extend(after.keys().cloned());
    currencies.extend(former.carried.iter().map(|carried| carried.currency.clone()));
    currencies.sort();
    currencies.dedup();
    for currency in currencies {
        let shares = granting(after.get(&currency));
        let Some(pool) = open(builder, &currency, &resource, &shares)? else { continue };
        let mut change = Change::new(builder, new, pool, held_of);
        change.take_up(former);
        change.displace();
        for share in shares.values() {
            change.raise(share, share.amount);
        }
        let effects = change.finish();
        builder.push_pool(pool, Cause::Subscription(new), effects);
    }
    Ok(())
}

/// The pool to work on; none where there is none and nothing is granted.
fn open(
    builder: &mut Builder<'_>,
    currency: &CurrencyId,
    resource: &Option<ResourceId>,
    shares: &Granting<'_>,
) -> Result<Option<PoolId>, CustomerRejection> {
    if shares.is_empty() {
        let found = builder.customer.find_pool(currency, resource.as_ref());
        return Ok(found.map(|pool| pool.id));
    }
    check_room(builder, currency, resource.as_ref())?;
    Ok(Some(builder.pool(currency, resource.as_ref())))
}

/// Leaves the old grants in force and grants, or takes off, the difference for the rest of the
/// period, so that the parts never exceed the whole (`calendar.md` C28, C35). What counts is where
/// the items stood, not what was agreed for later; a period that ends just now is over.
fn prorate(
    builder: &mut Builder<'_>,
    former: &Subscription,
    new: SubscriptionNo,
) -> Result<(), CustomerRejection> {
    let subscription = builder.customer.subscription(new).expect("it was just set");
    let resource = subscription.terms.resource.clone();
    let after = resolve(&subscription.terms, builder.catalog);
    let stood = former.issued.iter().map(|issued| &issued.currency);
    let mut currencies: Vec<&CurrencyId> = stood.chain(after.keys()).collect();
    currencies.sort();
    currencies.dedup();
    for currency in currencies {
        let stood = levels_of(former, currency, builder.now);
        let to = granting(after.get(currency));
        let Some(pool) = open(builder, currency, &resource, &to)? else { continue };
        let held_of = owners(&builder.customer, new);
        let mut change = Change::new(builder, new, pool, &held_of);
        change.take_up(former);
        for cadence in [Cadence::Month, Cadence::Year] {
            prorate_cadence(&mut change, &stood, &to, cadence);
        }
        let effects = change.finish();
        builder.push_pool(pool, Cause::Subscription(new), effects);
    }
    Ok(())
}

fn prorate_cadence(change: &mut Change<'_>, stood: &Levels, to: &Granting<'_>, cadence: Cadence) {
    let stood = stood.iter().filter(|(item, _)| item.1 == cadence);
    let stood: Vec<(&Item, Amount)> = stood.map(|(item, level)| (item, level.amount)).collect();
    let shares = to.iter().filter(|(item, share)| item.1 == cadence && !share.amount.is_zero());
    let shares: Vec<_> = shares.collect();
    let before: Amount = stood.iter().map(|(_, level)| *level).sum();
    let after: Amount = shares.iter().map(|(_, share)| share.amount).sum();
    let less = change.worth(cadence, before) - change.worth(cadence, after);
    if less.is_positive() {
        // What has gone gives first, then what is lowered.
        let kept = |item: &Item| to.get(item).map_or(Amount::ZERO, |share| share.amount);
        let lowered = stood.iter().filter(|(item, level)| kept(item) < *level);
        let mut lowered: Vec<Item> = lowered.map(|(item, _)| Item::clone(item)).collect();
        lowered.sort_by_key(|item| kept(item).is_positive());
        change.take_worth(cadence, &lowered, less);
    }
    let mut granted = before;
    for (item, share) in shares {
        let whole = share.amount.min((after - granted).or_zero());
        let part = change.worth(cadence, granted + whole) - change.worth(cadence, granted);
        change.issue(share, part, whole);
        change.set_level(item, share.amount, share.behavior);
        granted += whole;
    }
}

/// Moves a subscription to the pools of another resource: its running grants with what was
/// consumed of them. Overdraft stays where it was made.
pub(super) fn transfer(
    builder: &mut Builder<'_>,
    number: SubscriptionNo,
    from: Option<&ResourceId>,
    to: Option<&ResourceId>,
) -> Result<(), CustomerRejection> {
    let owners = owners(&builder.customer, number);
    let subscription = builder.customer.subscription(number).expect("it is there");
    let followed: Vec<CurrencyId> =
        subscription.issued.iter().map(|issued| issued.currency.clone()).collect();
    for currency in followed {
        // Its next period is granted there, also where nothing of the running one is left.
        check_room(builder, &currency, to)?;
        builder.pool(&currency, to);
    }
    let pools = builder.customer.pools.iter().filter(|pool| pool.resource.as_ref() == from);
    let moving =
        pools.filter(|pool| owners.iter().any(|owner| pool.recurring_of(*owner).next().is_some()));
    let moving: Vec<(PoolId, CurrencyId)> =
        moving.map(|pool| (pool.id, pool.currency.clone())).collect();
    for (source, currency) in moving {
        check_room(builder, &currency, to)?;
        let target = builder.pool(&currency, to);
        let mut leaving = Change::new(builder, number, source, &owners);
        let grants = leaving.leave();
        let effects: Vec<Effect> = leaving.into_effects();
        builder.push_pool(source, Cause::Subscription(number), effects);
        let mut arriving = Change::new(builder, number, target, &[]);
        arriving.arrive(grants);
        let effects = arriving.finish_without_carrying();
        builder.push_pool(target, Cause::Subscription(number), effects);
    }
    Ok(())
}

/// Moves the ends of the running grants to where the subscription's trial now lets them be. What has
/// been voided stays voided, and units that were given back stay where they stand.
pub(super) fn move_ends(
    builder: &mut Builder<'_>,
    number: SubscriptionNo,
) -> Result<(), CustomerRejection> {
    let owners = owners(&builder.customer, number);
    for index in 0..builder.customer.pools.len() {
        let pool = builder.customer.pools[index].id;
        let mut change = Change::new(builder, number, pool, &owners);
        let grants = change.leave_ends();
        change.arrive(grants);
        let effects = change.finish_without_carrying();
        builder.push_pool(pool, Cause::Subscription(number), effects);
    }
    Ok(())
}
