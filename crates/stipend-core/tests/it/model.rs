//! Goal: show that a pool never loses, invents or misorders a credit.
//!
//! Method: drive a customer and a naive model with the same random operations and compare every
//! grant, every reservation and the overdraft after each step. The model keeps one token for each
//! unspent credit, moves tokens one at a time and lives hour by hour, so it has no arithmetic to
//! get wrong. It shares no logic with `Pool` on purpose.

use crate::support::{World, reservation};
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use std::collections::BTreeMap;
use stipend_core::customer::{
    ConsumeRequest, CustomerCommand, CustomerRejection, ExtendRequest, Grant, GrantKind, HoldTerm,
    NewGrant, Pool, ReleaseRequest, ReserveRequest,
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
    Reserve { amount: u32, hours: u32 },
    Release { which: usize, consumed: u32 },
    Extend { which: usize, hours: u32, more: u32 },
    Advance { hours: u32 },
}

/// A reservation with the tokens that were taken aside for it; none where it has ended.
#[derive(Clone, Debug)]
struct Aside {
    amount: u32,
    ends: u32,
    tokens: Option<Vec<Token>>,
}

#[derive(Clone, Debug, Default)]
struct Model {
    hour: u32,
    tokens: Vec<Token>,
    overdraft: u32,
    /// The hour in which each grant dies; voiding makes it the present one.
    deaths: Vec<u32>,
    /// Every reservation that was made.
    asides: Vec<Aside>,
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

    /// As many tokens as are asked for, in burn order, or none at all.
    fn take_aside(&mut self, amount: u32) -> Option<Vec<Token>> {
        if self.overdraft > 0 || self.live().count() < amount as usize {
            return None;
        }
        let mut taken = Vec::new();
        for _ in 0..amount {
            let (index, _) = self.live().min_by_key(|(_, token)| *token)?;
            taken.push(self.tokens.swap_remove(index));
        }
        Some(taken)
    }

    /// The first tokens of a reservation are spent, what it lacks is spent besides; the others are
    /// free again where their grant lives, and pay for the overdraft.
    fn end(&mut self, which: usize, consumed: u32) {
        let mut tokens = self.asides[which].tokens.take().unwrap_or_default();
        tokens.sort();
        for _ in 0..consumed {
            if tokens.is_empty() {
                self.spend_one();
            } else {
                tokens.remove(0);
            }
        }
        tokens.retain(|token| self.hour < self.deaths[token.grant]);
        while self.overdraft > 0 && !tokens.is_empty() {
            tokens.remove(0);
            self.overdraft -= 1;
        }
        self.tokens.extend(tokens);
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
        let reservations = model.asides.len().max(1);
        prop_oneof![
            4 => (grant, lives).prop_map(|((paid, priority, amount, born_in), lives)| {
                Op::Grant { paid, priority, amount, born_in, lives }
            }),
            5 => (1..10u32).prop_map(|amount| Op::Consume { amount }),
            1 => (1..10u32).prop_map(|amount| Op::ConsumeStrictly { amount }),
            1 => (0..grants).prop_map(|which| Op::Void { which }),
            3 => (1..8u32, 1..5u32).prop_map(|(amount, hours)| Op::Reserve { amount, hours }),
            3 => (0..reservations, 0..10u32).prop_map(|(which, consumed)| {
                Op::Release { which, consumed }
            }),
            1 => (0..reservations, 0..5u32, 0..4u32).prop_map(|(which, hours, more)| {
                Op::Extend { which, hours, more }
            }),
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
            Op::Reserve { amount, hours } => {
                if let Some(tokens) = model.take_aside(amount) {
                    let ends = model.hour + hours;
                    model.asides.push(Aside { amount, ends, tokens: Some(tokens) });
                }
            }
            Op::Release { which, consumed } => {
                if which < model.asides.len() {
                    model.end(which, consumed);
                }
            }
            Op::Extend { which, hours, more } => model.extend(which, hours, more),
            Op::Advance { hours } => {
                for _ in 0..hours {
                    model.hour += 1;
                    for which in 0..model.asides.len() {
                        let aside = &model.asides[which];
                        if aside.tokens.is_some() && aside.ends <= model.hour {
                            model.end(which, 0);
                        }
                    }
                    model.settle();
                }
            }
        }
        model
    }
}

