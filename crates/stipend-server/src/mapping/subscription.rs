//! Subscriptions.

use super::instant;
use crate::error::ApiError;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use stipend_core::catalog::{Document, Extras, ExtrasPatch, Pricing, TrialEnd};
use stipend_core::customer::{
    BillingPeriod, CancelTime, CreditOverride, FeatureQuantity, LaterChange, ProvisionRequest,
    Schedule, SubscriptionCommand, SubscriptionEndReason, SubscriptionPatch, SubscriptionTerms,
    TrialRequest,
};
use stipend_core::{
    Amount, Cadence, Customer, CustomerId, FeatureId, PackageId, SubscriptionId, Timestamp,
};
use stipend_wire::charge::{BillingPeriod as WirePeriod, PricingType};
use stipend_wire::entitlement::{Cadence as WireCadence, EntitlementReference, EntitlementType};
use stipend_wire::grant::{PaymentCollection, PaymentCollectionMethod};
use stipend_wire::number::CountOrZero;
use stipend_wire::opaque::OpaqueList;
use stipend_wire::package::TrialEndBehavior;
use stipend_wire::product::CancellationTime;
use stipend_wire::read::WireEnum as _;
use stipend_wire::subscription::{self as wire, CancellationAction};
use stipend_wire::subscription_change::{
    FutureUpdate, ScheduleStatus, SubscriptionScheduleType, TargetPackage,
};
use stipend_wire::task::ImportSubscriptions;
use stipend_wire::{ErrorCode, Field, Opaque, WireError};

/// Refuses what the contract has and this server does not act on yet, rather than drop it.
fn refuse(param: &str, is_asked: bool, what: &str) -> Result<(), ApiError> {
    if is_asked { Err(ApiError::not_supported(param, what)) } else { Ok(()) }
}

pub(crate) fn schedule(strategy: Option<wire::ScheduleStrategy>) -> Schedule {
    match strategy {
        None | Some(wire::ScheduleStrategy::Immediate) => Schedule::Now,
        Some(wire::ScheduleStrategy::EndOfBillingPeriod) => Schedule::PeriodEnd,
        Some(wire::ScheduleStrategy::EndOfBillingMonth) => Schedule::MonthEnd,
    }
}

pub(crate) fn new_anchor(anchor: Option<wire::BillingCycleAnchor>) -> bool {
    anchor == Some(wire::BillingCycleAnchor::Now)
}

pub(crate) fn trial(asked: Option<&wire::TrialOverrideInput>) -> TrialRequest {
    match asked {
        None => TrialRequest::AsPlanned,
        Some(asked) if !asked.is_trial => TrialRequest::Without,
        Some(asked) => TrialRequest::With {
            ends_at: asked.trial_end_date,
            end: asked.trial_end_behavior.map(trial_end),
        },
    }
}

fn trial_end(end: TrialEndBehavior) -> TrialEnd {
    match end {
        TrialEndBehavior::ConvertToPaid => TrialEnd::ConvertToPaid,
        TrialEndBehavior::CancelSubscription => TrialEnd::CancelSubscription,
    }
}

/// Units of features are bought; credits are not: they are granted or come with a package.
pub(crate) fn quantities(
    charges: Option<Vec<wire::ChargeQuantityInput>>,
) -> Result<Option<Vec<FeatureQuantity>>, ApiError> {
    let Some(charges) = charges else { return Ok(None) };
    let mut quantities = Vec::with_capacity(charges.len());
    for charge in charges {
        if charge.r#type == EntitlementType::Credit {
            return Err(ApiError::not_supported("/charges", "buying credits by charges"));
        }
        let unknown = || {
            let message = format!("there is no feature {}", charge.id.0);
            ApiError::new(ErrorCode::FeatureNotFound, message)
        };
        let feature = FeatureId::parse(&charge.id.0).map_err(|_| unknown())?;
        let units = u32::try_from(charge.quantity.0.nano() / Amount::whole(1).nano());
        let is_whole = charge.quantity.0.nano() % Amount::whole(1).nano() == 0;
        let quantity = units.ok().filter(|_| is_whole).ok_or_else(|| {
            let message = "a quantity is a whole number from 0 to 4294967295";
            ApiError::from(WireError::new(ErrorCode::InvalidValue, message).with_param("/charges"))
        })?;
        quantities.push(FeatureQuantity { feature, quantity });
    }
    Ok(Some(quantities))
}

