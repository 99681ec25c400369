//! Reversals: what a consumption took goes back to the very grants that gave it, and nothing is
//! gained or lost beyond the stated policy.
//!
//! Method: tables for each rule, and a naive model with one token for each credit and one place
//! in a queue for each credit of overdraft. It moves them one at a time and shares no logic with
//! the domain on purpose.

use crate::support::{World, catalog, check_steps, lines, pool_entries};
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use stipend_core::customer::{
    ConsumeRequest, CustomerCommand, CustomerRejection, GrantKind, NewGrant, Pool, PoolEntry,
};
use stipend_core::{Amount, GrantNo, PoolId, Timestamp, examples};

/// Runs the steps and says what the last one did.
fn told(catalog: &str, steps: &str) -> String {
    let mut world = World::after(catalog, "");
    for line in lines(steps) {
        let state = world.step(line);
        assert!(!state.starts_with("refused"), "{line}: {state}");
    }
    world.assert_read_is_replay();
    world.told()
}

#[test]
fn each_grant_gets_back_what_it_gave() {
    let told = told(
        "",
        "
        2026-03-01 grant paid  50 prio=1
        2026-03-01 grant promo 20 prio=1
        2026-03-01 grant paid  50 prio=2
        use 80
        use 10
        2026-03-02 reverse 1
        ",
    );
    insta::assert_snapshot!(told, @"2026-03-02: #2 refunded 20, #1 refunded 50, #3 refunded 10");
}

#[test]
fn a_reversal_is_whole_and_happens_once() {
    check_steps(
        "",
        "
        2026-03-01 grant paid 50 => 50
        use 20                   => 30
        use 10                   => 20
        reverse 1                => 40
        reverse 1                => refused: this consumption was reversed before, under another idempotency key
        reverse 2                => 50
        reverse 2                => refused: this consumption was reversed before, under another idempotency key
        ",
    );
}

#[test]
fn what_a_release_consumed_goes_back_to_the_grants_that_it_was_held_of() {
    let mut world = World::after(
        "",
        "
        2026-03-01 grant paid 50 prio=90
        grant promo 30
        reserve a 40
        use 5
        release a 35
        use 5
        2026-03-02 reverse 2
        ",
    );
    insta::assert_snapshot!(world.told(), @"2026-03-02: #2 refunded 30, #1 refunded 5");
    assert_eq!(world.state(), "70");
    assert!(world.step("reverse 2").starts_with("refused: this consumption was reversed before"));
    world.assert_read_is_replay();
}

#[test]
fn a_release_above_the_reservation_is_reversed_whole() {
    check_steps(
        "",
        "
        2026-03-01 grant paid 50 => 50
        use 10                   => 40
        reserve a 20             => 20 reserved 20
        use 30                   => -10 overdraft 10 reserved 20
        release a 45             => -35 overdraft 35
        use 5                    => -40 overdraft 40
        reverse 3                => 5
        reverse 2                => 35
        ",
    );
    // Settlements are first in, first out: the 10 of before the release are settled first.
    let settled = told(
        "",
        "
        2026-03-01 grant paid 20
        reserve a 20
        use 10
        release a 45
        grant paid 15
        reverse 2
        ",
    );
    insta::assert_snapshot!(settled, @"2026-03-01: #2 overdraft refunded 20, overdraft closed, #3 refunded 5, #1 refunded 20");
}

#[test]
fn a_release_that_consumed_nothing_or_of_what_has_ended_gives_nothing_back() {
    check_steps(
        "",
        "
        2026-03-01 grant paid 50 until=2026-03-05 => 50
        reserve a 40 for=86400                    => 10 reserved 40
        release a 0                               => 50
        reverse last                              => refused: only what was consumed can be reversed, and this entry consumed nothing
        reserve b 40 for=86400                    => 10 reserved 40
        release b 30                              => 20
        2026-03-05 reverse 1                      => 0
        grant paid 10                             => 10
        release b 4 known                         => 6
        reverse last                              => 10
        ",
    );
}

#[test]
fn what_an_expired_or_voided_grant_gave_is_gone_with_it() {
    check_steps(
        "",
        "
        2026-03-01 grant paid 50 until=2026-03-05 => 50
        2026-03-01 grant paid 50 until=2026-03-09 => 100
        2026-03-01 grant paid 50                  => 150
        use 120                                   => 30
        void 2                                    => 30
        2026-03-05 reverse 1                      => 50
        ",
    );
}

#[test]
fn an_overdraft_that_is_open_is_lowered() {
    let told = told(
        "",
        "
        2026-03-01 grant paid 10
        use 30
        use 5
        reverse 1
        ",
    );
    insta::assert_snapshot!(told, @"2026-03-01: #2 overdraft refunded 20, #1 refunded 10, #1 settles 5, overdraft closed");
}

