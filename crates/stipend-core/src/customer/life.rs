//! How a subscription begins, is converted and ends (`behaviour.md` §2.8, §7).

use super::decide::{Builder, CustomerRejection};
use super::entry::Entry;
use super::pins::{pin_plan, repin_where_allowed, subscribable};
use super::reallocate::{issue_all, revoke};
use super::revise::{self, Reach};
use super::subscribe::Place;
use super::subscription::{
    BillingPeriod, PlanPin, Subscription, SubscriptionEnd, SubscriptionEndReason,
    SubscriptionTerms, Trial,
};
use super::takeover::{Takeover, take_over};
use crate::catalog::{
    Alignment, Catalog, CreditProration, EndSetup, PackageKey, Pricing, TrialEnd, UsageReset,
};
use crate::id::SubscriptionNo;
use crate::period::{Anchor, month_start_from};
use crate::time::Timestamp;

fn terms(builder: &Builder<'_>, number: SubscriptionNo) -> SubscriptionTerms {
    let found: Option<&Subscription> = builder.customer.subscription(number);
    found.expect("the engine names what exists").terms.clone()
}

/// From where periods are counted that begin now.
fn anchor_at(catalog: &Catalog, at: Timestamp) -> Anchor {
    let zone = catalog.settings.zone.clone();
    let at = match catalog.settings.alignment {
        Alignment::SubscriptionStart => at,
        Alignment::StartOfMonth => month_start_from(at, zone.as_ref()),
    };
    Anchor { at, zone }
}

/// Whether a change of plans or anchors lets usage start anew (`behaviour.md` §0.7).
fn takeover_of(builder: &Builder<'_>, terms: &SubscriptionTerms, is_anchored: bool) -> Takeover {
    let settings = &builder.catalog.settings;
    let starts_anew = match builder.catalog.products[&terms.product].usage_reset {
        UsageReset::Always => true,
        UsageReset::Never => false,
        UsageReset::BillingPeriodChange => is_anchored,
    };
    match (starts_anew, settings.proration) {
        (_, CreditProration::Prorate) if !is_anchored => Takeover::Prorate,
        (true, _) => Takeover::Reset,
        (false, _) => Takeover::Carry,
    }
}

/// Begins a subscription whose time has come, in the place of those that stand there. What was
/// waiting takes the versions that are the latest now (`behaviour.md` §1.8).
pub(super) fn begin(
    builder: &mut Builder<'_>,
    number: SubscriptionNo,
) -> Result<(), CustomerRejection> {
    let mut own = terms(builder, number);
    let place = Place::around(&builder.customer, builder.catalog, &own);
    let is_trial = own.running_trial().is_some();
    if own.created_at < builder.now {
        repin_where_allowed(builder.catalog, &mut own);
        own.updated_at = builder.now;
    }
    own.has_begun = true;
    // A trial runs beside the live subscription; only what is paid takes its place.
    let heir_of = if is_trial { place.trial } else { place.live };
    let before = heir_of.map(|number| terms(builder, number));
    let keeps_anchor = before.as_ref().is_some_and(|before| {
        let becomes_paid = before.pricing == Pricing::Free && own.pricing == Pricing::Paid;
        !is_trial && !own.new_anchor && !becomes_paid
    });
    match &before {
        Some(before) if keeps_anchor => {
            own.anchor = before.anchor.clone();
            own.epoch_start = before.epoch_start;
        }
        _ => {
            own.anchor = anchor_at(builder.catalog, own.started_at);
            own.epoch_start = own.started_at;
        }
    }
    let takeover = takeover_of(builder, &own, !keeps_anchor);
    if takeover == Takeover::Prorate {
        own.continues = heir_of;
    }
    builder.push(Entry::Subscription(Box::new(own)));
    if !is_trial && let Some(trial) = place.trial {
        end(builder, trial, SubscriptionEndReason::TrialConverted);
    }
    match heir_of {
        Some(old) => {
            let former = builder.customer.subscriptions[old.0 as usize].clone();
            close(builder, old, SubscriptionEndReason::PlanChanged);
            take_over(builder, &former, number, takeover)
        }
        None => issue_all(builder, number),
    }
}

