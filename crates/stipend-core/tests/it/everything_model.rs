//! Goal: show that whatever is done to a pool, in whatever order, each credit is where it belongs.
//!
//! Method: grants, consumption, reservations, usage up and down, voids, reversals and the passing of
//! time drive a customer and a naive model together, which are compared after each step. The model is
//! a list of single credits, each free, held, or taken by somebody at a time; it has no arithmetic to
//! get wrong and shares no logic with the domain on purpose. Which of several equal credits a reversal
//! gives back is not written down: there the model looks whether it was allowed, and follows.

use crate::feature_world::catalog;
use crate::support::{World, reservation};
use crate::usage_world::{step, usage_request};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::BTreeMap;
use stipend_core::customer::{
    Cause, ConsumeRequest, CustomerCommand, CustomerRejection, Effect, Entry, ExtendRequest, Grant,
    GrantKind, HoldTerm, NewGrant, Pool, PoolEntry, ReleaseRequest, ReserveRequest,
};
use stipend_core::{Amount, GrantNo, PoolId, Timestamp, examples};

const NEVER: u32 = u32::MAX;

/// The features, and what a unit of each costs.
const FEATURES: [(&str, i64); 2] = [("one", 1), ("two", 2)];

/// What can happen.
#[derive(Clone, Debug)]
enum Op {
    Grant { paid: bool, priority: u8, amount: u32, born_in: u32, lives: Option<u32> },
    Consume { amount: u32, strict: bool },
    Report { feature: usize, value: i64, is_set: bool },
    Reserve { amount: u32, hours: u32 },
    Release { which: usize, consumed: u32 },
    Extend { which: usize, hours: u32, more: u32 },
    Void { which: usize },
    Reverse { which: usize },
    Advance { hours: u32 },
}

/// Small ranges on purpose: ties and exact boundaries are where the bugs are.
fn ops() -> impl Strategy<Value = Vec<Op>> {
    let grant = (any::<bool>(), 0..2u8, 1..9u32, prop_oneof![3 => Just(0u32), 1 => 1..4u32]);
    let lives = prop::option::of(1..6u32);
    let op = prop_oneof![
        4 => (grant, lives).prop_map(|((paid, priority, amount, born_in), lives)| {
            Op::Grant { paid, priority, amount, born_in, lives }
        }),
        4 => (1..9u32, any::<bool>()).prop_map(|(amount, strict)| Op::Consume { amount, strict }),
        6 => (0..2usize, -5..8i64, prop::bool::weighted(0.2))
            .prop_map(|(feature, value, is_set)| Op::Report { feature, value, is_set }),
        3 => (1..8u32, 1..5u32).prop_map(|(amount, hours)| Op::Reserve { amount, hours }),
        3 => (0..6usize, 0..10u32).prop_map(|(which, consumed)| Op::Release { which, consumed }),
        1 => (0..6usize, 0..5u32, 0..4u32)
            .prop_map(|(which, hours, more)| Op::Extend { which, hours, more }),
        1 => (0..8usize).prop_map(|which| Op::Void { which }),
        4 => (0..10usize).prop_map(|which| Op::Reverse { which }),
        3 => (1..4u32).prop_map(|hours| Op::Advance { hours }),
    ];
    prop::collection::vec(op, 1..40)
}

/// Who took a credit. Usage of a feature can be taken back, so it knows its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taker {
    Direct,
    Feature(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Free,
    Held(usize),
    Taken(Taker, u64),
}

/// The place of a credit in the burn order; the derived `Ord` is the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Burn {
    priority: u8,
    dies: u32,
    paid: bool,
    born: u32,
    made: u32,
    grant: usize,
}

#[derive(Clone, Debug)]
struct Credit {
    burn: Burn,
    place: Place,
}

#[derive(Clone, Debug)]
struct Hold {
    amount: u32,
    ends: u32,
    is_open: bool,
}

/// A consumption, or what a release consumed, that may be reversed.
#[derive(Clone, Debug)]
struct Consumed {
    /// Which of all of them it was, those that gave back included.
    number: usize,
    taker: Taker,
    amount: i64,
    is_reversed: bool,
}

