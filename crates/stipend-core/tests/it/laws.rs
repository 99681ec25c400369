//! Laws of changes: whatever is done to a subscription inside a period, what is left of its
//! recurring credits is the new total without what was consumed in the period.
//!
//! Method: random changes, consumption and time against an oracle of five whole numbers. It
//! knows nothing of grants.

use crate::support::{World, catalog, reservation};
use proptest::prelude::*;
use stipend_core::customer::{CustomerCommand, Grant, SubscriptionCommand, SubscriptionPatch};
use stipend_core::{Amount, examples};

const SHOP: &str = "
    plan base 100/month
    addon extra 30/month
    addon tier 400/month:override
    addon small 50/month:override
    addon annual 600/year:override
    ";

/// The days of the months from March on, for an anchor on the first.
const MONTHS: [i64; 12] = [31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 28];

/// What is on the subscription: quantities of each add-on, and the agreed amount.
#[derive(Clone, Debug, Default)]
struct Terms {
    extra: i64,
    tier: i64,
    small: i64,
    annual: i64,
    agreed: Option<i64>,
}

#[derive(Clone, Debug)]
enum Op {
    Set(Terms),
    Use(i64),
    Grant(i64),
    Wait { hours: i64 },
}

#[derive(Debug, Default)]
struct Oracle {
    hours: i64,
    total: i64,
    /// Consumed from recurring credits in the running period, settled overdraft included.
    consumed: i64,
    paid: i64,
    overdraft: i64,
}

impl Terms {
    /// The rule, in whole numbers.
    fn total(&self) -> i64 {
        let yearly = [self.tier * 400 * 12, self.small * 50 * 12, self.annual * 600];
        let overriding = [self.tier * 400, self.small * 50, self.annual * 600];
        let best = (0..3).filter(|n| overriding[*n] > 0).max_by_key(|n| (yearly[*n], *n < 2));
        best.map_or(self.agreed.unwrap_or(100) + self.extra * 30, |n| overriding[n])
    }

    fn step(&self) -> String {
        let addons = [
            ("extra", self.extra),
            ("tier", self.tier),
            ("small", self.small),
            ("annual", self.annual),
        ];
        let present = addons.iter().filter(|addon| addon.1 > 0);
        let words: Vec<String> = present.map(|(id, quantity)| format!("{id}={quantity}")).collect();
        format!("set {}", words.join(" "))
    }
}

impl Oracle {
    fn left(&self) -> i64 {
        (self.total - self.consumed).max(0)
    }

    fn settle(&mut self) {
        let settled = self.overdraft.min(self.left());
        self.consumed += settled;
        self.overdraft -= settled;
    }

    /// Which month it is.
    fn month(&self) -> usize {
        let mut rest = self.hours / 24;
        MONTHS
            .iter()
            .take_while(|days| {
                rest -= **days;
                rest >= 0
            })
            .count()
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Set(terms) => {
                self.total = terms.total();
                self.settle();
            }
            Op::Use(amount) => {
                let recurring = self.left().min(*amount);
                let paid = self.paid.min(amount - recurring);
                self.consumed += recurring;
                self.paid -= paid;
                self.overdraft += amount - recurring - paid;
            }
            Op::Grant(amount) => {
                let settled = self.overdraft.min(*amount);
                self.overdraft -= settled;
                self.paid += amount - settled;
            }
            Op::Wait { hours } => {
                // Month after month, since each renewal may settle.
                for _ in 0..*hours {
                    let month = self.month();
                    self.hours += 1;
                    if self.month() != month {
                        self.consumed = 0;
                        self.settle();
                    }
                }
            }
        }
    }
}

fn apply(world: &mut World, op: &Op) {
    let state = match op {
        Op::Set(terms) => {
            let agreed =
                terms.agreed.map_or("agree".to_owned(), |amount| format!("agree {amount}/month"));
            set_both(world, &terms.step(), &agreed)
        }
        Op::Use(amount) => world.step(&format!("use {amount}")),
        Op::Grant(amount) => world.step(&format!("grant paid {amount}")),
        Op::Wait { hours } => {
            world.advance(world.now.plus_seconds(hours * 60 * 60));
            world.state()
        }
    };
    assert!(!state.starts_with("refused"), "{op:?}: {state}");
}

