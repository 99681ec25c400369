//! Changing a subscription: at once or later, by a patch, to the latest versions, to another
//! resource (`behaviour.md` §0.6, §0.17, §7.4).

use super::Customer;
use super::decide::{Builder, CustomerRejection, Decision};
use super::entry::Entry;
use super::life;
use super::pins::{
    check_amounts, check_overrides, check_products, check_quantities, check_rates, pin_addons,
    raise_plan, repin,
};
use super::reallocate::{grow, reallocate};
use super::resolve::{pinned, resolve};
use super::subscribe::{Place, Schedule, SubscriptionPatch, check_end};
use super::subscription::{
    AddonPin, LaterChange, ScheduledChange, SubscriptionEnd, SubscriptionEndReason,
    SubscriptionTerms,
};
use super::takeover::{move_ends, transfer as move_grants};
use crate::catalog::{
    CancellationTime, Catalog, PackageKey, PackageVersion, Pricing, patch_extras,
};
use crate::id::{CustomerId, PackageId, ResourceId, SubscriptionNo};
use crate::period::Cadence;
use crate::time::Timestamp;

/// When a cancellation takes effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CancelTime {
    /// As the product's settings say, else at once.
    #[default]
    AsPlanned,
    /// At once.
    Now,
    /// When the billing period ends; in a trial, when the trial ends.
    PeriodEnd,
    /// At an instant. A trial goes on until then.
    At(Timestamp),
}

/// What can be asked of one subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubscriptionCommand {
    /// Changes it.
    Update(Box<SubscriptionPatch>),
    /// Ends it, or lets it go on with a free plan where the product wants one to follow.
    Cancel(CancelTime),
    /// Ends it, whatever the product wants to follow.
    Revoke(CancelTime),
    /// Drops what is scheduled: changes, and the plan that is to take its place. A cancellation
    /// stays.
    Unschedule,
    /// Moves it to the latest versions of its plan and add-ons, at once or with the billing period.
    Migrate(Schedule),
    /// Moves it to another resource with its running credits.
    Transfer(ResourceId),
    /// Lets another customer pay for it from now on, or its own customer again. Whether there is
    /// such a customer is for the caller to know.
    Delegate(CustomerId),
}

/// How far a change goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Grants follow the new terms.
    Pools,
    /// Only the terms change, since the grants are about to be issued anew.
    Terms,
}

/// Decides a command to a subscription.
pub(super) fn decide(
    customer: &Customer,
    catalog: &Catalog,
    number: SubscriptionNo,
    command: &SubscriptionCommand,
    now: Timestamp,
) -> Result<Decision, CustomerRejection> {
    let mut builder = Builder::new(customer, catalog, now);
    let is_over = terms_of(&builder, number).ended.is_some();
    match command {
        // Who ends what is over has what was wanted.
        SubscriptionCommand::Cancel(_)
        | SubscriptionCommand::Revoke(_)
        | SubscriptionCommand::Unschedule
            if is_over => {}
        _ if is_over => return Err(CustomerRejection::SubscriptionEnded),
        SubscriptionCommand::Update(patch) => update_on(&mut builder, number, patch)?,
        SubscriptionCommand::Cancel(time) => cancel(&mut builder, number, *time, false)?,
        SubscriptionCommand::Revoke(time) => cancel(&mut builder, number, *time, true)?,
        SubscriptionCommand::Unschedule => unschedule(&mut builder, number),
        SubscriptionCommand::Migrate(schedule) => migrate_on(&mut builder, number, *schedule)?,
        SubscriptionCommand::Transfer(to) => transfer(&mut builder, number, to)?,
        SubscriptionCommand::Delegate(to) => delegate(&mut builder, number, to),
    }
    Ok(builder.finish(|decision| decision.subscription = Some(number)))
}

fn terms_of<'b>(builder: &'b Builder<'_>, number: SubscriptionNo) -> &'b SubscriptionTerms {
    &builder.customer.subscription(number).expect("the engine names what exists").terms
}