#[derive(Clone, Debug, Default)]
struct Model {
    hour: u32,
    clock: u64,
    credits: Vec<Credit>,
    /// The hours in which each grant is born and dies; voiding makes the latter the present one.
    lives: Vec<(u32, u32)>,
    overdraft: Vec<(Taker, u64)>,
    holds: Vec<Hold>,
    usage: [i64; 2],
    /// The features in the order of their first usage.
    known: Vec<usize>,
    /// What less usage of each feature has given back.
    given_back: [i64; 2],
}

impl Model {
    fn lives(&self, grant: usize) -> bool {
        let (born, dies) = self.lives[grant];
        born <= self.hour && self.hour < dies
    }

    fn is_there(&self, grant: usize) -> bool {
        self.lives.get(grant).is_some_and(|(_, dies)| self.hour < *dies)
    }

    fn free(&self) -> impl Iterator<Item = usize> {
        (0..self.credits.len()).filter(|at| {
            let credit = &self.credits[*at];
            credit.place == Place::Free && self.lives(credit.burn.grant)
        })
    }

    fn next_free(&self) -> Option<usize> {
        self.free().min_by_key(|at| self.credits[*at].burn)
    }

    fn balance(&self) -> i64 {
        signed(self.free().count()) - signed(self.overdraft.len())
    }

    fn take(&mut self, taker: Taker, count: i64) {
        for _ in 0..count {
            self.clock += 1;
            match self.next_free() {
                Some(at) => self.credits[at].place = Place::Taken(taker, self.clock),
                None => self.overdraft.push((taker, self.clock)),
            }
        }
    }

    /// One free credit pays for what was overdrawn: by the features first, the one that was used
    /// first before the other, the oldest of it first.
    fn pay_with(&mut self, at: usize) {
        let order = |taker: Taker| match taker {
            Taker::Feature(one) => self.known.iter().position(|known| *known == one),
            Taker::Direct => Some(self.known.len()),
        };
        let places = 0..self.overdraft.len();
        let next = places.min_by_key(|place| {
            let (taker, when) = self.overdraft[*place];
            (order(taker), when)
        });
        if let Some(place) = next {
            let (taker, when) = self.overdraft.remove(place);
            self.credits[at].place = Place::Taken(taker, when);
        }
    }

    /// What is free pays for the overdraft, in burn order, or the grant made first before others.
    fn settle(&mut self, is_by_grant: bool) {
        while !self.overdraft.is_empty() {
            let key =
                |at: &usize| (is_by_grant, self.credits[*at].burn.grant, self.credits[*at].burn);
            let by_burn = self.free().min_by_key(|at| self.credits[*at].burn);
            let next = if is_by_grant { self.free().min_by_key(key) } else { by_burn };
            let Some(at) = next else { return };
            self.pay_with(at);
        }
    }

    fn grant(&mut self, burn: Burn, amount: u32) {
        self.lives.push((burn.born, burn.dies));
        let credit = Credit { burn, place: Place::Free };
        self.credits.extend(vec![credit; amount as usize]);
        self.settle(true);
    }

    fn report(&mut self, feature: usize, value: i64, is_set: bool) {
        if !self.known.contains(&feature) {
            self.known.push(feature);
        }
        let before = self.usage[feature];
        let after = if is_set { value } else { before + value };
        self.usage[feature] = after;
        let cost = (after.max(0) - before.max(0)) * FEATURES[feature].1;
        self.take(Taker::Feature(feature), cost);
        for _ in cost..0 {
            self.give_back(feature);
        }
        self.settle(false);
    }

    /// The credit that a feature took last is free again; with a grant that is over it is gone.
    fn give_back(&mut self, feature: usize) {
        let is_own = |taker: Taker| taker == Taker::Feature(feature);
        let taken = |at: usize| match self.credits[at].place {
            Place::Taken(taker, when) if is_own(taker) => Some(when),
            _ => None,
        };
        let credit = (0..self.credits.len()).max_by_key(|at| taken(*at));
        let when = credit.and_then(taken);
        let places = 0..self.overdraft.len();
        let beyond = places.filter(|place| is_own(self.overdraft[*place].0));
        let beyond = beyond.max_by_key(|place| self.overdraft[*place].1);
        match (beyond, credit) {
            (Some(place), _) if Some(self.overdraft[place].1) > when => {
                self.overdraft.remove(place);
            }
            (_, Some(at)) if when.is_some() => self.credits[at].place = Place::Free,
            _ => return,
        }
        self.given_back[feature] += 1;
    }

