//! Subscriptions.

use super::instant;
use crate::error::ApiError;
use stipend_core::catalog::{Document, Extras, ExtrasPatch, Pricing};
use stipend_core::customer::{
    BillingPeriod, CreditOverride, ProvisionRequest, SubscriptionEndReason, SubscriptionPatch,
    SubscriptionTerms,
};
use stipend_core::{Cadence, Customer, PackageId, SubscriptionId, Timestamp};
use stipend_wire::charge::{BillingPeriod as WirePeriod, PricingType};
use stipend_wire::entitlement::{Cadence as WireCadence, EntitlementReference, EntitlementType};
use stipend_wire::grant::{PaymentCollection, PaymentCollectionMethod};
use stipend_wire::read::WireEnum as _;
use stipend_wire::subscription as wire;
use stipend_wire::{Field, Opaque};

/// Refuses what the contract has and this server does not act on yet, rather than drop it.
fn refuse(param: &str, is_asked: bool, what: &str) -> Result<(), ApiError> {
    if is_asked { Err(ApiError::not_supported(param, what)) } else { Ok(()) }
}

fn check_schedule(strategy: Option<wire::ScheduleStrategy>) -> Result<(), ApiError> {
    let is_later = strategy.is_some_and(|strategy| strategy != wire::ScheduleStrategy::Immediate);
    refuse("/scheduleStrategy", is_later, "a change at a later time")
}

fn check_anchor(anchor: Option<wire::BillingCycleAnchor>) -> Result<(), ApiError> {
    let is_now = anchor == Some(wire::BillingCycleAnchor::Now);
    refuse("/billingCycleAnchor", is_now, "moving the anchor")
}

fn addons(list: wire::Addons) -> Vec<(PackageId, u32)> {
    list.0.into_iter().map(|addon| (addon.id, addon.quantity.0)).collect()
}

fn overrides(
    list: Vec<wire::SubscriptionEntitlementInput>,
) -> Result<Vec<CreditOverride>, ApiError> {
    let mut overrides = Vec::with_capacity(list.len());
    for entitlement in list {
        match entitlement {
            wire::SubscriptionEntitlementInput::Credit(credit) => overrides.push(CreditOverride {
                currency: credit.id,
                amount: credit.amount.0,
                cadence: match credit.cadence {
                    WireCadence::Month => Cadence::Month,
                    WireCadence::Year => Cadence::Year,
                },
                soft_limit: credit.has_soft_limit,
            }),
            wire::SubscriptionEntitlementInput::Feature(_) => {
                let what = "a feature entitlement of one subscription";
                return Err(ApiError::not_supported("/entitlements", what));
            }
        }
    }
    Ok(overrides)
}

fn billing_period(period: WirePeriod) -> BillingPeriod {
    match period {
        WirePeriod::Monthly => BillingPeriod::Monthly,
        WirePeriod::Annually => BillingPeriod::Annually,
    }
}

/// Keys that are kept and, where the contract returns them, echoed.
struct Carried(ExtrasPatch);

impl Carried {
    fn json(mut self, key: &str, value: Option<Opaque>) -> Self {
        if let Some(value) = value {
            self.0.insert(key.to_owned(), Some(Document(value.into_string())));
        }
        self
    }

    fn field(mut self, key: &str, value: Field<Opaque>) -> Self {
        if let Some(change) = value.into_change() {
            let change = change.map(|value| Document(value.into_string()));
            self.0.insert(key.to_owned(), change);
        }
        self
    }

    fn text(mut self, key: &str, value: Field<String>) -> Self {
        if let Some(change) = value.into_change() {
            let json = |text: String| Document(serde_json::Value::from(text).to_string());
            self.0.insert(key.to_owned(), change.map(json));
        }
        self
    }

    fn into_extras(self) -> Extras {
        self.0.into_iter().filter_map(|(key, value)| value.map(|value| (key, value))).collect()
    }
}

pub(crate) fn new_from_wire(
    body: wire::ProvisionSubscription,
    fresh_id: impl FnOnce() -> SubscriptionId,
) -> Result<ProvisionRequest, ApiError> {
    check_schedule(body.schedule_strategy)?;
    check_anchor(body.billing_cycle_anchor)?;
    refuse("/cancellationDate", body.cancellation_date.is_some(), "an end on a date")?;
    let has_charges = body.charges.as_ref().is_some_and(|charges| !charges.is_empty());
    refuse("/charges", has_charges, "buying by charges")?;
    let several = body.unit_quantity.as_ref().is_some_and(|units| units.0 != 1);
    refuse("/unitQuantity", several, "several units")?;
    let trial = body.trial_override_configuration.as_ref().map(|trial| trial.is_trial);
    let line = |field: Field<stipend_wire::text::Line>| field.map(|line| line.0);
    let method = body.payment_collection_method.map(|method| method.as_str().to_owned());
    let carried = Carried(ExtrasPatch::new())
        .json("appliedCoupon", body.applied_coupon.map(|object| object.0))
        .json("billingInformation", body.billing_information.map(|object| object.0))
        .json("checkoutOptions", body.checkout_options.map(|object| object.0))
        .json("priceOverrides", body.price_overrides.map(|list| list.0))
        .field("budget", body.budget.map(|budget| budget.text))
        .field("minimumSpend", body.minimum_spend.map(|spend| spend.text))
        .text("billingId", line(body.billing_id))
        .text("salesforceId", line(body.salesforce_id))
        .text("billingCountryCode", body.billing_country_code.map(|code| code.0))
        .text("paymentCollectionMethod", method.map_or(Field::Absent, Field::Value));
    Ok(ProvisionRequest {
        id: body.id.unwrap_or_else(fresh_id),
        plan: body.plan_id,
        addons: body.addons.map(addons),
        overrides: body.entitlements.map(overrides).transpose()?,
        resource: body.resource_id.into_option(),
        paying_customer: body.paying_customer_id.into_option(),
        billing_period: body.billing_period.map(billing_period),
        start: body.start_date,
        trial,
        metadata: body.metadata.map(|map| map.0),
        extras: carried.into_extras(),
    })
}

