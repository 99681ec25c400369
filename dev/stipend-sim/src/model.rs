//! The naive model: one bucket of recurring credits, a list of grants by hand, an overdraft.
//!
//! Its calendar is its own ([`calendar`]), its arithmetic is plain integers, and it walks from one
//! instant to the next. What is left of the recurring credits is always the total that the
//! subscription gives now without what was consumed in the running period, and never less than
//! nothing: that is the promise, and all the model knows of it.

pub mod calendar;
mod compare;

use crate::shop::Shop;
use crate::story::{Deed, When};
use calendar::{Step as Months, boundary_after};
use std::collections::BTreeMap;

/// What a story may know of the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// No subscription.
    Nothing,
    /// One that has not begun.
    Pending,
    /// A trial.
    Trial,
    /// A live one.
    Live {
        /// Its plan.
        plan: &'static str,
    },
}

#[derive(Clone, Debug)]
struct Subscription {
    plan: &'static str,
    addons: Vec<(&'static str, u32)>,
    anchor: i64,
    trial: Option<(i64, bool)>,
    ends: Option<i64>,
}

#[derive(Clone, Debug)]
struct Waiting {
    plan: &'static str,
    start: i64,
}

/// The recurring credits of the running period.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    total: i128,
    consumed: i128,
    expires: i64,
}

impl Bucket {
    fn left(&self) -> i128 {
        (self.total - self.consumed).max(0)
    }
}

/// A grant by hand. The order of the fields is the burn order, which a bucket takes part in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Gift {
    priority: u8,
    until: i64,
    is_paid: bool,
    from: i64,
    number: usize,
    amount: i128,
    consumed: i128,
}

const NEVER: i64 = i64::MAX;

/// The customer as the model believes it to be.
#[derive(Clone, Debug)]
pub struct Model<'s> {
    shop: &'s Shop,
    now: i64,
    subscription: Option<Subscription>,
    waiting: Option<Waiting>,
    bucket: Option<Bucket>,
    gifts: Vec<Gift>,
    coming: Vec<Gift>,
    made: usize,
    overdraft: i128,
    /// What was consumed under a plan that was left, until the period ends.
    left: BTreeMap<(&'static str, i64), (i128, i64)>,
}

const ONE: i128 = 1_000_000_000;

impl<'s> Model<'s> {
    /// A customer who has nothing.
    #[must_use]
    pub fn new(shop: &'s Shop) -> Self {
        Self {
            shop,
            now: 0,
            subscription: None,
            waiting: None,
            bucket: None,
            gifts: Vec::new(),
            coming: Vec::new(),
            made: 0,
            overdraft: 0,
            left: BTreeMap::new(),
        }
    }

    /// What a story may know.
    #[must_use]
    pub fn view(&self) -> View {
        match (&self.subscription, &self.waiting) {
            (Some(one), _) if one.trial.is_some() => View::Trial,
            (Some(one), _) => View::Live { plan: one.plan },
            (None, Some(_)) => View::Pending,
            (None, None) => View::Nothing,
        }
    }

    /// What is left of everything.
    #[must_use]
    pub fn balance(&self) -> i128 {
        let gifts: i128 = self.gifts.iter().map(|gift| gift.amount - gift.consumed).sum();
        self.bucket.map_or(0, |bucket| bucket.left()) + gifts - self.overdraft
    }

    /// The next instant at which something happens by itself.
    #[must_use]
    pub fn next_instant(&self) -> Option<i64> {
        let one = self.subscription.as_ref();
        let trial = one.and_then(|one| one.trial).map(|(end, _)| end);
        let instants = [
            self.bucket.map(|bucket| bucket.expires),
            one.and_then(|one| one.ends),
            trial,
            self.waiting.as_ref().map(|waiting| waiting.start),
        ];
        let gifts = self.gifts.iter().map(|gift| gift.until).filter(|until| *until != NEVER);
        let coming = self.coming.iter().map(|gift| gift.from);
        instants.into_iter().flatten().chain(gifts).chain(coming).min()
    }

    /// Lets time pass.
    pub fn advance(&mut self, to: i64) {
        while let Some(at) = self.next_instant().filter(|at| *at <= to) {
            self.now = at;
            self.pass(at);
        }
        self.now = to;
    }

    /// One instant: expire, close, change plans, grant, settle.
    fn pass(&mut self, at: i64) {
        self.bucket = self.bucket.filter(|bucket| bucket.expires > at);
        self.gifts.retain(|gift| gift.until > at);
        let ends = self.subscription.as_ref().is_some_and(|one| {
            let is_cancelled = one.ends.is_some_and(|end| end <= at);
            is_cancelled || one.trial.is_some_and(|(end, cancels)| end <= at && cancels)
        });
        if ends {
            self.subscription = None;
            self.bucket = None;
        }
        if let Some(one) = &mut self.subscription
            && one.trial.is_some_and(|(end, _)| end <= at)
        {
            one.trial = None;
            one.anchor = at;
            self.bucket = None;
        }
        if let Some(waiting) = self.waiting.take_if(|waiting| waiting.start <= at) {
            self.begin(waiting.plan, at);
        }
        self.renew();
        let (begun, coming) = self.coming.drain(..).partition(|gift| gift.from <= at);
        self.coming = coming;
        let begun: Vec<Gift> = begun;
        self.gifts.extend(begun);
        self.gifts.sort();
        self.settle();
    }

