//! The data directory: its files, who may read them, and the lock.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{FlockOperation, flock};
use stipend_store::StoreError;

use crate::error;

/// Only the owner reads and writes what we make.
pub(crate) const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

const LOCK: &str = "LOCK";
const MARK: &str = "MARK";

/// The databases of a data directory with what stands beside them. The journal's comes first: without
/// it nothing else is taken for data.
pub(crate) const DATABASES: [&str; 10] = [
    "stipend.db",
    "stipend.db-wal",
    "stipend.db-shm",
    "stipend.db-journal",
    "series.db",
    "series.db-wal",
    "series.db-shm",
    "keys.db",
    "keys.db-wal",
    "keys.db-shm",
];

/// A data directory that no other process has open, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    /// The database, to be synced aside from SQLite.
    to_sync: OnceLock<File>,
    /// `None` where the directory is only looked at and nobody has ever had it open.
    ///
    /// Its advisory lock ends with the file or the process, whichever comes first. A file of its
    /// own, because closing any other descriptor of the database in this process would drop the
    /// locks that SQLite has on it.
    _lock: Option<File>,
}

impl Directory {
    /// Makes the directory where it is missing, and locks it. One that is there keeps its mode:
    /// it may be someone's mount point.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        if !path.is_dir() {
            make(path).map_err(error::file)?;
        }
        let lock = open_or_make(&path.join(LOCK)).map_err(error::file)?;
        Ok(Self { path: path.to_owned(), to_sync: OnceLock::new(), _lock: Some(take(lock)?) })
    }

    /// Locks the directory and makes nothing there, not even the file of the lock.
    pub(crate) fn look(path: &Path) -> Result<Self, StoreError> {
        let lock = match File::open(path.join(LOCK)) {
            Ok(lock) => Some(take(lock)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error::file(error)),
        };
        Ok(Self { path: path.to_owned(), to_sync: OnceLock::new(), _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("stipend.db")
    }

    /// Opens the database for [`Directory::sync_database`]; done once, before anything is carried
    /// over. The descriptor stays open for as long as anything has the directory, for the reason
    /// why the lock has a file of its own.
    pub(crate) fn open_database(&self) -> io::Result<()> {
        let file = OpenOptions::new().read(true).write(true).open(self.database())?;
        let was_open = self.to_sync.set(file).is_err();
        assert!(!was_open, "a second descriptor would be closed, and take SQLite's locks along");
        Ok(())
    }

    /// Makes what was written to the database so far durable, aside from SQLite.
    pub(crate) fn sync_database(&self) -> io::Result<()> {
        self.to_sync.get().map_or(Ok(()), File::sync_data)
    }

    pub(crate) fn wal(&self) -> PathBuf {
        self.path.join("stipend.db-wal")
    }

    pub(crate) fn mark(&self) -> PathBuf {
        self.path.join(MARK)
    }

    /// Makes an empty database file, which SQLite takes as a new database; its other files get
    /// the same mode.
    pub(crate) fn make_database(&self) -> io::Result<()> {
        open_or_make(&self.database())?;
        self.sync()
    }

    /// Makes the names of new files durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

/// Locks the file, for as long as it is open.
fn take(lock: File) -> Result<File, StoreError> {
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(StoreError::Locked),
        Err(other) => Err(error::file(other.into())),
    }
}

pub(crate) fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// Something of a data directory that others than its owner may read or write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// What it is.
    pub path: PathBuf,
    /// Its permissions, such as `0o644`.
    pub mode: u32,
    /// The permissions that it should have.
    pub wanted: u32,
}

impl Exposed {
    /// Names can be listed and nothing else: what the files say stays with their owner.
    #[must_use]
    pub const fn is_harmless(&self) -> bool {
        self.wanted == DIRECTORY_MODE && self.mode & 0o022 == 0
    }
}

/// What of a data directory others may read or write. What is made here is for its owner alone;
/// what was there before, or was copied there, keeps its modes.
///
/// # Errors
/// [`StoreError::Failed`] where that cannot be looked up.
pub fn exposed(path: &Path) -> Result<Vec<Exposed>, StoreError> {
    let mut found = Vec::new();
    let mut look = |path: PathBuf, wanted: u32| match path.metadata() {
        Ok(metadata) => {
            let mode = metadata.mode() & 0o777;
            if mode & 0o077 != 0 {
                found.push(Exposed { path, mode, wanted });
            }
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error::file(error)),
    };
    look(path.to_owned(), DIRECTORY_MODE)?;
    for name in DATABASES.into_iter().chain([MARK, LOCK]) {
        look(path.join(name), FILE_MODE)?;
    }
    Ok(found)
}

/// Opens a file of ours for reading and writing.
pub(crate) fn open_or_make(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE).open(path)
}

/// How long a file is, `None` where there is none.
pub(crate) fn length(path: &Path) -> io::Result<Option<u64>> {
    match path.metadata() {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
