//! Changes in the middle of a period: the new total applies at once, and what was consumed in
//! the running period stays consumed (`behaviour.md` §0.6).

use super::decide::Builder;
use super::entry::{Carried, Cause, Draw, Effect, Ended, GrantEnd};
use super::grant::{Grant, GrantKind, PRIORITY_DEFAULT, RecurringSource};
use super::granting::{ended_at, settle};
use super::resolve::{Share, Standing, resolve};
use super::subscription::Subscription;
use crate::Amount;
use crate::catalog::{Metadata, PackageKey};
use crate::id::{CurrencyId, GrantNo, SubscriptionNo};
use crate::period::Cadence;
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// Shares by credit type.
pub(super) type Shares = BTreeMap<CurrencyId, Vec<Share>>;

/// What identifies an item whose grants are adjusted against each other.
type Item = (PackageKey, Cadence);

/// Brings the grants of a subscription from its former shares to those of its present terms.
pub(super) fn reallocate(
    builder: &mut Builder<'_>,
    number: SubscriptionNo,
    before: Option<&Shares>,
) {
    let subscription = builder.customer.subscription(number).expect("it was just set");
    let resource = subscription.terms.resource.clone();
    let after = resolve(&subscription.terms, builder.catalog);
    let is_new = before.is_none();
    let none = Shares::new();
    let before = before.unwrap_or(&none);
    let mut currencies: Vec<&CurrencyId> = before.keys().chain(after.keys()).collect();
    currencies.sort();
    currencies.dedup();
    for currency in currencies {
        let (old, new) = (granting(before.get(currency)), granting(after.get(currency)));
        if old.is_empty() && new.is_empty() {
            continue;
        }
        let pool = builder.pool(currency, resource.as_ref());
        let effects = Change::new(builder, number, currency, &resource, is_new).run(&old, &new);
        builder.push_pool(pool, Cause::Subscription(number), effects);
    }
}

fn granting(shares: Option<&Vec<Share>>) -> BTreeMap<Item, &Share> {
    let shares = shares.map(Vec::as_slice).unwrap_or_default();
    let granting = shares.iter().filter(|share| share.standing == Standing::Grants);
    granting.map(|share| ((share.package.clone(), share.cadence), share)).collect()
}

/// Ends all recurring grants of a subscription that is over.
pub(super) fn revoke(builder: &mut Builder<'_>, number: SubscriptionNo) {
    for index in 0..builder.customer.pools.len() {
        let pool = &builder.customer.pools[index];
        let id = pool.id;
        let effects: Vec<Effect> = pool
            .recurring_of(number)
            .map(|grant| {
                Effect::Ended(Ended {
                    grant: ended_at(grant, builder.now),
                    amount: grant.remaining(),
                    end: GrantEnd::Voided,
                })
            })
            .collect();
        builder.push_pool(id, Cause::Subscription(number), effects);
    }
}

/// A grant of this subscription as the change proceeds.
struct Held {
    grant: Grant,
    fresh: bool,
}

/// The change of one pool, worked out on a copy of the subscription's grants.
struct Change<'a> {
    subscription: &'a Subscription,
    currency: &'a CurrencyId,
    pool: &'a super::Pool,
    /// Whether the subscription is being made, and not changed.
    is_new: bool,
    now: Timestamp,
    next_grant: GrantNo,
    held: Vec<Held>,
    /// Consumption that was taken off and has to find room.
    homeless: Amount,
    effects: Vec<Effect>,
}

impl<'a> Change<'a> {
    fn new(
        builder: &'a Builder<'_>,
        number: SubscriptionNo,
        currency: &'a CurrencyId,
        resource: &Option<crate::id::ResourceId>,
        is_new: bool,
    ) -> Self {
        let customer = &builder.customer;
        let subscription = customer.subscription(number).expect("it was just set");
        let pool = customer.find_pool(currency, resource.as_ref()).expect("it was just opened");
        let held = pool.recurring_of(number);
        Self {
            subscription,
            currency,
            pool,
            is_new,
            now: builder.now,
            next_grant: customer.next_grant,
            held: held.map(|grant| Held { grant: grant.clone(), fresh: false }).collect(),
            homeless: subscription.carried_at(currency, builder.now),
            effects: Vec::new(),
        }
    }

    fn run(mut self, old: &BTreeMap<Item, &Share>, new: &BTreeMap<Item, &Share>) -> Vec<Effect> {
        let carried_before = self.homeless;
        for (item, share) in old {
            let kept = new.get(item).map_or(Amount::ZERO, |share| share.amount);
            if kept < share.amount {
                self.reduce(item, share.amount - kept, kept.is_zero());
            }
        }
        for (item, share) in new {
            let had = old.get(item).map_or(Amount::ZERO, |share| share.amount);
            if share.amount > had {
                self.issue(share, share.amount - had);
            }
        }
        self.rehouse();
        if self.homeless != carried_before {
            let cadence = old.keys().chain(new.keys()).map(|(_, cadence)| *cadence).min();
            let cadence = cadence.expect("a change has an old or a new share");
            self.effects.push(Effect::Carried(Carried {
                subscription: self.subscription.terms.number,
                amount: self.homeless,
                until: self.subscription.terms.period_at(cadence, self.now).end,
            }));
        }
        self.settle();
        self.effects
    }

