//! Pools: one customer × credit type × resource, and the order in which its grants are drawn.

use super::entry::Draw;
use super::grant::{Grant, GrantKind};
use super::hold::Hold;
use super::live::LiveGrants;
use crate::Amount;
use crate::id::{CurrencyId, GrantNo, PoolId, ResourceId, SubscriptionNo};
use crate::shared::clone_fields;
use crate::time::Timestamp;

/// What reported usage took beyond the grants: the one record of it that a pool has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overdraft {
    /// Its number among the customer's grants.
    pub no: GrantNo,
    /// How much was taken.
    pub amount: Amount,
    /// What of it was taken for usage of features, which is settled first.
    pub metered: Amount,
    /// When it began.
    pub created_at: Timestamp,
}

/// A pool of credits. Its balance is the sum of its entries.
#[derive(Debug, PartialEq, Eq)]
pub struct Pool {
    /// Its id.
    pub id: PoolId,
    /// What it is counted in.
    pub currency: CurrencyId,
    /// The resource it belongs to; `None` is the customer's own pool.
    pub resource: Option<ResourceId>,
    /// The number of its last entry.
    pub seq: u64,
    /// The instant of its last entry.
    pub at: Timestamp,
    /// The grants in force, in burn order, exhausted ones included.
    pub live: LiveGrants,
    /// The grants that are not effective yet, in the order of their making.
    pub scheduled: Vec<Grant>,
    /// The grants that have ended while a part of them was held, in the order of their ends.
    pub lapsed: Vec<Grant>,
    /// The open reservations, in the order of their making.
    pub holds: Vec<Hold>,
    /// What was taken beyond the grants.
    pub overdraft: Option<Overdraft>,
    /// Σ amount of the live grants.
    pub granted: Amount,
    /// Σ consumed and held of the live grants, and the overdraft.
    pub used: Amount,
}

impl Clone for Pool {
    fn clone(&self) -> Self {
        Self {
            currency: self.currency.clone(),
            resource: self.resource.clone(),
            live: self.live.clone(),
            scheduled: self.scheduled.clone(),
            lapsed: self.lapsed.clone(),
            holds: self.holds.clone(),
            ..*self
        }
    }

    fn clone_from(&mut self, other: &Self) {
        clone_fields!(self from other;
            copied id, seq, at, overdraft, granted, used;
            cloned currency, resource, live, scheduled, lapsed, holds);
    }
}

/// What a pool has, as it is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolBalance {
    /// Σ amount of the live grants.
    pub usage_limit: Amount,
    /// What of it is used, with the overdraft.
    pub current_usage: Amount,
    /// The end of the running period.
    pub period_end: Option<Timestamp>,
}

impl PoolBalance {
    /// What it has now.
    #[must_use]
    pub fn of(pool: &Pool) -> Self {
        let (usage_limit, current_usage) = (pool.granted, pool.used);
        Self { usage_limit, current_usage, period_end: pool.period_end() }
    }
}

/// How an amount is spread over a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    /// What each grant gives, in burn order.
    pub draws: Vec<Draw>,
    /// What the grants cannot cover.
    pub shortfall: Amount,
}

impl Overdraft {
    /// What of it was consumed directly, and not for usage of features.
    #[must_use]
    pub fn direct(&self) -> Amount {
        self.amount - self.metered
    }
}

impl Pool {
    /// An empty pool.
    #[must_use]
    pub fn new(id: PoolId, currency: CurrencyId, resource: Option<ResourceId>) -> Self {
        Self {
            id,
            currency,
            resource,
            seq: 0,
            at: Timestamp::EPOCH,
            live: LiveGrants::default(),
            scheduled: Vec::new(),
            lapsed: Vec::new(),
            holds: Vec::new(),
            overdraft: None,
            granted: Amount::ZERO,
            used: Amount::ZERO,
        }
    }

    /// What is left: below zero by the overdraft.
    #[must_use]
    pub fn balance(&self) -> Amount {
        self.granted - self.used
    }

