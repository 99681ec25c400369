//! `cargo xtask soak`: a server that never rests.
//!
//! Many clients consume for minutes without a pause, while a reader holds an old snapshot of the
//! database, a copy of it is taken, and a second environment's clock advances month by month over
//! all of its subscriptions. Nothing acknowledged may be missing, no check may be denied at a
//! boundary, the write-ahead log must become small again, and the next start be quick.

mod boundary;
mod files;
mod load;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;

use self::boundary::Boundaries;
use self::files::Syncs;
use self::load::Load;
use crate::server::{self, Launcher, now};
use crate::workspace;

const API_KEY: &str = "soak-production-key";
const SANDBOX_KEY: &str = "soak-sandbox-key";

/// Advancing the clock is answered when everything due is done.
const PATIENCE: Duration = Duration::from_secs(600);

/// The longest time without any answer to so many clients, also where the disk and the processors are
/// shared: the longest sync beside it is printed.
const GAP_MAX: Duration = Duration::from_millis(750);

/// From the start of the process until it listens.
const START_MAX: Duration = Duration::from_secs(5);

/// For how long the disk is timed before anything else uses it.
const ALONE: Duration = Duration::from_secs(5);

/// What the write-ahead log may have on disk once nobody holds it any more.
const WAL_BYTES_MAX: u64 = 80 << 20;

/// What the next start may have to replay.
const TAIL_ROWS_MAX: u64 = 1_000_000;

#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// How long the load goes on.
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// How many clients consume at once.
    #[arg(long, default_value_t = 32)]
    clients: u32,
    /// How many subscriptions are renewed at each boundary.
    #[arg(long, default_value_t = 100_000)]
    subscriptions: u32,
    /// How long the reader stays; a tenth of the time where nothing is said.
    #[arg(long)]
    reader_seconds: Option<u64>,
    /// What the server is to write to its log, which is kept then: `info,stipend_store_sqlite=debug`.
    #[arg(long)]
    log: Option<OsString>,
    /// Keep data and logs also where nothing failed.
    #[arg(long)]
    keep: bool,
    /// The server's binary; without it the debug build of this workspace.
    #[arg(long)]
    bin: Option<PathBuf>,
}

/// Runs it and prints what happened; on a failure the data stays where it is.
pub(crate) fn command(options: &Options) -> Result<()> {
    ensure!(options.subscriptions > 0 && options.clients > 0, "at least one of each");
    server::in_folder("stipend-soak-", |folder| run(options, folder))
}

fn run(options: &Options, folder: &Path) -> Result<()> {
    let launcher = Launcher {
        binary: workspace::server_binary(options.bin.as_deref())?,
        data_dir: folder.join("data"),
        log: folder.join("server.log"),
        api_key: API_KEY.to_owned(),
        sandbox_key: Some(SANDBOX_KEY.to_owned()),
        environment: options.log.iter().map(|log| ("STIPEND_LOG", log.clone())).collect(),
    };
    let until = now() + ALONE;
    println!("syncs of the disk alone: {}", Syncs::time(folder, || now() >= until)?);
    let server = launcher.start()?;
    let load = Load::new(&server.base_url, options.clients)?;
    let began = now();
    boundary::make(&server.base_url, options.subscriptions)?;
    println!("{} subscriptions made in {:.1?}", options.subscriptions, began.elapsed());

    together(options, &launcher, &server.base_url, &load)?;
    load.verify(&server.base_url)?;
    server.terminate()?;

    let tail = files::rows_to_replay(&launcher.data_dir)?;
    let server = launcher.start()?;
    let (start, wal) = (server.start_took, files::wal_bytes(&launcher.data_dir));
    println!("restarted in {start:.0?} with {tail} rows to replay; the log has {wal} bytes");
    ensure!(tail <= TAIL_ROWS_MAX, "{tail} rows are to be replayed");
    ensure!(start <= START_MAX, "the start took {start:.1?}");
    load.verify(&server.base_url)?;
    server.terminate()?;
    launcher.fsck()?;
    println!("everything that was acknowledged is there; fsck clean");
    ensure!(!options.keep, "nothing: data and logs were asked for");
    Ok(())
}

/// Everything at once: the load, the reader that stays, the copy, the boundaries.
fn together(options: &Options, launcher: &Launcher, base_url: &str, load: &Load) -> Result<()> {
    let time = Duration::from_secs(options.seconds);
    let staying = options.reader_seconds.map_or(time / 10, Duration::from_secs);
    let end = now() + time;
    let (is_done, data_dir) = (AtomicBool::new(false), &launcher.data_dir);
    let folder = data_dir.parent().context("the data stand in a folder")?;
    let copy_dir = folder.join("copy");
    thread::scope(|scope| {
        let consuming = scope.spawn(|| load.consume_until(base_url, end));
        let renewing =
            scope.spawn(|| Boundaries::new(base_url, options.subscriptions).advance_until(end));
        let watching = scope.spawn(|| files::watch_wal(data_dir, &is_done));
        let syncing = scope.spawn(|| Syncs::time(folder, || is_done.load(Ordering::Relaxed)));
        let meanwhile = (|| {
            let held = files::hold_snapshot(data_dir, staying)?;
            std::fs::create_dir_all(&copy_dir)?;
            let began = now();
            launcher.back_up(&copy_dir.join("stipend.db"))?;
            let copied = began.elapsed();
            println!("a reader stayed for {held:.1?}, a copy was taken in {copied:.1?}");
            Ok::<(), anyhow::Error>(())
        })();
        let consumed = consuming.join().map_err(|_| anyhow!("a client panicked"))?;
        is_done.store(true, Ordering::Relaxed);
        let renewed = renewing.join().map_err(|_| anyhow!("the checks panicked"))?;
        let highest = watching.join().map_err(|_| anyhow!("the watch panicked"))??;
        let syncs = syncing.join().map_err(|_| anyhow!("the syncs panicked"))??;
        meanwhile?;
        let (consumed, renewed) = (consumed?, renewed?);
        println!("{consumed}");
        println!("{renewed}");
        println!("syncs of the disk beside it: {syncs}");
        let last = files::wal_bytes(data_dir);
        println!("the log had {highest} bytes at most, and {last} in the end");
        ensure!(
            consumed.longest_gap <= GAP_MAX,
            "nobody was answered for {:?}",
            consumed.longest_gap
        );
        ensure!(last <= WAL_BYTES_MAX, "the log has {last} bytes and nobody holds it");
        Ok(())
    })?;
    let copy = Launcher { data_dir: copy_dir, ..launcher.clone() };
    copy.fsck().context("the copy that was taken under load")
}
