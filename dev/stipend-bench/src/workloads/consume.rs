//! P1, P2, P3: consuming credits over HTTP.

use super::{Bench, compared, next_key};
use crate::cpu::CpuTimes;
use crate::disk::Floor;
use crate::http::{HttpCaller, write_post};
use crate::load::{client_runtime, closed_loop};
use crate::random::{Choice, Random};
use crate::report::Figure;
use crate::rounds::{Contender, alternate};
use crate::stats::{Round, percentile_ms, ratio, to_float};
use crate::world::{API_KEY, EVENT_NAME, World, customer_id};
use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use stipend_engine::Engine;
use tokio::runtime::Runtime;

/// Requests in flight of P1 and P2.
pub(crate) const IN_FLIGHT: u64 = 64;
/// Items of one bulk request, and bulk requests in flight, of P3.
const BULK_ITEMS: usize = 1_000;
const BULK_IN_FLIGHT: u64 = 4;

/// How often the queue is looked at while it is measured.
const QUEUE_LOOKS_EVERY: Duration = Duration::from_micros(200);

type Write = Box<dyn FnMut(&mut Vec<u8>)>;

/// Clients of the server that consume.
pub(crate) struct Consuming {
    name: &'static str,
    runtime: Runtime,
    callers: Vec<HttpCaller<Write>>,
    /// What one request consumes.
    usages: u64,
}

impl Consuming {
    pub(crate) fn new(
        name: &'static str,
        world: &World,
        connections: u64,
        write: impl Fn(u64) -> Write,
        usages: u64,
    ) -> Result<Self> {
        let runtime = client_runtime()?;
        let mut callers = Vec::new();
        for seed in 0..connections {
            callers.push(runtime.block_on(HttpCaller::connect(world.port, write(seed)))?);
        }
        Ok(Self { name, runtime, callers, usages })
    }

    /// One usage a request, 64 requests in flight.
    pub(crate) fn single(name: &'static str, world: &World, choice: Choice) -> Result<Self> {
        let customers = world.customers();
        let write = move |seed| single(Random::new(seed), choice, customers);
        Self::new(name, world, IN_FLIGHT, write, 1)
    }
}

impl Contender for Consuming {
    fn name(&self) -> &'static str {
        self.name
    }

    fn round(&mut self, window: Duration) -> Result<Round> {
        let mut round = closed_loop(&self.runtime, &mut self.callers, window)?;
        round.operations *= self.usages;
        Ok(round)
    }
}

fn item(customer: u32) -> String {
    let (customer, key) = (customer_id(customer), next_key());
    format!(
        "{{\"customerId\":\"{customer}\",\"currencyId\":\"api-credits\",\"amount\":1,\
         \"idempotencyKey\":\"{key}\"}}"
    )
}

fn event(customer: u32) -> String {
    let (customer, key) = (customer_id(customer), next_key());
    format!(
        "{{\"customerId\":\"{customer}\",\"eventName\":\"{EVENT_NAME}\",\
         \"idempotencyKey\":\"{key}\"}}"
    )
}

fn single(mut random: Random, choice: Choice, customers: u32) -> Write {
    Box::new(move |into| {
        let body = item(choice.pick(&mut random, customers));
        write_post(into, "/api/v1/credits/consumption", API_KEY, body.as_bytes());
    })
}

fn bulk(mut random: Random, customers: u32) -> Write {
    Box::new(move |into| {
        let mut body = "{\"events\":[".to_owned();
        for place in 0..BULK_ITEMS {
            let comma = if place == 0 { "" } else { "," };
            let event = event(Choice::Uniform.pick(&mut random, customers));
            // Writing to a string cannot fail.
            let _ = write!(body, "{comma}{event}");
        }
        body.push_str("]}");
        write_post(into, "/api/v1/events", API_KEY, body.as_bytes());
    })
}

