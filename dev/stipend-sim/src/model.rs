//! The naive model: one bucket of recurring credits, a list of grants by hand, an overdraft.
//!
//! Its calendar is the simulator's ([`crate::calendar`]), its arithmetic is plain integers, and it
//! walks from one instant to the next. What is left of the recurring credits is always what stands
//! of the offers without what was consumed in the running period, and never less than nothing: that
//! is the promise, and all the model knows of it.

mod compare;
mod spend;

use crate::calendar::{Anchor, Step as Months};
use crate::shop::{FREE, PACK, PACK_SEATS, Resets, Shop, TEAM, TEAM_SEATS};
use crate::story::{Deed, When};
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
    /// Which version of the plan it has.
    version: usize,
    addons: Vec<Addon>,
    /// Seats that were bought, in the place of those that the plan comes with.
    seats: Option<u32>,
    anchor: Anchor,
    trial: Option<(i64, bool)>,
    ends: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Addon {
    id: &'static str,
    version: usize,
    quantity: u32,
}

#[derive(Clone, Debug)]
struct Waiting {
    plan: &'static str,
    start: i64,
    seats: Option<u32>,
}

/// What an offer gives in a period: a unit's credits, how many units, for how many seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Share {
    credits: i128,
    quantity: u32,
    seats: u32,
}

impl Share {
    fn amount(self) -> i128 {
        self.credits * i128::from(self.quantity) * i128::from(self.seats) * ONE
    }
}

type Shares = BTreeMap<&'static str, Share>;

/// The recurring credits of the running period: what stands of each offer, and what was consumed
/// of all together.
#[derive(Clone, Debug)]
struct Bucket {
    stands: BTreeMap<&'static str, i128>,
    /// What was granted in all: all that stands, or with proration what it was worth.
    given: i128,
    consumed: i128,
    expires: i64,
}

impl Bucket {
    fn total(&self) -> i128 {
        self.stands.values().sum()
    }

