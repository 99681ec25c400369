//! P5: checks over HTTP, beside a bare server of the same frameworks.

use super::{Bench, compared};
use crate::bare::BareServer;
use crate::http::{HttpCaller, write_get};
use crate::load::{client_runtime, closed_loop, open_loop};
use crate::random::{Choice, Random};
use crate::report::Figure;
use crate::rounds::{Contender, alternate};
use crate::stats::{Round, percentile_ms, to_float};
use crate::world::{API_KEY, World, customer_id};
use anyhow::{Context, Result};
use std::time::Duration;
use tokio::runtime::Runtime;

/// Checks in flight.
const IN_FLIGHT: u64 = 32;

/// Connections that share a rate. Timers are a millisecond coarse: with few connections, each would
/// come late for its next check because it woke late for this one, and that is not the server's.
const PACED: u64 = 256;

type Write = Box<dyn FnMut(&mut Vec<u8>)>;

/// Clients that ask for checks.
pub(crate) struct Checking {
    name: &'static str,
    runtime: Runtime,
    callers: Vec<HttpCaller<Write>>,
}

fn check(mut random: Random, customers: u32) -> Write {
    Box::new(move |into| {
        let customer = customer_id(Choice::Uniform.pick(&mut random, customers));
        let path =
            format_args!("/api/v1/customers/{customer}/entitlements/check?currencyId=api-credits");
        write_get(into, path, API_KEY);
    })
}

impl Checking {
    pub(crate) fn new(
        name: &'static str,
        port: u16,
        customers: u32,
        connections: u64,
    ) -> Result<Self> {
        let runtime = client_runtime()?;
        let mut callers = Vec::new();
        for seed in 0..connections {
            let write = check(Random::new(seed), customers);
            callers.push(runtime.block_on(HttpCaller::connect(port, write))?);
        }
        Ok(Self { name, runtime, callers })
    }

    /// At a rate, whatever the answers take.
    pub(crate) fn paced(&mut self, rate: f64, window: Duration) -> Result<Round> {
        open_loop(&self.runtime, &mut self.callers, rate, window)
    }

    /// The body of one answer.
    pub(crate) fn sample(&mut self) -> Result<Vec<u8>> {
        let caller = self.callers.first_mut().context("no connection")?;
        Ok(self.runtime.block_on(caller.exchange())?.to_vec())
    }
}

impl Contender for Checking {
    fn name(&self) -> &'static str {
        self.name
    }

    fn round(&mut self, window: Duration) -> Result<Round> {
        closed_loop(&self.runtime, &mut self.callers, window)
    }
}

/// Checks of a world.
pub(crate) fn of(name: &'static str, world: &World) -> Result<Checking> {
    Checking::new(name, world.port, world.customers(), IN_FLIGHT)
}

/// P5.
pub(crate) fn run(bench: &mut Bench) -> Result<Figure> {
    let plan = bench.plan;
    let world = bench.world()?;
    let mut stipend = of("stipend", world)?;
    let body = stipend.sample()?;
    let bytes = body.len() as u64;
    let bare = BareServer::start(body)?;
    let bare_clients = Checking::new("bare_server", bare.port, world.customers(), IN_FLIGHT)?;
    let outcomes = {
        let mut contenders: Vec<Box<dyn Contender + '_>> =
            vec![Box::new(&mut stipend), Box::new(bare_clients)];
        alternate(&mut contenders, plan)?
    };
    let mut figure = compared("P5", "checks/s", &outcomes);
    // The bare server at the same rate tells what of it the machine and the timers are.
    let ports = [("p99_ms_at_half_load", world.port), ("bare_p99_ms_at_that", bare.port)];
    for (detail, port) in ports {
        let mut paced = Checking::new("paced", port, world.customers(), PACED)?;
        paced.paced(figure.value / 2.0, plan.window / 4)?;
        let half = paced.paced(figure.value / 2.0, plan.window * 2)?;
        figure.details.push((detail, percentile_ms(&[half], 99)));
    }
    let first = outcomes.first().context("Stipend ran")?;
    figure.details.push(("p99_ms", percentile_ms(&first.rounds, 99)));
    figure.details.push(("in_flight", to_float(IN_FLIGHT)));
    figure.details.push(("answer_bytes", to_float(bytes)));
    Ok(figure)
}
