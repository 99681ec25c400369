//! What happens to a customer: steps by chance, with the calendar's hard places made frequent.

use crate::model::{Model, View};
use crate::prng::Prng;
use crate::shop::Shop;
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
    },
    /// The end of the subscription.
    Cancel(When),
    /// Consumption, in units of 10⁻⁹.
    Use(i128),
    /// Credits by hand.
    Grant {
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
    shop: Shop,
}

impl Story {
    /// A life of so many years.
    pub fn new(shop: &Shop, prng: &mut Prng, years: u32) -> Self {
        let time_of_day = prng.pick(&[0, 0, 0, 86_399_999_999, 12 * 3_600 * SECOND]);
        let now = EARLIEST + prng.pick(&BIRTHDAYS) * DAY + time_of_day;
        Self { now, end: now + i64::from(years) * 366 * DAY, shop: shop.clone() }
    }

    /// The instant at which it is.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now)
    }

    /// The next step; none when the life is over.
    pub fn next(&mut self, prng: &mut Prng, model: &Model<'_>) -> Option<Step> {
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
    fn jump(&self, prng: &mut Prng, model: &Model<'_>) -> i64 {
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

    fn deed(&self, prng: &mut Prng, model: &Model<'_>) -> Option<Deed> {
        if prng.chance(45) {
            return Some(Deed::Use(self.usage(prng, model)?));
        }
        if self.shop.grants && prng.chance(25) {
            return Some(self.grant(prng));
        }
        match model.view() {
            View::Nothing => Some(self.subscribe(prng)),
            View::Pending => None,
            View::Trial => self.in_trial(prng),
            View::Live { plan } => self.live(prng, plan),
        }
    }

    fn usage(&self, prng: &mut Prng, model: &Model<'_>) -> Option<i128> {
        let asked = i128::from(1 + prng.below(60_000_000_000));
        if self.shop.overdraws {
            return Some(asked);
        }
        let most = model.balance();
        (most > 0).then(|| asked.min(most))
    }

    /// Ends at odd microseconds, so that no grant by hand ends or begins together with a period.
    fn grant(&self, prng: &mut Prng) -> Deed {
        let odd = |prng: &mut Prng, days: u64| {
            let days = i64::try_from(1 + prng.below(days)).unwrap_or(1);
            let odd = i64::try_from(prng.below(5_000)).unwrap_or(0) * 2 + 1;
            Timestamp::from_micros((self.now / SECOND + days * 86_400) * SECOND + 300_000 + odd)
        };
        let from = prng.chance(30).then(|| odd(prng, 30));
        let until = prng.chance(60).then(|| odd(prng, 200));
        let until = until.filter(|until| from.is_none_or(|from| from < *until));
        Deed::Grant {
            promotional: prng.chance(50),
            amount: i128::from(1 + prng.below(50_000_000_000)),
            priority: prng.pick(&[50, 50, 0, 100]),
            from,
            until,
        }
    }

    fn any_plan(&self, prng: &mut Prng) -> &'static str {
        let plans: Vec<&'static str> = self.shop.plans.iter().map(|offer| offer.id).collect();
        prng.pick(&plans)
    }

    fn subscribe(&self, prng: &mut Prng) -> Deed {
        let days = |prng: &mut Prng, most| i64::try_from(1 + prng.below(most)).unwrap_or(1) * DAY;
        let start = match prng.below(10) {
            0 => Some(self.now + days(prng, 40)),
            1 => Some(self.now - days(prng, 70)),
            _ => None,
        };
        let trial = self.shop.trials && start.is_none() && prng.chance(60);
        let trial = trial.then(|| TrialPlan {
            ends_at: Timestamp::from_micros(self.now + days(prng, 40)),
            cancels: prng.chance(30),
        });
        let start = start.map(Timestamp::from_micros);
        Deed::Subscribe { plan: self.any_plan(prng), start, trial }
    }

    fn in_trial(&self, prng: &mut Prng) -> Option<Deed> {
        if self.shop.cancels && prng.chance(10) {
            return Some(Deed::Cancel(prng.pick(&[When::Now, When::PeriodEnd])));
        }
        self.shop.addons_change.then(|| self.addons(prng))
    }

    fn live(&self, prng: &mut Prng, plan: &str) -> Option<Deed> {
        if self.shop.cancels && prng.chance(10) {
            let later = self.now + i64::try_from(1 + prng.below(90)).unwrap_or(1) * DAY / 2;
            let at = When::At(Timestamp::from_micros(later));
            return Some(Deed::Cancel(prng.pick(&[When::Now, When::PeriodEnd, at])));
        }
        if self.shop.changes && prng.chance(40) {
            let other = self.any_plan(prng);
            let at_period_end = prng.chance(50);
            return (other != plan).then_some(Deed::ChangePlan { plan: other, at_period_end });
        }
        self.shop.addons_change.then(|| self.addons(prng))
    }

    fn addons(&self, prng: &mut Prng) -> Deed {
        let mut addons = Vec::new();
        for offer in &self.shop.addons {
            let often = if offer.overrides { 20 } else { 50 };
            if prng.chance(often) {
                addons.push((offer.id, u32::try_from(1 + prng.below(3)).unwrap_or(1)));
            }
        }
        Deed::SetAddons(addons)
    }
}
