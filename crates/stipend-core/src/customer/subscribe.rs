//! Making, changing and ending subscriptions (`behaviour.md` §0.10, §7).

use super::decide::{Builder, CustomerRejection, Decision, check_limit};
use super::entry::Entry;
use super::reallocate::{reallocate, revoke};
use super::resolve::resolve;
use super::subscription::{
    AddonPin, BillingPeriod, CreditOverride, PlanPin, SubscriptionEnd, SubscriptionEndReason,
    SubscriptionTerms,
};
use super::{Customer, Subscription};
use crate::Amount;
use crate::catalog::{
    AddonTerms, Catalog, Extras, ExtrasPatch, Metadata, Package, PackageKey, PackageVersion,
    PlanTerms, Pricing, patch_extras,
};
use crate::id::{CustomerId, PackageId, ResourceId, SubscriptionId, SubscriptionNo};
use crate::limits::{
    CUSTOMER_SUBSCRIPTIONS_MAX, SUBSCRIPTION_ADDONS_MAX, SUBSCRIPTION_OVERRIDES_MAX,
};
use crate::time::Timestamp;
use std::sync::Arc;

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
    /// The resource it is for.
    pub resource: Option<ResourceId>,
    /// Who pays, where it is someone else.
    pub paying_customer: Option<CustomerId>,
    /// How long a billing period is; a month where absent.
    pub billing_period: Option<BillingPeriod>,
    /// When it begins; now where absent.
    pub start: Option<Timestamp>,
    /// Whether it begins with a trial; as the plan says where absent.
    pub trial: Option<bool>,
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
    /// How long a billing period is.
    pub billing_period: Option<BillingPeriod>,
    /// The caller's own data.
    pub metadata: Option<Metadata>,
    /// What else the contract carries.
    pub extras: ExtrasPatch,
}

/// Makes a subscription. Asking for what the live one already is changes nothing; the same plan
/// with other add-ons is an update of it (`behaviour.md` §0.10).
pub(super) fn provision(
    customer: &Customer,
    catalog: &Catalog,
    request: &ProvisionRequest,
    now: Timestamp,
) -> Result<Decision, CustomerRejection> {
    let key = PackageKey::plan(request.plan.clone());
    let package = find_package(catalog, &key)?;
    let product = &catalog.products[&package.product];
    let live = customer.subscriptions.iter().find(|subscription| {
        let terms = &subscription.terms;
        let same_place = terms.product == package.product && terms.resource == request.resource;
        terms.is_active() && same_place
    });
    if let Some(live) = live.filter(|_| !product.multiple_subscriptions) {
        if live.terms.plan.plan != request.plan {
            return Err(CustomerRejection::SubscriptionExists(live.terms.id.to_string()));
        }
        return update(customer, catalog, live.terms.number, &as_patch(request), now);
    }
    if product.archived_at.is_some() {
        return Err(CustomerRejection::ProductArchived(product.id.clone()));
    }
    let version = subscribable(package)?;
    let plan_terms = version.plan_terms().expect("a plan has the terms of a plan");
    if request.trial.unwrap_or(plan_terms.trial.is_some()) {
        return Err(CustomerRejection::TrialUnsupported);
    }
    if request.start.is_some_and(|start| start > now) {
        return Err(CustomerRejection::FutureStartUnsupported);
    }
    let subscriptions = customer.subscriptions.len();
    check_limit(subscriptions, CUSTOMER_SUBSCRIPTIONS_MAX, "subscriptions of a customer")?;
    let started_at = request.start.unwrap_or(now);
    let terms = SubscriptionTerms {
        number: SubscriptionNo(u32::try_from(subscriptions).expect("limited above")),
        id: request.id.clone(),
        product: package.product.clone(),
        plan: pin_plan(catalog, package, version),
        pricing: version.pricing.unwrap_or(Pricing::Free),
        addons: pin_addons(catalog, version, request.addons.as_deref().unwrap_or_default(), &[])?,
        overrides: check_overrides(catalog, request.overrides.as_deref().unwrap_or_default())?,
        resource: request.resource.clone(),
        paying_customer: request.paying_customer.clone(),
        billing_period: request.billing_period.unwrap_or(BillingPeriod::Monthly),
        anchor: started_at,
        epoch: 0,
        started_at,
        ended: None,
        metadata: request.metadata.clone().unwrap_or_default(),
        extras: request.extras.clone(),
        created_at: now,
        updated_at: now,
    };
    check_amounts(catalog, &terms)?;
    let number = terms.number;
    let mut builder = Builder::new(customer, catalog, now);
    builder.resource(request.resource.as_ref())?;
    builder.push(Entry::Subscription(terms));
    reallocate(&mut builder, number, None)?;
    Ok(builder.finish(|decision| decision.subscription = Some(number)))
}