/// Begins paid periods where the trial ends: now. Its credits end with it and are issued anew
/// (`behaviour.md` §0.17, §2.8).
pub(super) fn convert(
    builder: &mut Builder<'_>,
    number: SubscriptionNo,
) -> Result<(), CustomerRejection> {
    let mut own = terms(builder, number);
    let place = Place::around(&builder.customer, builder.catalog, &own);
    if let Some(trial) = &mut own.trial {
        trial.is_over = true;
        trial.ends_at = trial.ends_at.min(builder.now);
    }
    own.anchor = anchor_at(builder.catalog, builder.now);
    own.epoch += 1;
    own.epoch_start = builder.now;
    own.updated_at = builder.now;
    builder.push(Entry::Subscription(Box::new(own)));
    // What changes at this very instant is granted as it is to be, and not as it was.
    revise::carry_out(builder, number, Reach::Terms);
    if let Some(live) = place.live {
        end(builder, live, SubscriptionEndReason::PlanChanged);
    }
    let own = builder.customer.subscriptions[number.0 as usize].clone();
    take_over(builder, &own, number, Takeover::Reset)
}

/// Counts periods from now on (`billingCycleAnchor: NOW`).
pub(super) fn move_anchor(
    builder: &mut Builder<'_>,
    number: SubscriptionNo,
) -> Result<(), CustomerRejection> {
    let mut own = terms(builder, number);
    own.anchor = anchor_at(builder.catalog, builder.now);
    own.epoch += 1;
    own.epoch_start = builder.now;
    own.updated_at = builder.now;
    let takeover = takeover_of(builder, &own, true);
    builder.push(Entry::Subscription(Box::new(own)));
    let own = builder.customer.subscriptions[number.0 as usize].clone();
    take_over(builder, &own, number, takeover)
}

/// Lets a subscription that has not begun begin without its trial.
pub(super) fn waive_trial(builder: &mut Builder<'_>, number: SubscriptionNo) {
    let mut own = terms(builder, number);
    own.trial = None;
    own.updated_at = builder.now;
    builder.push(Entry::Subscription(Box::new(own)));
}

/// Lets the running trial become a paid subscription when it ends.
pub(super) fn continue_after_trial(builder: &mut Builder<'_>, number: SubscriptionNo) {
    let mut own = terms(builder, number);
    let Some(trial) = own.trial.as_mut().filter(|trial| trial.end != TrialEnd::ConvertToPaid)
    else {
        return;
    };
    trial.end = TrialEnd::ConvertToPaid;
    own.updated_at = builder.now;
    builder.push(Entry::Subscription(Box::new(own)));
}

/// Notes that a subscription is over; its grants are left to the caller.
fn close(builder: &mut Builder<'_>, number: SubscriptionNo, reason: SubscriptionEndReason) {
    let mut own = terms(builder, number);
    own.ended = Some(SubscriptionEnd { at: builder.now, reason });
    if let Some(trial) = &mut own.trial {
        trial.is_over = true;
    }
    own.scheduled.clear();
    own.updated_at = builder.now;
    builder.push(Entry::Subscription(Box::new(own)));
}

/// Ends a subscription now. Its recurring grants end with it; what was bought or given stays
/// the customer's, and so does overdraft (`behaviour.md` §11 row 12).
pub(super) fn end(
    builder: &mut Builder<'_>,
    number: SubscriptionNo,
    reason: SubscriptionEndReason,
) {
    if terms(builder, number).ended.is_some() {
        return;
    }
    close(builder, number, reason);
    revoke(builder, number);
}

