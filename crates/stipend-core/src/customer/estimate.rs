//! What usage would cost, without counting it: the very decision of a report, of which only the
//! cost is taken (`behaviour.md` §4.8).

use super::decide::{CustomerRejection, Decision};
use super::entry::{Cause, DimensionValue, Entry};
use super::report::{EventRequest, Step, UsageRequest, facts_of_event, facts_of_usage, matching};
use super::{Customer, Pool};
use crate::Amount;
use crate::catalog::{Aggregation, Catalog, Feature, MeterType};
use crate::id::{CurrencyId, FeatureId, ResourceId};
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// What usage would cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// The cost in each credit type, by its id; empty where nothing is mapped to one.
    pub costs: Vec<CurrencyCost>,
    /// Whether there is no such feature, or no meter takes the event.
    pub is_unknown: bool,
    /// Whether usage of the features that there are costs no credits.
    pub is_free: bool,
    /// Whether a resource of the customer has a subscription of its own, which was not looked at.
    pub leaves_out_resources: bool,
}

/// What usage would cost in one credit type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrencyCost {
    /// The credit type.
    pub currency: CurrencyId,
    /// The cost; below zero where credits would be given back.
    pub cost: Amount,
    /// What is left now.
    pub balance: Amount,
    /// The cost by feature.
    pub features: Vec<FeatureCost>,
}

/// What usage would cost for one feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureCost {
    /// The feature.
    pub feature: FeatureId,
    /// The cost.
    pub cost: Amount,
    /// Whether its meter neither counts nor sums, so that the cost depends on what else happens.
    pub is_inexact: bool,
    /// The dimensions that its formula needs and that were not given; each counted as nothing.
    pub missing_dimensions: Vec<String>,
}

/// What a report would cost a customer that has been rolled forward to `now`.
///
/// # Errors
/// As the report would be refused, limits and a lack of credits apart.
pub fn estimate_usage(
    customer: &Customer,
    catalog: &Catalog,
    request: &UsageRequest,
    now: Timestamp,
) -> Result<Estimate, CustomerRejection> {
    let mut estimate = Estimating::new(customer, request.resource.as_ref());
    let feature = catalog.features.get(&request.feature);
    let Some(feature) = feature.filter(|feature| feature.meter_type != MeterType::None) else {
        return Ok(Estimate { is_unknown: true, ..estimate.estimate });
    };
    let facts = facts_of_usage(request);
    let step = Step { customer, catalog, feature, facts, now, is_estimate: true };
    let mut decision = Decision::default();
    step.decide(&request.sample(), &mut decision)?;
    estimate.add(feature, decision);
    Ok(estimate.finish())
}

/// What an event would cost a customer that has been rolled forward to `now`.
///
/// # Errors
/// As the event would be refused, limits and a lack of credits apart.
pub fn estimate_event(
    customer: &Customer,
    catalog: &Catalog,
    request: &EventRequest,
    now: Timestamp,
) -> Result<Estimate, CustomerRejection> {
    let mut estimate = Estimating::new(customer, request.resource.as_ref());
    let name = DimensionValue::Text(request.name.clone());
    let facts = facts_of_event(request, &name);
    let mut features = matching(catalog, facts).peekable();
    if features.peek().is_none() {
        return Ok(Estimate { is_unknown: true, ..estimate.estimate });
    }
    for feature in features {
        let step = Step { customer, catalog, feature, facts, now, is_estimate: true };
        let mut decision = Decision::default();
        step.decide_event(&mut decision)?;
        estimate.add(feature, decision);
    }
    Ok(estimate.finish())
}

/// What a report that was refused for a limit or a lack of credits would have counted and taken of
/// pools: the entries of the very decision, which are not to be folded. `None` where it would be
/// refused for something else.
#[must_use]
pub fn refused_usage(
    customer: &Customer,
    catalog: &Catalog,
    request: &UsageRequest,
    now: Timestamp,
) -> Option<Vec<Entry>> {
    let feature = catalog.features.get(&request.feature)?;
    let facts = facts_of_usage(request);
    let step = Step { customer, catalog, feature, facts, now, is_estimate: true };
    let mut decision = Decision::default();
    step.decide(&request.sample(), &mut decision).ok()?;
    Some(decision.entries)
}

/// As [`refused_usage`], for the feature for which an event was refused: the one whose limit the
/// refusal names, or the first that costs what it says was not there.
#[must_use]
pub fn refused_event(
    customer: &Customer,
    catalog: &Catalog,
    request: &EventRequest,
    refusal: &CustomerRejection,
    now: Timestamp,
) -> Option<(FeatureId, Vec<Entry>)> {
    let name = DimensionValue::Text(request.name.clone());
    let facts = facts_of_event(request, &name);
    matching(catalog, facts).find_map(|feature| {
        let step = Step { customer, catalog, feature, facts, now, is_estimate: true };
        let mut decision = Decision::default();
        step.decide_event(&mut decision).ok()?;
        let is_it = match refusal {
            CustomerRejection::UsageLimitExceeded { feature: named, .. } => *named == feature.id,
            CustomerRejection::InsufficientCredits { requested, .. } => {
                cost_of(&decision.entries) == *requested
            }
            _ => false,
        };
        is_it.then(|| (feature.id.clone(), decision.entries))
    })
}

fn cost_of(entries: &[Entry]) -> Amount {
    let amounts = entries.iter().map(|entry| match entry {
        Entry::Pool(entry) => match &entry.cause {
            Cause::Consumption(consumption) => consumption.amount,
            _ => Amount::ZERO,
        },
        _ => Amount::ZERO,
    });
    amounts.sum()
}

struct Estimating<'a> {
    customer: &'a Customer,
    resource: Option<&'a ResourceId>,
    estimate: Estimate,
    costs: BTreeMap<CurrencyId, Vec<FeatureCost>>,
}

impl<'a> Estimating<'a> {
    fn new(customer: &'a Customer, resource: Option<&'a ResourceId>) -> Self {
        let mut subscriptions = customer.subscriptions.iter();
        let is_scoped = subscriptions.any(|subscription| {
            subscription.terms.is_active() && subscription.terms.resource.is_some()
        });
        let leaves_out_resources = resource.is_none() && is_scoped;
        let estimate = Estimate { leaves_out_resources, ..Estimate::default() };
        Self { customer, resource, estimate, costs: BTreeMap::new() }
    }

    fn add(&mut self, feature: &Feature, decision: Decision) {
        let usage = decision.entries.iter().find_map(|entry| match entry {
            Entry::Usage(usage) => Some(usage),
            _ => None,
        });
        let Some(currency) = usage.and_then(|usage| usage.currency.clone()) else { return };
        let aggregation = feature.meter.as_ref().map(|meter| &meter.aggregation);
        self.costs.entry(currency).or_default().push(FeatureCost {
            feature: feature.id.clone(),
            cost: cost_of(&decision.entries),
            is_inexact: aggregation
                .is_some_and(|one| !matches!(one, Aggregation::Count | Aggregation::Sum(_))),
            missing_dimensions: decision.missing_dimensions,
        });
    }

    fn finish(self) -> Estimate {
        let Self { customer, resource, estimate, costs } = self;
        let is_free = costs.is_empty();
        let costs = costs.into_iter().map(|(currency, features)| CurrencyCost {
            balance: customer.find_pool(&currency, resource).map_or(Amount::ZERO, Pool::balance),
            currency,
            cost: features.iter().map(|feature| feature.cost).sum(),
            features,
        });
        Estimate { costs: costs.collect(), is_free, ..estimate }
    }
}