/// Provisioning again replaces the lists that it names and keeps the rest.
fn as_patch(request: &ProvisionRequest) -> SubscriptionPatch {
    SubscriptionPatch {
        addons: request.addons.clone(),
        overrides: request.overrides.clone(),
        billing_period: request.billing_period,
        metadata: request.metadata.clone(),
        extras: named_extras(&request.extras),
    }
}

fn named_extras(extras: &Extras) -> ExtrasPatch {
    extras.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect()
}

/// Changes a subscription at once, in full (`behaviour.md` §0.6, §0.17).
pub(super) fn update(
    customer: &Customer,
    catalog: &Catalog,
    number: SubscriptionNo,
    patch: &SubscriptionPatch,
    now: Timestamp,
) -> Result<Decision, CustomerRejection> {
    let before = &customer.subscription(number).expect("the engine names what exists").terms;
    if !before.is_active() {
        return Err(CustomerRejection::SubscriptionEnded);
    }
    let mut terms = before.clone();
    let plan = PackageKey::plan(terms.plan.plan.clone());
    let version = super::resolve::pinned(catalog, &plan, terms.plan.version);
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
    terms.billing_period = patch.billing_period.unwrap_or(terms.billing_period);
    terms.metadata = patch.metadata.clone().unwrap_or(terms.metadata);
    patch_extras(&mut terms.extras, &patch.extras);
    check_amounts(catalog, &terms)?;
    let mut builder = Builder::new(customer, catalog, now);
    if terms != *before {
        terms.updated_at = now;
        let shares = resolve(before, catalog);
        builder.push(Entry::Subscription(terms));
        reallocate(&mut builder, number, Some(&shares))?;
    }
    Ok(builder.finish(|decision| decision.subscription = Some(number)))
}

/// Ends a subscription now. Its recurring grants end with it; what was bought or given stays
/// the customer's, and so does overdraft (`behaviour.md` §11 row 12).
pub(super) fn end(
    builder: &mut Builder<'_>,
    number: SubscriptionNo,
    reason: SubscriptionEndReason,
) {
    let subscription: &Subscription =
        builder.customer.subscription(number).expect("the engine names what exists");
    if !subscription.terms.is_active() {
        return;
    }
    let terms = SubscriptionTerms {
        ended: Some(SubscriptionEnd { at: builder.now, reason }),
        updated_at: builder.now,
        ..subscription.terms.clone()
    };
    builder.push(Entry::Subscription(terms));
    revoke(builder, number);
}

fn find_package<'a>(
    catalog: &'a Catalog,
    key: &PackageKey,
) -> Result<&'a Arc<Package>, CustomerRejection> {
    catalog.packages.get(key).ok_or_else(|| CustomerRejection::PackageNotFound(key.clone()))
}

/// The version that a new subscription takes.
fn subscribable(package: &Package) -> Result<&Arc<PackageVersion>, CustomerRejection> {
    if package.archived_at.is_some() {
        return Err(CustomerRejection::PackageArchived(package.key.clone()));
    }
    package.latest().ok_or_else(|| CustomerRejection::NotPublished(package.key.clone()))
}

/// The plan with its ancestors, each at the version that is the latest now.
fn pin_plan(catalog: &Catalog, package: &Package, version: &PackageVersion) -> PlanPin {
    let parent_of = |version: &PackageVersion| {
        version.plan_terms().and_then(|terms: &PlanTerms| terms.parent.clone())
    };
    let mut ancestors: Vec<(PackageId, u32)> = Vec::new();
    let mut next = parent_of(version);
    while let Some(id) = next {
        let package = &catalog.packages[&PackageKey::plan(id.clone())];
        let latest = package.latest().expect("a published plan has published parents");
        ancestors.push((id, latest.version));
        next = parent_of(latest);
    }
    PlanPin { plan: package.key.id.clone(), version: version.version, ancestors }
}

/// The add-ons at the versions that hold for them: present ones keep theirs, new ones take the
/// latest.
fn pin_addons(
    catalog: &Catalog,
    plan: &PackageVersion,
    asked: &[(PackageId, u32)],
    present: &[AddonPin],
) -> Result<Vec<AddonPin>, CustomerRejection> {
    check_limit(asked.len().saturating_sub(1), SUBSCRIPTION_ADDONS_MAX, "add-ons")?;
    let mut pins: Vec<AddonPin> = Vec::with_capacity(asked.len());
    for (addon, quantity) in asked {
        assert!(*quantity > 0, "the edge refuses quantities below one");
        let key = PackageKey::addon(addon.clone());
        let package = find_package(catalog, &key)?;
        let kept = present.iter().find(|pin| pin.addon == *addon);
        let version = match kept {
            Some(pin) => pin.version,
            None => subscribable(package)?.version,
        };
        if pins.iter().any(|pin| pin.addon == *addon) {
            return Err(CustomerRejection::DuplicateAddon(key));
        }
        pins.push(AddonPin { addon: addon.clone(), version, quantity: *quantity });
    }
    check_compatible(catalog, plan, &pins, present)?;
    for pin in &pins {
        check_addon(catalog, pin, &pins)?;
    }
    Ok(pins)
}

