//! Pinning a subscription to versions, and what the catalog allows on one (`behaviour.md` §1.5,
//! §7.3).

use super::decide::{CustomerRejection, check_limit};
use super::resolve::{Standing, pinned, resolve};
use super::subscription::{AddonPin, CreditOverride, FeatureQuantity, PlanPin, SubscriptionTerms};
use crate::Amount;
use crate::catalog::{
    AddonTerms, Catalog, Package, PackageKey, PackageVersion, PlanTerms, Pricing,
};
use crate::id::{FeatureId, PackageId};
use crate::limits::{
    SUBSCRIPTION_ADDONS_MAX, SUBSCRIPTION_OVERRIDES_MAX, SUBSCRIPTION_QUANTITIES_MAX,
};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn find_package<'a>(
    catalog: &'a Catalog,
    key: &PackageKey,
) -> Result<&'a Arc<Package>, CustomerRejection> {
    catalog.packages.get(key).ok_or_else(|| CustomerRejection::PackageNotFound(key.clone()))
}

/// The version that a new subscription takes.
pub(super) fn subscribable(package: &Package) -> Result<&Arc<PackageVersion>, CustomerRejection> {
    if package.archived_at.is_some() {
        return Err(CustomerRejection::PackageArchived(package.key.clone()));
    }
    package.latest().ok_or_else(|| CustomerRejection::NotPublished(package.key.clone()))
}

/// The plan with its ancestors, each at the version that is the latest now.
pub(super) fn pin_plan(catalog: &Catalog, package: &Package, version: &PackageVersion) -> PlanPin {
    let plan = package.key.id.clone();
    let ancestors = lineage(catalog, &plan, version, |_, latest| latest);
    PlanPin { plan, version: version.version, ancestors }
}

/// The pin of a plan after a version of a package was published to everyone; the same where the
/// plan neither is the package nor inherits from it, or has that version already.
///
/// What moves says what it inherits from now on, and its ancestors are those of this moment; what
/// lies between the plan and an ancestor that moves stays (`behaviour.md` §1.8).
pub(super) fn raise_plan(
    catalog: &Catalog,
    pin: &PlanPin,
    package: &PackageKey,
    version: u32,
) -> PlanPin {
    let is_meant = |id: &PackageId| PackageKey::plan(id.clone()) == *package;
    let mut has_moved = is_meant(&pin.plan) && pin.version < version;
    let own = if has_moved { version } else { pin.version };
    let own_version = pinned(catalog, &PackageKey::plan(pin.plan.clone()), own);
    let ancestors = lineage(catalog, &pin.plan, own_version, |id, latest| {
        let known = pin.ancestors.iter().find(|(known, _)| known == id).map(|(_, known)| *known);
        match known.filter(|_| !has_moved) {
            Some(known) if is_meant(id) && known < version => {
                has_moved = true;
                version
            }
            Some(known) => known,
            None => {
                has_moved |= is_meant(id);
                latest
            }
        }
    });
    if has_moved {
        PlanPin { plan: pin.plan.clone(), version: own, ancestors }
    } else {
        pin.clone()
    }
}

/// What a version of a plan inherits from, nearest first, each at the version that `pin` chooses
/// given the latest. Where versions that are not the latest lead in a circle, it ends there.
fn lineage(
    catalog: &Catalog,
    plan: &PackageId,
    version: &PackageVersion,
    mut pin: impl FnMut(&PackageId, u32) -> u32,
) -> Vec<(PackageId, u32)> {
    let parent_of = |version: &PackageVersion| {
        version.plan_terms().and_then(|terms: &PlanTerms| terms.parent.clone())
    };
    let mut ancestors: Vec<(PackageId, u32)> = Vec::new();
    let mut next = parent_of(version);
    while let Some(id) = next {
        if id == *plan || ancestors.iter().any(|(known, _)| *known == id) {
            break;
        }
        let key = PackageKey::plan(id.clone());
        let latest = catalog.packages[&key].latest();
        let latest = latest.expect("a published plan has published parents").version;
        let version = pin(&id, latest);
        next = parent_of(pinned(catalog, &key, version));
        ancestors.push((id, version));
    }
    ancestors
}