/// Add-ons and agreed amounts in one command, as one change.
fn set_both(world: &mut World, set: &str, agree: &str) -> String {
    let patch_of = |line: &str| match world.command(line) {
        CustomerCommand::Subscription(number, SubscriptionCommand::Update(patch)) => {
            (number, *patch)
        }
        other => panic!("no update: {other:?}"),
    };
    let ((number, addons), (_, overrides)) = (patch_of(set), patch_of(agree));
    let patch = SubscriptionPatch { overrides: overrides.overrides, ..addons };
    let update = SubscriptionCommand::Update(Box::new(patch));
    let command = CustomerCommand::Subscription(number, update);
    world.carry_out(&command).unwrap_or_else(|refused| panic!("{set}, {agree}: {refused}"));
    world.state()
}

/// What is done in one instant of a period with reservations, as whole numbers.
#[derive(Clone, Debug)]
enum Held {
    Set(Terms),
    /// All that is left where there is no amount.
    Use(Option<i64>),
    /// All that is left where there is no amount.
    Reserve(Option<i64>),
    Release {
        which: usize,
        consumed: i64,
    },
}

/// What holds beside the oracle's numbers: consumption finds room before what is held.
#[derive(Debug, Default)]
struct Holds {
    oracle: Oracle,
    /// The open reservations with their amounts.
    open: Vec<(usize, i64)>,
    made: usize,
    /// What of them grants stand for.
    backed: i64,
}

impl Holds {
    fn left(&self) -> i64 {
        (self.oracle.total - self.oracle.consumed).max(0) - self.backed
    }

    fn charge(&mut self, amount: i64) {
        let drawn = amount.min(self.left());
        self.oracle.consumed += drawn;
        self.oracle.overdraft += amount - drawn;
    }

    fn settle(&mut self) {
        let settled = self.oracle.overdraft.min(self.left());
        self.oracle.consumed += settled;
        self.oracle.overdraft -= settled;
    }

    fn apply(&mut self, world: &mut World, op: &Held) {
        match op {
            Held::Set(terms) => {
                apply(world, &Op::Set(terms.clone()));
                self.oracle.total = terms.total();
                let room = (self.oracle.total - self.oracle.consumed).max(0);
                self.backed = room.min(self.open.iter().map(|(_, amount)| amount).sum());
                self.settle();
            }
            Held::Use(amount) => {
                let amount = amount.unwrap_or(self.left());
                if amount > 0 {
                    apply(world, &Op::Use(amount));
                    self.charge(amount);
                }
            }
            Held::Reserve(amount) => {
                let amount = amount.unwrap_or(self.left().max(1));
                let state = world.step(&format!("reserve r{} {amount}", self.made));
                let fits = self.oracle.overdraft == 0 && self.left() >= amount;
                assert_eq!(!state.starts_with("refused"), fits, "{op:?}: {state}");
                if fits {
                    self.open.push((self.made, amount));
                    self.backed += amount;
                    self.made += 1;
                }
            }
            Held::Release { which, consumed } if !self.open.is_empty() => {
                let (id, _) = self.open.remove(which % self.open.len());
                let id = reservation(&format!("r{id}"));
                let hold = world.pool().unwrap().find_hold(&id).unwrap();
                let backed = i64::try_from(hold.backed().nano() / 1_000_000_000).unwrap();
                world.step(&format!("release {id} {consumed}"));
                self.backed -= backed;
                self.oracle.consumed += backed.min(*consumed);
                self.charge((consumed - backed).max(0));
                self.settle();
            }
            Held::Release { .. } => {}
        }
    }

    fn compare(&self, world: &World) {
        let pool = world.pool().unwrap();
        assert_eq!(recurring_left(world), Amount::whole(self.left()), "{self:?}");
        assert_eq!(pool.reserved(), Amount::whole(self.backed), "{self:?}");
        let balance = self.left() - self.oracle.overdraft;
        assert_eq!(pool.balance(), Amount::whole(balance), "{self:?}");
        let carried = world.customer.subscriptions[0].carried_at(&examples::credits(), world.now);
        let homeless = (self.oracle.consumed - self.oracle.total).max(0);
        assert_eq!(carried, Amount::whole(homeless), "{self:?}");
    }
}

