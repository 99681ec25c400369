//! Deciding catalog commands.

use super::command::{
    CatalogCommand, CreditTypePatch, FeaturePatch, NewCreditType, NewFeature, NewProduct,
    ProductPatch,
};
use super::{
    Catalog, CatalogChange, CreditType, EndSetup, Feature, FeatureStatus, Package, PackageKey,
    Pricing, Product, ProductSettings, ResetPeriod, Settings, Target, UsageReset, draft, publish,
};
use crate::id::{CurrencyId, FeatureId, ProductId};
use crate::time::Timestamp;
use std::sync::Arc;

/// Why a catalog command is refused. The order is the precedence where several apply; what a
/// package refers to is looked for after the package itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogRejection {
    /// There is no such product.
    #[error("there is no product {0}")]
    ProductNotFound(ProductId),
    /// There is no such plan or add-on.
    #[error("there is no {0}")]
    PackageNotFound(PackageKey),
    /// The package is not as it was seen any more.
    #[error("{0} was changed meanwhile; look at it again")]
    Changed(PackageKey),
    /// The id is taken.
    #[error("the id {0} is taken")]
    AlreadyExists(String),
    /// The product takes nothing new.
    #[error("product {0} is archived")]
    ProductArchived(ProductId),
    /// A product that someone subscribed to keeps its rule for several subscriptions.
    #[error("product {0} has subscriptions; whether a customer may hold several is fixed")]
    ProductSubscribed(ProductId),
    /// The package is archived.
    #[error("{0} is archived")]
    PackageArchived(PackageKey),
    /// The package is published and has no draft.
    #[error("the published version of {0} cannot be edited; open a draft of it first")]
    Immutable(PackageKey),
    /// The package has no draft.
    #[error("{0} has no draft")]
    NoDraft(PackageKey),
    /// The package has a draft already.
    #[error("{0} has a draft already")]
    DraftExists(PackageKey),
    /// There is no such credit type.
    #[error("there is no credit type {0}")]
    CurrencyNotFound(CurrencyId),
    /// There is no such feature.
    #[error("there is no feature {0}")]
    FeatureNotFound(FeatureId),
    /// The package has no entitlement for that.
    #[error("the package has no such entitlement")]
    EntitlementNotFound,
    /// The credit type takes nothing new.
    #[error("credit type {0} is archived")]
    CurrencyArchived(CurrencyId),
    /// The feature takes nothing new.
    #[error("feature {0} is archived")]
    FeatureArchived(FeatureId),
    /// Active packages refer to the credit type.
    #[error("credit type {currency} is used by {}", list(.packages))]
    CurrencyInUse {
        /// The credit type.
        currency: CurrencyId,
        /// The packages that refer to it.
        packages: Vec<PackageKey>,
    },
    /// The entitlement is of the other type.
    #[error("the entitlement is of the other type")]
    EntitlementType,
    /// The package has an entitlement for that already.
    #[error("the package already has an entitlement for {0}")]
    EntitlementExists(String),
    /// A package would inherit from or depend on itself.
    #[error("{0} would depend on itself")]
    Cycle(PackageKey),
    /// The package gives nothing and costs nothing.
    #[error("{0} is empty: it has neither an entitlement nor a charge")]
    Empty(PackageKey),
    /// From where a reset is counted was said for a period that is not its own.
    #[error("where usage starts anew each {0:?} does not go with the reset period")]
    ResetPeriod(ResetPeriod),
    /// The package was never published.
    #[error("{0} has never been published")]
    NotPublished(PackageKey),
    /// Credits for each unit of a feature need the feature, with a limit, in the same package.
    #[error(
        "credits for each unit of feature {0} need an entitlement for it with a usage limit in the \
         same package"
    )]
    DependencyNotLimited(FeatureId),
    /// Usage that is not counted costs nothing.
    #[error("feature {0} is not metered (its `meterType` is None), so its usage has no price")]
    FeatureNotMetered(FeatureId),
    /// What can fall when something is used cannot be priced.
    #[error(
        "the meter of feature {0} takes the least value or the mean, which credits cannot be \
         taken for; count, sum, the greatest value and different values can"
    )]
    UnsupportedAggregation(FeatureId),
    /// A free plan is to follow, and none is named.
    #[error("for DOWNGRADE_TO_FREE name a free plan of product {0} in `downgradePlanId`")]
    NoFreePlan(ProductId),
}

