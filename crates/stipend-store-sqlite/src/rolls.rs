//! Roll-ups in a database of their own, `series.db`: whoever writes the journal never waits for
//! them, and the file may be removed while nobody has it open.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension};
use stipend_store::{Roll, RollHead, Rolls, Seq, StoreError};

use crate::aside::Aside;
use crate::error;
use crate::value::{Number, bound, int};

const SERIES: Aside = Aside {
    file: "series.db",
    layout: 1,
    tables: "CREATE TABLE roll(
  pool INTEGER NOT NULL, upto INTEGER NOT NULL, after INTEGER NOT NULL, number INTEGER NOT NULL,
  mark BLOB NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY(pool, upto)) STRICT",
};

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
        let connection = SERIES.open(path)?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// Opens the roll-ups of a data directory that is only looked at: nothing is made or changed.
    /// `None` where there are none.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where the file is of another version or not to be read, which the
    /// next [`SqliteRolls::open`] makes anew.
    pub fn look(path: &Path) -> Result<Option<Self>, StoreError> {
        let looked = SERIES.look(path)?;
        Ok(looked.map(|connection| Self { connection: Mutex::new(connection) }))
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
