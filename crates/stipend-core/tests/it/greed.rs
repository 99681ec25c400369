//! What a greedy customer could gain: nothing. Whatever is changed within one period, in whatever
//! order, with proration and without, it never comes to more than the greatest that was held, and
//! the next period gives what is agreed by then.
//!
//! Method: random plan changes, quantities, seats, versions and trial ends against a bound and
//! against sums over time, which know nothing of grants.

use crate::support::{World, at, catalog};
use proptest::prelude::*;
use stipend_core::customer::{Standing, resolve};
use stipend_core::{Amount, Timestamp, examples};

const SHOP: &str = "
    plan base paid 300/month
    plan twin paid 300/month
    plan big paid 900/month
    plan small paid 150/month
    plan team paid limit=2 100/month:per-seat
    plan trial paid limit=3 100/month:per-seat trial=14d
    addon extra 60/month
    addon tier 500/month:override
    ";

const SETTINGS: [&str; 5] = [
    "settings prorate",
    "settings prorate month-aligned",
    "product reset=never",
    "product reset=change",
    "",
];

const PLANS: [(&str, i64); 5] =
    [("base", 300), ("twin", 300), ("big", 900), ("small", 150), ("team", 100)];

/// The period that all of it happens in.
const START: &str = "2025-04-01";
const HOURS: i64 = 30 * 24;

/// Aligned subscriptions begin with a shorter period.
fn start_of(settings: &str) -> &'static str {
    if settings.contains("aligned") { "2025-04-06T10:30:00Z" } else { START }
}

/// What is on the subscription.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Terms {
    plan: usize,
    extra: i64,
    tier: i64,
}

#[derive(Clone, Debug)]
enum Op {
    Change(Terms),
    Seats(i64),
    /// A new version of the plan with that number, or of the add-on, that everyone moves to.
    Version(usize, i64),
    /// A new version of the tier, which overrides or not, that everyone moves to.
    Overrides(bool),
    Use(i64),
    Wait(i64),
}

fn terms() -> impl Strategy<Value = Terms> {
    let tier = prop_oneof![3 => Just(0i64), 1 => 1..3i64];
    (0..PLANS.len(), 0..4i64, tier).prop_map(|(plan, extra, tier)| Terms { plan, extra, tier })
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => terms().prop_map(Op::Change),
        2 => (0..6i64).prop_map(Op::Seats),
        2 => (0..=PLANS.len(), 1..8i64).prop_map(|(package, tens)| Op::Version(package, tens * 50)),
        1 => any::<bool>().prop_map(Op::Overrides),
        3 => (1..400i64).prop_map(Op::Use),
        2 => (1..100i64).prop_map(Op::Wait),
    ];
    prop::collection::vec(op, 1..12)
}

/// A customer with the plan `base` who has consumed nothing.
struct Greedy {
    world: World,
    terms: Terms,
    made: usize,
    used: Amount,
    end: Timestamp,
}

impl Greedy {
    fn new(settings: &str) -> Self {
        let mut world = World::new(catalog(&format!("{settings}\n{SHOP}")));
        world.step(&format!("{} subscribe base", start_of(settings)));
        let terms = Terms { plan: 0, extra: 0, tier: 0 };
        Self { world, terms, made: 0, used: Amount::ZERO, end: at("2025-05-01") }
    }

    fn step(&mut self, step: &str) {
        let state = self.world.step(step);
        assert!(!state.starts_with("refused"), "{step}: {state}");
    }

    fn change(&mut self, to: Terms) {
        let addons = [("extra", to.extra), ("tier", to.tier)];
        let addons = addons.iter().filter(|addon| addon.1 > 0);
        let addons: Vec<String> = addons.map(|(id, many)| format!("{id}={many}")).collect();
        let addons = addons.join(" ");
        if to.plan == self.terms.plan {
            self.step(&format!("set {addons}"));
        } else {
            self.made += 1;
            let (plan, id) = (PLANS[to.plan].0, self.made);
            self.step(&format!("subscribe {plan} id=g{id} {addons}"));
        }
        self.terms = to;
    }