fn list(packages: &[PackageKey]) -> String {
    packages.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Decides a catalog command: the changes to fold, in order; none where it changes nothing.
///
/// # Errors
/// The first [`CatalogRejection`] that applies; then nothing changes.
///
/// # Examples
///
/// ```
/// use stipend_core::catalog::{CatalogCommand, CatalogRejection, Migration, decide};
/// use stipend_core::{PackageKey, examples};
/// let mut catalog = examples::catalog();
/// let plan = PackageKey::plan(examples::plan());
/// for change in decide(&catalog, &CatalogCommand::OpenDraft(plan.clone()), examples::START)? {
///     catalog.apply(&change);
/// }
/// assert_eq!(catalog.packages[&plan].shown().version, 2);
/// let again = decide(&catalog, &CatalogCommand::OpenDraft(plan.clone()), examples::START);
/// assert_eq!(again, Err(CatalogRejection::DraftExists(plan)));
/// # Ok::<(), CatalogRejection>(())
/// ```
pub fn decide(
    catalog: &Catalog,
    command: &CatalogCommand,
    now: Timestamp,
) -> Result<Vec<CatalogChange>, CatalogRejection> {
    match command {
        CatalogCommand::CreateProduct(new) => create_product(catalog, new, now),
        CatalogCommand::UpdateProduct(id, patch) => update_product(catalog, id, patch, now),
        CatalogCommand::ArchiveProduct(id) => archive_product(catalog, id, now),
        CatalogCommand::UnarchiveProduct(id) => unarchive_product(catalog, id, now),
        CatalogCommand::DuplicateProduct { source, target, name, description } => {
            publish::duplicate_product(catalog, source, target, name, description, now)
        }
        CatalogCommand::CreateCreditType(new) => create_credit_type(catalog, new, now),
        CatalogCommand::UpdateCreditType(id, patch) => update_credit_type(catalog, id, patch, now),
        CatalogCommand::ArchiveCreditType(id) => archive_credit_type(catalog, id, now),
        CatalogCommand::UnarchiveCreditType(id) => {
            let mut found = (**find_credit_type(catalog, id)?).clone();
            if found.archived_at.take().is_none() {
                return Ok(Vec::new());
            }
            found.updated_at = now;
            Ok(vec![CatalogChange::CreditType(found)])
        }
        CatalogCommand::CreateFeature(new) => create_feature(catalog, new, now),
        CatalogCommand::UpdateFeature(id, patch) => update_feature(catalog, id, patch, now),
        CatalogCommand::ArchiveFeature(id) => {
            set_feature_status(catalog, id, FeatureStatus::Suspended, now)
        }
        CatalogCommand::UnarchiveFeature(id) => {
            set_feature_status(catalog, id, FeatureStatus::Active, now)
        }
        CatalogCommand::CreatePackage(new) => draft::create_package(catalog, new, now),
        CatalogCommand::UpdatePackage(key, patch) => draft::edit(catalog, key, now, |draft| {
            draft::update_package(catalog, key, draft, patch)
        }),
        CatalogCommand::ArchivePackage(key) => publish::archive_package(catalog, key, now),
        CatalogCommand::OpenDraft(key) => publish::open_draft(catalog, key, now),
        CatalogCommand::DiscardDraft(key) => publish::discard_draft(catalog, key),
        // Whom it reaches is carried out subscription by subscription.
        CatalogCommand::Publish(key, _) => publish::publish(catalog, key, now),
        CatalogCommand::AddEntitlements(key, new) => draft::edit(catalog, key, now, |draft| {
            draft::add_entitlements(catalog, draft, new, now)
        }),
        CatalogCommand::UpdateEntitlement(key, target, patch) => {
            draft::edit(catalog, key, now, |draft| {
                draft::update_entitlement(catalog, draft, target, patch, now)
            })
        }
        CatalogCommand::RemoveEntitlement(key, target) => {
            draft::edit(catalog, key, now, |draft| draft::remove_entitlement(draft, target))
        }
        CatalogCommand::EditDraft(key, edits) => draft::edit_or_open(catalog, key, edits, now),
        CatalogCommand::IfUnchanged(key, seen, command) => {
            if find_package(catalog, key)?.shown() != seen {
                return Err(CatalogRejection::Changed(key.clone()));
            }
            decide(catalog, command, now)
        }
        CatalogCommand::Set(settings) => Ok(set_settings(catalog, settings.clone())),
        CatalogCommand::UpdateSettings(patch) => {
            Ok(set_settings(catalog, patch.applied_to(&catalog.settings)))
        }
        CatalogCommand::NoteSubscribed { product, versions } => {
            Ok(note_subscribed(catalog, product, versions))
        }
    }
}

fn set_settings(catalog: &Catalog, settings: Settings) -> Vec<CatalogChange> {
    let is_change = settings != catalog.settings;
    is_change.then_some(CatalogChange::Settings(settings)).into_iter().collect()
}

pub(super) fn find_product<'a>(
    catalog: &'a Catalog,
    id: &ProductId,
) -> Result<&'a Arc<Product>, CatalogRejection> {
    catalog.products.get(id).ok_or_else(|| CatalogRejection::ProductNotFound(id.clone()))
}

