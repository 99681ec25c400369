//! Carrying the WAL over into the database, aside from the commits.
//!
//! On the committing thread a checkpoint would be a pause of up to a few hundred milliseconds. A
//! thread of its own that only follows never catches up with a writer that never rests, and the WAL
//! begins anew only when all of it was carried over. So the thread carries over what is there while
//! commits go on, again until little is left, and then asks for a turn: the committer gives it
//! between two commits and waits for the little that is left.
//!
//! SQLite syncs the database only in a pass that leaves nothing, which under load is the one in the
//! turn: it would wait there for everything that all passes before it have written. So what is
//! written aside is synced aside, and while it is being written: after a reader that stayed it can be
//! more than a gigabyte, and the log's own syncs would wait behind it.

use std::cell::Cell;
use std::error::Error;
use std::io;
use std::panic::resume_unwind;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::hooks::Wal;
use rusqlite::{Connection, ErrorCode};
use stipend_store::{FailureWatch, StoreError};

use crate::stopwatch::Stopwatch;

/// Frames that come into the WAL before it is carried over: 16 MB.
const FRAMES: u32 = 4_000;

/// Frames that are few enough to be carried over between two commits.
const FEW_FRAMES: u32 = 400;

/// How often the database is synced while much is carried over.
const SYNC_EVERY: Duration = Duration::from_millis(50);

/// Frames in a WAL that an operator is told of, and again whenever it has doubled: 256 MB.
const FRAMES_TOLD: u32 = 65_536;

/// How often the thread goes through the WAL before it asks for a turn, however much is left.
const PASSES_MAX: usize = 6;

thread_local! {
    /// The frames in the WAL after this thread's last commit.
    static COMMITTED: Cell<u32> = const { Cell::new(0) };
}

/// Counts the frames of a commit. It takes the place of SQLite's own checkpoints.
pub(crate) fn count_frames(connection: &Connection) {
    connection.wal_hook(Some(|_: &Wal, frames| {
        COMMITTED.set(u32::try_from(frames).unwrap_or(0));
        Ok(())
    }));
}

/// The thread that carries over.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Frames in the WAL after the last commit.
    frames: u32,
    /// Frames in the WAL when it was carried over last; none once it has begun anew.
    carried: u32,
    /// The WAL has more of the disk than it may keep, and gives some back whenever it begins anew.
    is_long: bool,
    turn: Turn,
    /// Why carrying over has failed; then nothing may be written any more.
    failed: Option<String>,
    /// Who is told of it: the next commit may be hours away.
    watch: Option<FailureWatch>,
    is_stopping: bool,
}

/// Who may write into the WAL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Turn {
    /// The committer, without asking.
    #[default]
    Committer,
    /// The committer, which is asked to wait before its next commit.
    Asked,
    /// Nobody, until the thread is done.
    Given,
}