    fn hold(&mut self, which: usize, amount: u32) -> bool {
        if self.balance() < i64::from(amount) {
            return false;
        }
        for _ in 0..amount {
            let at = self.next_free().expect("the balance covers it");
            self.credits[at].place = Place::Held(which);
        }
        true
    }

    /// The first credits that are held are taken, what is lacking is taken besides; the others are
    /// free again and pay for the overdraft.
    fn end_hold(&mut self, which: usize, consumed: u32) {
        let is_open = std::mem::replace(&mut self.holds[which].is_open, false);
        let held =
            (0..self.credits.len()).filter(|at| self.credits[*at].place == Place::Held(which));
        let mut held: Vec<usize> = held.filter(|_| is_open).collect();
        held.sort_by_key(|at| self.credits[*at].burn);
        for (rank, at) in held.iter().enumerate() {
            let is_consumed = rank < consumed as usize;
            let taken = Place::Taken(Taker::Direct, 0);
            self.credits[*at].place = if is_consumed { taken } else { Place::Free };
        }
        self.take(Taker::Direct, i64::from(consumed) - signed(held.len()));
        // What is born in this hour comes into force later, so it is passed over here.
        for at in held.into_iter().skip(consumed as usize) {
            if self.lives(self.credits[at].burn.grant) {
                self.pay_with(at);
            }
        }
    }

    fn extend(&mut self, which: usize, hours: u32, more: u32) {
        let is_open = self.holds.get(which).is_some_and(|hold| hold.is_open);
        if !is_open || (more > 0 && !self.hold(which, more)) {
            return;
        }
        let hold = &mut self.holds[which];
        hold.amount += more;
        hold.ends = hold.ends.max(self.hour + hours);
    }

    /// Reservations end before what is born pays for the overdraft.
    fn advance(&mut self, hours: u32) {
        for _ in 0..hours {
            self.hour += 1;
            for which in 0..self.holds.len() {
                if self.holds[which].is_open && self.holds[which].ends <= self.hour {
                    self.end_hold(which, 0);
                }
            }
            self.settle(true);
        }
    }

    fn carry_out(&mut self, op: &Op) {
        match *op {
            Op::Grant { paid, priority, amount, born_in, lives } => {
                let (made, born) = (self.hour, self.hour + born_in);
                let dies = lives.map_or(NEVER, |hours| born + hours);
                let grant = self.lives.len();
                self.grant(Burn { priority, dies, paid, born, made, grant }, amount);
            }
            Op::Consume { amount, strict } => {
                if !strict || self.balance() >= i64::from(amount) {
                    self.take(Taker::Direct, i64::from(amount));
                }
            }
            Op::Report { feature, value, is_set } => self.report(feature, value, is_set),
            Op::Reserve { amount, hours } => {
                if self.hold(self.holds.len(), amount) {
                    self.holds.push(Hold { amount, ends: self.hour + hours, is_open: true });
                }
            }
            Op::Release { which, consumed } => {
                if which < self.holds.len() {
                    self.end_hold(which, consumed);
                }
            }
            Op::Extend { which, hours, more } => self.extend(which, hours, more),
            Op::Void { which } => {
                if self.is_there(which) {
                    self.lives[which].1 = self.hour;
                }
            }
            Op::Reverse { .. } => {}
            Op::Advance { hours } => self.advance(hours),
        }
    }

    /// How many credits of a grant, or of the overdraft, somebody has taken.
    fn taken_of(&self, taker: Taker, is_counted: impl Fn(usize) -> bool) -> i64 {
        let is_own = |credit: &&Credit| {
            let is_taken = matches!(credit.place, Place::Taken(by, _) if by == taker);
            is_taken && is_counted(credit.burn.grant)
        };
        signed(self.credits.iter().filter(is_own).count())
    }

    /// Takes off the overdraft what somebody overdrew last.
    fn let_overdraft_go(&mut self, taker: Taker, count: i64) {
        for _ in 0..count {
            let own = 0..self.overdraft.len();
            let own = own.filter(|place| self.overdraft[*place].0 == taker);
            let last = own.max_by_key(|place| self.overdraft[*place].1);
            self.overdraft.remove(last.expect("the consumer overdrew so much"));
        }
    }

