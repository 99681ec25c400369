//! Explanations.

use super::instant;
use crate::mapping::grant::{kind_to_wire, source_to_wire};
use stipend_core::catalog::Behavior;
use stipend_core::customer::{
    Explanation, Flow, Grant, LiveGrants, Origin, Pace, Pool, Share, Standing, SubscriptionPart,
    forecast,
};
use stipend_core::{Amount, Cadence, CurrencyId, Customer, PackageKind, ResourceId, Timestamp};
use stipend_engine::IdCipher;
use stipend_wire::Decimal;
use stipend_wire::credit_usage::{Forecast, ForecastWindow, WindowForecast};
use stipend_wire::entitlement as entitlement_wire;
use stipend_wire::explain as wire;

/// How many grants in force are told, those aside that have something left.
const GRANTS_MAX: usize = 1_000;

/// What is explained, of whom.
pub(crate) struct Shown<'a> {
    pub(crate) customer: &'a Customer,
    pub(crate) cipher: &'a IdCipher,
    pub(crate) currency: &'a CurrencyId,
    pub(crate) resource: Option<&'a ResourceId>,
    pub(crate) now: Timestamp,
}

pub(crate) fn to_wire(shown: &Shown<'_>, explanation: &Explanation) -> wire::CreditExplanation {
    let pool = explanation.pool.as_ref();
    let live = pool.map(|pool| told(&pool.live)).unwrap_or_default();
    let scheduled: Vec<&Grant> = pool.into_iter().flat_map(|pool| &pool.scheduled).collect();
    wire::CreditExplanation {
        customer_id: shown.customer.profile.id.to_string(),
        currency_id: shown.currency.to_string(),
        resource_id: shown.resource.map(ToString::to_string),
        as_of: instant(shown.now),
        subscriptions: explanation.subscriptions.iter().map(subscription).collect(),
        grants: numbered(shown, &live),
        scheduled_grants: numbered(shown, &scheduled),
        overdraft: Decimal(explanation.overdraft),
        reserved: Decimal(pool.map_or(Amount::ZERO, Pool::reserved)),
        total_granted: Decimal(explanation.granted),
        total_used: Decimal(explanation.used),
        balance: Decimal(explanation.balance),
        statement: statement(explanation),
        forecast: None,
    }
}

/// The windows that the pace of use is taken from, in seconds.
pub(crate) const PACE_SECONDS: [i64; 2] = [24 * 60 * 60, 7 * 24 * 60 * 60];

const DAY_SECONDS: i128 = 24 * 60 * 60;

pub(crate) fn forecast_to_wire(
    pool: &Pool,
    flows: &[Flow],
    paces: &[Pace],
    now: Timestamp,
) -> Forecast {
    let windows = [ForecastWindow::LastDay, ForecastWindow::LastWeek];
    let told: Vec<_> = paces.iter().map(|pace| forecast(pool, flows, *pace, now)).collect();
    let earliest = told.iter().filter_map(|told| told.runs_out_at).min();
    let windows = windows.into_iter().zip(paces).zip(&told).map(|((window, pace), told)| {
        let per_day = pace.used.nano() * DAY_SECONDS / i128::from(pace.seconds);
        WindowForecast {
            window,
            used: Decimal(pace.used),
            rate_per_day: Decimal(Amount::from_nano(per_day)),
            runs_out_at: told.runs_out_at.map(instant),
            is_grant_expiry_limited: told.is_expiry_limited,
        }
    });
    Forecast { runs_out_at: earliest.map(instant), windows: windows.collect() }
}

/// The sum in words: what was granted, what was used, what is left.
fn statement(explanation: &Explanation) -> String {
    let Explanation { granted, used, overdraft, balance, pool, .. } = explanation;
    let reserved = pool.as_ref().map_or(Amount::ZERO, Pool::reserved);
    let drawn = *used - *overdraft - reserved;
    let mut text = format!("{granted} granted − {drawn} used");
    for (amount, what) in [(reserved, "reserved"), (*overdraft, "overdraft")] {
        if !amount.is_zero() {
            text.push_str(&format!(" − {amount} {what}"));
        }
    }
    format!("{text} = {balance}")
}

