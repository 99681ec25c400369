//! Decisions.

use super::instant;
use crate::mapping::access::reason;
use std::collections::BTreeMap;
use stipend_core::catalog::Catalog;
use stipend_core::customer::{
    BurnRule, Cause, CreditCheck, CustomerRejection, Denial, DimensionValue, Effect, FeatureCheck,
    Grant, Pool, PoolEntry, Priced, UsageEntry,
};
use stipend_core::{Amount, Customer, GrantNo, PackageKind, SubscriptionNo, Timestamp};
use stipend_engine::IdCipher;
use stipend_engine::decision::{Decided, drawn};
use stipend_wire::decision::{
    Decision, DecisionDraw, DecisionKind, DecisionMapping, DecisionOutcome, DecisionSubscription,
    LimitHit, LimitType,
};
use stipend_wire::entitlement::Enforcement;
use stipend_wire::explain::PackageType;
use stipend_wire::{Decimal, ErrorCode, Opaque};

/// What was asked, of whom.
pub(crate) struct Asked<'a> {
    pub(crate) customer: &'a str,
    pub(crate) resource: Option<&'a str>,
    pub(crate) currency: Option<&'a str>,
    pub(crate) requested: Option<Amount>,
}

/// A decision about which nothing else is known.
pub(crate) fn blank(asked: &Asked<'_>, at: Timestamp) -> Decision {
    let currency_id = asked.currency.map(ToOwned::to_owned);
    Decision {
        decision_id: String::new(),
        kind: DecisionKind::Check,
        outcome: DecisionOutcome::Denied,
        at: instant(at),
        customer_id: asked.customer.chars().take(255).collect(),
        resource_id: asked.resource.map(ToOwned::to_owned),
        feature_id: None,
        requested_usage: asked.requested.map(Decimal),
        cost: asked.requested.filter(|_| currency_id.is_some()).map(Decimal),
        currency_id,
        access_denied_reason: None,
        error_code: None,
        subscription: None,
        mapping: None,
        draws: Vec::new(),
        overdraft: Decimal(Amount::ZERO),
        limit_hit: None,
    }
}

/// The decision of a check of credits: what it would draw.
pub(crate) fn of_check(
    asked: &Asked<'_>,
    check: &CreditCheck,
    found: Option<(&Customer, Option<&Pool>)>,
    enforcement: Enforcement,
    (cipher, now): (&IdCipher, Timestamp),
) -> Decision {
    let mut decision = blank(asked, now);
    decision.access_denied_reason = check.denial.map(reason);
    if check.denial.is_none() {
        decision.outcome = DecisionOutcome::Granted;
    }
    let requested = asked.requested.unwrap_or(Amount::ZERO);
    if let Some((customer, Some(pool))) = found {
        note_spread(&mut decision, customer, pool, requested, cipher);
    }
    if check.denial == Some(Denial::InsufficientCredits) {
        decision.limit_hit = Some(LimitHit {
            r#type: LimitType::Balance,
            limit: Decimal(check.usage_limit),
            current_usage: Decimal(check.current_usage),
            requested: Decimal(requested),
            enforcement,
        });
    }
    decision
}

/// The decision of a check of a feature.
pub(crate) fn of_feature_check(
    asked: &Asked<'_>,
    feature: &str,
    check: &FeatureCheck,
    now: Timestamp,
) -> Decision {
    let mut decision = blank(asked, now);
    decision.feature_id = Some(feature.chars().take(255).collect());
    decision.access_denied_reason = check.denial.map(reason);
    if check.denial.is_none() {
        decision.outcome = DecisionOutcome::Granted;
    }
    let limited = check.access.as_ref().and_then(|access| Some((access, access.limit?)));
    let is_exceeded = check.denial == Some(Denial::RequestedUsageExceedingLimit);
    if let Some((access, limit)) = limited.filter(|_| is_exceeded) {
        decision.limit_hit = Some(LimitHit {
            r#type: LimitType::UsageLimit,
            limit: Decimal(limit),
            current_usage: Decimal(check.current_usage),
            requested: Decimal(asked.requested.unwrap_or(Amount::ZERO)),
            enforcement: enforcement_to_wire(access.enforcement),
        });
    }
    decision
}

fn enforcement_to_wire(enforcement: stipend_core::catalog::Enforcement) -> Enforcement {
    match enforcement {
        stipend_core::catalog::Enforcement::Soft => Enforcement::Soft,
        stipend_core::catalog::Enforcement::Hard => Enforcement::Hard,
        stipend_core::catalog::Enforcement::Strict => Enforcement::Strict,
    }
}

