//! Raw events, from which meters derive usage, and estimates of what usage would cost.

use stipend_core::{CustomerId, FeatureId, ResourceId, Timestamp};

use crate::consumption::Dimensions;
use crate::error::{ItemError, WireError};
use crate::number::{Decimal, ReportedValue};
use crate::read::{Batch, Field};
use crate::text::Key;
use crate::usage::{UpdateBehavior, check_value};

wire_enum! {
    /// What an estimate could not take into account.
    pub enum EstimateWarning {
        /// A resource of the customer has a subscription of its own, which was not looked at.
        ResourceScopedSubscriptionExists = "RESOURCE_SCOPED_SUBSCRIPTION_EXISTS",
        /// There is no such feature, or no meter takes the event.
        FeatureNotFound = "FEATURE_NOT_FOUND",
        /// The feature is not mapped to a credit type.
        FeatureNotCreditBased = "FEATURE_NOT_CREDIT_BASED",
    }

    /// Why the cost of a feature may differ from its estimate.
    pub enum EstimateWarningCode {
        /// Its meter neither counts nor sums.
        UnsupportedAggregation = "UNSUPPORTED_AGGREGATION",
    }
}

request! {
    /// Up to 1000 events.
    pub struct ReportEvents {
        /// The events.
        pub events: Batch<ReportEvent>,
    }

    /// Something that happened; every meter whose filters it meets takes it.
    pub struct ReportEvent {
        /// The customer.
        pub customer_id: CustomerId,
        /// What happened.
        pub event_name: Key,
        /// Your name for this event; the same one again has no second effect.
        pub idempotency_key: Key,
        /// What filters, aggregations and formulas can name.
        pub dimensions: Option<Dimensions>,
        /// The resource that it is of; `null` for the customer as a whole.
        pub resource_id: Field<ResourceId>,
        /// When it happened; now where this is not given.
        pub timestamp: Option<Timestamp>,
    }

    /// An event whose cost is asked for.
    pub struct EstimateEvent {
        /// The customer.
        pub customer_id: CustomerId,
        /// What would happen.
        pub event_name: Key,
        /// What filters, aggregations and formulas can name.
        pub dimensions: Option<Dimensions>,
        /// The resource that it would be of; `null` for the customer as a whole.
        pub resource_id: Field<ResourceId>,
    }

    /// Usage whose cost is asked for.
    pub struct EstimateUsage {
        /// The customer.
        pub customer_id: CustomerId,
        /// The feature.
        pub feature_id: FeatureId,
        /// How much, rounded once to 9 decimal places; zero only with `SET`.
        pub value: ReportedValue,
        /// What it would be for.
        pub dimensions: Option<Dimensions>,
        /// The resource that it would be of; `null` for the customer as a whole.
        pub resource_id: Field<ResourceId>,
        /// What the value means; `DELTA` where this is not given.
        pub update_behavior: Option<UpdateBehavior>,
    }
    checked by check_estimate;
}

fn check_estimate(usage: &EstimateUsage) -> Result<(), WireError> {
    check_value(usage.value, usage.update_behavior)
}

response! {
    /// That events were taken.
    pub struct EventsAccepted {
        /// How many were recorded, repeated ones included.
        pub accepted: usize,
    }
    optional {
        /// The events that were refused, where the caller asked for the good ones to be applied.
        pub errors: Vec<ItemError>,
        /// The events for which a formula did not find all the dimensions that it needs (an
        /// addition of this server).
        pub warnings: Vec<EventWarning>,
    }

    /// An event that was recorded, and whose cost may not be what was meant.
    pub struct EventWarning {
        /// The event's place in the request, from 0.
        pub index: usize,
        /// The dimensions that were not given, or are of another type; each counted as nothing.
        pub missing_dimensions: Vec<String>,
    }

    /// What usage would cost; nothing is recorded.
    pub struct Estimate {
        /// The cost in each credit type; empty where nothing is mapped to one.
        pub estimates: Vec<CurrencyEstimate>,
        /// What could not be taken into account.
        pub warnings: Vec<EstimateWarning>,
    }

    /// What usage would cost in one credit type.
    pub struct CurrencyEstimate {
        /// What would be left.
        pub balance_after_estimate: Decimal,
        /// The cost by feature.
        pub breakdown: Vec<FeatureEstimate>,
        /// The credit type.
        pub currency_id: String,
        /// What is left now.
        pub current_balance: Decimal,
        /// The cost.
        pub estimated_cost: Decimal,
        /// Whether the balance does not cover it.
        pub would_overdraft: bool,
    }

    /// What usage would cost for one feature.
    pub struct FeatureEstimate {
        /// The cost.
        pub cost: Decimal,
        /// The feature.
        pub feature_id: String,
        /// Why the cost may differ; `null` where it is exact.
        pub warning_code: Option<EstimateWarningCode>,
    }
    optional {
        /// The dimensions of its formula that were not given, or are no numbers, and counted as 0
        /// (an addition of this server).
        pub missing_dimensions: Vec<String>,
    }
}
