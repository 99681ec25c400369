//! The files of a running server, as others see them.

use std::fmt;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use rusqlite::{Connection, OpenFlags};

use crate::server::now;

const DATABASE: &str = "stipend.db";

fn open(data_dir: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(data_dir.join(DATABASE), flags);
    connection.context("cannot read the database")
}

/// How much of the disk the write-ahead log has.
pub(super) fn wal_bytes(data_dir: &Path) -> u64 {
    fs::metadata(data_dir.join(format!("{DATABASE}-wal"))).map_or(0, |file| file.len())
}

/// The most that the write-ahead log had while it was watched.
pub(super) fn watch_wal(data_dir: &Path, is_done: &AtomicBool) -> Result<u64> {
    let mut highest = 0;
    while !is_done.load(Ordering::Relaxed) {
        highest = highest.max(wal_bytes(data_dir));
        thread::park_timeout(Duration::from_millis(100));
    }
    Ok(highest)
}

/// Reads the same old state for so long, which keeps the log from beginning anew.
pub(super) fn hold_snapshot(data_dir: &Path, time: Duration) -> Result<Duration> {
    let mut connection = open(data_dir)?;
    let began = now();
    let snapshot = connection.transaction()?;
    let count = || snapshot.query_row("SELECT max(seq) FROM journal", [], |row| row.get(0));
    let first: i64 = count()?;
    while began.elapsed() < time {
        thread::park_timeout(Duration::from_millis(100));
    }
    let last: i64 = count()?;
    anyhow::ensure!(first == last, "a snapshot went from row {first} to row {last}");
    Ok(began.elapsed())
}

/// How long small synced writes beside the server take, as the disk lets them.
pub(super) struct Syncs {
    /// In microseconds, sorted.
    took: Vec<u64>,
}

impl Syncs {
    /// Writes a page at a time to the end of a file of its own and syncs it, now and then, until it is
    /// told to end.
    pub(super) fn time(folder: &Path, is_done: impl Fn() -> bool) -> Result<Self> {
        let mut file = fs::File::create(folder.join("syncs"))?;
        let mut took = Vec::new();
        while !is_done() {
            let began = now();
            file.write_all(&[0; 4_096])?;
            file.sync_data()?;
            took.push(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
            thread::park_timeout(Duration::from_millis(50));
        }
        took.sort_unstable();
        Ok(Self { took })
    }
}

impl fmt::Display for Syncs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at =
            |place: usize| Duration::from_micros(self.took.get(place).copied().unwrap_or_default());
        let (count, last) = (self.took.len(), self.took.len().saturating_sub(1));
        let (median, p99, longest) = (at(count / 2), at(count * 99 / 100), at(last));
        write!(formatter, "median {median:.1?}, p99 {p99:.1?}, longest {longest:.1?} of {count}")
    }
}

/// The rows behind the oldest image of a stopped server.
pub(super) fn rows_to_replay(data_dir: &Path) -> Result<u64> {
    let rows = "SELECT (SELECT max(seq) FROM journal) - (SELECT min(as_of) FROM image)";
    let rows: i64 = open(data_dir)?.query_row(rows, [], |row| row.get(0))?;
    Ok(rows.unsigned_abs())
}
