//! The writing side, and how the data directory is opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use stipend_store::{Batch, FailureWatch, Reader, Seq, Store, StoreError};

use crate::checkpoint::{self, Checkpointer};
use crate::directory::{self, Directory};
use crate::gather::Gatherer;
use crate::mark::{self, Mark};
use crate::reader::{self, SqliteReader};
use crate::stopwatch::Stopwatch;
use crate::value::int;
use crate::{error, insert, schema, still};

/// How long a connection waits for someone who holds the database: a person's shell, say.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_millis(500);

/// Statements that are kept prepared for writing: all of them.
const STATEMENTS_MAX: usize = 32;

/// An append that takes longer is told to the log.
const SLOW_MICROS: u64 = 50_000;

/// What the write-ahead log keeps of the disk when it begins anew. A foreign reader that stays, a
/// backup for instance, lets it grow meanwhile.
const LOG_BYTES_KEPT: u64 = 64 << 20;

/// How much of a longer one is given back each time that it begins anew: cutting a gigabyte at once
/// would hold up a commit for most of a second.
const LOG_BYTES_GIVEN_BACK: u64 = 32 << 20;

/// SQLite's word for a log that is not cut.
const NO_LIMIT: i64 = -1;

/// What opening needs to be told.
#[derive(Clone, Debug)]
pub struct Options {
    /// The store's secret where it is made now: 32 bytes at random. Data that exists keeps its
    /// own.
    pub secret: [u8; 32],
    /// The most pages of 4 KiB that the database may have: a full disk for tests.
    pub pages_max: Option<u32>,
}

impl Options {
    /// Opens without limits; the secret is for new data.
    #[must_use]
    pub const fn new(secret: [u8; 32]) -> Self {
        Self { secret, pages_max: None }
    }
}

/// What was noticed while opening, for the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// The data was made now.
    pub created: bool,
    /// From this offset of the WAL on stood a commit that had not been finished when the process
    /// or the machine stopped; nobody was told that it had been, and it was dropped.
    pub torn_tail: Option<u64>,
    /// The file `MARK` could not be read and was written anew, as after a power failure. Whether
    /// acknowledged batches are missing at the journal's end could not be checked this time.
    pub mark_unreadable: bool,
}

/// The store on SQLite: one writing connection, owned by the committer.
#[derive(Debug)]
pub struct SqliteStore {
    gatherer: Gatherer,
    // Closed first: the writing connection is the last to leave, and clears the WAL away.
    checkpointer: Checkpointer,
    // Closed next: the directory must be locked until no connection is left.
    connection: Connection,
    mark: Mark,
    reader: Arc<SqliteReader>,
    /// Where the write-ahead log is.
    log: PathBuf,
    /// Something has failed with an unknown outcome; nothing more is written.
    failed: bool,
}

impl SqliteStore {
    /// Opens the data directory, or makes it.
    ///
    /// # Errors
    /// - [`StoreError::Locked`]: another process (or another store of this one) has it open.
    /// - [`StoreError::Newer`]: a newer version has written it.
    /// - [`StoreError::Damaged`]: acknowledged batches are missing, or the files contradict each
    ///   other. Nothing was changed.
    /// - [`StoreError::Unavailable`], [`StoreError::Failed`]: it could not be read or written.
    pub fn open(path: &Path, options: &Options) -> Result<(Self, Opened), StoreError> {
        let directory = Arc::new(Directory::open(path)?);
        let marked = Mark::read(&directory.mark()).map_err(error::file)?;
        let torn_tail = examine(&directory, marked)?;
        let mut connection = connect(&directory).map_err(error::reading)?;
        let layout = schema::inspect(&connection)?;
        let last = if layout == 0 { 0 } else { last_batch(&connection)? };
        check_mark(marked, last)?;

        // Only now is anything changed.
        set_up(&connection, options).map_err(error::writing)?;
        schema::migrate(&mut connection, layout, &options.secret)?;
        let mark = Mark::open(&directory.mark()).map_err(error::file)?;
        mark.write(last).map_err(error::file)?;
        directory.sync().map_err(error::file)?;
        if torn_tail.is_some() {
            // What is left of the torn commit must not stand between the commits to come.
            connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
                .map_err(error::writing)?;
        }
        let aside = connect(&directory).map_err(error::reading)?;
        set_durable(&aside).map_err(error::reading)?;
        directory.open_database().map_err(error::file)?;
        let syncing = Arc::clone(&directory);
        let sync = move || syncing.sync_database();
        let checkpointer = Checkpointer::start(aside, sync).map_err(error::file)?;
        let log = directory.wal();
        let reader = Arc::new(SqliteReader::new(directory));
        let gatherer = Gatherer::start(Arc::clone(&reader)).map_err(error::file)?;
        let mark_unreadable = marked == mark::Found::Unreadable;
        let store = Self { gatherer, checkpointer, connection, mark, reader, log, failed: false };
        Ok((store, Opened { created: layout == 0, torn_tail, mark_unreadable }))
    }

