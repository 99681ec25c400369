//! P4: the engine alone, over the embedded store and without HTTP.

use super::{Bench, compared, next_key};
use crate::cpu::CpuTimes;
use crate::disk::Floor;
use crate::random::{Choice, Random};
use crate::report::Figure;
use crate::rounds::{Contender, alternate};
use crate::stats::{Round, micros};
use crate::time;
use crate::world::{World, usage};
use anyhow::{Context, Result};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use stipend_engine::{Actor, Answer, Command, PRODUCTION, Submission};
use tokio::sync::oneshot::Receiver;

/// Usages in flight: a figure for each, and the weaker one counts.
const IN_FLIGHT: [(usize, &str, &str); 2] =
    [(512, "rate_512", "floor_512"), (4_096, "rate_4096", "floor_4096")];

/// One thread that keeps so many usages in flight.
struct Alone<'a> {
    world: &'a World,
    in_flight: usize,
    choice: Choice,
    random: Random,
    /// The longest time without any answer.
    pause: Duration,
    /// Usages so far.
    usages: u64,
}

impl Alone<'_> {
    fn submit(&mut self) -> Result<Receiver<Answer>> {
        let customer = self.choice.pick(&mut self.random, self.world.customers());
        let command = Command::Consume(vec![usage(customer, &next_key())?]);
        let submission =
            Submission { env: PRODUCTION, by: Actor::Host, command, remember: None, render: None };
        Ok(self.world.engine().submitter().submit(submission)?)
    }
}

impl Contender for Alone<'_> {
    fn name(&self) -> &'static str {
        "stipend"
    }

    fn round(&mut self, window: Duration) -> Result<Round> {
        let began = time::now();
        let mut last = began;
        let mut waiting: VecDeque<(Receiver<Answer>, Instant)> = VecDeque::new();
        let mut round = Round::default();
        loop {
            let is_over = began.elapsed() >= window;
            while !is_over && waiting.len() < self.in_flight {
                waiting.push_back((self.submit()?, time::now()));
            }
            let Some((answer, since)) = waiting.pop_front() else { break };
            answer.blocking_recv().context("the engine ended")??;
            let now = time::now();
            self.pause = self.pause.max(now - last);
            last = now;
            round.operations += 1;
            round.latencies.push(micros(now - since));
        }
        round.took = began.elapsed();
        self.usages += round.operations;
        Ok(round)
    }
}

/// P4-uniform and P4-skewed.
pub(crate) fn run(bench: &mut Bench, choice: Choice) -> Result<Figure> {
    let workload = if choice == Choice::Skewed { "P4-skewed" } else { "P4-uniform" };
    let plan = bench.plan;
    let world = bench.world()?;
    let mut figures = Vec::new();
    let mut details = Vec::new();
    for (in_flight, rate_name, floor_name) in IN_FLIGHT {
        let random = Random::new(3);
        let pause = Duration::ZERO;
        let mut alone = Alone { world, in_flight, choice, random, pause, usages: 0 };
        let before = CpuTimes::now();
        let floor = Floor::new(world.directory(), in_flight, choice, world.customers())?;
        let outcomes = {
            let mut contenders: Vec<Box<dyn Contender + '_>> =
                vec![Box::new(&mut alone), Box::new(floor)];
            alternate(&mut contenders, plan)?
        };
        let costs = CpuTimes::now().costs(&before, alone.usages);
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
