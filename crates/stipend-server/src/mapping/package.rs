//! Plans and add-ons, with their charges.

use super::{entitlement, instant};
use crate::error::ApiError;
use crate::ids;
use serde::Serialize;
use stipend_core::catalog::{
    ChargeRow, Charges, CreditRate, Document, Migration, NewPackage, Package, PackageKey,
    PackageKind, PackagePatch, PackageVersion, Pricing, TrialBudget, TrialConfig, TrialEnd,
    TrialUnit, VersionStatus,
};
use stipend_core::customer::BillingPeriod;
use stipend_core::{Amount, EnvId, Formula, Timestamp};
use stipend_wire::charge::{self as wire_charge, Charge, ChargesInput, PricingType};
use stipend_wire::entitlement::EntitlementReference;
use stipend_wire::opaque::Checked;
use stipend_wire::{Decimal, ErrorCode, Opaque, WireError, package as wire};

/// A package as one of the two kinds is shown.
pub(crate) trait PackageView: Serialize + Send + 'static {
    /// Which kind it shows.
    const KIND: PackageKind;
    /// The list of them, for cursors.
    const LIST: &'static str;

    /// The package: its draft where there is one, else its published version.
    fn of(package: &Package) -> Self;
}

impl PackageView for wire::Plan {
    const KIND: PackageKind = PackageKind::Plan;
    const LIST: &'static str = "plans";

    fn of(package: &Package) -> Self {
        let shown = package.shown();
        let terms = shown.plan_terms().cloned().unwrap_or_default();
        let addons = terms.compatible_addons;
        Self {
            id: package.key.id.to_string(),
            billing_id: shown.billing_id.clone(),
            compatible_addon_ids: addons.map(|ids| ids.iter().map(ToString::to_string).collect()),
            created_at: instant(package.created_at),
            default_trial_config: terms.trial.as_ref().map(trial_to_wire),
            description: shown.description.clone(),
            display_name: shown.name.clone(),
            entitlements: references(shown),
            is_latest: Some(IS_LATEST),
            metadata: shown.metadata.clone(),
            parent_plan_id: terms.parent.map(|parent| parent.to_string()),
            pricing_type: shown.pricing.map(pricing_to_wire),
            product_id: package.product.to_string(),
            status: status(package),
            updated_at: instant(updated_at(package)),
            version_number: shown.version,
        }
    }
}

impl PackageView for wire::Addon {
    const KIND: PackageKind = PackageKind::Addon;
    const LIST: &'static str = "addons";

    fn of(package: &Package) -> Self {
        let shown = package.shown();
        let terms = shown.addon_terms().cloned().unwrap_or_default();
        let needed = terms.dependencies;
        Self {
            id: package.key.id.to_string(),
            billing_id: shown.billing_id.clone(),
            created_at: instant(package.created_at),
            dependencies: needed.map(|ids| ids.iter().map(ToString::to_string).collect()),
            description: shown.description.clone(),
            display_name: shown.name.clone(),
            entitlements: references(shown),
            is_latest: Some(IS_LATEST),
            max_quantity: terms.max_quantity,
            metadata: shown.metadata.clone(),
            pricing_type: shown.pricing.map(pricing_to_wire),
            product_id: package.product.to_string(),
            status: status(package),
            updated_at: instant(updated_at(package)),
            version_number: shown.version,
        }
    }
}

/// What is shown of a package, its draft or else its last published version, is its newest.
const IS_LATEST: bool = true;

fn references(version: &PackageVersion) -> Vec<EntitlementReference> {
    version.entitlements.iter().map(entitlement::reference).collect()
}

/// The state of what is shown.
pub(crate) fn status(package: &Package) -> wire::PackageStatus {
    if package.archived_at.is_some() {
        return wire::PackageStatus::Archived;
    }
    match package.shown().status {
        VersionStatus::Draft => wire::PackageStatus::Draft,
        VersionStatus::Published => wire::PackageStatus::Published,
    }
}

/// Archiving changes the package, but none of its versions.
fn updated_at(package: &Package) -> Timestamp {
    let changed = package.shown().updated_at;
    package.archived_at.map_or(changed, |archived| archived.max(changed))
}

fn pricing_to_wire(pricing: Pricing) -> PricingType {
    match pricing {
        Pricing::Free => PricingType::Free,
        Pricing::Paid => PricingType::Paid,
        Pricing::Custom => PricingType::Custom,
    }
}

fn pricing_from_wire(pricing: PricingType) -> Pricing {
    match pricing {
        PricingType::Free => Pricing::Free,
        PricingType::Paid => Pricing::Paid,
        PricingType::Custom => Pricing::Custom,
    }
}

pub(crate) fn new_plan_from_wire(body: wire::CreatePlan) -> Result<NewPackage, WireError> {
    check_status(body.status)?;
    Ok(NewPackage {
        key: PackageKey::plan(body.id),
        product: body.product_id,
        name: body.display_name.0,
        description: body.description.into_option().map(|text| text.0),
        billing_id: body.billing_id.into_option().map(|text| text.0),
        pricing: body.pricing_type.into_option().map(pricing_from_wire),
        metadata: body.metadata.map(|map| map.0).unwrap_or_default(),
        parent: body.parent_plan_id.into_option(),
        trial: body.default_trial_config.into_option().map(trial_from_wire),
        max_quantity: None,
    })
}