/// Ends a subscription, or lets it go on with the free plan that the product wants to follow
/// (`behaviour.md` §1.1): the same subscription, in new periods.
pub(super) fn leave(
    builder: &mut Builder<'_>,
    number: SubscriptionNo,
    reason: SubscriptionEndReason,
) {
    let own = terms(builder, number);
    if let Some(plan) = plan_that_follows(builder, &own) {
        let mut tried = builder.fork();
        if go_on_with(&mut tried, own, plan).is_ok() {
            builder.join(tried);
            return;
        }
    }
    end(builder, number, reason);
}

/// The free plan that follows a subscription. None follows what is free itself, nor what another
/// one takes the place of, and none that can no longer be subscribed to or has come to cost.
fn plan_that_follows(builder: &Builder<'_>, own: &SubscriptionTerms) -> Option<PlanPin> {
    let catalog = builder.catalog;
    let product = &catalog.products[&own.product];
    let settings = product.settings.as_ref();
    let settings = settings.filter(|settings| settings.end_setup == EndSetup::DowngradeToFree)?;
    let plan = PackageKey::plan(settings.downgrade_plan.clone()?);
    let package = catalog.packages.get(&plan)?;
    let version = subscribable(package).ok()?;
    let is_free = |pricing: Option<Pricing>| pricing.unwrap_or(Pricing::Free) == Pricing::Free;
    let place = Place::around(&builder.customer, catalog, own);
    let begins = |number: &SubscriptionNo| terms(builder, *number).started_at <= builder.now;
    let is_taken = place.live.is_some() || place.pending.iter().any(begins);
    let is_offered = product.archived_at.is_none() && is_free(version.pricing);
    let follows = own.is_active() && own.pricing != Pricing::Free && is_offered && !is_taken;
    follows.then(|| pin_plan(catalog, package, version))
}

/// What was bought with the plan that is left goes with it: add-ons, agreed amounts, seats.
fn go_on_with(
    builder: &mut Builder<'_>,
    own: SubscriptionTerms,
    plan: PlanPin,
) -> Result<(), CustomerRejection> {
    let number = own.number;
    let is_trial = own.running_trial().is_some();
    let trial = own.trial.map(|trial| Trial {
        is_over: true,
        ends_at: trial.ends_at.min(builder.now),
        ..trial
    });
    let free = SubscriptionTerms {
        plan,
        pricing: Pricing::Free,
        addons: Vec::new(),
        overrides: Vec::new(),
        quantities: Vec::new(),
        billing_period: BillingPeriod::Monthly,
        anchor: anchor_at(builder.catalog, builder.now),
        epoch: own.epoch + 1,
        epoch_start: builder.now,
        trial,
        ends: None,
        scheduled: Vec::new(),
        updated_at: builder.now,
        ..own
    };
    let takeover = if is_trial { Takeover::Reset } else { takeover_of(builder, &free, true) };
    builder.push(Entry::Subscription(Box::new(free)));
    let own = builder.customer.subscriptions[number.0 as usize].clone();
    take_over(builder, &own, number, takeover)
}

/// Drops what was to begin in a place, apart from one.
pub(super) fn drop_pending(builder: &mut Builder<'_>, place: &Place, kept: Option<SubscriptionNo>) {
    for number in place.pending.iter().filter(|number| Some(**number) != kept) {
        end(builder, *number, SubscriptionEndReason::PlanChanged);
    }
}

/// Ends what was to take the place of a subscription that is cancelled. What waits for the live one
/// goes on waiting when only the trial beside it ends.
pub(super) fn cancel_pending(builder: &mut Builder<'_>, own: &SubscriptionTerms) {
    let place = Place::around(&builder.customer, builder.catalog, own);
    let takes_its_place = own.running_trial().is_none() || place.live.is_none();
    if own.has_begun && takes_its_place {
        for number in place.pending {
            end(builder, number, SubscriptionEndReason::Immediate);
        }
    }
}
