//! Usage: what was reported, what it would cost, and its history.

use super::instant;
use crate::ids;
use std::collections::BTreeMap;
use stipend_core::customer::{
    Cause, DimensionValue, Estimate as Cost, UsageEntry, UsageRequest, UsageResetReason,
    UsageRestart,
};
use stipend_core::{Amount, CustomerId, EnvId, Timestamp};
use stipend_engine::IdCipher;
use stipend_engine::UsageRecord;
use stipend_engine::cipher::DecisionPlace;
use stipend_engine::usage::MeterHistory;
use stipend_wire::Decimal;
use stipend_wire::event::{
    CurrencyEstimate, Estimate, EstimateWarning, EstimateWarningCode, FeatureEstimate,
};
use stipend_wire::usage::{
    PoolBalance, Tag, UsageCredit, UsageCreditOfMany, UsageHistory, UsageMarker, UsageMarkerType,
    UsagePoint, UsageReported, UsageReportedOfMany, UsageSeries, UsagesReported,
};

/// A report and what was recorded of it.
pub(crate) struct Recorded {
    pub(crate) customer: CustomerId,
    pub(crate) request: UsageRequest,
    pub(crate) record: UsageRecord,
    /// Whether an earlier request did it.
    pub(crate) is_replay: bool,
}

impl Recorded {
    /// What this request took of the credits.
    fn consumed(&self) -> Amount {
        if self.is_replay {
            return Amount::ZERO;
        }
        let amounts = self.record.paid.iter().map(|entry| match &entry.cause {
            Cause::Consumption(consumption) => consumption.amount,
            _ => Amount::ZERO,
        });
        amounts.sum()
    }

    fn forfeited(&self) -> Option<Decimal> {
        let forfeited = self.record.usage.forfeited;
        (forfeited.is_positive() && !self.is_replay).then_some(Decimal(forfeited))
    }

    fn missing(&self) -> Option<Vec<String>> {
        let missing = &self.record.usage.missing_dimensions;
        (!missing.is_empty()).then(|| missing.clone())
    }
}

pub(crate) fn reported(env: EnvId, cipher: &IdCipher, recorded: &Recorded) -> UsageReported {
    let Recorded { customer, request, record, .. } = recorded;
    let usage = &record.usage;
    let credits = usage.currency.as_ref().zip(record.balance());
    UsageReported {
        id: ids::usage_id(env, record.seq),
        created_at: instant(usage.at),
        customer_id: customer.to_string(),
        feature_id: request.feature.to_string(),
        timestamp: instant(usage.reported_at.unwrap_or(usage.at)),
        value: Decimal(usage.reported),
        credit: credits.map(|(currency, balance)| UsageCredit {
            consumed: Decimal(recorded.consumed()),
            currency_id: currency.to_string(),
            current_usage: Decimal(balance.current_usage),
            timestamp: instant(usage.at),
            usage_limit: Decimal(balance.usage_limit),
            forfeited: recorded.forfeited(),
            usage_period_end: balance.period_end.map(instant),
        }),
        current_usage: Some(Decimal(usage.value)),
        decision_id: Some(cipher.decision_id(DecisionPlace::Row(recorded.record.seq))),
        missing_dimensions: recorded.missing(),
        next_reset_date: usage.period.map(|period| instant(period.end)),
        resource_id: request.resource.as_ref().map(ToString::to_string),
        usage_period_end: usage.period.map(|period| instant(period.end)),
        usage_period_start: usage.period.map(|period| instant(period.start)),
    }
}

/// The reports in their order, and of each pool the last balance, in the order of their first use.
pub(crate) fn reported_with_balances(
    env: EnvId,
    cipher: &IdCipher,
    recorded: &[Recorded],
) -> UsagesReported {
    let mut credits: Vec<PoolBalance> = Vec::new();
    let mut usages = Vec::with_capacity(recorded.len());
    for record in recorded {
        let one = reported(env, cipher, record);
        if let Some(credit) = &one.credit {
            let balance = PoolBalance {
                currency_id: credit.currency_id.clone(),
                current_usage: credit.current_usage,
                customer_id: one.customer_id.clone(),
                timestamp: credit.timestamp.clone(),
                usage_limit: credit.usage_limit,
                resource_id: one.resource_id.clone(),
                usage_period_end: credit.usage_period_end.clone(),
            };
            let is_same = |other: &&mut PoolBalance| {
                other.currency_id == balance.currency_id
                    && other.customer_id == balance.customer_id
                    && other.resource_id == balance.resource_id
            };
            match credits.iter_mut().find(is_same) {
                Some(known) => *known = balance,
                None => credits.push(balance),
            }
        }
        usages.push(of_many(one));
    }
    UsagesReported { usages, credits: Some(credits) }
}

