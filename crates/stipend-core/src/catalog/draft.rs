//! Making and editing drafts: `behaviour.md` §0.14, §1.5, §1.7, §1.8.

use super::command::{
    DraftEdit, EntitlementPatch, FeatureTermsPatch, NewEntitlement, NewPackage, PackagePatch,
};
use super::decide::{find_credit_type, find_feature, find_package, find_product, set};
use super::publish::opened;
use super::{
    AddonTerms, Catalog, CatalogChange, CatalogRejection, Charges, CreditTerms, Entitlement,
    EntitlementTerms, FeatureStatus, FeatureTerms, Package, PackageDetails, PackageKey,
    PackageKind, PackageVersion, PlanTerms, Target, VersionStatus,
};
use crate::id::PackageId;
use crate::time::Timestamp;
use std::sync::Arc;

pub(super) fn create_package(
    catalog: &Catalog,
    new: &NewPackage,
    now: Timestamp,
) -> Result<Vec<CatalogChange>, CatalogRejection> {
    let product = find_product(catalog, &new.product)?;
    if catalog.packages.contains_key(&new.key) {
        return Err(CatalogRejection::AlreadyExists(new.key.id.to_string()));
    }
    if product.archived_at.is_some() {
        return Err(CatalogRejection::ProductArchived(product.id.clone()));
    }
    let details = match new.key.kind {
        PackageKind::Plan => PackageDetails::Plan(PlanTerms {
            parent: new.parent.clone(),
            compatible_addons: None,
            trial: new.trial.clone(),
        }),
        PackageKind::Addon => {
            PackageDetails::Addon(AddonTerms { max_quantity: new.max_quantity, dependencies: None })
        }
    };
    check_references(catalog, &new.key, &details)?;
    let draft = PackageVersion {
        version: 1,
        status: VersionStatus::Draft,
        published_at: None,
        name: new.name.clone(),
        description: new.description.clone(),
        billing_id: new.billing_id.clone(),
        pricing: new.pricing,
        metadata: new.metadata.clone(),
        entitlements: Vec::new(),
        charges: Charges::default(),
        details,
        created_at: now,
        updated_at: now,
    };
    Ok(vec![CatalogChange::Package(Package {
        key: new.key.clone(),
        product: new.product.clone(),
        published: Vec::new(),
        draft: Some(Arc::new(draft)),
        archived_at: None,
        subscribed_version: None,
        created_at: now,
    })])
}

/// What a package names must exist, and nothing may lead back to the package itself.
fn check_references(
    catalog: &Catalog,
    key: &PackageKey,
    details: &PackageDetails,
) -> Result<(), CatalogRejection> {
    let exists = |named: PackageKey| {
        let known = named == *key || catalog.packages.contains_key(&named);
        if known { Ok(()) } else { Err(CatalogRejection::PackageNotFound(named)) }
    };
    match details {
        PackageDetails::Plan(terms) => {
            for addon in terms.compatible_addons.iter().flatten() {
                exists(PackageKey::addon(addon.clone()))?;
            }
            if let Some(parent) = &terms.parent {
                exists(PackageKey::plan(parent.clone()))?;
                check_acyclic(catalog, key, std::slice::from_ref(parent), |version| {
                    version
                        .plan_terms()
                        .and_then(|terms| terms.parent.clone())
                        .into_iter()
                        .collect()
                })?;
            }
        }
        PackageDetails::Addon(terms) => {
            let dependencies = terms.dependencies.as_deref().unwrap_or_default();
            for addon in dependencies {
                exists(PackageKey::addon(addon.clone()))?;
            }
            check_acyclic(catalog, key, dependencies, |version| {
                let terms = version.addon_terms();
                terms.and_then(|terms| terms.dependencies.clone()).unwrap_or_default()
            })?;
        }
    }
    Ok(())
}

/// Walks everything reachable from `next`, over drafts and published versions alike.
fn check_acyclic(
    catalog: &Catalog,
    key: &PackageKey,
    next: &[PackageId],
    leads_to: impl Fn(&PackageVersion) -> Vec<PackageId>,
) -> Result<(), CatalogRejection> {
    let mut seen: Vec<PackageId> = Vec::new();
    let mut open = next.to_vec();
    while let Some(id) = open.pop() {
        if id == key.id {
            return Err(CatalogRejection::Cycle(key.clone()));
        }
        if seen.contains(&id) {
            continue;
        }
        if let Some(package) = catalog.packages.get(&PackageKey { kind: key.kind, id: id.clone() })
        {
            let versions = package.draft.iter().chain(package.latest());
            open.extend(versions.flat_map(|version| leads_to(version)));
        }
        seen.push(id);
    }
    Ok(())
}

