//! What happens to a customer: steps by chance, with the calendar's hard places made frequent.

use crate::model::{Model, View};
use crate::prng::Prng;
use crate::shop::Shop;
use crate::shop::{PACK, TEAM, credits};
use std::fmt;
use stipend_core::Timestamp;

/// When a cancellation takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At once.
    Now,
    /// When the billing period ends.
    PeriodEnd,
    /// At an instant.
    At(Timestamp),
}

/// A trial to begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrialPlan {
    /// When it ends.
    pub ends_at: Timestamp,
    /// Whether nothing follows it.
    pub cancels: bool,
}

/// Something that is asked of the subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A first subscription, or one after the last has ended.
    Subscribe {
        /// The plan.
        plan: &'static str,
        /// When it begins; now where absent.
        start: Option<Timestamp>,
        /// The trial it begins with.
        trial: Option<TrialPlan>,
    },
    /// Other add-ons.
    SetAddons(Vec<(&'static str, u32)>),
    /// Another plan.
    ChangePlan {
        /// The plan.
        plan: &'static str,
        /// Whether it waits for the end of the billing period.
        at_period_end: bool,
        /// Whether periods are counted from then on.
        new_periods: bool,
    },
    /// So many seats.
    SetSeats(u32),
    /// The next version of something.
    Publish {
        /// Of what.
        id: &'static str,
        /// Its credits.
        credits: i64,
        /// Whether it reaches those who have an older one.
        everyone: bool,
    },
    /// The latest versions of what is subscribed to.
    Migrate,
    /// Another end of the trial.
    MoveTrial(Timestamp),
    /// The end of the subscription.
    Cancel(When),
    /// The subscription goes on after all.
    TakeBack,
    /// Consumption, in units of 10⁻⁹.
    Use {
        /// How much.
        amount: i128,
        /// Whether it is refused where it is not covered.
        strict: bool,
    },
    /// So many more calls, which the plan may have a price for.
    Report(u32),
    /// Calls on top of every subscription, or none any more.
    Promote(bool),
    /// What is unused of a grant by hand is taken back, by its number.
    Void(usize),
    /// Credits by hand.
    Grant {
        /// Its number among those by hand.
        number: usize,
        /// Given away, not bought.
        promotional: bool,
        /// How many, in units of 10⁻⁹.
        amount: i128,
        /// The priority.
        priority: u8,
        /// From when.
        from: Option<Timestamp>,
        /// Until when.
        until: Option<Timestamp>,
    },
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Time passes.
    Wait {
        /// Until when.
        until: Timestamp,
    },
    /// Something is asked.
    Do {
        /// When.
        at: Timestamp,
        /// What.
        deed: Deed,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wait { until } => write!(formatter, "{until} wait"),
            Self::Do { at, deed } => write!(formatter, "{at} {deed:?}"),
        }
    }
}

const SECOND: i64 = 1_000_000;
const DAY: i64 = 24 * 60 * 60 * SECOND;

/// 2023-01-01T00:00:00Z.
const EARLIEST: i64 = 1_672_531_200 * SECOND;

/// The days on which lives begin: ends of months, the leap day, and others.
const BIRTHDAYS: [i64; 8] = [30, 58, 89, 364, 395, 424, 29, 45];

/// A life as it unfolds.
#[derive(Clone, Debug)]
pub struct Story {
    now: i64,
    end: i64,
    grants: usize,
}

impl Story {
    /// A life of so many years.
    pub fn new(prng: &mut Prng, years: u32) -> Self {
        let time_of_day = prng.pick(&[0, 0, 0, 86_399_999_999, 12 * 3_600 * SECOND]);
        let now = EARLIEST + prng.pick(&BIRTHDAYS) * DAY + time_of_day;
        Self { now, end: now + i64::from(years) * 366 * DAY, grants: 0 }
    }

