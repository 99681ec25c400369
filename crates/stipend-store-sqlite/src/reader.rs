//! The reading side: connections of their own, which a writer never waits for.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags, OptionalExtension};
use stipend_store::{
    CustomerFilter, ImageRow, Page, Reader, Row, Seq, StoreError, SubscriptionFilter,
    SubscriptionRef,
};

use crate::directory::Directory;
use crate::keys::{Gathered, Keys};
use crate::still::Still;
use crate::value::{Nano, Number, bound, int, limit};
use crate::{error, listing, store};

/// How many idle connections are kept; more are opened when more threads read at once.
const IDLE_MAX: usize = 8;

/// Statements that a connection keeps prepared: the fixed ones, and the lists with the filters
/// that are in use.
const STATEMENTS_MAX: usize = 64;

/// Rows that room is made for before it is known how many there are.
const ROWS_ROOM_MAX: usize = 1_024;

const ROW: &str = "SELECT seq, part, kind, at, slot, pool, pool_seq, prev, jump, life, amount,
  balance_after, key, body FROM journal";

/// Reads the database on connections that cannot write.
#[derive(Debug)]
pub(crate) struct SqliteReader {
    idle: Mutex<Vec<Connection>>,
    source: Source,
}

/// What is read.
#[derive(Debug)]
enum Source {
    /// The database that the store writes, and the keys that are gathered aside. The directory stays
    /// locked while anything has it open.
    Written { directory: Arc<Directory>, gathered: Box<Gathered> },
    /// One that nobody writes.
    Still(Arc<Still>),
}

impl SqliteReader {
    pub(crate) fn new(directory: Arc<Directory>) -> Self {
        let gathered = Box::new(Gathered::new(directory.path()));
        Self { idle: Mutex::default(), source: Source::Written { directory, gathered } }
    }

    pub(crate) fn of_still(still: Arc<Still>) -> Self {
        Self { idle: Mutex::default(), source: Source::Still(still) }
    }

    /// The keys that were gathered aside; none where nobody writes.
    pub(crate) fn gathered(&self) -> Option<&Gathered> {
        match &self.source {
            Source::Written { gathered, .. } => Some(gathered),
            Source::Still(_) => None,
        }
    }

    /// Keys as [`Reader::keys_between`], read from the journal itself.
    pub(crate) fn journal_keys(&self, from: Seq, until: Seq) -> Result<Keys, StoreError> {
        self.ask(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT key, seq FROM journal WHERE seq >= ? AND seq < ? AND key IS NOT NULL
                 ORDER BY seq",
            )?;
            let key = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, Number>(1)?.0));
            select.query_map((bound(from), bound(until)), key)?.collect()
        })
    }

    /// What the header of the batch that begins there says, where one does.
    pub(crate) fn header_at(&self, seq: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.header_at_or_before(seq)?;
        Ok(found.filter(|(at, _)| *at == seq).map(|(_, header)| header))
    }

    /// The last header up to a position, at most a batch away, and what it says.
    pub(crate) fn header_at_or_before(
        &self,
        seq: Seq,
    ) -> Result<Option<(Seq, Vec<u8>)>, StoreError> {
        self.ask(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT seq, amount, body FROM journal WHERE seq <= ? AND kind = 0
                 ORDER BY seq DESC LIMIT 1",
            )?;
            let header = |row: &rusqlite::Row<'_>| {
                let says = header_says(row.get::<_, Nano>(1)?.0, &row.get::<_, Vec<u8>>(2)?);
                Ok((row.get::<_, Number>(0)?.0, says))
            };
            select.query_row([bound(seq)], header).optional()
        })
    }

    /// Asks on an idle connection. The pool's lock is not held meanwhile.
    fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect().map_err(error::reading)?,
        };
        // One that has met an error is not used again: the next may be better.
        let answer = question(&connection).map_err(error::reading)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
        Ok(answer)
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = match &self.source {
            Source::Written { directory, .. } => beside(&directory.database())?,
            Source::Still(still) => still.connect()?,
        };
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        Ok(connection)
    }
}

