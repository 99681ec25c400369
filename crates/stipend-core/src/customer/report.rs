//! Deciding reports of usage and events: what is counted, and what it costs.

use super::Customer;
use super::counting::{Counted, Sample, Terms, count};
use super::decide::{Builder, CustomerRejection, Decision, check_limit};
use super::entry::{DimensionValue, Entry, PoolEntry};
use super::feature::{FeatureAccess, feature_access};
use super::mapping::{Mapping, mapping_of};
use super::pool::{Pool, PoolBalance};
use super::pricing::{Facts, Price, Shortfall, pay, price, priced};
use super::refund::refund;
use super::usage::{Aggregate, FeatureUsage, MeterOpened, UsageBehavior, UsageEntry, UsageRestart};
use crate::Amount;
use crate::catalog::{Catalog, Enforcement, Feature, MeterType};
use crate::id::{FeatureId, MeterId, ResourceId};
use crate::limits::{CUSTOMER_METERS_MAX, EVENT_AGE_MAX_SECONDS, EVENT_AHEAD_MAX_SECONDS};
use crate::time::Timestamp;
use std::sync::Arc;

/// Usage that a caller has measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRequest {
    /// The feature.
    pub feature: FeatureId,
    /// The resource that it is of.
    pub resource: Option<ResourceId>,
    /// How much.
    pub value: Amount,
    /// Whether that is added to the usage or is the usage from now on.
    pub is_set: bool,
    /// The caller's own id of the report: its idempotency key.
    pub event_id: Option<String>,
    /// When it happened, as the caller says.
    pub reported_at: Option<Timestamp>,
    /// What the caller says about it.
    pub dimensions: Vec<(String, DimensionValue)>,
}

/// Something that happened, of which meters make usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRequest {
    /// What happened.
    pub name: String,
    /// The resource that it is of.
    pub resource: Option<ResourceId>,
    /// The caller's own id of the event: its idempotency key.
    pub event_id: Option<String>,
    /// When it happened, as the caller says.
    pub reported_at: Option<Timestamp>,
    /// What the caller says about it.
    pub dimensions: Vec<(String, DimensionValue)>,
}

/// Whether what happened then can still, or already, be reported.
pub(super) fn check_time(
    reported_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), CustomerRejection> {
    let Some(at) = reported_at else { return Ok(()) };
    if at < now.plus_seconds(-EVENT_AGE_MAX_SECONDS) {
        return Err(CustomerRejection::EventTooOld);
    }
    if at > now.plus_seconds(EVENT_AHEAD_MAX_SECONDS) {
        return Err(CustomerRejection::EventInFuture);
    }
    Ok(())
}

fn check_resource(
    customer: &Customer,
    resource: Option<&ResourceId>,
) -> Result<(), CustomerRejection> {
    match resource.filter(|id| customer.find_resource(id).is_none()) {
        Some(resource) => Err(CustomerRejection::ResourceNotFound(resource.clone())),
        None => Ok(()),
    }
}

/// Counts reported usage and takes what it costs, or gives back what less of it costs. No copy of
/// the customer is made.
pub(super) fn report(
    customer: &Customer,
    catalog: &Catalog,
    request: &UsageRequest,
    now: Timestamp,
) -> Result<Decision, CustomerRejection> {
    let feature = catalog.features.get(&request.feature);
    let feature =
        feature.ok_or_else(|| CustomerRejection::FeatureNotFound(request.feature.clone()))?;
    if feature.meter_type == MeterType::None {
        return Err(CustomerRejection::FeatureNotMetered(request.feature.clone()));
    }
    check_resource(customer, request.resource.as_ref())?;
    check_time(request.reported_at, now)?;
    let facts = facts_of_usage(request);
    let step = Step { customer, catalog, feature, facts, now, is_estimate: false };
    let mut decision = Decision::default();
    step.decide(&request.sample(), &mut decision)?;
    note_missing(&mut decision);
    Ok(decision)
}

/// Notes what was missing where the key will stand, so that it can be answered again.
fn note_missing(decision: &mut Decision) {
    let first = decision.entries.iter_mut().find_map(|entry| match entry {
        Entry::Usage(entry) => Some(entry),
        _ => None,
    });
    if let Some(entry) = first {
        entry.missing_dimensions.clone_from(&decision.missing_dimensions);
    }
}

impl UsageRequest {
    pub(super) fn sample(&self) -> Sample<'_> {
        let behavior = if self.is_set { UsageBehavior::Set } else { UsageBehavior::Delta };
        Sample::Reported(self.value, behavior)
    }
}

pub(super) fn facts_of_usage(request: &UsageRequest) -> Facts<'_> {
    Facts {
        resource: request.resource.as_ref(),
        name: None,
        event_id: request.event_id.as_deref(),
        reported_at: request.reported_at,
        dimensions: &request.dimensions,
    }
}