    /// Spreads an amount over the live grants in burn order, without changing anything.
    ///
    /// The live grants stand in burn order (`behaviour.md` §0.8), so each is drained before the
    /// next is touched; what they cannot cover is the shortfall.
    ///
    /// # Examples
    ///
    /// ```
    /// use stipend_core::{Amount, examples};
    /// let customer = examples::subscribed_customer(&examples::catalog(), 1);
    /// let spread = customer.pools[0].spread(Amount::whole(75_000));
    /// let drawn: Vec<Amount> = spread.draws.iter().map(|draw| draw.amount).collect();
    /// assert_eq!(drawn, [Amount::whole(50_000), Amount::whole(10_000)]);
    /// assert_eq!(spread.shortfall, Amount::whole(15_000));
    /// ```
    #[must_use]
    pub fn spread(&self, amount: Amount) -> Spread {
        let mut draws = Vec::new();
        let shortfall = self.spread_into(amount, |draw| draws.push(draw));
        Spread { draws, shortfall }
    }

    /// As [`Pool::spread`], each draw given as it comes; gives the shortfall.
    pub(super) fn spread_into(&self, amount: Amount, mut take: impl FnMut(Draw)) -> Amount {
        let mut rest = amount;
        for grant in self.live.open() {
            if rest.is_zero() {
                break;
            }
            let taken = grant.remaining().min(rest);
            if taken.is_positive() {
                take(Draw { grant: grant.no, amount: taken });
                rest -= taken;
            }
        }
        rest
    }

    /// The end of the running period: the earliest expiry among the live recurring grants.
    #[must_use]
    pub fn period_end(&self) -> Option<Timestamp> {
        self.recurring().filter_map(|grant| grant.expires_at).min()
    }

    fn recurring(&self) -> impl Iterator<Item = &Grant> {
        self.live.open().iter().filter(|grant| grant.kind == GrantKind::Recurring)
    }

    /// The live recurring grants of a subscription, in burn order.
    pub(super) fn recurring_of(&self, number: SubscriptionNo) -> impl Iterator<Item = &Grant> {
        self.recurring().filter(move |grant| {
            grant.source.as_ref().is_some_and(|source| source.subscription == number)
        })
    }

    /// The live or scheduled grant with that number.
    #[must_use]
    pub fn find_grant(&self, no: GrantNo) -> Option<&Grant> {
        let scheduled = || self.scheduled.iter().find(|grant| grant.no == no);
        self.live.find(no).or_else(scheduled)
    }

    /// As [`Pool::find_grant`], also one that has ended while a part of it is held.
    #[must_use]
    pub fn find_present(&self, no: GrantNo) -> Option<&Grant> {
        let lapsed = || self.lapsed.iter().find(|grant| grant.no == no);
        self.find_grant(no).or_else(lapsed)
    }

    pub(super) fn live_mut(&mut self, no: GrantNo) -> &mut Grant {
        self.live.find_mut(no).expect("an entry names live grants of its pool")
    }

    /// Puts a grant in its place in the burn order.
    pub(super) fn insert_live(&mut self, grant: Grant) {
        self.granted += grant.amount;
        self.used += grant.consumed + grant.held;
        self.live.insert(grant);
    }

    /// When something is due in the pool next.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let starts = self.scheduled.iter().map(|grant| grant.effective_at);
        let holds = self.holds.iter().map(|hold| hold.expires_at);
        self.live.next_expiry().into_iter().chain(starts).chain(holds).min()
    }

    /// Invariants 2, 8, 10 and 11, checked from the grants themselves: each used within its amount,
    /// sums that add up, burn order, no overdraft beside unused credits.
    ///
    /// # Errors
    /// A sentence that says what does not add up.
    pub fn verify(&self) -> Result<(), String> {
        let granted: Amount = self.live.iter().map(|grant| grant.amount).sum();
        let overdraft = self.overdraft.map_or(Amount::ZERO, |overdraft| overdraft.amount);
        let drawn = self.live.iter().map(|grant| grant.consumed + grant.held);
        let used = drawn.sum::<Amount>() + overdraft;
        if (granted, used) != (self.granted, self.used) {
            return Err(format!(
                "pool {:?} says {} granted and {} used, its grants say {granted} and {used}",
                self.id, self.granted, self.used
            ));
        }
        let within = |grant: &Grant| {
            let least = grant.consumed.min(grant.held).min(grant.remaining());
            !least.is_negative()
        };
        if !self.live.iter().chain(&self.scheduled).chain(&self.lapsed).all(within) {
            return Err(format!("pool {:?} has a grant used beyond its amount", self.id));
        }
        self.live.verify().map_err(|what| format!("pool {:?} {what}", self.id))?;
        let room = self.live.open().iter().any(|grant| grant.remaining().is_positive());
        if room && overdraft.is_positive() {
            return Err(format!("pool {:?} has an overdraft beside unused credits", self.id));
        }
        self.verify_holds()
    }
}
