//! What time does to a customer: expiries, the end of periods, scheduled grants.
//!
//! Every due action happens at its own instant, in the order expire → close → grant → settle
//! (`behaviour.md` §0.4), so it does not matter how late or how often anyone looks.

use super::Customer;
use super::decide::Builder;
use super::entry::{Cause, Closed, Draw, Effect, Ended, Entry, GrantEnd};
use super::granting::settle;
use super::pool::Pool;
use super::reallocate::recurring_grant;
use super::resolve::{Share, Standing, resolve};
use super::subscription::{Issued, Subscription};
use crate::Amount;
use crate::catalog::Catalog;
use crate::id::{CurrencyId, GrantNo};
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
    let mut entries = Vec::new();
    if customer.next_due.is_none_or(|due| due > now) {
        return entries;
    }
    let mut rolled = customer.clone();
    while let Some(due) = rolled.next_due.filter(|due| *due <= now) {
        let mut builder = Builder::new(&rolled, catalog, due);
        roll_instant(&mut builder);
        assert!(
            builder.customer.next_due > Some(due) || builder.customer.next_due.is_none(),
            "what is due is done once"
        );
        rolled = builder.customer.clone();
        entries.extend(builder.finish(|_| {}).entries);
    }
    entries
}

fn roll_instant(builder: &mut Builder<'_>) {
    for index in 0..builder.customer.pools.len() {
        let pool = &builder.customer.pools[index];
        let id = pool.id;
        let effects = Turn::new(builder, pool).run();
        builder.push_pool(id, Cause::Due, effects);
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

    fn run(mut self) -> Vec<Effect> {
        self.expire();
        self.begin_periods();
        self.activate();
        let settled = settle(self.pool, &self.fresh);
        self.effects.extend(settled);
        self.effects
    }

    fn expire(&mut self) {
        let over = |end: Timestamp| end <= self.at;
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
            let over: Vec<&Issued> = subscription
                .issued
                .iter()
                .filter(|issued| issued.currency == self.pool.currency)
                .filter(|issued| subscription.issued_until(issued) <= self.at)
                .collect();
            if over.is_empty() {
                continue;
            }
            let mut shares = resolve(terms, self.catalog);
            let shares = shares.remove(&self.pool.currency).unwrap_or_default();
            for issued in over {
                self.begin_period(subscription, issued, &shares);
            }
        }
    }

    fn begin_period(&mut self, subscription: &Subscription, issued: &Issued, shares: &[Share]) {
        let share = shares.iter().find(|share| {
            share.standing == Standing::Grants
                && share.package == issued.package
                && share.cadence == issued.cadence
                && share.amount.is_positive()
        });
        let Some(share) = share else {
            self.effects.push(Effect::Closed(Closed {
                subscription: subscription.terms.number,
                package: issued.package.clone(),
                cadence: issued.cadence,
            }));
            return;
        };
        let currency: &CurrencyId = &self.pool.currency;
        let grant =
            recurring_grant(subscription, currency, share, share.amount, self.at, self.next_grant);
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