    /// Changes the limit of [`Options::pages_max`], for tests.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub fn set_pages_max(&self, pages: u32) -> Result<(), StoreError> {
        limit_pages(&self.connection, pages).map_err(error::writing)
    }

    fn try_append(&self, batch: &Batch) -> Result<(), StoreError> {
        let watch = Stopwatch::start();
        let had_turn = self.checkpointer.give_turn()?;
        let turn_micros = watch.micros();
        // Behind a turn the log begins anew with this commit, which is when SQLite cuts it.
        let cut = had_turn.then(|| self.log_to_cut());
        if let Some((limit, length)) = cut {
            self.checkpointer.note_length(length > LOG_BYTES_KEPT);
            if limit < length {
                self.limit_log(int(limit)).map_err(error::writing)?;
                let written = self.write(batch, turn_micros);
                self.limit_log(NO_LIMIT).map_err(failed)?;
                return written;
            }
        }
        self.write(batch, turn_micros)
    }

    /// To how many bytes the log is to be cut, and how many it has.
    fn log_to_cut(&self) -> (u64, u64) {
        let length = self.log.metadata().map_or(0, |log| log.len());
        let limit = length.saturating_sub(LOG_BYTES_GIVEN_BACK).max(LOG_BYTES_KEPT);
        (limit.min(length), length)
    }

    fn limit_log(&self, bytes: i64) -> rusqlite::Result<()> {
        self.connection.pragma_update(None, "journal_size_limit", bytes)
    }

    fn write(&self, batch: &Batch, turn_micros: u64) -> Result<(), StoreError> {
        let watch = Stopwatch::start();
        self.run("BEGIN IMMEDIATE").map_err(error::writing)?;
        let found = match reader::last(&self.connection) {
            Ok(found) => found,
            Err(error) => return Err(self.take_back(error)),
        };
        if found != batch.after {
            self.run("ROLLBACK").map_err(failed)?;
            return Err(StoreError::Position { expected: batch.after, found });
        }
        let inserted = insert::batch(&self.connection, batch);
        let insert_micros = watch.micros();
        let written = inserted.and_then(|()| self.run("COMMIT"));
        let commit_micros = watch.micros().saturating_sub(insert_micros);
        if turn_micros + insert_micros + commit_micros > SLOW_MICROS {
            let (rows, images) = (batch.rows.len(), batch.images.len());
            tracing::debug!(rows, images, turn_micros, insert_micros, commit_micros, "slow append");
        }
        match written {
            // Without its mark the batch is durable, but the next start could no longer tell.
            Ok(()) => {
                self.checkpointer.note_commit()?;
                match self.mark.write(batch.number).map_err(error::file) {
                    // A full disk is no reason to stop: the mark stays behind and says less.
                    Err(StoreError::Unavailable(_)) => Ok(()),
                    written => written,
                }
            }
            Err(error) => match self.take_back(error) {
                failed @ StoreError::Failed(_) => Err(failed),
                refused => self.check_end(found).and(Err(refused)),
            },
        }
    }

    fn run(&self, statement: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(statement)?.execute([]).map(drop)
    }

    /// Takes back what an append has begun, and says what its error means. Some errors end the
    /// transaction by themselves.
    fn take_back(&self, error: rusqlite::Error) -> StoreError {
        let rolled_back =
            if self.connection.is_autocommit() { Ok(()) } else { self.run("ROLLBACK") };
        rolled_back.map_or_else(failed, |()| error::writing(error))
    }

    /// Makes sure that nothing of a refused batch was written: so far it only says so.
    fn check_end(&self, expected: Seq) -> Result<(), StoreError> {
        let found = reader::last(&self.connection).map_err(failed)?;
        if found == expected {
            return Ok(());
        }
        let message = format!("a refused batch moved the journal from {expected} to {found}");
        Err(StoreError::Failed(message.into()))
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Failed(Box::new(error))
}