/// The name is a field of the event, so it is given as one.
pub(super) fn facts_of_event<'a>(request: &'a EventRequest, name: &'a DimensionValue) -> Facts<'a> {
    Facts {
        resource: request.resource.as_ref(),
        name: Some(name),
        event_id: request.event_id.as_deref(),
        reported_at: request.reported_at,
        dimensions: &request.dimensions,
    }
}

/// Counts an event for every feature whose meter takes it, in the order of their ids; each that
/// is mapped to credits is charged. An event that no meter takes does nothing.
pub(super) fn take_event(
    customer: &Customer,
    catalog: &Catalog,
    request: &EventRequest,
    now: Timestamp,
) -> Result<Decision, CustomerRejection> {
    check_resource(customer, request.resource.as_ref())?;
    check_time(request.reported_at, now)?;
    let name = DimensionValue::Text(request.name.clone());
    let facts = facts_of_event(request, &name);
    let mut decision = Decision::default();
    let mut features = matching(catalog, facts);
    let (Some(feature), None) = (features.next(), features.next()) else {
        // What one feature takes from a pool, the next one no longer finds there.
        let mut builder = Builder::new(customer, catalog, now);
        for feature in matching(catalog, facts) {
            let mut taken = Decision::default();
            let customer = &builder.customer;
            let step = Step { customer, catalog, feature, facts, now, is_estimate: false };
            step.decide_event(&mut taken)?;
            decision.missing_dimensions.append(&mut taken.missing_dimensions);
            taken.entries.into_iter().for_each(|entry| builder.push(entry));
        }
        (_, decision.entries) = builder.into_parts();
        note_missing(&mut decision);
        return Ok(decision);
    };
    let step = Step { customer, catalog, feature, facts, now, is_estimate: false };
    step.decide_event(&mut decision)?;
    note_missing(&mut decision);
    Ok(decision)
}

/// The features whose meters take an event.
pub(super) fn matching<'a>(
    catalog: &'a Catalog,
    facts: Facts<'a>,
) -> impl Iterator<Item = &'a Arc<Feature>> {
    let takes = move |feature: &&Arc<Feature>| {
        let meter = feature.meter.as_ref().filter(|_| feature.meter_type != MeterType::None);
        meter.is_some_and(|meter| meter.matches(|field| facts.field(field)))
    };
    catalog.features.values().filter(takes)
}

/// One feature that something is counted for.
pub(super) struct Step<'a> {
    pub(super) customer: &'a Customer,
    pub(super) catalog: &'a Catalog,
    pub(super) feature: &'a Feature,
    pub(super) facts: Facts<'a>,
    pub(super) now: Timestamp,
    /// Only the cost is asked for: nothing is refused for a limit or a lack of credits.
    pub(super) is_estimate: bool,
}

