//! Decisions: what is known of one when it is made, in the domain's words. It is small, and making
//! it makes no texts, so that every check can keep one; the texts are made when somebody asks.

mod grants;
mod reported;
mod told;

pub(crate) use reported::{Refused, of_refusal, of_row};
use told::NAME_LENGTH_MAX;
pub(crate) use told::{Lookups, actor, to_wire};

use grants::{Turn, spread, subscription, subscription_of_feature, subscription_of_turns};
use std::collections::BTreeMap;
use stipend_core::catalog::Enforcement;
use stipend_core::customer::{
    CreditCheck, Denial, DimensionValue, FeatureCheck, FeatureCredits, Grant, Pool,
};
use stipend_core::{
    Amount, Customer, GrantNo, PackageId, PackageKey, Slot, SubscriptionId, Timestamp,
};
use stipend_store::Seq;
use stipend_wire::ErrorCode;
use stipend_wire::decision::{DecisionKind, DecisionOutcome, LimitType};

/// What was asked, of whom.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) customer: String,
    pub(crate) resource: Option<String>,
    pub(crate) feature: Option<String>,
    pub(crate) currency: Option<String>,
    pub(crate) requested: Option<Amount>,
}

impl Asked {
    /// Keeps as much of each text as is told: a caller may send a whole address of them.
    fn shorten(&mut self) {
        let others = [&mut self.resource, &mut self.feature, &mut self.currency];
        for text in others.into_iter().flatten().chain([&mut self.customer]) {
            if let Some((end, _)) = text.char_indices().nth(NAME_LENGTH_MAX) {
                text.truncate(end);
                text.shrink_to_fit();
            }
        }
    }
}

/// What is known of a decision.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    kind: DecisionKind,
    outcome: DecisionOutcome,
    at: Timestamp,
    asked: Asked,
    cost: Option<Amount>,
    denial: Option<Denial>,
    error: Option<ErrorCode>,
    subscription: Option<Subscribed>,
    price: Option<Price>,
    slot: Slot,
    turns: Vec<Turn>,
    /// How many turns are not kept.
    left_out: usize,
    overdraft: Amount,
    limit: Option<Limit>,
    reversed_by: Option<Seq>,
}

/// The subscription whose terms counted.
#[derive(Clone, Debug)]
struct Subscribed {
    id: SubscriptionId,
    plan: PackageId,
    version: u32,
}

/// What usage of a feature costs, and what that was applied to.
#[derive(Clone, Debug)]
struct Price {
    package: PackageKey,
    version: u32,
    rate: Amount,
    is_formula: bool,
    is_estimate: bool,
    inputs: Inputs,
}

#[derive(Clone, Debug)]
enum Inputs {
    /// Nothing was asked for.
    Nothing,
    /// The usage before and after.
    Usage(Amount, Amount),
    /// What an event or a report says about itself.
    Dimensions(Vec<(String, DimensionValue)>),
}

/// The limit that was reached.
#[derive(Clone, Copy, Debug)]
struct Limit {
    what: LimitType,
    limit: Amount,
    used: Amount,
    requested: Amount,
    enforcement: Enforcement,
}

impl Facts {
    /// A decision about which nothing else is known.
    pub(crate) fn new(kind: DecisionKind, asked: Asked, at: Timestamp) -> Self {
        Self {
            kind,
            outcome: DecisionOutcome::Denied,
            at,
            cost: asked.requested.filter(|_| asked.currency.is_some()),
            asked,
            denial: None,
            error: None,
            subscription: None,
            price: None,
            slot: Slot(0),
            turns: Vec::new(),
            left_out: 0,
            overdraft: Amount::ZERO,
            limit: None,
            reversed_by: None,
        }
    }

    fn of_denial(asked: Asked, denial: Option<Denial>, at: Timestamp) -> Self {
        let outcome = match denial {
            None => DecisionOutcome::Granted,
            Some(_) => DecisionOutcome::Denied,
        };
        Self { outcome, denial, ..Self::new(DecisionKind::Check, asked, at) }
    }

    /// Whether something was let through.
    pub(crate) fn is_granted(&self) -> bool {
        self.outcome == DecisionOutcome::Granted
    }

    /// The grants that it names and that the customer still has, as they are now.
    pub(crate) fn grants_of(&self, customer: &Customer) -> BTreeMap<GrantNo, Grant> {
        let named = self.turns.iter().map(|turn| turn.grant);
        let there =
            named.filter_map(|no| customer.pools.iter().find_map(|pool| pool.find_present(no)));
        there.map(|grant| (grant.no, grant.clone())).collect()
    }

    /// The customer, where grants are named.
    pub(crate) fn slot(&self) -> Slot {
        self.slot
    }

