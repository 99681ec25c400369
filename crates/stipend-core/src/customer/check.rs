//! The check: may this customer use credits now? It reads and never changes anything.

use super::feature::active_subscriptions;
use super::resolve::granting_enforcement;
use super::{Customer, Pool};
use crate::Amount;
use crate::catalog::{Catalog, Enforcement};
use crate::id::{CurrencyId, PoolId, ResourceId};
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
    /// The pool that was looked at, where there is one.
    pub pool: Option<PoolId>,
    /// Σ amount of the live grants.
    pub usage_limit: Amount,
    /// What of it was used or is reserved, with the overdraft.
    pub current_usage: Amount,
    /// What open reservations hold of live grants.
    pub reserved: Amount,
    /// What open reservations hold of grants that have ended since; no part of the balance.
    pub reserved_on_lapsed: Amount,
    /// What happens beyond the balance: checks grant beyond it where it is soft.
    pub enforcement: Enforcement,
    /// Whether what is left covers what was requested, or anything is left where nothing was.
    pub is_covered: bool,
    /// When the pool last changed; now, where there is none.
    pub usage_updated_at: Timestamp,
    /// The end of the running period.
    pub period_end: Option<Timestamp>,
    /// When to ask again, if nothing is reported before.
    pub valid_until: Option<Timestamp>,
}

impl CreditCheck {
    /// The answer about a customer or a thing that does not exist: there is nothing of it.
    #[must_use]
    pub const fn denied(denial: Denial, now: Timestamp) -> Self {
        Self {
            denial: Some(denial),
            pool: None,
            usage_limit: Amount::ZERO,
            current_usage: Amount::ZERO,
            reserved: Amount::ZERO,
            reserved_on_lapsed: Amount::ZERO,
            enforcement: Enforcement::Hard,
            is_covered: false,
            usage_updated_at: now,
            period_end: None,
            valid_until: None,
        }
    }

    /// Whether checks grant beyond the balance.
    #[must_use]
    pub fn is_soft(&self) -> bool {
        self.enforcement == Enforcement::Soft
    }
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
    let is_covered = |left: Amount| covers(left, requested);
    check_pool(customer, catalog, currency, resource, is_covered, now)
}

/// Whether what is left covers a request; a request of nothing is granted while something is left.
pub(super) fn covers(left: Amount, requested: Option<Amount>) -> bool {
    match requested {
        Some(requested) if !requested.is_zero() => left >= requested,
        _ => left.is_positive(),
    }
}

/// As [`check_credit`], where `is_covered` says of what is left whether it is enough.
pub(super) fn check_pool(
    customer: &Customer,
    catalog: &Catalog,
    currency: &CurrencyId,
    resource: Option<&ResourceId>,
    is_covered: impl Fn(Amount) -> bool,
    now: Timestamp,
) -> CreditCheck {
    let pool = customer.find_pool(currency, resource);
    let mut check = CreditCheck {
        denial: None,
        pool: pool.map(|pool| pool.id),
        usage_limit: pool.map_or(Amount::ZERO, |pool| pool.granted),
        current_usage: pool.map_or(Amount::ZERO, |pool| pool.used),
        reserved: pool.map_or(Amount::ZERO, Pool::reserved),
        reserved_on_lapsed: pool.map_or(Amount::ZERO, Pool::reserved_on_lapsed),
        enforcement: enforcement_of_currency(customer, catalog, currency, resource),
        is_covered: is_covered(pool.map_or(Amount::ZERO, Pool::balance)),
        usage_updated_at: pool.map_or(now, |pool| pool.at),
        period_end: pool.and_then(Pool::period_end),
        valid_until: customer.next_due,
    };
    let nothing = missing(customer, catalog, currency, resource, pool.is_some());
    let is_short = !check.is_covered && !check.is_soft();
    check.denial = nothing.or(is_short.then_some(Denial::InsufficientCredits));
    check
}

/// Why there is nothing of the credit type to use, the nearest thing that is missing first.
fn missing(
    customer: &Customer,
    catalog: &Catalog,
    currency: &CurrencyId,
    resource: Option<&ResourceId>,
    has_pool: bool,
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
    let is_subscribed = || active_subscriptions(customer, resource).next().is_some();
    match has_pool {
        true => None,
        false if is_subscribed() => Some(Denial::EntitlementNotFound),
        false => Some(Denial::NoActiveSubscription),
    }
}

/// What happens beyond the balance of a pool: soft where any entitlement of an active subscription
/// that gives to it is, else hard where any is, else strict; hard where none gives (`behaviour.md`
/// §0.9, §2.9). It makes no shares, unless an add-on overrides: it is a part of every check.
#[must_use]
pub fn enforcement_of_currency(
    customer: &Customer,
    catalog: &Catalog,
    currency: &CurrencyId,
    resource: Option<&ResourceId>,
) -> Enforcement {
    let subscribed = active_subscriptions(customer, resource);
    let stated =
        subscribed.filter_map(|found| granting_enforcement(&found.terms, catalog, currency));
    stated.min().unwrap_or(Enforcement::Hard)
}