pub(crate) fn addons(list: wire::Addons) -> Vec<(PackageId, u32)> {
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

pub(crate) fn billing_period(period: WirePeriod) -> BillingPeriod {
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

/// Units of a subscription are not bought: one is what each subscription is.
pub(crate) fn refuse_several(units: Option<CountOrZero>) -> Result<(), ApiError> {
    refuse("/unitQuantity", units.is_some_and(|units| units.0 > 1), "several units")
}

/// Prices in money are kept for whoever bills; what usage costs in credits is done here, and is the
/// same for all subscriptions of a package.
fn refuse_rates(overrides: Option<&OpaqueList>) -> Result<(), ApiError> {
    let Some(overrides) = overrides else { return Ok(()) };
    let list: Vec<&RawValue> =
        serde_json::from_str(overrides.0.as_str()).expect("it was read as a list");
    for (place, price) in list.into_iter().enumerate() {
        // What is no object has no rate.
        let fields: BTreeMap<String, &RawValue> =
            serde_json::from_str(price.get()).unwrap_or_default();
        let is_rate = fields.get("creditRate").is_some_and(|rate| rate.get() != "null");
        let param = format!("/priceOverrides/{place}/creditRate");
        refuse(&param, is_rate, "another price in credits for one subscription")?;
    }
    Ok(())
}

pub(crate) fn new_from_wire(
    body: wire::ProvisionSubscription,
    fresh_id: impl FnOnce() -> SubscriptionId,
) -> Result<ProvisionRequest, ApiError> {
    refuse_several(body.unit_quantity)?;
    refuse_rates(body.price_overrides.as_ref())?;
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
        quantities: quantities(body.charges)?,
        start: body.start_date,
        ends: body.cancellation_date,
        trial: trial(body.trial_override_configuration.as_ref()),
        schedule: schedule(body.schedule_strategy),
        new_anchor: new_anchor(body.billing_cycle_anchor),
        metadata: body.metadata.map(|map| map.0),
        extras: carried.into_extras(),
    })
}

pub(crate) fn patch_from_wire(
    body: wire::UpdateSubscription,
) -> Result<SubscriptionPatch, ApiError> {
    refuse_rates(body.price_overrides.as_ref())?;
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
        quantities: quantities(body.charges)?,
        billing_period: body.billing_period.map(billing_period),
        ends: body.cancellation_date.into_change(),
        trial_ends: body.trial_end_date,
        schedule: schedule(body.schedule_strategy),
        new_anchor: new_anchor(body.billing_cycle_anchor),
        metadata: body.metadata.map(|map| map.0),
        extras: carried.0,
    })
}

pub(crate) fn cancel_from_wire(
    body: &wire::CancelSubscription,
) -> Result<SubscriptionCommand, ApiError> {
    let time = cancel_time(body)?;
    Ok(match body.cancellation_action {
        Some(CancellationAction::RevokeEntitlements) => SubscriptionCommand::Revoke(time),
        Some(CancellationAction::Default) | None => SubscriptionCommand::Cancel(time),
    })
}

fn cancel_time(body: &wire::CancelSubscription) -> Result<CancelTime, ApiError> {
    let missing = || {
        let message = "SPECIFIC_DATE needs endDate, and only it has one";
        ApiError::from(WireError::new(ErrorCode::InvalidSchedule, message).with_param("/endDate"))
    };
    match (body.cancellation_time, body.end_date) {
        (Some(CancellationTime::SpecificDate) | None, Some(at)) => Ok(CancelTime::At(at)),
        (Some(CancellationTime::SpecificDate), None) | (Some(_), Some(_)) => Err(missing()),
        (Some(CancellationTime::Immediate), None) => Ok(CancelTime::Now),
        (Some(CancellationTime::EndOfBillingPeriod), None) => Ok(CancelTime::PeriodEnd),
        (None, None) => Ok(CancelTime::AsPlanned),
    }
}