/// Edits the draft of a package; whoever has only a published version is refused.
pub(super) fn edit(
    catalog: &Catalog,
    key: &PackageKey,
    now: Timestamp,
    change: impl FnOnce(&mut PackageVersion) -> Result<(), CatalogRejection>,
) -> Result<Vec<CatalogChange>, CatalogRejection> {
    let package = find_package(catalog, key)?;
    if package.archived_at.is_some() {
        return Err(CatalogRejection::PackageArchived(key.clone()));
    }
    let Some(draft) = &package.draft else {
        return Err(CatalogRejection::Immutable(key.clone()));
    };
    save(Package::clone(package), draft, now, change)
}

/// Edits the draft of a package, which is opened where there is none: all edits or none, and no
/// draft where there is no edit.
pub(super) fn edit_or_open(
    catalog: &Catalog,
    key: &PackageKey,
    edits: &[DraftEdit],
    now: Timestamp,
) -> Result<Vec<CatalogChange>, CatalogRejection> {
    let change = |draft: &mut PackageVersion| {
        edits.iter().try_for_each(|edit| match edit {
            DraftEdit::Package(patch) => update_package(catalog, key, draft, patch),
            DraftEdit::Add(new) => add_entitlements(catalog, draft, new, now),
            DraftEdit::Entitlement(target, patch) => {
                update_entitlement(catalog, draft, target, patch, now)
            }
            DraftEdit::Remove(target) => remove_entitlement(draft, target),
        })
    };
    let has_draft = find_package(catalog, key)?.draft.is_some();
    if edits.is_empty() {
        Ok(Vec::new())
    } else if has_draft {
        edit(catalog, key, now, change)
    } else {
        let (package, draft) = opened(catalog, key, now)?;
        save(package, &draft, now, change)
    }
}

fn save(
    mut package: Package,
    draft: &PackageVersion,
    now: Timestamp,
    change: impl FnOnce(&mut PackageVersion) -> Result<(), CatalogRejection>,
) -> Result<Vec<CatalogChange>, CatalogRejection> {
    assert_eq!(draft.status, VersionStatus::Draft, "only drafts are edited");
    let mut draft = PackageVersion { updated_at: now, ..PackageVersion::clone(draft) };
    change(&mut draft)?;
    package.draft = Some(Arc::new(draft));
    Ok(vec![CatalogChange::Package(package)])
}

pub(super) fn update_package(
    catalog: &Catalog,
    key: &PackageKey,
    draft: &mut PackageVersion,
    patch: &PackagePatch,
) -> Result<(), CatalogRejection> {
    set(&mut draft.name, patch.name.as_ref());
    set(&mut draft.description, patch.description.as_ref());
    set(&mut draft.billing_id, patch.billing_id.as_ref());
    set(&mut draft.metadata, patch.metadata.as_ref());
    if let Some((pricing, charges)) = &patch.charges {
        draft.pricing = Some(*pricing);
        draft.charges = charges.clone();
    }
    match &mut draft.details {
        PackageDetails::Plan(terms) => {
            set(&mut terms.parent, patch.parent.as_ref());
            set(&mut terms.compatible_addons, patch.compatible_addons.as_ref());
            set(&mut terms.trial, patch.trial.as_ref());
        }
        PackageDetails::Addon(terms) => {
            set(&mut terms.max_quantity, patch.max_quantity.as_ref());
            set(&mut terms.dependencies, patch.dependencies.as_ref());
        }
    }
    check_references(catalog, key, &draft.details)
}

pub(super) fn add_entitlements(
    catalog: &Catalog,
    draft: &mut PackageVersion,
    new: &[NewEntitlement],
    now: Timestamp,
) -> Result<(), CatalogRejection> {
    for entitlement in new {
        check_target(catalog, entitlement)?;
        if draft.find_entitlement(&entitlement.target).is_some() {
            let name = match &entitlement.target {
                Target::Feature(feature) => format!("feature {feature}"),
                Target::Credit(currency) => format!("credit type {currency}"),
            };
            return Err(CatalogRejection::EntitlementExists(name));
        }
        draft.entitlements.push(Entitlement {
            target: entitlement.target.clone(),
            terms: entitlement.terms.clone(),
            behavior: entitlement.behavior,
            granted: entitlement.granted,
            custom: entitlement.custom,
            description: entitlement.description.clone(),
            name_override: entitlement.name_override.clone(),
            hidden_from: entitlement.hidden_from.clone(),
            order: entitlement.order,
            created_at: now,
            updated_at: now,
        });
    }
    Ok(())
}

