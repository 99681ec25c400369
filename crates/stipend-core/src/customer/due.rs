//! What time does to a customer: expiries, the end of periods, scheduled grants, and the turns in
//! the life of subscriptions.
//!
//! Every due action happens at its own instant, in the order reservations expire → grants expire →
//! close → plan change → grant → settle (`behaviour.md` §0.4), so it does not matter how late or how
//! often anyone looks.

use super::Customer;
use super::decide::{Builder, CustomerRejection};
use super::entry::{Cause, Closed, Draw, Effect, Ended, Entry, GrantEnd, Opened};
use super::granting::settle;
use super::hold;
use super::issue::Issue;
use super::level::{levels_of, waits};
use super::life;
use super::pool::Pool;
use super::reallocate::granting;
use super::resolve::{Share, resolve};
use super::revise::{self, Reach};
use super::subscription::{Issued, Subscription, SubscriptionEndReason, SubscriptionTerms};
use crate::Amount;
use crate::catalog::{Catalog, CreditProration, TrialEnd};
use crate::id::{GrantNo, SubscriptionNo};
use crate::time::Timestamp;

/// The entries of everything that is due up to and including `now`, each at its own instant.
///
/// Folding them and asking again gives none: what is due is done once.
///
/// # Examples
///
/// ```
/// use stipend_core::customer::roll_forward;
/// use stipend_core::{Timestamp, examples};
/// let catalog = examples::catalog();
/// let mut customer = examples::subscribed_customer(&catalog, 0);
/// // Three boundaries have passed: 1 April, 1 May, 1 June.
/// let now = Timestamp::parse("2026-06-15T00:00:00Z").unwrap();
/// let entries = roll_forward(&customer, &catalog, now);
/// assert_eq!(entries.len(), 3);
/// entries.iter().for_each(|entry| customer.apply(entry));
/// assert!(roll_forward(&customer, &catalog, now).is_empty());
/// ```
#[must_use]
pub fn roll_forward(customer: &Customer, catalog: &Catalog, now: Timestamp) -> Vec<Entry> {
    let entries = roll_forward_within(customer, catalog, now, usize::MAX);
    entries.expect("nobody has so many instants")
}

/// As [`roll_forward`], for who looks ahead to an instant that a caller has chosen: nothing where
/// something is due at more than `instants_max` instants until then.
///
/// # Examples
///
/// ```
/// use stipend_core::customer::roll_forward_within;
/// use stipend_core::{Timestamp, examples};
/// let catalog = examples::catalog();
/// let customer = examples::subscribed_customer(&catalog, 0);
/// let until = Timestamp::parse("2026-06-15T00:00:00Z").unwrap();
/// let entries = roll_forward_within(&customer, &catalog, until, 3).unwrap();
/// assert_eq!(entries.len(), 3);
/// assert!(roll_forward_within(&customer, &catalog, until, 2).is_none());
/// ```
#[must_use]
pub fn roll_forward_within(
    customer: &Customer,
    catalog: &Catalog,
    until: Timestamp,
    instants_max: usize,
) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    if customer.next_due.is_none_or(|due| due > until) {
        return Some(entries);
    }
    let mut rolled = customer.clone();
    let mut instants = 0;
    while let Some(due) = rolled.next_due.filter(|due| *due <= until) {
        if instants == instants_max {
            return None;
        }
        instants += 1;
        let (next, made) = roll_instant(rolled, catalog, due);
        rolled = next;
        entries.extend(made);
    }
    Some(entries)
}

/// Does what is due at one instant, the customer's next; gives the customer as it is then, and the
/// entries.
pub(super) fn roll_instant(
    customer: Customer,
    catalog: &Catalog,
    due: Timestamp,
) -> (Customer, Vec<Entry>) {
    let mut builder = Builder::of_time(customer, catalog, due);
    hold::expire(&mut builder);
    if builder.customer.subscriptions.iter().any(|subscription| turns(&subscription.terms, due)) {
        for_each_pool(&mut builder, &[Phase::Expire]);
        close_what_ends(&mut builder);
        change_what_turns(&mut builder);
        for_each_pool(&mut builder, &[Phase::Begin]);
    } else {
        for_each_pool(&mut builder, &[Phase::Expire, Phase::Begin]);
    }
    let next = builder.customer.next_due;
    assert!(next.is_none_or(|next| next > due), "what is due is done once");
    builder.into_parts()
}