    fn settle_from(&mut self, grant: usize, count: i64) {
        for _ in 0..count {
            let free = self.free().find(|at| self.credits[*at].burn.grant == grant);
            self.pay_with(free.expect("what settles is free"));
        }
    }

    /// Moves so many credits of a grant that somebody took last to another place.
    fn let_go(&mut self, taker: Taker, grant: usize, count: i64, place: Place) {
        for _ in 0..count {
            let taken = |at: &usize| match self.credits[*at].place {
                Place::Taken(by, when) if by == taker => Some(when),
                _ => None,
            };
            let own = (0..self.credits.len()).filter(|at| self.credits[*at].burn.grant == grant);
            let last = own.filter(|at| taken(at).is_some()).max_by_key(taken);
            let at = last.expect("a reversal gives back what the consumer had of the grant");
            self.credits[at].place = place;
        }
    }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).expect("few")
}

fn whole(credits: i64) -> Amount {
    Amount::whole(credits)
}

fn count(amount: Amount) -> i64 {
    amount.to_string().parse().expect("whole credits")
}

fn instant(hour: u32) -> Timestamp {
    examples::START.plus_seconds(i64::from(hour) * 60 * 60)
}

/// The customer, driven in step with the model.
struct Subject {
    world: World,
    /// The grants in the order of their making.
    grants: Vec<(PoolId, GrantNo)>,
    reservations: usize,
    consumptions: usize,
    consumed: Vec<Consumed>,
}

impl Subject {
    fn new() -> Self {
        let plan = "feature one fluctuating\n feature two fluctuating
            plan base rate:one=1 rate:two=2";
        let mut world = World::new(catalog(plan));
        step(&mut world, "2026-03-01 subscribe base").unwrap();
        Self { world, grants: Vec::new(), reservations: 0, consumptions: 0, consumed: Vec::new() }
    }

    /// Carries an operation out; the model has not yet.
    fn carry_out(&mut self, model: &mut Model, op: &Op) {
        let from = self.world.entries.len();
        match *op {
            Op::Grant { paid, priority, amount, born_in, lives } => {
                let kind = if paid { GrantKind::Paid } else { GrantKind::Promotional };
                let born = model.hour + born_in;
                let new = NewGrant {
                    priority,
                    effective_at: (born_in > 0).then(|| instant(born)),
                    expires_at: lives.map(|hours| instant(born + hours)),
                    ..examples::grant(kind, whole(i64::from(amount)))
                };
                let made = self.world.carry_out(&CustomerCommand::Grant(Box::new(new)));
                self.grants.push(made.unwrap().grant.unwrap());
            }
            Op::Consume { amount, strict } => {
                let amount = i64::from(amount);
                let request = examples::consumption(whole(amount));
                let request = ConsumeRequest { strict, ..request };
                let done = self.world.carry_out(&CustomerCommand::Consume(request));
                assert_eq!(done.is_err(), strict && model.balance() < amount, "{op:?}");
            }
            Op::Report { feature, value, is_set } => {
                let set = if is_set { " set" } else { "" };
                let request = usage_request(&format!("{} {value}{set}", FEATURES[feature].0));
                self.world.carry_out(&CustomerCommand::Usage(request)).unwrap();
            }
            Op::Reserve { amount, hours } => {
                let id = format!("r{}", self.reservations);
                let amount = i64::from(amount);
                let term = HoldTerm::Seconds(hours * 60 * 60);
                let request = examples::reservation(&id, whole(amount));
                let request = ReserveRequest { term, ..request };
                let done = self.world.carry_out(&CustomerCommand::Reserve(request));
                assert_eq!(done.is_ok(), model.balance() >= amount, "{op:?}");
                self.reservations += usize::from(done.is_ok());
            }
            Op::Release { which, consumed } if which < self.reservations => {
                let request = ReleaseRequest {
                    currency: examples::credits(),
                    resource: None,
                    id: reservation(&format!("r{which}")),
                    consumed: whole(i64::from(consumed)),
                    is_known: true,
                };
                self.world.carry_out(&CustomerCommand::Release(request)).unwrap();
            }
            Op::Extend { which, hours, more } => self.extend(which, hours, more),
            Op::Void { which } => {
                if let Some((pool, no)) = self.grants.get(which) {
                    let done = self.world.carry_out(&CustomerCommand::VoidGrant(*pool, *no));
                    assert_eq!(done.is_ok(), model.is_there(which), "{op:?}");
                }
            }
            Op::Reverse { which } => self.reverse(model, which),
            Op::Advance { hours } => self.world.advance(instant(model.hour + hours)),
            Op::Release { .. } => {}
        }
        self.note_consumed(from, op);
    }

