//! P7: the memory and the start of a process that holds all customers.

use super::Bench;
use crate::output;
use crate::report::Figure;
use crate::stats::{median, ratio, spread};
use crate::time;
use crate::world::start_engine;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use stipend_engine::SystemClock;

/// Starts that are measured.
const STARTS: usize = 3;

/// P7: another process opens the data, says what it took, and ends.
pub(crate) fn run(bench: &mut Bench) -> Result<Figure> {
    let data = bench.take_world()?.stop();
    let (mut bytes, mut seconds) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let output = Command::new(std::env::current_exe()?)
            .arg("start-once")
            .arg(data.directory.path())
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let failure = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the process failed: {failure}");
        let numbers: Vec<f64> =
            said.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        let [resident, took] = numbers[..] else { anyhow::bail!("it said: {said}") };
        bytes.push(ratio(resident, f64::from(data.customers)));
        seconds.push(took);
    }
    let world = data.open()?;
    let rows = world.engine().last_position();
    bench.put_world(world);
    let mut figure = Figure::new("P7", "bytes/customer");
    figure.value = median(&bytes);
    figure.spread = spread(&bytes);
    figure.rounds = bytes.len();
    figure.details.push(("start_s", median(&seconds)));
    figure.details.push(("journal_rows", crate::stats::to_float(rows)));
    Ok(figure)
}

/// Starts an engine over the data, and says how much memory it added and how long it took.
pub(crate) fn start_once(directory: &Path) -> Result<()> {
    let before = resident_bytes()?;
    let began = time::now();
    let engine = start_engine(directory, Arc::new(SystemClock))?;
    let took = began.elapsed().as_secs_f64();
    let added = resident_bytes()?.saturating_sub(before);
    output::result(&format!("{added} {took:.3}"))?;
    engine.stop();
    Ok(())
}

fn resident_bytes() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("there is no /proc here")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).context("no VmRSS")?;
    Ok(kib.parse::<u64>()? * 1_024)
}