pub(crate) fn new_addon_from_wire(body: wire::CreateAddon) -> Result<NewPackage, WireError> {
    check_status(body.status)?;
    Ok(NewPackage {
        key: PackageKey::addon(body.id),
        product: body.product_id,
        name: body.display_name.0,
        description: body.description.into_option().map(|text| text.0),
        billing_id: body.billing_id.into_option().map(|text| text.0),
        pricing: body.pricing_type.into_option().map(pricing_from_wire),
        metadata: body.metadata.map(|map| map.0).unwrap_or_default(),
        parent: None,
        trial: None,
        max_quantity: body.max_quantity.into_option().map(|count| count.0),
    })
}

pub(crate) fn plan_patch_from_wire(
    body: wire::UpdatePlan,
    now: Timestamp,
) -> Result<PackagePatch, WireError> {
    Ok(PackagePatch {
        name: body.display_name.map(|name| name.0),
        description: body.description.map(|text| text.0).into_change(),
        billing_id: body.billing_id.map(|text| text.0).into_change(),
        metadata: body.metadata.map(|map| map.0),
        charges: body.charges.map(|charges| charges_from_wire(&charges, now)).transpose()?,
        parent: body.parent_plan_id.into_change(),
        compatible_addons: body.compatible_addon_ids.into_change(),
        trial: body.default_trial_config.map(trial_from_wire).into_change(),
        ..PackagePatch::default()
    })
}

pub(crate) fn addon_patch_from_wire(
    body: wire::UpdateAddon,
    now: Timestamp,
) -> Result<PackagePatch, WireError> {
    check_status(body.status)?;
    Ok(PackagePatch {
        name: body.display_name.map(|name| name.0),
        description: body.description.map(|text| text.0).into_change(),
        billing_id: body.billing_id.map(|text| text.0).into_change(),
        metadata: body.metadata.map(|map| map.0),
        charges: body.charges.map(|charges| charges_from_wire(&charges, now)).transpose()?,
        max_quantity: body.max_quantity.map(|count| count.0).into_change(),
        dependencies: body.dependencies.into_change(),
        ..PackagePatch::default()
    })
}

/// A package is edited as a draft; its other states have operations of their own.
fn check_status(status: Option<wire::PackageStatus>) -> Result<(), WireError> {
    match status {
        None | Some(wire::PackageStatus::Draft) => Ok(()),
        Some(wire::PackageStatus::Published | wire::PackageStatus::Archived) => {
            let message = "`/status` can only be DRAFT here; publish with POST …/publish, archive \
                           with POST …/archive";
            Err(WireError::new(ErrorCode::InvalidValue, message).with_param("/status"))
        }
    }
}

pub(crate) fn migration_from_wire(body: &wire::PublishPackage) -> Migration {
    match body.migration_type {
        wire::MigrationType::NewCustomers => Migration::NewCustomers,
        wire::MigrationType::AllCustomers => Migration::AllCustomers,
    }
}