/// The instant at which a change takes effect.
pub(super) fn time_of(terms: &SubscriptionTerms, schedule: Schedule, now: Timestamp) -> Timestamp {
    match schedule {
        Schedule::Now => now,
        Schedule::At(at) => at,
        Schedule::PeriodEnd => terms.billing_period_at(now).end,
        Schedule::MonthEnd => terms.clip(terms.period_at(Cadence::Month, now).end),
    }
}

/// Changes a subscription now, or notes the change for later. What had been noted before is
/// overridden by a change of the same kind that applies now (`behaviour.md` §7.4).
pub(super) fn update_on(
    builder: &mut Builder<'_>,
    number: SubscriptionNo,
    patch: &SubscriptionPatch,
) -> Result<(), CustomerRejection> {
    let terms = terms_of(builder, number);
    // Before it begins, everything can still be changed.
    if patch.schedule == Schedule::Now || terms.is_pending() {
        return apply_patch(builder, number, patch, Reach::Pools);
    }
    // What the catalog would refuse now is refused now, and what changes nothing is not noted.
    if patched(builder, number, patch)? == *terms && !patch.new_anchor {
        return Ok(());
    }
    let at = time_of(terms, patch.schedule, builder.now);
    let later = SubscriptionPatch { schedule: Schedule::Now, ..patch.clone() };
    let mut terms = terms.clone();
    let noted = terms.scheduled.iter_mut().find_map(|noted| match &mut noted.change {
        LaterChange::Update(before) if noted.failed.is_none() && noted.at == at => Some(before),
        _ => None,
    });
    match noted {
        Some(before) => merge(before, later),
        None => {
            terms.scheduled.retain(|noted| !matches!(noted.change, LaterChange::Update(_)));
            schedule(&mut terms, at, LaterChange::Update(Box::new(later)));
        }
    }
    push_changed(builder, number, terms);
    Ok(())
}

fn merge(before: &mut SubscriptionPatch, later: SubscriptionPatch) {
    before.addons = later.addons.or(before.addons.take());
    before.overrides = later.overrides.or(before.overrides.take());
    before.quantities = later.quantities.or(before.quantities.take());
    before.billing_period = later.billing_period.or(before.billing_period);
    before.ends = later.ends.or(before.ends);
    before.trial_ends = later.trial_ends.or(before.trial_ends);
    before.new_anchor |= later.new_anchor;
    before.metadata = later.metadata.or(before.metadata.take());
    before.extras.extend(later.extras);
}

fn schedule(terms: &mut SubscriptionTerms, at: Timestamp, change: LaterChange) {
    terms.scheduled.push(ScheduledChange { at, change, failed: None });
    terms.scheduled.sort_by_key(|change| change.at);
}

/// Notes new terms where they differ from the present ones.
fn push_changed(builder: &mut Builder<'_>, number: SubscriptionNo, terms: SubscriptionTerms) {
    if terms != *terms_of(builder, number) {
        let terms = SubscriptionTerms { updated_at: builder.now, ..terms };
        builder.push(Entry::Subscription(Box::new(terms)));
    }
}

/// Changes a subscription at once, in full.
fn apply_patch(
    builder: &mut Builder<'_>,
    number: SubscriptionNo,
    patch: &SubscriptionPatch,
    reach: Reach,
) -> Result<(), CustomerRejection> {
    let mut terms = patched(builder, number, patch)?;
    let before = terms_of(builder, number).clone();
    let gives_other = |terms: &SubscriptionTerms| {
        (&terms.addons, &terms.overrides, &terms.quantities, terms.billing_period)
            != (&before.addons, &before.overrides, &before.quantities, before.billing_period)
    };
    if gives_other(&terms) {
        terms.scheduled.retain(|noted| !matches!(noted.change, LaterChange::Update(_)));
    }
    let shares = resolve(&before, builder.catalog);
    let moves_anchor = patch.new_anchor && terms.is_active() && terms.running_trial().is_none();
    let trial_moved = terms.trial != before.trial && terms.is_active();
    let is_active = terms.is_active();
    push_changed(builder, number, terms);
    if reach == Reach::Terms {
        Ok(())
    } else if moves_anchor {
        life::move_anchor(builder, number)
    } else if trial_moved {
        reallocate(builder, number, &shares)?;
        move_ends(builder, number)
    } else if is_active {
        reallocate(builder, number, &shares)
    } else {
        Ok(())
    }
}