#[test]
fn an_overdraft_that_was_settled_goes_back_to_what_settled_it_first_in_first_out() {
    let told = told(
        "",
        "
        2026-03-01 use 10
        use 10
        use 10
        grant paid 15
        grant paid 10
        grant paid 10
        reverse 2
        ",
    );
    insta::assert_snapshot!(told, @"2026-03-01: #2 refunded 5, #3 refunded 5");
}

#[test]
fn what_comes_back_settles_an_open_overdraft_first() {
    let told = told(
        "",
        "
        2026-03-01 grant paid 10
        use 10
        use 4
        2026-03-02 reverse 1
        ",
    );
    insta::assert_snapshot!(told, @"2026-03-02: #1 refunded 10, #1 settles 4, overdraft closed");
}

#[test]
fn a_replaced_grant_gives_its_claim_to_what_took_its_consumption() {
    check_steps(
        "
        plan base 100/month
        addon extra 50/month
        addon tier 500/month:override
        ",
        "
        2026-03-01 subscribe base => 100
        use 90                    => 10
        2026-03-10 set tier       => 410
        reverse 1                 => 500
        2026-03-11 use 300        => 200
        2026-03-12 set            => 0 carried 200
        2026-03-13 set extra      => 0 carried 150
        reverse 2                 => 150
        ",
    );
}

#[test]
fn a_replaced_grant_that_would_have_expired_gives_nothing_back() {
    check_steps(
        "
        plan base 100/month
        addon tier 500/month:override
        ",
        "
        2026-03-01 subscribe base => 100
        use 90                    => 10
        2026-03-10 set tier       => 410
        2026-04-01 use 200        => 300
        reverse 1                 => 300
        reverse 2                 => 500
        ",
    );
}

#[test]
fn after_a_cancellation_nothing_is_left_to_give_back_to() {
    check_steps(
        "plan base 100/month",
        "
        2026-03-01 subscribe base => 100
        use 90                    => 10
        2026-03-10 cancel         => 0
        reverse 1                 => 0
        ",
    );
}

#[test]
fn consumption_that_a_subscription_carries_is_taken_off_before_its_grants() {
    check_steps(
        "
        plan base 100/month
        addon extra 50/month
        ",
        "
        2026-03-01 subscribe base extra => 150
        use 40                          => 110
        use 90                          => 20
        2026-03-02 set                  => 0 carried 30
        reverse 1                       => 10
        reverse 2                       => 100
        ",
    );
}

#[test]
fn what_a_former_plan_gave_comes_back_to_the_plan_that_took_its_consumption_over() {
    let plans = |rule: &str| format!("product {rule}\n plan base 100/month\n plan pro 500/month");
    check_steps(
        &plans("reset=never"),
        "
        2026-03-01 subscribe base        => 100
        use 40                           => 60
        2026-03-10 subscribe pro id=sub-2 => 460
        use 10                           => 450
        reverse 1                        => 490
        2026-04-01 wait                  => 500
        reverse 2                        => 500
        ",
    );
    check_steps(
        &plans("reset=never"),
        "
        2026-03-01 subscribe pro         => 500
        use 140                          => 360
        2026-03-10 subscribe base id=sub-2 => 0 carried 40
        reverse 1                        => 100
        ",
    );
    check_steps(
        &plans(""),
        "
        2026-03-01 subscribe base        => 100
        use 40                           => 60
        2026-03-10 subscribe pro id=sub-2 => 500
        reverse 1                        => 500
        ",
    );
}

#[test]
fn what_is_reversed_is_not_charged_again_on_the_return_to_a_plan() {
    let plans = "plan base 100/month\n plan pro 500/month\n addon tier 500/month:override";
    check_steps(
        plans,
        "
        2026-03-01 subscribe base        => 100
        use 40                           => 60
        2026-03-10 subscribe pro id=b    => 500
        reverse 1                        => 500
        subscribe base id=c              => 100
        use 30                           => 70
        subscribe pro id=d               => 500
        subscribe base id=e              => 70
        reverse 2                        => 100
        subscribe pro id=f               => 500
        subscribe base id=g              => 100
        ",
    );
    check_steps(
        plans,
        "
        2026-03-01 subscribe base        => 100
        use 40                           => 60
        subscribe pro id=b               => 500
        subscribe base id=c              => 60
        subscribe pro id=d               => 500
        reverse 1                        => 500
        subscribe base id=e              => 100
        ",
    );
    // What counts no more because periods began anew gives nothing to those.
    check_steps(
        plans,
        "
        2026-03-01 subscribe base        => 100
        use 40                           => 60
        patch anchor-now                 => 100
        use 30                           => 70
        reverse 1                        => 70
        2026-04-01 subscribe pro id=b    => 500
        subscribe base id=c              => 100
        ",
    );
}