    /// Takes so much off the grants of an item, the latest part first. A grant that goes whole
    /// gives up its consumption and is voided; one that is lowered keeps what still fits.
    fn reduce(&mut self, item: &Item, by: Amount, whole: bool) {
        let mut rest = by;
        let mut places: Vec<usize> = (0..self.held.len())
            .filter(|place| {
                let source = self.held[*place].grant.source.as_ref();
                source.is_some_and(|source| (&source.package, source.cadence) == (&item.0, item.1))
            })
            .collect();
        places.sort_by_key(|place| std::cmp::Reverse(self.held[*place].grant.no));
        let mut gone = Vec::new();
        for place in places {
            let grant = &mut self.held[place].grant;
            let taken = if whole { grant.amount } else { rest.min(grant.amount) };
            if taken.is_zero() {
                continue;
            }
            rest -= taken;
            let moved = (taken - grant.remaining()).or_zero();
            if moved.is_positive() {
                grant.consumed -= moved;
                self.homeless += moved;
                self.effects.push(Effect::MovedOut(Draw { grant: grant.no, amount: moved }));
            }
            if taken == grant.amount {
                gone.push(grant.no);
                self.effects.push(Effect::Ended(Ended {
                    grant: ended_at(grant, self.now),
                    amount: grant.remaining(),
                    end: GrantEnd::Voided,
                }));
            } else {
                grant.amount -= taken;
                self.effects.push(Effect::Reduced(Draw { grant: grant.no, amount: taken }));
            }
        }
        self.held.retain(|held| !gone.contains(&held.grant.no));
    }

    /// Issues the next part of the running period for the difference. What a change adds comes
    /// into force now, the first part of a bought add-on or override included.
    fn issue(&mut self, share: &Share, amount: Amount) {
        let mut grant = recurring_grant(
            self.subscription,
            self.currency,
            share,
            amount,
            self.now,
            self.next_grant,
        );
        if !self.is_new {
            grant.effective_at = self.now;
        }
        self.next_grant = GrantNo(self.next_grant.0 + 1);
        self.effects.push(Effect::Granted(grant.clone()));
        self.held.push(Held { grant, fresh: true });
    }

    /// Puts homeless consumption on the subscription's grants, in burn order, as far as they
    /// have room.
    fn rehouse(&mut self) {
        self.held.sort_by_key(|held| held.grant.burn_key());
        for held in &mut self.held {
            let moved = self.homeless.min(held.grant.remaining());
            if moved.is_positive() {
                held.grant.consumed += moved;
                self.homeless -= moved;
                self.effects.push(Effect::MovedIn(Draw { grant: held.grant.no, amount: moved }));
            }
        }
    }

    fn settle(&mut self) {
        let fresh: Vec<_> = self
            .held
            .iter()
            .filter(|held| held.fresh)
            .map(|held| (held.grant.no, held.grant.remaining()))
            .collect();
        self.effects.extend(settle(self.pool, &fresh));
    }
}

/// The grant of a share for the period in which `now` lies: part 0 from the start of the
/// period, later parts from now; always until the period's end.
pub(super) fn recurring_grant(
    subscription: &Subscription,
    currency: &CurrencyId,
    share: &Share,
    amount: Amount,
    now: Timestamp,
    no: GrantNo,
) -> Grant {
    let terms = &subscription.terms;
    let period = terms.period_at(share.cadence, now);
    let issued = subscription.find_issued(&share.package, currency, share.cadence);
    let part = issued.filter(|issued| issued.k == period.k).map_or(0, |issued| issued.next_part);
    Grant {
        no,
        kind: GrantKind::Recurring,
        amount,
        original: amount,
        consumed: Amount::ZERO,
        priority: PRIORITY_DEFAULT,
        effective_at: if part == 0 { period.start } else { now },
        expires_at: Some(period.end),
        created_at: now,
        updated_at: now,
        voided_at: None,
        name: format!("Recurring credits of {}", share.package),
        comment: None,
        metadata: Metadata::new(),
        cost: None,
        source: Some(RecurringSource {
            subscription: terms.number,
            package: share.package.clone(),
            version: share.version,
            unit_amount: share.unit_amount,
            quantity: share.quantity,
            behavior: share.behavior,
            epoch: terms.epoch,
            cadence: share.cadence,
            k: period.k,
            part,
        }),
    }
}