pub(super) fn find_credit_type<'a>(
    catalog: &'a Catalog,
    id: &CurrencyId,
) -> Result<&'a Arc<CreditType>, CatalogRejection> {
    catalog.credit_types.get(id).ok_or_else(|| CatalogRejection::CurrencyNotFound(id.clone()))
}

pub(super) fn find_feature<'a>(
    catalog: &'a Catalog,
    id: &FeatureId,
) -> Result<&'a Arc<Feature>, CatalogRejection> {
    catalog.features.get(id).ok_or_else(|| CatalogRejection::FeatureNotFound(id.clone()))
}

pub(super) fn find_package<'a>(
    catalog: &'a Catalog,
    key: &PackageKey,
) -> Result<&'a Arc<Package>, CatalogRejection> {
    catalog.packages.get(key).ok_or_else(|| CatalogRejection::PackageNotFound(key.clone()))
}

fn create_product(
    catalog: &Catalog,
    new: &NewProduct,
    now: Timestamp,
) -> Result<Vec<CatalogChange>, CatalogRejection> {
    if catalog.products.contains_key(&new.id) {
        return Err(CatalogRejection::AlreadyExists(new.id.to_string()));
    }
    Ok(vec![CatalogChange::Product(Product {
        id: new.id.clone(),
        name: new.name.clone(),
        description: new.description.clone(),
        metadata: new.metadata.clone(),
        multiple_subscriptions: new.multiple_subscriptions,
        archived_at: None,
        settings: None,
        usage_reset: UsageReset::Always,
        subscribed: false,
        created_at: now,
        updated_at: now,
    })])
}

fn update_product(
    catalog: &Catalog,
    id: &ProductId,
    patch: &ProductPatch,
    now: Timestamp,
) -> Result<Vec<CatalogChange>, CatalogRejection> {
    let mut product = (**find_product(catalog, id)?).clone();
    let several = patch.multiple_subscriptions.unwrap_or(product.multiple_subscriptions);
    if product.subscribed && several != product.multiple_subscriptions {
        return Err(CatalogRejection::ProductSubscribed(id.clone()));
    }
    product.multiple_subscriptions = several;
    set(&mut product.name, patch.name.as_ref());
    set(&mut product.description, patch.description.as_ref());
    set(&mut product.metadata, patch.metadata.as_ref());
    set(&mut product.usage_reset, patch.usage_reset.as_ref());
    if let Some(settings) = &patch.settings {
        check_free_plan(catalog, id, settings)?;
        product.settings = Some(settings.clone());
    }
    product.updated_at = now;
    Ok(vec![CatalogChange::Product(product)])
}

/// What is to follow a subscription is a plan of the product that costs nothing; it may still be a
/// draft.
fn check_free_plan(
    catalog: &Catalog,
    product: &ProductId,
    settings: &ProductSettings,
) -> Result<(), CatalogRejection> {
    if settings.end_setup != EndSetup::DowngradeToFree {
        return Ok(());
    }
    let none = || CatalogRejection::NoFreePlan(product.clone());
    let plan = PackageKey::plan(settings.downgrade_plan.clone().ok_or_else(none)?);
    let package = find_package(catalog, &plan)?;
    let costs = package.latest().unwrap_or_else(|| package.shown()).pricing;
    let is_free = costs.is_none_or(|pricing| pricing == Pricing::Free);
    if package.product == *product && is_free { Ok(()) } else { Err(none()) }
}

