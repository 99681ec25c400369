//! `cargo xtask test`: every check and test of the project in one run, with one summary line.

mod browser;
mod debian;
mod python;
mod steps;
mod summary;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use self::steps::Step;
use self::summary::Tally;
use crate::workspace;

/// Runs all steps, also after a failed one, so that one run shows everything that is wrong.
///
/// The summary is the last line, and says whether all is well; so does the returned value.
pub(crate) fn command() -> Result<bool> {
    let root = workspace::root()?;
    let mut total = Tally::default();
    let mut times = Vec::new();
    for step in steps::all() {
        let (tally, took) = run(&step, &root);
        total = total.plus(tally);
        times.push((step.title, tally, took));
    }
    println!("\n=== Summary ===");
    for (title, tally, took) in &times {
        let mark = if tally.failed == 0 { "ok    " } else { "FAILED" };
        println!("{mark} {:>7.1} s  {title}", took.as_secs_f64());
    }
    println!("{total}");
    Ok(total.failed == 0)
}

/// Keeps pictures of every screen of the dashboard; the main ones are those of its documentation.
pub(crate) fn screenshots() -> Result<bool> {
    let tally = steps::screenshots(&workspace::root()?)?;
    println!("{tally}");
    Ok(tally.failed == 0)
}

/// A step that could not even run counts as one failure.
fn run(step: &Step, root: &Path) -> (Tally, Duration) {
    println!("\n=== {} ===", step.title);
    #[expect(clippy::disallowed_methods, reason = "prints how long each step took")]
    let began = Instant::now();
    let tally = (step.run)(root).unwrap_or_else(|error| {
        println!("error: {error:#}");
        Tally::one_failed()
    });
    let took = began.elapsed();
    println!("--- {}: {:.1} s", step.title, took.as_secs_f64());
    (tally, took)
}