/// The terms as the patch makes them.
fn patched(
    builder: &Builder<'_>,
    number: SubscriptionNo,
    patch: &SubscriptionPatch,
) -> Result<SubscriptionTerms, CustomerRejection> {
    let (catalog, before) = (builder.catalog, terms_of(builder, number));
    let mut terms = before.clone();
    let plan = PackageKey::plan(terms.plan.plan.clone());
    let version = pinned(catalog, &plan, terms.plan.version);
    if let Some(addons) = &patch.addons {
        let pins = pin_addons(catalog, version, addons, &before.addons)?;
        // The same add-ons in another order are no change.
        let is_same =
            pins.len() == before.addons.len() && pins.iter().all(|pin| before.addons.contains(pin));
        terms.addons = if is_same { before.addons.clone() } else { pins };
    }
    if let Some(overrides) = &patch.overrides {
        terms.overrides = check_overrides(catalog, overrides)?;
    }
    if let Some(quantities) = &patch.quantities {
        terms.quantities = check_quantities(catalog, quantities)?;
    }
    if let Some(at) = patch.trial_ends {
        let trial = terms.trial.as_mut().filter(|trial| !trial.is_over);
        let trial = trial.ok_or(CustomerRejection::NotInTrial)?;
        if at <= builder.now.max(terms.started_at) {
            return Err(CustomerRejection::InvalidTrialEnd);
        }
        trial.ends_at = at;
    }
    if let Some(ends) = patch.ends {
        let is_same = before.ends.map(|end| end.at) == ends;
        let asked = check_end(ends, builder.now.max(terms.started_at));
        terms.ends = if is_same { before.ends } else { asked? };
    }
    terms.billing_period = patch.billing_period.unwrap_or(terms.billing_period);
    terms.metadata = patch.metadata.clone().unwrap_or(terms.metadata);
    patch_extras(&mut terms.extras, &patch.extras);
    check_amounts(catalog, &terms)?;
    if (&terms.addons, &terms.quantities) != (&before.addons, &before.quantities) {
        check_products(catalog, &terms)?;
    }
    Ok(terms)
}

/// The add-ons that another plan allows too, each in its latest version. Which of two that price one
/// feature by now is to stay, the caller has to say.
pub(super) fn addons_that_stay(
    catalog: &Catalog,
    plan: &PackageVersion,
    before: &SubscriptionTerms,
) -> Result<Vec<AddonPin>, CustomerRejection> {
    let mut addons: Vec<(PackageId, u32)> =
        before.addons.iter().map(|pin| (pin.addon.clone(), pin.quantity)).collect();
    loop {
        let refused = match pin_addons(catalog, plan, &addons, &[]) {
            Err(CustomerRejection::AddonsIncompatible(refused)) => refused,
            Err(
                CustomerRejection::PackageArchived(addon)
                | CustomerRejection::DependencyMissing { addon, .. }
                | CustomerRejection::QuantityExceeded { addon, .. },
            ) => vec![addon],
            outcome => return outcome,
        };
        addons.retain(|(addon, _)| !refused.contains(&PackageKey::addon(addon.clone())));
    }
}

