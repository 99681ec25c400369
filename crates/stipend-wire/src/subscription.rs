//! Subscriptions.

use std::collections::BTreeSet;

use stipend_core::{
    CurrencyId, CustomerId, FeatureId, PackageId, ResourceId, SubscriptionId, Timestamp,
};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::access::EffectiveEntitlement;
use crate::charge::{BillingPeriod, MoneyBudget, PricingType};
use crate::entitlement::{
    Cadence, CreditTag, EntitlementReference, EntitlementType, FeatureTag, MetadataMap,
    MonthlyReset, ResetPeriod, WeeklyReset, YearlyReset,
};
use crate::error::{ErrorCode, WireError};
use crate::grant::{PaymentCollection, PaymentCollectionMethod};
use crate::json::Json;
use crate::money::MoneyCurrency;
use crate::number::{Count, CountOrZero, ExactAmount};
use crate::opaque::{Checked, Opaque, OpaqueList, OpaqueObject};
use crate::package::TrialEndBehavior;
use crate::product::CancellationTime;
use crate::read::{Component, Field, FromJson};
use crate::subscription_change::FutureUpdate;
use crate::text::{Key, Line, Metadata};

wire_enum! {
    /// The state of a subscription.
    pub enum SubscriptionStatus {
        /// It waits for its payment.
        PaymentPending = "PAYMENT_PENDING",
        /// It is live.
        Active = "ACTIVE",
        /// Its time is over.
        Expired = "EXPIRED",
        /// It is live, as a trial.
        InTrial = "IN_TRIAL",
        /// It was cancelled.
        Canceled = "CANCELED",
        /// Its time has not come.
        NotStarted = "NOT_STARTED",
    }

    /// Why a subscription ended.
    pub enum CancelReason {
        /// Another plan took its place.
        UpgradeOrDowngrade = "UPGRADE_OR_DOWNGRADE",
        /// The billing provider ended it.
        CancelledByBilling = "CANCELLED_BY_BILLING",
        /// Its time was over.
        Expired = "EXPIRED",
        /// It was cut off from billing.
        DetachBilling = "DETACH_BILLING",
        /// Its trial was over.
        TrialEnded = "TRIAL_ENDED",
        /// It was cancelled at once.
        Immediate = "Immediate",
        /// Its trial became a paid subscription.
        TrialConverted = "TRIAL_CONVERTED",
        /// It was not paid in time.
        PendingPaymentExpired = "PENDING_PAYMENT_EXPIRED",
        /// It was cancelled for a later time, which came.
        ScheduledCancellation = "ScheduledCancellation",
        /// Its customer was archived.
        CustomerArchived = "CustomerArchived",
        /// A rule ended it.
        AutoCancellationRule = "AutoCancellationRule",
    }

    /// Whether a change begins new periods.
    pub enum BillingCycleAnchor {
        /// The periods go on.
        Unchanged = "UNCHANGED",
        /// They begin anew, now.
        Now = "NOW",
    }

    /// When a change takes effect.
    pub enum ScheduleStrategy {
        /// When the billing period ends.
        EndOfBillingPeriod = "END_OF_BILLING_PERIOD",
        /// When the billing month ends.
        EndOfBillingMonth = "END_OF_BILLING_MONTH",
        /// At once.
        Immediate = "IMMEDIATE",
    }

    /// What a cancellation does with entitlements.
    pub enum CancellationAction {
        /// What the product's settings say.
        Default = "DEFAULT",
        /// They end, and no free plan follows.
        RevokeEntitlements = "REVOKE_ENTITLEMENTS",
    }

    /// The outcome of provisioning.
    pub enum ProvisionStatus {
        /// The subscription is there.
        Success = "SUCCESS",
        /// The customer has to pay first.
        PaymentRequired = "PAYMENT_REQUIRED",
    }
}

/// The add-ons of a subscription, each once.
#[derive(Clone, Debug, PartialEq)]
pub struct Addons(pub Vec<AddonQuantityInput>);