#[test]
fn what_counted_in_periods_that_are_no_more_gives_nothing_to_those_that_began_anew() {
    let shop = "plan base 100/month\n plan pro 500/month\n addon tier 500/month:override";
    check_steps(
        shop,
        "
        2026-03-01 subscribe base  => 100
        use 90                     => 10
        set tier                   => 410
        patch anchor-now           => 500
        use 300                    => 200
        reverse 1                  => 200
        ",
    );
    check_steps(
        shop,
        "
        2026-03-01 subscribe base  => 100
        use 40                     => 60
        subscribe pro id=b         => 500
        subscribe base id=c        => 60
        patch anchor-now           => 100
        use 30                     => 70
        reverse 1                  => 70
        ",
    );
    // Where the product keeps consumption, so does a reversal.
    check_steps(
        &format!("{shop} \n product reset=never"),
        "
        2026-03-01 subscribe base  => 100
        use 40                     => 60
        patch anchor-now           => 60
        reverse 1                  => 100
        ",
    );
}

#[test]
fn what_is_reversed_of_a_voided_grant_no_longer_counts() {
    let shop = "plan base 100/month\n addon extra 50/month\n addon tier 500/month:override";
    check_steps(
        shop,
        "
        2026-03-01 subscribe base extra  => 150
        use 60                           => 90
        void 1                           => 50
        use 10                           => 40
        reverse 1                        => 40
        set tier                         => 490
        ",
    );
    check_steps(
        shop,
        "
        2026-03-01 subscribe base        => 100
        use 60                           => 40
        void 1                           => 0
        set tier                         => 440
        reverse 1                        => 500
        ",
    );
}

/// What ended is looked through once, however much ended in one entry.
#[test]
fn a_reversal_looks_through_many_grants_that_ended_in_one_entry() {
    let mut world = World::new(catalog("plan base 100/month"));
    for _ in 0..2 {
        for _ in 0..400 {
            world.step("grant paid 1 until=2026-04-01");
        }
        assert_eq!(world.step("use 400"), "0");
    }
    world.step("grant paid 8 until=2026-04-01");
    world.step("grant paid 2 until=2026-05-01");
    assert_eq!(world.step("use 9"), "1");
    assert_eq!(world.step("2026-04-02 wait"), "1");
    let ended = |entry: &PoolEntry| entry.effects.len();
    assert_eq!(pool_entries(&world.entries).map(ended).max(), Some(801));
    assert_eq!(world.step("reverse 2"), "1", "what gave it has expired");
    assert_eq!(world.step("reverse 3"), "2", "one of nine came from what is still there");
}

/// One credit of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Token {
    priority: u8,
    dies: u32,
    grant: usize,
}

const NEVER: u32 = u32::MAX;

#[derive(Clone, Debug)]
enum Op {
    Grant { priority: u8, amount: u32, lives: Option<u32> },
    Consume { amount: u32 },
    Reverse { which: usize },
    Void { which: usize },
    Advance { hours: u32 },
}

/// What one consumption took.
#[derive(Clone, Debug, Default)]
struct Taken {
    /// Credits of grants.
    drawn: Vec<Token>,
    /// Credits that paid for its overdraft later, in that order.
    settled: Vec<Token>,
    is_reversed: bool,
}

#[derive(Clone, Debug, Default)]
struct Model {
    hour: u32,
    unspent: Vec<Token>,
    deaths: Vec<u32>,
    taken: Vec<Taken>,
    /// The consumptions that wait for somebody to pay one credit, oldest first.
    debts: VecDeque<usize>,
}

impl Model {
    fn is_alive(&self, grant: usize) -> bool {
        self.hour < self.deaths[grant]
    }

    fn pay_with(&mut self, tokens: Vec<Token>) {
        for token in tokens {
            match self.debts.pop_front() {
                Some(debtor) => self.taken[debtor].settled.push(token),
                None => self.unspent.push(token),
            }
        }
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Grant { priority, amount, lives } => {
                let dies = lives.map_or(NEVER, |hours| self.hour + hours);
                let token = Token { priority, dies, grant: self.deaths.len() };
                self.deaths.push(dies);
                self.pay_with(vec![token; amount as usize]);
            }
            Op::Consume { amount } => {
                let id = self.taken.len();
                let mut taken = Taken::default();
                for _ in 0..amount {
                    let next = (0..self.unspent.len()).min_by_key(|at| self.unspent[*at]);
                    match next {
                        Some(at) => taken.drawn.push(self.unspent.swap_remove(at)),
                        None => self.debts.push_back(id),
                    }
                }
                self.taken.push(taken);
            }
            Op::Reverse { which } => {
                let Some(taken) = self.taken.get_mut(which).filter(|taken| !taken.is_reversed)
                else {
                    return;
                };
                taken.is_reversed = true;
                let mut back = std::mem::take(&mut taken.settled);
                back.append(&mut taken.drawn);
                self.debts.retain(|debtor| *debtor != which);
                back.retain(|token| self.is_alive(token.grant));
                self.pay_with(back);
            }
            Op::Void { which } => {
                if which < self.deaths.len() && self.is_alive(which) {
                    self.unspent.retain(|token| token.grant != which);
                    self.deaths[which] = self.hour;
                }
            }
            Op::Advance { hours } => {
                self.hour += hours;
                let (hour, deaths) = (self.hour, &self.deaths);
                self.unspent.retain(|token| hour < deaths[token.grant]);
            }
        }
    }
}

