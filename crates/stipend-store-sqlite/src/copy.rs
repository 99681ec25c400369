//! Copies of the database, made also while it is written, and putting one back.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use stipend_store::StoreError;

use crate::directory::{self, Directory, FILE_MODE};
use crate::mark::{Found, Mark};
use crate::still::{self, Looked};
use crate::{error, reader};

/// Pages that are copied before they are synced: 16 MB. Syncing much at once would make the commits
/// of a server beside wait.
const STEP_PAGES: i32 = 4_096;

const INCOMING: &str = "stipend.db.restoring";
const INCOMING_MARK: &str = "MARK.restoring";

/// Copies the database of a data directory into an empty file, as it was at one instant. Whoever
/// has it open goes on meanwhile; its log grows until the copy is made. `progress` is told how many
/// pages are copied, and of how many.
///
/// # Errors
/// - [`StoreError::Damaged`]: the data cannot be read or is not whole.
/// - As [`Looked::directory`], without [`StoreError::Locked`].
pub fn back_up(
    path: &Path,
    target: &Path,
    progress: impl FnMut(u64, u64),
) -> Result<(), StoreError> {
    match Looked::directory(path) {
        Ok(Looked { flaw: Some(why), .. }) => Err(StoreError::Damaged(why)),
        Ok(looked) => copy(&looked.connect().map_err(error::reading)?, target, progress),
        Err(StoreError::Locked) => {
            let open = || {
                let beside = reader::beside(&path.join("stipend.db"))?;
                // The log is its writer's to carry over.
                beside.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
                Ok(beside)
            };
            copy(&open().map_err(error::reading)?, target, progress)
        }
        Err(other) => Err(other),
    }
}

/// Copies what one transaction sees: without it, every commit would make the copy begin anew.
fn copy(
    source: &Connection,
    target: &Path,
    mut progress: impl FnMut(u64, u64),
) -> Result<(), StoreError> {
    source.execute_batch("BEGIN").map_err(error::reading)?;
    let see = "SELECT count(*) FROM sqlite_schema";
    source.query_row(see, [], |_| Ok(())).map_err(error::reading)?;
    // Open until the last connection is closed: closing it would drop the locks of SQLite.
    let file = OpenOptions::new().read(true).write(true).open(target).map_err(error::file)?;
    let mut written = open_target(target).map_err(error::writing)?;
    let backup = Backup::new(source, &mut written).map_err(error::writing)?;
    loop {
        let step = backup.step(STEP_PAGES).map_err(error::writing)?;
        let left = backup.progress();
        let count = |pages: i32| u64::try_from(pages).unwrap_or(0);
        progress(count(left.pagecount - left.remaining), count(left.pagecount));
        match step {
            StepResult::Done => break,
            StepResult::More => file.sync_data().map_err(error::file)?,
            _ => return Err(StoreError::Unavailable("the database is locked".into())),
        }
    }
    drop(backup);
    written.close().map_err(|(_, why)| error::writing(why))?;
    file.sync_all().map_err(error::file)
}

/// Nobody believes the file before it is whole and synced, so it needs no journal.
fn open_target(target: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let written = Connection::open_with_flags(target, flags)?;
    written.pragma_update_and_check(None, "journal_mode", "off", |_| Ok(()))?;
    written.pragma_update(None, "synchronous", "off")?;
    Ok(written)
}

/// Putting a copy back into a data directory, which nobody else can open meanwhile.
#[derive(Debug)]
pub struct Restore {
    directory: Directory,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Where the files are that were there before; `None` where there were none.
    pub aside: Option<PathBuf>,
    /// The last batch that was acknowledged with them, where that is known.
    pub before: Option<u64>,
}

impl Restore {
    /// Makes the directory where it is missing, and locks it.
    ///
    /// # Errors
    /// [`StoreError::Locked`] where somebody has it open, [`StoreError::Failed`] where it cannot be
    /// made.
    pub fn begin(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { directory: Directory::open(path)? })
    }

    /// Brings a copy into the directory, beside the data that is there, to be looked at before it
    /// takes their place.
    ///
    /// # Errors
    /// As [`Looked::file`], and [`StoreError::Unavailable`] where there is no room.
    pub fn bring(&self, from: &Path, progress: impl FnMut(u64, u64)) -> Result<Looked, StoreError> {
        let source = Looked::file(from)?;
        let incoming = self.incoming();
        let made = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(FILE_MODE)
            .open(&incoming);
        made.map_err(error::file)?;
        copy(&source.connect().map_err(error::reading)?, &incoming, progress)?;
        Looked::file(&incoming)
    }

    /// Puts what was brought in the place of the data, with the mark of its last batch. The files
    /// before go into a new folder of that name in the directory. Wherever it is interrupted, a
    /// start either finds one of the two whole or refuses.
    ///
    /// # Errors
    /// [`StoreError::Failed`] or [`StoreError::Unavailable`] where files cannot be moved.
    pub fn finish(self, batch: u64, aside: &str) -> Result<Restored, StoreError> {
        let before = match Mark::read(&self.directory.mark()).map_err(error::file)? {
            Found::Batch(number) => Some(number),
            Found::Nothing | Found::Unreadable => None,
        };
        let aside = self.replace(batch, aside).map_err(error::file)?;
        Ok(Restored { aside, before })
    }

    fn replace(&self, batch: u64, aside: &str) -> io::Result<Option<PathBuf>> {
        let path = self.directory.path();
        let new_mark = path.join(INCOMING_MARK);
        let mark = Mark::open(&new_mark)?;
        mark.write(batch)?;
        mark.sync()?;
        let (database, mark) = (self.directory.database(), self.directory.mark());
        let there: Vec<&str> =
            directory::DATABASES.into_iter().filter(|name| path.join(name).exists()).collect();
        let aside = match there.is_empty() && !mark.exists() {
            true => None,
            false => Some(make_new(&path.join(aside))?),
        };
        if let Some(aside) = &aside {
            for name in there {
                fs::rename(path.join(name), aside.join(name))?;
            }
            // The old one stays until the end: it makes a start refuse what is not finished.
            if mark.exists() {
                fs::copy(&mark, aside.join("MARK"))?;
            }
            File::open(aside)?.sync_all()?;
            self.directory.sync()?;
        }
        fs::rename(self.incoming(), database)?;
        self.directory.sync()?;
        fs::rename(new_mark, mark)?;
        self.directory.sync()?;
        Ok(aside)
    }

    fn incoming(&self) -> PathBuf {
        self.directory.path().join(INCOMING)
    }
}

/// What was brought and not used is not left behind.
impl Drop for Restore {
    fn drop(&mut self) {
        for name in [INCOMING, INCOMING_MARK] {
            // It is not there where it has taken its place.
            let _ = fs::remove_file(self.directory.path().join(name));
        }
    }
}

/// Makes a folder of that name, or with a number behind it where there is one.
fn make_new(path: &Path) -> io::Result<PathBuf> {
    let mut folder = path.to_owned();
    for number in 2_u32.. {
        if !folder.exists() {
            break;
        }
        folder = still::named(path, &format!("-{number}"));
    }
    directory::make(&folder)?;
    Ok(folder)
}
