//! `stipend-bench`: what Stipend does a second, beside what it could and what others do.
//!
//! Rounds alternate between Stipend, the peers and the floor, on the same disk and in the same
//! minute; only their ratios mean anything. `docs/benchmarks.md` describes the method.

mod bare;
mod chart;
mod cpu;
mod disk;
mod http;
mod load;
mod loops;
mod output;
mod peers;
mod random;
mod report;
mod rounds;
mod stats;
mod time;
mod workloads;
mod world;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use peers::process;
use random::Choice;
use report::Figure;
use rounds::Plan;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use workloads::{Bench, check, consume, engine_alone, growth, herd, memory};

// The allocator of the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures Stipend beside hand-rolled peers and the floor of the disk, in alternating rounds.
///
/// Every workload makes its own data and removes it. Run it with a release build on a machine
/// that does nothing else; the load stays on this machine.
#[derive(Debug, Parser)]
#[command(name = "stipend-bench", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// All workloads.
    All(Options),
    /// One usage a request over HTTP, 64 in flight, over all customers.
    P1(Options),
    /// The same, all of one customer.
    P2(Options),
    /// A thousand events a request over HTTP, each of which takes a credit.
    P3(Options),
    /// The engine alone, without HTTP, on uniform and on skewed customers.
    P4(Options),
    /// Checks over HTTP, beside a bare server of the same frameworks.
    P5(Options),
    /// Every subscription renewed at once, while checks are asked.
    P6(Options),
    /// Memory for each customer, and the time of a start.
    P7(Options),
    /// A world with many ledger entries beside an empty one.
    P8(Options),
    /// Check, decide, apply, encode and decode, each alone in a loop.
    Loops(Options),
    /// Installs PostgreSQL and Redis where they are missing, as root on a Debian.
    Setup,
    /// Starts an engine once, for P7.
    #[command(hide = true)]
    StartOnce {
        /// The data.
        directory: PathBuf,
    },
}

#[derive(Args, Clone, Debug)]
struct Options {
    /// Less data and shorter rounds: under a minute a workload.
    #[arg(long)]
    short: bool,
    /// One JSON object a line for each workload.
    #[arg(long)]
    json: bool,
    /// How many customers there are [default: 1000000, with --short 100000].
    #[arg(long, value_parser = clap::value_parser!(u32).range(100..=5_000_000))]
    customers: Option<u32>,
    /// Ledger entries of P8 [default: 100000000, with --short 500000].
    #[arg(long, value_parser = clap::value_parser!(u64).range(1_000..=200_000_000))]
    entries: Option<u64>,
    /// Rounds of each contender [default: 7, with --short 5].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: Option<u16>,
    /// The length of a round in milliseconds [default: 5000, with --short 1000].
    #[arg(long, value_parser = clap::value_parser!(u64).range(50..=60_000))]
    window: Option<u64>,
    /// Where the data is made; the disk that is measured [default: the directory for temporary
    /// files].
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Write the results into docs/benchmarks.md and docs/benchmarks.svg.
    #[arg(long)]
    write_docs: bool,
    /// Do not install peers that are missing; they are left out.
    #[arg(long)]
    no_install: bool,
}

impl Options {
    fn plan(&self) -> Plan {
        let (rounds, window) = if self.short { (5, 1_000) } else { (7, 5_000) };
        Plan {
            rounds: usize::from(self.rounds.unwrap_or(rounds)),
            window: Duration::from_millis(self.window.unwrap_or(window)),
        }
    }

    fn bench(&self) -> Bench {
        let (customers, entries) =
            if self.short { (100_000, 500_000) } else { (1_000_000, 100_000_000) };
        let parent = self.data_dir.clone().unwrap_or_else(std::env::temp_dir);
        let customers = self.customers.unwrap_or(customers);
        Bench::new(parent, customers, self.entries.unwrap_or(entries), self.plan())
    }

    fn needs_peers(workloads: &[Workload]) -> bool {
        workloads.iter().any(|(name, _)| matches!(*name, "P1" | "P2" | "P3"))
    }
}

/// A workload by the name of its figure.
type Workload = (&'static str, fn(&mut Bench) -> Result<Figure>);

const P1: Workload = ("P1", |bench| consume::single_requests(bench, Choice::Uniform));
const P2: Workload = ("P2", |bench| consume::single_requests(bench, Choice::Hot));
const P3: Workload = ("P3", consume::bulk_requests);
const P4_UNIFORM: Workload = ("P4-uniform", |bench| engine_alone::run(bench, Choice::Uniform));
const P4_SKEWED: Workload = ("P4-skewed", |bench| engine_alone::run(bench, Choice::Skewed));
const P5: Workload = ("P5", check::run);
const P6: Workload = ("P6", herd::run);
const P7: Workload = ("P7", memory::run);
const P8: Workload = ("P8", growth::run);

/// Memory is measured first, before usages and renewals add what idle customers do not have.
const ALL: [Workload; 9] = [P7, P1, P2, P3, P4_UNIFORM, P4_SKEWED, P5, P6, P8];

fn main() -> ExitCode {
    let outcome = match &Cli::parse().command {
        Command::All(options) => run(options, &ALL),
        Command::P1(options) => run(options, &[P1]),
        Command::P2(options) => run(options, &[P2]),
        Command::P3(options) => run(options, &[P3]),
        Command::P4(options) => run(options, &[P4_UNIFORM, P4_SKEWED]),
        Command::P5(options) => run(options, &[P5]),
        Command::P6(options) => run(options, &[P6]),
        Command::P7(options) => run(options, &[P7]),
        Command::P8(options) => run(options, &[P8]),
        Command::Loops(options) => {
            let plan = options.plan();
            loops::run(u32::try_from(plan.rounds).unwrap_or(u32::MAX), plan.window / 10)
        }
        Command::Setup => {
            peers::install_missing();
            Ok(())
        }
        Command::StartOnce { directory } => memory::start_once(directory),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::progress(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options, workloads: &[Workload]) -> Result<()> {
    process::clean_up_on_signals()?;
    if Options::needs_peers(workloads) && !options.no_install {
        peers::install_missing();
    }
    let mut bench = options.bench();
    let mut figures = Vec::new();
    for (name, measure) in workloads {
        output::progress(name);
        let figure = bench.figure(measure)?;
        let line = if options.json { figure.to_json().to_string() } else { figure.to_text() };
        output::result(&line)?;
        figures.push(figure);
    }
    if options.write_docs {
        figures.sort_by_key(|figure| figure.workload);
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        report::write_docs(&docs, &figures)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn all_has_every_workload_once() {
        let mut names: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        let expected = ["P1", "P2", "P3", "P4-skewed", "P4-uniform", "P5", "P6", "P7", "P8"];
        assert_eq!(names, expected);
    }
}
