//! Entitlements of plans and add-ons: what a package grants of one feature or credit type.

use std::collections::BTreeMap;

use serde::Serialize;
use stipend_core::{CurrencyId, FeatureId};
use utoipa::ToSchema;

use crate::number::{Decimal, ExactAmount, SignedNumber};
use crate::read::{Field, NonEmpty, Nullable};
use crate::text::{FreeText, Line};

wire_enum! {
    /// How an add-on's entitlement combines with what the plan and other add-ons grant.
    pub enum Behavior {
        /// It adds its amount × quantity to the plan's.
        Increment = "Increment",
        /// The largest override replaces what everything else grants.
        Override = "Override",
    }

    /// How often credits are granted.
    pub enum Cadence {
        /// Every month from the anchor.
        Month = "MONTH",
        /// Every year from the anchor.
        Year = "YEAR",
    }

    /// How often a metered feature starts again from zero.
    pub enum ResetPeriod {
        /// Every year.
        Year = "YEAR",
        /// Every month.
        Month = "MONTH",
        /// Every week.
        Week = "WEEK",
        /// Every day.
        Day = "DAY",
        /// Every hour.
        Hour = "HOUR",
    }

    /// Where an entitlement is not shown.
    pub enum Widget {
        /// The price table.
        Paywall = "PAYWALL",
        /// The customer's own page.
        CustomerPortal = "CUSTOMER_PORTAL",
        /// The checkout.
        Checkout = "CHECKOUT",
    }

    /// What happens when credits run out, or usage reaches its limit; it wins over `hasSoftLimit`.
    pub enum Enforcement {
        /// A check still grants, and usage is recorded (credits go to the overdraft).
        Soft = "SOFT",
        /// A check denies, and usage is recorded all the same (credits go to the overdraft).
        Hard = "HARD",
        /// A check denies, and usage beyond the balance or the limit is refused.
        Strict = "STRICT",
    }

    /// What a package or a subscription grants.
    pub enum EntitlementType {
        /// A feature.
        Feature = "FEATURE",
        /// Credits of one type.
        Credit = "CREDIT",
    }

    /// The tag of a feature entitlement.
    pub enum FeatureTag {
        /// A feature.
        Feature = "FEATURE",
    }

    /// The tag of a credit entitlement.
    pub enum CreditTag {
        /// Credits of one type.
        Credit = "CREDIT",
    }

    /// Where yearly periods begin.
    pub enum YearlyAnchor {
        /// At the start of the subscription.
        SubscriptionStart = "SubscriptionStart",
    }

    /// Where monthly periods begin.
    pub enum MonthlyAnchor {
        /// At the start of the subscription.
        SubscriptionStart = "SubscriptionStart",
        /// On the first of the month.
        StartOfTheMonth = "StartOfTheMonth",
    }

    /// Where weekly periods begin.
    pub enum WeeklyAnchor {
        /// At the start of the subscription.
        SubscriptionStart = "SubscriptionStart",
        /// On Sundays.
        EverySunday = "EverySunday",
        /// On Mondays.
        EveryMonday = "EveryMonday",
        /// On Tuesdays.
        EveryTuesday = "EveryTuesday",
        /// On Wednesdays.
        EveryWednesday = "EveryWednesday",
        /// On Thursdays.
        EveryThursday = "EveryThursday",
        /// On Fridays.
        EveryFriday = "EveryFriday",
        /// On Saturdays.
        EverySaturday = "EverySaturday",
    }
}

