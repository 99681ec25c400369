//! Making subscriptions, and changing plans by making them again (`behaviour.md` §0.10, §7.3).

use super::decide::{Builder, CustomerRejection, Decision, check_limit};
use super::entry::Entry;
use super::pins::{
    check_amounts, check_overrides, check_products, check_quantities, find_package, pin_addons,
    pin_plan, subscribable,
};
use super::resolve::pinned;
use super::subscription::{
    BillingPeriod, CreditOverride, FeatureQuantity, SubscriptionEnd, SubscriptionEndReason,
    SubscriptionTerms, Trial,
};
use super::{Customer, life, revise};
use crate::catalog::{
    Catalog, Extras, ExtrasPatch, Metadata, PackageKey, PackageVersion, Pricing, Product, TrialEnd,
    TrialUnit,
};
use crate::id::{CustomerId, PackageId, ResourceId, SubscriptionId, SubscriptionNo};
use crate::limits::{CUSTOMER_SUBSCRIPTIONS_MAX, TIME_MARGIN_SECONDS};
use crate::period::{Anchor, Interval, boundary};
use crate::time::Timestamp;

/// When a change takes effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Schedule {
    /// At once; the default, reductions included (`behaviour.md` §0.17).
    #[default]
    Now,
    /// When the billing period ends; in a trial, when the trial ends.
    PeriodEnd,
    /// When the running month of the anchor ends.
    MonthEnd,
    /// At an instant.
    At(Timestamp),
}

/// Whether a subscription begins with a trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrialRequest {
    /// As the plan says; not for who pays for a plan of the product already.
    #[default]
    AsPlanned,
    /// Without one.
    Without,
    /// With one, whatever the plan says.
    With {
        /// When it ends; as the plan says where absent.
        ends_at: Option<Timestamp>,
        /// What follows it; as the plan says where absent.
        end: Option<TrialEnd>,
    },
}

/// A subscription to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisionRequest {
    /// Its id.
    pub id: SubscriptionId,
    /// The plan.
    pub plan: PackageId,
    /// The add-ons with how many of each; where absent, none or those of the live subscription.
    pub addons: Option<Vec<(PackageId, u32)>>,
    /// Amounts agreed for this subscription; where absent, none or those of the live one.
    pub overrides: Option<Vec<CreditOverride>>,
    /// Units of features that are bought; where absent, none or those of the live one.
    pub quantities: Option<Vec<FeatureQuantity>>,
    /// The resource it is for.
    pub resource: Option<ResourceId>,
    /// Who pays, where it is someone else.
    pub paying_customer: Option<CustomerId>,
    /// How long a billing period is; a month where absent.
    pub billing_period: Option<BillingPeriod>,
    /// When it begins; now where absent.
    pub start: Option<Timestamp>,
    /// When it ends.
    pub ends: Option<Timestamp>,
    /// Whether it begins with a trial.
    pub trial: TrialRequest,
    /// When a change of a live subscription takes effect.
    pub schedule: Schedule,
    /// Whether periods are counted from the change on (`billingCycleAnchor: NOW`).
    pub new_anchor: bool,
    /// The caller's own data; where absent, none or that of the live subscription.
    pub metadata: Option<Metadata>,
    /// What else the contract carries.
    pub extras: Extras,
}

/// Changes of a subscription; `None` leaves a field as it is, lists are replaced whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionPatch {
    /// The add-ons.
    pub addons: Option<Vec<(PackageId, u32)>>,
    /// Amounts agreed for this subscription.
    pub overrides: Option<Vec<CreditOverride>>,
    /// Units of features that are bought.
    pub quantities: Option<Vec<FeatureQuantity>>,
    /// How long a billing period is.
    pub billing_period: Option<BillingPeriod>,
    /// When it ends; `Some(None)` takes back a cancellation.
    pub ends: Option<Option<Timestamp>>,
    /// When the running trial ends.
    pub trial_ends: Option<Timestamp>,
    /// When the change takes effect.
    pub schedule: Schedule,
    /// Whether periods are counted from the change on (`billingCycleAnchor: NOW`).
    pub new_anchor: bool,
    /// The caller's own data.
    pub metadata: Option<Metadata>,
    /// What else the contract carries.
    pub extras: ExtrasPatch,
}

