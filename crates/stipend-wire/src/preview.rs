//! The preview of a subscription: what providing it would charge and grant.

use stipend_core::{CustomerId, FeatureId, PackageId, ResourceId, Timestamp};

use crate::charge::BillingPeriod;
use crate::entitlement::Cadence;
use crate::explain::PackageType;
use crate::number::{CountOrZero, Decimal, ExactAmount};
use crate::opaque::OpaqueObject;
use crate::subscription::{
    Addons, BillingCycleAnchor, ChargeQuantityInput, ScheduleStrategy, TrialOverrideInput,
};
use crate::text::Key;

request! {
    /// A subscription to look at before it is provided; nothing changes.
    pub struct PreviewSubscription {
        /// The customer.
        pub customer_id: CustomerId,
        /// The plan.
        pub plan_id: PackageId,
        /// The add-ons.
        pub addons: Option<Addons>,
        /// A coupon or discount. Accepted and not kept: no money is charged here.
        pub applied_coupon: Option<OpaqueObject>,
        /// Quantities of features bought in advance, in the older form of `charges`.
        pub billable_features: Option<Vec<BillableFeatureInput>>,
        /// The country whose prices hold. Accepted and not kept.
        pub billing_country_code: Option<Key>,
        /// Whether a change begins new periods.
        pub billing_cycle_anchor: Option<BillingCycleAnchor>,
        /// What the billing provider needs to know. Accepted and not kept.
        pub billing_information: Option<OpaqueObject>,
        /// The billing period.
        pub billing_period: Option<BillingPeriod>,
        /// Quantities of features bought in advance; one of credits is refused.
        pub charges: Option<Vec<ChargeQuantityInput>>,
        /// The customer who pays.
        pub paying_customer_id: Option<CustomerId>,
        /// The resource it is for.
        pub resource_id: Option<ResourceId>,
        /// When it takes effect.
        pub schedule_strategy: Option<ScheduleStrategy>,
        /// When it begins; now where this is not given.
        pub start_date: Option<Timestamp>,
        /// Whether it begins with a trial.
        pub trial_override_configuration: Option<TrialOverrideInput>,
        /// How many units are bought in advance: 1; several are refused, 0 counts as not given.
        pub unit_quantity: Option<CountOrZero>,
    }

    /// A quantity of a feature bought in advance.
    pub struct BillableFeatureInput {
        /// The feature.
        pub feature_id: FeatureId,
        /// How many.
        pub quantity: ExactAmount,
    }
}

response! {
    /// What providing a subscription would charge and grant.
    pub struct SubscriptionPreview {
        /// What would be charged at once.
        pub immediate_invoice: PreviewInvoice,
        /// What would become of the customer's credits (an addition of this server).
        pub credits: Vec<CreditPreview>,
        /// Whether it would take effect later (an addition of this server).
        pub is_scheduled: bool,
        /// When it would begin (an addition of this server).
        pub starts_at: String,
    }
    optional {
        /// The billing period that it would begin with.
        pub billing_period_range: PreviewPeriod,
        /// What would cost nothing.
        pub free_items: Vec<FreeItem>,
        /// Whether changes of the running subscription wait for their time.
        pub has_scheduled_updates: bool,
        /// Whether its plan is a lesser one than that of the running subscription.
        pub is_plan_downgrade: bool,
        /// What would be charged in each period.
        pub recurring_invoice: PreviewInvoice,
    }

    /// An invoice that would be made.
    #[derive(PartialEq)]
    pub struct PreviewInvoice {
        /// The sum before discounts and tax.
        pub sub_total: Decimal,
        /// The sum to be paid.
        pub total: Decimal,
    }
    optional {
        /// The billing period it is for.
        pub billing_period_range: PreviewPeriod,
        /// The lower-case code of the currency.
        pub currency: String,
        /// What is taken off altogether.
        pub discount: Decimal,
        /// What is taken off by a coupon.
        pub discount_details: PreviewDiscountDetails,
        /// What is taken off, one by one.
        pub discounts: Vec<PreviewDiscount>,
        /// What it is made of.
        pub lines: Vec<PreviewInvoiceLine>,
        /// The tax.
        pub tax: Decimal,
    }

    /// A billing period, without its end.
    #[derive(PartialEq, Eq)]
    pub struct PreviewPeriod {
        /// When it ends.
        pub end: String,
        /// When it begins.
        pub start: String,
    }

    /// What a coupon takes off.
    #[derive(Default, PartialEq)]
    pub struct PreviewDiscountDetails {}
    optional {
        /// The code of the coupon.
        pub code: String,
        /// A fixed sum.
        pub fixed_amount: Decimal,
        /// A share, in percent.
        pub percentage: Decimal,
    }

    /// One sum that is taken off.
    #[derive(PartialEq)]
    pub struct PreviewDiscount {
        /// How much.
        pub amount: Decimal,
        /// The lower-case code of the currency.
        pub currency: String,
        /// What it is for.
        pub description: String,
    }

    /// One line of an invoice.
    #[derive(PartialEq)]
    pub struct PreviewInvoiceLine {
        /// The lower-case code of the currency.
        pub currency: String,
        /// What it is for.
        pub description: String,
        /// The sum of the line.
        pub sub_total: Decimal,
        /// The price of one unit.
        pub unit_price: Decimal,
    }
    optional {
        /// How many units.
        pub quantity: Decimal,
    }

    /// Something that would cost nothing.
    #[derive(PartialEq, Eq)]
    pub struct FreeItem {
        /// Its id.
        pub id: String,
        /// How many of it.
        pub quantity: u32,
    }

    /// What would become of the balance of one pool.
    #[derive(PartialEq)]
    pub struct CreditPreview {
        /// The credit type.
        pub currency_id: String,
        /// The resource; `null` for the customer as a whole.
        pub resource_id: Option<String>,
        /// The balance now.
        pub current_balance: Decimal,
        /// The balance as soon as the subscription begins.
        pub balance_after: Decimal,
        /// What the subscription would grant in its first periods.
        pub recurring: Vec<RecurringCreditPreview>,
    }

    /// Recurring credits that one plan or add-on would grant in their first period.
    #[derive(PartialEq)]
    pub struct RecurringCreditPreview {
        /// The plan or add-on.
        pub package_id: String,
        /// Which of both.
        pub package_type: PackageType,
        /// How many credits.
        pub amount: Decimal,
        /// How often they would be granted.
        pub cadence: Cadence,
        /// When they could be used from.
        pub effective_at: String,
        /// When they would end.
        pub expire_at: String,
    }
}