fn cancel(
    builder: &mut Builder<'_>,
    number: SubscriptionNo,
    time: CancelTime,
    revokes: bool,
) -> Result<(), CustomerRejection> {
    let mut terms = terms_of(builder, number).clone();
    let product = &builder.catalog.products[&terms.product];
    let planned = product.settings.as_ref().map(|settings| settings.cancellation_time);
    let time = match (time, planned) {
        (CancelTime::AsPlanned, Some(CancellationTime::EndOfBillingPeriod)) => {
            CancelTime::PeriodEnd
        }
        (CancelTime::AsPlanned, _) => CancelTime::Now,
        (time, _) => time,
    };
    let at = match time {
        CancelTime::PeriodEnd if terms.has_begun => terms.billing_period_at(builder.now).end,
        CancelTime::At(at) if at <= builder.now => return Err(CustomerRejection::InvalidEnd),
        CancelTime::At(at) if terms.has_begun || at > terms.started_at => at,
        _ => {
            life::cancel_pending(builder, &terms);
            if revokes {
                life::end(builder, number, SubscriptionEndReason::Immediate);
            } else {
                life::leave(builder, number, SubscriptionEndReason::Immediate);
            }
            return Ok(());
        }
    };
    life::cancel_pending(builder, &terms);
    let reason = match revokes {
        true => SubscriptionEndReason::Revoked,
        false => SubscriptionEndReason::Scheduled,
    };
    terms.ends = Some(SubscriptionEnd { at, reason });
    let extended = terms.trial.as_mut().filter(|trial| !trial.is_over && trial.ends_at < at);
    let is_extended = extended.is_some() && terms.has_begun;
    if let Some(trial) = terms.trial.as_mut().filter(|trial| !trial.is_over) {
        trial.ends_at = trial.ends_at.max(at);
    }
    push_changed(builder, number, terms);
    if is_extended { move_ends(builder, number) } else { Ok(()) }
}

fn unschedule(builder: &mut Builder<'_>, number: SubscriptionNo) {
    let mut terms = terms_of(builder, number).clone();
    let place = Place::around(&builder.customer, builder.catalog, &terms);
    terms.scheduled.clear();
    let is_pending = terms.is_pending();
    push_changed(builder, number, terms);
    if is_pending {
        life::end(builder, number, SubscriptionEndReason::Immediate);
    } else {
        life::drop_pending(builder, &place, None);
    }
}

fn migrate_on(
    builder: &mut Builder<'_>,
    number: SubscriptionNo,
    when: Schedule,
) -> Result<(), CustomerRejection> {
    let terms = terms_of(builder, number);
    if when == Schedule::Now || terms.is_pending() {
        return migrate_now(builder, number, Reach::Pools);
    }
    let at = time_of(terms, when, builder.now);
    let mut terms = terms.clone();
    terms.scheduled.retain(|noted| noted.change != LaterChange::Migrate);
    schedule(&mut terms, at, LaterChange::Migrate);
    push_changed(builder, number, terms);
    Ok(())
}

fn migrate_now(
    builder: &mut Builder<'_>,
    number: SubscriptionNo,
    reach: Reach,
) -> Result<(), CustomerRejection> {
    let mut latest = terms_of(builder, number).clone();
    repin(builder.catalog, &mut latest);
    migrate(builder, number, latest, reach)
}

/// Puts a subscription on the versions that `latest` pins, unless two of its add-ons come to price one
/// feature with them, or they give more than an amount can be.
fn migrate(
    builder: &mut Builder<'_>,
    number: SubscriptionNo,
    latest: SubscriptionTerms,
    reach: Reach,
) -> Result<(), CustomerRejection> {
    let before = terms_of(builder, number);
    if latest.addons != before.addons {
        check_rates(builder.catalog, &latest.addons)?;
    }
    if (&latest.plan, &latest.addons) != (&before.plan, &before.addons) {
        check_products(builder.catalog, &latest)?;
    }
    let shares = resolve(before, builder.catalog);
    let is_active = latest.is_active();
    push_changed(builder, number, latest);
    if is_active && reach == Reach::Pools { grow(builder, number, &shares) } else { Ok(()) }
}

