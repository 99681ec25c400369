//! A decision in the words of the contract.

use super::grants::{Rule, Turn};
use super::{Facts, Inputs, Limit, Price, Subscribed};
use crate::mapping::access::reason;
use crate::mapping::instant;
use std::collections::BTreeMap;
use stipend_core::catalog::{Catalog, Enforcement as CoreEnforcement};
use stipend_core::customer::{DimensionValue, Grant};
use stipend_core::{Formula, GrantNo, PackageKind, Slot};
use stipend_engine::ledger::Cursor;
use stipend_engine::{Actor, Engine, IdCipher};
use stipend_wire::decision::{
    ActorType, Decision, DecisionActor, DecisionDraw, DecisionMapping, DecisionSubscription,
    LimitHit,
};
use stipend_wire::entitlement::Enforcement;
use stipend_wire::explain::PackageType;
use stipend_wire::{Decimal, Opaque};

/// The most characters of a name that is told as it was sent.
pub(super) const NAME_LENGTH_MAX: usize = 255;

/// What is looked up when a decision is told.
pub(crate) struct Lookups<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) cipher: &'a IdCipher,
    /// The grants that it names.
    pub(crate) grants: &'a BTreeMap<GrantNo, Grant>,
    pub(crate) by: Option<DecisionActor>,
}

pub(crate) fn to_wire(decision_id: String, facts: &Facts, lookups: Lookups<'_>) -> Decision {
    let Lookups { catalog, cipher, grants, by } = lookups;
    let asked = &facts.asked;
    let shown = |text: &String| text.chars().take(NAME_LENGTH_MAX).collect::<String>();
    Decision {
        decision_id,
        kind: facts.kind,
        outcome: facts.outcome,
        at: instant(facts.at),
        customer_id: shown(&asked.customer),
        resource_id: asked.resource.as_ref().map(shown),
        feature_id: asked.feature.as_ref().map(shown),
        currency_id: asked.currency.as_ref().map(shown),
        requested_usage: asked.requested.map(Decimal),
        cost: facts.cost.map(Decimal),
        access_denied_reason: facts.denial.map(reason),
        error_code: facts.error,
        subscription: facts.subscription.as_ref().map(subscription),
        mapping: facts.price.as_ref().map(|price| mapping(price, facts, catalog)),
        draws: facts.turns.iter().map(|turn| draw(turn, facts.slot, cipher, grants)).collect(),
        draws_left_out: facts.left_out,
        overdraft: Decimal(facts.overdraft),
        limit_hit: facts.limit.map(limit),
        reversed_by: facts.reversed_by.map(|seq| cipher.entry_id(Cursor { seq, index: 0 })),
        by,
    }
}

/// Who it was, by the names that keys have now.
pub(crate) fn actor(engine: &Engine, by: &Actor) -> DecisionActor {
    let plain = |r#type| DecisionActor { r#type, name: None, key_hint: None };
    match by {
        Actor::System => plain(ActorType::System),
        Actor::Host => plain(ActorType::Host),
        Actor::Operator(name) => {
            DecisionActor { name: Some(name.clone()), ..plain(ActorType::Operator) }
        }
        Actor::Key(number) => {
            let key = engine.find_key(*number);
            let name = key.as_ref().map(|key| key.name.clone()).filter(|name| !name.is_empty());
            DecisionActor { name, key_hint: key.map(|key| key.hint), ..plain(ActorType::ApiKey) }
        }
    }
}

fn subscription(subscribed: &Subscribed) -> DecisionSubscription {
    DecisionSubscription {
        id: subscribed.id.to_string(),
        plan_id: subscribed.plan.to_string(),
        version: subscribed.version,
    }
}

fn mapping(price: &Price, facts: &Facts, catalog: &Catalog) -> DecisionMapping {
    let formula = formula(price, facts, catalog);
    DecisionMapping {
        package_id: price.package.id.to_string(),
        package_type: match price.package.kind {
            PackageKind::Plan => PackageType::Plan,
            PackageKind::Addon => PackageType::Addon,
        },
        version: price.version,
        rate: Decimal(price.rate),
        inputs: inputs(&price.inputs, formula),
        cost_formula: formula.map(|formula| formula.source().to_owned()),
        is_estimate: price.is_estimate,
    }
}

