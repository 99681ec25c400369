//! Checks and effective entitlements.

use super::entitlement::reset_period_to_wire;
use super::feature::{feature_type, status};
use super::instant;
use stipend_core::catalog::{Catalog, Enforcement, FeatureType};
use stipend_core::customer::{
    CreditCheck, Denial, FeatureCheck, FeatureQuestion, check_credit, check_feature,
    entitled_features,
};
use stipend_core::{Customer, ResourceId, SubscriptionNo, Timestamp};
use stipend_wire::access::{
    AccessDeniedReason, CurrencyReference, CustomerDeniedReason, EffectiveCredit,
    EffectiveEntitlement, EffectiveEntitlements, EffectiveFeature, FeatureReference,
};
use stipend_wire::charge::MoneyBudget;
use stipend_wire::entitlement::{CreditTag, FeatureTag};
use stipend_wire::{Decimal, FromJson as _};

pub(crate) fn reason(denial: Denial) -> AccessDeniedReason {
    match denial {
        Denial::CustomerNotFound => AccessDeniedReason::CustomerNotFound,
        Denial::CustomerIsArchived => AccessDeniedReason::CustomerIsArchived,
        Denial::CustomerResourceNotFound => AccessDeniedReason::CustomerResourceNotFound,
        Denial::EntitlementNotFound => AccessDeniedReason::EntitlementNotFound,
        Denial::NoActiveSubscription => AccessDeniedReason::NoActiveSubscription,
        Denial::InsufficientCredits => AccessDeniedReason::InsufficientCredits,
        Denial::FeatureNotFound => AccessDeniedReason::FeatureNotFound,
        Denial::Revoked => AccessDeniedReason::Revoked,
        Denial::NoFeatureEntitlementInSubscription => {
            AccessDeniedReason::NoFeatureEntitlementInSubscription
        }
        Denial::FeatureTypeMismatch => AccessDeniedReason::FeatureTypeMismatch,
        Denial::BudgetExceeded => AccessDeniedReason::BudgetExceeded,
        Denial::RequestedUsageExceedingLimit => AccessDeniedReason::RequestedUsageExceedingLimit,
        Denial::RequestedValuesMismatch => AccessDeniedReason::RequestedValuesMismatch,
    }
}

pub(crate) fn currency_to_wire(catalog: &Catalog, asked: &str) -> CurrencyReference {
    let found = catalog.credit_types.get(asked);
    let units = found.and_then(|found| found.units.as_ref());
    CurrencyReference {
        currency_id: asked.to_owned(),
        display_name: found.map_or_else(|| asked.to_owned(), |found| found.name.clone()),
        description: found.and_then(|found| found.description.clone()),
        metadata: found.map(|found| found.metadata.clone()),
        unit_plural: units.map(|units| units.plural.clone()),
        unit_singular: units.map(|units| units.singular.clone()),
    }
}

pub(crate) fn check_to_wire(
    catalog: &Catalog,
    asked: &str,
    check: &CreditCheck,
) -> EffectiveCredit {
    let updated_at = instant(check.usage_updated_at);
    EffectiveCredit {
        access_denied_reason: check.denial.map(reason),
        currency: currency_to_wire(catalog, asked),
        current_usage: Decimal(check.current_usage),
        is_granted: check.denial.is_none(),
        r#type: CreditTag::Credit,
        usage_limit: Decimal(check.usage_limit),
        usage_updated_at: updated_at.clone(),
        decision_id: None,
        entitlement_updated_at: Some(updated_at),
        forecast: None,
        has_soft_limit: Some(check.is_soft()),
        is_estimate: None,
        reservation: None,
        reserved: Some(Decimal(check.reserved)),
        reserved_on_expired_grants: Some(Decimal(check.reserved_on_lapsed)),
        usage_period_end: check.period_end.map(instant),
        valid_until: check.valid_until.map(instant),
    }
}

/// The subscriptions whose budget is spent. Nothing is charged without a billing provider, so that
/// is a budget of nothing that may not be passed (`behaviour.md` §5.5).
pub(crate) fn spent_budgets(customer: &Customer) -> Vec<SubscriptionNo> {
    let budgets = customer.subscriptions.iter().filter_map(|subscription| {
        let terms = &subscription.terms;
        let budget = terms.extras.get("budget").filter(|_| terms.is_active())?;
        let json = stipend_wire::json::parse(budget.0.as_bytes()).ok()?;
        let budget = MoneyBudget::from_json(json).ok()?;
        (budget.limit.0.is_zero() && !budget.has_soft_limit).then_some(terms.number)
    });
    budgets.collect()
}

