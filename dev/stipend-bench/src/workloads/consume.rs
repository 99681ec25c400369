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
use crate::world::{API_KEY, World, customer_id};
use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::time::Duration;
use tokio::runtime::Runtime;

/// Requests in flight of P1 and P2.
pub(crate) const IN_FLIGHT: u64 = 64;
/// Items of one bulk request, and bulk requests in flight, of P3.
const BULK_ITEMS: usize = 1_000;
const BULK_IN_FLIGHT: u64 = 4;

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

fn single(mut random: Random, choice: Choice, customers: u32) -> Write {
    Box::new(move |into| {
        let body = item(choice.pick(&mut random, customers));
        write_post(into, "/api/v1/credits/consumption", API_KEY, body.as_bytes());
    })
}

fn bulk(mut random: Random, customers: u32) -> Write {
    Box::new(move |into| {
        let mut body = "{\"consumptions\":[".to_owned();
        for place in 0..BULK_ITEMS {
            let comma = if place == 0 { "" } else { "," };
            let item = item(Choice::Uniform.pick(&mut random, customers));
            // Writing to a string cannot fail.
            let _ = write!(body, "{comma}{item}");
        }
        body.push_str("]}");
        write_post(into, "/api/v1/credits/consumption/async", API_KEY, body.as_bytes());
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
        contenders.push(Box::new(redis.contender(IN_FLIGHT, choice)?));
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
    let (cpu, before) = (CpuTimes::now(), world.engine().last_position());
    let round = stipend.round(window)?;
    // A commit writes one row more than it has usages: its header.
    let rows = world.engine().last_position() - before;
    let commits = to_float(rows.saturating_sub(round.operations));
    let mut details = vec![("acks_per_sync", ratio(to_float(round.operations), commits))];
    details.extend(CpuTimes::now().costs(&cpu, round.operations));
    Ok(details)
}

/// P3: a thousand usages a request.
pub(crate) fn bulk_requests(bench: &mut Bench) -> Result<Figure> {
    let plan = bench.plan;
    let world = bench.world()?;
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
    let outcomes = alternate(&mut contenders, plan)?;
    let mut figure = compared("P3", "usages/s", &outcomes);
    let first = outcomes.first().context("Stipend ran")?;
    figure.details.push(("p99_ms", percentile_ms(&first.rounds, 99)));
    figure.details.push(("items", to_float(usages)));
    figure.details.push(("in_flight", to_float(BULK_IN_FLIGHT)));
    Ok(figure)
}
