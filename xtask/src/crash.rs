//! `cargo xtask crash`: SIGKILL under load, again and again, and a checker that forgives nothing.
//!
//! Every acknowledged operation must be there exactly once with the answer that was given; every
//! operation without an answer must be there once or not at all, and a retry must settle it.

mod amount;
mod api;
mod audit;
mod client;
mod ledger_of_truth;
mod operation;
mod restart;
mod round;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;

use self::api::Api;
use self::audit::Depth;
use self::client::Population;
use self::ledger_of_truth::Truth;
use self::restart::Took;
use crate::prng::Prng;
use crate::server::{self, Launcher, Server};
use crate::workspace;

/// The ledgers are walked whole after so many rounds, and at the end.
const ROUNDS_BETWEEN_LEDGER_WALKS: u32 = 10;

/// But not more often than this in a whole run: they grow, and so would its time with the square.
const LEDGER_WALKS_MAX: u32 = 20;

/// After so many rounds a line tells how far it is.
const ROUNDS_BETWEEN_LINES: u32 = 50;

const API_KEY: &str = "crash-run-key";

#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// How often the server is killed.
    #[arg(long, default_value_t = 20)]
    rounds: u32,
    /// How many clients send at the same time.
    #[arg(long, default_value_t = 16)]
    clients: u32,
    /// The server's binary; without it the debug build of this workspace.
    #[arg(long)]
    bin: Option<PathBuf>,
    /// The seed of every random choice. The machine's timing stays as it is.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Options {
    /// The run that is part of `cargo xtask test`.
    pub(crate) fn short(rounds: u32, binary: PathBuf) -> Self {
        Self { rounds, clients: 16, bin: Some(binary), seed: 1 }
    }
}

/// Runs all rounds and prints what happened; on a failure the data stays where it is.
pub(crate) fn command(options: &Options) -> Result<()> {
    ensure!(options.rounds > 0 && options.clients > 0, "at least one round and one client");
    let folder = tempfile::Builder::new()
        .prefix("stipend-crash-")
        .tempdir()
        .context("cannot make a temporary folder")?;
    let launcher = Launcher {
        binary: workspace::server_binary(options.bin.as_deref())?,
        data_dir: folder.path().join("data"),
        log: folder.path().join("server.log"),
        api_key: API_KEY.to_owned(),
        sandbox_key: None,
        environment: Vec::new(),
    };
    println!("{} rounds, {} clients, seed {}", options.rounds, options.clients, options.seed);
    let mut run = Run::new(options, launcher, folder.path())?;
    match run.all_rounds() {
        Ok(()) => {
            run.report.print();
            Ok(())
        }
        Err(error) => {
            println!("the server's last words:\n{}", server::tail(&run.launcher.log, 20));
            let kept = folder.keep();
            Err(error.context(format!(
                "crash run with seed {} failed; data and logs are kept in {}",
                options.seed,
                kept.display()
            )))
        }
    }
}

/// The state of a run over all of its rounds.
struct Run {
    options: Options,
    launcher: Launcher,
    prng: Prng,
    population: Population,
    truth: Truth,
    report: Report,
}

/// What is printed at the end.
#[derive(Default)]
struct Report {
    rounds: u32,
    kills_in_recovery: u32,
    acknowledged: u64,
    left_open: u64,
    replayed: u64,
    restarts: Vec<Took>,
}

impl Run {
    fn new(options: &Options, launcher: Launcher, folder: &Path) -> Result<Self> {
        Ok(Self {
            options: options.clone(),
            launcher,
            prng: Prng::new(options.seed),
            population: Population::for_rounds(options.rounds),
            truth: Truth::new(&folder.join("operations"))?,
            report: Report::default(),
        })
    }

    fn all_rounds(&mut self) -> Result<()> {
        let mut server = self.launcher.start().context("first start")?;
        self.population.set_up(&Api::new(&server.base_url, API_KEY))?;
        for round in 1..=self.options.rounds {
            self.one_round(round, server).with_context(|| format!("round {round}"))?;
            server = self.restart().with_context(|| format!("restart after round {round}"))?;
            let depth = self.depth_after(round);
            self.audit(&server, depth).with_context(|| format!("check after round {round}"))?;
            self.report.rounds = round;
            if round.is_multiple_of(ROUNDS_BETWEEN_LINES) {
                println!("{round} rounds, {} operations", self.report.acknowledged);
            }
        }
        server.terminate()?;
        self.launcher.fsck()
    }

    fn one_round(&mut self, round: u32, server: Server) -> Result<()> {
        let plan = round::Plan {
            round,
            clients: self.options.clients,
            seed: self.prng.next(),
            pause: Duration::from_millis(50 + self.prng.below(751)),
        };
        let outcome = round::run(&plan, server, &self.population, &self.truth, API_KEY)?;
        self.report.acknowledged += outcome.acknowledged.len() as u64;
        self.report.left_open += outcome.open.len() as u64;
        self.truth.absorb(outcome)
    }

    /// Starts the server again, now and then with one more kill while it recovers.
    fn restart(&mut self) -> Result<Server> {
        if self.prng.one_in(8) {
            let pause = Duration::from_millis(self.prng.below(41));
            round::kill_in_recovery(&self.launcher, pause)?;
            self.report.kills_in_recovery += 1;
        }
        let server = self.launcher.start()?;
        self.report.restarts.push(Took::of(server.start_took, server.id())?.judge()?);
        Ok(server)
    }

    fn rounds_between_walks(&self) -> u32 {
        ROUNDS_BETWEEN_LEDGER_WALKS.max(self.options.rounds / LEDGER_WALKS_MAX)
    }

    fn depth_after(&self, round: u32) -> Depth {
        if round == self.options.rounds {
            Depth::Everything
        } else if round.is_multiple_of(self.rounds_between_walks()) {
            Depth::RecentAndLedgers
        } else {
            Depth::Recent
        }
    }

    fn audit(&mut self, server: &Server, depth: Depth) -> Result<()> {
        let seed = self.prng.next();
        let auditor = audit::Auditor {
            base_url: &server.base_url,
            api_key: API_KEY,
            clients: self.options.clients,
            population: &self.population,
        };
        self.report.replayed += auditor.check(&mut self.truth, depth, Prng::new(seed))?;
        Ok(())
    }
}

impl Report {
    fn print(&self) {
        println!("{} rounds, {} more kills during recovery", self.rounds, self.kills_in_recovery);
        println!("{} operations acknowledged, none lost", self.acknowledged);
        println!("{} left without an answer by a kill, all settled by a retry", self.left_open);
        println!("{} answers replayed, none with a second effect", self.replayed);
        print_times("restart", self.restarts.iter().map(|took| took.wall).collect());
        let work: Vec<Duration> = self.restarts.iter().filter_map(|took| took.work).collect();
        if !work.is_empty() {
            print_times("restart, processor time", work);
        }
        println!("fsck: clean");
    }
}

fn print_times(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let longest = times.last().copied().unwrap_or_default();
    println!("{what}: median {} ms, longest {} ms", median.as_millis(), longest.as_millis());
}
