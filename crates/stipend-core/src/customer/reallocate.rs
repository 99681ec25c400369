//! Changes in the middle of a period: the new total applies at once, and what was consumed in
//! the running period stays consumed (`behaviour.md` §0.6).

use super::Customer;
use super::decide::{Builder, CustomerRejection, check_limit};
use super::entry::{Carried, Cause, Draw, Effect, Ended, GrantEnd, Moved};
use super::grant::{Grant, GrantKind, PRIORITY_DEFAULT, RecurringSource};
use super::granting::{ended_at, settle};
use super::resolve::{Share, Standing, resolve};
use super::subscription::{CarriedConsumption, Subscription};
use crate::Amount;
use crate::catalog::{Metadata, PackageKey};
use crate::id::{CurrencyId, GrantNo, ResourceId, SubscriptionNo};
use crate::limits::{CUSTOMER_POOLS_MAX, POOL_GRANTS_MAX};
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
) -> Result<(), CustomerRejection> {
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
        let issues = new
            .iter()
            .any(|(item, share)| old.get(item).is_none_or(|old| old.amount < share.amount));
        if issues {
            check_room(&builder.customer, currency, resource.as_ref())?;
        }
        let pool = builder.pool(currency, resource.as_ref());
        let effects = Change::new(builder, number, currency, &resource, is_new).run(&old, &new);
        builder.push_pool(pool, Cause::Subscription(number), effects);
    }
    Ok(())
}

/// A change may open a pool and issues at most a grant for each item, so it is enough that there
/// is room for one more: renewals replace what expires.
fn check_room(
    customer: &Customer,
    currency: &CurrencyId,
    resource: Option<&ResourceId>,
) -> Result<(), CustomerRejection> {
    match customer.find_pool(currency, resource) {
        None => check_limit(customer.pools.len(), CUSTOMER_POOLS_MAX, "pools"),
        Some(pool) => {
            let held = pool.live.len() + pool.scheduled.len();
            check_limit(held, POOL_GRANTS_MAX, "grants in a pool")
        }
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
    /// Consumption without room that counts in the running month, and so in the year too.
    recent: Amount,
    /// Consumption without room that counts in the running year only.
    older: Amount,
    /// What of `recent`, found room or not, counts in the year when the month is over.
    lent: Amount,
    effects: Vec<Effect>,
}

impl<'a> Change<'a> {
    fn new(
        builder: &'a Builder<'_>,
        number: SubscriptionNo,
        currency: &'a CurrencyId,
        resource: &Option<ResourceId>,
        is_new: bool,
    ) -> Self {
        let customer = &builder.customer;
        let subscription = customer.subscription(number).expect("it was just set");
        let pool = customer.find_pool(currency, resource.as_ref()).expect("it was just opened");
        let held = pool.recurring_of(number);
        let carried = |cadence| {
            let found = subscription.find_carried(currency, cadence, builder.now);
            found.map_or(Amount::ZERO, |carried| carried.counted_at(builder.now))
        };
        Self {
            subscription,
            currency,
            pool,
            is_new,
            now: builder.now,
            next_grant: customer.next_grant,
            held: held.map(|grant| Held { grant: grant.clone(), fresh: false }).collect(),
            recent: carried(Cadence::Month),
            older: carried(Cadence::Year),
            lent: lent(subscription, currency, builder.now),
            effects: Vec::new(),
        }
    }

    fn run(mut self, old: &BTreeMap<Item, &Share>, new: &BTreeMap<Item, &Share>) -> Vec<Effect> {
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
        self.carry();
        self.settle();
        self.effects
    }

    /// Remembers what found no room until the end of the period in which it counts. What was
    /// consumed this month counts in the month, and in the year again when the month is over: so
    /// much as a yearly grant could not hold, or as monthly ones took over from a yearly one.
    fn carry(&mut self) {
        let has_yearly = self.held.iter().any(|held| is_yearly(&held.grant));
        let month = self.subscription.terms.period_at(Cadence::Month, self.now).end;
        let lent = if has_yearly { self.recent } else { self.lent };
        let (monthly, yearly) = (self.recent, self.older + lent);
        for (cadence, amount, lent) in
            [(Cadence::Month, monthly, Amount::ZERO), (Cadence::Year, yearly, lent)]
        {
            let until = self.subscription.terms.period_at(cadence, self.now).end;
            let lent_until = if lent.is_zero() { Timestamp::EPOCH } else { month };
            let carried = CarriedConsumption { cadence, amount, until, lent, lent_until };
            let before = self.subscription.find_carried(self.currency, cadence, self.now);
            let is_remembered = before.map_or(amount.is_zero(), |before| before == carried);
            if !is_remembered {
                let subscription = self.subscription.terms.number;
                self.effects.push(Effect::Carried(Carried { subscription, carried }));
            }
        }
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
                // What was consumed last is taken off first.
                let recent = moved.min(grant.recent_at(self.now));
                grant.consumed -= moved;
                grant.note_recent(-recent, self.now);
                self.recent += recent;
                self.older += moved - recent;
                if is_yearly(grant) {
                    self.lent += recent;
                }
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
            let room = held.grant.remaining();
            let older = if is_yearly(&held.grant) { self.older.min(room) } else { Amount::ZERO };
            let recent = self.recent.min(room - older);
            self.older -= older;
            self.recent -= recent;
            held.grant.consumed += older + recent;
            for (amount, is_recent) in [(older, false), (recent, true)] {
                if amount.is_positive() {
                    let moved = Moved { grant: held.grant.no, amount, is_recent };
                    self.effects.push(Effect::MovedIn(moved));
                }
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

/// What of a year's consumption is counted in the running month instead.
fn lent(subscription: &Subscription, currency: &CurrencyId, now: Timestamp) -> Amount {
    let yearly = subscription.find_carried(currency, Cadence::Year, now);
    yearly.map_or(Amount::ZERO, |carried| carried.amount - carried.counted_at(now))
}

fn is_yearly(grant: &Grant) -> bool {
    grant.source.as_ref().is_some_and(|source| source.cadence == Cadence::Year)
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
        this_month: None,
        source: Some(RecurringSource {
            subscription: terms.number,
            package: share.package.clone(),
            version: share.version,
            unit_amount: share.unit_amount,
            quantity: share.quantity,
            behavior: share.behavior,
            anchor: terms.anchor,
            epoch: terms.epoch,
            cadence: share.cadence,
            k: period.k,
            part,
        }),
    }
}
