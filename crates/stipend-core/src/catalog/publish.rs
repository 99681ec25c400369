//! The life of versions: open a draft, publish, discard, archive, copy (`behaviour.md` §1.8,
//! §0.18).

use super::decide::{
    find_credit_type, find_feature, find_package, find_product, packages_of_product,
};
use super::{
    Catalog, CatalogChange, CatalogRejection, Entitlement, MeterType, Package, PackageDetails,
    PackageKey, PackageVersion, Product, Target, VersionStatus,
};
use crate::id::{FeatureId, PackageId, ProductId};
use crate::time::Timestamp;
use std::sync::Arc;

/// Whom a newly published version reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migration {
    /// New subscriptions only; present ones stay on their version.
    NewCustomers,
    /// Present subscriptions too: what grows, grows at once, what shrinks or changes otherwise
    /// does so with the next period (`behaviour.md` §11 row 39).
    AllCustomers,
}

pub(super) fn open_draft(
    catalog: &Catalog,
    key: &PackageKey,
    now: Timestamp,
) -> Result<Vec<CatalogChange>, CatalogRejection> {
    let (mut package, draft) = opened(catalog, key, now)?;
    package.draft = Some(Arc::new(draft));
    Ok(vec![CatalogChange::Package(package)])
}

/// A package that has no draft, and the draft that it gets.
pub(super) fn opened(
    catalog: &Catalog,
    key: &PackageKey,
    now: Timestamp,
) -> Result<(Package, PackageVersion), CatalogRejection> {
    let package = find_package(catalog, key)?;
    if package.archived_at.is_some() {
        return Err(CatalogRejection::PackageArchived(key.clone()));
    }
    if package.draft.is_some() {
        return Err(CatalogRejection::DraftExists(key.clone()));
    }
    let latest = package.latest().ok_or_else(|| CatalogRejection::NotPublished(key.clone()))?;
    let draft = PackageVersion {
        version: package.next_version(),
        status: VersionStatus::Draft,
        published_at: None,
        created_at: now,
        updated_at: now,
        ..PackageVersion::clone(latest)
    };
    Ok((Package::clone(package), draft))
}

/// A draft that was never published is all there is of the package, so it cannot be dropped;
/// archiving is what ends it.
pub(super) fn discard_draft(
    catalog: &Catalog,
    key: &PackageKey,
) -> Result<Vec<CatalogChange>, CatalogRejection> {
    let mut package = Package::clone(find_package(catalog, key)?);
    if package.draft.take().is_none() {
        return Err(CatalogRejection::NoDraft(key.clone()));
    }
    if package.published.is_empty() {
        return Err(CatalogRejection::NotPublished(key.clone()));
    }
    Ok(vec![CatalogChange::Package(package)])
}

pub(super) fn publish(
    catalog: &Catalog,
    key: &PackageKey,
    now: Timestamp,
) -> Result<Vec<CatalogChange>, CatalogRejection> {
    let mut package = Package::clone(find_package(catalog, key)?);
    if package.archived_at.is_some() {
        return Err(CatalogRejection::PackageArchived(key.clone()));
    }
    let draft = package.draft.take().ok_or_else(|| CatalogRejection::NoDraft(key.clone()))?;
    let parent = draft.plan_terms().and_then(|terms| terms.parent.clone());
    let costs = !draft.charges.rows.is_empty() || !draft.charges.overage.is_empty();
    if draft.entitlements.is_empty() && !costs && parent.is_none() {
        return Err(CatalogRejection::Empty(key.clone()));
    }
    if let Some(parent) = parent {
        let parent = PackageKey::plan(parent);
        if find_package(catalog, &parent)?.latest().is_none() {
            return Err(CatalogRejection::NotPublished(parent));
        }
    }
    check_dependencies(&draft)?;
    check_rates(catalog, &draft)?;
    package.published.push(Arc::new(PackageVersion {
        status: VersionStatus::Published,
        published_at: Some(now),
        updated_at: now,
        ..PackageVersion::clone(&draft)
    }));
    Ok(vec![CatalogChange::Package(package)])
}

/// Credits for each unit of a feature need to know how many there are (`behaviour.md` §2.7).
fn check_dependencies(draft: &PackageVersion) -> Result<(), CatalogRejection> {
    for entitlement in &draft.entitlements {
        let per_unit_of = entitlement.credit().and_then(|(_, terms)| terms.per_unit_of.as_ref());
        let Some(feature) = per_unit_of else { continue };
        let found = draft.find_entitlement(&Target::Feature(feature.clone()));
        let is_limited = found
            .and_then(Entitlement::feature)
            .is_some_and(|(_, terms)| terms.usage_limit.is_some() && terms.unlimited != Some(true));
        if !is_limited {
            return Err(CatalogRejection::DependencyNotLimited(feature.clone()));
        }
    }
    Ok(())
}