impl Step<'_> {
    pub(super) fn decide_event(&self, decision: &mut Decision) -> Result<(), CustomerRejection> {
        let meter = self.feature.meter.as_ref().expect("only features with a meter take events");
        let field = meter.aggregation.field().and_then(|field| self.facts.field(field));
        self.decide(&Sample::Event(&meter.aggregation, field), decision)
    }

    pub(super) fn decide(
        &self,
        sample: &Sample<'_>,
        decision: &mut Decision,
    ) -> Result<(), CustomerRejection> {
        let Self { customer, catalog, feature, facts, now, is_estimate } = *self;
        let access = feature_access(customer, catalog, &feature.id, facts.resource, now);
        let mapping = mapping_of(customer, catalog, &feature.id, facts.resource);
        let known = customer.find_usage(&feature.id, facts.resource);
        let terms = Terms::new(customer, feature, access.as_ref(), mapping.as_ref(), now);
        let restart = known.and_then(|usage| terms.restart(customer, catalog, usage, now));
        let nothing = Aggregate::default();
        let going_on = known.filter(|_| restart.is_none());
        let before = going_on.map_or(&nothing, |usage| &usage.aggregate);
        let counted = count(before, sample)?;
        let before = before.value;
        let strict = access
            .as_ref()
            .filter(|access| !is_estimate && access.enforcement == Enforcement::Strict);
        check_usage_limit(feature, strict, before, counted.value)?;
        let cost = match &mapping {
            Some(mapping) => Some(price(feature, mapping, &facts, before, &counted)?),
            None => None,
        };
        let meter = match known {
            Some(usage) => usage.meter,
            None => self.open(&mut decision.entries)?,
        };
        let mut entry = self.entry(meter, before, &counted, &terms, restart);
        let shortfall = match (strict, is_estimate) {
            (Some(_), _) => Shortfall::Refused,
            (None, true) => Shortfall::Taken,
            (None, false) => Shortfall::AsThePoolSays,
        };
        // Exactly the usage and the pool that pays for it: entries are large.
        decision.entries.reserve_exact(2);
        let (Some(mapping), Some(mut cost)) = (&mapping, cost) else {
            decision.entries.push(Entry::Usage(entry));
            return Ok(());
        };
        entry.currency = Some(mapping.rate.currency.clone());
        decision.missing_dimensions.append(&mut cost.missing);
        self.settle(mapping, &cost, (going_on, shortfall), entry, &mut decision.entries)
    }

    fn open(&self, entries: &mut Vec<Entry>) -> Result<MeterId, CustomerRejection> {
        let count = self.customer.usages.len();
        check_limit(count, CUSTOMER_METERS_MAX, "features with usage")?;
        let number = u16::try_from(count).expect("meters are limited below 2^15");
        let meter = MeterId::new(self.customer.slot, number);
        let (feature, resource) = (self.feature.id.clone(), self.facts.resource.cloned());
        entries.push(Entry::MeterOpened(MeterOpened { meter, feature, resource }));
        Ok(meter)
    }

    fn entry(
        &self,
        meter: MeterId,
        before: Amount,
        counted: &Counted,
        terms: &Terms,
        restart: Option<UsageRestart>,
    ) -> UsageEntry {
        let name = match self.facts.name {
            Some(DimensionValue::Text(name)) => Some(name.clone()),
            _ => None,
        };
        UsageEntry {
            meter,
            at: self.now,
            reported_at: self.facts.reported_at,
            behavior: counted.behavior,
            reported: counted.reported,
            before,
            value: counted.value,
            samples: counted.samples,
            sum: counted.sum,
            seen: counted.seen,
            forgets: counted.forgets,
            restart,
            period: terms.period,
            pin: terms.pin,
            event_name: name,
            event_id: self.facts.event_id.map(str::to_owned),
            dimensions: self.facts.dimensions.to_vec(),
            currency: None,
            returned: Amount::ZERO,
            forfeited: Amount::ZERO,
            balance: None,
            missing_dimensions: Vec::new(),
        }
    }

    /// Adds the entry of the meter and those of the pools: what is taken, or given back.
    fn settle(
        &self,
        mapping: &Mapping<'_>,
        cost: &Price,
        (usage, shortfall): (Option<&FeatureUsage>, Shortfall),
        mut entry: UsageEntry,
        entries: &mut Vec<Entry>,
    ) -> Result<(), CustomerRejection> {
        let priced = priced(self.feature, mapping, entry.meter, cost.units);
        if cost.amount.is_positive() {
            entries.push(Entry::Usage(entry));
            let (mapping, amount) = ((mapping, priced), (cost.amount, shortfall));
            let Self { customer, catalog, facts, now, .. } = self;
            return pay(customer, catalog, mapping, facts, amount, *now, entries);
        }
        let mut back = Vec::new();
        if let Some(usage) = usage.filter(|_| cost.amount.is_negative()) {
            let refund = refund(self.customer, usage, -cost.amount, &self.facts, &priced, self.now);
            (entry.returned, entry.forfeited) = (refund.returned, refund.forfeited);
            back = refund.entries;
        }
        // Only reports are answered with the balance.
        if self.facts.name.is_none() {
            let pool = self.customer.find_pool(&mapping.rate.currency, self.facts.resource);
            let told = back.partition_point(PoolEntry::is_consumption);
            entry.balance = untold_balance(pool, &back[..told]).map(Box::new);
        }
        entries.push(Entry::Usage(entry));
        entries.extend(back.into_iter().map(Entry::Pool));
        Ok(())
    }
}

/// What a pool has after what was given back, where the last of these entries does not say so. A
/// pool that is not there has nothing.
fn untold_balance(pool: Option<&Pool>, back: &[PoolEntry]) -> Option<PoolBalance> {
    let Some(pool) = pool else { return Some(PoolBalance::default()) };
    match back.iter().rposition(|entry| entry.pool == pool.id) {
        Some(last) if last + 1 == back.len() => None,
        Some(place) => back[place].balance(),
        None => Some(PoolBalance::of(pool)),
    }
}

/// More usage than a strict limit allows is refused as a whole (`behaviour.md` §0.9).
fn check_usage_limit(
    feature: &Feature,
    strict: Option<&FeatureAccess>,
    before: Amount,
    after: Amount,
) -> Result<(), CustomerRejection> {
    match strict.and_then(|access| access.limit) {
        Some(limit) if after > limit && after > before => {
            Err(CustomerRejection::UsageLimitExceeded { feature: feature.id.clone(), after, limit })
        }
        _ => Ok(()),
    }
}
