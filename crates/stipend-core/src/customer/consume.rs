//! Consuming credits: the hot path.

use super::check::enforcement_of_currency;
use super::decide::{CustomerRejection, Decision, check_limit, open_pool};
use super::entry::{Cause, Consumption, DimensionValue, Draw, Effect, Entry, PoolEntry};
use super::report::check_time;
use super::{Customer, Pool};
use crate::Amount;
use crate::catalog::{Catalog, Enforcement};
use crate::id::{CurrencyId, ResourceId};
use crate::limits::CUSTOMER_POOLS_MAX;
use crate::time::Timestamp;

/// Credits to consume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumeRequest {
    /// The credit type.
    pub currency: CurrencyId,
    /// The resource whose pool is drawn.
    pub resource: Option<ResourceId>,
    /// How many, above zero.
    pub amount: Amount,
    /// Refuse rather than overdraw.
    pub strict: bool,
    /// The caller's own id of what happened: its idempotency key.
    pub event_id: Option<String>,
    /// When it happened, as the caller says.
    pub reported_at: Option<Timestamp>,
    /// What the caller says about it.
    pub dimensions: Vec<(String, DimensionValue)>,
}

/// Draws the pool in burn order; the shortfall goes to the overdraft. No copy of the customer is
/// made.
pub(super) fn consume(
    customer: &Customer,
    catalog: &Catalog,
    request: &ConsumeRequest,
    now: Timestamp,
) -> Result<Decision, CustomerRejection> {
    assert!(request.amount.is_positive(), "the edge refuses consumption of nothing");
    check_place(customer, catalog, &request.currency, request.resource.as_ref())?;
    check_time(request.reported_at, now)?;
    let known = customer.find_pool(&request.currency, request.resource.as_ref());
    let available = known.map_or(Amount::ZERO, Pool::balance);
    if available < request.amount {
        check_shortfall(customer, catalog, request, available)?;
    }
    let mut entries = Vec::with_capacity(if known.is_some() { 1 } else { 2 });
    let opened;
    let pool = if let Some(pool) = known {
        pool
    } else {
        check_limit(customer.pools.len(), CUSTOMER_POOLS_MAX, "pools")?;
        let open = open_pool(customer, &request.currency, request.resource.as_ref());
        opened = Pool::new(open.pool, request.currency.clone(), request.resource.clone());
        entries.push(Entry::PoolOpened(open));
        &opened
    };
    entries.push(Entry::Pool(consumption(customer, pool, request, now)));
    Ok(Decision { entries, ..Decision::default() })
}

/// Whether there is such a credit type and such a resource.
pub(super) fn check_place(
    customer: &Customer,
    catalog: &Catalog,
    currency: &CurrencyId,
    resource: Option<&ResourceId>,
) -> Result<(), CustomerRejection> {
    if !catalog.credit_types.contains_key(currency) {
        return Err(CustomerRejection::CurrencyNotFound(currency.clone()));
    }
    let unknown = resource.filter(|id| customer.find_resource(id).is_none());
    match unknown {
        Some(resource) => Err(CustomerRejection::ResourceNotFound(resource.clone())),
        None => Ok(()),
    }
}

/// Draws in burn order, and the shortfall on the overdraft.
pub(super) fn charge(customer: &Customer, pool: &Pool, amount: Amount) -> Vec<Effect> {
    // Nearly always one grant gives it all.
    let mut effects = Vec::with_capacity(1);
    let shortfall = pool.spread_into(amount, |draw| effects.push(Effect::Drawn(draw)));
    if shortfall.is_positive() {
        let no = pool.overdraft.map_or(customer.next_grant, |overdraft| overdraft.no);
        effects.push(Effect::Overdrawn(Draw { grant: no, amount: shortfall }));
    }
    effects
}

/// A shortfall is refused where the caller or the entitlement says so (`behaviour.md` §0.9). Only
/// here are entitlements looked at: what the balance covers is on the hot path.
fn check_shortfall(
    customer: &Customer,
    catalog: &Catalog,
    request: &ConsumeRequest,
    available: Amount,
) -> Result<(), CustomerRejection> {
    let ConsumeRequest { currency, resource, .. } = request;
    let enforcement = || enforcement_of_currency(customer, catalog, currency, resource.as_ref());
    if request.strict || enforcement() == Enforcement::Strict {
        let (requested, available) = (request.amount, available.or_zero());
        return Err(CustomerRejection::InsufficientCredits { requested, available });
    }
    Ok(())
}

/// The entry of a consumption: draws in burn order, the shortfall on the overdraft.
fn consumption(
    customer: &Customer,
    pool: &Pool,
    request: &ConsumeRequest,
    now: Timestamp,
) -> PoolEntry {
    let effects = charge(customer, pool, request.amount);
    let entry = PoolEntry {
        pool: pool.id,
        at: now,
        cause: Cause::Consumption(Consumption {
            amount: request.amount,
            event_id: request.event_id.clone(),
            reported_at: request.reported_at,
            dimensions: request.dimensions.clone(),
            usage_limit: pool.granted,
            current_usage: pool.used + request.amount,
            period_end: pool.period_end(),
            owed: pool.overdraft.map_or(Amount::ZERO, |overdraft| overdraft.direct()),
            priced: None,
        }),
        effects,
    };
    assert_eq!(entry.delta(), -request.amount, "the draws of a consumption add up to it");
    entry
}