/// Where a customer has one subscription: a product, for itself or for a resource. A running trial
/// may stand beside it.
pub(super) struct Place {
    /// The subscription that is live and no trial.
    pub(super) live: Option<SubscriptionNo>,
    /// The live trial.
    pub(super) trial: Option<SubscriptionNo>,
    /// What is to begin there.
    pub(super) pending: Vec<SubscriptionNo>,
}

impl Place {
    /// Who stands in the place of a subscription, itself excluded; nobody where the product allows
    /// several.
    pub(super) fn around(customer: &Customer, catalog: &Catalog, own: &SubscriptionTerms) -> Self {
        let product = &catalog.products[&own.product];
        let mut place = Self::find(customer, product, own.resource.as_ref());
        place.live = place.live.filter(|number| *number != own.number);
        place.trial = place.trial.filter(|number| *number != own.number);
        place.pending.retain(|number| *number != own.number);
        place
    }

    fn find(customer: &Customer, product: &Product, resource: Option<&ResourceId>) -> Self {
        let mut place = Self { live: None, trial: None, pending: Vec::new() };
        for subscription in &customer.subscriptions {
            let terms = &subscription.terms;
            let is_here = terms.product == product.id && terms.resource.as_ref() == resource;
            if !is_here || product.multiple_subscriptions {
                continue;
            }
            if terms.is_pending() {
                place.pending.push(terms.number);
            } else if terms.is_active() && terms.running_trial().is_some() {
                place.trial = Some(terms.number);
            } else if terms.is_active() {
                place.live = Some(terms.number);
            }
        }
        place
    }
}

/// Makes a subscription. Asking for what the live one already is changes nothing; the same plan
/// with other add-ons is an update of it; another plan of the product takes its place
/// (`behaviour.md` §0.7, §0.10, §7.3).
pub(super) fn provision(
    customer: &Customer,
    catalog: &Catalog,
    request: &ProvisionRequest,
    now: Timestamp,
) -> Result<Decision, CustomerRejection> {
    let key = PackageKey::plan(request.plan.clone());
    let package = find_package(catalog, &key)?;
    let product = &catalog.products[&package.product];
    let place = Place::find(customer, product, request.resource.as_ref());
    let terms = |number: &SubscriptionNo| &customer.subscriptions[number.0 as usize].terms;
    let same = [place.live, place.trial].into_iter().flatten();
    let same = same.filter(|number| terms(number).plan.plan == request.plan).find(|number| {
        // A trial beside the live subscription is another one.
        !matches!(request.trial, TrialRequest::With { .. })
            || terms(number).running_trial().is_some()
    });
    if let Some(number) = same {
        return provision_again(customer, catalog, request, number, &place, now);
    }
    if product.archived_at.is_some() {
        return Err(CustomerRejection::ProductArchived(product.id.clone()));
    }
    let version = subscribable(package)?;
    let subscriptions = customer.subscriptions.len();
    check_limit(subscriptions, CUSTOMER_SUBSCRIPTIONS_MAX, "subscriptions of a customer")?;
    let mut terms = new_terms(customer, catalog, request, version, &place, now)?;
    let waiting = place.pending.iter().map(|number| &customer.subscriptions[number.0 as usize]);
    let asked = (&request.plan, terms.started_at);
    let mut same =
        waiting.filter(|other| (&other.terms.plan.plan, other.terms.started_at) == asked);
    if let Some(same) = same.next() {
        return provision_again(customer, catalog, request, same.terms.number, &place, now);
    }
    terms.plan = pin_plan(catalog, package, version);
    check_amounts(catalog, &terms)?;
    check_products(catalog, &terms)?;
    let number = terms.number;
    let mut builder = Builder::new(customer, catalog, now);
    life::drop_pending(&mut builder, &place, None);
    builder.resource(request.resource.as_ref())?;
    let begins = terms.started_at <= now;
    builder.push(Entry::Subscription(Box::new(terms)));
    if begins {
        life::begin(&mut builder, number)?;
    }
    Ok(builder.finish(|decision| decision.subscription = Some(number)))
}