/// Figures are told of what has a source, the feature itself wherever there is one.
pub(crate) fn feature_to_wire(
    catalog: &Catalog,
    asked: &str,
    check: &FeatureCheck,
) -> EffectiveFeature {
    let feature = catalog.features.get(asked);
    let has_source = check.access.is_some() || check.credits.is_some();
    let figures = feature.filter(|_| has_source);
    let number = figures.filter(|feature| feature.feature_type == FeatureType::Number);
    let access = check.access.as_ref();
    let limited = access.filter(|_| number.is_some());
    let reset = access.and_then(|access| access.reset.as_ref());
    let is_estimate = check.credits.as_ref().is_some_and(|credits| credits.is_estimate);
    EffectiveFeature {
        access_denied_reason: check.denial.map(reason),
        is_granted: check.denial.is_none(),
        r#type: FeatureTag::Feature,
        current_usage: number.map(|_| Decimal(check.current_usage)),
        decision_id: None,
        entitlement_updated_at: check.updated_at.map(instant),
        enum_values: access
            .filter(|_| figures.is_some_and(|one| one.feature_type == FeatureType::Enum))
            .map(|access| access.enum_values.clone()),
        feature: feature.map(|feature| FeatureReference {
            id: feature.id.to_string(),
            display_name: feature.name.clone(),
            feature_status: status(feature),
            feature_type: feature_type(feature),
        }),
        has_soft_limit: number.map(|_| has_soft_limit(check)),
        has_unlimited_usage: limited.map(|access| access.limit.is_none()),
        is_estimate: is_estimate.then_some(true),
        reset_period: reset.map(|reset| reset_period_to_wire(reset.period)),
        usage_limit: limited.and_then(|access| access.limit).map(Decimal),
        usage_period_anchor: access.filter(|_| reset.is_some()).map(|own| instant(own.anchor.at)),
        usage_period_end: check.period.map(|period| instant(period.end)),
        usage_period_start: check.period.map(|period| instant(period.start)),
        valid_until: check.valid_until.map(instant),
    }
}

/// Whether usage may go on where the limit is reached, or where the credits are.
fn has_soft_limit(check: &FeatureCheck) -> bool {
    let is_soft = check.access.as_ref().map(|access| access.enforcement == Enforcement::Soft);
    let limited = check.access.as_ref().filter(|access| access.limit.is_some());
    match &check.credits {
        Some(credits) if limited.is_none() => credits.check.is_soft(),
        Some(credits) => credits.check.is_soft() && is_soft == Some(true),
        None => is_soft == Some(true),
    }
}

/// The entitlements of a customer or resource: features by id, then credits by credit type.
pub(crate) fn effective(
    customer: &Customer,
    catalog: &Catalog,
    resource: Option<&ResourceId>,
    now: Timestamp,
) -> Vec<EffectiveEntitlement> {
    let spent = spent_budgets(customer);
    let question = FeatureQuestion { resource, spent: &spent, ..FeatureQuestion::default() };
    let features = entitled_features(customer, catalog, resource, now).into_iter().map(|id| {
        let check = check_feature(customer, catalog, &id, &question, now);
        EffectiveEntitlement::Feature(feature_to_wire(catalog, id.as_str(), &check))
    });
    let mut pools: Vec<_> =
        customer.pools.iter().filter(|pool| pool.resource.as_ref() == resource).collect();
    pools.sort_by(|one, other| one.currency.cmp(&other.currency));
    let checks = pools.into_iter().map(|pool| {
        let currency = &pool.currency;
        let check = check_credit(customer, catalog, currency, resource, None, now);
        EffectiveEntitlement::Credit(check_to_wire(catalog, currency.as_str(), &check))
    });
    features.chain(checks).collect()
}

/// Whose entitlements are asked for.
pub(crate) enum Scope {
    /// The customer's own.
    Customer,
    /// Those of one of its resources.
    Resource(ResourceId),
    /// Those of something that cannot exist.
    Nothing,
}

/// The list with the customer-level reason why it gives nothing.
pub(crate) fn effective_to_wire(
    customer: Option<&Customer>,
    catalog: &Catalog,
    scope: &Scope,
    now: Timestamp,
) -> EffectiveEntitlements {
    let Some(customer) = customer else {
        let access_denied_reason = Some(CustomerDeniedReason::CustomerNotFound);
        return EffectiveEntitlements { access_denied_reason, entitlements: Vec::new() };
    };
    if customer.profile.archived_at.is_some() {
        let access_denied_reason = Some(CustomerDeniedReason::CustomerIsArchived);
        return EffectiveEntitlements { access_denied_reason, entitlements: Vec::new() };
    }
    let resource = match scope {
        Scope::Customer => None,
        Scope::Resource(resource) if customer.find_resource(resource).is_some() => Some(resource),
        Scope::Resource(_) | Scope::Nothing => {
            let access_denied_reason = Some(CustomerDeniedReason::NoActiveSubscription);
            return EffectiveEntitlements { access_denied_reason, entitlements: Vec::new() };
        }
    };
    let entitlements = effective(customer, catalog, resource, now);
    let is_subscribed = customer.subscriptions.iter().any(|subscription| {
        let terms = &subscription.terms;
        terms.is_active() && terms.resource.as_ref() == resource
    });
    let nothing = entitlements.is_empty() && !is_subscribed;
    let access_denied_reason = nothing.then_some(CustomerDeniedReason::NoActiveSubscription);
    EffectiveEntitlements { access_denied_reason, entitlements }
}