fn instant(hour: u32) -> Timestamp {
    examples::START.plus_seconds(i64::from(hour) * 60 * 60)
}

/// Drives the domain; the grants stand in the order of their making.
struct Subject {
    world: World,
    grants: Vec<(PoolId, GrantNo)>,
    consumed: usize,
}

impl Subject {
    fn apply(&mut self, hour: u32, op: &Op) {
        match *op {
            Op::Grant { priority, amount, lives } => {
                let new = NewGrant {
                    priority,
                    expires_at: lives.map(|hours| instant(hour + hours)),
                    ..examples::grant(GrantKind::Paid, Amount::whole(i64::from(amount)))
                };
                let made = self.world.carry_out(&CustomerCommand::Grant(Box::new(new)));
                self.grants.push(made.unwrap().grant.unwrap());
            }
            Op::Consume { amount } => {
                let request = examples::consumption(Amount::whole(i64::from(amount)));
                let request = ConsumeRequest { strict: false, ..request };
                self.world.carry_out(&CustomerCommand::Consume(request)).unwrap();
                self.consumed += 1;
            }
            Op::Reverse { which } if which < self.consumed => {
                let reversal = self.world.reversal(which + 1);
                match self.world.carry_out(&reversal) {
                    Ok(_) | Err(CustomerRejection::AlreadyReversed) => {}
                    Err(other) => panic!("{other}"),
                }
            }
            Op::Void { which } if which < self.grants.len() => {
                let (pool, no) = self.grants[which];
                let _ = self.world.carry_out(&CustomerCommand::VoidGrant(pool, no));
            }
            Op::Advance { hours } => self.world.advance(instant(hour + hours)),
            Op::Reverse { .. } | Op::Void { .. } => {}
        }
    }

    fn compare(&self, model: &Model) {
        let mut expected: BTreeMap<GrantNo, Amount> = BTreeMap::new();
        for token in &model.unspent {
            let left = expected.entry(self.grants[token.grant].1).or_default();
            *left += Amount::whole(1);
        }
        let pool = self.world.pool();
        let live = pool.into_iter().flat_map(|pool| &pool.live);
        let left = live.map(|grant| (grant.no, grant.remaining()));
        let left: BTreeMap<GrantNo, Amount> = left.filter(|(_, left)| !left.is_zero()).collect();
        assert_eq!(left, expected, "what is left of each grant");
        let overdraft = pool.and_then(|pool| pool.overdraft).map(|overdraft| overdraft.amount);
        let debts = Amount::whole(i64::try_from(model.debts.len()).unwrap());
        assert_eq!(overdraft.unwrap_or_default(), debts, "the overdraft");
        let unspent = Amount::whole(i64::try_from(model.unspent.len()).unwrap());
        assert_eq!(pool.map_or(Amount::ZERO, Pool::balance), unspent - debts, "the balance");
        self.world.assert_read_is_replay();
    }
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let grant = (0..2u8, 1..8u32, prop::option::weighted(0.5, 1..6u32));
    let op = prop_oneof![
        4 => grant.prop_map(|(priority, amount, lives)| Op::Grant { priority, amount, lives }),
        6 => (1..10u32).prop_map(|amount| Op::Consume { amount }),
        5 => (0..12usize).prop_map(|which| Op::Reverse { which }),
        1 => (0..8usize).prop_map(|which| Op::Void { which }),
        2 => (1..4u32).prop_map(|hours| Op::Advance { hours }),
    ];
    prop::collection::vec(op, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn consuming_and_reversing_in_any_order_agrees_with_the_token_model(ops in ops()) {
        let world = World::after("", "2026-03-01 wait");
        let mut subject = Subject { world, grants: Vec::new(), consumed: 0 };
        let mut model = Model::default();
        for op in &ops {
            subject.apply(model.hour, op);
            model.apply(op);
            subject.compare(&model);
        }
    }
}
