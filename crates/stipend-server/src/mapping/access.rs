//! Checks and effective entitlements.

use super::instant;
use stipend_core::catalog::Catalog;
use stipend_core::customer::{CreditCheck, Denial};
use stipend_core::{CurrencyId, Customer, ResourceId, Timestamp};
use stipend_wire::Decimal;
use stipend_wire::access::{
    AccessDeniedReason, CurrencyReference, CustomerDeniedReason, EffectiveCredit,
    EffectiveEntitlement, EffectiveEntitlements,
};
use stipend_wire::entitlement::CreditTag;

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

/// The answer for a customer that does not exist: nothing of the asked credit type.
pub(crate) fn unknown_customer(now: Timestamp) -> CreditCheck {
    CreditCheck {
        denial: Some(Denial::CustomerNotFound),
        usage_limit: stipend_core::Amount::ZERO,
        current_usage: stipend_core::Amount::ZERO,
        reserved: stipend_core::Amount::ZERO,
        reserved_on_lapsed: stipend_core::Amount::ZERO,
        soft_limit: false,
        usage_updated_at: now,
        period_end: None,
        valid_until: None,
    }
}

pub(crate) fn currency_to_wire(catalog: &Catalog, asked: &str) -> CurrencyReference {
    let id = CurrencyId::parse(asked).ok();
    let found = id.and_then(|id| catalog.credit_types.get(&id));
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
    EffectiveCredit {
        access_denied_reason: check.denial.map(reason),
        currency: currency_to_wire(catalog, asked),
        current_usage: Decimal(check.current_usage),
        is_granted: check.denial.is_none(),
        r#type: CreditTag::Credit,
        usage_limit: Decimal(check.usage_limit),
        usage_updated_at: instant(check.usage_updated_at),
        decision_id: None,
        entitlement_updated_at: Some(instant(check.usage_updated_at)),
        has_soft_limit: Some(check.soft_limit),
        is_estimate: None,
        reservation: None,
        reserved: Some(Decimal(check.reserved)),
        reserved_on_expired_grants: Some(Decimal(check.reserved_on_lapsed)),
        usage_period_end: check.period_end.map(instant),
        valid_until: check.valid_until.map(instant),
    }
}

/// The credit entitlements of a customer or resource, by credit type.
pub(crate) fn effective(
    customer: &Customer,
    catalog: &Catalog,
    resource: Option<&ResourceId>,
    now: Timestamp,
) -> Vec<EffectiveEntitlement> {
    let mut pools: Vec<_> =
        customer.pools.iter().filter(|pool| pool.resource.as_ref() == resource).collect();
    pools.sort_by(|one, other| one.currency.cmp(&other.currency));
    let checks = pools.into_iter().map(|pool| {
        let currency = &pool.currency;
        let check =
            stipend_core::customer::check_credit(customer, catalog, currency, resource, None, now);
        EffectiveEntitlement::Credit(check_to_wire(catalog, currency.as_str(), &check))
    });
    checks.collect()
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
        Scope::Resource(resource) => Some(resource),
        Scope::Nothing => {
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