fn held_ops() -> impl Strategy<Value = Vec<Held>> {
    let op = prop_oneof![
        3 => terms(true).prop_map(Held::Set),
        3 => prop::option::weighted(0.7, 1..100i64).prop_map(Held::Use),
        4 => prop::option::weighted(0.7, 1..150i64).prop_map(Held::Reserve),
        3 => (0..9usize, 0..200i64).prop_map(|(which, consumed)| Held::Release { which, consumed }),
    ];
    prop::collection::vec(op, 1..16)
}

fn subscriber() -> (World, Oracle) {
    let mut world = World::new(catalog(SHOP));
    world.step("2026-03-01 subscribe base");
    (world, Oracle { total: 100, ..Oracle::default() })
}

fn recurring_left(world: &World) -> Amount {
    let live = world.pool().unwrap().live.iter();
    live.filter(|grant| grant.source.is_some()).map(Grant::remaining).sum()
}

fn compare(world: &World, oracle: &Oracle) {
    let pool = world.pool().unwrap();
    assert_eq!(recurring_left(world), Amount::whole(oracle.left()), "recurring: {oracle:?}");
    let overdraft = pool.overdraft.map_or(Amount::ZERO, |overdraft| overdraft.amount);
    assert_eq!(overdraft, Amount::whole(oracle.overdraft), "overdraft: {oracle:?}");
    let balance = oracle.left() + oracle.paid - oracle.overdraft;
    assert_eq!(pool.balance(), Amount::whole(balance), "balance: {oracle:?}");
    let carried = world.customer.subscriptions[0].carried_at(&examples::credits(), world.now);
    let homeless = (oracle.consumed - oracle.total).max(0);
    assert_eq!(carried, Amount::whole(homeless), "carried: {oracle:?}");
}

fn terms(with_annual: bool) -> impl Strategy<Value = Terms> {
    let annual = if with_annual { 0..3i64 } else { 0..1i64 };
    let few = || prop_oneof![3 => Just(0i64), 1 => 1..3i64];
    let agreed = prop::option::weighted(0.3, 0..250i64);
    (0..5i64, few(), few(), annual, agreed).prop_map(|(extra, tier, small, annual, agreed)| Terms {
        extra,
        tier,
        small,
        annual,
        agreed,
    })
}

fn ops(with_annual: bool, hours_max: i64) -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => terms(with_annual).prop_map(Op::Set),
        4 => (1..200i64).prop_map(Op::Use),
        1 => (1..100i64).prop_map(Op::Grant),
        2 => (1..=hours_max).prop_map(|hours| Op::Wait { hours }),
    ];
    prop::collection::vec(op, 1..16)
}

fn run(ops: &[Op]) {
    let (mut world, mut oracle) = subscriber();
    for op in ops {
        apply(&mut world, op);
        oracle.apply(op);
        compare(&world, &oracle);
    }
    world.assert_read_is_replay();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn inside_a_period_what_is_left_is_the_total_without_what_was_consumed(ops in ops(true, 24)) {
        run(&ops);
    }

    #[test]
    fn across_periods_each_begins_with_its_total_and_forgets_what_was_carried(
        ops in ops(false, 24 * 20),
    ) {
        run(&ops);
    }

    #[test]
    fn what_is_held_counts_as_used_and_gives_way_to_what_was_consumed(ops in held_ops()) {
        let (mut world, oracle) = subscriber();
        let mut holds = Holds { oracle, ..Holds::default() };
        for op in &ops {
            holds.apply(&mut world, op);
            holds.compare(&world);
        }
        world.assert_read_is_replay();
    }

    #[test]
    fn switching_there_and_back_gains_and_loses_nothing(
        (here, there, used) in (terms(true), terms(true), 0..300i64),
        times in 1..4usize,
    ) {
        let (mut world, _) = subscriber();
        apply(&mut world, &Op::Set(here.clone()));
        if used > 0 {
            apply(&mut world, &Op::Use(used.min(here.total().max(1))));
        }
        let before = world.state();
        for _ in 0..times {
            apply(&mut world, &Op::Set(there.clone()));
            apply(&mut world, &Op::Set(here.clone()));
        }
        prop_assume!(!before.contains("overdraft"));
        prop_assert_eq!(world.state(), before);
    }
}