    fn extend(&mut self, which: usize, hours: u32, more: u32) {
        let id = reservation(&format!("r{which}"));
        let Some(hold) = self.world.pool().and_then(|pool| pool.find_hold(&id)) else { return };
        let request = ExtendRequest {
            currency: examples::credits(),
            resource: None,
            amount: Some(hold.amount + whole(i64::from(more))),
            term: (hours > 0).then_some(HoldTerm::Seconds(hours * 60 * 60)),
            is_known: false,
            id,
        };
        let _ = self.world.carry_out(&CustomerCommand::Extend(request));
    }

    fn note_consumed(&mut self, from: usize, op: &Op) {
        let taker = match op {
            Op::Report { feature, .. } => Taker::Feature(*feature),
            _ => Taker::Direct,
        };
        for entry in &self.world.entries[from..] {
            let Entry::Pool(entry) = entry else { continue };
            if !entry.is_consumption() && !entry.is_reversible() {
                continue;
            }
            self.consumptions += 1;
            let (number, amount) = (self.consumptions, count(entry.consumed()));
            if amount > 0 {
                self.consumed.push(Consumed { number, taker, amount, is_reversed: false });
            }
        }
    }

    /// Reverses a consumption; what comes back must be the consumer's own.
    fn reverse(&mut self, model: &mut Model, which: usize) {
        let Some(Consumed { number, taker, amount, is_reversed }) =
            self.consumed.get(which).cloned()
        else {
            return;
        };
        let done = self.world.carry_out(&self.world.reversal(number));
        if is_reversed {
            assert_eq!(done, Err(CustomerRejection::AlreadyReversed));
            return;
        }
        self.consumed[which].is_reversed = true;
        let entries = done.unwrap().entries;
        let [Entry::Pool(PoolEntry { cause: Cause::Reversal(reversal), effects, .. })] =
            &entries[..]
        else {
            panic!("a reversal is one entry: {entries:?}");
        };
        let place = |no: GrantNo| self.grants.iter().position(|(_, grant)| *grant == no);
        let gone = model.taken_of(taker, |grant| !model.is_there(grant));
        let (mut returned, mut forgotten) = (0, BTreeMap::new());
        for effect in effects {
            match effect {
                Effect::Refunded(moved) => {
                    let grant = place(moved.grant).expect("it is a grant");
                    assert!(model.lives(grant), "only what lives gets something back");
                    model.let_go(taker, grant, count(moved.amount), Place::Free);
                    returned += count(moved.amount);
                    *forgotten.entry(moved.grant).or_insert(0) += count(moved.amount);
                }
                Effect::OverdraftRefunded(draw) => {
                    model.let_overdraft_go(taker, count(draw.amount));
                    returned += count(draw.amount);
                    *forgotten.entry(draw.grant).or_insert(0) += count(draw.amount);
                }
                Effect::Settled(settled) => {
                    let grant = place(settled.grant).expect("it is a grant");
                    model.settle_from(grant, count(settled.amount));
                }
                Effect::OverdraftClosed(_) => assert!(model.overdraft.is_empty()),
                other => panic!("a reversal does not do that: {other:?}"),
            }
        }
        assert!(model.overdraft.is_empty() || model.free().next().is_none(), "settled first");
        assert!(returned <= amount, "nothing is gained");
        match taker {
            Taker::Direct => {
                assert!(returned + gone >= amount, "what did not come back is gone");
                assert!(reversal.runs.is_empty(), "no meter drew it");
            }
            Taker::Feature(feature) => {
                for run in &reversal.runs {
                    let known = forgotten.entry(run.grant).or_insert(0);
                    *known -= count(run.amount);
                    if let Some(grant) = place(run.grant).filter(|_| *known < 0) {
                        assert!(!model.is_there(grant), "what lives is given back");
                        model.let_go(taker, grant, -*known, Place::Free);
                        returned -= *known;
                        *known = 0;
                    }
                }
                assert!(
                    forgotten.values().all(|rest| *rest == 0),
                    "a meter forgets what came back"
                );
                let given_back = model.given_back[feature];
                assert!(returned + given_back >= amount, "what did not come back came back before");
            }
        }
    }

