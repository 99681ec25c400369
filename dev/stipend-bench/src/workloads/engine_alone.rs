//! P4: the engine alone, over the embedded store and without HTTP.
//!
//! The client is what a program that embeds the engine would be: it knows the names of its customers,
//! and takes the answers that are there without a look at the clock for each.

use super::{Bench, compared, next_key};
use crate::cpu::CpuTimes;
use crate::disk::Floor;
use crate::random::{Choice, Random};
use crate::report::Figure;
use crate::rounds::{Contender, alternate};
use crate::stats::{Round, micros};
use crate::time;
use crate::world::{customer_id, usage_of};
use anyhow::{Context, Result, bail};
use std::collections::VecDeque;
use std::time::Duration;
use stipend_core::CustomerId;
use stipend_engine::{Actor, Answer, Command, PRODUCTION, Submission, Submitter};
use tokio::sync::oneshot::Receiver;
use tokio::sync::oneshot::error::TryRecvError;

/// Usages in flight: a figure for each, and the weaker one counts.
const IN_FLIGHT: [(usize, &str, &str); 2] =
    [(512, "rate_512", "floor_512"), (4_096, "rate_4096", "floor_4096")];

/// Answers between two looks at the clock.
const LOOK_EVERY: u64 = 64;

/// One thread that keeps so many usages in flight.
struct Alone<'a> {
    submitter: Submitter,
    names: &'a [CustomerId],
    in_flight: usize,
    choice: Choice,
    random: Random,
    /// The longest time without any answer.
    pause: Duration,
    /// Usages so far.
    usages: u64,
    /// The processor time of its rounds: what the others take in theirs does not count.
    spent: CpuTimes,
}

impl Alone<'_> {
    fn submit(&mut self) -> Result<Receiver<Answer>> {
        let customers = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let customer = self.choice.pick(&mut self.random, customers);
        let customer = self.names[customer as usize].clone();
        let command = Command::Consume(vec![usage_of(customer, next_key())]);
        let submission =
            Submission { env: PRODUCTION, by: Actor::Host, command, remember: None, render: None };
        Ok(self.submitter.submit(submission)?)
    }

    /// Waits for an answer; the longest wait is noted. One that is there costs no look at the clock.
    fn take(&mut self, mut answer: Receiver<Answer>) -> Result<()> {
        let answer = match answer.try_recv() {
            Ok(answer) => answer,
            Err(TryRecvError::Closed) => bail!("the engine ended"),
            Err(TryRecvError::Empty) => {
                let since = time::now();
                let answer = answer.blocking_recv().context("the engine ended")?;
                self.pause = self.pause.max(since.elapsed());
                answer
            }
        };
        answer?;
        Ok(())
    }
}

impl Contender for Alone<'_> {
    fn name(&self) -> &'static str {
        "stipend"
    }

    fn round(&mut self, window: Duration) -> Result<Round> {
        let before = CpuTimes::now();
        let began = time::now();
        let mut waiting: VecDeque<Receiver<Answer>> = VecDeque::new();
        let mut round = Round::default();
        loop {
            let is_over = round.operations % LOOK_EVERY == 0 && began.elapsed() >= window;
            if is_over {
                break;
            }
            while waiting.len() < self.in_flight {
                waiting.push_back(self.submit()?);
            }
            let Some(answer) = waiting.pop_front() else { break };
            self.take(answer)?;
            round.operations += 1;
        }
        for answer in waiting {
            self.take(answer)?;
            round.operations += 1;
        }
        round.took = began.elapsed();
        self.usages += round.operations;
        self.spent.add(&before, &CpuTimes::now());
        Ok(round)
    }
}

/// P4-uniform and P4-skewed.
pub(crate) fn run(bench: &mut Bench, choice: Choice) -> Result<Figure> {
    let workload = if choice == Choice::Skewed { "P4-skewed" } else { "P4-uniform" };
    let plan = bench.plan;
    let world = bench.world()?;
    let names = (0..world.customers()).map(|number| CustomerId::parse(&customer_id(number)));
    let names = names.collect::<Result<Vec<CustomerId>, _>>()?;
    let mut figures = Vec::new();
    let mut details = Vec::new();
    for (in_flight, rate_name, floor_name) in IN_FLIGHT {
        let mut alone = Alone {
            submitter: world.engine().submitter(),
            names: &names,
            in_flight,
            choice,
            random: Random::new(3),
            pause: Duration::ZERO,
            usages: 0,
            spent: CpuTimes::default(),
        };
        let floor = Floor::new(world.directory(), in_flight, choice, world.customers())?;
        let outcomes = {
            let mut contenders: Vec<Box<dyn Contender + '_>> =
                vec![Box::new(&mut alone), Box::new(floor)];
            alternate(&mut contenders, plan)?
        };
        let costs = alone.spent.costs(&CpuTimes::default(), alone.usages);
        let figure = compared(workload, "usages/s", &outcomes);
        let of_floor = figure.ratio("floor").unwrap_or(0.0);
        details.extend([(rate_name, figure.value), (floor_name, of_floor)]);
        details.push(("longest_pause_ms", f64::from(micros(alone.pause)) / 1_000.0));
        figures.push((of_floor, figure));
        details.retain(|(name, _)| !name.ends_with("_cpu_us"));
        details.extend(costs);
    }
    figures.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let (_, mut figure) = figures.into_iter().next().context("it was measured")?;
    let pause = details.iter().filter(|(name, _)| *name == "longest_pause_ms");
    let pause = pause.map(|(_, pause)| *pause).fold(0.0, f64::max);
    details.retain(|(name, _)| *name != "longest_pause_ms");
    details.push(("longest_pause_ms", pause));
    figure.details = details;
    Ok(figure)
}