impl State {
    fn is_full(&self) -> bool {
        let enough = if self.is_long { FEW_FRAMES } else { FRAMES };
        self.frames.saturating_sub(self.carried) >= enough
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while(&self, is_waiting: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let waited = self.changed.wait_while(self.lock(), |state| is_waiting(state));
        waited.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Checkpointer {
    /// Starts the thread, which works on a connection of its own; `sync` syncs the database.
    pub(crate) fn start(
        connection: Connection,
        sync: impl Fn() -> io::Result<()> + Sync + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let (theirs, name) = (Arc::clone(&shared), "stipend-carry".to_owned());
        let carrier = Carrier { connection, sync: Box::new(sync), frames_told: 0 };
        let thread = thread::Builder::new().name(name).spawn(move || run(&theirs, carrier))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Takes who is told where carrying over fails; at once where it has.
    pub(crate) fn on_failure(&self, watch: FailureWatch) {
        let mut state = self.shared.lock();
        state.watch = Some(watch);
        tell(state);
    }

    /// Before a commit: gives the thread its turn where it asks for one; answers whether it did.
    ///
    /// # Errors
    /// [`StoreError::Failed`] where carrying over has failed.
    pub(crate) fn give_turn(&self) -> Result<bool, StoreError> {
        let mut state = self.shared.lock();
        let is_asked = state.turn == Turn::Asked;
        if is_asked {
            state.turn = Turn::Given;
            drop(state);
            self.shared.changed.notify_all();
            state = self.shared.wait_while(|state| state.turn == Turn::Given);
        }
        of_failure(&state).map(|()| is_asked)
    }

    /// Behind a turn: tells whether the WAL should soon begin anew again, to become shorter.
    pub(crate) fn note_length(&self, is_long: bool) {
        self.shared.lock().is_long = is_long;
    }

    /// After a commit of this thread: tells how long the WAL is.
    ///
    /// # Errors
    /// As [`Checkpointer::give_turn`].
    pub(crate) fn note_commit(&self) -> Result<(), StoreError> {
        let mut state = self.shared.lock();
        state.frames = COMMITTED.get();
        if state.frames < state.carried {
            state.carried = 0;
        }
        if state.is_full() {
            self.shared.changed.notify_all();
        }
        of_failure(&state)
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.shared.lock().is_stopping = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic of it has been printed; there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

fn of_failure(state: &State) -> Result<(), StoreError> {
    match &state.failed {
        None => Ok(()),
        Some(why) => Err(StoreError::Failed(format!("a checkpoint failed: {why}").into())),
    }
}

/// Tells of a failure, where there is one and somebody who wants to know.
fn tell(state: MutexGuard<'_, State>) {
    let (failure, watch) = (of_failure(&state), state.watch.clone());
    drop(state);
    if let (Err(error), Some(watch)) = (failure, watch) {
        watch.tell(&error);
    }
}

/// Lets nobody wait for a thread that has lost its way.
struct Ending<'a>(&'a Shared);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut state = self.0.lock();
            state.failed = Some("its thread panicked".to_owned());
            state.turn = Turn::Committer;
            self.0.changed.notify_all();
            tell(state);
        }
    }
}

fn run(shared: &Shared, mut carrier: Carrier) {
    let _ending = Ending(shared);
    loop {
        let state = shared.wait_while(|state| !state.is_stopping && !state.is_full());
        if state.is_stopping {
            return;
        }
        drop(state);
        let done = carrier.carry_over(shared);
        let mut state = shared.lock();
        state.turn = Turn::Committer;
        match done {
            Ok(Some(carried)) => state.carried = carried,
            Ok(None) => return,
            Err(error) => state.failed = Some(error.to_string()),
        }
        shared.changed.notify_all();
        if state.failed.is_some() {
            tell(state);
            return;
        }
    }
}

/// What the thread works with.
struct Carrier {
    connection: Connection,
    /// Syncs the database.
    sync: Box<dyn Fn() -> io::Result<()> + Sync + Send>,
    /// The frames that an operator was told of last; none once the WAL may begin anew.
    frames_told: u32,
}

impl Carrier {
    /// Carries over what is there; gives the frames that the WAL then had, nothing where it is to
    /// stop.
    fn carry_over(&mut self, shared: &Shared) -> Result<Option<u32>, Box<dyn Error>> {
        let mut before = None;
        for _ in 0..PASSES_MAX {
            let Pass { frames, carried } = self.pass_aside()?;
            // A pass counts what was there when it began. What was committed meanwhile counts here,
            // or all of it would be carried over while commits wait.
            let committed = shared.lock().frames;
            if frames == 0 || frames_left(committed, carried) <= FEW_FRAMES {
                break;
            }
            if before == Some(carried) {
                // A reader holds the rest: in a turn there would be nothing to do.
                self.tell_of_reader(frames);
                return Ok(Some(frames));
            }
            before = Some(carried);
        }
        self.frames_told = 0;
        let watch = Stopwatch::start();
        shared.lock().turn = Turn::Asked;
        let state = shared.wait_while(|state| !state.is_stopping && state.turn == Turn::Asked);
        if state.is_stopping {
            return Ok(None);
        }
        drop(state);
        let waited_micros = watch.micros();
        let watch = Stopwatch::start();
        let Pass { frames, carried } = pass(&self.connection)?;
        let micros = watch.micros();
        tracing::debug!(frames, carried, waited_micros, micros, "carried over in a turn");
        Ok(Some(frames))
    }

    /// A pass while commits go on. What it writes is durable when it ends, and little of it is not
    /// at any time.
    fn pass_aside(&self) -> Result<Pass, Box<dyn Error>> {
        let (watch, sync) = (Stopwatch::start(), &self.sync);
        let (passing, passed) = mpsc::channel::<()>();
        let syncs = move || {
            while passed.recv_timeout(SYNC_EVERY) == Err(RecvTimeoutError::Timeout) {
                sync()?;
            }
            sync()
        };
        let (carried_over, synced) = thread::scope(|scope| {
            let syncing = scope.spawn(syncs);
            let carried_over = pass(&self.connection);
            drop(passing);
            (carried_over, syncing.join().unwrap_or_else(|cause| resume_unwind(cause)))
        });
        synced?;
        let done = carried_over?;
        let Pass { frames, carried } = done;
        tracing::debug!(frames, carried, micros = watch.micros(), "carried over aside");
        Ok(done)
    }

    /// Tells an operator of a reader that makes the WAL long.
    fn tell_of_reader(&mut self, frames: u32) {
        if frames >= FRAMES_TOLD.max(self.frames_told.saturating_mul(2)) {
            self.frames_told = frames;
            let megabytes = (u64::from(frames) * 4_120) >> 20;
            tracing::warn!(
                megabytes,
                "a reader of the database stays, so the write-ahead log grows until it has left"
            );
        }
    }
}

/// How much of the WAL is still to be carried over. One that has become shorter has begun anew.
fn frames_left(committed: u32, carried: u32) -> u32 {
    committed.checked_sub(carried).unwrap_or(committed)
}

/// How long the WAL is, and how much of it stands in the database.
struct Pass {
    frames: u32,
    carried: u32,
}

/// What a full disk or a reader keeps in the WAL is not lost; a later pass tries again. Every other
/// error may be one of the disk.
fn pass(connection: &Connection) -> rusqlite::Result<Pass> {
    let mut statement = connection.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?;
    // Where SQLite could not look, it says −1.
    let count = |row: &rusqlite::Row<'_>, index| {
        Ok::<u32, rusqlite::Error>(u32::try_from(row.get::<_, i64>(index)?).unwrap_or(0))
    };
    let passed =
        statement.query_row([], |row| Ok(Pass { frames: count(row, 1)?, carried: count(row, 2)? }));
    match passed {
        Err(error) => match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Ok(Pass { frames: 0, carried: 0 })
            }
            _ => Err(error),
        },
        passed => passed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::OpenFlags;
    use std::sync::mpsc;