/// The plan that is there already: an update, or the conversion of its trial.
fn provision_again(
    customer: &Customer,
    catalog: &Catalog,
    request: &ProvisionRequest,
    number: SubscriptionNo,
    place: &Place,
    now: Timestamp,
) -> Result<Decision, CustomerRejection> {
    let mut builder = Builder::new(customer, catalog, now);
    life::drop_pending(&mut builder, place, Some(number));
    let terms = &customer.subscriptions[number.0 as usize].terms;
    if terms.running_trial().is_some() && is_without_trial(catalog, terms, request) {
        if terms.is_pending() {
            life::waive_trial(&mut builder, number);
        } else if request.schedule == Schedule::Now {
            life::convert(&mut builder, number)?;
        } else {
            life::continue_after_trial(&mut builder, number);
        }
    }
    if let Some(payer) = &request.paying_customer {
        revise::delegate(&mut builder, number, payer);
    }
    revise::update_on(&mut builder, number, &as_patch(request, now))?;
    Ok(builder.finish(|decision| decision.subscription = Some(number)))
}

/// Whether a request for the plan that is there asks for it without a trial: it says so, or leaves it to
/// a plan that begins none by itself, whose trial had been asked for (`behaviour.md` §0.21).
fn is_without_trial(
    catalog: &Catalog,
    terms: &SubscriptionTerms,
    request: &ProvisionRequest,
) -> bool {
    let plan = PackageKey::plan(terms.plan.plan.clone());
    match request.trial {
        TrialRequest::Without => true,
        TrialRequest::AsPlanned => {
            let version = pinned(catalog, &plan, terms.plan.version);
            version.plan_terms().is_none_or(|terms| terms.trial.is_none())
        }
        TrialRequest::With { .. } => false,
    }
}

/// Provisioning again replaces the lists that it names and keeps the rest.
fn as_patch(request: &ProvisionRequest, now: Timestamp) -> SubscriptionPatch {
    let schedule = match request.start {
        Some(start) if start > now => Schedule::At(start),
        _ => request.schedule,
    };
    let trial_ends = match request.trial {
        TrialRequest::With { ends_at, .. } => ends_at,
        TrialRequest::AsPlanned | TrialRequest::Without => None,
    };
    SubscriptionPatch {
        addons: request.addons.clone(),
        overrides: request.overrides.clone(),
        quantities: request.quantities.clone(),
        billing_period: request.billing_period,
        ends: request.ends.map(Some),
        trial_ends,
        schedule,
        new_anchor: request.new_anchor,
        metadata: request.metadata.clone(),
        extras: named_extras(&request.extras),
    }
}

fn named_extras(extras: &Extras) -> ExtrasPatch {
    extras.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect()
}

