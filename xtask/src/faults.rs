//! `cargo xtask faults`: the real server on files that fail, and on a disk without power.
//!
//! A library is preloaded into the server (`dev/stipend-faults`) that lets its file operations
//! fail and records them. Nothing that was acknowledged may be lost, nothing may be there twice,
//! after a failed sync nothing more is acknowledged, and a full disk stops changes only.

mod case;
mod crew;
mod disk;
mod idle;
mod matrix;
mod places;
mod power;
mod script;
mod shim;
mod space;
mod trace;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use rustix::fs::statvfs;
use tempfile::TempDir;

use self::matrix::Matrix;
use self::power::Power;
use self::script::Client;
use crate::server::Launcher;

/// The length of the WAL at which the next commits carry it over into the database: a little less
/// than the limit of the store.
const GROWN_WAL_BYTES: u64 = 3_985 * (4_096 + 24);

/// The length at which it is carried over.
const CARRIED_WAL_BYTES: u64 = 32 + 4_000 * (4_096 + 24);

/// Consumptions that make the WAL so long; more mean that it never becomes so.
const FILLS_MAX: u32 = 5_000;

/// A file system in memory is used where it has so much room.
const MEMORY_ROOM: u64 = 512 << 20;

#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Try every call that differs from others, not only some of them; takes a while.
    #[arg(long)]
    full: bool,
    /// The server's binary; without it the debug build of this workspace.
    #[arg(long)]
    bin: Option<PathBuf>,
    /// So many servers are tried at the same time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// With `--full`: of each kind of failure try so many calls, spread over all.
    #[arg(long, value_name = "CALLS", default_value_t = usize::MAX, hide_default_value = true)]
    most: usize,
    /// Only this case, as a finding names it: `new:sync:3:once:EIO`.
    #[arg(long, value_name = "CASE")]
    only: Option<String>,
    /// Only this part.
    #[arg(long)]
    part: Option<Part>,
    /// The seed of what power failures leave behind.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Options {
    /// The run that is part of `cargo xtask test`.
    pub(crate) fn short() -> Self {
        Self { full: false, bin: None, jobs: 2, most: usize::MAX, only: None, part: None, seed: 1 }
    }

    fn length(&self) -> Length {
        if self.full { Length::Full { most: self.most } } else { Length::Short }
    }
}

/// What a run consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Each operation on files fails at its n-th call, once and for ever.
    Matrix,
    /// The power fails at points of recorded lives.
    Power,
    /// The disk is full for a while.
    Space,
}

/// How much is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Short,
    Full {
        /// Calls of each kind of failure.
        most: usize,
    },
}

impl Length {
    fn is_full(self) -> bool {
        self != Self::Short
    }
}

/// What all cases have in common.
#[derive(Debug)]
struct Setting {
    server: PathBuf,
    library: PathBuf,
}

impl Setting {
    /// A launcher without failures.
    fn launcher(&self, data_dir: &Path, folder: &Path) -> Launcher {
        Launcher {
            binary: self.server.clone(),
            data_dir: data_dir.to_owned(),
            log: folder.join("server.log"),
            api_key: script::API_KEY.to_owned(),
            sandbox_key: None,
            environment: Vec::new(),
        }
    }
}

/// Runs it and prints what happened; on a failure the data of the cases that failed stays.
pub(crate) fn command(options: &Options) -> Result<()> {
    let (server, library) = shim::build(options.bin.as_deref())?;
    let setting = Setting { server, library };
    let folder = temporary_folder().context("cannot make a temporary folder")?;
    // The names of open files are those behind all links.
    let path = folder.path().canonicalize().context("cannot resolve the temporary folder")?;
    match run(options, &setting, &path) {
        Ok(()) => Ok(()),
        Err(error) => {
            let kept = folder.keep();
            Err(error.context(format!("data and logs are kept in {}", kept.display())))
        }
    }
}

/// In memory where there is room: what a sync makes durable is decided by the library here, and a
/// disk would only take its time.
fn temporary_folder() -> Result<TempDir> {
    let builder = || {
        let mut builder = tempfile::Builder::new();
        builder.prefix("stipend-faults-");
        builder
    };
    let memory = Path::new("/dev/shm");
    let has_room = statvfs(memory).is_ok_and(|found| found.f_bavail * found.f_frsize > MEMORY_ROOM);
    let made = if has_room { builder().tempdir_in(memory) } else { builder().tempdir() };
    Ok(made?)
}

fn run(options: &Options, setting: &Setting, folder: &Path) -> Result<()> {
    let matrix = Matrix { setting, folder, grown: OnceLock::new() };
    if let Some(only) = &options.only {
        return matrix.only(only);
    }
    let length = options.length();
    let is_wanted = |part| options.part.is_none_or(|only| only == part);
    if is_wanted(Part::Space) {
        let lives = space::all(setting, folder, matrix.grown()?)?;
        println!("{lives} times the disk was full for a while: reads went on, changes afterwards");
    }
    if is_wanted(Part::Power) {
        let power = Power { setting, folder, seed: options.seed, length, jobs: options.jobs };
        power.all(&matrix)?.print();
    }
    if is_wanted(Part::Matrix) {
        idle::run(setting, folder, matrix.grown()?).context("idle")?;
        println!("a log that could not be carried over was noticed, though nobody asked");
        matrix.all(length, options.jobs)?.print();
    }
    Ok(())
}

/// Data whose WAL is nearly long enough to be carried over, left behind by SIGKILL.
fn grow(setting: &Setting, folder: &Path) -> Result<PathBuf> {
    let data_dir = folder.join("grown");
    let server = setting.launcher(&data_dir, folder).start()?;
    let client = Client::new(&server.base_url);
    client.set_up()?;
    let wal = data_dir.join("stipend.db-wal");
    for number in 0..FILLS_MAX {
        client.fill(number)?;
        if wal.metadata().context("the WAL")?.len() >= GROWN_WAL_BYTES {
            server.kill()?;
            return Ok(data_dir);
        }
    }
    anyhow::bail!("the WAL stays shorter than {GROWN_WAL_BYTES} bytes")
}