/// Subscriptions that were kept elsewhere: each is provisioned for its customer.
pub(crate) fn imports_from_wire(
    body: ImportSubscriptions,
) -> Result<Vec<(CustomerId, ProvisionRequest)>, ApiError> {
    let items = body.subscriptions.0.into_iter().map(|item| {
        let extras = Carried(ExtrasPatch::new())
            .text("billingId", item.billing_id.map(|line| line.0))
            .into_extras();
        let request = ProvisionRequest {
            id: item.id,
            plan: item.plan_id,
            addons: item.addons.map(addons),
            overrides: None,
            quantities: quantities(item.charges)?,
            resource: item.resource_id.into_option(),
            paying_customer: None,
            billing_period: item.billing_period.map(billing_period),
            start: item.start_date,
            ends: item.end_date.into_option(),
            trial: TrialRequest::Without,
            schedule: Schedule::Now,
            new_anchor: false,
            metadata: item.metadata.map(|map| map.0),
            extras,
        };
        Ok((item.customer_id, request))
    });
    items.collect()
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
        status: status(terms),
        addons: Some(addons.collect()),
        billing_cycle_anchor: Some(instant(terms.anchor.at)),
        budget: opaque("budget"),
        cancellation_date: terms.ended.or(terms.ends).map(|end| instant(end.at)),
        cancel_reason: terms.ended.map(|end| cancel_reason(end.reason)),
        contract_id: None,
        coupons: None,
        current_billing_period_end: Some(instant(period.end)),
        current_billing_period_start: Some(instant(period.start)),
        effective_end_date: terms.ended.or(terms.ends).map(|end| instant(end.at)),
        end_date: ended_at,
        future_updates: Some(future_updates(customer, terms)),
        latest_invoice: None,
        metadata: Some(terms.metadata.clone()),
        minimum_spend: opaque("minimumSpend"),
        paying_customer_id: terms.paying_customer.as_ref().map(ToString::to_string),
        payment_collection_method: string("paymentCollectionMethod")
            .and_then(|method| PaymentCollectionMethod::find(&method)),
        prices: None,
        resource_id: terms.resource.as_ref().map(ToString::to_string),
        subscription_entitlements: Some(overrides.collect()),
        trial: terms.running_trial().map(|trial| wire::SubscriptionTrial {
            trial_end_behavior: match trial.end {
                TrialEnd::ConvertToPaid => TrialEndBehavior::ConvertToPaid,
                TrialEnd::CancelSubscription => TrialEndBehavior::CancelSubscription,
            },
        }),
        trial_end_date: terms.trial.map(|trial| instant(trial.ends_at)),
    }
}

fn status(terms: &SubscriptionTerms) -> wire::SubscriptionStatus {
    let word = stipend_engine::status_word(terms);
    wire::SubscriptionStatus::find(word).expect("the engine speaks the contract's words")
}

fn cancel_reason(reason: SubscriptionEndReason) -> wire::CancelReason {
    match reason {
        SubscriptionEndReason::Immediate => wire::CancelReason::Immediate,
        SubscriptionEndReason::CustomerArchived => wire::CancelReason::CustomerArchived,
        SubscriptionEndReason::Scheduled | SubscriptionEndReason::Revoked => {
            wire::CancelReason::ScheduledCancellation
        }
        SubscriptionEndReason::PlanChanged => wire::CancelReason::UpgradeOrDowngrade,
        SubscriptionEndReason::TrialEnded => wire::CancelReason::TrialEnded,
        SubscriptionEndReason::TrialConverted => wire::CancelReason::TrialConverted,
    }
}

/// What is scheduled: changes of the subscription itself, then the plans that are to take its
/// place, in the order in which they are due.
fn future_updates(customer: &Customer, terms: &SubscriptionTerms) -> Vec<FutureUpdate> {
    let update = |at, kind, target: Option<&PackageId>, is_failed| FutureUpdate {
        scheduled_execution_time: instant(at),
        schedule_status: if is_failed { ScheduleStatus::Failed } else { ScheduleStatus::Scheduled },
        subscription_schedule_type: kind,
        target_package: target.map(|plan| TargetPackage { id: plan.to_string() }),
    };
    let mut updates = Vec::new();
    for noted in &terms.scheduled {
        for kind in kinds_of(&noted.change) {
            updates.push(update(noted.at, kind, None, noted.failed.is_some()));
        }
    }
    let successors = customer.subscriptions.iter().map(|other| &other.terms).filter(|other| {
        let same_place = other.product == terms.product && other.resource == terms.resource;
        terms.is_active() && other.is_pending() && same_place
    });
    for other in successors {
        let kind = SubscriptionScheduleType::Plan;
        updates.push(update(other.started_at, kind, Some(&other.plan.plan), false));
    }
    updates
}

fn kinds_of(change: &LaterChange) -> Vec<SubscriptionScheduleType> {
    let LaterChange::Update(patch) = change else {
        return vec![SubscriptionScheduleType::MigrateToLatest];
    };
    let kinds = [
        (patch.addons.is_some(), SubscriptionScheduleType::Addon),
        (patch.overrides.is_some(), SubscriptionScheduleType::RecurringCredits),
        (patch.quantities.is_some(), SubscriptionScheduleType::UnitAmount),
        (patch.billing_period.is_some(), SubscriptionScheduleType::BillingPeriod),
        (patch.metadata.is_some(), SubscriptionScheduleType::AdditionalMetaData),
    ];
    let mut kinds: Vec<_> = kinds.into_iter().filter_map(|(is, kind)| is.then_some(kind)).collect();
    if kinds.is_empty() {
        kinds.push(SubscriptionScheduleType::BillingInfoMetadata);
    }
    kinds
}