/// Takes a new value where a patch has one.
pub(super) fn set<T: Clone>(field: &mut T, value: Option<&T>) {
    if let Some(value) = value {
        field.clone_from(value);
    }
}

fn archive_product(
    catalog: &Catalog,
    id: &ProductId,
    now: Timestamp,
) -> Result<Vec<CatalogChange>, CatalogRejection> {
    let mut product = (**find_product(catalog, id)?).clone();
    if product.archived_at.is_some() {
        return Ok(Vec::new());
    }
    product.archived_at = Some(now);
    product.updated_at = now;
    let archived = packages_of_product(catalog, id)
        .filter(|package| package.archived_at.is_none())
        .map(|package| Package { archived_at: Some(now), ..(**package).clone() });
    let changes = archived.map(CatalogChange::Package).collect::<Vec<_>>();
    Ok(std::iter::once(CatalogChange::Product(product)).chain(changes).collect())
}

/// The packages that were archived together with the product come back with it.
fn unarchive_product(
    catalog: &Catalog,
    id: &ProductId,
    now: Timestamp,
) -> Result<Vec<CatalogChange>, CatalogRejection> {
    let mut product = (**find_product(catalog, id)?).clone();
    let Some(archived_at) = product.archived_at.take() else { return Ok(Vec::new()) };
    product.updated_at = now;
    let mut changes = vec![CatalogChange::Product(product)];
    for package in packages_of_product(catalog, id) {
        if package.archived_at == Some(archived_at) {
            check_grantable(catalog, package)?;
            let restored = Package { archived_at: None, ..Package::clone(package) };
            changes.push(CatalogChange::Package(restored));
        }
    }
    Ok(changes)
}

/// An active package refers to no archived credit type, so one that does cannot become active.
fn check_grantable(catalog: &Catalog, package: &Package) -> Result<(), CatalogRejection> {
    let versions = package.draft.iter().chain(package.latest());
    let currencies = versions.flat_map(|version| {
        let given = version.entitlements.iter().filter_map(super::Entitlement::credit);
        let charged = version.charges.rates.iter().map(|rate| &rate.currency);
        given.map(|(currency, _)| currency).chain(charged)
    });
    for currency in currencies {
        if find_credit_type(catalog, currency)?.archived_at.is_some() {
            return Err(CatalogRejection::CurrencyArchived(currency.clone()));
        }
    }
    Ok(())
}

pub(super) fn packages_of_product<'a>(
    catalog: &'a Catalog,
    product: &'a ProductId,
) -> impl Iterator<Item = &'a Arc<Package>> {
    catalog.packages.values().filter(move |package| package.product == *product)
}

fn create_credit_type(
    catalog: &Catalog,
    new: &NewCreditType,
    now: Timestamp,
) -> Result<Vec<CatalogChange>, CatalogRejection> {
    if catalog.credit_types.contains_key(&new.id) {
        return Err(CatalogRejection::AlreadyExists(new.id.to_string()));
    }
    Ok(vec![CatalogChange::CreditType(CreditType {
        id: new.id.clone(),
        name: new.name.clone(),
        description: new.description.clone(),
        symbol: new.symbol.clone(),
        units: new.units.clone(),
        metadata: new.metadata.clone(),
        archived_at: None,
        created_at: now,
        updated_at: now,
    })])
}

fn update_credit_type(
    catalog: &Catalog,
    id: &CurrencyId,
    patch: &CreditTypePatch,
    now: Timestamp,
) -> Result<Vec<CatalogChange>, CatalogRejection> {
    let mut found = (**find_credit_type(catalog, id)?).clone();
    set(&mut found.name, patch.name.as_ref());
    set(&mut found.description, patch.description.as_ref());
    set(&mut found.symbol, patch.symbol.as_ref());
    set(&mut found.metadata, patch.metadata.as_ref());
    if let Some(units) = &patch.units {
        found.units = Some(units.clone());
    }
    found.updated_at = now;
    Ok(vec![CatalogChange::CreditType(found)])
}