/// P1 and P2: one usage a request, 64 in flight, over all customers or of one.
pub(crate) fn single_requests(bench: &mut Bench, choice: Choice) -> Result<Figure> {
    let workload = if choice == Choice::Hot { "P2" } else { "P1" };
    let plan = bench.plan;
    let (world, peers) = bench.contestants()?;
    let batch = usize::try_from(IN_FLIGHT)?;
    let floor = Floor::new(world.directory(), batch, choice, world.customers())?;
    let mut contenders: Vec<Box<dyn Contender>> =
        vec![Box::new(Consuming::single("stipend", world, choice)?), Box::new(floor)];
    if choice == Choice::Hot {
        contenders.push(Box::new(Consuming::single("P1", world, Choice::Uniform)?));
    }
    if let Some(redis) = &peers.redis {
        contenders.push(Box::new(redis.contender(IN_FLIGHT, choice, 1)?));
    }
    if let Some(postgres) = &peers.postgres {
        contenders.push(Box::new(postgres.contender(IN_FLIGHT, choice)?));
    }
    let outcomes = alternate(&mut contenders, plan)?;
    let mut figure = compared(workload, "usages/s", &outcomes);
    let first = outcomes.first().context("Stipend ran")?;
    figure.details.push(("p50_ms", percentile_ms(&first.rounds, 50)));
    figure.details.push(("p99_ms", percentile_ms(&first.rounds, 99)));
    figure.details.push(("in_flight", to_float(IN_FLIGHT)));
    figure.details.extend(counted(world, &mut contenders[0], plan.window)?);
    Ok(figure)
}

/// One round more, in which commits and processor time are counted.
fn counted(
    world: &World,
    stipend: &mut Box<dyn Contender>,
    window: Duration,
) -> Result<Vec<(&'static str, f64)>> {
    let (cpu, before) = (CpuTimes::now(), last_batch(world)?);
    let (round, left) = queued_meanwhile(world.engine(), || stipend.round(window));
    let round = round?;
    let commits = to_float(last_batch(world)?.saturating_sub(before));
    let acks = ratio(to_float(round.operations), commits);
    let mut details = vec![
        ("acks_per_sync", acks),
        ("left_in_queue", left),
        ("of_waiting", acks / (acks + left)),
    ];
    details.extend(CpuTimes::now().costs(&cpu, round.operations));
    Ok(details)
}

/// Does the work, and tells how many requests stood in the engine's queue meanwhile, in the mean:
/// those that a commit does not take along although they wait.
fn queued_meanwhile<T>(engine: &Engine, work: impl FnOnce() -> T) -> (T, f64) {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let (mut looks, mut found) = (0_u64, 0_u64);
            while !is_over.load(Ordering::Relaxed) {
                looks += 1;
                found += engine.queue_length() as u64;
                std::thread::park_timeout(QUEUE_LOOKS_EVERY);
            }
            ratio(to_float(found), to_float(looks))
        });
        let done = work();
        is_over.store(true, Ordering::Relaxed);
        (done, looking.join().expect("it only counts"))
    })
}

/// The number of the last batch that was committed; its header says it.
fn last_batch(world: &World) -> Result<u64> {
    let reader = world.engine().reader();
    let header = reader.row(reader.last_header()?)?.context("the journal has a header")?;
    Ok(u64::try_from(header.amount)?)
}

/// P3: a thousand events a request, each of which takes a credit.
pub(crate) fn bulk_requests(bench: &mut Bench) -> Result<Figure> {
    let plan = bench.plan;
    let (world, peers) = bench.contestants()?;
    let customers = world.customers();
    let write = move |seed| bulk(Random::new(seed), customers);
    let usages = u64::try_from(BULK_ITEMS)?;
    let stipend = Consuming::new("stipend", world, BULK_IN_FLIGHT, write, usages)?;
    let floor = Floor::new(world.directory(), BULK_ITEMS, Choice::Uniform, customers)?;
    let mut contenders: Vec<Box<dyn Contender>> = vec![
        Box::new(stipend),
        Box::new(floor),
        Box::new(Consuming::single("P1", world, Choice::Uniform)?),
    ];
    if let Some(redis) = &peers.redis {
        contenders.push(Box::new(redis.contender(BULK_IN_FLIGHT, Choice::Uniform, usages)?));
    }
    let outcomes = alternate(&mut contenders, plan)?;
    let mut figure = compared("P3", "deducts/s", &outcomes);
    let first = outcomes.first().context("Stipend ran")?;
    let cpu = CpuTimes::now();
    let round = contenders[0].round(plan.window)?;
    figure.details.extend(CpuTimes::now().costs(&cpu, round.operations));
    figure.details.push(("p99_ms", percentile_ms(&first.rounds, 99)));
    figure.details.push(("items", to_float(usages)));
    figure.details.push(("in_flight", to_float(BULK_IN_FLIGHT)));
    Ok(figure)
}
