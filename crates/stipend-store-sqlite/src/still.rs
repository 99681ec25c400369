//! Looking at data that nobody writes, without changing a byte of it: for audits, for copies, and
//! for what is damaged and must stay as it is.
//!
//! An ordinary connection changes files by reading: it makes the WAL and its index where they are
//! missing, and clears them away when it leaves. So a database without a WAL is read as one that
//! cannot change, and one with a WAL without locks and with the WAL's index in memory; that nobody
//! writes is what the directory's lock is for.

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use stipend_store::{Reader, StoreError};

use crate::directory::{self, Directory};
use crate::mark::{Found, Mark};
use crate::reader::SqliteReader;
use crate::wal::{self, Finding};
use crate::{error, schema, store};

pub(crate) const MISSING: &str = "stipend.db is missing or empty";

/// What a new database has before it has a table.
const PAGE_BYTES: u64 = 4_096;

/// SQLite's way to files without locks.
const WITHOUT_LOCKS: &str = "unix-none";

/// Data that is looked at, and stays as it is.
#[derive(Debug)]
pub struct Looked {
    still: Arc<Still>,
    reader: Arc<SqliteReader>,
    /// The number of the last batch that can be read; 0 where there is none.
    pub batch: u64,
    /// What is wrong beside the database itself: a damaged log behind whose damage nothing can be
    /// read, or acknowledged batches that are missing.
    pub flaw: Option<String>,
    /// From this offset of the WAL on stands a commit that was never finished.
    pub torn_tail: Option<u64>,
    /// Nothing was ever written: there is not even a table that could be read.
    pub empty: bool,
}

impl Looked {
    /// Looks at a data directory that nobody has open, and keeps others out meanwhile.
    ///
    /// # Errors
    /// - [`StoreError::Locked`]: somebody has it open.
    /// - [`StoreError::Newer`], [`StoreError::Older`]: another version has written it.
    /// - [`StoreError::Damaged`]: there is nothing in it that could be read.
    /// - [`StoreError::Unavailable`], [`StoreError::Failed`]: reading failed.
    pub fn directory(path: &Path) -> Result<Self, StoreError> {
        let directory = Directory::look(path)?;
        let marked = Mark::read(&directory.mark()).map_err(error::file)?;
        let finding = look_through(&directory.wal())?;
        let still = Still {
            database: directory.database(),
            has_wal: directory::length(&directory.wal()).map_err(error::file)?.unwrap_or(0) > 0,
            _directory: Some(directory),
        };
        let empty = is_unmade(&still.database)?;
        if empty && finding.commits == 0 && !matches!(marked, Found::Batch(1..)) {
            let looked = Self::unread(still);
            return Ok(Self { torn_tail: finding.torn, empty, ..looked });
        }
        let looked = Self::at(still)?;
        let flaw = damage(finding).or_else(|| missed(marked, looked.batch));
        Ok(Self { flaw, torn_tail: finding.torn, ..looked })
    }

    /// Looks at a copy of the database, which is a file of its own.
    ///
    /// # Errors
    /// As [`Looked::directory`]; also [`StoreError::Damaged`] where a log stands beside the file,
    /// which would hold a part of it.
    pub fn file(path: &Path) -> Result<Self, StoreError> {
        for end in ["-wal", "-journal"] {
            let beside = named(path, end);
            if directory::length(&beside).map_err(error::file)?.unwrap_or(0) > 0 {
                return Err(StoreError::Damaged(format!(
                    "{} stands beside the copy and may hold a part of it: it is the copy of a file \
                     that was being written",
                    beside.display()
                )));
            }
        }
        Self::at(Still { database: path.to_owned(), has_wal: false, _directory: None })
    }

    fn at(still: Still) -> Result<Self, StoreError> {
        if directory::length(&still.database).map_err(error::file)?.unwrap_or(0) == 0 {
            let why = match still.database.file_name() {
                Some(name) if name != "stipend.db" => format!("{} is empty", name.display()),
                _ => MISSING.to_owned(),
            };
            return Err(StoreError::Damaged(why));
        }
        let connection = still.connect().map_err(error::reading)?;
        let layout = schema::inspect(&connection)?;
        let batch = if layout == 0 { 0 } else { store::last_batch(&connection)? };
        drop(connection);
        Ok(Self { batch, empty: layout == 0, ..Self::unread(still) })
    }

    fn unread(still: Still) -> Self {
        let still = Arc::new(still);
        let reader = Arc::new(SqliteReader::of_still(Arc::clone(&still)));
        Self { still, reader, batch: 0, flaw: None, torn_tail: None, empty: false }
    }

    /// Reads it.
    #[must_use]
    pub fn reader(&self) -> Arc<dyn Reader> {
        Arc::<SqliteReader>::clone(&self.reader)
    }

    pub(crate) fn connect(&self) -> rusqlite::Result<Connection> {
        self.still.connect()
    }
}

/// A database that nobody writes.
#[derive(Debug)]
pub(crate) struct Still {
    database: PathBuf,
    has_wal: bool,
    /// Kept so that it stays locked.
    _directory: Option<Directory>,
}

impl Still {
    pub(crate) fn connect(&self) -> rusqlite::Result<Connection> {
        connect(&self.database, self.has_wal)
    }
}

/// A connection that changes no file, neither while it reads nor when it is closed.
pub(crate) fn connect(database: &Path, has_wal: bool) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if has_wal {
        let connection = Connection::open_with_flags_and_vfs(database, flags, WITHOUT_LOCKS)?;
        // A log without a whole commit would else be removed by whoever leaves.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.pragma_update_and_check(None, "locking_mode", "exclusive", |_| Ok(()))?;
        return Ok(connection);
    }
    let is_absolute = database.is_absolute();
    let mut uri = String::from(if is_absolute { "file://" } else { "file:" });
    for byte in database.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            uri.push_str(&format!("%{byte:02x}"));
        }
    }
    uri.push_str("?immutable=1");
    Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)
}

/// A file's name with that behind it.
pub(crate) fn named(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Whether nothing was written yet. A database is a page long when it becomes one with a WAL; where
/// that was interrupted, the rollback journal beside it leads the next start back to nothing.
fn is_unmade(database: &Path) -> Result<bool, StoreError> {
    let length = |file: &Path| directory::length(file).map_err(error::file);
    let bytes = length(database)?.unwrap_or(0);
    let has_journal = length(&named(database, "-journal"))?.unwrap_or(0) > 0;
    Ok(bytes == 0 || bytes <= PAGE_BYTES && has_journal)
}

/// Looks through a WAL before SQLite does; a missing one holds nothing.
pub(crate) fn look_through(wal: &Path) -> Result<Finding, StoreError> {
    match File::open(wal) {
        Ok(file) => wal::scan(file).map_err(error::file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Finding::default()),
        Err(error) => Err(error::file(error)),
    }
}

/// What is wrong with a WAL.
pub(crate) fn damage(finding: Finding) -> Option<String> {
    let offset = finding.damaged?;
    Some(format!("stipend.db-wal at offset {offset}: a damaged frame with whole commits behind it"))
}

/// What is missing of what was acknowledged.
pub(crate) fn missed(marked: Found, last: u64) -> Option<String> {
    match marked {
        Found::Batch(acknowledged) if acknowledged > last => Some(format!(
            "batch {acknowledged} was acknowledged, but stipend.db ends with batch {last}"
        )),
        _ => None,
    }
}