impl FromJson for Addons {
    fn from_json(json: Json<'_>) -> Result<Self, WireError> {
        let addons: Vec<AddonQuantityInput> = Vec::from_json(json)?;
        let mut seen = BTreeSet::new();
        for (index, addon) in addons.iter().enumerate() {
            if !seen.insert(&addon.id) {
                let message = "is on the list already; give each add-on once, with its quantity";
                return Err(WireError::here(ErrorCode::DuplicateAddon, message).under(index));
            }
        }
        Ok(Self(addons))
    }

    fn schema() -> RefOr<Schema> {
        Vec::<AddonQuantityInput>::schema()
    }

    fn components(out: &mut Vec<Component>) {
        AddonQuantityInput::components(out);
    }
}

request! {
    /// An add-on of a subscription.
    pub struct AddonQuantityInput {
        /// The add-on.
        pub id: PackageId,
        /// How many of it.
        pub quantity: Count,
    }

    /// A new subscription, or the change of the plan of a live one.
    pub struct ProvisionSubscription {
        /// The customer.
        pub customer_id: CustomerId,
        /// The plan.
        pub plan_id: PackageId,
        /// The subscription's id; made up where it is not given.
        pub id: Option<SubscriptionId>,
        /// The add-ons.
        pub addons: Option<Addons>,
        /// A coupon or discount. Kept, not acted on and not returned: no money is charged here.
        pub applied_coupon: Option<OpaqueObject>,
        /// Whether the answer waits for the payment. Accepted and not kept: there is no billing
        /// provider, so there is nothing to wait for.
        pub await_payment_confirmation: Option<bool>,
        /// The country whose prices hold. Kept, not acted on and not returned.
        pub billing_country_code: Field<Key>,
        /// Whether a change begins new periods.
        pub billing_cycle_anchor: Option<BillingCycleAnchor>,
        /// The id at the billing provider. Kept and returned, not acted on.
        pub billing_id: Field<Line>,
        /// What the billing provider needs to know. Kept, not acted on and not returned.
        pub billing_information: Option<OpaqueObject>,
        /// The billing period.
        pub billing_period: Option<BillingPeriod>,
        /// What may be spent. Kept and returned. Nothing is charged here, so only a budget of 0
        /// that may not be exceeded is ever spent.
        pub budget: Field<Checked<MoneyBudget>>,
        /// When it ends.
        pub cancellation_date: Option<Timestamp>,
        /// Quantities of features bought in advance; one of credits is refused.
        pub charges: Option<Vec<ChargeQuantityInput>>,
        /// How the checkout page looks. Kept, not acted on and not returned: there is none.
        pub checkout_options: Option<OpaqueObject>,
        /// Credits that it grants instead of what its plan says; one of a feature is refused.
        pub entitlements: Option<Vec<SubscriptionEntitlementInput>>,
        /// Texts of your own.
        pub metadata: Option<Metadata>,
        /// The least that is charged. Kept and returned, not acted on.
        pub minimum_spend: Field<Checked<MinimumSpendOverride>>,
        /// The customer who pays.
        pub paying_customer_id: Field<CustomerId>,
        /// How it is paid. Kept and returned, not acted on.
        pub payment_collection_method: Option<PaymentCollectionMethod>,
        /// Other prices than the plan's, in money. Kept, not acted on and not returned; another
        /// `creditRate` is refused.
        pub price_overrides: Option<OpaqueList>,
        /// The resource it is for.
        pub resource_id: Field<ResourceId>,
        /// The id at Salesforce. Kept, not acted on and not returned.
        pub salesforce_id: Field<Line>,
        /// When it takes effect.
        pub schedule_strategy: Option<ScheduleStrategy>,
        /// When it begins; now where this is not given.
        pub start_date: Option<Timestamp>,
        /// Whether it begins with a trial.
        pub trial_override_configuration: Option<TrialOverrideInput>,
        /// How many units are bought in advance: 1; several are refused, 0 counts as not given.
        pub unit_quantity: Option<CountOrZero>,
    }

    /// A change of a subscription; what is left out stays, and lists are replaced whole.
    pub struct UpdateSubscription {
        /// The add-ons.
        pub addons: Option<Addons>,
        /// A coupon or discount. Kept, not acted on and not returned: no money is charged here.
        pub applied_coupon: Option<OpaqueObject>,
        /// Whether the answer waits for the payment. Accepted and not kept: there is no billing
        /// provider, so there is nothing to wait for.
        pub await_payment_confirmation: Option<bool>,
        /// Whether the change begins new periods.
        pub billing_cycle_anchor: Option<BillingCycleAnchor>,
        /// What the billing provider needs to know. Kept, not acted on and not returned.
        pub billing_information: Option<OpaqueObject>,
        /// The billing period.
        pub billing_period: Option<BillingPeriod>,
        /// What may be spent. Kept and returned. Nothing is charged here, so only a budget of 0
        /// that may not be exceeded is ever spent.
        pub budget: Field<Checked<MoneyBudget>>,
        /// When it ends; `null` takes back a cancellation.
        pub cancellation_date: Field<Timestamp>,
        /// Quantities of features bought in advance; one of credits is refused.
        pub charges: Option<Vec<ChargeQuantityInput>>,
        /// Credits that it grants instead of what its plan says; one of a feature is refused.
        pub entitlements: Option<Vec<SubscriptionEntitlementInput>>,
        /// Texts of your own.
        pub metadata: Option<Metadata>,
        /// The least that is charged. Kept and returned, not acted on.
        pub minimum_spend: Field<Checked<MinimumSpendOverride>>,
        /// Other prices than the plan's, in money. Kept, not acted on and not returned; another
        /// `creditRate` is refused.
        pub price_overrides: Option<OpaqueList>,
        /// A promotion code. Kept, not acted on and not returned: no money is charged here.
        pub promotion_code: Option<Line>,
        /// The id at Salesforce. Kept, not acted on and not returned.
        pub salesforce_id: Field<Line>,
        /// When it takes effect.
        pub schedule_strategy: Option<ScheduleStrategy>,
        /// When the trial ends.
        pub trial_end_date: Option<Timestamp>,
    }

    /// A cancellation.
    pub struct CancelSubscription {
        /// What becomes of entitlements.
        pub cancellation_action: Option<CancellationAction>,
        /// When it takes effect.
        pub cancellation_time: Option<CancellationTime>,
        /// The date, for `SPECIFIC_DATE`.
        pub end_date: Option<Timestamp>,
        /// Whether the rest of the period is credited in money. Accepted and not kept: no money is
        /// charged here.
        pub prorate: Option<bool>,
    }

    /// A quantity bought in advance.
    pub struct ChargeQuantityInput {
        /// The feature or credit type.
        pub id: Key,
        /// How many.
        pub quantity: ExactAmount,
        /// Which of both it is.
        pub r#type: EntitlementType,
    }

    /// The least that is charged.
    pub struct MinimumSpendOverride {
        /// How much.
        pub amount: Option<ExactAmount>,
        /// The currency.
        pub currency: Option<MoneyCurrency>,
    }

    /// Whether a subscription begins with a trial.
    pub struct TrialOverrideInput {
        /// Whether it does.
        pub is_trial: bool,
        /// What follows it.
        pub trial_end_behavior: Option<TrialEndBehavior>,
        /// When it ends.
        pub trial_end_date: Option<Timestamp>,
    }

    /// A feature that a subscription grants instead of what its plan says.
    pub struct SubscriptionFeatureInput {
        /// The feature.
        pub id: FeatureId,
        /// The kind of entitlement.
        pub r#type: FeatureTag,
        /// Whether usage may go past the limit.
        pub has_soft_limit: Option<bool>,
        /// Whether there is no limit.
        pub has_unlimited_usage: Option<bool>,
        /// Where monthly periods begin.
        pub monthly_reset_period_configuration: Field<MonthlyReset>,
        /// How often usage starts again from zero.
        pub reset_period: Option<ResetPeriod>,
        /// The greatest usage.
        pub usage_limit: Option<ExactAmount>,
        /// Where weekly periods begin.
        pub weekly_reset_period_configuration: Field<WeeklyReset>,
        /// Where yearly periods begin.
        pub yearly_reset_period_configuration: Field<YearlyReset>,
    }

    /// Credits that a subscription grants instead of what its plan says.
    pub struct SubscriptionCreditInput {
        /// The credit type.
        pub id: CurrencyId,
        /// The kind of entitlement.
        pub r#type: CreditTag,
        /// Credits per period.
        pub amount: ExactAmount,
        /// How often they are granted.
        pub cadence: Cadence,
        /// Whether a check still grants when credits have run out.
        pub has_soft_limit: Option<bool>,
    }
}