/// The add-ons at the versions that hold for them: present ones keep theirs, new ones take the
/// latest.
pub(super) fn pin_addons(
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
    check_rates(catalog, &pins)?;
    Ok(pins)
}

/// What usage of a feature costs is said by one add-on at most (`behaviour.md` §11 row 24).
pub(super) fn check_rates(catalog: &Catalog, pins: &[AddonPin]) -> Result<(), CustomerRejection> {
    let mut priced: BTreeMap<&FeatureId, Vec<PackageKey>> = BTreeMap::new();
    for pin in pins {
        let key = PackageKey::addon(pin.addon.clone());
        for rate in &pinned(catalog, &key, pin.version).charges.rates {
            let addons = priced.entry(&rate.feature).or_default();
            // An add-on has a rate for each billing period.
            if addons.last() != Some(&key) {
                addons.push(key.clone());
            }
        }
    }
    match priced.into_iter().find(|(_, addons)| addons.len() > 1) {
        Some((feature, addons)) => {
            Err(CustomerRejection::AmbiguousRate { feature: feature.clone(), addons })
        }
        None => Ok(()),
    }
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
        let version = pinned(catalog, &PackageKey::addon(pin.addon.clone()), pin.version);
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
    let version = pinned(catalog, &key, pin.version);
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

pub(super) fn check_overrides(
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
pub(super) fn check_amounts(
    catalog: &Catalog,
    terms: &SubscriptionTerms,
) -> Result<(), CustomerRejection> {
    if terms.pricing != Pricing::Custom {
        return Ok(());
    }
    let own = std::iter::once((&terms.plan.plan, terms.plan.version));
    let ancestors = terms.plan.ancestors.iter().map(|(id, version)| (id, *version));
    let mut seen = Vec::new();
    for (id, version) in own.chain(ancestors) {
        let plan = PackageKey::plan(id.clone());
        for entitlement in &pinned(catalog, &plan, version).entitlements {
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

/// Units × credits stay within the greatest amount.
pub(super) fn check_products(
    catalog: &Catalog,
    terms: &SubscriptionTerms,
) -> Result<(), CustomerRejection> {
    for (currency, shares) in resolve(terms, catalog) {
        let mut giving = shares.iter().filter(|share| share.standing != Standing::NotGranted);
        if let Some(share) = giving.find(|share| share.product().is_none()) {
            let package = share.package.clone();
            return Err(CustomerRejection::AmountTooLarge { package, currency });
        }
    }
    Ok(())
}

/// Units are bought of features that exist, of each once.
pub(super) fn check_quantities(
    catalog: &Catalog,
    quantities: &[FeatureQuantity],
) -> Result<Vec<FeatureQuantity>, CustomerRejection> {
    check_limit(quantities.len().saturating_sub(1), SUBSCRIPTION_QUANTITIES_MAX, "charges")?;
    for (place, bought) in quantities.iter().enumerate() {
        if !catalog.features.contains_key(&bought.feature) {
            return Err(CustomerRejection::FeatureNotFound(bought.feature.clone()));
        }
        if quantities[..place].iter().any(|other| other.feature == bought.feature) {
            return Err(CustomerRejection::DuplicateQuantity(bought.feature.clone()));
        }
    }
    Ok(quantities.to_vec())
}

/// As [`repin`], for what cannot be refused any more: add-ons whose latest versions price one feature
/// keep those that they have.
pub(super) fn repin_where_allowed(catalog: &Catalog, terms: &mut SubscriptionTerms) {
    let addons = terms.addons.clone();
    repin(catalog, terms);
    if check_rates(catalog, &terms.addons).is_err() {
        terms.addons = addons;
    }
}

/// The plan and the add-ons at the versions that are the latest now.
pub(super) fn repin(catalog: &Catalog, terms: &mut SubscriptionTerms) {
    let plan = &catalog.packages[&PackageKey::plan(terms.plan.plan.clone())];
    let latest = plan.latest().expect("a subscribed plan was published");
    terms.plan = pin_plan(catalog, plan, latest);
    terms.pricing = latest.pricing.unwrap_or(Pricing::Free);
    for pin in &mut terms.addons {
        let addon = &catalog.packages[&PackageKey::addon(pin.addon.clone())];
        pin.version = addon.latest().expect("a subscribed add-on was published").version;
    }
}