impl Model {
    fn extend(&mut self, which: usize, hours: u32, more: u32) {
        if self.asides.get(which).is_none_or(|aside| aside.tokens.is_none()) {
            return;
        }
        let taken = if more > 0 { self.take_aside(more) } else { Some(Vec::new()) };
        let Some(taken) = taken else { return };
        let aside = &mut self.asides[which];
        aside.amount += more;
        aside.ends = aside.ends.max(self.hour + hours);
        aside.tokens.get_or_insert_default().extend(taken);
    }

    /// What is taken aside of each grant.
    fn aside_of(&self) -> BTreeMap<usize, i64> {
        let mut aside = BTreeMap::new();
        for token in self.asides.iter().filter_map(|aside| aside.tokens.as_ref()).flatten() {
            *aside.entry(token.grant).or_default() += 1;
        }
        aside
    }

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
    /// How many reservations were made.
    reservations: usize,
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

    fn check_reservations(&self, model: &Model) {
        let (holds, live, lapsed) = match self.world.pool() {
            Some(pool) => (&pool.holds[..], pool.live.open(), &pool.lapsed[..]),
            None => Default::default(),
        };
        let aside = model.aside_of().into_iter();
        let (there, gone): (Vec<_>, Vec<_>) =
            aside.partition(|(which, _)| model.hour < model.deaths[*which]);
        for (grants, expected) in [(live, there), (lapsed, gone)] {
            let held = grants.iter().filter(|grant| grant.held.is_positive());
            let held: BTreeMap<GrantNo, Amount> =
                held.map(|grant: &Grant| (grant.no, grant.held)).collect();
            let expected = expected.into_iter();
            let expected = expected.map(|(n, held)| (self.grants[n].1, Amount::whole(held)));
            assert_eq!(held, expected.collect());
        }
        let open = model.asides.iter().enumerate().filter(|(_, aside)| aside.tokens.is_some());
        let open: Vec<_> = open
            .map(|(which, aside)| {
                let amount = Amount::whole(i64::from(aside.amount));
                (format!("r{which}"), amount, Self::instant(aside.ends))
            })
            .collect();
        let told = holds.iter().map(|hold| (hold.id.to_string(), hold.amount, hold.expires_at));
        assert_eq!(told.collect::<Vec<_>>(), open);
        assert_eq!(self.reservations, model.asides.len());
    }

    fn reserve(&mut self, amount: u32, hours: u32) {
        let id = format!("r{}", self.reservations);
        let amount = Amount::whole(i64::from(amount));
        let request = ReserveRequest {
            term: HoldTerm::Seconds(hours * 60 * 60),
            ..examples::reservation(&id, amount)
        };
        let decision = self.world.carry_out(&CustomerCommand::Reserve(request));
        self.reservations += usize::from(decision.is_ok());
    }

    fn release(&mut self, which: usize, consumed: u32) {
        if which < self.reservations {
            let request = ReleaseRequest {
                currency: examples::credits(),
                resource: None,
                id: reservation(&format!("r{which}")),
                consumed: Amount::whole(i64::from(consumed)),
                is_known: true,
            };
            self.world.carry_out(&CustomerCommand::Release(request)).unwrap();
        }
    }

    fn extend(&mut self, which: usize, hours: u32, more: u32) {
        let id = reservation(&format!("r{which}"));
        let Some(hold) = self.world.pool().and_then(|pool| pool.find_hold(&id)) else { return };
        let amount = Some(hold.amount + Amount::whole(i64::from(more)));
        let term = (hours > 0).then_some(HoldTerm::Seconds(hours * 60 * 60));
        let (currency, resource, is_known) = (examples::credits(), None, false);
        let request = ExtendRequest { currency, resource, id, term, amount, is_known };
        let _ = self.world.carry_out(&CustomerCommand::Extend(request));
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
        Self { world, grants: Vec::new(), reservations: 0 }
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
            Op::Reserve { amount, hours } => test.reserve(amount, hours),
            Op::Release { which, consumed } => test.release(which, consumed),
            Op::Extend { which, hours, more } => test.extend(which, hours, more),
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
        test.check_reservations(model);
        test.world.assert_read_is_replay();
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_pool_agrees_with_the_token_model(sequential 1..40 => PoolTest);
}
