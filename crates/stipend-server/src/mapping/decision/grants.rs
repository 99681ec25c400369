//! Which grants gave, why each before the next, and whose they are.

use super::Subscribed;
use stipend_core::customer::{BurnRule, FeatureAccess, FeatureOrigin, Grant, Pool, Priced};
use stipend_core::{Amount, Customer, GrantNo, PackageKind, SubscriptionNo, Timestamp};

/// What one grant gave, and why it was its turn.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    pub(super) grant: GrantNo,
    pub(super) amount: Amount,
    pub(super) rule: Rule,
}

/// Why it was a grant's turn.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    /// What was drawn last is given back first.
    GivenBack,
    /// It covered the rest.
    Covered,
    /// It was the last one with credits, and did not cover the rest.
    Last,
    /// It or the next one came to be too long ago to be looked for.
    Forgotten,
    /// Its priority, before that of the next one.
    Priority(u8, u8),
    /// Its expiry, before that of the next one.
    Expiry(Option<Timestamp>, Option<Timestamp>),
    /// It is promotional.
    Promotional,
    /// It came into force first.
    Effective,
    /// It was made first.
    Created,
    /// It has the lower number.
    Number,
}

fn between(grant: &Grant, next: &Grant) -> Rule {
    match grant.burn_rule(next) {
        BurnRule::Priority => Rule::Priority(grant.priority, next.priority),
        BurnRule::Expiry => Rule::Expiry(grant.expires_at, next.expires_at),
        BurnRule::Promotional => Rule::Promotional,
        BurnRule::Effective => Rule::Effective,
        BurnRule::Created => Rule::Created,
        BurnRule::Number => Rule::Number,
    }
}

/// What a pool would give, and what it could not, behind what others are about to take of it.
pub(super) fn spread(pool: &Pool, amount: Amount, taken: Amount) -> (Vec<Turn>, Amount) {
    let spread = pool.spread(taken + amount);
    let mut others = taken;
    // Draws and live grants both stand in burn order.
    let mut live = pool.live.open().iter();
    let mut turns: Vec<Turn> = Vec::with_capacity(spread.draws.len());
    let mut before: Option<&Grant> = None;
    for draw in &spread.draws {
        let grant = live.find(|grant| grant.no == draw.grant);
        let theirs = draw.amount.min(others);
        others -= theirs;
        if draw.amount == theirs {
            continue;
        }
        if let (Some(turn), Some(before), Some(grant)) = (turns.last_mut(), before, grant) {
            turn.rule = between(before, grant);
        }
        let amount = draw.amount - theirs;
        turns.push(Turn { grant: draw.grant, amount, rule: Rule::Covered });
        before = grant;
    }
    let shortfall = spread.shortfall.min(amount);
    if let Some(last) = turns.last_mut().filter(|_| shortfall.is_positive()) {
        last.rule = Rule::Last;
    }
    (turns, shortfall)
}

/// What grants gave, in burn order, or got back.
pub(super) fn turns<'a>(
    draws: impl Iterator<Item = (GrantNo, Amount)>,
    find: impl Fn(GrantNo) -> Option<&'a Grant>,
    overdraft: Amount,
) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for (grant, amount) in draws {
        if let Some(before) = turns.last_mut().filter(|turn| !turn.amount.is_negative()) {
            let both = (find(before.grant), find(grant));
            before.rule = match both {
                (Some(one), Some(next)) => between(one, next),
                _ => Rule::Forgotten,
            };
        }
        let rule = match (amount.is_negative(), overdraft.is_positive()) {
            (true, _) => Rule::GivenBack,
            (false, true) => Rule::Last,
            (false, false) => Rule::Covered,
        };
        turns.push(Turn { grant, amount, rule });
    }
    turns
}

/// The subscription whose recurring credits are drawn first.
pub(super) fn subscription_of_turns<'a>(
    customer: &Customer,
    drawn: impl Iterator<Item = GrantNo>,
    find: impl Fn(GrantNo) -> Option<&'a Grant>,
) -> Option<Subscribed> {
    let mut sources = drawn.filter_map(|no| find(no)?.source.as_ref());
    subscription(customer, sources.next()?.subscription, None)
}

/// The subscription that gives a feature, the one with the limit that counts where there are
/// several.
pub(super) fn subscription_of_feature(
    customer: &Customer,
    access: &FeatureAccess,
) -> Option<Subscribed> {
    let numbers = access.shares.iter().filter_map(|share| match share.origin {
        FeatureOrigin::Subscription(number) => Some((number, share.limit == access.limit)),
        FeatureOrigin::Promotion(_) => None,
    });
    let numbers: Vec<(SubscriptionNo, bool)> = numbers.collect();
    let (number, _) = numbers.iter().find(|(_, counts)| *counts)?;
    subscription(customer, *number, None)
}

pub(super) fn subscription(
    customer: &Customer,
    number: SubscriptionNo,
    priced: Option<&Priced>,
) -> Option<Subscribed> {
    let terms = &customer.subscription(number)?.terms;
    // The plan may have moved to another version since; the price tells which it was.
    let told = priced.filter(|priced| {
        priced.package.kind == PackageKind::Plan && priced.package.id == terms.plan.plan
    });
    Some(Subscribed {
        id: terms.id.clone(),
        plan: terms.plan.plan.clone(),
        version: told.map_or(terms.plan.version, |priced| priced.version),
    })
}
