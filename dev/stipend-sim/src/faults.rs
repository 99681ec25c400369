//! The store fails at its n-th append or read, once and for ever, at every n of a life.
//!
//! A life is a list of steps. Lived once without a failure it gives the state after each step, which
//! is the model: with whatever failure, what is found is the state after the last acknowledged step,
//! or after the step whose outcome is unknown. A step that was refused has left nothing. In the end
//! every step is asked for again, which changes nothing, and the journal is audited. Each kind of
//! failure is tried later and later until a life has none.

mod world;

use std::fmt;

use stipend_store::memory::{Fault, FaultKind, Operation};

use crate::prng::Prng;
use world::{State, Trouble, World};

pub use world::Step;

/// A step is tried so often; a failure that lasts is taken back before the last time but one.
const ATTEMPTS: u32 = 4;

/// What can fail, and how. An append that fails and is carried out all the same is a sync that was
/// reported as failed, and was not.
const KINDS: [(Operation, FaultKind, bool); 5] = [
    (Operation::Append, FaultKind::Unavailable, false),
    (Operation::Append, FaultKind::Failed, false),
    (Operation::Append, FaultKind::Failed, true),
    (Operation::Read, FaultKind::Unavailable, false),
    (Operation::Read, FaultKind::Failed, false),
];

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Lives in which something failed.
    pub lives: u64,
    /// Steps that were refused and done when asked for again.
    pub refused: u64,
    /// Times the engine had to stop and start.
    pub deaths: u64,
    /// Unknown outcomes that were found to be done.
    pub found_done: u64,
    /// Unknown outcomes that were found not to be.
    pub found_undone: u64,
}

impl Report {
    /// Adds another.
    pub fn add(&mut self, other: &Self) {
        self.lives += other.lives;
        self.refused += other.refused;
        self.deaths += other.deaths;
        self.found_done += other.found_done;
        self.found_undone += other.found_undone;
    }
}

/// A failure after which something was not as it must be.
#[derive(Debug)]
pub struct Finding {
    fault: Fault,
    step: Option<(usize, Step)>,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.step {
            Some((number, step)) => write!(formatter, "step {number}, {step:?}: ")?,
            None => formatter.write_str("at the end: ")?,
        }
        write!(formatter, "{} (the failure: {:?})", self.what, self.fault)
    }
}

/// A life with every kind of step.
#[must_use]
pub fn script() -> Vec<Step> {
    let key = str::to_owned;
    vec![
        Step::Consume(0, key("k1"), 100),
        Step::Grant(0, key("g1"), 700),
        Step::Reserve(1, key("r1"), 300),
        Step::Publish(60_000),
        Step::Consume(0, key("k1"), 100),
        Step::Restart,
        Step::Consume(1, key("k2"), 51_000),
        Step::Advance(40),
        Step::Consume(0, key("k3"), 60_500),
        Step::Reverse(0, key("k1"), 100),
        Step::Crash,
        Step::Reserve(2, key("r2"), 1_000),
        Step::Release(2, key("r2"), 250),
        Step::Publish(70_000),
        Step::Reverse(0, key("k3"), 60_500),
        Step::Consume(2, key("k4"), 5),
    ]
}

/// A life of that seed.
#[must_use]
pub fn random_script(seed: u64, steps: usize) -> Vec<Step> {
    let mut prng = Prng::new(seed);
    let mut script = Vec::new();
    let (mut consumed, mut reserved) = (Vec::new(), Vec::new());
    for number in 0..steps {
        let who = prng.below(world::CUSTOMERS);
        let credits = i64::try_from(1 + prng.below(30_000)).unwrap_or(1);
        let name = format!("n{number}");
        let step = match prng.below(100) {
            0..25 => {
                consumed.push((who, name.clone(), credits));
                Step::Consume(who, name, credits)
            }
            25..35 => Step::Grant(who, name, credits),
            35..45 => {
                // Few enough to be there, whatever else was taken.
                let credits = credits / 1_000 + 1;
                reserved.push((who, name.clone(), credits));
                Step::Grant(who, format!("{name}-before"), 100_000 + credits)
            }
            45..55 => match reserved.pop() {
                Some((who, id, credits)) => {
                    script.push(Step::Reserve(who, id.clone(), credits));
                    Step::Release(who, id, credits / 2)
                }
                None => Step::Restart,
            },
            55..67 => match consumed.pop() {
                Some((who, key, credits)) => Step::Reverse(who, key, credits),
                None => Step::Crash,
            },
            67..77 => Step::Publish(40_000 + i64::try_from(number).unwrap_or(0) * 1_000),
            77..88 => Step::Advance(i64::try_from(1 + prng.below(45)).unwrap_or(1)),
            88..94 => Step::Restart,
            _ => Step::Crash,
        };
        script.push(step);
    }
    script
}

/// Tries every failure of appends on a life, and of reads every so many: they are many, and alike.
///
/// # Errors
/// The first failure after which something was not as it must be.
pub fn matrix(script: &[Step], reads: usize) -> Result<Report, Finding> {
    let none = Fault::next_append(FaultKind::Failed);
    let mut report = Report::default();
    let model = Model::of(script).map_err(|(step, what)| Finding {
        fault: none,
        step,
        what: format!("no failure: {what}"),
    })?;
    for (operation, kind, applied) in KINDS {
        for lasting in [false, true] {
            let step = if operation == Operation::Read { reads.max(1) } else { 1 };
            for after in (0..).step_by(step) {
                let fault = Fault { operation, kind, after, lasting, applied };
                let mut life = Life { model: &model, fault, report: Report::default() };
                let has_failed =
                    life.live().map_err(|(step, what)| Finding { fault, step, what })?;
                if !has_failed {
                    break;
                }
                report.add(&Report { lives: 1, ..life.report });
            }
        }
    }
    Ok(report)
}

