//! Reports of usage, and its history.

use stipend_core::{CustomerId, FeatureId, ResourceId, Timestamp};

use crate::consumption::Dimensions;
use crate::error::{ErrorCode, WireError};
use crate::number::{Decimal, ReportedValue};
use crate::read::{Batch, Field};
use crate::text::Key;

/// How many reports one request may have.
pub const USAGES_MAX: usize = 100;

wire_enum! {
    /// What the value of a report means.
    pub enum UpdateBehavior {
        /// It is added to the usage; a negative one takes away.
        Delta = "DELTA",
        /// It is the usage from now on.
        Set = "SET",
    }

    /// Why usage starts again from zero at an instant.
    pub enum UsageMarkerType {
        /// The reset period of the entitlement.
        PeriodicReset = "PERIODIC_RESET",
        /// A change of the subscription.
        SubscriptionChangeReset = "SUBSCRIPTION_CHANGE_RESET",
    }
}

impl UpdateBehavior {
    /// What a report without `updateBehavior` means.
    pub const DEFAULT: Self = Self::Delta;
}

request! {
    /// Up to 100 reports of usage.
    pub struct ReportUsages {
        /// The reports.
        pub usages: Batch<ReportUsage, USAGES_MAX>,
    }

    /// Usage of a feature that the caller has measured.
    pub struct ReportUsage {
        /// The customer.
        pub customer_id: CustomerId,
        /// The feature.
        pub feature_id: FeatureId,
        /// How much, rounded once to 9 decimal places; zero only with `SET`.
        pub value: ReportedValue,
        /// When it happened; now where this is not given.
        pub created_at: Option<Timestamp>,
        /// What it was for.
        pub dimensions: Option<Dimensions>,
        /// Your name for this report; the same one again has no second effect.
        pub idempotency_key: Option<Key>,
        /// The resource that it is of; `null` for the customer as a whole.
        pub resource_id: Field<ResourceId>,
        /// What the value means; `DELTA` where this is not given.
        pub update_behavior: Option<UpdateBehavior>,
    }
    checked by check_report;
}

fn check_report(report: &ReportUsage) -> Result<(), WireError> {
    check_value(report.value, report.update_behavior)
}

/// Refuses a report that changes nothing.
pub(crate) fn check_value(
    value: ReportedValue,
    behavior: Option<UpdateBehavior>,
) -> Result<(), WireError> {
    if value.0.is_zero() && behavior != Some(UpdateBehavior::Set) {
        let message = "must not be zero, nor round to it, unless `updateBehavior` is SET";
        return Err(WireError::here(ErrorCode::InvalidValue, message).under("value"));
    }
    Ok(())
}

