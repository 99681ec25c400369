//! The check: may this customer use credits now? It reads and never changes anything.

use super::feature::active_subscriptions;
use super::resolve::{Standing, resolve};
use super::{Customer, Pool};
use crate::Amount;
use crate::catalog::{Catalog, Enforcement};
use crate::id::{CurrencyId, ResourceId};
use crate::time::Timestamp;

/// Why a check is denied. The order is the precedence where several apply (`behaviour.md`
/// §5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denial {
    /// There is no such customer.
    CustomerNotFound,
    /// The customer is archived.
    CustomerIsArchived,
    /// The customer has no such resource.
    CustomerResourceNotFound,
    /// There is no such feature.
    FeatureNotFound,
    /// There is no such credit type, or nothing gives it to the customer.
    EntitlementNotFound,
    /// What gave it was taken back, and nothing else gives it.
    Revoked,
    /// There is no subscription, and nothing else that gives it.
    NoActiveSubscription,
    /// No subscription gives the feature.
    NoFeatureEntitlementInSubscription,
    /// What was requested does not go with the type of the feature.
    FeatureTypeMismatch,
    /// What the subscription may cost is spent.
    BudgetExceeded,
    /// What is left does not suffice.
    InsufficientCredits,
    /// It would be more than the limit.
    RequestedUsageExceedingLimit,
    /// Not all the requested values are allowed.
    RequestedValuesMismatch,
}

/// The answer to a check of a credit type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditCheck {
    /// Why it is denied; granted where absent.
    pub denial: Option<Denial>,
    /// Σ amount of the live grants.
    pub usage_limit: Amount,
    /// What of it was used or is reserved, with the overdraft.
    pub current_usage: Amount,
    /// What open reservations hold of live grants.
    pub reserved: Amount,
    /// What open reservations hold of grants that have ended since; no part of the balance.
    pub reserved_on_lapsed: Amount,
    /// Whether checks grant beyond the balance.
    pub soft_limit: bool,
    /// When the pool last changed; now, where there is none.
    pub usage_updated_at: Timestamp,
    /// The end of the running period.
    pub period_end: Option<Timestamp>,
    /// When to ask again, if nothing is reported before.
    pub valid_until: Option<Timestamp>,
}

/// Checks a credit type for a customer that has been rolled forward to `now`.
///
/// Granted where what is left covers `requested`, or anything is left where nothing was
/// requested, or where a contributing entitlement is soft (`behaviour.md` §5.4, §0.19).
///
/// # Examples
///
/// ```
/// use stipend_core::customer::{Denial, check_credit};
/// use stipend_core::{Amount, examples};
/// let catalog = examples::catalog();
/// let customer = examples::subscribed_customer(&catalog, 3);
/// let check = |credits| {
///     let requested = Some(Amount::whole(credits));
///     check_credit(&customer, &catalog, &examples::credits(), None, requested, examples::START)
/// };
/// assert_eq!(check(80_000).denial, None);
/// assert_eq!(check(80_001).denial, Some(Denial::InsufficientCredits));
/// ```
#[must_use]
pub fn check_credit(
    customer: &Customer,
    catalog: &Catalog,
    currency: &CurrencyId,
    resource: Option<&ResourceId>,
    requested: Option<Amount>,
    now: Timestamp,
) -> CreditCheck {
    let pool = customer.find_pool(currency, resource);
    let enforcement = enforcement_of_currency(customer, catalog, currency, resource);
    let soft_limit = enforcement == Enforcement::Soft;
    let mut check = CreditCheck {
        denial: None,
        usage_limit: pool.map_or(Amount::ZERO, |pool| pool.granted),
        current_usage: pool.map_or(Amount::ZERO, |pool| pool.used),
        reserved: pool.map_or(Amount::ZERO, Pool::reserved),
        reserved_on_lapsed: pool.map_or(Amount::ZERO, Pool::reserved_on_lapsed),
        soft_limit,
        usage_updated_at: pool.map_or(now, |pool| pool.at),
        period_end: pool.and_then(Pool::period_end),
        valid_until: customer.next_due,
    };
    check.denial = deny(customer, catalog, currency, resource, requested, soft_limit);
    check
}

fn deny(
    customer: &Customer,
    catalog: &Catalog,
    currency: &CurrencyId,
    resource: Option<&ResourceId>,
    requested: Option<Amount>,
    soft_limit: bool,
) -> Option<Denial> {
    if customer.profile.archived_at.is_some() {
        return Some(Denial::CustomerIsArchived);
    }
    if resource.is_some_and(|resource| customer.find_resource(resource).is_none()) {
        return Some(Denial::CustomerResourceNotFound);
    }
    if !catalog.credit_types.contains_key(currency) {
        return Some(Denial::EntitlementNotFound);
    }
    let Some(pool) = customer.find_pool(currency, resource) else {
        let mut subscribed = active_subscriptions(customer, resource);
        let has_subscription = subscribed.next().is_some();
        return Some(if has_subscription {
            Denial::EntitlementNotFound
        } else {
            Denial::NoActiveSubscription
        });
    };
    let left = pool.balance();
    let suffices = requested.map_or(left.is_positive(), |requested| {
        // A request of nothing is granted while something is left.
        if requested.is_zero() { left.is_positive() } else { left >= requested }
    });
    if suffices || soft_limit { None } else { Some(Denial::InsufficientCredits) }
}

/// What happens beyond the balance of a pool: soft where any entitlement of an active subscription
/// that gives to it is, else hard where any is, else strict; hard where none gives (`behaviour.md`
/// §0.9, §2.9). It resolves subscriptions, so it is asked only where the balance does not suffice.
#[must_use]
pub fn enforcement_of_currency(
    customer: &Customer,
    catalog: &Catalog,
    currency: &CurrencyId,
    resource: Option<&ResourceId>,
) -> Enforcement {
    let subscribed = active_subscriptions(customer, resource);
    let stated = subscribed.filter_map(|subscription| {
        let shares = resolve(&subscription.terms, catalog).remove(currency)?;
        let granting = shares.iter().filter(|share| share.standing == Standing::Grants);
        granting.map(|share| share.enforcement).min()
    });
    stated.min().unwrap_or(Enforcement::Hard)
}
