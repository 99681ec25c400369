//! At how many credits a period each item of a subscription stands, whatever has been granted,
//! prorated, voided or agreed for later (`behaviour.md` §0.6, §11 rows 8 and 39).
//!
//! What a subscription *gives* follows from its terms, and applies from the next period on at the
//! latest. What *stands* in the running period may differ: seats that were given back are not clawed
//! back, and a new version lowers nothing before the period ends. A change is therefore the
//! difference to what stands, never to what was agreed before: then nothing is granted twice.

use super::reallocate::Granting;
use super::resolve::Share;
use super::subscription::Subscription;
use crate::Amount;
use crate::catalog::{Behavior, PackageKey, PackageKind};
use crate::id::CurrencyId;
use crate::period::Cadence;
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// What identifies an item whose grants are adjusted against each other.
pub(super) type Item = (PackageKey, Cadence);

/// Where an item stands in the running period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    /// Credits a whole period.
    pub(super) amount: Amount,
    /// How they meet the plan's.
    pub(super) behavior: Behavior,
}

/// The items of a credit type that stand somewhere, zero included.
pub(super) type Levels = BTreeMap<Item, Level>;

/// Where the items of a subscription stand; those whose period ends just now stand nowhere.
pub(super) fn levels_of(
    subscription: &Subscription,
    currency: &CurrencyId,
    now: Timestamp,
) -> Levels {
    let running = subscription
        .issued
        .iter()
        .filter(|issued| issued.currency == *currency && subscription.issued_until(issued) > now);
    running
        .map(|issued| {
            let level = Level { amount: issued.level, behavior: issued.behavior };
            ((issued.package.clone(), issued.cadence), level)
        })
        .collect()
}

/// Whether a share that stands nowhere must wait for the end of what it replaces: the same package
/// at another cadence, what the plan had or inherited before, what it overrides, or what overrides
/// it.
pub(super) fn waits(share: &Share, levels: &Levels) -> bool {
    levels.iter().any(|(item, level)| meets(share, item, *level))
}

/// What a share need not wait for, since it takes its place at once: what the plan had or inherited
/// before, where the share gives no less of it (`behaviour.md` §11 row 39).
pub(super) fn outgrown<'a>(share: &Share, levels: &'a Levels) -> Option<&'a Item> {
    let mut met = levels.iter().filter(|(item, level)| meets(share, item, **level));
    let (item, level) = met.next().filter(|_| met.next().is_none())?;
    let grows = item.1 == share.cadence && level.amount <= share.amount;
    (grows && is_former_of(share, item)).then_some(item)
}

/// Whether a share replaces what stands there, or the other way round.
fn meets(share: &Share, item: &Item, level: Level) -> bool {
    let is_itself = (&item.0, item.1) == (&share.package, share.cadence);
    let meets = item.0 == share.package
        || is_former_of(share, item)
        || share.behavior == Behavior::Override
        || level.behavior == Behavior::Override;
    !is_itself && level.amount.is_positive() && meets
}

/// Whether a plan's share follows another plan's: of a credit type a subscription has one of them.
fn is_former_of(share: &Share, item: &Item) -> bool {
    let is_plan = |package: &PackageKey| package.kind == PackageKind::Plan;
    is_plan(&share.package) && is_plan(&item.0) && item.0 != share.package
}

/// Where the items are to stand after someone changed the shares `old` to `new`.
///
/// What was not touched stays where it stands, be it above or below its share. What was touched
/// stands at its share, but units that are given back stay until the period ends, and so does what
/// already stands above a share that grew. Where a touched share meets what has been waiting to be
/// replaced, nothing waits any longer: the new total applies.
pub(super) fn targets(
    levels: &Levels,
    old: &Granting<'_>,
    new: &Granting<'_>,
) -> BTreeMap<Item, Amount> {
    let is_touched = |item: &Item| match (old.get(item), new.get(item)) {
        (Some(old), Some(new)) => terms_of(old) != terms_of(new),
        (old, new) => old.is_some() || new.is_some(),
    };
    let settles = new.iter().any(|(item, share)| {
        is_touched(item) && share.amount.is_positive() && waits(share, levels)
    });
    let items = levels.keys().chain(new.keys());
    let target = |item: &Item| {
        let level = levels.get(item);
        let stands = level.map_or(Amount::ZERO, |level| level.amount);
        let Some(share) = new.get(item) else {
            return if settles || old.contains_key(item) { Amount::ZERO } else { stands };
        };
        let is_other_kind =
            stands.is_positive() && level.is_some_and(|level| level.behavior != share.behavior);
        let is_reduced = old.get(item).is_some_and(|old| is_less(share, old));
        match (is_touched(item), settles) {
            (false, false) => stands,
            _ if is_other_kind => share.amount,
            (true, _) if is_reduced => share.amount,
            _ => stands.max(share.amount),
        }
    };
    items.map(|item| (item.clone(), target(item))).collect()
}

/// What someone can agree on about a share.
fn terms_of(share: &Share) -> (Amount, Behavior, Amount, u32, Option<u32>) {
    (share.amount, share.behavior, share.unit_amount, share.quantity, share.units)
}

/// Whether a share was lowered, other than by units that were given back.
fn is_less(new: &Share, old: &Share) -> bool {
    if old.units.is_none() || new.units.is_none() {
        return new.amount < old.amount;
    }
    let for_a_unit = |share: &Share| share.unit_amount.nano() * i128::from(share.quantity);
    for_a_unit(new) < for_a_unit(old)
}
