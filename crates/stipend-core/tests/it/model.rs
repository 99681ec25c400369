//! Goal: show that a pool never loses, invents or misorders a credit.
//!
//! Method: drive a customer and a naive model with the same random operations and compare every
//! grant and the overdraft after each step. The model keeps one token for each unspent credit,
//! moves tokens one at a time and lives hour by hour, so it has no arithmetic to get wrong. It
//! shares no logic with `Pool` on purpose.

use crate::support::World;
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use std::collections::BTreeMap;
use stipend_core::customer::{
    ConsumeRequest, CustomerCommand, CustomerRejection, GrantKind, NewGrant, Pool,
};
use stipend_core::{Amount, GrantNo, PoolId, Timestamp, examples};

/// One unspent credit. The order of the fields is the burn order: the derived `Ord` is the
/// specification.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Token {
    priority: u8,
    dies: u32,
    paid: bool,
    born: u32,
    made: u32,
    grant: usize,
}

const NEVER: u32 = u32::MAX;

#[derive(Clone, Debug)]
enum Op {
    Grant { paid: bool, priority: u8, amount: u32, born_in: u32, lives: Option<u32> },
    Consume { amount: u32 },
    ConsumeStrictly { amount: u32 },
    Void { which: usize },
    Advance { hours: u32 },
}

#[derive(Clone, Debug, Default)]
struct Model {
    hour: u32,
    tokens: Vec<Token>,
    overdraft: u32,
    /// The hour in which each grant dies; voiding makes it the present one.
    deaths: Vec<u32>,
}

impl Model {
    fn live(&self) -> impl Iterator<Item = (usize, &Token)> {
        let is_live = |token: &Token| token.born <= self.hour && self.hour < token.dies;
        self.tokens.iter().enumerate().filter(move |(_, token)| is_live(token))
    }

    fn spend_one(&mut self) {
        match self.live().min_by_key(|(_, token)| *token).map(|(index, _)| index) {
            Some(index) => drop(self.tokens.swap_remove(index)),
            None => self.overdraft += 1,
        }
    }

    /// What is born in this hour pays for the overdraft, the older grant first.
    fn settle(&mut self) {
        while self.overdraft > 0 {
            let born = self.live().filter(|(_, token)| token.born.max(token.made) == self.hour);
            let Some(index) = born.min_by_key(|(_, token)| token.grant).map(|(index, _)| index)
            else {
                return;
            };
            self.tokens.swap_remove(index);
            self.overdraft -= 1;
        }
    }

    fn is_there(&self, which: usize) -> bool {
        self.deaths.get(which).is_some_and(|dies| self.hour < *dies)
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Op;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self::default()).boxed()
    }

    fn transitions(model: &Self) -> BoxedStrategy<Op> {
        // Small ranges on purpose: ties and exact boundaries are where the bugs are.
        let grant = (any::<bool>(), 0..3u8, 1..8u32, prop_oneof![2 => Just(0u32), 1 => 1..4u32]);
        let lives = prop::option::of(1..5u32);
        let grants = model.deaths.len().max(1);
        prop_oneof![
            4 => (grant, lives).prop_map(|((paid, priority, amount, born_in), lives)| {
                Op::Grant { paid, priority, amount, born_in, lives }
            }),
            5 => (1..10u32).prop_map(|amount| Op::Consume { amount }),
            1 => (1..10u32).prop_map(|amount| Op::ConsumeStrictly { amount }),
            1 => (0..grants).prop_map(|which| Op::Void { which }),
            3 => (1..4u32).prop_map(|hours| Op::Advance { hours }),
        ]
        .boxed()
    }

    fn apply(mut model: Self, op: &Op) -> Self {
        match *op {
            Op::Grant { paid, priority, amount, born_in, lives } => {
                let (born, made, grant) = (model.hour + born_in, model.hour, model.deaths.len());
                let dies = lives.map_or(NEVER, |hours| born + hours);
                let token = Token { priority, dies, paid, born, made, grant };
                model.tokens.extend(std::iter::repeat_n(token, amount as usize));
                model.deaths.push(dies);
                if born_in == 0 {
                    model.settle_from(grant);
                }
            }
            Op::Consume { amount } => (0..amount).for_each(|_| model.spend_one()),
            Op::ConsumeStrictly { amount } => {
                if model.overdraft == 0 && model.live().count() >= amount as usize {
                    (0..amount).for_each(|_| model.spend_one());
                }
            }
            Op::Void { which } => {
                if model.is_there(which) {
                    model.tokens.retain(|token| token.grant != which);
                    model.deaths[which] = model.hour;
                }
            }
            Op::Advance { hours } => {
                for _ in 0..hours {
                    model.hour += 1;
                    model.settle();
                }
            }
        }
        model
    }
}