    /// The instant at which it is.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now)
    }

    /// The next step; none when the life is over.
    pub fn next(&mut self, prng: &mut Prng, model: &Model) -> Option<Step> {
        if self.now >= self.end {
            return None;
        }
        if prng.chance(45) {
            self.now += self.jump(prng, model);
            return Some(Step::Wait { until: self.now() });
        }
        let deed = self.deed(prng, model);
        Some(
            deed.map_or(Step::Wait { until: self.now() }, |deed| Step::Do { at: self.now(), deed }),
        )
    }

    /// Often exactly to the next boundary, or a microsecond beside it.
    fn jump(&self, prng: &mut Prng, model: &Model) -> i64 {
        if let Some(next) = model.next_instant()
            && prng.chance(50)
        {
            let beside = prng.pick(&[-1, 0, 0, 1]);
            return (next + beside - self.now).max(1);
        }
        match prng.below(10) {
            0 => 1 + i64::try_from(prng.below(1_000_000)).unwrap_or(0),
            1..=4 => (1 + i64::try_from(prng.below(20)).unwrap_or(0)) * DAY / 3,
            5..=8 => (1 + i64::try_from(prng.below(60)).unwrap_or(0)) * DAY,
            _ => 400 * DAY,
        }
    }

    fn deed(&mut self, prng: &mut Prng, model: &Model) -> Option<Deed> {
        let shop = model.shop();
        if shop.rate.is_some() && prng.chance(15) {
            return Some(self.report(prng, model));
        }
        if prng.chance(45) {
            return self.usage(prng, model);
        }
        if shop.grants && prng.chance(25) {
            return Some(self.grant(prng, model));
        }
        if shop.publishes && prng.chance(10) {
            let offers = shop.plans.iter().chain(&shop.addons).map(|offer| offer.id);
            let offers: Vec<&'static str> = offers.filter(|id| *id != PACK).collect();
            let id = prng.pick(&offers);
            let credits = if id == TEAM { credits(prng) / 5 } else { credits(prng) };
            return Some(Deed::Publish { id, credits, everyone: prng.chance(60) });
        }
        match model.view() {
            View::Nothing => Some(self.subscribe(prng, shop)),
            View::Pending => None,
            View::Trial => self.in_trial(prng, model),
            View::Live { plan } => self.live(prng, model, plan),
        }
    }

    /// Reported usage is never refused, so who does not overdraw reports what is covered.
    fn report(&self, prng: &mut Prng, model: &Model) -> Deed {
        if prng.chance(10) {
            return Deed::Promote(prng.chance(70) || !model.places().promoted);
        }
        let calls = u32::try_from(1 + prng.below(20)).unwrap_or(1);
        let cost = model.price_of(calls);
        let is_covered = model.shop().overdraws || cost <= model.balance();
        if is_covered { Deed::Report(calls) } else { Deed::Promote(true) }
    }

    fn usage(&self, prng: &mut Prng, model: &Model) -> Option<Deed> {
        let asked = i128::from(1 + prng.below(60_000_000_000));
        let strict = model.shop().strict && prng.chance(40);
        if strict || model.shop().overdraws {
            return Some(Deed::Use { amount: asked, strict });
        }
        let most = model.balance();
        (most > 0).then(|| Deed::Use { amount: asked.min(most), strict })
    }

    /// Begins and ends at odd microseconds, or at the end of the running period. What was bought at
    /// the usual priority has an odd end: it would be drawn between the parts of the period, which
    /// the model does not tell apart and the auditor does.
    fn grant(&mut self, prng: &mut Prng, model: &Model) -> Deed {
        let places = model.places();
        if !places.gifts.is_empty() && prng.chance(15) {
            return Deed::Void(prng.pick(&places.gifts));
        }
        let now = self.now;
        let odd = |prng: &mut Prng, days: u64| {
            let odd = i64::try_from(prng.below(5_000)).unwrap_or(0) * 2 + 1;
            (now / SECOND + some(prng, days) * 86_400) * SECOND + 300_000 + odd
        };
        let (promotional, priority) = (prng.chance(50), prng.pick(&[50, 50, 0, 100]));
        let boundary = places.period_end.filter(|_| prng.chance(30));
        let from = prng.chance(30).then(|| boundary.unwrap_or_else(|| odd(prng, 30)));
        let boundary = boundary.filter(|_| promotional || priority != 50);
        let until = prng.chance(60).then(|| boundary.unwrap_or_else(|| odd(prng, 200)));
        let until = until.filter(|until| from.is_none_or(|from| from < *until));
        self.grants += 1;
        Deed::Grant {
            number: self.grants - 1,
            promotional,
            amount: i128::from(1 + prng.below(50_000_000_000)),
            priority,
            from: from.map(Timestamp::from_micros),
            until: until.map(Timestamp::from_micros),
        }
    }

    fn subscribe(&self, prng: &mut Prng, shop: &Shop) -> Deed {
        let start = match prng.below(10) {
            0 => Some(self.now + some(prng, 40) * DAY),
            1 => Some(self.now - some(prng, 70) * DAY),
            _ => None,
        };
        let trial = shop.trials && start.is_none() && prng.chance(60);
        let trial =
            trial.then(|| TrialPlan { ends_at: self.later(prng, 40), cancels: prng.chance(30) });
        let start = start.map(Timestamp::from_micros);
        Deed::Subscribe { plan: any_plan(shop, prng), start, trial }
    }

    /// Some days ahead.
    fn later(&self, prng: &mut Prng, days: u64) -> Timestamp {
        Timestamp::from_micros(self.now + some(prng, days) * DAY)
    }

    fn in_trial(&self, prng: &mut Prng, model: &Model) -> Option<Deed> {
        if prng.chance(15) {
            return Some(Deed::MoveTrial(self.later(prng, 50)));
        }
        self.leave(prng, model).or_else(|| self.shape(prng, model))
    }

    fn live(&self, prng: &mut Prng, model: &Model, plan: &str) -> Option<Deed> {
        if let Some(deed) = self.leave(prng, model) {
            return Some(deed);
        }
        if model.shop().changes && prng.chance(40) {
            let plan_after = any_plan(model.shop(), prng);
            let at_period_end = prng.chance(50);
            let new_periods = !at_period_end && prng.chance(20);
            return (plan_after != plan).then_some(Deed::ChangePlan {
                plan: plan_after,
                at_period_end,
                new_periods,
            });
        }
        self.shape(prng, model)
    }

    /// A cancellation, or its taking back.
    fn leave(&self, prng: &mut Prng, model: &Model) -> Option<Deed> {
        if model.places().ends.is_some() && prng.chance(40) {
            return Some(Deed::TakeBack);
        }
        let cancels = model.shop().cancels && prng.chance(10);
        let at = When::At(self.later(prng, 45));
        cancels.then(|| Deed::Cancel(prng.pick(&[When::Now, When::PeriodEnd, at])))
    }

    /// Other add-ons, other seats, newer versions.
    fn shape(&self, prng: &mut Prng, model: &Model) -> Option<Deed> {
        let shop = model.shop();
        if shop.publishes && prng.chance(15) {
            return Some(Deed::Migrate);
        }
        if shop.seats && prng.chance(30) {
            return Some(Deed::SetSeats(u32::try_from(prng.below(8)).unwrap_or(1)));
        }
        shop.addons_change.then(|| addons(prng, shop))
    }
}

/// From one to so many.
fn some(prng: &mut Prng, most: u64) -> i64 {
    i64::try_from(1 + prng.below(most)).unwrap_or(1)
}

fn any_plan(shop: &Shop, prng: &mut Prng) -> &'static str {
    let plans: Vec<&'static str> = shop.plans.iter().map(|offer| offer.id).collect();
    prng.pick(&plans)
}

fn addons(prng: &mut Prng, shop: &Shop) -> Deed {
    let mut addons = Vec::new();
    for offer in &shop.addons {
        let often = if offer.overrides { 20 } else { 50 };
        if prng.chance(often) {
            addons.push((offer.id, u32::try_from(1 + prng.below(3)).unwrap_or(1)));
        }
    }
    Deed::SetAddons(addons)
}
