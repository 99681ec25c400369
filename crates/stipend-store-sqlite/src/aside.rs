//! Databases beside the journal's. They are no truth: whoever writes the journal never waits for
//! them, and their files may be removed while nobody has them open.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use stipend_store::StoreError;

use crate::store::BUSY_TIMEOUT;
use crate::{directory, error, still};

/// One of them.
pub(crate) struct Aside {
    /// Its name in the data directory.
    pub(crate) file: &'static str,
    /// The layout and the meaning of what is opaque, kept in `PRAGMA user_version`: a file that says
    /// something else is made anew.
    pub(crate) layout: i64,
    /// The statements that make its tables.
    pub(crate) tables: &'static str,
}

impl Aside {
    /// Opens it in a data directory that this process has open. A file that is missing, of another
    /// version or not to be read is made anew: nothing is lost by it.
    pub(crate) fn open(&self, directory: &Path) -> Result<Connection, StoreError> {
        match self.connect(directory) {
            Err(StoreError::Damaged(_)) => {
                for end in ["", "-wal", "-shm"] {
                    remove(&directory.join(format!("{}{end}", self.file)))?;
                }
                self.connect(directory)
            }
            connected => connected,
        }
    }

    /// Opens it in a data directory that is only looked at: nothing is made or changed. `None`
    /// where there is none.
    pub(crate) fn look(&self, directory: &Path) -> Result<Option<Connection>, StoreError> {
        let file = directory.join(self.file);
        let length = |file: &Path| directory::length(file).map_err(error::file);
        if length(&file)?.unwrap_or(0) == 0 {
            return Ok(None);
        }
        let has_wal = length(&still::named(&file, "-wal"))?.unwrap_or(0) > 0;
        let open = || {
            let connection = still::connect(&file, has_wal)?;
            let found = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            Ok::<(Connection, i64), rusqlite::Error>((connection, found))
        };
        let (connection, found) = open().map_err(error::reading)?;
        self.check(found).map(|()| Some(connection))
    }

    fn check(&self, found: i64) -> Result<(), StoreError> {
        if found == self.layout {
            return Ok(());
        }
        Err(StoreError::Damaged(format!("{} has the layout {found}", self.file)))
    }

    fn connect(&self, directory: &Path) -> Result<Connection, StoreError> {
        let Self { file: name, layout, tables } = self;
        let file = directory.join(name);
        directory::open_or_make(&file).map_err(error::file)?;
        let open = || {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(&file, flags)?;
            connection.busy_timeout(BUSY_TIMEOUT)?;
            connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
            // A power failure may take the last ones, never a part of one.
            connection.pragma_update(None, "synchronous", "normal")?;
            let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            let count: i64 =
                connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
            if (found, count) == (0, 0) {
                connection.execute_batch(&format!(
                    "BEGIN; {tables}; PRAGMA user_version = {layout}; COMMIT"
                ))?;
                return Ok((connection, *layout));
            }
            Ok((connection, found))
        };
        let (connection, found) = open().map_err(error::reading)?;
        self.check(found).map(|()| connection)
    }
}

fn remove(file: &Path) -> Result<(), StoreError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error::file(error)),
        _ => Ok(()),
    }
}
