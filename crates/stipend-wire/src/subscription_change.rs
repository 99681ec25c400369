//! Changes of a subscription beside its update: migration, transfer, delegation,
//! and what waits for its time.

use stipend_core::{CustomerId, ResourceId};

wire_enum! {
    /// When a subscription moves to the latest version of its plan.
    pub enum SubscriptionMigrationTime {
        /// When the billing period ends.
        EndOfBillingPeriod = "END_OF_BILLING_PERIOD",
        /// At once.
        Immediate = "IMMEDIATE",
    }

    /// The state of a change that was put off.
    pub enum ScheduleStatus {
        /// It waits for its payment.
        PendingPayment = "PENDING_PAYMENT",
        /// It waits for its time.
        Scheduled = "SCHEDULED",
        /// It was taken back.
        Canceled = "CANCELED",
        /// It took effect.
        Done = "DONE",
        /// It could not take effect.
        Failed = "FAILED",
    }

    /// What a change that was put off is about.
    pub enum SubscriptionScheduleType {
        /// A lesser plan.
        Downgrade = "DOWNGRADE",
        /// Another plan.
        Plan = "PLAN",
        /// The billing period.
        BillingPeriod = "BILLING_PERIOD",
        /// Quantities of features bought in advance.
        UnitAmount = "UNIT_AMOUNT",
        /// Quantities of credits bought in advance.
        RecurringCredits = "RECURRING_CREDITS",
        /// Other prices than the plan's.
        PriceOverride = "PRICE_OVERRIDE",
        /// An add-on.
        Addon = "ADDON",
        /// A coupon.
        Coupon = "COUPON",
        /// The latest version of the plan and the add-ons.
        MigrateToLatest = "MIGRATE_TO_LATEST",
        /// Texts of the caller's own.
        AdditionalMetaData = "ADDITIONAL_META_DATA",
        /// Texts for the billing provider.
        BillingInfoMetadata = "BILLING_INFO_METADATA",
    }
}

request! {
    /// The move of a subscription to the latest version of its plan and add-ons.
    pub struct MigrateSubscription {
        /// When it takes effect.
        pub subscription_migration_time: Option<SubscriptionMigrationTime>,
    }

    /// The move of a subscription to another resource of its customer.
    pub struct TransferSubscription {
        /// The resource it is for from now on.
        pub destination_resource_id: ResourceId,
    }

    /// The choice of who pays for a subscription.
    pub struct DelegateSubscription {
        /// The customer who pays from now on; the subscription's own takes it back.
        pub target_customer_id: CustomerId,
    }
}

response! {
    /// A change of a subscription that waits for its time.
    #[derive(PartialEq, Eq)]
    pub struct FutureUpdate {
        /// When it takes effect.
        pub scheduled_execution_time: String,
        /// Its state.
        pub schedule_status: ScheduleStatus,
        /// What it is about.
        pub subscription_schedule_type: SubscriptionScheduleType,
    }
    optional {
        /// The plan or add-on that it is about.
        pub target_package: TargetPackage,
    }

    /// The plan or add-on that a change is about.
    #[derive(PartialEq, Eq)]
    pub struct TargetPackage {
        /// Its id.
        pub id: String,
    }
}