impl Model {
    /// A grant that is born as it is made pays for the overdraft by itself.
    fn settle_from(&mut self, grant: usize) {
        while self.overdraft > 0 {
            let Some(index) = self.tokens.iter().position(|token| token.grant == grant) else {
                return;
            };
            self.tokens.swap_remove(index);
            self.overdraft -= 1;
        }
    }
}

struct PoolTest {
    world: World,
    /// The grants in the order of their making.
    grants: Vec<(PoolId, GrantNo)>,
}

impl PoolTest {
    fn instant(hour: u32) -> Timestamp {
        examples::START.plus_seconds(i64::from(hour) * 60 * 60)
    }

    fn grant(&mut self, hour: u32, op: &Op) {
        let Op::Grant { paid, priority, amount, born_in, lives } = *op else { return };
        let kind = if paid { GrantKind::Paid } else { GrantKind::Promotional };
        let born = hour + born_in;
        let new = NewGrant {
            priority,
            effective_at: (born_in > 0).then(|| Self::instant(born)),
            expires_at: lives.map(|hours| Self::instant(born + hours)),
            ..examples::grant(kind, Amount::whole(i64::from(amount)))
        };
        let decision = self.world.carry_out(&CustomerCommand::Grant(Box::new(new)));
        self.grants.push(decision.unwrap().grant.unwrap());
    }

    fn consume(&mut self, amount: u32, strict: bool) -> Result<(), CustomerRejection> {
        let request = examples::consumption(Amount::whole(i64::from(amount)));
        let request = ConsumeRequest { strict, ..request };
        self.world.carry_out(&CustomerCommand::Consume(request)).map(|_| ())
    }
}

impl StateMachineTest for PoolTest {
    type SystemUnderTest = Self;
    type Reference = Model;

    fn init_test(_: &Model) -> Self {
        let world = World::after("", "2026-03-01 wait");
        Self { world, grants: Vec::new() }
    }

    fn apply(mut test: Self, model: &Model, op: Op) -> Self {
        match op {
            Op::Grant { .. } => test.grant(model.hour, &op),
            Op::Consume { amount } => test.consume(amount, false).unwrap(),
            Op::ConsumeStrictly { amount } => {
                // The model has moved on already, so whether it was refused shows in the tokens.
                let before = test.world.entries.len();
                let refused = test.consume(amount, true).is_err();
                assert_eq!(refused, test.world.entries.len() == before);
            }
            Op::Void { which } => {
                if let Some((pool, no)) = test.grants.get(which) {
                    let _ = test.world.carry_out(&CustomerCommand::VoidGrant(*pool, *no));
                }
            }
            Op::Advance { .. } => test.world.advance(Self::instant(model.hour)),
        }
        test
    }

    fn check_invariants(test: &Self, model: &Model) {
        let mut expected: BTreeMap<GrantNo, i64> = BTreeMap::new();
        for (_, token) in model.live() {
            *expected.entry(test.grants[token.grant].1).or_default() += 1;
        }
        let pool = test.world.pool();
        let left =
            pool.into_iter().flat_map(|pool| &pool.live).map(|grant| (grant.no, grant.remaining()));
        let actual: BTreeMap<GrantNo, Amount> = left.filter(|(_, left)| !left.is_zero()).collect();
        let whole = |expected: BTreeMap<GrantNo, i64>| -> BTreeMap<GrantNo, Amount> {
            expected.into_iter().map(|(no, tokens)| (no, Amount::whole(tokens))).collect()
        };
        let tokens: i64 = expected.values().sum();
        assert_eq!(actual, whole(expected));
        let overdraft = pool.and_then(|pool| pool.overdraft).map(|overdraft| overdraft.amount);
        assert_eq!(overdraft.unwrap_or_default(), Amount::whole(i64::from(model.overdraft)));
        let balance = pool.map_or(Amount::ZERO, Pool::balance);
        assert_eq!(balance, Amount::whole(tokens - i64::from(model.overdraft)));
        for (which, (_, no)) in test.grants.iter().enumerate() {
            let stands = pool.is_some_and(|pool| pool.find_grant(*no).is_some());
            assert_eq!(stands, model.is_there(which), "grant {no:?} stands in the pool");
        }
        test.world.assert_read_is_replay();
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_pool_agrees_with_the_token_model(sequential 1..40 => PoolTest);
}