fn archive_credit_type(
    catalog: &Catalog,
    id: &CurrencyId,
    now: Timestamp,
) -> Result<Vec<CatalogChange>, CatalogRejection> {
    let mut found = (**find_credit_type(catalog, id)?).clone();
    if found.archived_at.is_some() {
        return Ok(Vec::new());
    }
    let users = catalog.packages_using(&Target::Credit(id.clone()));
    if !users.is_empty() {
        return Err(CatalogRejection::CurrencyInUse {
            currency: id.clone(),
            packages: users.iter().map(|package| package.key.clone()).collect(),
        });
    }
    found.archived_at = Some(now);
    found.updated_at = now;
    Ok(vec![CatalogChange::CreditType(found)])
}

fn create_feature(
    catalog: &Catalog,
    new: &NewFeature,
    now: Timestamp,
) -> Result<Vec<CatalogChange>, CatalogRejection> {
    if catalog.features.contains_key(&new.id) {
        return Err(CatalogRejection::AlreadyExists(new.id.to_string()));
    }
    Ok(vec![CatalogChange::Feature(Feature {
        id: new.id.clone(),
        name: new.name.clone(),
        description: new.description.clone(),
        feature_type: new.feature_type,
        meter_type: new.meter_type,
        status: new.status,
        units: new.units.clone(),
        units_plural: new.units_plural.clone(),
        enum_values: new.enum_values.clone(),
        unit_transformation: new.unit_transformation.clone(),
        meter: new.meter.clone(),
        metadata: new.metadata.clone(),
        created_at: now,
        updated_at: now,
    })])
}

fn update_feature(
    catalog: &Catalog,
    id: &FeatureId,
    patch: &FeaturePatch,
    now: Timestamp,
) -> Result<Vec<CatalogChange>, CatalogRejection> {
    let mut feature = (**find_feature(catalog, id)?).clone();
    set(&mut feature.name, patch.name.as_ref());
    set(&mut feature.metadata, patch.metadata.as_ref());
    set(&mut feature.unit_transformation, patch.unit_transformation.as_ref());
    let texts = [
        (&mut feature.description, &patch.description),
        (&mut feature.units, &patch.units),
        (&mut feature.units_plural, &patch.units_plural),
    ];
    for (field, value) in texts {
        if let Some(text) = value {
            // An empty text clears, as everywhere where the contract has no null.
            *field = Some(text.clone()).filter(|text| !text.is_empty());
        }
    }
    if let Some(values) = &patch.enum_values {
        feature.enum_values = Some(values.clone());
    }
    if let Some(meter) = &patch.meter {
        if !meter.aggregation.only_grows() && publish::is_priced(catalog, id) {
            return Err(CatalogRejection::UnsupportedAggregation(id.clone()));
        }
        feature.meter = Some(meter.clone());
    }
    feature.updated_at = now;
    Ok(vec![CatalogChange::Feature(feature)])
}

fn set_feature_status(
    catalog: &Catalog,
    id: &FeatureId,
    status: FeatureStatus,
    now: Timestamp,
) -> Result<Vec<CatalogChange>, CatalogRejection> {
    let mut feature = (**find_feature(catalog, id)?).clone();
    let restores_usable = status == FeatureStatus::Active;
    if feature.status == status || (restores_usable && feature.status == FeatureStatus::New) {
        return Ok(Vec::new());
    }
    feature.status = status;
    feature.updated_at = now;
    Ok(vec![CatalogChange::Feature(feature)])
}

/// Marks are set once and never taken back, so a subscription after the first changes nothing.
fn note_subscribed(
    catalog: &Catalog,
    product: &ProductId,
    versions: &[(PackageKey, u32)],
) -> Vec<CatalogChange> {
    let mut changes = Vec::new();
    if let Some(found) = catalog.products.get(product).filter(|found| !found.subscribed) {
        changes.push(CatalogChange::Product(Product { subscribed: true, ..Product::clone(found) }));
    }
    for (key, version) in versions {
        let found = catalog.packages.get(key);
        if let Some(found) = found.filter(|found| found.subscribed_version < Some(*version)) {
            let marked = Package { subscribed_version: Some(*version), ..Package::clone(found) };
            changes.push(CatalogChange::Package(marked));
        }
    }
    changes
}