/// What usage costs must be possible to count and to charge (`behaviour.md` §0.20).
fn check_rates(catalog: &Catalog, draft: &PackageVersion) -> Result<(), CatalogRejection> {
    for rate in &draft.charges.rates {
        let feature = find_feature(catalog, &rate.feature)?;
        if feature.meter_type == MeterType::None {
            return Err(CatalogRejection::FeatureNotMetered(rate.feature.clone()));
        }
        if feature.meter.as_ref().is_some_and(|meter| !meter.aggregation.only_grows()) {
            return Err(CatalogRejection::UnsupportedAggregation(rate.feature.clone()));
        }
        if find_credit_type(catalog, &rate.currency)?.archived_at.is_some() {
            return Err(CatalogRejection::CurrencyArchived(rate.currency.clone()));
        }
    }
    Ok(())
}

/// Whether usage of a feature costs credits by a published version of any package.
pub(super) fn is_priced(catalog: &Catalog, feature: &FeatureId) -> bool {
    let versions = catalog.packages.values().flat_map(|package| &package.published);
    let mut rates = versions.flat_map(|version| &version.charges.rates);
    rates.any(|rate| rate.feature == *feature)
}

pub(super) fn archive_package(
    catalog: &Catalog,
    key: &PackageKey,
    now: Timestamp,
) -> Result<Vec<CatalogChange>, CatalogRejection> {
    let mut package = Package::clone(find_package(catalog, key)?);
    if package.archived_at.is_some() {
        return Ok(Vec::new());
    }
    package.archived_at = Some(now);
    Ok(vec![CatalogChange::Package(package)])
}

/// Copies the product and what is not archived of its packages: of each the latest published
/// version, else the draft, as version 1. References among the copied packages, and the plans that
/// the product's settings name, follow to the copies.
pub(super) fn duplicate_product(
    catalog: &Catalog,
    source: &ProductId,
    target: &ProductId,
    name: &Option<String>,
    description: &Option<Option<String>>,
    now: Timestamp,
) -> Result<Vec<CatalogChange>, CatalogRejection> {
    let product = find_product(catalog, source)?;
    if catalog.products.contains_key(target) {
        return Err(CatalogRejection::AlreadyExists(target.to_string()));
    }
    let copied: Vec<&Arc<Package>> = packages_of_product(catalog, source)
        .filter(|package| package.archived_at.is_none())
        .collect();
    let rename = |key: &PackageKey| -> Result<PackageKey, CatalogRejection> {
        if !copied.iter().any(|package| package.key == *key) {
            return Ok(key.clone());
        }
        let id = format!("{target}-{}", key.id);
        let taken = CatalogRejection::AlreadyExists(id.clone());
        let id = PackageId::parse(&id).map_err(|_| taken.clone())?;
        let renamed = PackageKey { kind: key.kind, id };
        if catalog.packages.contains_key(&renamed) { Err(taken) } else { Ok(renamed) }
    };
    let mut settings = product.settings.clone();
    if let Some(settings) = &mut settings {
        for plan in [&mut settings.downgrade_plan, &mut settings.start_plan].into_iter().flatten() {
            *plan = rename(&PackageKey::plan(plan.clone()))?.id;
        }
    }
    let mut changes = vec![CatalogChange::Product(Product {
        id: target.clone(),
        name: name.clone().unwrap_or_else(|| product.name.clone()),
        description: description.clone().unwrap_or_else(|| product.description.clone()),
        archived_at: None,
        settings,
        subscribed: false,
        created_at: now,
        updated_at: now,
        ..Product::clone(product)
    })];
    for package in &copied {
        let shown = package.latest().unwrap_or_else(|| package.shown());
        let mut version = PackageVersion {
            version: 1,
            published_at: shown.published_at.map(|_| now),
            created_at: now,
            updated_at: now,
            ..PackageVersion::clone(shown)
        };
        rename_references(&mut version.details, rename)?;
        let is_published = version.status == VersionStatus::Published;
        let version = Arc::new(version);
        changes.push(CatalogChange::Package(Package {
            key: rename(&package.key)?,
            product: target.clone(),
            published: if is_published { vec![Arc::clone(&version)] } else { Vec::new() },
            draft: if is_published { None } else { Some(version) },
            archived_at: None,
            subscribed_version: None,
            created_at: now,
        }));
    }
    Ok(changes)
}

fn rename_references(
    details: &mut PackageDetails,
    rename: impl Fn(&PackageKey) -> Result<PackageKey, CatalogRejection>,
) -> Result<(), CatalogRejection> {
    match details {
        PackageDetails::Plan(terms) => {
            if let Some(parent) = &mut terms.parent {
                *parent = rename(&PackageKey::plan(parent.clone()))?.id;
            }
            for addon in terms.compatible_addons.iter_mut().flatten() {
                *addon = rename(&PackageKey::addon(addon.clone()))?.id;
            }
        }
        PackageDetails::Addon(terms) => {
            for addon in terms.dependencies.iter_mut().flatten() {
                *addon = rename(&PackageKey::addon(addon.clone()))?.id;
            }
        }
    }
    Ok(())
}