/// Compatibility is declared on the plan; custom add-ons need a custom plan. What is already on
/// the subscription stays allowed.
fn check_compatible(
    catalog: &Catalog,
    plan: &PackageVersion,
    pins: &[AddonPin],
    present: &[AddonPin],
) -> Result<(), CustomerRejection> {
    let allowed = plan.plan_terms().and_then(|terms| terms.compatible_addons.as_deref());
    let refused = pins.iter().filter(|pin| {
        let version =
            super::resolve::pinned(catalog, &PackageKey::addon(pin.addon.clone()), pin.version);
        let fits_pricing =
            version.pricing != Some(Pricing::Custom) || plan.pricing == Some(Pricing::Custom);
        let is_listed = allowed.unwrap_or_default().contains(&pin.addon);
        let is_present = present.iter().any(|other| other.addon == pin.addon);
        !(is_present || (is_listed && fits_pricing))
    });
    let refused: Vec<_> = refused.map(|pin| PackageKey::addon(pin.addon.clone())).collect();
    if refused.is_empty() { Ok(()) } else { Err(CustomerRejection::AddonsIncompatible(refused)) }
}

fn check_addon(
    catalog: &Catalog,
    pin: &AddonPin,
    pins: &[AddonPin],
) -> Result<(), CustomerRejection> {
    let key = PackageKey::addon(pin.addon.clone());
    let version = super::resolve::pinned(catalog, &key, pin.version);
    let terms: &AddonTerms = version.addon_terms().expect("an add-on has the terms of one");
    let needed = terms.dependencies.as_deref().unwrap_or_default();
    let missing: Vec<_> = needed
        .iter()
        .filter(|needed| !pins.iter().any(|pin| pin.addon == **needed))
        .map(|needed| PackageKey::addon(needed.clone()))
        .collect();
    if !missing.is_empty() {
        return Err(CustomerRejection::DependencyMissing { addon: key, missing });
    }
    let sellable = version.entitlements.iter().filter_map(|entitlement| {
        // What is granted at once must stay an amount.
        let amount = entitlement.credit()?.1.amount.filter(|amount| amount.is_positive())?;
        u32::try_from(Amount::MAX.nano() / amount.nano()).ok()
    });
    match sellable.chain(terms.max_quantity).min() {
        Some(max) if pin.quantity > max => {
            Err(CustomerRejection::QuantityExceeded { addon: key, max, quantity: pin.quantity })
        }
        _ => Ok(()),
    }
}

fn check_overrides(
    catalog: &Catalog,
    overrides: &[CreditOverride],
) -> Result<Vec<CreditOverride>, CustomerRejection> {
    check_limit(overrides.len().saturating_sub(1), SUBSCRIPTION_OVERRIDES_MAX, "overrides")?;
    for (place, agreed) in overrides.iter().enumerate() {
        if !catalog.credit_types.contains_key(&agreed.currency) {
            return Err(CustomerRejection::CurrencyNotFound(agreed.currency.clone()));
        }
        if overrides[..place].iter().any(|other| other.currency == agreed.currency) {
            return Err(CustomerRejection::DuplicateOverride(agreed.currency.clone()));
        }
    }
    Ok(overrides.to_vec())
}

/// A custom plan may leave amounts open, its own or inherited; the subscription must then say
/// them.
fn check_amounts(catalog: &Catalog, terms: &SubscriptionTerms) -> Result<(), CustomerRejection> {
    if terms.pricing != Pricing::Custom {
        return Ok(());
    }
    let own = std::iter::once((&terms.plan.plan, terms.plan.version));
    let ancestors = terms.plan.ancestors.iter().map(|(id, version)| (id, *version));
    let mut seen = Vec::new();
    for (id, version) in own.chain(ancestors) {
        let plan = PackageKey::plan(id.clone());
        for entitlement in &super::resolve::pinned(catalog, &plan, version).entitlements {
            let Some((currency, credit)) = entitlement.credit() else { continue };
            let agreed = terms.overrides.iter().any(|agreed| agreed.currency == *currency);
            if agreed || seen.contains(&currency) {
                continue;
            }
            if entitlement.granted && credit.amount.is_none() {
                return Err(CustomerRejection::AmountRequired(currency.clone()));
            }
            seen.push(currency);
        }
    }
    Ok(())
}
