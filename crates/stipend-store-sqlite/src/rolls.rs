//! Roll-ups in a database of their own, `series.db`: whoever writes the journal never waits for
//! them, and the file may be removed while nobody has it open.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OpenFlags, OptionalExtension};
use stipend_store::{Roll, RollHead, Rolls, Seq, StoreError};

use crate::directory;
use crate::store::BUSY_TIMEOUT;
use crate::value::{Number, bound, int};
use crate::{error, still};

/// The layout and the meaning of the bodies, kept in `PRAGMA user_version`: a file that says
/// something else is made anew.
const LAYOUT: i64 = 1;

const FILE: &str = "series.db";

const TABLES: &str = "CREATE TABLE roll(
  pool INTEGER NOT NULL, upto INTEGER NOT NULL, after INTEGER NOT NULL, number INTEGER NOT NULL,
  mark BLOB NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY(pool, upto)) STRICT";

/// The keeper of roll-ups in a data directory.
#[derive(Debug)]
pub struct SqliteRolls {
    connection: Mutex<Connection>,
}

impl SqliteRolls {
    /// Opens the roll-ups of a data directory whose store this process has open. A file that is
    /// missing, of another version or not to be read is made anew: nothing is lost by it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] or [`StoreError::Failed`] where that cannot be done.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = path.join(FILE);
        let connection = match connect(&file) {
            Ok(connection) => connection,
            Err(StoreError::Damaged(_)) => {
                for end in ["", "-wal", "-shm"] {
                    remove(&path.join(format!("{FILE}{end}")))?;
                }
                connect(&file)?
            }
            Err(other) => return Err(other),
        };
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// Opens the roll-ups of a data directory that is only looked at: nothing is made or changed.
    /// `None` where there are none.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where the file is of another version or not to be read, which the
    /// next [`SqliteRolls::open`] makes anew.
    pub fn look(path: &Path) -> Result<Option<Self>, StoreError> {
        let file = path.join(FILE);
        let length = |file: &Path| directory::length(file).map_err(error::file);
        if length(&file)?.unwrap_or(0) == 0 {
            return Ok(None);
        }
        let has_wal = length(&still::named(&file, "-wal"))?.unwrap_or(0) > 0;
        let open = || {
            let connection = still::connect(&file, has_wal)?;
            let layout = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            Ok::<(Connection, i64), rusqlite::Error>((connection, layout))
        };
        match open().map_err(error::reading)? {
            (connection, LAYOUT) => Ok(Some(Self { connection: Mutex::new(connection) })),
            (_, other) => Err(StoreError::Damaged(format!("{FILE} has the layout {other}"))),
        }
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A transaction that a panic has left is rolled back when it is dropped.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        question(&self.connection()).map_err(error::reading)
    }
}

fn remove(file: &Path) -> Result<(), StoreError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error::file(error)),
        _ => Ok(()),
    }
}

fn connect(file: &Path) -> Result<Connection, StoreError> {
    directory::open_or_make(file).map_err(error::file)?;
    let open = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
        // A power failure may take the last ones, never a part of one.
        connection.pragma_update(None, "synchronous", "normal")?;
        let layout: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let tables: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if (layout, tables) == (0, 0) {
            connection.execute_batch(&format!(
                "BEGIN; {TABLES}; PRAGMA user_version = {LAYOUT}; COMMIT"
            ))?;
            return Ok((connection, LAYOUT));
        }
        Ok((connection, layout))
    };
    match open().map_err(error::reading)? {
        (connection, LAYOUT) => Ok(connection),
        (_, other) => Err(StoreError::Damaged(format!("{FILE} has the layout {other}"))),
    }
}

impl Rolls for SqliteRolls {
    fn heads(&self, pool: u64) -> Result<Vec<RollHead>, StoreError> {
        self.ask(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT after, upto, number, mark, first, last FROM roll WHERE pool = ?
                 ORDER BY upto",
            )?;
            let head = |row: &rusqlite::Row<'_>| {
                let number = |index: usize| row.get::<_, Number>(index).map(|number| number.0);
                let (after, upto, number) = (number(0)?, number(1)?, number(2)?);
                let (mark, first, last) = (row.get(3)?, row.get(4)?, row.get(5)?);
                Ok(RollHead { pool, after, upto, number, mark, first, last })
            };
            select.query_map([bound(pool)], head)?.collect()
        })
    }

    fn body(&self, pool: u64, upto: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        self.ask(|connection| {
            let mut select =
                connection.prepare_cached("SELECT body FROM roll WHERE pool = ? AND upto = ?")?;
            select.query_row([bound(pool), bound(upto)], |row| row.get(0)).optional()
        })
    }

    fn add(&self, roll: &Roll) -> Result<bool, StoreError> {
        let RollHead { pool, after, upto, number, mark, first, last } = &roll.head;
        let connection = self.connection();
        // One statement, so that it is whole and nobody else comes in between.
        let mut insert = connection
            .prepare_cached(
                "INSERT INTO roll(pool, after, upto, number, mark, first, last, body)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
                 WHERE ?3 > ?2 AND ?2 = (SELECT ifnull(max(upto), 0) FROM roll WHERE pool = ?1)",
            )
            .map_err(error::writing)?;
        let values =
            (int(*pool), int(*after), int(*upto), int(*number), mark, first, last, &roll.body);
        Ok(insert.execute(values).map_err(error::writing)? == 1)
    }

    fn pools(&self) -> Result<Vec<u64>, StoreError> {
        self.ask(|connection| {
            let mut select =
                connection.prepare_cached("SELECT DISTINCT pool FROM roll ORDER BY pool")?;
            select.query_map([], |row| row.get::<_, Number>(0).map(|pool| pool.0))?.collect()
        })
    }

    fn forget(&self, pool: u64) -> Result<(), StoreError> {
        let connection = self.connection();
        let done = connection.execute("DELETE FROM roll WHERE pool = ?", [bound(pool)]);
        done.map(drop).map_err(error::writing)
    }
}
