//! What usage costs in credits, and the entry that takes it from the pool (`behaviour.md` §0.20,
//! §4).

use super::check::enforcement_of_currency;
use super::consume::charge;
use super::counting::Counted;
use super::decide::{CustomerRejection, check_limit, open_pool};
use super::entry::{Cause, Consumption, DimensionValue, Entry, PoolEntry, Priced};
use super::mapping::Mapping;
use super::usage::UsageBehavior;
use super::{Customer, Pool};
use crate::Amount;
use crate::catalog::{Catalog, EVENT_NAME_FIELD, Enforcement, Feature};
use crate::formula::Formula;
use crate::id::{MeterId, ResourceId};
use crate::limits::CUSTOMER_POOLS_MAX;
use crate::time::Timestamp;

/// What a report or an event says besides its value.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) resource: Option<&'a ResourceId>,
    /// The name of the event.
    pub(super) name: Option<&'a DimensionValue>,
    pub(super) event_id: Option<&'a str>,
    pub(super) reported_at: Option<Timestamp>,
    pub(super) dimensions: &'a [(String, DimensionValue)],
}

impl<'a> Facts<'a> {
    /// The value of a field; the name of the event is one.
    pub(super) fn field(&self, name: &str) -> Option<&'a DimensionValue> {
        if name == EVENT_NAME_FIELD && self.name.is_some() {
            return self.name;
        }
        self.dimensions.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

/// What is done where a pool does not have what usage costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shortfall {
    /// The usage is refused.
    Refused,
    /// It becomes overdraft.
    Taken,
    /// As the entitlement to the pool's credits says.
    AsThePoolSays,
}

/// What usage costs; below zero where credits are given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Price {
    pub(super) amount: Amount,
    /// The units, where a fixed rate says the cost.
    pub(super) units: Option<Amount>,
    /// The dimensions that the formula needs and that were not there, or not of the type.
    pub(super) missing: Vec<String>,
}

/// What the step from one usage to another costs at a fixed rate.
///
/// Each usage has its price, rounded once, and the step costs the difference: so whatever the
/// steps, together they cost what the usage costs, and giving back gives back exactly.
pub(super) fn fixed_cost(
    feature: &Feature,
    rate: Amount,
    before: Amount,
    after: Amount,
) -> Option<Price> {
    let transformed = |usage: Amount| match &feature.unit_transformation {
        Some(transformation) => transformation.units_of(usage.or_zero()),
        None => Some(usage.or_zero()),
    };
    let (before, after) = (transformed(before)?, transformed(after)?);
    let amount = rate.times_amount(after)? - rate.times_amount(before)?;
    Some(Price { amount, units: Some(after - before), missing: Vec::new() })
}

/// What usage costs by its mapping.
pub(super) fn price(
    feature: &Feature,
    mapping: &Mapping<'_>,
    facts: &Facts<'_>,
    before: Amount,
    counted: &Counted,
) -> Result<Price, CustomerRejection> {
    match &mapping.rate.formula {
        None => fixed_cost(feature, mapping.rate.amount, before, counted.value)
            .ok_or(CustomerRejection::UsageTooLarge),
        Some(formula) => price_by_formula(feature, formula, facts, before, counted),
    }
}

/// A formula prices each event or report by itself. A report that lowers usage gives back what
/// one with its dimensions costs.
fn price_by_formula(
    feature: &Feature,
    formula: &Formula,
    facts: &Facts<'_>,
    before: Amount,
    counted: &Counted,
) -> Result<Price, CustomerRejection> {
    let is_report = counted.behavior != UsageBehavior::Event;
    if is_report && counted.value == before {
        return Ok(Price { amount: Amount::ZERO, units: None, missing: Vec::new() });
    }
    let cost = formula
        .evaluate(|name| facts.field(name))
        .map_err(|why| CustomerRejection::FormulaFailed { feature: feature.id.clone(), why })?;
    let mut missing: Vec<String> = Vec::new();
    for warning in &cost.warnings {
        if !missing.iter().any(|name| name == warning.dimension) {
            missing.push(warning.dimension.to_owned());
        }
    }
    let is_lower = is_report && counted.value < before;
    let amount = if is_lower { -cost.amount } else { cost.amount };
    Ok(Price { amount, units: None, missing })
}

/// The record of a mapping in the entry of the pool.
pub(super) fn priced(
    feature: &Feature,
    mapping: &Mapping<'_>,
    meter: MeterId,
    units: Option<Amount>,
) -> Priced {
    Priced {
        meter,
        feature: feature.id.clone(),
        subscription: mapping.subscription,
        package: mapping.package.clone(),
        version: mapping.version,
        units,
        rate: mapping.rate.amount,
    }
}

/// Adds the entries that take the cost of usage from the pool that pays for it.
pub(super) fn pay(
    customer: &Customer,
    catalog: &Catalog,
    (mapping, priced): (&Mapping<'_>, Priced),
    facts: &Facts<'_>,
    (amount, shortfall): (Amount, Shortfall),
    now: Timestamp,
    entries: &mut Vec<Entry>,
) -> Result<(), CustomerRejection> {
    let currency = &mapping.rate.currency;
    let known = customer.find_pool(currency, facts.resource);
    let available = known.map_or(Amount::ZERO, Pool::balance);
    if available < amount {
        let is_refused = match shortfall {
            Shortfall::Refused => true,
            Shortfall::Taken => false,
            Shortfall::AsThePoolSays => {
                let resource = facts.resource;
                let enforcement = enforcement_of_currency(customer, catalog, currency, resource);
                enforcement == Enforcement::Strict
            }
        };
        if is_refused {
            let (requested, available) = (amount, available.or_zero());
            return Err(CustomerRejection::InsufficientCredits { requested, available });
        }
    }
    let opened;
    let pool = if let Some(pool) = known {
        pool
    } else {
        check_limit(customer.pools.len(), CUSTOMER_POOLS_MAX, "pools")?;
        let open = open_pool(customer, currency, facts.resource);
        opened = Pool::new(open.pool, currency.clone(), facts.resource.cloned());
        entries.push(Entry::PoolOpened(open));
        &opened
    };
    let effects = charge(customer, pool, amount);
    let cause = Cause::Consumption(consumption(pool, facts, amount, priced));
    entries.push(Entry::Pool(PoolEntry { pool: pool.id, at: now, cause, effects }));
    Ok(())
}

/// A consumption for usage; below zero where credits are given back.
pub(super) fn consumption(
    pool: &Pool,
    facts: &Facts<'_>,
    amount: Amount,
    priced: Priced,
) -> Consumption {
    Consumption {
        amount,
        event_id: facts.event_id.map(str::to_owned),
        reported_at: facts.reported_at,
        dimensions: facts.dimensions.to_vec(),
        usage_limit: pool.granted,
        current_usage: pool.used + amount,
        period_end: pool.period_end(),
        owed: pool.overdraft.map_or(Amount::ZERO, |overdraft| overdraft.direct()),
        priced: Some(priced),
    }
}