/// The decision to refuse a consumption.
pub(crate) fn of_refusal(
    asked: &Asked<'_>,
    rejection: &CustomerRejection,
    code: ErrorCode,
    found: Option<(&Customer, Option<&Pool>)>,
    cipher: &IdCipher,
    now: Timestamp,
) -> Decision {
    let mut decision = blank(asked, now);
    decision.kind = DecisionKind::Refusal;
    decision.outcome = DecisionOutcome::Refused;
    decision.error_code = Some(code);
    let pool = found.and_then(|(_, pool)| pool);
    if let (Some((customer, _)), Some(pool), Some(requested)) = (found, pool, asked.requested) {
        note_spread(&mut decision, customer, pool, requested, cipher);
    }
    if let CustomerRejection::InsufficientCredits { requested, .. } = rejection {
        decision.limit_hit = Some(LimitHit {
            r#type: LimitType::Balance,
            limit: Decimal(pool.map_or(Amount::ZERO, |pool| pool.granted)),
            current_usage: Decimal(pool.map_or(Amount::ZERO, |pool| pool.used)),
            requested: Decimal(*requested),
            enforcement: Enforcement::Strict,
        });
    }
    decision
}

fn note_spread(
    decision: &mut Decision,
    customer: &Customer,
    pool: &Pool,
    requested: Amount,
    cipher: &IdCipher,
) {
    let spread = pool.spread(requested);
    let live = pool.live.iter().map(|grant| (grant.no, grant.clone())).collect();
    let draws: Vec<(GrantNo, Amount)> =
        spread.draws.iter().map(|draw| (draw.grant, draw.amount)).collect();
    decision.draws = draws_to_wire(customer, &draws, &live, cipher);
    decision.subscription = subscription_of_grants(customer, &draws, &live);
    decision.overdraft = Decimal(spread.shortfall);
}

/// The decision that a row of the journal tells.
pub(crate) fn of_row(decided: &Decided, catalog: &Catalog, cipher: &IdCipher) -> Decision {
    let customer = &decided.account.customer;
    let usage = decided.usage.as_ref();
    let entry = decided.paid.first();
    let pool = entry.and_then(|entry| customer.pool(entry.pool));
    let at = entry.map(|entry| entry.at).or(usage.map(|usage| usage.at)).unwrap_or_default();
    let meter = usage.and_then(|usage| customer.usage(usage.meter));
    let of_meter = meter.and_then(|meter| meter.resource.as_ref());
    let resource = pool.map_or(of_meter, |pool| pool.resource.as_ref());
    let asked = Asked {
        customer: customer.profile.id.as_str(),
        resource: resource.map(stipend_core::ResourceId::as_str),
        currency: pool.map(|pool| pool.currency.as_str()),
        requested: None,
    };
    let mut decision = blank(&asked, at);
    decision.kind = DecisionKind::Consumption;
    decision.outcome = DecisionOutcome::Consumed;
    decision.feature_id = meter.map(|meter| meter.feature.to_string());
    decision.requested_usage = usage.map(|usage| Decimal(usage.reported));
    let draws: Vec<(GrantNo, Amount)> = decided.paid.iter().flat_map(drawn).collect();
    decision.draws = draws_to_wire(customer, &draws, &decided.grants, cipher);
    decision.subscription = subscription_of_grants(customer, &draws, &decided.grants);
    decision.overdraft = Decimal(decided.paid.iter().map(overdrawn).sum());
    let consumptions = decided.paid.iter().filter_map(|entry| match &entry.cause {
        Cause::Consumption(consumption) => Some(consumption),
        _ => None,
    });
    let cost = consumptions.clone().map(|consumption| consumption.amount).sum();
    decision.cost = entry.map(|_| Decimal(cost));
    if usage.is_none() {
        decision.requested_usage = decision.cost;
    }
    let priced = consumptions.filter_map(|consumption| consumption.priced.as_ref()).next();
    if let Some(priced) = priced {
        decision.feature_id = Some(priced.feature.to_string());
        decision.subscription = subscription(customer, priced.subscription, Some(priced));
        let currency = pool.map(|pool| pool.currency.clone());
        let version = catalog
            .packages
            .get(&priced.package)
            .and_then(|package| package.published.iter().find(|one| one.version == priced.version));
        let formula = version.and_then(|version| {
            let mut rates = version.charges.rates.iter();
            let rate = rates.find(|rate| {
                rate.feature == priced.feature && Some(&rate.currency) == currency.as_ref()
            });
            rate.and_then(|rate| rate.formula.as_ref()).map(|formula| formula.source().to_owned())
        });
        let formula = formula.filter(|_| priced.units.is_none());
        decision.mapping = Some(DecisionMapping {
            package_id: priced.package.id.to_string(),
            package_type: match priced.package.kind {
                PackageKind::Plan => PackageType::Plan,
                PackageKind::Addon => PackageType::Addon,
            },
            version: priced.version,
            rate: Decimal(priced.rate),
            inputs: inputs(usage, formula.as_deref()),
            cost_formula: formula,
        });
    }
    decision
}

