//! The journals of two servers, row by row.

use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rusqlite::{Connection, OpenFlags, Row};

/// What pools went through, in an order that does not depend on which customer came first.
const POOL_ROWS: &str = "SELECT pool, pool_seq, at, kind, amount, balance_after, body FROM journal \
                         WHERE pool <> 0 ORDER BY pool, pool_seq";

/// The kind of an entry that time itself brought about.
const KIND_DUE: i64 = 23;

/// How long half of the renewals may take.
const LOOKS: u32 = 600_000;

fn open(data_dir: &Path) -> Result<Connection> {
    let path = data_dir.join("stipend.db");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(&path, flags).context("cannot read the journal")
}

fn last_of(connection: &Connection) -> Result<u64> {
    let last: i64 =
        connection.query_row("SELECT ifnull(max(seq), 0) FROM journal", [], |row| row.get(0))?;
    Ok(last.unsigned_abs())
}

/// The position of the last row.
pub(super) fn last_row(data_dir: &Path) -> Result<u64> {
    last_of(&open(data_dir)?)
}

/// Looks at a running server's journal until it has that row.
pub(super) fn wait_for_row(data_dir: &Path, seq: u64) -> Result<()> {
    let connection = open(data_dir)?;
    for _ in 0..LOOKS {
        if last_of(&connection)? >= seq {
            return Ok(());
        }
        thread::park_timeout(Duration::from_millis(1));
    }
    bail!("row {seq} did not come")
}

type PoolRow = (i64, i64, i64, i64, Vec<u8>, Vec<u8>, Vec<u8>);

fn pool_row(row: &Row<'_>) -> rusqlite::Result<PoolRow> {
    let bytes = |column| -> rusqlite::Result<Vec<u8>> {
        Ok(format!("{:?}", row.get_ref(column)?).into_bytes())
    };
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, bytes(4)?, bytes(5)?, row.get(6)?))
}

/// Compares what the pools of two servers went through; gives how many entries time made.
pub(super) fn compare(one: &Path, other: &Path) -> Result<u64> {
    let (one, other) = (open(one)?, open(other)?);
    let (mut one, mut other) = (one.prepare(POOL_ROWS)?, other.prepare(POOL_ROWS)?);
    let (mut one, mut other) = (one.query_map([], pool_row)?, other.query_map([], pool_row)?);
    let mut renewed = 0;
    loop {
        match (one.next().transpose()?, other.next().transpose()?) {
            (None, None) => return Ok(renewed),
            (one, other) => {
                ensure!(one == other, "the journals differ: {one:?} and {other:?}");
                renewed += u64::from(one.is_some_and(|row| row.3 == KIND_DUE));
            }
        }
    }
}
