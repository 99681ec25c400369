//! The simulator: random lives of subscriptions on a clock that jumps, against an auditor.
//!
//! A seed decides everything: the catalog, which features its lives use, every step and every jump
//! of the clock. After each step the auditor checks the entries themselves ([`audit`]) and compares
//! the customer with a naive model ([`model`]) that shares no code with the engine: it has a
//! calendar of its own, counts every boundary from the anchor, and walks from one instant to the
//! next.
//!
//! The subject is the pure core ([`subject::Core`]), fast enough for a hundred thousand years, or
//! the whole engine over a journal in memory ([`engine::Whole`]) whose appends are refused and
//! which crashes between steps. A [`canary::Canary`] plants a known bug in what the core decides;
//! the auditor must find it.
//!
//! The auditor and the model count with [`calendar`]. What the model does not predict: cadences mixed
//! in one credit type, trials beside a live subscription, changes of behavior, scheduled changes,
//! transfers, alignment, reservations, reversals, less usage. Wild lives ([`wild`]) have all of it,
//! under the auditor alone; the tables of the core pin the numbers.
//!
//! [`faults`] is another question: every append and read of a life fails once, and what is left must be
//! the state after some step of the life without failures.
//!
//! A new kind of command is a [`story::Deed`]: it is told in `story`, done in `model::Model::act`,
//! and put to the subject by `subject::command`.
#![deny(missing_docs)]

pub mod audit;
pub mod calendar;
pub mod canary;
pub mod engine;
pub mod faults;
pub mod model;
pub mod prng;
pub mod shop;
pub mod story;
pub mod subject;
pub mod wild;

use crate::audit::Audit;
use crate::canary::Canary;
use crate::model::Model;
use crate::prng::Prng;
use crate::shop::Shop;
use crate::story::{Step, Story};
use crate::subject::{Core, Subject};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use stipend_core::customer::Entry;
use stipend_core::{Customer, Timestamp};

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many customers live in a seed.
    pub customers: u32,
    /// How many years each lives.
    pub years: u32,
    /// The bug that is planted.
    pub canary: Option<Canary>,
    /// Whether the whole engine is the subject, with refused appends and crashes.
    pub whole: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { customers: 10, years: 11, canary: None, whole: false }
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Seeds.
    pub seeds: u64,
    /// Steps.
    pub steps: u64,
    /// Microseconds for which customers held a subscription.
    pub held: u64,
    /// Recurring grants that were issued.
    pub grants: u64,
    /// Crashes of the whole engine.
    pub crashes: u64,
    /// Appends that were refused.
    pub refused: u64,
}

/// Something that must not be, with the steps that led to it.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The seed.
    pub seed: u64,
    /// What is wrong.
    pub what: String,
    /// The steps of the customer's life, the last one last.
    pub trace: Vec<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.trace {
            writeln!(formatter, "  {step}")?;
        }
        write!(formatter, "seed {}: {}", self.seed, self.what)
    }
}

/// A Julian year.
const YEAR_MICROS: u64 = 31_557_600_000_000;

impl Totals {
    /// Whole years for which customers held a subscription, all together.
    #[must_use]
    pub const fn years(&self) -> u64 {
        self.held / YEAR_MICROS
    }

    /// Adds what another seed did.
    pub fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.steps += other.steps;
        self.held += other.held;
        self.grants += other.grants;
        self.crashes += other.crashes;
        self.refused += other.refused;
    }
}

/// Simulates one seed.
///
/// # Errors
/// The first [`Finding`]; a panic of the subject is one.
pub fn run(seed: u64, options: &Options) -> Result<Totals, Box<Finding>> {
    let mut totals = Totals { seeds: 1, ..Totals::default() };
    let mut prng = Prng::new(seed);
    let shop = Shop::random(&mut prng);
    for number in 0..options.customers {
        let mut trace = vec![format!("customer {number} of {shop}")];
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            live(&shop, prng.fork(), options, &mut totals, &mut trace, &mut |_, _| {})
        }));
        let what = match outcome {
            Ok(Ok(())) => continue,
            Ok(Err(what)) => what,
            Err(panic) => said(panic),
        };
        return Err(Box::new(Finding { seed, what, trace }));
    }
    Ok(totals)
}

