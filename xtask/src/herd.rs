//! `cargo xtask herd`: many subscriptions due at one instant.
//!
//! Checks are answered, and right, while they are renewed; each is renewed once; a SIGKILL half
//! way changes nothing in the result.

mod checks;
mod journal;
pub(crate) mod population;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;
use serde_json::json;

use self::checks::Checks;
use self::population::consumed;
use crate::http::Http;
use crate::server::{self, Launcher, Server, now};
use crate::workspace;

const API_KEY: &str = "herd-production-key";
const SANDBOX_KEY: &str = "herd-sandbox-key";

/// Advancing the clock is answered when everything due is done.
const PATIENCE: Duration = Duration::from_secs(600);

/// When all subscriptions begin: the hardest day for months.
const START: &str = "2026-01-31T00:00:00Z";

/// When all are due.
const DUE: &str = "2026-02-28T00:00:00Z";

#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// How many subscriptions are due at once.
    #[arg(long, default_value_t = 100_000)]
    customers: u32,
    /// The server's binary; without it the debug build of this workspace.
    #[arg(long)]
    bin: Option<PathBuf>,
}

impl Options {
    /// The run that is part of `cargo xtask test`.
    pub(crate) fn short(customers: u32, binary: PathBuf) -> Self {
        Self { customers, bin: Some(binary) }
    }
}

/// Runs it and prints what happened; on a failure the data stays where it is.
pub(crate) fn command(options: &Options) -> Result<()> {
    ensure!(options.customers > 0, "at least one subscription");
    server::in_folder("stipend-herd-", |folder| run(options, folder))
}

fn run(options: &Options, folder: &Path) -> Result<()> {
    let binary = workspace::server_binary(options.bin.as_deref())?;
    let launcher = |name: &str| Launcher {
        binary: binary.clone(),
        data_dir: folder.join(name),
        log: folder.join("server.log"),
        api_key: API_KEY.to_owned(),
        sandbox_key: Some(SANDBOX_KEY.to_owned()),
        environment: Vec::new(),
    };
    let (calm, killed) = (launcher("calm"), launcher("killed"));
    let began = now();
    let server = calm.start()?;
    population::make(&server.base_url, SANDBOX_KEY, options.customers, START, consumed)?;
    server.terminate()?;
    println!("{} subscriptions made in {:.1?}", options.customers, began.elapsed());
    copy_folder(&calm.data_dir, &killed.data_dir)?;

    undisturbed(&calm, options.customers)?;
    disturbed(&killed, options.customers)?;

    let renewed = journal::compare(&calm.data_dir, &killed.data_dir)?;
    ensure!(
        renewed == u64::from(options.customers),
        "{renewed} renewals for {} subscriptions",
        options.customers
    );
    println!("{renewed} renewals, each once; with and without SIGKILL the journals are equal");
    Ok(())
}

/// Renews everything while checks are asked, and prints how they fared.
fn undisturbed(launcher: &Launcher, customers: u32) -> Result<()> {
    let server = launcher.start()?;
    let is_done = AtomicBool::new(false);
    let took = thread::scope(|scope| {
        let asking: Vec<_> = (0..2)
            .map(|seed| {
                let checks = Checks::new(&server.base_url, SANDBOX_KEY, customers, seed);
                scope.spawn(|| checks.ask_until(&is_done))
            })
            .collect();
        let began = now();
        let advanced = advance(&server);
        let took = began.elapsed();
        is_done.store(true, Ordering::Relaxed);
        for one in asking {
            let asked = one.join().map_err(|_| anyhow!("a client panicked"))??;
            println!("checks meanwhile: {asked}");
        }
        advanced.map(|()| took)
    })?;
    let checks = Checks::new(&server.base_url, SANDBOX_KEY, customers, 0);
    checks.expect_all_renewed()?;
    server.terminate()?;
    launcher.fsck()?;
    let rate = f64::from(customers) / took.as_secs_f64();
    println!("renewed in {took:.2?}: {rate:.0} a second; fsck clean");
    Ok(())
}

/// Kills the server when about half is renewed; the rest is done by itself after the restart.
fn disturbed(launcher: &Launcher, customers: u32) -> Result<()> {
    let before = journal::last_row(&launcher.data_dir)?;
    let server = launcher.start()?;
    let base_url = server.base_url.clone();
    thread::scope(|scope| {
        scope.spawn(|| {
            let http = Http::new(&base_url, SANDBOX_KEY, PATIENCE);
            // It is killed before it can answer.
            let _ = http.put("/api/v1/test-clock", &json!({ "now": DUE }));
        });
        journal::wait_for_row(&launcher.data_dir, before + u64::from(customers) / 2)?;
        server.kill()
    })?;
    let at_kill = journal::last_row(&launcher.data_dir)? - before;
    let server = launcher.start()?;
    println!("killed after {at_kill} rows; restarted in {:.0?}", server.start_took);
    advance(&server)?;
    Checks::new(&server.base_url, SANDBOX_KEY, customers, 0).expect_all_renewed()?;
    server.terminate()?;
    launcher.fsck()
}

fn advance(server: &Server) -> Result<()> {
    let http = Http::new(&server.base_url, SANDBOX_KEY, PATIENCE);
    let answer = http.put("/api/v1/test-clock", &json!({ "now": DUE }))?;
    ensure!(answer["data"]["frozen"] == json!(true), "the clock is not frozen: {answer}");
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name())).context("cannot copy the data")?;
    }
    Ok(())
}
