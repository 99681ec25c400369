//! The single steps of a command, each alone in a loop: what a change of one of them costs is seen
//! here before it is seen in a workload. They print, and gate nothing.

use crate::output;
use crate::stats::{median, ratio, spread, to_float};
use crate::time::now;
use anyhow::{Context, Result};
use std::hint::black_box;
use std::time::Duration;
use stipend_core::customer::{CustomerCommand, Entry, check_credit, decide};
use stipend_core::{Amount, examples};
use stipend_store::codec::{from_bytes, to_bytes};

/// Passes between two looks at the clock.
const PASSES: u32 = 1_000;

/// A step by its name; one call is one pass.
type Loop<'a> = (&'static str, Box<dyn FnMut() + 'a>);

/// Measures each step so many times for so long.
///
/// # Errors
/// Where nothing can be printed, or the example cannot be decided.
pub(crate) fn run(rounds: u32, window: Duration) -> Result<()> {
    let (catalog, now) = (examples::catalog(), examples::START);
    let customer = examples::subscribed_customer(&catalog, 3);
    let command = CustomerCommand::Consume(examples::consumption(Amount::whole(5)));
    let decision = decide(&customer, &catalog, &command, now).context("the example consumes")?;
    let entry = decision.entries.first().context("a consumption makes an entry")?.clone();
    let bytes = to_bytes(&entry);
    let (credits, amount) = (examples::credits(), Some(Amount::whole(5)));
    // Begun anew before its credits are used up.
    let (mut changed, mut applied) = (customer.clone(), 0_u32);
    let loops: [Loop<'_>; 5] = [
        (
            "check",
            Box::new(|| {
                let customer = black_box(&customer);
                black_box(check_credit(customer, &catalog, &credits, None, amount, now));
            }),
        ),
        (
            "decide",
            Box::new(|| {
                let _ = black_box(decide(black_box(&customer), &catalog, &command, now));
            }),
        ),
        (
            "apply",
            Box::new(|| {
                if applied.is_multiple_of(PASSES) {
                    changed.clone_from(&customer);
                }
                applied += 1;
                changed.apply(black_box(&entry));
            }),
        ),
        (
            "encode",
            Box::new(|| {
                black_box(to_bytes(black_box(&entry)));
            }),
        ),
        (
            "decode",
            Box::new(|| {
                let _ = black_box(from_bytes::<Entry>(black_box(&bytes)));
            }),
        ),
    ];
    for (name, mut step) in loops {
        let took: Vec<f64> = (0..rounds).map(|_| nanos(step.as_mut(), window)).collect();
        let (middle, range) = (median(&took), spread(&took) * 100.0);
        output::result(&format!("{name}: {middle:.0} ns, range {range:.0} %"))?;
    }
    Ok(())
}

/// Nanoseconds of a pass, over that time.
fn nanos(step: &mut dyn FnMut(), window: Duration) -> f64 {
    let (began, mut passes) = (now(), 0);
    while began.elapsed() < window {
        for _ in 0..PASSES {
            step();
        }
        passes += u64::from(PASSES);
    }
    ratio(began.elapsed().as_secs_f64() * 1e9, to_float(passes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_can_be_repeated() {
        run(1, Duration::from_nanos(1)).expect("the example can be decided");
    }
}