    fn left(&self) -> i128 {
        (self.given - self.consumed).max(0)
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

/// What a story may name.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// Grants by hand, by their number.
    pub gifts: Vec<usize>,
    /// When the running credits end.
    pub period_end: Option<i64>,
    /// When the subscription ends.
    pub ends: Option<i64>,
    /// Whether there ever was a promotion.
    pub promoted: bool,
}

/// The customer as the model believes it to be.
#[derive(Clone, Debug)]
pub struct Model {
    shop: Shop,
    now: i64,
    subscription: Option<Subscription>,
    waiting: Option<Waiting>,
    bucket: Option<Bucket>,
    gifts: Vec<Gift>,
    coming: Vec<Gift>,
    made: usize,
    overdraft: i128,
    /// What was consumed under a plan that was left, until the period ends.
    left: BTreeMap<(&'static str, Anchor), (i128, i64)>,
    /// Whether there ever was a promotion.
    promoted: bool,
}

const ONE: i128 = 1_000_000_000;

impl Model {
    /// A customer who has nothing.
    #[must_use]
    pub fn new(shop: &Shop) -> Self {
        Self {
            shop: shop.clone(),
            now: 0,
            subscription: None,
            waiting: None,
            bucket: None,
            gifts: Vec::new(),
            coming: Vec::new(),
            made: 0,
            overdraft: 0,
            left: BTreeMap::new(),
            promoted: false,
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

    /// What is on sale.
    #[must_use]
    pub fn shop(&self) -> &Shop {
        &self.shop
    }

    /// What a story may name.
    #[must_use]
    pub fn places(&self) -> Places {
        Places {
            gifts: self.gifts.iter().chain(&self.coming).map(|gift| gift.number).collect(),
            period_end: self.bucket.as_ref().map(|bucket| bucket.expires),
            ends: self.subscription.as_ref().and_then(|one| one.ends),
            promoted: self.promoted,
        }
    }

    /// What is left of everything.
    #[must_use]
    pub fn balance(&self) -> i128 {
        let gifts: i128 = self.gifts.iter().map(|gift| gift.amount - gift.consumed).sum();
        self.bucket.as_ref().map_or(0, Bucket::left) + gifts - self.overdraft
    }

    /// The next instant at which something happens by itself.
    #[must_use]
    pub fn next_instant(&self) -> Option<i64> {
        let one = self.subscription.as_ref();
        let trial = one.and_then(|one| one.trial).map(|(end, _)| end);
        let instants = [
            self.bucket.as_ref().map(|bucket| bucket.expires),
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
        self.bucket.take_if(|bucket| bucket.expires <= at);
        self.gifts.retain(|gift| gift.until > at);
        let ends = self.subscription.as_ref().is_some_and(|one| {
            let is_cancelled = one.ends.is_some_and(|end| end <= at);
            is_cancelled || one.trial.is_some_and(|(end, cancels)| end <= at && cancels)
        });
        if ends {
            self.leave();
        }
        if let Some(one) = &mut self.subscription
            && one.trial.is_some_and(|(end, _)| end <= at)
        {
            one.trial = None;
            one.anchor.at = at;
            self.bucket = None;
        }
        if let Some(waiting) = self.waiting.take_if(|waiting| waiting.start <= at) {
            self.begin(waiting.plan, waiting.seats, false);
        }
        self.renew();
        let (begun, coming) = self.coming.drain(..).partition(|gift| gift.from <= at);
        self.coming = coming;
        let begun: Vec<Gift> = begun;
        self.gifts.extend(begun);
        self.gifts.sort();
        self.settle();
    }

    fn version(&self, id: &str) -> usize {
        let mut offers = self.shop.plans.iter().chain(&self.shop.addons);
        let offer = offers.find(|offer| offer.id == id);
        offer.map_or(0, |offer| offer.versions.len().saturating_sub(1))
    }

    /// A plan takes the place of what is there, in its latest version. Its periods are those of
    /// what was there, unless new ones are asked for or who paid nothing pays from now on.
    fn begin(&mut self, plan: &'static str, seats: Option<u32>, new_periods: bool) {
        let now = self.now;
        let before = self.subscription.take();
        let keeps =
            before.as_ref().filter(|old| !new_periods && (old.plan != FREE || plan == FREE));
        let anchor = keeps.map_or(Anchor { at: now, zone: self.shop.zone }, |old| old.anchor);
        let resets = match self.shop.resets {
            Resets::Always => true,
            Resets::Never => false,
            Resets::WithPeriods => keeps.is_none(),
        };
        let version = self.version(plan);
        let addons = Vec::new();
        self.subscription =
            Some(Subscription { plan, version, addons, seats, anchor, trial: None, ends: None });
        let begins = keeps.is_none();
        // Prorated, the two plans share the period, and nothing starts anew within it.
        let is_shared = self.shop.prorates && !begins;
        let Some(old) = before else { return };
        if let Some(bucket) = &mut self.bucket
            && resets
            && !is_shared
        {
            // Who comes back within the period finds what was consumed under the plan.
            self.left.insert((old.plan, old.anchor), (bucket.consumed, bucket.expires));
            let known = self.left.get(&(plan, anchor)).filter(|(_, until)| *until > now);
            bucket.consumed = known.map_or(0, |(consumed, _)| *consumed);
        }
        self.stand_at(self.amounts(), begins);
    }

    /// What a total is worth for the rest of the period, rounded down.
    fn worth(&self, total: i128) -> i128 {
        let Some(one) = self.subscription.as_ref().filter(|_| self.shop.prorates) else {
            return total;
        };
        let period = one.anchor.period(self.step(), self.now);
        total * i128::from(period.end - self.now) / i128::from(period.end - period.start)
    }

    /// Everything stands elsewhere from now on, in a new period or in the one that runs.
    fn stand_at(&mut self, stands: BTreeMap<&'static str, i128>, begins: bool) {
        let Some(mut bucket) = self.bucket.take() else { return };
        let before = bucket.total();
        bucket.stands = stands;
        if begins {
            bucket.given = bucket.total();
        } else {
            bucket.given += self.worth(bucket.total()) - self.worth(before);
        }
        bucket.expires = self.period_end();
        self.bucket = Some(bucket);
    }

    /// The subscription ends, or goes on with the free plan in new periods.
    fn leave(&mut self) {
        let Some(one) = self.subscription.take() else { return };
        let is_taken = self.waiting.as_ref().is_some_and(|waiting| waiting.start <= self.now);
        if !self.shop.followed || one.plan == FREE || is_taken {
            self.bucket = None;
            return;
        }
        self.subscription = Some(Subscription {
            plan: FREE,
            version: self.version(FREE),
            addons: Vec::new(),
            seats: None,
            anchor: Anchor { at: self.now, zone: self.shop.zone },
            trial: None,
            ends: None,
        });
        if one.trial.is_some() || self.shop.resets != Resets::Never {
            self.bucket = None;
        }
        self.stand_at(self.amounts(), true);
        self.renew();
    }

    /// What the subscription gives: the greatest override alone, else the plan and all add-ons.
    fn shares(&self) -> Shares {
        let mut shares = Shares::new();
        let Some(one) = &self.subscription else { return shares };
        let packs = one.addons.iter().find(|addon| addon.id == PACK);
        let seats =
            one.seats.unwrap_or(TEAM_SEATS) + packs.map_or(0, |it| it.quantity * PACK_SEATS);
        let credits = i128::from(self.shop.plan(one.plan).versions[one.version]);
        let seats = if one.plan == TEAM { seats } else { 1 };
        shares.insert(one.plan, Share { credits, quantity: 1, seats });
        for addon in one.addons.iter().filter(|addon| addon.id != PACK) {
            let credits = i128::from(self.shop.addon(addon.id).versions[addon.version]);
            shares.insert(addon.id, Share { credits, quantity: addon.quantity, seats: 1 });
        }
        let overrides = |id: &&str| self.shop.addons.iter().any(|it| it.id == *id && it.overrides);
        let amount = |id: &&str| shares.get(id).map(|share| share.amount());
        match shares.keys().copied().filter(|id| overrides(id)).max_by_key(amount) {
            Some(greatest) => shares.into_iter().filter(|(id, _)| *id == greatest).collect(),
            None => shares,
        }
    }

    fn amounts(&self) -> BTreeMap<&'static str, i128> {
        self.shares().into_iter().map(|(id, share)| (id, share.amount())).collect()
    }

    /// Someone changed what is given: what was changed stands at its new amount, but nothing is
    /// taken back for seats that were returned, nor what stands above an amount that grew. What is
    /// no longer given goes.
    fn change(&mut self, before: &Shares) {
        let Some(bucket) = &self.bucket else { return };
        let stood = bucket.stands.clone();
        let mut all = BTreeMap::new();
        for (id, share) in self.shares() {
            let held = stood.get(id).copied().unwrap_or(0);
            let stands = match before.get(id) {
                Some(old) if *old == share => held,
                Some(old)
                    if share.credits * i128::from(share.quantity)
                        < old.credits * i128::from(old.quantity) =>
                {
                    share.amount()
                }
                _ => held.max(share.amount()),
            };
            all.insert(id, stands);
        }
        self.stand_at(all, false);
    }

    /// Newer versions hold: what grows, grows now; what shrinks, does so with the next period.
    fn grow(&mut self) {
        let Some(bucket) = &self.bucket else { return };
        let mut all = bucket.stands.clone();
        for (id, amount) in self.amounts() {
            let stands = all.entry(id).or_default();
            *stands = amount.max(*stands);
        }
        self.stand_at(all, false);
    }

    fn step(&self) -> Months {
        if self.shop.yearly { Months::Year } else { Months::Month }
    }

    /// The end of the period of the credits; no credits outlive a trial.
    fn period_end(&self) -> i64 {
        let Some(one) = &self.subscription else { return NEVER };
        let end = one.anchor.boundary_after(self.step(), self.now);
        one.trial.map_or(end, |(trial, _)| end.min(trial))
    }

    /// A period without credits begins with all of them.
    fn renew(&mut self) {
        if self.subscription.is_some() && self.bucket.is_none() {
            let (stands, expires) = (self.amounts(), self.period_end());
            let given = stands.values().sum();
            self.bucket = Some(Bucket { stands, given, consumed: 0, expires });
        }
    }

    /// What so many calls cost.
    #[must_use]
    pub fn price_of(&self, calls: u32) -> i128 {
        let rate = self.shop.rate.filter(|_| self.subscription.is_some());
        i128::from(rate.unwrap_or(0)) * i128::from(calls) * ONE
    }

    /// Whether a deed is done: only who asked for it is refused.
    #[must_use]
    pub fn allows(&self, deed: &Deed) -> bool {
        !matches!(deed, Deed::Use { amount, strict: true } if *amount > self.balance())
    }

    /// Does what was asked. New kinds of deeds have their place here, in `subject::command` and in
    /// `story`.
    pub fn act(&mut self, deed: &Deed) {
        let before = self.shares();
        match deed {
            Deed::Use { amount, .. } => self.draw(*amount),
            Deed::Report(calls) => self.draw(self.price_of(*calls)),
            Deed::Promote(gives) => self.promoted |= gives,
            Deed::Grant { .. } => self.grant(deed),
            Deed::Void(number) => {
                self.gifts.retain(|gift| gift.number != *number);
                self.coming.retain(|gift| gift.number != *number);
            }
            Deed::Subscribe { plan, start, trial } => {
                let start = start.map_or(self.now, stipend_core::Timestamp::micros);
                if start > self.now {
                    self.waiting = Some(Waiting { plan, start, seats: None });
                } else {
                    self.begin(plan, None, true);
                    if let Some(one) = &mut self.subscription {
                        one.anchor.at = start;
                        one.trial = trial.map(|trial| (trial.ends_at.micros(), trial.cancels));
                    }
                    self.renew();
                }
            }
            Deed::ChangePlan { plan, at_period_end, new_periods } => {
                let seats = self.subscription.as_ref().and_then(|one| one.seats);
                let waiting = self.waiting.take();
                if *at_period_end {
                    let start = self.billing_end();
                    let same = waiting.filter(|other| (other.plan, other.start) == (plan, start));
                    self.waiting = Some(same.unwrap_or(Waiting { plan, start, seats }));
                } else {
                    self.begin(plan, seats, *new_periods);
                }
            }
            Deed::SetAddons(addons) => self.set_addons(addons, &before),
            Deed::SetSeats(seats) => {
                if let Some(one) = &mut self.subscription {
                    one.seats = Some(*seats);
                }
                self.change(&before);
            }
            Deed::Publish { id, credits, everyone } => self.publish(id, *credits, *everyone),
            Deed::Migrate => self.migrate(|_| true),
            Deed::MoveTrial(end) => self.move_trial(end.micros()),
            Deed::Cancel(when) => self.cancel(*when),
            Deed::TakeBack => {
                if let Some(one) = &mut self.subscription {
                    one.ends = None;
                }
            }
        }
        self.settle();
    }

    /// What is there keeps its version; what is bought comes in the latest.
    fn set_addons(&mut self, addons: &[(&'static str, u32)], before: &Shares) {
        let had = self.subscription.as_ref().map_or(Vec::new(), |one| one.addons.clone());
        let addons = addons.iter().map(|(id, quantity)| {
            let kept = had.iter().find(|addon| addon.id == *id);
            let version = kept.map_or_else(|| self.version(id), |addon| addon.version);
            Addon { id, version, quantity: *quantity }
        });
        let addons = addons.collect();
        if let Some(one) = &mut self.subscription {
            one.addons = addons;
        }
        self.change(before);
    }

    fn publish(&mut self, id: &'static str, credits: i64, everyone: bool) {
        self.shop.publish(id, credits);
        if everyone {
            self.migrate(|other| other == id);
        }
    }

    /// Takes the latest versions of some offers.
    fn migrate(&mut self, is_meant: impl Fn(&str) -> bool) {
        let Some(mut one) = self.subscription.take() else { return };
        if is_meant(one.plan) {
            one.version = self.version(one.plan);
        }
        for addon in one.addons.iter_mut().filter(|addon| is_meant(addon.id)) {
            addon.version = self.version(addon.id);
        }
        self.subscription = Some(one);
        self.grow();
    }

    /// The credits of a trial end with it, whenever that is, and are otherwise as they are.
    fn move_trial(&mut self, end: i64) {
        if let Some((trial, _)) = self.subscription.as_mut().and_then(|one| one.trial.as_mut()) {
            *trial = end;
        }
        let expires = self.period_end();
        if let Some(bucket) = &mut self.bucket {
            bucket.expires = expires;
        }
    }

    /// The end of the billing period, or of the trial.
    fn billing_end(&self) -> i64 {
        let one = self.subscription.as_ref().expect("stories change what is there");
        let month = || one.anchor.boundary_after(Months::Month, self.now);
        one.trial.map_or_else(month, |(end, _)| end)
    }

    /// Who cancels wants nothing to go on. A trial goes on until a date that is named.
    fn cancel(&mut self, when: When) {
        self.waiting = None;
        let at = match when {
            When::Now => return self.leave(),
            When::PeriodEnd => self.billing_end(),
            When::At(at) => at.micros(),
        };
        let Some(one) = &mut self.subscription else { return };
        one.ends = Some(at);
        if let Some(end) = one.trial.map(|(end, _)| end).filter(|end| *end < at) {
            self.move_trial(end.max(at));
        }
    }
}