/// Whether something but the end of a period is due for a subscription.
fn turns(terms: &SubscriptionTerms, at: Timestamp) -> bool {
    let begins = terms.is_pending() && terms.started_at <= at;
    begins || (terms.is_active() && terms.next_event().is_some_and(|event| event <= at))
}

/// What is done with the pools at an instant, before and after subscriptions take their turns.
#[derive(Clone, Copy)]
enum Phase {
    Expire,
    Begin,
}

fn for_each_pool(builder: &mut Builder<'_>, phases: &[Phase]) {
    for index in 0..builder.customer.pools.len() {
        let pool = &builder.customer.pools[index];
        let id = pool.id;
        let mut turn = Turn::new(builder, pool);
        for phase in phases {
            match phase {
                Phase::Expire => turn.expire(),
                Phase::Begin => turn.begin(),
            }
        }
        let effects = turn.effects;
        builder.push_pool(id, Cause::Due, effects);
    }
}

fn numbers(builder: &Builder<'_>) -> impl Iterator<Item = SubscriptionNo> + use<> {
    (0..u32::try_from(builder.customer.subscriptions.len()).unwrap_or(u32::MAX)).map(SubscriptionNo)
}

/// What is cancelled for this instant, or a trial that is not continued, ends before anything is
/// renewed (`calendar.md` C39).
fn close_what_ends(builder: &mut Builder<'_>) {
    for number in numbers(builder) {
        let terms = &builder.customer.subscriptions[number.0 as usize].terms;
        if !terms.is_active() {
            continue;
        }
        let cancelled = terms.ends.filter(|end| end.at <= builder.now).map(|end| end.reason);
        let trial = terms.running_trial().filter(|trial| trial.ends_at <= builder.now);
        let is_dropped = trial.is_some_and(|trial| trial.end == TrialEnd::CancelSubscription);
        let dropped = is_dropped.then_some(SubscriptionEndReason::TrialEnded);
        match cancelled.or(dropped) {
            Some(SubscriptionEndReason::Revoked) => {
                life::end(builder, number, SubscriptionEndReason::Revoked);
            }
            Some(reason) => life::leave(builder, number, reason),
            None => {}
        }
    }
}

/// What was waiting begins, then trials become paid, then scheduled changes are carried out: what is
/// replaced at this very instant is over by then and grants nothing.
fn change_what_turns(builder: &mut Builder<'_>) {
    for number in numbers(builder) {
        let terms = &builder.customer.subscriptions[number.0 as usize].terms;
        if terms.is_pending() && terms.started_at <= builder.now {
            attempt(builder, number, SubscriptionEndReason::Immediate, life::begin);
        }
    }
    for number in numbers(builder) {
        let terms = &builder.customer.subscriptions[number.0 as usize].terms;
        let trial = terms.running_trial().filter(|trial| trial.ends_at <= builder.now);
        if terms.is_active() && trial.is_some() {
            attempt(builder, number, SubscriptionEndReason::TrialEnded, life::convert);
        }
    }
    for number in numbers(builder) {
        revise::carry_out(builder, number, Reach::Pools);
    }
}

/// A turn in the life of a subscription; where there is no room for the pool that it needs, the
/// subscription is over.
fn attempt(
    builder: &mut Builder<'_>,
    number: SubscriptionNo,
    otherwise: SubscriptionEndReason,
    turn: impl Fn(&mut Builder<'_>, SubscriptionNo) -> Result<(), CustomerRejection>,
) {
    let mut tried = builder.fork();
    match turn(&mut tried, number) {
        Ok(()) => builder.join(tried),
        Err(_) => life::end(builder, number, otherwise),
    }
}

/// One instant in one pool.
struct Turn<'a> {
    customer: &'a Customer,
    catalog: &'a Catalog,
    pool: &'a Pool,
    at: Timestamp,
    next_grant: GrantNo,
    effects: Vec<Effect>,
    /// What came into force at this instant, with its room.
    fresh: Vec<(GrantNo, Amount)>,
}