union_request! {
    /// What a subscription grants instead of what its plan says.
    pub enum SubscriptionEntitlementInput {
        /// A feature.
        Feature(SubscriptionFeatureInput) = "FEATURE",
        /// Credits of one type.
        Credit(SubscriptionCreditInput) = "CREDIT",
    }
}

response! {
    /// A subscription.
    pub struct Subscription {
        /// The id.
        pub id: String,
        /// The id at the billing provider.
        pub billing_id: Option<String>,
        /// When it was made.
        pub created_at: String,
        /// The customer.
        pub customer_id: String,
        /// How its payment stands.
        pub payment_collection: PaymentCollection,
        /// The plan.
        pub plan_id: String,
        /// How it is priced.
        pub pricing_type: PricingType,
        /// When it began.
        pub start_date: String,
        /// Its state as of now.
        pub status: SubscriptionStatus,
    }
    optional {
        /// The add-ons.
        pub addons: Vec<AddonQuantity>,
        /// What its periods are counted from.
        pub billing_cycle_anchor: String,
        /// What may be spent, see `MoneyBudget`.
        pub budget: Opaque,
        /// When it was or will be cancelled.
        pub cancellation_date: String,
        /// Why it ended.
        pub cancel_reason: CancelReason,
        /// The contract it belongs to.
        pub contract_id: String,
        /// The coupons.
        pub coupons: Vec<Opaque>,
        /// When the running billing period ends.
        pub current_billing_period_end: String,
        /// When the running billing period began.
        pub current_billing_period_start: String,
        /// When it stops granting anything.
        pub effective_end_date: String,
        /// When it ends.
        pub end_date: String,
        /// Changes that wait for their time.
        pub future_updates: Vec<FutureUpdate>,
        /// The last invoice.
        pub latest_invoice: Opaque,
        /// Texts of your own.
        pub metadata: MetadataMap,
        /// The least that is charged, see `MinimumSpendOverride`.
        pub minimum_spend: Opaque,
        /// The customer who pays.
        pub paying_customer_id: String,
        /// How it is paid.
        pub payment_collection_method: PaymentCollectionMethod,
        /// The prices that hold for it.
        pub prices: Vec<Opaque>,
        /// The resource it is for.
        pub resource_id: String,
        /// What it grants, by kind and id.
        pub subscription_entitlements: Vec<EntitlementReference>,
        /// The trial.
        pub trial: SubscriptionTrial,
        /// When the trial ends.
        pub trial_end_date: String,
    }

    /// An add-on of a subscription.
    #[derive(PartialEq, Eq)]
    pub struct AddonQuantity {
        /// The add-on.
        pub id: String,
        /// How many of it.
        pub quantity: u32,
    }

    /// The trial of a subscription.
    pub struct SubscriptionTrial {
        /// What follows it.
        pub trial_end_behavior: TrialEndBehavior,
    }

    /// The outcome of provisioning.
    pub struct Provisioned {
        /// The id of the subscription.
        pub id: String,
        /// What the customer may use now; `null` where the customer has to pay first.
        pub entitlements: Option<Vec<EffectiveEntitlement>>,
        /// The outcome.
        pub status: ProvisionStatus,
        /// The subscription; `null` where the customer has to pay first.
        pub subscription: Option<Subscription>,
    }
    optional {
        /// The id of the checkout at the billing provider.
        pub checkout_billing_id: String,
        /// Where the customer pays.
        pub checkout_url: String,
        /// Whether it takes effect later.
        pub is_scheduled: bool,
    }
}
