//! How reports and events become usage: what the number is afterwards, and when it starts anew
//! (`behaviour.md` §0.7, §0.20, §1.3).

use super::Customer;
use super::decide::CustomerRejection;
use super::entry::DimensionValue;
use super::feature::{FeatureAccess, FeatureOrigin, feature_access};
use super::mapping::{Mapping, mapping_of};
use super::subscription::SubscriptionTerms;
use super::usage::{
    Aggregate, FeatureUsage, UsageBehavior, UsagePin, UsageResetReason, UsageRestart,
};
use crate::Amount;
use crate::catalog::{Aggregation, Catalog, Feature, MeterType, UsageReset};
use crate::id::ResourceId;
use crate::limits::USAGE_VALUES_MAX;
use crate::period::Period;
use crate::time::Timestamp;

/// What is counted.
pub(super) enum Sample<'a> {
    /// A reported value, to be added or to stand from now on.
    Reported(Amount, UsageBehavior),
    /// An event, as a meter takes it: the value of its field.
    Event(&'a Aggregation, Option<&'a DimensionValue>),
}

/// What usage has become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) behavior: UsageBehavior,
    pub(super) reported: Amount,
    pub(super) value: Amount,
    pub(super) samples: u64,
    pub(super) sum: Amount,
    pub(super) seen: Option<u64>,
    pub(super) forgets: bool,
}

/// Counts a sample on top of what there is.
pub(super) fn count(before: &Aggregate, sample: &Sample<'_>) -> Result<Counted, CustomerRejection> {
    let counted = match sample {
        Sample::Reported(value, behavior) => report(before, *value, *behavior),
        Sample::Event(aggregation, found) => take_event(before, aggregation, *found)?,
    };
    match counted.value.within_max().and(counted.sum.within_max()) {
        Some(_) => Ok(counted),
        None => Err(CustomerRejection::UsageTooLarge),
    }
}

/// A report acts on the number itself, whatever the meter makes of events.
fn report(before: &Aggregate, reported: Amount, behavior: UsageBehavior) -> Counted {
    let is_set = behavior == UsageBehavior::Set;
    let value = if is_set { reported } else { before.value + reported };
    Counted {
        behavior,
        reported,
        value,
        samples: 1,
        sum: value,
        seen: None,
        forgets: is_set && !before.seen.is_empty(),
    }
}

fn take_event(
    before: &Aggregate,
    aggregation: &Aggregation,
    found: Option<&DimensionValue>,
) -> Result<Counted, CustomerRejection> {
    let number = match found {
        Some(DimensionValue::Number(number)) => Some(*number),
        _ => None,
    };
    let same = Counted {
        behavior: UsageBehavior::Event,
        reported: number.unwrap_or(Amount::ZERO),
        value: before.value,
        samples: before.samples,
        sum: before.sum,
        seen: None,
        forgets: false,
    };
    let one = Amount::whole(1);
    let sampled = |value| Counted { value, samples: before.samples + 1, ..same };
    let is_first = before.samples == 0;
    Ok(match (aggregation, number) {
        (Aggregation::Count, _) => Counted { reported: one, value: before.value + one, ..same },
        (Aggregation::Sum(_), Some(number)) => Counted { value: before.value + number, ..same },
        (Aggregation::Max(_), Some(number)) => {
            sampled(if is_first { number } else { before.value.max(number) })
        }
        (Aggregation::Min(_), Some(number)) => {
            sampled(if is_first { number } else { before.value.min(number) })
        }
        (Aggregation::Avg(_), Some(number)) => {
            let sum = before.sum + number;
            Counted { sum, ..sampled(sum.one_of(before.samples + 1)) }
        }
        (Aggregation::Unique(_), _) => match found.map(hash_of) {
            Some(hash) if !before.seen.contains(&hash) => {
                if before.seen.len() >= USAGE_VALUES_MAX {
                    let what = "different values in a usage period";
                    return Err(CustomerRejection::LimitReached { what, max: USAGE_VALUES_MAX });
                }
                let value = before.value + one;
                Counted { reported: one, value, seen: Some(hash), ..same }
            }
            _ => same,
        },
        // An event that does not have the number says nothing to the meter.
        (_, None) => same,
    })
}

/// A number is the same value as its text.
fn hash_of(value: &DimensionValue) -> u64 {
    let hash = match value {
        DimensionValue::Text(text) => blake3::hash(text.as_bytes()),
        DimensionValue::Number(number) => blake3::hash(number.to_string().as_bytes()),
        DimensionValue::Flag(flag) => blake3::hash(if *flag { b"true" } else { b"false" }),
    };
    let (first, _) = hash.as_bytes().split_first_chunk().expect("a hash has 32 bytes");
    u64::from_le_bytes(*first)
}

/// What says when usage of a feature starts anew, for whom and now.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    /// The usage period in which now lies; `None` where usage never starts anew.
    pub(super) period: Option<Period>,
    /// The oldest subscription that gives the feature or turns it into credits.
    pub(super) pin: Option<UsagePin>,
    is_resettable: bool,
}