fn of_many(one: UsageReported) -> UsageReportedOfMany {
    UsageReportedOfMany {
        id: one.id,
        created_at: one.created_at,
        customer_id: one.customer_id,
        feature_id: one.feature_id,
        timestamp: one.timestamp,
        value: one.value,
        credit: one.credit.map(|credit| UsageCreditOfMany {
            consumed: credit.consumed,
            currency_id: credit.currency_id,
            forfeited: credit.forfeited,
        }),
        current_usage: one.current_usage,
        decision_id: one.decision_id,
        missing_dimensions: one.missing_dimensions,
        next_reset_date: one.next_reset_date,
        resource_id: one.resource_id,
        usage_period_end: one.usage_period_end,
        usage_period_start: one.usage_period_start,
    }
}

pub(crate) fn estimate(cost: &Cost) -> Estimate {
    let estimates = cost.costs.iter().map(|cost| CurrencyEstimate {
        balance_after_estimate: Decimal(cost.balance - cost.cost),
        breakdown: cost
            .features
            .iter()
            .map(|feature| FeatureEstimate {
                cost: Decimal(feature.cost),
                feature_id: feature.feature.to_string(),
                warning_code: feature
                    .is_inexact
                    .then_some(EstimateWarningCode::UnsupportedAggregation),
                missing_dimensions: (!feature.missing_dimensions.is_empty())
                    .then(|| feature.missing_dimensions.clone()),
            })
            .collect(),
        currency_id: cost.currency.to_string(),
        current_balance: Decimal(cost.balance),
        estimated_cost: Decimal(cost.cost),
        would_overdraft: cost.cost.is_positive() && cost.balance < cost.cost,
    });
    let warnings = [
        (cost.leaves_out_resources, EstimateWarning::ResourceScopedSubscriptionExists),
        (cost.is_unknown, EstimateWarning::FeatureNotFound),
        (cost.is_free, EstimateWarning::FeatureNotCreditBased),
    ];
    Estimate {
        estimates: estimates.collect(),
        warnings: warnings.into_iter().filter(|(is, _)| *is).map(|(_, warning)| warning).collect(),
    }
}

/// The history of a meter, from `start` on and before `end`.
pub(crate) fn history(
    history: &MeterHistory,
    restart: Option<UsageRestart>,
    dimensions: &[String],
    (start, end): (Timestamp, Timestamp),
) -> UsageHistory {
    let last = match &history.after {
        Some(after) => after.restart,
        None => restart,
    };
    let mut drawing = Drawing::new(history, dimensions, start);
    for entry in &history.entries {
        if let Some(restart) = entry.restart {
            drawing.restart(restart, start);
        }
        drawing.count(entry);
    }
    if let Some(restart) = last.filter(|restart| restart.at < end) {
        drawing.restart(restart, start);
    }
    drawing.finish()
}

/// The series while they are drawn.
struct Drawing<'a> {
    dimensions: &'a [String],
    markers: Vec<UsageMarker>,
    series: BTreeMap<Vec<Tag>, (Amount, Vec<UsagePoint>)>,
}

impl<'a> Drawing<'a> {
    /// Ungrouped, there is one series, which goes on from what was used before; grouped, each
    /// counts from the start.
    fn new(history: &MeterHistory, dimensions: &'a [String], start: Timestamp) -> Self {
        let mut series = BTreeMap::new();
        if dimensions.is_empty() {
            let before = history.before.as_ref().map(|before| before.value);
            let points = before.map(|value| point(start, value, false)).into_iter().collect();
            series.insert(Vec::new(), (before.unwrap_or(Amount::ZERO), points));
        }
        Self { dimensions, markers: Vec::new(), series }
    }

    fn restart(&mut self, restart: UsageRestart, start: Timestamp) {
        for (value, points) in self.series.values_mut() {
            *value = Amount::ZERO;
            if restart.at >= start {
                points.push(point(restart.at, Amount::ZERO, true));
            } else {
                // It was before the period: that goes on from nothing.
                points.iter_mut().for_each(|point| point.value = Decimal(Amount::ZERO));
            }
        }
        if restart.at >= start {
            self.markers.push(UsageMarker {
                timestamp: instant(restart.at),
                r#type: match restart.reason {
                    UsageResetReason::Period => UsageMarkerType::PeriodicReset,
                    UsageResetReason::Subscription => UsageMarkerType::SubscriptionChangeReset,
                },
            });
        }
    }

    fn count(&mut self, entry: &UsageEntry) {
        let tags = self.dimensions.iter().map(|key| {
            let found = entry.dimensions.iter().find(|(known, _)| known == key);
            let value = found.map_or_else(String::new, |(_, value)| match value {
                DimensionValue::Text(text) => text.clone(),
                DimensionValue::Number(number) => number.to_string(),
                DimensionValue::Flag(flag) => flag.to_string(),
            });
            Tag { key: key.clone(), value }
        });
        let (value, points) = self.series.entry(tags.collect()).or_default();
        *value += entry.value - entry.before;
        points.push(point(entry.at, *value, false));
    }

    fn finish(self) -> UsageHistory {
        let series = self.series.into_iter();
        let series = series.map(|(tags, (_, points))| UsageSeries { points, tags }).collect();
        UsageHistory { markers: self.markers, series }
    }
}

fn point(at: Timestamp, value: Amount, is_reset_point: bool) -> UsagePoint {
    UsagePoint { is_reset_point, timestamp: instant(at), value: Decimal(value) }
}
