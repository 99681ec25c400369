//! What a change of a subscription means for its pools: the new total applies at once, and what
//! was consumed in the running period stays consumed (`behaviour.md` §0.6).

use super::Customer;
use super::change::Change;
use super::decide::{Bringer, Builder, CustomerRejection, check_limit, check_pool_room};
use super::entry::{Cause, Effect, Ended, GrantEnd};
use super::granting::ended_at;
use super::level::{Item, outgrown, targets, waits};
use super::resolve::{Share, Standing, resolve};
use super::subscription::Subscription;
use crate::Amount;
use crate::id::{CurrencyId, ResourceId, SubscriptionNo};
use crate::limits::CUSTOMER_POOLS_MAX;
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// Shares by credit type.
pub(super) type Shares = BTreeMap<CurrencyId, Vec<Share>>;

/// The shares that grant, by item.
pub(super) type Granting<'a> = BTreeMap<Item, &'a Share>;

/// Brings the grants of a subscription from its former shares to those of its present terms.
pub(super) fn reallocate(
    builder: &mut Builder<'_>,
    number: SubscriptionNo,
    before: &Shares,
) -> Result<(), CustomerRejection> {
    each_pool(builder, number, before, |change, old, new| {
        let targets = targets(change.levels(), old, new);
        for (item, target) in &targets {
            change.lower(item, *target);
        }
        for (item, share) in new {
            change.raise(share, targets[item]);
        }
    })
}

/// Moves a subscription to other versions: what grows, grows at once, also where the plan inherits
/// it from elsewhere now; what shrinks, goes, or changes its behavior or cadence, does so at the end
/// of the running period (`behaviour.md` §11 row 39, `calendar.md` C47).
pub(super) fn grow(
    builder: &mut Builder<'_>,
    number: SubscriptionNo,
    before: &Shares,
) -> Result<(), CustomerRejection> {
    each_pool(builder, number, before, |change, _, new| {
        let levels = change.levels().clone();
        for (item, share) in new {
            let level = levels.get(item).filter(|level| level.amount.is_positive());
            let former = if level.is_none() { outgrown(share, &levels) } else { None };
            let may_grow = match level {
                Some(level) => level.behavior == share.behavior,
                None => former.is_some() || !waits(share, &levels),
            };
            if let Some(former) = former {
                change.lower(former, Amount::ZERO);
            }
            if may_grow {
                change.raise(share, share.amount);
            }
        }
    })
}

/// Issues all that a subscription gives in the running periods. Where it has just been made, what
/// began before now is in force from the beginning of its period.
pub(super) fn issue_all(
    builder: &mut Builder<'_>,
    number: SubscriptionNo,
) -> Result<(), CustomerRejection> {
    each_pool(builder, number, &Shares::new(), |change, _, new| {
        change.since_period = true;
        for share in new.values() {
            change.raise(share, share.amount);
        }
    })
}

/// Works on each pool that a subscription fills, or filled by its former shares. Items whose
/// period ends just now are left to the beginning of the next one.
fn each_pool(
    builder: &mut Builder<'_>,
    number: SubscriptionNo,
    before: &Shares,
    mut work: impl FnMut(&mut Change<'_>, &Granting<'_>, &Granting<'_>),
) -> Result<(), CustomerRejection> {
    let subscription = builder.customer.subscription(number).expect("it was just set");
    let resource = subscription.terms.resource.clone();
    let after = resolve(&subscription.terms, builder.catalog);
    let mut currencies: Vec<&CurrencyId> = before.keys().chain(after.keys()).collect();
    currencies.sort();
    currencies.dedup();
    for currency in currencies {
        let subscription = builder.customer.subscription(number).expect("it was just set");
        let running = |shares: &'_ Shares| -> Vec<Item> {
            let items = granting(shares.get(currency)).into_keys();
            items.filter(|item| !is_over(subscription, currency, item, builder.now)).collect()
        };
        let (old_items, new_items) = (running(before), running(&after));
        let (mut old, mut new) = (granting(before.get(currency)), granting(after.get(currency)));
        old.retain(|item, _| old_items.contains(item));
        new.retain(|item, _| new_items.contains(item));
        if old.is_empty() && new.is_empty() {
            continue;
        }
        let issues = new
            .iter()
            .any(|(item, share)| old.get(item).is_none_or(|old| old.amount < share.amount));
        if issues {
            check_room(builder, currency, resource.as_ref())?;
        }
        let pool = builder.pool(currency, resource.as_ref());
        let mut change = Change::new(builder, number, pool, &owners(&builder.customer, number));
        change.take_up(builder.customer.subscription(number).expect("it was just set"));
        work(&mut change, &old, &new);
        let effects = change.finish();
        builder.push_pool(pool, Cause::Subscription(number), effects);
    }
    Ok(())
}

fn is_over(
    subscription: &Subscription,
    currency: &CurrencyId,
    item: &Item,
    now: Timestamp,
) -> bool {
    let issued = subscription.find_issued(&item.0, currency, item.1);
    issued.is_some_and(|issued| subscription.issued_until(issued) <= now)
}

/// A change may open a pool and issues at most a grant for each item, so it is enough that there
/// is room for one more: renewals replace what expires. What is due takes place beyond that too: it
/// comes once, and what it brings ends with its period.
pub(super) fn check_room(
    builder: &Builder<'_>,
    currency: &CurrencyId,
    resource: Option<&ResourceId>,
) -> Result<(), CustomerRejection> {
    let customer = &builder.customer;
    match customer.find_pool(currency, resource) {
        None => check_limit(customer.pools.len(), CUSTOMER_POOLS_MAX, "pools"),
        Some(_) if builder.by == Bringer::Time => Ok(()),
        Some(pool) => check_pool_room(pool),
    }
}

/// The shares that grant, by item; they may grant nothing.
pub(super) fn granting(shares: Option<&Vec<Share>>) -> Granting<'_> {
    let shares = shares.map(Vec::as_slice).unwrap_or_default();
    let granting = shares.iter().filter(|share| share.standing == Standing::Grants);
    granting.map(|share| ((share.package.clone(), share.cadence), share)).collect()
}

/// A subscription and those whose running grants it goes on with.
pub(super) fn owners(customer: &Customer, number: SubscriptionNo) -> Vec<SubscriptionNo> {
    let mut owners = vec![number];
    let mut at = number;
    while let Some(before) = customer.subscription(at).and_then(|found| found.terms.continues) {
        owners.push(before);
        at = before;
    }
    owners
}

/// Ends all recurring grants of a subscription that is over.
pub(super) fn revoke(builder: &mut Builder<'_>, number: SubscriptionNo) {
    let owners = owners(&builder.customer, number);
    for index in 0..builder.customer.pools.len() {
        let pool = &builder.customer.pools[index];
        let id = pool.id;
        let effects: Vec<Effect> = owners
            .iter()
            .flat_map(|owner| pool.recurring_of(*owner))
            .map(|grant| {
                Effect::Ended(Ended {
                    grant: ended_at(grant, builder.now),
                    amount: grant.remaining(),
                    end: GrantEnd::Voided,
                })
            })
            .collect();
        builder.push_pool(id, Cause::Subscription(number), effects);
    }
}
