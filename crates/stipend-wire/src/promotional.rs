//! Promotional entitlements: features that one customer has beside every subscription.

use stipend_core::{FeatureId, Timestamp};

use crate::entitlement::{
    MonthlyReset, ResetPeriod, ResetPeriodConfiguration, WeeklyReset, YearlyReset,
};
use crate::error::{ErrorCode, WireError};
use crate::number::{Decimal, ExactAmount};
use crate::read::{NonEmpty, Nullable, check_distinct};
use crate::text::Line;

wire_enum! {
    /// How long a promotional entitlement lasts.
    pub enum PromotionalPeriod {
        /// Seven days.
        OneWeek = "1 week",
        /// A month.
        OneMonth = "1 month",
        /// Six months.
        SixMonths = "6 month",
        /// A year.
        OneYear = "1 year",
        /// For ever.
        Lifetime = "lifetime",
        /// Until `customEndDate`.
        Custom = "custom",
    }

    /// How a promotional entitlement stands.
    pub enum PromotionalStatus {
        /// It is in force.
        Active = "Active",
        /// It is over.
        Expired = "Expired",
        /// It is suspended.
        Paused = "Paused",
    }
}

request! {
    /// Promotional entitlements to give, all or none; one for a feature that has one replaces it.
    pub struct GrantPromotionals {
        /// The entitlements, one for each feature.
        pub promotional_entitlements: NonEmpty<PromotionalInput>,
    }
    checked by check_features;

    /// A promotional entitlement to give. Every key is needed, but may be `null`.
    pub struct PromotionalInput {
        /// When it ends; with the period `custom` only, and needed there.
        pub custom_end_date: Nullable<Timestamp>,
        /// The values granted of an ENUM feature.
        pub enum_values: Nullable<Vec<Line>>,
        /// The feature.
        pub feature_id: FeatureId,
        /// Whether usage may go past the limit.
        pub has_soft_limit: Nullable<bool>,
        /// Whether there is no limit.
        pub has_unlimited_usage: Nullable<bool>,
        /// Whether the customer sees it. Kept and returned for your own pages.
        pub is_visible: Nullable<bool>,
        /// Where monthly periods begin.
        pub monthly_reset_period_configuration: Nullable<MonthlyReset>,
        /// How long it lasts.
        pub period: PromotionalPeriod,
        /// How often usage starts again from zero.
        pub reset_period: Nullable<ResetPeriod>,
        /// The greatest usage.
        pub usage_limit: Nullable<ExactAmount>,
        /// Where weekly periods begin.
        pub weekly_reset_period_configuration: Nullable<WeeklyReset>,
        /// Where yearly periods begin.
        pub yearly_reset_period_configuration: Nullable<YearlyReset>,
    }
    checked by check_end;
}

fn check_features(body: &GrantPromotionals) -> Result<(), WireError> {
    let features = body.promotional_entitlements.0.iter().map(|item| &item.feature_id);
    check_distinct(features).map_err(|error| error.under("promotionalEntitlements"))
}

fn check_end(item: &PromotionalInput) -> Result<(), WireError> {
    let is_custom = item.period == PromotionalPeriod::Custom;
    let message = match item.custom_end_date {
        Nullable(Some(_)) if !is_custom => "must be null unless `period` is `custom`",
        Nullable(None) if is_custom => "must be an instant where `period` is `custom`",
        _ => return Ok(()),
    };
    Err(WireError::here(ErrorCode::ConflictingFields, message).under("customEndDate"))
}

response! {
    /// A promotional entitlement.
    pub struct PromotionalEntitlement {
        /// The id.
        pub id: String,
        /// When it was given.
        pub created_at: String,
        /// A description.
        pub description: Option<String>,
        /// When it ends, the instant itself excluded; `null` for never.
        pub end_date: Option<String>,
        /// The values granted of an ENUM feature.
        pub enum_values: Option<Vec<String>>,
        /// The environment.
        pub environment_id: String,
        /// The groups that the feature was given with.
        pub feature_group_ids: Option<Vec<String>>,
        /// The feature.
        pub feature_id: String,
        /// Whether usage may go past the limit.
        pub has_soft_limit: Option<bool>,
        /// Whether there is no limit.
        pub has_unlimited_usage: Option<bool>,
        /// Whether the customer sees it.
        pub is_visible: bool,
        /// How long it lasts.
        pub period: PromotionalPeriod,
        /// How often usage starts again from zero.
        pub reset_period: Option<ResetPeriod>,
        /// Where the periods begin.
        pub reset_period_configuration: Option<ResetPeriodConfiguration>,
        /// When it began.
        pub start_date: String,
        /// How it stands.
        pub status: PromotionalStatus,
        /// When it was last changed.
        pub updated_at: String,
        /// The greatest usage.
        pub usage_limit: Option<Decimal>,
    }
}