/// The formula of the price, which is found for ever: published versions never change.
fn formula<'a>(price: &Price, facts: &Facts, catalog: &'a Catalog) -> Option<&'a Formula> {
    let version = catalog.version(&price.package, price.version).filter(|_| price.is_formula)?;
    let (feature, currency) = (facts.asked.feature.as_deref()?, facts.asked.currency.as_deref()?);
    let mut rates = version.charges.rates.iter();
    let rate = rates.find(|rate| {
        rate.feature.as_str() == feature
            && rate.currency.as_str() == currency
            && rate.formula.is_some()
    });
    rate?.formula.as_ref()
}

/// What the rate or the formula was applied to, as JSON.
fn inputs(inputs: &Inputs, formula: Option<&Formula>) -> Opaque {
    let mut fields: BTreeMap<&str, String> = BTreeMap::new();
    match inputs {
        Inputs::Nothing => {}
        Inputs::Usage(before, after) => {
            fields.insert("usageBefore", before.to_string());
            fields.insert("usageAfter", after.to_string());
        }
        Inputs::Dimensions(dimensions) => {
            for name in formula.iter().flat_map(|formula| formula.dimensions()) {
                let found = dimensions.iter().find(|(known, _)| known == name);
                let value = found.map_or_else(|| "null".to_owned(), |(_, value)| json(value));
                fields.insert(name, value);
            }
        }
    }
    let fields = fields.iter().map(|(name, value)| format!("{}:{value}", serde_json::json!(name)));
    Opaque::from_stored(format!("{{{}}}", fields.collect::<Vec<_>>().join(",")))
}

fn json(value: &DimensionValue) -> String {
    match value {
        DimensionValue::Text(text) => serde_json::json!(text).to_string(),
        DimensionValue::Number(number) => number.to_string(),
        DimensionValue::Flag(flag) => flag.to_string(),
    }
}

fn limit(limit: Limit) -> LimitHit {
    LimitHit {
        r#type: limit.what,
        limit: Decimal(limit.limit),
        current_usage: Decimal(limit.used),
        requested: Decimal(limit.requested),
        enforcement: match limit.enforcement {
            CoreEnforcement::Soft => Enforcement::Soft,
            CoreEnforcement::Hard => Enforcement::Hard,
            CoreEnforcement::Strict => Enforcement::Strict,
        },
    }
}

fn draw(
    turn: &Turn,
    slot: Slot,
    cipher: &IdCipher,
    grants: &BTreeMap<GrantNo, Grant>,
) -> DecisionDraw {
    DecisionDraw {
        grant_id: cipher.grant_id(slot, turn.grant),
        grant_name: grants.get(&turn.grant).map(|grant| grant.name.to_string()),
        amount: Decimal(turn.amount),
        rule: rule(turn.rule),
    }
}

fn rule(rule: Rule) -> String {
    let end = |at: Option<_>| at.map_or_else(|| "never".to_owned(), instant);
    let text = match rule {
        Rule::Priority(one, next) => return format!("priority {one} is drawn before {next}"),
        Rule::Expiry(one, next) => {
            return format!("it expires {}, the next one {}", end(one), end(next));
        }
        Rule::GivenBack => "what was drawn last is given back first",
        Rule::Covered => {
            "it was the first with credits left in the burn order, and covered the rest"
        }
        Rule::Last => "it was the last with credits left, and did not cover the rest",
        Rule::Forgotten => "it comes before the next one in the burn order",
        Rule::Promotional => {
            "promotional credits are drawn before others that expire at the same time"
        }
        Rule::Effective => "it came into force before the next one",
        Rule::Created => "it was made before the next one",
        Rule::Number => "it was made first of two that are alike",
    };
    text.to_owned()
}