impl Terms {
    pub(super) fn new(
        customer: &Customer,
        feature: &Feature,
        access: Option<&FeatureAccess>,
        mapping: Option<&Mapping<'_>>,
        now: Timestamp,
    ) -> Self {
        let is_resettable = feature.meter_type == MeterType::Incremental;
        let shares = access.iter().flat_map(|access| &access.shares);
        let mut sources = shares.filter_map(|share| match share.origin {
            FeatureOrigin::Subscription(number) => Some(number),
            FeatureOrigin::Promotion(_) => None,
        });
        let source = sources.next().or_else(|| mapping.map(|mapping| mapping.subscription));
        let subscription = source.and_then(|number| customer.subscription(number));
        Self {
            period: access.filter(|_| is_resettable).and_then(|access| access.usage_period_at(now)),
            pin: subscription.map(|subscription| UsagePin {
                subscription: subscription.terms.number,
                epoch: subscription.terms.epoch,
            }),
            is_resettable,
        }
    }

    /// Whether usage has started anew since its last entry.
    pub(super) fn restart(
        &self,
        customer: &Customer,
        catalog: &Catalog,
        usage: &FeatureUsage,
        now: Timestamp,
    ) -> Option<UsageRestart> {
        if !self.is_resettable {
            return None;
        }
        let change = self.change(customer, catalog, usage);
        if let Some(Change { at, starts_anew: true }) = change {
            return Some(UsageRestart { at, reason: UsageResetReason::Subscription });
        }
        // A boundary of the new periods counts from the change on, one of the old until then.
        let (since, until) = change.map_or((usage.at, now), |change| (change.at, change.at));
        let over = usage.period.map(|period| period.end).filter(|end| *end <= until);
        let begun = self.period.map(|period| period.start).filter(|start| *start > since);
        let at = over.or(begun)?;
        Some(UsageRestart { at, reason: UsageResetReason::Period })
    }

    /// The change of plan or anchor since the last entry.
    fn change(
        &self,
        customer: &Customer,
        catalog: &Catalog,
        usage: &FeatureUsage,
    ) -> Option<Change> {
        let pin = self.pin.filter(|pin| usage.pin != Some(*pin))?;
        let new = &customer.subscription(pin.subscription)?.terms;
        let at = if new.epoch > 0 { new.epoch_start.max(new.started_at) } else { new.started_at };
        // It may have been dated back, and was made after the entry all the same.
        let at = at.max(usage.at);
        let Some(old) = usage.pin else {
            return Some(Change { at, starts_anew: starts_anew(catalog, new, true) });
        };
        let before = &customer.subscription(old.subscription)?.terms;
        if old.subscription == pin.subscription {
            return Some(Change { at, starts_anew: starts_anew(catalog, new, true) });
        }
        // Another source beside the one that goes on changes nothing for what was counted.
        let takes_its_place = before.ended.is_some() && before.product == new.product;
        let is_anchored = before.anchor != new.anchor;
        let starts_anew = takes_its_place && starts_anew(catalog, new, is_anchored);
        Some(Change { at, starts_anew })
    }
}

#[derive(Clone, Copy)]
struct Change {
    at: Timestamp,
    starts_anew: bool,
}

fn starts_anew(catalog: &Catalog, terms: &SubscriptionTerms, is_anchored: bool) -> bool {
    let rule = catalog.products.get(&terms.product).map(|product| product.usage_reset);
    match rule {
        Some(UsageReset::Always) => true,
        Some(UsageReset::BillingPeriodChange) => is_anchored,
        Some(UsageReset::Never) | None => false,
    }
}

/// How the usage of a feature stands: what was used in the running period of usage, and whether it
/// has started anew since the last entry of its meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageStanding {
    /// What was used.
    pub value: Amount,
    /// The running period of usage; `None` where usage never starts anew.
    pub period: Option<Period>,
    /// That usage has started anew, which the next entry will say.
    pub restart: Option<UsageRestart>,
}

/// How the usage of a feature stands for a customer that has been rolled forward to `now`.
#[must_use]
pub fn usage_standing(
    customer: &Customer,
    catalog: &Catalog,
    feature: &Feature,
    resource: Option<&ResourceId>,
    now: Timestamp,
) -> UsageStanding {
    let access = feature_access(customer, catalog, &feature.id, resource, now);
    let mapping = mapping_of(customer, catalog, &feature.id, resource);
    let terms = Terms::new(customer, feature, access.as_ref(), mapping.as_ref(), now);
    let known = customer.find_usage(&feature.id, resource);
    let restart = known.and_then(|usage| terms.restart(customer, catalog, usage, now));
    let going_on = known.filter(|_| restart.is_none());
    let value = going_on.map_or(Amount::ZERO, |usage| usage.aggregate.value);
    UsageStanding { value, period: terms.period, restart }
}

/// What was used of a feature in the running period of usage.
pub(super) fn current_usage(
    customer: &Customer,
    catalog: &Catalog,
    feature: &Feature,
    resource: Option<&ResourceId>,
    (access, mapping): (Option<&FeatureAccess>, Option<&Mapping<'_>>),
    now: Timestamp,
) -> Amount {
    let Some(usage) = customer.find_usage(&feature.id, resource) else { return Amount::ZERO };
    let terms = Terms::new(customer, feature, access, mapping, now);
    match terms.restart(customer, catalog, usage, now) {
        Some(_) => Amount::ZERO,
        None => usage.aggregate.value,
    }
}