    /// A plan takes the place of what is there.
    fn begin(&mut self, plan: &'static str, at: i64) {
        let Some(before) = &self.subscription else {
            let anchor = at;
            self.subscription =
                Some(Subscription { plan, addons: Vec::new(), anchor, trial: None, ends: None });
            return;
        };
        let (old, anchor) = (before.plan, before.anchor);
        self.subscription =
            Some(Subscription { plan, addons: Vec::new(), anchor, trial: None, ends: None });
        if let Some(bucket) = &mut self.bucket
            && !self.shop.keeps_usage
        {
            self.left.insert((old, anchor), (bucket.consumed, bucket.expires));
            let known = self.left.get(&(plan, anchor)).filter(|(_, until)| *until > at);
            bucket.consumed = known.map_or(0, |(consumed, _)| *consumed);
        }
        self.retotal();
    }

    /// What the subscription gives: the greatest override alone, else the sum.
    fn total(&self) -> i128 {
        let Some(one) = &self.subscription else { return 0 };
        let (mut sum, mut greatest) = (i128::from(self.shop.plan(one.plan).credits), None);
        for (id, quantity) in &one.addons {
            let offer = self.shop.addon(id);
            let credits = i128::from(offer.credits) * i128::from(*quantity);
            if offer.overrides {
                greatest = greatest.max(Some(credits));
            } else {
                sum += credits;
            }
        }
        greatest.unwrap_or(sum) * ONE
    }

    fn retotal(&mut self) {
        let total = self.total();
        if let Some(bucket) = &mut self.bucket {
            bucket.total = total;
        }
    }

    /// A period without credits begins with all of them.
    fn renew(&mut self) {
        let Some(one) = self.subscription.as_ref().filter(|_| self.bucket.is_none()) else {
            return;
        };
        let step = if self.shop.yearly { Months::Year } else { Months::Month };
        let end = boundary_after(one.anchor, step, self.now);
        let expires = one.trial.map_or(end, |(trial, _)| end.min(trial));
        self.bucket = Some(Bucket { total: self.total(), consumed: 0, expires });
    }

    /// Credits that are new pay the overdraft first; while there is one, nothing else is left.
    fn settle(&mut self) {
        if let Some(bucket) = &mut self.bucket {
            let paid = self.overdraft.min(bucket.left());
            bucket.consumed += paid;
            self.overdraft -= paid;
        }
        let mut by_making: Vec<&mut Gift> = self.gifts.iter_mut().collect();
        by_making.sort_by_key(|gift| gift.number);
        for gift in by_making {
            let paid = self.overdraft.min(gift.amount - gift.consumed);
            gift.consumed += paid;
            self.overdraft -= paid;
        }
    }

    /// Does what was asked, which the subject has accepted.
    pub fn act(&mut self, deed: &Deed) {
        match deed {
            Deed::Subscribe { plan, start, trial } => {
                let start = start.map_or(self.now, stipend_core::Timestamp::micros);
                if start > self.now {
                    self.waiting = Some(Waiting { plan, start });
                    return;
                }
                let trial = trial.map(|trial| (trial.ends_at.micros(), trial.cancels));
                let addons = Vec::new();
                self.subscription =
                    Some(Subscription { plan, addons, anchor: start, trial, ends: None });
                self.renew();
            }
            Deed::SetAddons(addons) => {
                if let Some(one) = &mut self.subscription {
                    one.addons.clone_from(addons);
                }
                self.retotal();
            }
            Deed::ChangePlan { plan, at_period_end: true } => {
                let start = self.billing_end();
                self.waiting = Some(Waiting { plan, start });
            }
            Deed::ChangePlan { plan, at_period_end: false } => {
                self.waiting = None;
                self.begin(plan, self.now);
            }
            Deed::Cancel(when) => self.cancel(*when),
            Deed::Use(amount) => self.draw(*amount),
            Deed::Grant { promotional, amount, priority, from, until } => {
                let gift = Gift {
                    priority: *priority,
                    until: until.map_or(NEVER, stipend_core::Timestamp::micros),
                    is_paid: !promotional,
                    from: from.map_or(self.now, stipend_core::Timestamp::micros),
                    number: self.made,
                    amount: *amount,
                    consumed: 0,
                };
                self.made += 1;
                let list = if gift.from > self.now { &mut self.coming } else { &mut self.gifts };
                list.push(gift);
                list.sort();
            }
        }
        self.settle();
    }

    fn billing_end(&self) -> i64 {
        let one = self.subscription.as_ref().expect("stories change what is there");
        let month = || boundary_after(one.anchor, Months::Month, self.now);
        one.trial.map_or_else(month, |(end, _)| end)
    }

    fn cancel(&mut self, when: When) {
        // Who cancels wants nothing to go on.
        self.waiting = None;
        let at = match when {
            When::Now => {
                self.subscription = None;
                self.bucket = None;
                return;
            }
            When::PeriodEnd => self.billing_end(),
            When::At(at) => at.micros(),
        };
        if let Some(one) = &mut self.subscription {
            one.ends = Some(at);
        }
    }

    /// Takes from what burns first; the bucket has priority 50, is no gift, and ends with its
    /// period.
    fn draw(&mut self, amount: i128) {
        let mut rest = amount;
        let place = self.bucket.map(|bucket| (50, bucket.expires));
        let mut drawn_bucket = false;
        for gift in &mut self.gifts {
            let is_before = place.is_none_or(|place| (gift.priority, gift.until) < place);
            if !is_before && !drawn_bucket {
                drawn_bucket = true;
                rest -= take(&mut self.bucket, rest);
            }
            let taken = rest.min(gift.amount - gift.consumed);
            gift.consumed += taken;
            rest -= taken;
        }
        if !drawn_bucket {
            rest -= take(&mut self.bucket, rest);
        }
        self.overdraft += rest;
    }
}

fn take(bucket: &mut Option<Bucket>, amount: i128) -> i128 {
    let Some(bucket) = bucket else { return 0 };
    let taken = amount.min(bucket.left());
    bucket.consumed += taken;
    taken
}
