//! P8: what a long journal costs. A world with many ledger entries runs beside an empty one.

use super::consume::Consuming;
use super::{Bench, check, compared, next_key};
use crate::http::{HttpCaller, write_get};
use crate::load::{client_runtime, closed_loop};
use crate::output::progress;
use crate::random::{Choice, Random};
use crate::report::Figure;
use crate::rounds::{Contender, alternate};
use crate::stats::{percentile_ms, ratio, to_float};
use crate::time;
use crate::world::{API_KEY, World, customer_id, usage};
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::time::Duration;
use stipend_engine::Command;

/// Usages of one command, and commands in flight, while the journal is filled.
const FILL_ITEMS: u64 = 1_000;
const FILL_IN_FLIGHT: usize = 8;

/// Filling ends here even where the entries are not all there; the figure says how many are.
const FILL_TIME_MAX: Duration = Duration::from_secs(45 * 60);

/// The disk that an entry may take while it is made, with the log beside the database.
const BYTES_PER_ENTRY: u64 = 300;

/// P8.
pub(crate) fn run(bench: &mut Bench) -> Result<Figure> {
    let plan = bench.plan;
    ensure_room(&bench.parent, bench.entries)?;
    let empty = World::make(&bench.parent, bench.customers)?;
    let grown = World::make(&bench.parent, bench.customers)?;
    let before = disk_bytes(grown.directory())?;
    let filled = fill(&grown, bench.entries)?;
    let stored = disk_bytes(grown.directory())?.saturating_sub(before);
    let mut writing: Vec<Box<dyn Contender>> = vec![
        Box::new(Consuming::single("stipend", &grown, Choice::Uniform)?),
        Box::new(Consuming::single("P1", &empty, Choice::Uniform)?),
    ];
    let mut figure = compared("P8", "usages/s", &alternate(&mut writing, plan)?);
    let mut reading: Vec<Box<dyn Contender>> =
        vec![Box::new(check::of("stipend", &grown)?), Box::new(check::of("P5", &empty)?)];
    let checked = compared("P8", "checks/s", &alternate(&mut reading, plan)?);
    figure.ratios.extend(checked.ratios);
    figure.details.push(("entries", to_float(filled)));
    figure.details.push(("bytes_per_usage", ratio(to_float(stored), to_float(filled))));
    figure.details.push(("ledger_page_p99_ms", page_p99_ms(&grown, plan.window)?));
    Ok(figure)
}

fn fill(world: &World, entries: u64) -> Result<u64> {
    let began = time::now();
    let mut random = Random::new(11);
    let mut pipeline = world.pipeline(FILL_IN_FLIGHT);
    let mut filled = 0;
    while filled < entries && began.elapsed() < FILL_TIME_MAX {
        let count = FILL_ITEMS.min(entries - filled);
        let items = (0..count).map(|_| {
            let customer = Choice::Uniform.pick(&mut random, world.customers());
            usage(customer, next_key())
        });
        pipeline.push(Command::Consume(items.collect::<Result<_>>()?))?;
        filled += count;
    }
    pipeline.finish()?;
    progress(&format!("{filled} ledger entries made in {:.0} s", began.elapsed().as_secs_f64()));
    Ok(filled)
}

/// The first page of a customer's ledger, one at a time.
fn page_p99_ms(world: &World, window: Duration) -> Result<f64> {
    let runtime = client_runtime()?;
    let (mut random, customers) = (Random::new(13), world.customers());
    let write = move |into: &mut Vec<u8>| {
        let customer = customer_id(Choice::Uniform.pick(&mut random, customers));
        let path = format_args!("/api/v1/credits/ledger?customerId={customer}");
        write_get(into, path, API_KEY);
    };
    let mut callers = vec![runtime.block_on(HttpCaller::connect(world.port, write))?];
    let round = closed_loop(&runtime, &mut callers, window)?;
    Ok(percentile_ms(&[round], 99))
}

/// The bytes of all files, the log included.
fn disk_bytes(directory: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

fn ensure_room(parent: &Path, entries: u64) -> Result<()> {
    let output = std::process::Command::new("df")
        .args(["--output=avail", "-B1"])
        .arg(parent)
        .output()
        .context("df does not start")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let free = text.lines().last().and_then(|line| line.trim().parse::<u64>().ok());
    let Some(free) = free else { return Ok(()) };
    let needed = entries * BYTES_PER_ENTRY;
    ensure!(
        needed < free,
        "{entries} ledger entries may need {needed} bytes, and only {free} are free: ask for \
         fewer with --entries, or name another disk with --data-dir"
    );
    Ok(())
}