    /// Keeps so many of its draws, and of what was asked as much as is told.
    pub(crate) fn shorten(&mut self, draws: usize) {
        self.asked.shorten();
        self.left_out += self.turns.len().saturating_sub(draws);
        if self.turns.len() > draws {
            self.turns.truncate(draws);
            self.turns.shrink_to_fit();
        }
    }

    /// The same decision of something that is strict, whatever the entitlement says.
    pub(crate) fn strictly(mut self) -> Self {
        if let Some(limit) = &mut self.limit {
            limit.enforcement = Enforcement::Strict;
        }
        self
    }

    /// What the pool would give, behind what others are about to take of it.
    fn note_spread(&mut self, customer: &Customer, pool: &Pool, amount: Amount, taken: Amount) {
        self.slot = customer.slot;
        (self.turns, self.overdraft) = spread(pool, amount, taken);
        if self.subscription.is_none() {
            let drawn = self.turns.iter().map(|turn| turn.grant);
            self.subscription = subscription_of_turns(customer, drawn, |no| pool.find_grant(no));
        }
    }

    fn note_credits(
        &mut self,
        customer: &Customer,
        credits: &FeatureCredits,
        (used, requested): (Amount, Option<Amount>),
    ) {
        self.subscription = subscription(customer, credits.subscription, None);
        self.cost = credits.cost;
        self.asked.currency = Some(credits.currency.to_string());
        self.price = Some(Price {
            package: credits.package.clone(),
            version: credits.version,
            rate: credits.rate,
            is_formula: credits.is_formula,
            is_estimate: credits.is_estimate,
            inputs: requested.map_or(Inputs::Nothing, |more| Inputs::Usage(used, used + more)),
        });
        let cost = credits.cost.unwrap_or(Amount::ZERO);
        if let Some(pool) = credits.check.pool.and_then(|pool| customer.pool(pool)) {
            self.note_spread(customer, pool, cost, Amount::ZERO);
        }
    }
}

/// The decision of a check of credits, with what it would draw.
pub(crate) fn of_check(
    asked: Asked,
    check: &CreditCheck,
    customer: Option<&Customer>,
    now: Timestamp,
) -> Facts {
    let requested = asked.requested.unwrap_or(Amount::ZERO);
    let mut facts = Facts::of_denial(asked, check.denial, now);
    if let Some(customer) = customer
        && let Some(pool) = check.pool.and_then(|pool| customer.pool(pool))
    {
        facts.note_spread(customer, pool, requested, Amount::ZERO);
        facts.limit = balance_reached(check, requested);
    }
    facts
}

/// The balance, where what is left of it does not suffice: it denies, unless it is soft.
fn balance_reached(check: &CreditCheck, requested: Amount) -> Option<Limit> {
    let is_nearest = check.denial.is_none_or(|denial| denial == Denial::InsufficientCredits);
    (is_nearest && !check.is_covered).then_some(Limit {
        what: LimitType::Balance,
        limit: check.usage_limit,
        used: check.current_usage,
        requested,
        enforcement: check.enforcement,
    })
}

/// The decision of a check of a feature, with what it would draw of the pool that pays for it.
pub(crate) fn of_feature_check(
    asked: Asked,
    check: &FeatureCheck,
    customer: Option<&Customer>,
    now: Timestamp,
) -> Facts {
    let requested = asked.requested;
    let mut facts = Facts::of_denial(asked, check.denial, now);
    if let (Some(customer), Some(credits)) = (customer, &check.credits) {
        facts.note_credits(customer, credits, (check.current_usage, requested));
    } else if let (Some(customer), Some(access)) = (customer, &check.access) {
        facts.subscription = subscription_of_feature(customer, access);
    }
    facts.limit = limit_of_feature(check, requested.unwrap_or(Amount::ZERO));
    facts
}

/// The limit that was reached: the one that denied, else the first that is soft.
fn limit_of_feature(check: &FeatureCheck, requested: Amount) -> Option<Limit> {
    let of_usage = || {
        let access = check.access.as_ref().filter(|_| !check.is_within_limit)?;
        Some(Limit {
            what: LimitType::UsageLimit,
            limit: access.limit?,
            used: check.current_usage,
            requested,
            enforcement: access.enforcement,
        })
    };
    let of_balance = || {
        let credits = check.credits.as_ref()?;
        balance_reached(&credits.check, credits.cost.unwrap_or(Amount::ZERO))
    };
    match check.denial {
        // Nothing can be charged, so only a budget of nothing is ever spent.
        Some(Denial::BudgetExceeded) => Some(Limit {
            what: LimitType::Budget,
            limit: Amount::ZERO,
            used: Amount::ZERO,
            requested,
            enforcement: Enforcement::Hard,
        }),
        Some(Denial::InsufficientCredits) => of_balance(),
        Some(Denial::RequestedUsageExceedingLimit) => of_usage(),
        Some(_) => None,
        None => of_balance().or_else(of_usage),
    }
}
