//! Products.

use stipend_core::{PackageId, ProductId};

use crate::entitlement::MetadataMap;
use crate::read::Field;
use crate::text::{FreeText, Metadata, Name};

wire_enum! {
    /// The state of a product.
    pub enum ProductStatus {
        /// It is offered.
        Published = "PUBLISHED",
        /// It takes no new subscriptions.
        Archived = "ARCHIVED",
    }

    /// When a cancellation takes effect.
    pub enum CancellationTime {
        /// When the billing period ends.
        EndOfBillingPeriod = "END_OF_BILLING_PERIOD",
        /// At once.
        Immediate = "IMMEDIATE",
        /// On a given date.
        SpecificDate = "SPECIFIC_DATE",
    }

    /// What follows a subscription.
    pub enum EndSetup {
        /// The free plan of `downgradePlanId`: what is cancelled, or a trial that is not continued,
        /// goes on with it as the same subscription, in new periods and without its add-ons.
        DowngradeToFree = "DOWNGRADE_TO_FREE",
        /// Nothing.
        CancelSubscription = "CANCEL_SUBSCRIPTION",
    }

    /// How a customer begins.
    pub enum StartSetup {
        /// With a choice of plans.
        PlanSelection = "PLAN_SELECTION",
        /// With a trial.
        TrialPeriod = "TRIAL_PERIOD",
        /// With the free plan.
        FreePlan = "FREE_PLAN",
    }

    /// When a change of plan resets what was used.
    pub enum UsageResetBehavior {
        /// Never.
        NeverReset = "NEVER_RESET",
        /// Always.
        AlwaysReset = "ALWAYS_RESET",
        /// Where the billing period changes.
        BillingPeriodChange = "BILLING_PERIOD_CHANGE",
    }
}

request! {
    /// A new product.
    pub struct CreateProduct {
        /// The id, chosen by you.
        pub id: ProductId,
        /// The name.
        pub display_name: Name,
        /// A description.
        pub description: Field<FreeText>,
        /// Texts of your own.
        pub metadata: Field<Metadata>,
        /// Whether a customer may have several subscriptions to it.
        pub multiple_subscriptions: Option<bool>,
    }

    /// A change of a product; what is left out stays as it is.
    pub struct UpdateProduct {
        /// A description.
        pub description: Field<FreeText>,
        /// The name.
        pub display_name: Option<Name>,
        /// Texts of your own, replacing all that were there.
        pub metadata: Field<Metadata>,
        /// Whether a customer may have several subscriptions to it.
        pub multiple_subscriptions: Option<bool>,
        /// How subscriptions to it begin and end.
        pub product_settings: Option<ProductSettingsInput>,
        /// When a change of plan resets what was used.
        pub usage_reset_cutoff_rule: Option<UsageResetCutoffRule>,
    }

    /// How subscriptions to a product begin and end.
    pub struct ProductSettingsInput {
        /// When a cancellation takes effect.
        pub subscription_cancellation_time: CancellationTime,
        /// What follows a subscription.
        pub subscription_end_setup: EndSetup,
        /// How a customer begins. Kept and returned, not acted on. A subscription begins as it is
        /// provisioned.
        pub subscription_start_setup: StartSetup,
        /// The free plan that follows; `DOWNGRADE_TO_FREE` needs it.
        pub downgrade_plan_id: Field<PackageId>,
        /// Whether changes are charged in part only when the period ends. Kept and returned, not
        /// acted on.
        pub prorate_at_end_of_billing_period: Field<bool>,
        /// The plan to begin with. Kept and returned, not acted on.
        pub subscription_start_plan_id: Field<PackageId>,
    }

    /// When a change of plan resets what was used.
    pub struct UsageResetCutoffRule {
        /// The rule.
        pub behavior: UsageResetBehavior,
    }

    /// A copy of a product with its plans and add-ons.
    pub struct DuplicateProduct {
        /// The id of the copy.
        pub target_id: ProductId,
        /// Its description.
        pub description: Field<FreeText>,
        /// Its name.
        pub display_name: Option<Name>,
    }
}

response! {
    /// A product.
    pub struct Product {
        /// The id.
        pub id: String,
        /// When it was made.
        pub created_at: String,
        /// A description.
        pub description: Option<String>,
        /// The name.
        pub display_name: String,
        /// Texts of your own.
        pub metadata: MetadataMap,
        /// Whether a customer may have several subscriptions to it.
        pub multiple_subscriptions: bool,
        /// The state.
        pub status: ProductStatus,
        /// When it was last changed.
        pub updated_at: String,
    }
    optional {
        /// How subscriptions to it begin and end.
        pub product_settings: ProductSettings,
        /// When a change of plan resets what was used (an addition of this server).
        pub usage_reset_cutoff_rule: UsageResetCutoff,
    }

    /// How subscriptions to a product begin and end.
    #[derive(PartialEq, Eq)]
    pub struct ProductSettings {
        /// When a cancellation takes effect.
        pub subscription_cancellation_time: CancellationTime,
        /// What follows a subscription.
        pub subscription_end_setup: EndSetup,
        /// How a customer begins.
        pub subscription_start_setup: StartSetup,
        /// The free plan that follows.
        pub downgrade_plan_id: Option<String>,
        /// Whether changes are charged in part only when the period ends.
        pub prorate_at_end_of_billing_period: Option<bool>,
        /// The plan to begin with.
        pub subscription_start_plan_id: Option<String>,
    }

    /// When a change of plan resets what was used.
    #[derive(PartialEq, Eq)]
    pub struct UsageResetCutoff {
        /// The rule.
        pub behavior: UsageResetBehavior,
    }
}