fn overdrawn(entry: &PoolEntry) -> Amount {
    let amounts = entry.effects.iter().map(|effect| match effect {
        Effect::Overdrawn(draw) => draw.amount,
        Effect::OverdraftRefunded(draw) => -draw.amount,
        _ => Amount::ZERO,
    });
    amounts.sum()
}

/// What the rate or the formula was applied to.
fn inputs(usage: Option<&UsageEntry>, formula: Option<&str>) -> Opaque {
    let mut fields: BTreeMap<&str, String> = BTreeMap::new();
    if let Some(usage) = usage {
        if let Some(formula) = formula.and_then(|text| stipend_core::Formula::parse(text).ok()) {
            for (name, value) in &usage.dimensions {
                if formula.dimensions().any(|named| named == name) {
                    let value = match value {
                        DimensionValue::Text(text) => serde_json::json!(text).to_string(),
                        DimensionValue::Number(number) => number.to_string(),
                        DimensionValue::Flag(flag) => flag.to_string(),
                    };
                    fields.insert(name, value);
                }
            }
        } else {
            fields.insert("usageBefore", usage.before.to_string());
            fields.insert("usageAfter", usage.value.to_string());
        }
    }
    let fields = fields.iter().map(|(name, value)| format!("{}:{value}", serde_json::json!(name)));
    Opaque::from_stored(format!("{{{}}}", fields.collect::<Vec<_>>().join(",")))
}

fn subscription(
    customer: &Customer,
    number: SubscriptionNo,
    priced: Option<&Priced>,
) -> Option<DecisionSubscription> {
    let terms = &customer.subscription(number)?.terms;
    // The plan may have moved to another version since; the price tells which it was.
    let told = priced.filter(|priced| {
        priced.package.kind == PackageKind::Plan && priced.package.id == terms.plan.plan
    });
    Some(DecisionSubscription {
        id: terms.id.to_string(),
        plan_id: terms.plan.plan.to_string(),
        version: told.map_or(terms.plan.version, |priced| priced.version),
    })
}

/// The subscription whose recurring credits are drawn first.
fn subscription_of_grants(
    customer: &Customer,
    draws: &[(GrantNo, Amount)],
    grants: &BTreeMap<GrantNo, Grant>,
) -> Option<DecisionSubscription> {
    let sources = draws.iter().filter_map(|(no, _)| grants.get(no)?.source.as_ref());
    let number = sources.map(|source| source.subscription).next()?;
    subscription(customer, number, None)
}

fn draws_to_wire(
    customer: &Customer,
    draws: &[(GrantNo, Amount)],
    grants: &BTreeMap<GrantNo, Grant>,
    cipher: &IdCipher,
) -> Vec<DecisionDraw> {
    let draw = |(place, (no, amount)): (usize, &(GrantNo, Amount))| {
        let next = draws.get(place + 1).and_then(|(next, _)| grants.get(next));
        DecisionDraw {
            grant_id: cipher.grant_id(customer.slot, *no),
            amount: Decimal(*amount),
            rule: rule(grants.get(no), next, *amount),
        }
    };
    draws.iter().enumerate().map(draw).collect()
}

/// Why it was a grant's turn.
fn rule(grant: Option<&Grant>, next: Option<&Grant>, amount: Amount) -> String {
    if amount.is_negative() {
        return "what was drawn last is given back first".to_owned();
    }
    let (Some(grant), Some(next)) = (grant, next) else {
        return "it was the first with credits left in the burn order, and covered the rest"
            .to_owned();
    };
    let end = |grant: &Grant| grant.expires_at.map_or_else(|| "never".to_owned(), instant);
    match grant.burn_rule(next) {
        BurnRule::Priority => {
            format!("priority {} is drawn before {}", grant.priority, next.priority)
        }
        BurnRule::Expiry => {
            format!("it expires {}, the next one {}", end(grant), end(next))
        }
        BurnRule::Promotional => {
            "promotional credits are drawn before others that expire at the same time".to_owned()
        }
        BurnRule::Effective => "it came into force before the next one".to_owned(),
        BurnRule::Created => "it was made before the next one".to_owned(),
        BurnRule::Number => "it was made first of two that are alike".to_owned(),
    }
}