/// The entries of a life, step by step, each with the instant up to which everything is done.
pub type Life = Vec<(Timestamp, Vec<Entry>)>;

/// The entries of the first customer of a seed, step by step, each with the instant of the step, and
/// an auditor who has seen none of them.
///
/// # Errors
/// As [`run`].
pub fn record(seed: u64, options: &Options) -> Result<(Audit, Life), Box<Finding>> {
    let mut prng = Prng::new(seed);
    let shop = Shop::random(&mut prng);
    let (mut totals, mut trace, mut life) = (Totals::default(), Vec::new(), Vec::new());
    let mut note = |now, entries: &[Entry]| life.push((now, entries.to_vec()));
    live(&shop, prng.fork(), options, &mut totals, &mut trace, &mut note)
        .map_err(|what| Box::new(Finding { seed, what, trace }))?;
    Ok((Audit::new(shop.prorates), life))
}

/// Lives a seed with every command at random, so many steps, without a model ([`wild`]).
///
/// # Errors
/// The first [`Finding`]; a panic is one.
pub fn run_wild(seed: u64, steps: u32) -> Result<Totals, Box<Finding>> {
    let mut trace = Vec::new();
    let outcome = catch_unwind(AssertUnwindSafe(|| wild::live(seed, steps, &mut trace)));
    outcome
        .unwrap_or_else(|panic| Err(said(panic)))
        .map_err(|what| Box::new(Finding { seed, what, trace }))
}

fn said(panic: Box<dyn std::any::Any + Send>) -> String {
    let text = match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => other.downcast::<&str>().map_or(String::new(), |text| (*text).to_owned()),
    };
    format!("panicked: {text}")
}

fn live(
    shop: &Shop,
    mut prng: Prng,
    options: &Options,
    totals: &mut Totals,
    trace: &mut Vec<String>,
    note: &mut dyn FnMut(Timestamp, &[Entry]),
) -> Result<(), String> {
    let mut story = Story::new(&mut prng, options.years);
    let mut model = Model::new(shop);
    let mut audit = Audit::new(shop.prorates);
    let mut subject: Box<dyn Subject> = if options.whole {
        Box::new(engine::Whole::new(shop, prng.fork(), story.now())?)
    } else {
        Box::new(Core::new(shop, options.canary))
    };
    while let Some(step) = story.next(&mut prng, &model) {
        trace.push(step.to_string());
        let (now, entries) = match &step {
            Step::Wait { until } => (*until, subject.advance(*until)?),
            Step::Do { at, deed } => {
                let mut entries = subject.advance(*at)?;
                model.advance(at.micros());
                let done = subject.act(*at, deed)?;
                if done.is_some() != model.allows(deed) {
                    return Err(format!("done: {}, which is not as expected", done.is_some()));
                }
                if let Some(done) = done {
                    entries.extend(done);
                    model.act(deed);
                }
                (*at, entries)
            }
        };
        model.advance(now.micros());
        note(now, &entries);
        audit.note(&entries)?;
        audit.check_due(now)?;
        audit.check(&subject.customer())?;
        model.compare(&subject.customer())?;
        totals.steps += 1;
    }
    totals.held += held(&subject.customer(), story.now());
    totals.grants += audit.recurring_grants();
    let faults = subject.finish()?;
    totals.crashes += faults.crashes;
    totals.refused += faults.refused;
    Ok(())
}

/// For how long a customer held subscriptions, up to an instant: each from when it began, and was
/// there, to its end.
fn held(customer: &Customer, until: Timestamp) -> u64 {
    let begun = customer.subscriptions.iter().map(|one| &one.terms).filter(|one| one.has_begun);
    let spans = begun.map(|terms| {
        let from = terms.started_at.max(terms.created_at).micros();
        let to = terms.ended.map_or(until, |end| end.at).min(until).micros();
        u64::try_from(to - from).unwrap_or(0)
    });
    spans.sum()
}