request! {
    /// Where yearly periods begin.
    pub struct YearlyReset {
        /// The anchor.
        pub according_to: YearlyAnchor,
    }

    /// Where monthly periods begin.
    pub struct MonthlyReset {
        /// The anchor.
        pub according_to: MonthlyAnchor,
    }

    /// Where weekly periods begin.
    pub struct WeeklyReset {
        /// The anchor.
        pub according_to: WeeklyAnchor,
    }

    /// A feature that a package is to grant.
    pub struct CreateFeatureEntitlement {
        /// The feature's id.
        pub id: FeatureId,
        /// The kind of entitlement.
        pub r#type: FeatureTag,
        /// How it combines with other packages.
        pub behavior: Option<Behavior>,
        /// A description.
        pub description: Option<FreeText>,
        /// A name to show instead of the feature's.
        pub display_name_override: Option<Line>,
        /// What happens when usage reaches the limit (an addition of this server).
        pub enforcement: Option<Enforcement>,
        /// The values granted of an ENUM feature.
        pub enum_values: Option<Vec<Line>>,
        /// Whether usage may go past the limit.
        pub has_soft_limit: Option<bool>,
        /// Whether there is no limit.
        pub has_unlimited_usage: Option<bool>,
        /// Where it is not shown. Kept and returned for your own pages.
        pub hidden_from_widgets: Option<Vec<Widget>>,
        /// Whether the value is supplied with each subscription.
        pub is_custom: Option<bool>,
        /// Whether the feature is granted; it is where this is not given.
        pub is_granted: Option<bool>,
        /// Where monthly periods begin.
        pub monthly_reset_period_configuration: Field<MonthlyReset>,
        /// The place among the package's entitlements.
        pub order: Option<SignedNumber>,
        /// How often usage starts again from zero.
        pub reset_period: Option<ResetPeriod>,
        /// The greatest usage; `null` for none set.
        pub usage_limit: Field<ExactAmount>,
        /// Where weekly periods begin.
        pub weekly_reset_period_configuration: Field<WeeklyReset>,
        /// Where yearly periods begin.
        pub yearly_reset_period_configuration: Field<YearlyReset>,
    }

    /// Credits that a package is to grant again and again.
    pub struct CreateCreditEntitlement {
        /// The id of the credit type (custom currency).
        pub id: CurrencyId,
        /// The kind of entitlement.
        pub r#type: CreditTag,
        /// Credits per period; `null` where each subscription supplies them.
        pub amount: Nullable<ExactAmount>,
        /// How often they are granted.
        pub cadence: Cadence,
        /// How it combines with other packages.
        pub behavior: Option<Behavior>,
        /// A feature whose usage limit multiplies the amount, such as seats.
        pub dependency_feature_id: Option<FeatureId>,
        /// A description.
        pub description: Option<FreeText>,
        /// A name to show instead of the credit type's.
        pub display_name_override: Option<Line>,
        /// What happens when credits run out (an addition of this server).
        pub enforcement: Option<Enforcement>,
        /// Whether a check still grants when credits have run out.
        pub has_soft_limit: Option<bool>,
        /// Where it is not shown. Kept and returned for your own pages.
        pub hidden_from_widgets: Option<Vec<Widget>>,
        /// Whether the amount is supplied with each subscription.
        pub is_custom: Option<bool>,
        /// Whether the credits are granted; they are where this is not given.
        pub is_granted: Option<bool>,
        /// The place among the package's entitlements.
        pub order: Option<SignedNumber>,
    }

    /// Entitlements to add to a draft, all or none.
    pub struct CreateEntitlements {
        /// One for each feature or credit type.
        pub entitlements: NonEmpty<CreateEntitlement>,
    }

    /// A change of a feature entitlement of a draft.
    pub struct UpdateFeatureEntitlement {
        /// The kind of entitlement, which cannot change.
        pub r#type: FeatureTag,
        /// How it combines with other packages.
        pub behavior: Option<Behavior>,
        /// A description.
        pub description: Option<FreeText>,
        /// A name to show instead of the feature's.
        pub display_name_override: Option<Line>,
        /// What happens when usage reaches the limit (an addition of this server).
        pub enforcement: Option<Enforcement>,
        /// The values granted of an ENUM feature.
        pub enum_values: Option<Vec<Line>>,
        /// Whether usage may go past the limit.
        pub has_soft_limit: Option<bool>,
        /// Whether there is no limit.
        pub has_unlimited_usage: Option<bool>,
        /// Where it is not shown. Kept and returned for your own pages.
        pub hidden_from_widgets: Option<Vec<Widget>>,
        /// Whether the value is supplied with each subscription.
        pub is_custom: Option<bool>,
        /// Whether the feature is granted.
        pub is_granted: Option<bool>,
        /// Where monthly periods begin.
        pub monthly_reset_period_configuration: Field<MonthlyReset>,
        /// The place among the package's entitlements.
        pub order: Option<SignedNumber>,
        /// How often usage starts again from zero.
        pub reset_period: Option<ResetPeriod>,
        /// The greatest usage; `null` for none set.
        pub usage_limit: Field<ExactAmount>,
        /// Where weekly periods begin.
        pub weekly_reset_period_configuration: Field<WeeklyReset>,
        /// Where yearly periods begin.
        pub yearly_reset_period_configuration: Field<YearlyReset>,
    }

    /// A change of a credit entitlement of a draft.
    pub struct UpdateCreditEntitlement {
        /// The kind of entitlement, which cannot change.
        pub r#type: CreditTag,
        /// Credits per period.
        pub amount: Option<ExactAmount>,
        /// How it combines with other packages.
        pub behavior: Option<Behavior>,
        /// How often they are granted.
        pub cadence: Option<Cadence>,
        /// A feature whose usage limit multiplies the amount; `null` for none.
        pub dependency_feature_id: Field<FeatureId>,
        /// A description.
        pub description: Option<FreeText>,
        /// A name to show instead of the credit type's.
        pub display_name_override: Option<Line>,
        /// What happens when credits run out (an addition of this server).
        pub enforcement: Option<Enforcement>,
        /// Whether a check still grants when credits have run out.
        pub has_soft_limit: Option<bool>,
        /// Where it is not shown. Kept and returned for your own pages.
        pub hidden_from_widgets: Option<Vec<Widget>>,
        /// Whether the amount is supplied with each subscription.
        pub is_custom: Option<bool>,
        /// Whether the credits are granted.
        pub is_granted: Option<bool>,
        /// The place among the package's entitlements.
        pub order: Option<SignedNumber>,
    }
}