impl<'a> Turn<'a> {
    fn new(builder: &'a Builder<'_>, pool: &'a Pool) -> Self {
        Self {
            customer: &builder.customer,
            catalog: builder.catalog,
            pool,
            at: builder.now,
            next_grant: builder.customer.next_grant,
            effects: Vec::new(),
            fresh: Vec::new(),
        }
    }

    fn begin(&mut self) {
        self.begin_periods();
        self.activate();
        let settled = settle(self.pool, &self.fresh);
        self.effects.extend(settled);
    }

    fn expire(&mut self) {
        let over = |end: Timestamp| end <= self.at;
        if !self.pool.live.next_expiry().is_some_and(over) {
            return;
        }
        for grant in &self.pool.live {
            if grant.expires_at.is_some_and(over) {
                self.effects.push(Effect::Ended(Ended {
                    grant: super::Grant { updated_at: self.at, ..grant.clone() },
                    amount: grant.remaining(),
                    end: GrantEnd::Expired,
                }));
            }
        }
    }

    fn begin_periods(&mut self) {
        for subscription in &self.customer.subscriptions {
            let terms = &subscription.terms;
            if !terms.is_active() || terms.resource != self.pool.resource {
                continue;
            }
            let issued = subscription.issued.iter();
            let over: Vec<&Issued> = issued
                .filter(|issued| issued.currency == self.pool.currency)
                .filter(|issued| subscription.issued_until(issued) <= self.at)
                .collect();
            if over.is_empty() {
                continue;
            }
            let shares = resolve(terms, self.catalog);
            self.renew(subscription, &over, shares.get(&self.pool.currency));
        }
    }

    /// Items whose period is over grant the next one, or close. With one that ends, items that
    /// waited for it begin (`calendar.md` C47).
    fn renew(
        &mut self,
        subscription: &Subscription,
        over: &[&Issued],
        shares: Option<&Vec<Share>>,
    ) {
        let mut granting = granting(shares);
        granting.retain(|_, share| share.amount.is_positive());
        let is_of = |issued: &Issued, share: &Share| {
            issued.package == share.package && issued.cadence == share.cadence
        };
        for issued in over {
            match granting.get(&(issued.package.clone(), issued.cadence)) {
                Some(share) => self.grant(subscription, share),
                None => self.effects.push(Effect::Closed(Closed {
                    subscription: subscription.terms.number,
                    package: issued.package.clone(),
                    cadence: issued.cadence,
                })),
            }
        }
        let levels = levels_of(subscription, &self.pool.currency, self.at);
        for share in granting.values() {
            let is_renewed = over.iter().any(|issued| is_of(issued, share));
            let stands = levels.contains_key(&(share.package.clone(), share.cadence));
            if !is_renewed && !stands && !waits(share, &levels) {
                self.grant(subscription, share);
            }
        }
    }

    /// Grants a period that begins now. What waited for a boundary within its own period gets with
    /// proration the part for the rest of it.
    fn grant(&mut self, subscription: &Subscription, share: &Share) {
        let whole = share.amount;
        let period = subscription.terms.period_at(share.cadence, self.at);
        let amount = match self.catalog.settings.proration {
            CreditProration::Whole => whole,
            CreditProration::Prorate => period.prorate(whole, self.at),
        };
        if amount.is_zero() {
            self.effects.push(Effect::Opened(Opened {
                subscription: subscription.terms.number,
                package: share.package.clone(),
                cadence: share.cadence,
                k: period.k,
                level: whole,
                behavior: share.behavior,
            }));
            return;
        }
        let issue = Issue { share, amount, whole, now: self.at, no: self.next_grant };
        let mut grant = issue.grant(subscription, &self.pool.currency, &[]);
        grant.effective_at = self.at;
        self.next_grant = GrantNo(self.next_grant.0 + 1);
        self.fresh.push((grant.no, grant.amount));
        self.effects.push(Effect::Granted(grant));
    }

    fn activate(&mut self) {
        for grant in self.pool.scheduled.iter().filter(|grant| grant.effective_at <= self.at) {
            self.fresh.push((grant.no, grant.amount));
            let draw = Draw { grant: grant.no, amount: grant.amount };
            self.effects.push(Effect::Activated(draw));
        }
    }
}
