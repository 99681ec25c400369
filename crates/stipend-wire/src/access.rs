//! What a customer may use now: effective entitlements, and the check of one of them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::credit_usage::Forecast;
use crate::entitlement::{CreditTag, FeatureTag, MetadataMap, ResetPeriod};
use crate::feature::{FeatureStatus, FeatureType};
use crate::number::Decimal;
use crate::reservation::Reservation;

wire_enum! {
    /// Why one entitlement is denied.
    pub enum AccessDeniedReason {
        /// There is no such feature.
        FeatureNotFound = "FeatureNotFound",
        /// There is no such customer.
        CustomerNotFound = "CustomerNotFound",
        /// The customer is archived.
        CustomerIsArchived = "CustomerIsArchived",
        /// The customer has no such resource.
        CustomerResourceNotFound = "CustomerResourceNotFound",
        /// The customer has neither a subscription nor credits.
        NoActiveSubscription = "NoActiveSubscription",
        /// No subscription has the feature.
        NoFeatureEntitlementInSubscription = "NoFeatureEntitlementInSubscription",
        /// It would be more than the limit.
        RequestedUsageExceedingLimit = "RequestedUsageExceedingLimit",
        /// A requested value is not granted.
        RequestedValuesMismatch = "RequestedValuesMismatch",
        /// The budget is spent.
        BudgetExceeded = "BudgetExceeded",
        /// Another reason.
        Unknown = "Unknown",
        /// The feature is of another type than the question.
        FeatureTypeMismatch = "FeatureTypeMismatch",
        /// It was taken away.
        Revoked = "Revoked",
        /// The credits do not suffice.
        InsufficientCredits = "InsufficientCredits",
        /// There is no such entitlement.
        EntitlementNotFound = "EntitlementNotFound",
    }

    /// Why a customer has no entitlements at all.
    pub enum CustomerDeniedReason {
        /// There is no such customer.
        CustomerNotFound = "CustomerNotFound",
        /// The customer has no subscription.
        NoActiveSubscription = "NoActiveSubscription",
        /// The customer is archived.
        CustomerIsArchived = "CustomerIsArchived",
    }
}

response! {
    /// All that a customer, or one resource of the customer, may use now.
    pub struct EffectiveEntitlements {
        /// Why there are none; `null` where there are.
        pub access_denied_reason: Option<CustomerDeniedReason>,
        /// The entitlements.
        pub entitlements: Vec<EffectiveEntitlement>,
    }

    /// What may be used of a feature.
    pub struct EffectiveFeature {
        /// Why it is denied; `null` where it is granted.
        pub access_denied_reason: Option<AccessDeniedReason>,
        /// Whether it is granted.
        pub is_granted: bool,
        /// The kind of entitlement.
        pub r#type: FeatureTag,
    }
    optional {
        /// How much is used.
        pub current_usage: Decimal,
        /// The record of how it was decided (an addition of this server).
        pub decision_id: String,
        /// When the entitlement last changed.
        pub entitlement_updated_at: String,
        /// The values that are granted of an ENUM feature (an addition of this server).
        pub enum_values: Vec<String>,
        /// The feature.
        pub feature: FeatureReference,
        /// Whether usage may go past the limit (an addition of this server).
        pub has_soft_limit: bool,
        /// Whether there is no limit.
        pub has_unlimited_usage: bool,
        /// Whether the requested usage was priced without its event, so that its true cost may
        /// differ (an addition of this server).
        pub is_estimate: bool,
        /// How often usage starts again from zero.
        pub reset_period: ResetPeriod,
        /// The greatest usage.
        pub usage_limit: Decimal,
        /// What the periods are counted from.
        pub usage_period_anchor: String,
        /// When the running period ends.
        pub usage_period_end: String,
        /// When the running period began.
        pub usage_period_start: String,
        /// When to ask again.
        pub valid_until: String,
    }

    /// What may be used of a credit type; `usageLimit − currentUsage` is what is left.
    pub struct EffectiveCredit {
        /// Why it is denied; `null` where it is granted.
        pub access_denied_reason: Option<AccessDeniedReason>,
        /// The credit type.
        pub currency: CurrencyReference,
        /// All that is used, overdraft and open reservations included.
        pub current_usage: Decimal,
        /// Whether the requested use, or any at all, is granted.
        pub is_granted: bool,
        /// The kind of entitlement.
        pub r#type: CreditTag,
        /// All that is granted.
        pub usage_limit: Decimal,
        /// When usage last changed.
        pub usage_updated_at: String,
    }
    optional {
        /// The record of how it was decided (an addition of this server).
        pub decision_id: String,
        /// When the entitlement last changed.
        pub entitlement_updated_at: String,
        /// When the credits run out at the pace of the last day and week, where it was asked for (an
        /// addition of this server).
        pub forecast: Box<Forecast>,
        /// Whether use may go past what is granted (an addition of this server).
        pub has_soft_limit: bool,
        /// Whether the requested usage was priced without its event, so that its true cost may
        /// differ (an addition of this server).
        pub is_estimate: bool,
        /// The reservation that this check made.
        pub reservation: Reservation,
        /// How much is on hold.
        pub reserved: Decimal,
        /// How much is on hold from grants that have expired since.
        pub reserved_on_expired_grants: Decimal,
        /// When recurring credits are granted again.
        pub usage_period_end: String,
        /// When to ask again.
        pub valid_until: String,
    }

    /// A feature, in short.
    pub struct FeatureReference {
        /// The id.
        pub id: String,
        /// The name.
        pub display_name: String,
        /// The state.
        pub feature_status: FeatureStatus,
        /// What it is.
        pub feature_type: FeatureType,
    }

    /// A credit type, in short.
    pub struct CurrencyReference {
        /// The id.
        pub currency_id: String,
        /// The name; the id again for one that does not exist.
        pub display_name: String,
    }
    optional {
        /// A description.
        pub description: String,
        /// Texts of your own.
        pub metadata: MetadataMap,
        /// The name of several units.
        pub unit_plural: String,
        /// The name of one unit.
        pub unit_singular: String,
    }
}

/// What a customer may use of one feature or credit type.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum EffectiveEntitlement {
    /// A feature.
    Feature(EffectiveFeature),
    /// Credits of one type.
    Credit(EffectiveCredit),
}
