//! The data directory: its files, who may read them, and the lock.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{FlockOperation, flock};
use stipend_store::StoreError;

use crate::error;

/// Only the owner reads and writes what we make.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// A data directory that no other process has open, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    /// The database, to be synced aside from SQLite.
    to_sync: OnceLock<File>,
    /// Its advisory lock ends with the file or the process, whichever comes first. A file of its
    /// own, because closing any other descriptor of the database in this process would drop the
    /// locks that SQLite has on it.
    _lock: File,
}

impl Directory {
    /// Makes the directory where it is missing, and locks it. One that is there keeps its mode:
    /// it may be someone's mount point.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        if !path.is_dir() {
            make(path).map_err(error::file)?;
        }
        let lock = open_or_make(&path.join("LOCK")).map_err(error::file)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { path: path.to_owned(), to_sync: OnceLock::new(), _lock: lock }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(StoreError::Locked),
            Err(other) => Err(error::file(other.into())),
        }
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
        self.path.join("MARK")
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

fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
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
