//! `cargo run --release -p stipend-sim -- --seed 7`: the simulator on the command line.
#![expect(clippy::print_stdout, reason = "a command-line tool reports to its terminal")]

use clap::Parser;
use std::process::ExitCode;
use stipend_sim::canary::Canary;
use stipend_sim::{Options, Totals, faults, run, run_wild};

/// Lives customers through years of renewals, changes and clock jumps, and audits every step.
#[derive(Debug, Parser)]
#[command(name = "stipend-sim")]
struct Cli {
    /// One seed; a finding prints the steps that led to it.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Seeds FROM..TO, without the last.
    #[arg(long, value_name = "FROM..TO", value_parser = range, default_value = "0..100")]
    seeds: (u64, u64),
    /// Customers of a seed.
    #[arg(long, default_value_t = 10)]
    customers: u32,
    /// Years that each of them lives.
    #[arg(long, default_value_t = 11)]
    years: u32,
    /// Simulate the whole engine, with refused appends and crashes; slower.
    #[arg(long)]
    engine: bool,
    /// Every command at random, so many steps a seed, without a model: nothing may panic, and the
    /// invariants must hold.
    #[arg(long, value_name = "STEPS", conflicts_with_all = ["engine", "canary"])]
    wild: Option<u32>,
    /// The store of the whole engine fails at its n-th append or read, once and for ever, at every n
    /// of a life of so many steps; a life for each seed.
    #[arg(long, value_name = "STEPS", conflicts_with_all = ["engine", "canary", "wild"])]
    faults: Option<usize>,
    /// Plant a known bug, which must be found: chained-months, closed-interval, renewal-twice,
    /// same-instant-order, carried-lost, expiry-before-settlement, seats-clawed-back,
    /// version-twice, zone-forgotten or strict-overdraws.
    #[arg(long, value_name = "NAME", value_parser = canary, conflicts_with = "engine")]
    canary: Option<Canary>,
}

fn range(text: &str) -> Result<(u64, u64), String> {
    let (from, to) = text.split_once("..").ok_or("write it as 0..100")?;
    let number = |text: &str| text.parse::<u64>().map_err(|error| error.to_string());
    let (from, to) = (number(from)?, number(to)?);
    if from < to { Ok((from, to)) } else { Err("there is no seed in it".to_owned()) }
}

fn canary(name: &str) -> Result<Canary, String> {
    Canary::find(name).ok_or_else(|| "there is no such canary".to_owned())
}

/// How often a line says how far it is.
const SEEDS_PER_LINE: u64 = 100;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let Cli { customers, years, canary, engine: whole, .. } = cli;
    let options = Options { customers, years, canary, whole };
    let (from, to) = cli.seed.map_or(cli.seeds, |seed| (seed, seed + 1));
    if let Some(steps) = cli.faults {
        return fail_everywhere(from..to, steps);
    }
    let mut totals = Totals::default();
    for seed in from..to {
        let outcome = match cli.wild {
            Some(steps) => run_wild(seed, steps),
            None => run(seed, &options),
        };
        match outcome {
            Ok(done) => totals.add(&done),
            Err(finding) => {
                println!("{finding}");
                println!("after {} sound seeds; `--seed {seed}` repeats it", seed - from);
                return ExitCode::FAILURE;
            }
        }
        if totals.seeds.is_multiple_of(SEEDS_PER_LINE) {
            println!("{} seeds, {} years held", totals.seeds, totals.years());
        }
    }
    let Totals { seeds, steps, grants, crashes, refused, .. } = totals;
    let years = totals.years();
    println!(
        "{seeds} seeds, {steps} steps, subscriptions held for {years} years, {grants} recurring grants, \
         {crashes} crashes, {refused} refused appends: no finding"
    );
    ExitCode::SUCCESS
}

/// The long form of the fault matrix.
fn fail_everywhere(seeds: std::ops::Range<u64>, steps: usize) -> ExitCode {
    let mut report = faults::Report::default();
    for seed in seeds.clone() {
        match faults::matrix(&faults::random_script(seed, steps), 1) {
            Ok(done) => report.add(&done),
            Err(finding) => {
                println!("seed {seed}: {finding}");
                println!("`--faults {steps} --seed {seed}` repeats it");
                return ExitCode::FAILURE;
            }
        }
    }
    let faults::Report { lives, refused, deaths, found_done, found_undone } = report;
    println!(
        "{} seeds, {lives} lives with a failure: {refused} refusals, {deaths} stops; of what had no answer \
         {found_done} were done and {found_undone} not; nothing acknowledged lost, none doubled",
        seeds.count()
    );
    ExitCode::SUCCESS
}