/// Moves every subscription that pins an older version of a package to that version; the step of a
/// publication that reaches all customers. What is on it, or on a later one, stays as it is. What a
/// plan inherits is resolved anew with it.
pub(super) fn migrate_to(
    customer: &Customer,
    catalog: &Catalog,
    package: &PackageKey,
    version: u32,
    now: Timestamp,
) -> Result<Decision, CustomerRejection> {
    let mut builder = Builder::new(customer, catalog, now);
    for subscription in &customer.subscriptions {
        let mut terms = subscription.terms.clone();
        let plan = PackageKey::plan(terms.plan.plan.clone());
        if terms.ended.is_some() {
            continue;
        }
        if plan == *package && terms.plan.version < version {
            terms.pricing = pinned(catalog, package, version).pricing.unwrap_or(Pricing::Free);
        }
        terms.plan = raise_plan(catalog, &terms.plan, package, version);
        for pin in &mut terms.addons {
            if PackageKey::addon(pin.addon.clone()) == *package {
                pin.version = pin.version.max(version);
            }
        }
        migrate(&mut builder, subscription.terms.number, terms, Reach::Pools)?;
    }
    Ok(builder.finish(|_| {}))
}

fn transfer(
    builder: &mut Builder<'_>,
    number: SubscriptionNo,
    to: &ResourceId,
) -> Result<(), CustomerRejection> {
    let mut terms = terms_of(builder, number).clone();
    let from = terms.resource.replace(to.clone());
    if from == terms.resource {
        return Ok(());
    }
    let place = Place::around(&builder.customer, builder.catalog, &terms);
    let standing = [place.live, place.trial].into_iter().flatten().chain(place.pending).next();
    if let Some(other) = standing {
        let id = terms_of(builder, other).id.to_string();
        return Err(CustomerRejection::SubscriptionExists(id));
    }
    builder.resource(Some(to))?;
    push_changed(builder, number, terms);
    move_grants(builder, number, from.as_ref(), Some(to))
}

impl Customer {
    /// That it may pay for subscriptions of others.
    ///
    /// # Errors
    /// [`CustomerRejection::CustomerArchived`].
    pub fn check_payer(&self) -> Result<(), CustomerRejection> {
        match self.profile.archived_at {
            Some(_) => Err(CustomerRejection::CustomerArchived),
            None => Ok(()),
        }
    }
}

/// Notes who pays. The subscription stays with its customer, and so do its credits.
pub(super) fn delegate(builder: &mut Builder<'_>, number: SubscriptionNo, to: &CustomerId) {
    let mut terms = terms_of(builder, number).clone();
    terms.paying_customer = (*to != builder.customer.profile.id).then(|| to.clone());
    push_changed(builder, number, terms);
}

/// Does what was noted for this instant. What the catalog no longer allows is noted as failed.
///
/// Changes by hand come before new versions, which replace nothing at once.
pub(super) fn carry_out(builder: &mut Builder<'_>, number: SubscriptionNo, reach: Reach) {
    loop {
        let mut terms = terms_of(builder, number).clone();
        let is_due = |place: &usize| {
            let noted = &terms.scheduled[*place];
            noted.failed.is_none() && noted.at <= builder.now
        };
        let places = (0..terms.scheduled.len()).filter(is_due);
        let due = places.min_by_key(|place| terms.scheduled[*place].change == LaterChange::Migrate);
        let Some(place) = due.filter(|_| terms.is_active()) else { return };
        let noted = terms.scheduled.remove(place);
        let mut tried = builder.fork();
        push_changed(&mut tried, number, terms.clone());
        let outcome = match &noted.change {
            LaterChange::Update(patch) => apply_patch(&mut tried, number, patch, reach),
            LaterChange::Migrate => migrate_now(&mut tried, number, reach),
        };
        match outcome {
            Ok(()) => builder.join(tried),
            Err(rejection) => {
                let failed = Some(rejection.to_string());
                terms.scheduled.insert(place, ScheduledChange { failed, ..noted });
                push_changed(builder, number, terms);
            }
        }
    }
}