fn trial_from_wire(input: Checked<wire::TrialConfigInput>) -> TrialConfig {
    let input = input.value;
    TrialConfig {
        duration: Amount::whole(i64::from(input.duration.0)),
        units: match input.units {
            wire::TrialUnits::Day => TrialUnit::Day,
            wire::TrialUnits::Month => TrialUnit::Month,
        },
        budget: input
            .budget
            .into_option()
            .map(|budget| TrialBudget { limit: budget.limit.0, soft_limit: budget.has_soft_limit }),
        end: input.trial_end_behavior.into_option().map(|end| match end {
            wire::TrialEndBehavior::ConvertToPaid => TrialEnd::ConvertToPaid,
            wire::TrialEndBehavior::CancelSubscription => TrialEnd::CancelSubscription,
        }),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TrialView {
    budget: Option<BudgetView>,
    duration: Decimal,
    trial_end_behavior: Option<wire::TrialEndBehavior>,
    units: wire::TrialUnits,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BudgetView {
    has_soft_limit: bool,
    limit: Decimal,
}

fn trial_to_wire(trial: &TrialConfig) -> Opaque {
    let view = TrialView {
        budget: trial.budget.as_ref().map(|budget| BudgetView {
            has_soft_limit: budget.soft_limit,
            limit: Decimal(budget.limit),
        }),
        duration: Decimal(trial.duration),
        trial_end_behavior: trial.end.map(|end| match end {
            TrialEnd::ConvertToPaid => wire::TrialEndBehavior::ConvertToPaid,
            TrialEnd::CancelSubscription => wire::TrialEndBehavior::CancelSubscription,
        }),
        units: match trial.units {
            TrialUnit::Day => wire::TrialUnits::Day,
            TrialUnit::Month => wire::TrialUnits::Month,
        },
    };
    Opaque::from_stored(serde_json::to_string(&view).expect("a trial is plain JSON"))
}

fn charges_from_wire(
    input: &ChargesInput,
    now: Timestamp,
) -> Result<(Pricing, Charges), WireError> {
    refuse_of_overage(input)?;
    charges_with_kept(input, now)
}

/// The pricing with what stands in overage prices from before it was refused. Nothing acts on it, and
/// whoever changes something else must not lose it.
pub(crate) fn charges_with_kept(
    input: &ChargesInput,
    now: Timestamp,
) -> Result<(Pricing, Charges), WireError> {
    refuse_what_counts_otherwise(input)?;
    let mut charges = Charges::default();
    for row in input.to_rows()? {
        let list = if row.is_overage { &mut charges.overage } else { &mut charges.rows };
        list.push(ChargeRow { created_at: now, row: Document(row.text.into_string()) });
    }
    charges.rates = rates_from_wire(input)?;
    Ok((pricing_from_wire(input.pricing_type), charges))
}

fn refuse<T>(param: &str, what: &str) -> Result<T, WireError> {
    Err(ApiError::not_supported(param, what).into_wire())
}

/// Refuses what would give or cost credits, or give access, beside what the package itself says:
/// this server looks at no overage price.
fn refuse_of_overage(input: &ChargesInput) -> Result<(), WireError> {
    for (at, model) in input.overage_pricing_models.iter().flatten().enumerate() {
        let place = |key: &str| format!("/charges/overagePricingModels/{at}/{key}");
        if model.credit_entitlement.is_some() {
            let what = "credits that come with overage (an entitlement of the plan gives them)";
            return refuse(&place("creditEntitlement"), what);
        }
        if model.entitlement.is_some() {
            let what = "a feature that comes with overage (an entitlement of the plan gives it)";
            return refuse(&place("entitlement"), what);
        }
    }
    match input.credit_rates().find(|placed| placed.is_overage) {
        Some(placed) => refuse(&placed.pointer, "a credit rate of overage"),
        None => Ok(()),
    }
}

/// Refuses what would make usage cost other credits than this server counts: a price that says when
/// usage starts anew, and credit rates of one country.
fn refuse_what_counts_otherwise(input: &ChargesInput) -> Result<(), WireError> {
    for (at, model) in input.pricing_models.iter().flatten().enumerate() {
        for (key, is_given) in [
            ("resetPeriod", model.reset_period.is_some()),
            ("yearlyResetPeriodConfiguration", model.yearly_reset_period_configuration.is_some()),
            ("monthlyResetPeriodConfiguration", model.monthly_reset_period_configuration.is_some()),
            ("weeklyResetPeriodConfiguration", model.weekly_reset_period_configuration.is_some()),
        ] {
            if is_given {
                let what = "a reset of usage by a price (the entitlement of the feature says it)";
                return refuse(&format!("/charges/pricingModels/{at}/{key}"), what);
            }
        }
    }
    match input.credit_rates().find(|placed| !placed.is_overage && placed.has_country) {
        Some(placed) => refuse(&placed.pointer, "a credit rate of one country"),
        None => Ok(()),
    }
}

/// What the base rows say about credits for usage. A formula that cannot be read is refused, in
/// whatever row.
fn rates_from_wire(input: &ChargesInput) -> Result<Vec<CreditRate>, WireError> {
    let mut rates = Vec::new();
    for placed in input.credit_rates() {
        let formula = placed.rate.cost_formula.as_ref().map(|formula| {
            Formula::parse(&formula.0).map_err(|error| {
                WireError::new(ErrorCode::InvalidFormula, error.to_string())
                    .with_param(format!("{}/costFormula", placed.pointer))
            })
        });
        let formula = formula.transpose()?;
        let Some(feature) = placed.feature_id.filter(|_| !placed.is_overage) else { continue };
        rates.push(CreditRate {
            feature: feature.clone(),
            billing_period: match placed.billing_period {
                wire_charge::BillingPeriod::Monthly => BillingPeriod::Monthly,
                wire_charge::BillingPeriod::Annually => BillingPeriod::Annually,
            },
            currency: placed.rate.currency_id.clone(),
            amount: placed.rate.amount.0,
            formula,
        });
    }
    Ok(rates)
}

/// The base rows or the overage rows of what is shown of a package, in their order.
pub(crate) fn charges_to_wire(env: EnvId, package: &Package, is_overage: bool) -> Vec<Charge> {
    let shown = package.shown();
    let rows = if is_overage { &shown.charges.overage } else { &shown.charges.rows };
    let is_used = package.subscribed_version >= Some(shown.version);
    let rows = rows.iter().enumerate();
    rows.map(|(index, row)| Charge {
        id: ids::charge_id(env, &package.key, shown.version, is_overage, index),
        created_at: instant(row.created_at),
        row: with_usage(&row.row, is_used),
    })
    .collect()
}

/// A stored row always has members: its cadence, model and period.
fn with_usage(row: &Document, is_used: bool) -> Opaque {
    let members = row.0.strip_suffix('}').expect("a row is an object");
    Opaque::from_stored(format!("{members},\"usedInSubscriptions\":{is_used}}}"))
}