/// The balances, in whole credits, after a life without failures.
///
/// # Errors
/// What went wrong.
pub fn final_balances(script: &[Step]) -> Result<Vec<i128>, String> {
    let model = Model::of(script).map_err(|(_, what)| what)?;
    Ok(model.states.last().map(State::balances).unwrap_or_default())
}

/// Where something went wrong, and what.
type Wrong = (Option<(usize, Step)>, String);

fn wrong(trouble: &Trouble) -> Wrong {
    (None, format!("{trouble:?}"))
}

/// What a life is without failures: the state before its first step, and after each of them.
struct Model<'a> {
    script: &'a [Step],
    states: Vec<State>,
}

impl<'a> Model<'a> {
    fn of(script: &'a [Step]) -> Result<Self, Wrong> {
        let mut world = World::new().map_err(|trouble| wrong(&trouble))?;
        let mut states = vec![world.state().map_err(|trouble| wrong(&trouble))?];
        for (number, step) in script.iter().enumerate() {
            let done = world.attempt(step).and_then(|()| world.settle());
            let state = done.and_then(|()| world.state());
            let told = |trouble| (Some((number, step.clone())), format!("{trouble:?}"));
            states.push(state.map_err(told)?);
        }
        Ok(Self { script, states })
    }
}

struct Life<'a> {
    model: &'a Model<'a>,
    fault: Fault,
    report: Report,
}

impl Life<'_> {
    /// Lives it; says whether anything failed.
    fn live(&mut self) -> Result<bool, Wrong> {
        let mut world = World::new().map_err(|trouble| wrong(&trouble))?;
        let before = world.control().failures();
        world.control().fail(self.fault);
        for (number, step) in self.model.script.iter().enumerate() {
            self.step(&mut world, number, step)
                .map_err(|what| (Some((number, step.clone())), what))?;
        }
        let has_failed = world.control().failures() > before;
        world.control().heal();
        self.ask_again(&mut world).map_err(|trouble| wrong(&trouble))?;
        Ok(has_failed)
    }

    /// Does a step, as often as it takes.
    fn step(&mut self, world: &mut World, number: usize, step: &Step) -> Result<(), String> {
        let mut may_be_done = !step.is_one_append();
        for attempt in 0..ATTEMPTS {
            if attempt == ATTEMPTS - 2 {
                world.control().heal();
            }
            let now = world.now;
            let attempted = world.attempt(step);
            // What was refused has left nothing, unless an attempt before it may have.
            may_be_done |= !matches!(attempted, Err(Trouble::Refused));
            match attempted.and_then(|()| world.settle()) {
                Ok(()) => return self.check_done(world, number),
                Err(Trouble::Wrong(what)) => return Err(what),
                Err(Trouble::Dead) => {
                    self.report.deaths += 1;
                    world.crash();
                }
                Err(Trouble::Refused) => self.report.refused += 1,
                Err(Trouble::Unread) => {}
            }
            world.now = now;
            self.check_undone(world, number, may_be_done)?;
        }
        Err(format!("it was not done in {ATTEMPTS} attempts"))
    }

    /// The state after the step.
    fn check_done(&self, world: &World, number: usize) -> Result<(), String> {
        // Reading is part of the life: it may be what fails.
        let state = match world.state() {
            Err(Trouble::Unread) => {
                world.control().heal();
                world.state()
            }
            state => state,
        };
        let state = state.map_err(|trouble| format!("{trouble:?}"))?;
        if state == self.model.states[number + 1] {
            return Ok(());
        }
        Err(format!("done, and it left {}", self.difference(&state, number + 1)))
    }

    /// The state before the step, or after it: what was not acknowledged may have happened, where it
    /// was not refused.
    fn check_undone(
        &mut self,
        world: &mut World,
        number: usize,
        may_be_done: bool,
    ) -> Result<(), String> {
        // Where it does not start or settle because it fails for ever, the next attempt shows it.
        let state = match world.reopened().and_then(|()| world.settle()) {
            Ok(()) => world.state(),
            Err(trouble) => Err(trouble),
        };
        match state {
            Ok(state) if state == self.model.states[number] => {
                self.report.found_undone += 1;
                Ok(())
            }
            Ok(state) if may_be_done && state == self.model.states[number + 1] => {
                self.report.found_done += 1;
                Ok(())
            }
            Ok(state) => {
                Err(format!("not acknowledged, and it left {}", self.difference(&state, number)))
            }
            Err(Trouble::Wrong(what)) => Err(what),
            Err(Trouble::Dead) => {
                world.crash();
                Ok(())
            }
            Err(Trouble::Refused | Trouble::Unread) => Ok(()),
        }
    }

    fn difference(&self, state: &State, number: usize) -> String {
        let (found, wanted) = (state.balances(), self.model.states[number].balances());
        format!("{found:?} where {wanted:?} was wanted, or other rows")
    }

    /// Asks for everything again: it is done.
    fn ask_again(&self, world: &mut World) -> Result<(), Trouble> {
        world.reopened()?;
        world.settle()?;
        for step in self.model.script {
            if !matches!(step, Step::Advance(_)) {
                world.attempt(step)?;
            }
        }
        world.settle()?;
        let state = world.state()?;
        if Some(&state) != self.model.states.last() {
            let what = self.difference(&state, self.model.script.len());
            return Err(Trouble::Wrong(format!("asked for again, it left {what}")));
        }
        world.audit()
    }
}