    fn compare(&self, model: &Model) {
        let pool = self.world.pool();
        let mut free: BTreeMap<GrantNo, i64> = BTreeMap::new();
        for at in model.free() {
            *free.entry(self.grants[model.credits[at].burn.grant].1).or_default() += 1;
        }
        let live = pool.into_iter().flat_map(|pool| &pool.live);
        let left = live.map(|grant| (grant.no, count(grant.remaining())));
        let left: BTreeMap<GrantNo, i64> = left.filter(|(_, left)| *left != 0).collect();
        assert_eq!(left, free, "what is left of each grant");
        let overdraft = pool.and_then(|pool| pool.overdraft).map(|overdraft| overdraft.amount);
        let overdrawn = signed(model.overdraft.len());
        assert_eq!(count(overdraft.unwrap_or_default()), overdrawn, "the overdraft");
        assert_eq!(pool.map_or(0, |pool| count(pool.balance())), model.balance(), "the balance");
        for (which, (_, no)) in self.grants.iter().enumerate() {
            let stands = pool.is_some_and(|pool| pool.find_grant(*no).is_some());
            assert_eq!(stands, model.is_there(which), "grant {no:?} stands in the pool");
        }
        for (place, feature) in model.known.iter().enumerate() {
            let usage = &self.world.customer.usages[place];
            assert_eq!(count(usage.aggregate.value), model.usage[*feature], "the usage");
            let beyond = model.overdraft.iter();
            let beyond = beyond.filter(|(taker, _)| *taker == Taker::Feature(*feature)).count();
            let drawn = model.taken_of(Taker::Feature(*feature), |_| true) + signed(beyond);
            assert_eq!(count(usage.drawn_total()), drawn, "what the meter remembers");
        }
        self.compare_holds(model, pool);
    }

    fn compare_holds(&self, model: &Model, pool: Option<&Pool>) {
        let mut expected: BTreeMap<GrantNo, i64> = BTreeMap::new();
        for credit in &model.credits {
            if matches!(credit.place, Place::Held(_)) {
                *expected.entry(self.grants[credit.burn.grant].1).or_default() += 1;
            }
        }
        let grants = pool.into_iter().flat_map(|pool| pool.live.iter().chain(&pool.lapsed));
        let held = grants.filter(|grant: &&Grant| grant.held.is_positive());
        let held: BTreeMap<GrantNo, i64> =
            held.map(|grant| (grant.no, count(grant.held))).collect();
        assert_eq!(held, expected, "what is held of each grant");
        let open = model.holds.iter().enumerate().filter(|(_, hold)| hold.is_open);
        let open: Vec<(String, i64, Timestamp)> = open
            .map(|(n, hold)| (format!("r{n}"), i64::from(hold.amount), instant(hold.ends)))
            .collect();
        let told = pool.map_or(&[][..], |pool| &pool.holds).iter();
        let told: Vec<_> =
            told.map(|hold| (hold.id.to_string(), count(hold.amount), hold.expires_at)).collect();
        assert_eq!(told, open, "the open reservations");
    }
}

/// The same cases in each run, unless more of them are asked for.
fn config() -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => ProptestConfig { cases: 256, rng_seed: RngSeed::Fixed(2026), ..config },
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_is_done_each_credit_is_where_it_belongs(ops in ops()) {
        let mut subject = Subject::new();
        let mut model = Model::default();
        // Copies are made in the room of earlier ones.
        let mut copy = subject.world.customer.clone();
        for op in &ops {
            // Nothing is reported where nothing changes.
            if matches!(op, Op::Report { value: 0, is_set: false, .. }) {
                continue;
            }
            subject.carry_out(&mut model, op);
            model.carry_out(op);
            subject.compare(&model);
            copy.clone_from(&subject.world.customer);
            prop_assert_eq!(&copy, &subject.world.customer);
        }
        subject.world.assert_read_is_replay();
    }
}