    fn left(&self) -> Amount {
        self.world.pool().unwrap().balance()
    }

    fn consume(&mut self, amount: i64) {
        let amount = Amount::whole(amount).min(self.left());
        if amount.is_positive() {
            self.step(&format!("use {amount}"));
            self.used += amount;
        }
    }

    /// Waits, but not as long as the period.
    fn wait(&mut self, hours: i64) {
        let last = self.end.plus_seconds(-1);
        self.world.advance(last.min(self.world.now.plus_seconds(hours * 60 * 60)));
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Change(terms) => self.change(*terms),
            Op::Seats(seats) => self.step(&format!("patch buy=seats*{seats}")),
            Op::Version(package, amount) => {
                let package = match PLANS.get(*package) {
                    Some(("team", _)) => format!("plan team limit=2 {amount}/month:per-seat"),
                    Some((plan, _)) => format!("plan {plan} {amount}/month"),
                    None => format!("addon extra {amount}/month"),
                };
                self.step(&format!("publish {package}"));
                self.step("migrate");
            }
            Op::Overrides(does) => {
                let flag = if *does { ":override" } else { "" };
                self.step(&format!("publish addon tier 500/month{flag}"));
                self.step("migrate");
            }
            Op::Use(amount) => self.consume(*amount),
            Op::Wait(hours) => self.wait(*hours),
        }
    }

    /// What is agreed now.
    fn agreed(&self) -> Amount {
        let live = self.world.customer.subscriptions.last().unwrap();
        let shares = resolve(&live.terms, &self.world.catalog);
        let shares = shares.get(&examples::credits()).into_iter().flatten();
        shares.filter(|share| share.standing == Standing::Grants).map(|share| share.amount).sum()
    }

    /// The next periods give what is agreed by then.
    fn assert_renews(&mut self) {
        for end in [self.end, at("2025-06-01")] {
            self.world.advance(end);
            assert_eq!(self.left(), self.agreed(), "at {end}");
        }
        self.world.assert_read_is_replay();
    }
}

/// The greatest that was held: of each package the greatest version, of seats the most.
#[derive(Debug)]
struct Held {
    plans: [i64; PLANS.len()],
    extra: i64,
    seats: i64,
    /// Whether a version of the tier did not override.
    adds: bool,
    terms: Vec<Terms>,
}

impl Held {
    fn new(terms: Terms) -> Self {
        let plans = PLANS.map(|(_, amount)| amount);
        Self { plans, extra: 60, seats: 2, adds: false, terms: vec![terms] }
    }

    fn note(&mut self, op: &Op) {
        match op {
            Op::Change(terms) => self.terms.push(*terms),
            Op::Seats(seats) => self.seats = self.seats.max(*seats),
            Op::Version(package, amount) => {
                let greatest = self.plans.get_mut(*package).unwrap_or(&mut self.extra);
                *greatest = (*greatest).max(*amount);
            }
            Op::Overrides(does) => self.adds |= !does,
            Op::Use(_) | Op::Wait(_) => {}
        }
    }

    fn total(&self, terms: &Terms) -> i64 {
        let (plan, _) = PLANS[terms.plan];
        let seats = if plan == "team" { self.seats } else { 1 };
        let added = self.plans[terms.plan] * seats + terms.extra * self.extra;
        match terms.tier * 500 {
            0 => added,
            tier if self.adds => added + tier,
            tier => tier,
        }
    }