fn subscription(part: &SubscriptionPart) -> wire::SubscriptionExplanation {
    wire::SubscriptionExplanation {
        subscription_id: part.id.to_string(),
        plan_id: part.plan.to_string(),
        total: Decimal(part.total),
        parts: part.shares.iter().map(share).collect(),
        carried_consumption: Decimal(part.carried),
    }
}

fn share(share: &Share) -> wire::PartExplanation {
    let (standing, reason, displaced_by) = match &share.standing {
        Standing::Grants => (wire::PartStanding::Grants, None, None),
        Standing::NotGranted => {
            let reason = "the entitlement is not granted, or its amount was not supplied";
            (wire::PartStanding::NotGranted, Some(reason.to_owned()), None)
        }
        Standing::Displaced { by, outdone } => {
            let reason = if *outdone {
                format!("the override of {by} is greater")
            } else {
                format!("{by} overrides the plan's limit, and with it every increment")
            };
            (wire::PartStanding::Displaced, Some(reason), Some(by.id.to_string()))
        }
    };
    wire::PartExplanation {
        package_id: share.package.id.to_string(),
        package_type: match share.package.kind {
            PackageKind::Plan => wire::PackageType::Plan,
            PackageKind::Addon => wire::PackageType::Addon,
        },
        version: share.version,
        origin: match share.origin {
            Origin::Plan => wire::PartOrigin::Plan,
            Origin::ParentPlan => wire::PartOrigin::ParentPlan,
            Origin::SubscriptionOverride => wire::PartOrigin::SubscriptionOverride,
            Origin::Addon => wire::PartOrigin::Addon,
        },
        behavior: match share.behavior {
            Behavior::Increment => entitlement_wire::Behavior::Increment,
            Behavior::Override => entitlement_wire::Behavior::Override,
        },
        cadence: match share.cadence {
            Cadence::Month => entitlement_wire::Cadence::Month,
            Cadence::Year => entitlement_wire::Cadence::Year,
        },
        unit_amount: Some(Decimal(share.unit_amount)),
        quantity: share.quantity,
        units: share.units,
        amount: Decimal(share.amount),
        standing,
        reason,
        displaced_by,
    }
}

/// Those in force: of thousands that are used up the latest, with what can be drawn whole.
fn told(live: &LiveGrants) -> Vec<&Grant> {
    let left_out = live.len().saturating_sub(GRANTS_MAX);
    let mut told: Vec<&Grant> = live.open().iter().chain(live.spent().skip(left_out)).collect();
    told.sort_by_key(|grant| grant.burn_key());
    told
}

fn numbered(shown: &Shown<'_>, grants: &[&Grant]) -> Vec<wire::GrantExplanation> {
    let numbered = grants.iter().zip(1..);
    numbered.map(|(grant, order)| explain_grant(shown, grant, order)).collect()
}

fn explain_grant(shown: &Shown<'_>, grant: &Grant, order: u32) -> wire::GrantExplanation {
    let source = grant.source.as_ref();
    let subscription = source.and_then(|source| shown.customer.subscription(source.subscription));
    wire::GrantExplanation {
        order,
        id: shown.cipher.grant_id(shown.customer.slot, grant.no),
        grant_type: kind_to_wire(grant.kind),
        display_name: grant.name.to_string(),
        amount: Decimal(grant.amount),
        original_amount: Decimal(grant.original),
        consumed_amount: Decimal(grant.consumed),
        reserved: Decimal(grant.held),
        remaining: Decimal(grant.remaining()),
        priority: grant.priority,
        effective_at: instant(grant.effective_at),
        expire_at: grant.expires_at.map(instant),
        source_type: source_to_wire(grant),
        subscription_id: subscription.map(|subscription| subscription.terms.id.to_string()),
        package_id: source.map(|source| source.package.id.to_string()),
    }
}