union_request! {
    /// An entitlement to add to a draft.
    pub enum CreateEntitlement {
        /// A feature.
        Feature(CreateFeatureEntitlement) = "FEATURE",
        /// Credits of one type.
        Credit(CreateCreditEntitlement) = "CREDIT",
    }
}

union_request! {
    /// A change of an entitlement of a draft; what is left out stays as it is.
    pub enum UpdateEntitlement {
        /// A feature.
        Feature(UpdateFeatureEntitlement) = "FEATURE",
        /// Credits of one type.
        Credit(UpdateCreditEntitlement) = "CREDIT",
    }
}

response! {
    /// Where the periods of a metered feature begin.
    #[derive(PartialEq, Eq)]
    pub struct ResetPeriodConfiguration {
        /// `SubscriptionStart`, `StartOfTheMonth` or a weekday.
        pub according_to: String,
    }

    /// A feature that a package grants.
    pub struct FeatureEntitlement {
        /// The entitlement's own id, the same in every version of the package.
        pub id: String,
        /// The kind of entitlement.
        pub r#type: FeatureTag,
        /// The feature (an addition of this server).
        pub feature_id: String,
        /// How it combines with other packages.
        pub behavior: Behavior,
        /// When it was made.
        pub created_at: String,
        /// A description.
        pub description: Option<String>,
        /// A name to show instead of the feature's.
        pub display_name_override: Option<String>,
        /// The values granted of an ENUM feature.
        pub enum_values: Option<Vec<String>>,
        /// Whether usage may go past the limit.
        pub has_soft_limit: Option<bool>,
        /// Whether there is no limit.
        pub has_unlimited_usage: Option<bool>,
        /// Where it is not shown.
        pub hidden_from_widgets: Vec<Widget>,
        /// Whether the value is supplied with each subscription.
        pub is_custom: Option<bool>,
        /// Whether the feature is granted.
        pub is_granted: bool,
        /// The place among the package's entitlements.
        pub order: Option<Decimal>,
        /// How often usage starts again from zero.
        pub reset_period: Option<ResetPeriod>,
        /// Where the periods begin.
        pub reset_period_configuration: Option<ResetPeriodConfiguration>,
        /// When it was last changed.
        pub updated_at: String,
        /// The greatest usage.
        pub usage_limit: Option<Decimal>,
    }
    optional {
        /// What happens when usage reaches the limit (an addition of this server).
        pub enforcement: Enforcement,
    }

    /// Credits that a package grants again and again.
    pub struct CreditEntitlement {
        /// The entitlement's own id, the same in every version of the package.
        pub id: String,
        /// The kind of entitlement.
        pub r#type: CreditTag,
        /// The credit type (an addition of this server).
        pub currency_id: String,
        /// Credits per period; `null` where each subscription supplies them.
        pub amount: Option<Decimal>,
        /// How it combines with other packages.
        pub behavior: Behavior,
        /// How often they are granted.
        pub cadence: Option<Cadence>,
        /// When it was made.
        pub created_at: String,
        /// A description.
        pub description: Option<String>,
        /// A name to show instead of the credit type's.
        pub display_name_override: Option<String>,
        /// Whether a check still grants when credits have run out.
        pub has_soft_limit: Option<bool>,
        /// Where it is not shown.
        pub hidden_from_widgets: Vec<Widget>,
        /// Whether the amount is supplied with each subscription.
        pub is_custom: Option<bool>,
        /// Whether the credits are granted.
        pub is_granted: bool,
        /// The place among the package's entitlements.
        pub order: Option<Decimal>,
        /// When it was last changed.
        pub updated_at: String,
    }
    optional {
        /// A feature whose usage limit multiplies the amount.
        pub dependency_feature_id: String,
        /// What happens when credits run out (an addition of this server).
        pub enforcement: Enforcement,
    }

    /// What a package grants, by kind and id only.
    #[derive(PartialEq, Eq)]
    pub struct EntitlementReference {
        /// The id of the feature or the credit type.
        pub id: String,
        /// The kind of entitlement.
        pub r#type: EntitlementType,
    }
}

/// An entitlement of a plan or an add-on.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum PackageEntitlement {
    /// A feature.
    Feature(FeatureEntitlement),
    /// Credits of one type.
    Credit(CreditEntitlement),
}

/// Metadata in a response.
pub type MetadataMap = BTreeMap<String, String>;