fn check_target(catalog: &Catalog, new: &NewEntitlement) -> Result<(), CatalogRejection> {
    match (&new.target, &new.terms) {
        (Target::Credit(currency), EntitlementTerms::Credit(terms)) => {
            if find_credit_type(catalog, currency)?.archived_at.is_some() {
                return Err(CatalogRejection::CurrencyArchived(currency.clone()));
            }
            if let Some(feature) = &terms.per_unit_of {
                find_feature(catalog, feature)?;
            }
        }
        (Target::Feature(feature), EntitlementTerms::Feature(_)) => {
            if find_feature(catalog, feature)?.status == FeatureStatus::Suspended {
                return Err(CatalogRejection::FeatureArchived(feature.clone()));
            }
        }
        _ => return Err(CatalogRejection::EntitlementType),
    }
    Ok(())
}

pub(super) fn update_entitlement(
    catalog: &Catalog,
    draft: &mut PackageVersion,
    target: &Target,
    patch: &EntitlementPatch,
    now: Timestamp,
) -> Result<(), CatalogRejection> {
    let found = draft.entitlements.iter_mut().find(|found| found.target == *target);
    let entitlement = found.ok_or(CatalogRejection::EntitlementNotFound)?;
    match &mut entitlement.terms {
        EntitlementTerms::Credit(terms) => {
            if patch.feature.is_some() {
                return Err(CatalogRejection::EntitlementType);
            }
            if let Some(Some(feature)) = &patch.per_unit_of {
                find_feature(catalog, feature)?;
            }
            patch_credit(terms, patch);
        }
        EntitlementTerms::Feature(terms) => match &patch.feature {
            Some(feature) => patch_feature(terms, feature)?,
            None => return Err(CatalogRejection::EntitlementType),
        },
    }
    set(&mut entitlement.behavior, patch.behavior.as_ref());
    set(&mut entitlement.granted, patch.granted.as_ref());
    set(&mut entitlement.hidden_from, patch.hidden_from.as_ref());
    entitlement.custom = patch.custom.or(entitlement.custom);
    entitlement.order = patch.order.or(entitlement.order);
    for (field, value) in [
        (&mut entitlement.description, &patch.description),
        (&mut entitlement.name_override, &patch.name_override),
    ] {
        if let Some(text) = value {
            *field = Some(text.clone()).filter(|text| !text.is_empty());
        }
    }
    entitlement.updated_at = now;
    Ok(())
}

fn patch_feature(
    terms: &mut FeatureTerms,
    patch: &FeatureTermsPatch,
) -> Result<(), CatalogRejection> {
    set(&mut terms.usage_limit, patch.usage_limit.as_ref());
    let reset = patch.reset.merge(terms.reset.as_ref());
    terms.reset = reset.map_err(CatalogRejection::ResetPeriod)?;
    terms.unlimited = patch.unlimited.or(terms.unlimited);
    terms.soft_limit = patch.soft_limit.or(terms.soft_limit);
    terms.enforcement = patch.enforcement.or(terms.enforcement);
    if let Some(values) = &patch.enum_values {
        terms.enum_values = Some(values.clone());
    }
    Ok(())
}

fn patch_credit(terms: &mut CreditTerms, patch: &EntitlementPatch) {
    terms.amount = patch.amount.or(terms.amount);
    terms.cadence = patch.cadence.unwrap_or(terms.cadence);
    terms.soft_limit = patch.soft_limit.or(terms.soft_limit);
    terms.enforcement = patch.enforcement.or(terms.enforcement);
    set(&mut terms.per_unit_of, patch.per_unit_of.as_ref());
}

pub(super) fn remove_entitlement(
    draft: &mut PackageVersion,
    target: &Target,
) -> Result<(), CatalogRejection> {
    let before = draft.entitlements.len();
    draft.entitlements.retain(|found| found.target != *target);
    if draft.entitlements.len() == before {
        return Err(CatalogRejection::EntitlementNotFound);
    }
    Ok(())
}
