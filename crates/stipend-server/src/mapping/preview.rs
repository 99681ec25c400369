//! Previews: what provisioning would make of a customer's credits.

use super::entitlement::cadence_to_wire;
use super::instant;
use super::subscription::{
    addons, billing_period, new_anchor, quantities, refuse_several, schedule, trial,
};
use crate::error::ApiError;
use stipend_core::catalog::{Catalog, PackageKind, Pricing};
use stipend_core::customer::{
    Decision, Effect, Entry, Grant, Pool, ProvisionRequest, SubscriptionTerms, roll_forward_within,
};
use stipend_core::limits::PREVIEW_INSTANTS_MAX;
use stipend_core::{Amount, Customer, SubscriptionId, SubscriptionNo, Timestamp};
use stipend_wire::explain::PackageType;
use stipend_wire::number::Decimal;
use stipend_wire::preview as wire;
use stipend_wire::{ErrorCode, WireError};

/// An id that no subscription gets: nothing is made by a preview.
const NO_ID: &str = "preview";

pub(crate) fn from_wire(body: wire::PreviewSubscription) -> Result<ProvisionRequest, ApiError> {
    refuse_several(body.unit_quantity)?;
    let bought = body.billable_features.unwrap_or_default().into_iter();
    let bought = bought.map(|one| stipend_wire::subscription::ChargeQuantityInput {
        id: stipend_wire::text::Key(one.feature_id.to_string()),
        quantity: one.quantity,
        r#type: stipend_wire::entitlement::EntitlementType::Feature,
    });
    let charges: Vec<_> = body.charges.unwrap_or_default().into_iter().chain(bought).collect();
    Ok(ProvisionRequest {
        id: SubscriptionId::parse(NO_ID).expect("it is an id"),
        plan: body.plan_id,
        addons: body.addons.map(addons),
        overrides: None,
        quantities: quantities((!charges.is_empty()).then_some(charges))?,
        resource: body.resource_id,
        paying_customer: body.paying_customer_id,
        billing_period: body.billing_period.map(billing_period),
        start: body.start_date,
        ends: None,
        trial: trial(body.trial_override_configuration.as_ref()),
        schedule: schedule(body.schedule_strategy),
        new_anchor: new_anchor(body.billing_cycle_anchor),
        metadata: None,
        extras: stipend_core::catalog::Extras::new(),
    })
}

/// What is to come of a customer until an instant that a caller has chosen.
///
/// # Errors
/// `invalid_period` where that is more than is looked at for a preview.
pub(crate) fn ahead(
    customer: &Customer,
    catalog: &Catalog,
    until: Timestamp,
    param: &str,
) -> Result<Vec<Entry>, ApiError> {
    let coming = roll_forward_within(customer, catalog, until, PREVIEW_INSTANTS_MAX);
    coming.ok_or_else(|| {
        let message = format!(
            "until {until} more happens to the credits of the customer than a preview looks at, \
             which is {PREVIEW_INSTANTS_MAX} instants; choose an earlier one"
        );
        WireError::new(ErrorCode::InvalidPeriod, message).with_param(param).into()
    })
}

/// The customer as it would be when the subscription has begun.
fn carried_out(
    customer: &Customer,
    catalog: &Catalog,
    decision: &Decision,
    number: SubscriptionNo,
) -> Result<(Customer, Vec<Entry>), ApiError> {
    let mut after = customer.clone();
    let mut entries = decision.entries.clone();
    decision.entries.iter().for_each(|entry| after.apply(entry));
    let terms = &after.subscriptions[number.0 as usize].terms;
    if terms.is_pending() {
        let begun = ahead(&after, catalog, terms.started_at, "/startDate")?;
        begun.iter().for_each(|entry| after.apply(entry));
        entries.extend(begun);
    }
    Ok((after, entries))
}