    fn most(&self) -> Amount {
        Amount::whole(self.terms.iter().map(|terms| self.total(terms)).max().unwrap_or(0))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whatever_is_changed_within_a_period_gains_nothing_and_renews(
        setting in 0..SETTINGS.len(),
        ops in ops(),
    ) {
        let mut greedy = Greedy::new(SETTINGS[setting]);
        let mut held = Held::new(greedy.terms);
        for op in &ops {
            greedy.apply(op);
            held.note(op);
            // By default a product lets usage start anew with another plan.
            let counts = !SETTINGS[setting].is_empty();
            let used = if counts { greedy.used } else { Amount::ZERO };
            prop_assert!(
                used + greedy.left() <= held.most(),
                "{op:?}: {used} used and {} left of {}", greedy.left(), held.most()
            );
        }
        greedy.assert_renews();
    }

    #[test]
    fn going_anywhere_and_back_at_one_instant_leaves_what_there_was(
        setting in 0..SETTINGS.len(),
        (first, wait, used) in (terms(), 0..HOURS, 0..900i64),
        ways in prop::collection::vec(terms(), 1..6),
    ) {
        let mut greedy = Greedy::new(SETTINGS[setting]);
        greedy.change(first);
        greedy.consume(used);
        greedy.wait(wait);
        let before = greedy.left();
        for way in &ways {
            greedy.change(*way);
        }
        greedy.change(first);
        prop_assert_eq!(greedy.left(), before);
        greedy.assert_renews();
    }

    #[test]
    fn a_prorated_period_gives_each_amount_for_the_time_in_which_it_stood(
        changes in prop::collection::vec((terms(), 0..200i64, 0..500i64), 1..8),
    ) {
        let mut greedy = Greedy::new("settings prorate");
        let held = Held::new(greedy.terms);
        let (mut hours, mut worth, mut total) = (0, 0, 300);
        for (terms, wait, used) in &changes {
            let passed = (hours + wait).min(HOURS - 1) - hours;
            worth += total * passed;
            hours += passed;
            greedy.wait(passed);
            greedy.change(*terms);
            total = held.total(terms);
            greedy.consume(*used);
            // In parts of a credit that are as many as the period has hours.
            let gives = Amount::whole(worth + total * (HOURS - hours)).portion(1, HOURS);
            let left = (gives - greedy.used).or_zero();
            let rounded = Amount::from_nano(2 * i128::try_from(changes.len()).unwrap());
            prop_assert!(
                left - rounded <= greedy.left() && greedy.left() <= left + rounded,
                "{left} expected, {} left", greedy.left()
            );
        }
        greedy.assert_renews();
    }

    #[test]
    fn moving_the_end_of_a_trial_never_moves_what_is_left(
        moves in prop::collection::vec((0..4usize, 1..60i64), 1..12),
        setting in 0..SETTINGS.len(),
    ) {
        let mut world = World::new(catalog(&format!("{}\n{SHOP}", SETTINGS[setting])));
        world.step(&format!("{} subscribe trial", start_of(SETTINGS[setting])));
        for (what, number) in moves {
            let before = world.state();
            let step = match what {
                0 => {
                    let end = world.now.plus_seconds(number * 24 * 60 * 60);
                    format!("patch trial-ends={end}")
                }
                1 => format!("patch buy=seats*{}", number % 7),
                2 => format!("set extra={}", number % 4 + 1),
                _ if world.pool().unwrap().balance().is_positive() => "use 1".to_owned(),
                _ => "wait".to_owned(),
            };
            let after = world.step(&step);
            if what == 0 {
                prop_assert_eq!(after, before);
            }
        }
        let terms = &world.customer.subscriptions[0].terms;
        let ends_at = terms.running_trial().unwrap().ends_at;
        world.advance(ends_at);
        let shares = resolve(&world.customer.subscriptions[0].terms, &world.catalog);
        let agreed = shares[&examples::credits()].iter().map(|share| share.amount).sum::<Amount>();
        let is_stub = SETTINGS[setting].contains("aligned");
        let left = world.pool().unwrap().balance();
        prop_assert!(left == agreed || (is_stub && left < agreed), "{left} of {agreed}");
    }
}