/// The terms of a subscription that has not begun. Where it takes the place of another, what the
/// request does not name is taken over as far as the new plan allows it.
fn new_terms(
    customer: &Customer,
    catalog: &Catalog,
    request: &ProvisionRequest,
    version: &PackageVersion,
    place: &Place,
    now: Timestamp,
) -> Result<SubscriptionTerms, CustomerRejection> {
    let before = place.live.or(place.trial);
    let before = before.map(|number| &customer.subscriptions[number.0 as usize].terms);
    let started_at = start_of(request, before, now);
    let last = Timestamp::MAX.plus_seconds(-TIME_MARGIN_SECONDS);
    if request.start.is_some_and(|start| start > last) {
        return Err(CustomerRejection::StartTooLate(last));
    }
    let pays = place.live.is_some() && before.is_some_and(|terms| terms.pricing == Pricing::Paid);
    let start = Anchor { at: started_at, zone: catalog.settings.zone.clone() };
    let trial = trial_of(request, version, pays, &start, now)?;
    let ends = check_end(request.ends, started_at.max(now))?;
    let addons = match (&request.addons, before) {
        (Some(addons), _) => pin_addons(catalog, version, addons, &[])?,
        (None, Some(before)) => revise::addons_that_stay(catalog, version, before)?,
        (None, None) => Vec::new(),
    };
    let quantities = request.quantities.as_ref().or(before.map(|terms| &terms.quantities));
    let billing_period = before.map_or(BillingPeriod::Monthly, |terms| terms.billing_period);
    let payer = request.paying_customer.as_ref();
    let payer = payer.or(before.and_then(|terms| terms.paying_customer.as_ref()));
    let number = u32::try_from(customer.subscriptions.len()).expect("limited above");
    Ok(SubscriptionTerms {
        number: SubscriptionNo(number),
        id: request.id.clone(),
        product: catalog.packages[&PackageKey::plan(request.plan.clone())].product.clone(),
        plan: super::PlanPin { plan: request.plan.clone(), version: 0, ancestors: Vec::new() },
        pricing: version.pricing.unwrap_or(Pricing::Free),
        addons,
        overrides: check_overrides(catalog, request.overrides.as_deref().unwrap_or_default())?,
        quantities: check_quantities(catalog, quantities.map_or(&[][..], Vec::as_slice))?,
        resource: request.resource.clone(),
        paying_customer: payer.filter(|payer| **payer != customer.profile.id).cloned(),
        billing_period: request.billing_period.unwrap_or(billing_period),
        anchor: start,
        epoch: 0,
        epoch_start: started_at,
        started_at,
        has_begun: false,
        new_anchor: request.new_anchor,
        continues: None,
        trial,
        ends,
        ended: None,
        scheduled: Vec::new(),
        metadata: request.metadata.clone().unwrap_or_default(),
        extras: request.extras.clone(),
        created_at: now,
        updated_at: now,
    })
}

fn start_of(
    request: &ProvisionRequest,
    before: Option<&SubscriptionTerms>,
    now: Timestamp,
) -> Timestamp {
    match (request.start, before) {
        (Some(start), None) => start,
        (Some(start), Some(_)) => start.max(now),
        (None, None) => now,
        (None, Some(before)) => revise::time_of(before, request.schedule, now),
    }
}

/// The trial that it begins with (`behaviour.md` §0.21), counted in the wall time of the
/// environment's zone; a planned one that would be over by now is none.
fn trial_of(
    request: &ProvisionRequest,
    version: &PackageVersion,
    pays: bool,
    start: &Anchor,
    now: Timestamp,
) -> Result<Option<Trial>, CustomerRejection> {
    let planned = version.plan_terms().and_then(|terms| terms.trial.as_ref());
    let (ends_at, end) = match request.trial {
        TrialRequest::Without => return Ok(None),
        TrialRequest::AsPlanned if pays || planned.is_none() => return Ok(None),
        TrialRequest::AsPlanned => (None, None),
        TrialRequest::With { ends_at, end } => (ends_at, end),
    };
    let planned_end = planned.map(|config| {
        // Lengths are whole numbers of at least one, which the edge checks.
        let length = config.duration.nano() / crate::Amount::whole(1).nano();
        let length = u16::try_from(length).unwrap_or(u16::MAX);
        let interval = match config.units {
            TrialUnit::Day => Interval::Days(length),
            TrialUnit::Month => Interval::Months(length),
        };
        boundary(start, interval, 1)
    });
    let ends_at = ends_at.or(planned_end).ok_or(CustomerRejection::TrialWithoutEnd)?;
    if ends_at <= start.at.max(now) {
        return match request.trial {
            TrialRequest::AsPlanned => Ok(None),
            TrialRequest::Without | TrialRequest::With { .. } => {
                Err(CustomerRejection::InvalidTrialEnd)
            }
        };
    }
    let end = end.or(planned.and_then(|config| config.end)).unwrap_or(TrialEnd::ConvertToPaid);
    Ok(Some(Trial { ends_at, end, is_over: false }))
}

/// The end that was asked for lies ahead.
pub(super) fn check_end(
    ends: Option<Timestamp>,
    after: Timestamp,
) -> Result<Option<SubscriptionEnd>, CustomerRejection> {
    match ends {
        Some(at) if at <= after => Err(CustomerRejection::InvalidEnd),
        Some(at) => Ok(Some(SubscriptionEnd { at, reason: SubscriptionEndReason::Scheduled })),
        None => Ok(None),
    }
}
