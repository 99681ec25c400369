//! P6: every customer's subscription is renewed at once, while checks are asked.

use super::Bench;
use super::check;
use crate::report::Figure;
use crate::stats::{Round, median, percentile_ms, ratio, spread};
use crate::time;
use anyhow::{Context, Result, anyhow};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use stipend_engine::Command;

/// Longer than any month: every subscription is due once.
const MONTH: Duration = Duration::from_secs(31 * 24 * 60 * 60);

/// Checks a second that are asked meanwhile.
const CHECK_RATE: f64 = 500.0;

/// Renewals of everything that are measured.
const MONTHS: usize = 3;

/// P6. Each round is another month.
pub(crate) fn run(bench: &mut Bench) -> Result<Figure> {
    let window = bench.plan.window;
    let world = bench.world()?;
    let mut checks = check::of("stipend", world)?;
    let mut seconds = Vec::new();
    let (mut idle, mut busy): (Vec<Round>, Vec<Round>) = (Vec::new(), Vec::new());
    let mut times_idle = Vec::new();
    for _ in 0..MONTHS {
        // What idle is changes with the machine, so it is looked at before each month.
        idle.push(checks.paced(CHECK_RATE, window)?);
        let before = busy.len();
        let is_done = AtomicBool::new(false);
        let took = thread::scope(|scope| {
            let renewing = scope.spawn(|| {
                let began = time::now();
                world.clock().skip(MONTH);
                let renewed = world.run(Command::CatchUpAll);
                is_done.store(true, Ordering::Release);
                renewed.map(|()| began.elapsed())
            });
            while !is_done.load(Ordering::Acquire) {
                busy.push(checks.paced(CHECK_RATE, Duration::from_millis(200))?);
            }
            renewing.join().map_err(|_| anyhow!("the renewing thread panicked"))?
        })?;
        seconds.push(took.as_secs_f64());
        let quiet = percentile_ms(&idle[idle.len() - 1..], 99);
        times_idle.push(ratio(percentile_ms(&busy[before..], 99), quiet));
    }
    let mut figure = Figure::new("P6", "s");
    figure.value = median(&seconds);
    figure.spread = spread(&seconds);
    figure.rounds = seconds.len();
    figure.details.push(("check_p99_ms_idle", percentile_ms(&idle, 99)));
    figure.details.push(("check_p99_ms_meanwhile", percentile_ms(&busy, 99)));
    figure.details.push(("check_p99_times_idle", median(&times_idle)));
    let customers = f64::from(world.customers());
    let rate = ratio(customers, figure.value);
    figure.details.push(("renewals_per_s", rate));
    let _ = seconds.first().context("it was measured")?;
    Ok(figure)
}