/// A connection that reads beside whoever writes.
pub(crate) fn beside(database: &Path) -> rusqlite::Result<Connection> {
    // A read-only handle could not take part in the WAL's index, hence `query_only`.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    connection.busy_timeout(store::BUSY_TIMEOUT)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

impl Reader for SqliteReader {
    fn last(&self) -> Result<Seq, StoreError> {
        self.ask(last)
    }

    fn rows(&self, from: Seq, count: usize) -> Result<Vec<Row>, StoreError> {
        self.ask(|connection| {
            let sql = format!("{ROW} WHERE seq >= ? ORDER BY seq LIMIT ?");
            let mut select = connection.prepare_cached(&sql)?;
            let mut rows = Vec::with_capacity(count.min(ROWS_ROOM_MAX));
            for read in select.query_map((bound(from), limit(count)), row)? {
                rows.push(read?);
            }
            Ok(rows)
        })
    }

    fn row(&self, seq: Seq) -> Result<Option<Row>, StoreError> {
        self.ask(|connection| {
            let mut select = connection.prepare_cached(&format!("{ROW} WHERE seq = ?"))?;
            select.query_row([bound(seq)], row).optional()
        })
    }

    fn last_header(&self) -> Result<Seq, StoreError> {
        self.ask(|connection| Ok(last_header(connection)?.map_or(0, |(seq, _)| seq)))
    }

    fn image_ends(&self) -> Result<Vec<(u32, Seq)>, StoreError> {
        self.ask(|connection| {
            let mut select =
                connection.prepare_cached("SELECT seg, as_of FROM image ORDER BY seg")?;
            let end = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, Number>(1)?.0));
            select.query_map([], end)?.collect()
        })
    }

    fn images_from(&self, segment: u32, count: usize) -> Result<Vec<ImageRow>, StoreError> {
        self.ask(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT seg, as_of, body FROM image WHERE seg >= ? ORDER BY seg LIMIT ?",
            )?;
            let image = |row: &rusqlite::Row<'_>| {
                let as_of = row.get::<_, Number>(1)?.0;
                Ok(ImageRow { segment: row.get(0)?, as_of, body: row.get(2)? })
            };
            select.query_map((segment, limit(count)), image)?.collect()
        })
    }

    fn find_once(&self, env: u32, scope: u16, key: &[u8]) -> Result<Option<Seq>, StoreError> {
        self.ask(|connection| {
            let mut select = connection
                .prepare_cached("SELECT seq FROM once WHERE env = ? AND scope = ? AND key = ?")?;
            select.query_row((env, scope, key), |row| Ok(row.get::<_, Number>(0)?.0)).optional()
        })
    }

    fn recorded_since(&self, at: i64) -> Result<Option<Seq>, StoreError> {
        self.ask(|connection| first_header_since(connection, at))
    }

    fn keys_between(&self, from: Seq, until: Seq) -> Result<Vec<([u8; 16], Seq)>, StoreError> {
        let gathered = self.gathered().map(|gathered| gathered.between(self, from, until));
        let (mut keys, upto) = gathered.unwrap_or((Keys::new(), from));
        if upto < until {
            keys.extend(self.journal_keys(upto, until)?);
        }
        Ok(keys)
    }

    fn list_customers(
        &self,
        filter: &CustomerFilter,
        page: Page<u32>,
        limit: usize,
    ) -> Result<Vec<u32>, StoreError> {
        self.ask(|connection| listing::customers(connection, filter, page, limit))
    }

    fn list_subscriptions(
        &self,
        filter: &SubscriptionFilter,
        page: Page<u64>,
        limit: usize,
    ) -> Result<Vec<SubscriptionRef>, StoreError> {
        self.ask(|connection| listing::subscriptions(connection, filter, page, limit))
    }

    fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.ask(|connection| {
            // A number or a text is given as its text, bytes as they are.
            let mut select = connection.prepare_cached(
                "SELECT iif(typeof(v) = 'blob', v, CAST(CAST(v AS TEXT) AS BLOB))
                 FROM meta WHERE k = ?",
            )?;
            select.query_row([name], |row| row.get(0)).optional()
        })
    }
}

/// What a header says, for comparing it: its number and its body.
pub(crate) fn header_says(number: i128, body: &[u8]) -> Vec<u8> {
    let mut says = number.to_le_bytes().to_vec();
    says.extend_from_slice(body);
    says
}

/// The position of the last row, 0 where there is none.
pub(crate) fn last(connection: &Connection) -> rusqlite::Result<Seq> {
    let mut select = connection.prepare_cached("SELECT ifnull(max(seq), 0) FROM journal")?;
    select.query_row([], |row| Ok(row.get::<_, Number>(0)?.0))
}

/// Position and batch number of the last header. It stands at most one batch before the end, so
/// walking back finds it soon without an index.
pub(crate) fn last_header(connection: &Connection) -> rusqlite::Result<Option<(Seq, i128)>> {
    let mut select = connection.prepare_cached(
        "SELECT seq, amount FROM journal WHERE kind = 0 ORDER BY seq DESC LIMIT 1",
    )?;
    let header =
        |row: &rusqlite::Row<'_>| Ok((row.get::<_, Number>(0)?.0, row.get::<_, Nano>(1)?.0));
    select.query_row([], header).optional()
}

/// The first header that is not before the instant: a binary search over positions, each step
/// reading on to the next header, at most a batch away.
fn first_header_since(connection: &Connection, at: i64) -> rusqlite::Result<Option<Seq>> {
    let mut select = connection.prepare_cached(
        "SELECT seq, at FROM journal WHERE seq >= ? AND seq < ? AND kind = 0
         ORDER BY seq LIMIT 1",
    )?;
    let mut found = None;
    let (mut low, mut high) = (1, last(connection)? + 1);
    // Every header before `low` is earlier; none in `high..` comes before the one found.
    while low < high {
        let middle = low + (high - low) / 2;
        let header =
            |row: &rusqlite::Row<'_>| Ok((row.get::<_, Number>(0)?.0, row.get::<_, i64>(1)?));
        match select.query_row((int(middle), int(high)), header).optional()? {
            Some((seq, then)) if then < at => low = seq + 1,
            Some((seq, _)) => {
                found = Some(seq);
                high = middle;
            }
            None => high = middle,
        }
    }
    Ok(found)
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let number = |index: usize| Ok::<u64, rusqlite::Error>(row.get::<_, Number>(index)?.0);
    Ok(Row {
        seq: number(0)?,
        part: row.get(1)?,
        kind: row.get(2)?,
        at: row.get(3)?,
        slot: row.get(4)?,
        pool: number(5)?,
        pool_seq: number(6)?,
        prev: number(7)?,
        jump: number(8)?,
        life: number(9)?,
        amount: row.get::<_, Nano>(10)?.0,
        balance_after: row.get::<_, Nano>(11)?.0,
        key: row.get(12)?,
        body: row.get(13)?,
    })
}