response! {
    /// A report that was recorded, as `/api/v1/usage` answers it.
    pub struct UsageReported {
        /// The id of the record.
        pub id: String,
        /// When it was recorded.
        pub created_at: String,
        /// The customer.
        pub customer_id: String,
        /// The feature.
        pub feature_id: String,
        /// When it happened.
        pub timestamp: String,
        /// The value that was reported.
        pub value: Decimal,
    }
    optional {
        /// What it took of the credits, for a feature that is mapped to a credit type.
        pub credit: UsageCredit,
        /// The usage of the feature after it.
        pub current_usage: Decimal,
        /// The record of how it was decided (an addition of this server).
        pub decision_id: String,
        /// The dimensions that the formula of its cost needs and that were not given, or are of
        /// another type; each counted as nothing (an addition of this server).
        pub missing_dimensions: Vec<String>,
        /// When usage next starts again from zero.
        pub next_reset_date: String,
        /// The resource.
        pub resource_id: String,
        /// When the running period ends.
        pub usage_period_end: String,
        /// When the running period began.
        pub usage_period_start: String,
    }

    /// What a report took of the credits, and the balance after it.
    pub struct UsageCredit {
        /// How many credits this request took, below zero where it gave some back; 0 for a report
        /// that was recorded before.
        pub consumed: Decimal,
        /// The credit type.
        pub currency_id: String,
        /// All that is used, overdraft and open reservations included.
        pub current_usage: Decimal,
        /// The version of these figures: the later one is the truer one.
        pub timestamp: String,
        /// All that is granted.
        pub usage_limit: Decimal,
    }
    optional {
        /// How many of the credits that less usage gives back did not come back, because the grants
        /// that gave them are over (an addition of this server).
        pub forfeited: Decimal,
        /// When recurring credits are granted again.
        pub usage_period_end: String,
    }

    /// Reports that were recorded, as `/api/v2/usage` answers them.
    pub struct UsagesReported {
        /// The reports, in the order of the request.
        pub usages: Vec<UsageReportedOfMany>,
    }
    optional {
        /// The balance of each pool that they drew, once.
        pub credits: Vec<PoolBalance>,
    }

    /// One of the reports that were recorded.
    pub struct UsageReportedOfMany {
        /// The id of the record.
        pub id: String,
        /// When it was recorded.
        pub created_at: String,
        /// The customer.
        pub customer_id: String,
        /// The feature.
        pub feature_id: String,
        /// When it happened.
        pub timestamp: String,
        /// The value that was reported.
        pub value: Decimal,
    }
    optional {
        /// What it took of the credits, for a feature that is mapped to a credit type.
        pub credit: UsageCreditOfMany,
        /// The usage of the feature after it.
        pub current_usage: Decimal,
        /// The record of how it was decided (an addition of this server).
        pub decision_id: String,
        /// The dimensions that the formula of its cost needs and that were not given, or are of
        /// another type; each counted as nothing (an addition of this server).
        pub missing_dimensions: Vec<String>,
        /// When usage next starts again from zero.
        pub next_reset_date: String,
        /// The resource.
        pub resource_id: String,
        /// When the running period ends.
        pub usage_period_end: String,
        /// When the running period began.
        pub usage_period_start: String,
    }

    /// What one of the reports took of the credits.
    pub struct UsageCreditOfMany {
        /// How many credits this request took, below zero where it gave some back; 0 for a report
        /// that was recorded before.
        pub consumed: Decimal,
        /// The credit type.
        pub currency_id: String,
    }
    optional {
        /// How many of the credits that less usage gives back did not come back, because the grants
        /// that gave them are over (an addition of this server).
        pub forfeited: Decimal,
    }

    /// The balance of a pool, with whose it is.
    pub struct PoolBalance {
        /// The credit type.
        pub currency_id: String,
        /// All that is used, overdraft and open reservations included.
        pub current_usage: Decimal,
        /// The customer.
        pub customer_id: String,
        /// The version of these figures: the later one is the truer one.
        pub timestamp: String,
        /// All that is granted.
        pub usage_limit: Decimal,
    }
    optional {
        /// The resource; the customer as a whole where this is not there.
        pub resource_id: String,
        /// When recurring credits are granted again.
        pub usage_period_end: String,
    }

    /// The usage of a feature over time.
    pub struct UsageHistory {
        /// Where usage started again from zero.
        pub markers: Vec<UsageMarker>,
        /// The usage: one series, or one for each combination of the grouping dimensions.
        pub series: Vec<UsageSeries>,
    }

    /// An instant at which usage started again from zero.
    pub struct UsageMarker {
        /// The instant.
        pub timestamp: String,
        /// Why.
        pub r#type: UsageMarkerType,
    }

    /// The usage of one combination of dimensions.
    pub struct UsageSeries {
        /// The points, in the order of their time.
        pub points: Vec<UsagePoint>,
        /// The combination; empty where nothing is grouped.
        pub tags: Vec<Tag>,
    }

    /// The usage at one instant.
    pub struct UsagePoint {
        /// Whether usage started again from zero here.
        pub is_reset_point: bool,
        /// The instant.
        pub timestamp: String,
        /// The usage.
        pub value: Decimal,
    }

    /// The value of one dimension.
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    pub struct Tag {
        /// The dimension.
        pub key: String,
        /// Its value.
        pub value: String,
    }
}