/// # Errors
/// Where the subscription begins too far ahead.
pub(crate) fn to_wire(
    customer: &Customer,
    catalog: &Catalog,
    decision: &Decision,
    now: Timestamp,
) -> Result<wire::SubscriptionPreview, ApiError> {
    let number = decision.subscription.expect("provisioning is about a subscription");
    let (after, entries) = carried_out(customer, catalog, decision, number)?;
    let terms = &after.subscriptions[number.0 as usize].terms;
    let starts_at = terms.started_at.max(now);
    let period = terms.billing_period_at(starts_at);
    let before = standing(customer, terms);
    let free = || wire::PreviewInvoice {
        sub_total: Decimal(Amount::ZERO),
        total: Decimal(Amount::ZERO),
        billing_period_range: None,
        currency: None,
        discount: None,
        discount_details: None,
        discounts: None,
        lines: Some(Vec::new()),
        tax: None,
    };
    Ok(wire::SubscriptionPreview {
        immediate_invoice: free(),
        credits: credits(customer, &after, &entries, terms),
        is_scheduled: starts_at > now,
        starts_at: instant(starts_at),
        billing_period_range: Some(wire::PreviewPeriod {
            start: instant(period.start),
            end: instant(period.end),
        }),
        free_items: Some(Vec::new()),
        has_scheduled_updates: Some(before.is_some_and(|before| !before.scheduled.is_empty())),
        is_plan_downgrade: Some(before.is_some_and(|before| is_downgrade(before, terms))),
        recurring_invoice: Some(free()),
    })
}

/// What stands in the place of the subscription now.
fn standing<'c>(
    customer: &'c Customer,
    terms: &SubscriptionTerms,
) -> Option<&'c SubscriptionTerms> {
    let mut others = customer.subscriptions.iter().map(|other| &other.terms);
    others.find(|other| {
        let place = (&other.product, &other.resource) == (&terms.product, &terms.resource);
        other.is_active() && place
    })
}

/// A plan that another inherits from is the lesser one, and so is a free one beside a paid one
/// (`behaviour.md` §7.5); without prices no more can be said.
fn is_downgrade(before: &SubscriptionTerms, after: &SubscriptionTerms) -> bool {
    let is_ancestor = before.plan.ancestors.iter().any(|(plan, _)| *plan == after.plan.plan);
    let becomes_free = before.pricing == Pricing::Paid && after.pricing == Pricing::Free;
    is_ancestor || becomes_free
}

/// The pools of the subscription's place that its provisioning changes or fills.
fn credits(
    before: &Customer,
    after: &Customer,
    entries: &[Entry],
    terms: &SubscriptionTerms,
) -> Vec<wire::CreditPreview> {
    let pools = after.pools.iter().filter(|pool| pool.resource == terms.resource);
    let changed = pools.filter(|pool| {
        let has_entry =
            |entry: &Entry| matches!(entry, Entry::Pool(entry) if entry.pool == pool.id);
        entries.iter().any(has_entry) || own(pool, terms.number).next().is_some()
    });
    changed
        .map(|pool| {
            let balance = before.pool(pool.id).map_or(Amount::ZERO, Pool::balance);
            wire::CreditPreview {
                currency_id: pool.currency.to_string(),
                resource_id: pool.resource.as_ref().map(ToString::to_string),
                current_balance: Decimal(balance),
                balance_after: Decimal(pool.balance()),
                recurring: recurring(entries, pool, terms.number),
            }
        })
        .collect()
}

fn own(pool: &Pool, number: SubscriptionNo) -> impl Iterator<Item = &Grant> {
    pool.live.open().iter().filter(move |grant| is_own(grant, number))
}

fn is_own(grant: &Grant, number: SubscriptionNo) -> bool {
    grant.source.as_ref().is_some_and(|source| source.subscription == number)
}

/// What would be granted; where nothing new is, what the subscription has.
fn recurring(
    entries: &[Entry],
    pool: &Pool,
    number: SubscriptionNo,
) -> Vec<wire::RecurringCreditPreview> {
    let granted = entries.iter().flat_map(|entry| match entry {
        Entry::Pool(entry) if entry.pool == pool.id => &entry.effects[..],
        _ => &[],
    });
    let granted: Vec<&Grant> = granted
        .filter_map(|effect| match effect {
            Effect::Granted(grant) if is_own(grant, number) => Some(grant),
            _ => None,
        })
        .collect();
    let shown = if granted.is_empty() { own(pool, number).collect() } else { granted };
    shown.into_iter().filter_map(grant_to_wire).collect()
}

fn grant_to_wire(grant: &Grant) -> Option<wire::RecurringCreditPreview> {
    let source = grant.source.as_ref()?;
    Some(wire::RecurringCreditPreview {
        package_id: source.package.id.to_string(),
        package_type: match source.package.kind {
            PackageKind::Plan => PackageType::Plan,
            PackageKind::Addon => PackageType::Addon,
        },
        amount: Decimal(grant.amount),
        cadence: cadence_to_wire(source.cadence),
        effective_at: instant(grant.effective_at),
        expire_at: grant.expires_at.map(instant)?,
    })
}
