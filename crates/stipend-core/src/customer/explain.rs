//! Where a balance comes from.

use super::resolve::{Share, Standing, resolve};
use super::{Customer, Pool};
use crate::Amount;
use crate::catalog::Catalog;
use crate::id::{CurrencyId, PackageId, ResourceId, SubscriptionId, SubscriptionNo};
use crate::time::Timestamp;

/// What one active subscription gives of the credit type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionPart {
    /// The subscription's number.
    pub number: SubscriptionNo,
    /// Its id.
    pub id: SubscriptionId,
    /// Its plan.
    pub plan: PackageId,
    /// Every package that gives or would give, the plan's first.
    pub shares: Vec<Share>,
    /// Σ of what grants, for one period each.
    pub total: Amount,
    /// Consumption that found no room after a change in this period.
    pub carried: Amount,
}

/// The parts that a balance is made of; the pool's grants stand in burn order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The active subscriptions that concern the credit type, oldest first.
    pub subscriptions: Vec<SubscriptionPart>,
    /// The pool, where there is one.
    pub pool: Option<Pool>,
    /// The overdraft.
    pub overdraft: Amount,
    /// Σ amount of the live grants.
    pub granted: Amount,
    /// What of it was used, with the overdraft.
    pub used: Amount,
    /// What is left: granted − used.
    pub balance: Amount,
}

/// Explains the pool of a customer that has been rolled forward to `now`. The balance equals
/// what [`super::check_credit`] says: usage limit − current usage.
///
/// # Examples
///
/// ```
/// use stipend_core::customer::explain;
/// use stipend_core::{Amount, examples};
/// let catalog = examples::catalog();
/// let customer = examples::subscribed_customer(&catalog, 3);
/// let told = explain(&customer, &catalog, &examples::credits(), None, examples::START);
/// assert_eq!(told.subscriptions[0].total, Amount::whole(80_000));
/// assert_eq!(told.balance, told.granted - told.used);
/// ```
#[must_use]
pub fn explain(
    customer: &Customer,
    catalog: &Catalog,
    currency: &CurrencyId,
    resource: Option<&ResourceId>,
    now: Timestamp,
) -> Explanation {
    let pool = customer.find_pool(currency, resource).cloned();
    let subscriptions = customer
        .subscriptions
        .iter()
        .filter(|subscription| {
            let terms = &subscription.terms;
            terms.is_active() && terms.resource.as_ref() == resource
        })
        .filter_map(|subscription| {
            let shares = resolve(&subscription.terms, catalog).remove(currency)?;
            let granting = shares.iter().filter(|share| share.standing == Standing::Grants);
            Some(SubscriptionPart {
                number: subscription.terms.number,
                id: subscription.terms.id.clone(),
                plan: subscription.terms.plan.plan.clone(),
                total: granting.map(|share| share.amount).sum(),
                carried: subscription.carried_at(currency, now),
                shares,
            })
        })
        .collect();
    let granted = pool.as_ref().map_or(Amount::ZERO, |pool| pool.granted);
    let used = pool.as_ref().map_or(Amount::ZERO, |pool| pool.used);
    let overdraft = pool.as_ref().and_then(|pool| pool.overdraft);
    Explanation {
        subscriptions,
        overdraft: overdraft.map_or(Amount::ZERO, |overdraft| overdraft.amount),
        granted,
        used,
        balance: granted - used,
        pool,
    }
}