    /// A WAL that is long enough, and a connection that cannot write what it should carry over.
    fn failing(directory: &std::path::Path) -> (Connection, Checkpointer) {
        let path = directory.join("db");
        let writer = Connection::open(&path).expect("it can be made");
        writer
            .execute_batch(
                "PRAGMA journal_mode = wal; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (x);",
            )
            .expect("it can be written");
        let aside = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let aside = aside.expect("it is there");
        (writer, Checkpointer::start(aside, || Ok(())).expect("there is room for a thread"))
    }

    #[test]
    fn a_failure_is_told_at_once_and_to_whoever_comes_later() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (_writer, checkpointer) = failing(directory.path());
        let (sender, told) = mpsc::channel();
        let watch = FailureWatch::new(move |error| {
            let _ = sender.send(error.to_string());
        });
        checkpointer.on_failure(watch.clone());
        COMMITTED.set(FRAMES);
        checkpointer.note_commit().expect("nothing has failed so far");
        assert_eq!(told.recv().as_deref(), Ok("the store failed"), "without another commit");

        checkpointer.on_failure(watch);
        assert_eq!(told.recv().as_deref(), Ok("the store failed"));
        for refused in [checkpointer.give_turn().map(drop), checkpointer.note_commit()] {
            assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
        }
    }

    #[test]
    fn what_was_committed_while_the_log_was_carried_over_is_left() {
        let check = |committed, carried, expected| {
            assert_eq!(frames_left(committed, carried), expected, "{committed} with {carried}");
        };
        check(4_000, 4_000, 0);
        check(5_500, 4_000, 1_500);
        check(5_500, 100, 5_400);
        check(30, 4_000, 30);
    }
}
