//! Decisions about what was used: as the journal has them, and as they would have been where they
//! were refused.

use super::grants::{subscription, subscription_of_turns, turns};
use super::{Asked, Facts, Inputs, Limit, Price};
use stipend_core::catalog::{EVENT_NAME_FIELD, Enforcement};
use stipend_core::customer::{
    Cause, CustomerRejection, DimensionValue, Effect, Entry, Grant, Pool, PoolEntry, Priced,
    UsageEntry,
};
use stipend_core::{Amount, Customer, GrantNo, Timestamp};
use stipend_engine::decision::{Decided, drawn};
use stipend_wire::ErrorCode;
use stipend_wire::decision::{DecisionKind, DecisionOutcome, LimitType};

/// The decision that a row of the journal tells.
pub(crate) fn of_row(decided: &Decided) -> Facts {
    let customer = &decided.account.customer;
    let usage = decided.usage.as_ref();
    let entry = decided.paid.first();
    let pool = entry.and_then(|entry| customer.pool(entry.pool));
    let at = entry.map(|entry| entry.at).or(usage.map(|usage| usage.at)).unwrap_or_default();
    let meter = usage.and_then(|usage| customer.usage(usage.meter));
    let of_meter = meter.and_then(|meter| meter.resource.as_ref());
    let resource = pool.map_or(of_meter, |pool| pool.resource.as_ref());
    let asked = Asked {
        customer: customer.profile.id.to_string(),
        resource: resource.map(ToString::to_string),
        feature: meter.map(|meter| meter.feature.to_string()),
        currency: pool.map(|pool| pool.currency.to_string()),
        requested: None,
    };
    let (kind, outcome) = match entry.map(|entry| &entry.cause) {
        Some(Cause::Reservation | Cause::Extension) => {
            (DecisionKind::Reservation, DecisionOutcome::Reserved)
        }
        _ => (DecisionKind::Consumption, DecisionOutcome::Consumed),
    };
    let mut facts = Facts { outcome, ..Facts::new(kind, asked, at) };
    facts.note_paid(customer, usage, &decided.paid, |no| decided.grants.get(&no));
    facts.reversed_by = decided.reversed_by;
    if usage.is_none() {
        facts.asked.requested = facts.cost;
    }
    facts
}

impl Facts {
    /// What was taken of pools, with what it was for.
    fn note_paid<'a>(
        &mut self,
        customer: &Customer,
        usage: Option<&UsageEntry>,
        paid: &[PoolEntry],
        find: impl Fn(GrantNo) -> Option<&'a Grant> + Copy,
    ) {
        self.slot = customer.slot;
        self.asked.requested = usage.map(|usage| usage.reported);
        self.overdraft = paid.iter().map(overdrawn).sum();
        self.turns = turns(paid.iter().flat_map(drawn), find, self.overdraft);
        let drawn = self.turns.iter().map(|turn| turn.grant);
        self.subscription = subscription_of_turns(customer, drawn, find);
        self.cost = (!paid.is_empty()).then(|| paid.iter().map(cost_of).sum());
        if let Some(priced) = paid.iter().find_map(PoolEntry::priced) {
            self.note_price(customer, priced, usage);
        }
    }

    fn note_price(&mut self, customer: &Customer, priced: &Priced, usage: Option<&UsageEntry>) {
        self.asked.feature = Some(priced.feature.to_string());
        self.subscription = subscription(customer, priced.subscription, Some(priced));
        let is_formula = priced.units.is_none();
        self.price = Some(Price {
            package: priced.package.clone(),
            version: priced.version,
            rate: priced.rate,
            is_formula,
            is_estimate: false,
            inputs: match usage {
                Some(usage) if is_formula => Inputs::Dimensions(fields(usage)),
                Some(usage) => Inputs::Usage(usage.before, usage.value),
                None => Inputs::Nothing,
            },
        });
    }
}

/// What a formula can name: the dimensions, and the name of the event.
fn fields(usage: &UsageEntry) -> Vec<(String, DimensionValue)> {
    let name = usage.event_name.iter();
    let name = name.map(|name| (EVENT_NAME_FIELD.to_owned(), DimensionValue::Text(name.clone())));
    name.chain(usage.dimensions.iter().cloned()).collect()
}

fn overdrawn(entry: &PoolEntry) -> Amount {
    let amounts = entry.effects.iter().map(|effect| match effect {
        Effect::Overdrawn(draw) => draw.amount,
        Effect::OverdraftRefunded(draw) => -draw.amount,
        _ => Amount::ZERO,
    });
    amounts.sum()
}

/// What was consumed by an entry, or reserved.
fn cost_of(entry: &PoolEntry) -> Amount {
    match &entry.cause {
        Cause::Consumption(consumption) => consumption.amount,
        Cause::Release(release) => release.consumed,
        _ => -entry.delta(),
    }
}

/// A refusal of something that would have been recorded.
pub(crate) struct Refused<'a> {
    pub(crate) rejection: &'a CustomerRejection,
    pub(crate) code: ErrorCode,
    /// The customer, where there is one, as it is now.
    pub(crate) customer: Option<&'a Customer>,
    /// What would have been recorded.
    pub(crate) entries: &'a [Entry],
    /// The pool that was to give it.
    pub(crate) pool: Option<&'a Pool>,
}

/// The decision to refuse something, with what it would have taken.
pub(crate) fn of_refusal(asked: Asked, refused: &Refused<'_>, now: Timestamp) -> Facts {
    let Refused { rejection, code, customer, entries, pool } = *refused;
    let mut facts = Facts::new(DecisionKind::Refusal, asked, now);
    facts.outcome = DecisionOutcome::Refused;
    facts.error = Some(code);
    let usage = entries.iter().find_map(|entry| match entry {
        Entry::Usage(usage) => Some(usage),
        _ => None,
    });
    let paid = entries.iter().filter_map(|entry| match entry {
        Entry::Pool(entry) => Some(entry.clone()),
        _ => None,
    });
    let paid: Vec<PoolEntry> = paid.collect();
    if let (Some(customer), Some(_)) = (customer, usage) {
        facts.note_paid(customer, usage, &paid, |no| pool?.find_grant(no));
        let currency = usage.and_then(|usage| usage.currency.as_ref());
        facts.asked.currency = currency.map(ToString::to_string);
    }
    match rejection {
        CustomerRejection::InsufficientCredits { requested, available } => {
            // What a request takes before this one of its items is no longer available.
            let left = pool.map_or(Amount::ZERO, Pool::balance);
            let taken = (left - *available).or_zero();
            if let (Some(customer), Some(pool)) = (customer, pool) {
                facts.note_spread(customer, pool, *requested, taken);
            }
            facts.cost = Some(*requested);
            facts.limit = Some(Limit {
                what: LimitType::Balance,
                limit: pool.map_or(Amount::ZERO, |pool| pool.granted),
                used: pool.map_or(Amount::ZERO, |pool| pool.used + taken),
                requested: *requested,
                enforcement: Enforcement::Strict,
            });
        }
        CustomerRejection::UsageLimitExceeded { after, limit, .. } => {
            let more = usage.map_or(Amount::ZERO, |usage| usage.value - usage.before);
            facts.limit = Some(Limit {
                what: LimitType::UsageLimit,
                limit: *limit,
                used: *after - more,
                requested: more,
                enforcement: Enforcement::Strict,
            });
        }
        _ => {}
    }
    facts
}