impl Store for SqliteStore {
    fn append(&mut self, batch: &Batch) -> Result<(), StoreError> {
        assert_eq!(batch.flaw(), None, "a batch must be whole before it is appended");
        if self.failed {
            return Err(StoreError::Failed("an earlier append has failed".into()));
        }
        let result = self.try_append(batch);
        self.failed = matches!(result, Err(StoreError::Failed(_)));
        if result.is_ok() {
            self.gatherer.note_commit(batch);
        }
        result
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::<SqliteReader>::clone(&self.reader)
    }

    fn on_failure(&mut self, watch: FailureWatch) {
        self.checkpointer.on_failure(watch);
    }
}

/// Looks at the files before SQLite does, which would drop without a word what follows a damaged
/// frame; gives the offset of a torn tail.
fn examine(directory: &Directory, marked: mark::Found) -> Result<Option<u64>, StoreError> {
    let finding = still::look_through(&directory.wal())?;
    if let Some(why) = still::damage(finding) {
        return Err(StoreError::Damaged(why));
    }
    let database = directory::length(&directory.database()).map_err(error::file)?;
    let empty = database.unwrap_or(0) == 0;
    if empty && (finding.commits > 0 || matches!(marked, mark::Found::Batch(1..))) {
        return Err(StoreError::Damaged(still::MISSING.to_owned()));
    }
    if database.is_none() {
        directory.make_database().map_err(error::file)?;
    }
    Ok(finding.torn)
}

/// A connection that leaves the files as they are, also when it is closed: where something turns
/// out to be damaged, the WAL may still hold what is missed, and must not be cleared away.
fn connect(directory: &Directory) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(directory.database(), flags)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

/// Acknowledged batches must be there.
fn check_mark(marked: mark::Found, last: u64) -> Result<(), StoreError> {
    still::missed(marked, last).map_or(Ok(()), |why| Err(StoreError::Damaged(why)))
}

/// Makes the connection the writing one.
fn set_up(connection: &Connection, options: &Options) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    // The size of pages is fixed by the first write, which the change of journal mode is.
    connection.pragma_update(None, "page_size", 4_096)?;
    change_to_wal(connection)?;
    set_durable(connection)?;
    checkpoint::count_frames(connection);
    options.pages_max.map_or(Ok(()), |pages| limit_pages(connection, pages))
}

/// What is committed or carried over is synced.
fn set_durable(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "synchronous", "full")?;
    // On macOS a sync is one only with these; elsewhere they say nothing new.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)
}

/// The change is committed where the statement ends, which is behind the row that says how it went:
/// who takes the row and leaves never hears of a failure.
fn change_to_wal(connection: &Connection) -> rusqlite::Result<()> {
    let mut change = connection.prepare("PRAGMA journal_mode = wal")?;
    let mut rows = change.query([])?;
    while let Some(row) = rows.next()? {
        let mode: String = row.get(0)?;
        assert_eq!(mode, "wal", "a database in a file of its own can have a WAL");
    }
    Ok(())
}

fn limit_pages(connection: &Connection, pages: u32) -> rusqlite::Result<()> {
    connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
}

/// The number of the last batch, 0 where there is none.
pub(crate) fn last_batch(connection: &Connection) -> Result<u64, StoreError> {
    let Some((seq, number)) = reader::last_header(connection).map_err(error::reading)? else {
        return match reader::last(connection).map_err(error::reading)? {
            0 => Ok(0),
            last => Err(StoreError::Damaged(format!("no batch begins before position {last}"))),
        };
    };
    u64::try_from(number).map_err(|_| {
        StoreError::Damaged(format!("the batch at position {seq} has the number {number}"))
    })
}