pub(crate) fn patch_from_wire(
    body: wire::UpdateSubscription,
) -> Result<SubscriptionPatch, ApiError> {
    check_schedule(body.schedule_strategy)?;
    check_anchor(body.billing_cycle_anchor)?;
    let has_end = matches!(body.cancellation_date, Field::Value(_));
    refuse("/cancellationDate", has_end, "an end on a date")?;
    let has_charges = body.charges.as_ref().is_some_and(|charges| !charges.is_empty());
    refuse("/charges", has_charges, "buying by charges")?;
    refuse("/trialEndDate", body.trial_end_date.is_some(), "a trial")?;
    let promotion = body.promotion_code.map_or(Field::Absent, |code| Field::Value(code.0));
    let carried = Carried(ExtrasPatch::new())
        .json("appliedCoupon", body.applied_coupon.map(|object| object.0))
        .json("billingInformation", body.billing_information.map(|object| object.0))
        .json("priceOverrides", body.price_overrides.map(|list| list.0))
        .field("budget", body.budget.map(|budget| budget.text))
        .field("minimumSpend", body.minimum_spend.map(|spend| spend.text))
        .text("salesforceId", body.salesforce_id.map(|line| line.0))
        .text("promotionCode", promotion);
    Ok(SubscriptionPatch {
        addons: body.addons.map(addons),
        overrides: body.entitlements.map(overrides).transpose()?,
        billing_period: body.billing_period.map(billing_period),
        metadata: body.metadata.map(|map| map.0),
        extras: carried.0,
    })
}

pub(crate) fn pricing_to_wire(pricing: Pricing) -> PricingType {
    match pricing {
        Pricing::Free => PricingType::Free,
        Pricing::Paid => PricingType::Paid,
        Pricing::Custom => PricingType::Custom,
    }
}

pub(crate) fn to_wire(
    customer: &Customer,
    terms: &SubscriptionTerms,
    now: Timestamp,
) -> wire::Subscription {
    let opaque =
        |key: &str| terms.extras.get(key).map(|document| Opaque::from_stored(document.0.clone()));
    let string = |key: &str| {
        let document = terms.extras.get(key)?;
        serde_json::from_str::<String>(&document.0).ok()
    };
    let period = terms.billing_period_at(terms.ended.map_or(now, |end| end.at));
    let addons = terms
        .addons
        .iter()
        .map(|pin| wire::AddonQuantity { id: pin.addon.to_string(), quantity: pin.quantity });
    let overrides = terms.overrides.iter().map(|agreed| EntitlementReference {
        id: agreed.currency.to_string(),
        r#type: EntitlementType::Credit,
    });
    let ended_at = terms.ended.map(|end| instant(end.at));
    wire::Subscription {
        id: terms.id.to_string(),
        billing_id: string("billingId"),
        created_at: instant(terms.created_at),
        customer_id: customer.profile.id.to_string(),
        payment_collection: PaymentCollection::NotRequired,
        plan_id: terms.plan.plan.to_string(),
        pricing_type: pricing_to_wire(terms.pricing),
        start_date: instant(terms.started_at),
        status: match terms.ended {
            None => wire::SubscriptionStatus::Active,
            Some(_) => wire::SubscriptionStatus::Canceled,
        },
        addons: Some(addons.collect()),
        billing_cycle_anchor: Some(instant(terms.anchor)),
        budget: opaque("budget"),
        cancellation_date: ended_at.clone(),
        cancel_reason: terms.ended.map(|end| match end.reason {
            SubscriptionEndReason::Immediate => wire::CancelReason::Immediate,
            SubscriptionEndReason::CustomerArchived => wire::CancelReason::CustomerArchived,
        }),
        contract_id: None,
        coupons: None,
        current_billing_period_end: Some(instant(period.end)),
        current_billing_period_start: Some(instant(period.start)),
        effective_end_date: ended_at.clone(),
        end_date: ended_at,
        future_updates: Some(Vec::new()),
        latest_invoice: None,
        metadata: Some(terms.metadata.clone()),
        minimum_spend: opaque("minimumSpend"),
        paying_customer_id: terms.paying_customer.as_ref().map(ToString::to_string),
        payment_collection_method: string("paymentCollectionMethod")
            .and_then(|method| PaymentCollectionMethod::find(&method)),
        prices: None,
        resource_id: terms.resource.as_ref().map(ToString::to_string),
        subscription_entitlements: Some(overrides.collect()),
        trial: None,
        trial_end_date: None,
    }
}
