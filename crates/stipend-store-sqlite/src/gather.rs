//! The thread that keeps keys behind the commits.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use stipend_store::{Batch, Seq, StoreError};

use crate::keys::{Collected, Gathered, Handed, PIECE_ROWS};
use crate::reader::SqliteReader;

/// The pause between two pieces that are read: a journal that is there already is read at a
/// fraction of a processor.
const PAUSE: Duration = Duration::from_millis(250);

/// Pieces that wait while older rows are read; what is beyond is read too, when it is its turn.
const HANDED_MAX: usize = 8;

/// The keys of the last commits, and the thread that keeps them.
#[derive(Debug)]
pub(crate) struct Gatherer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    collected: Collected,
}

#[derive(Debug, Default)]
struct Shared {
    /// Where the rows of the first commit of this process begin; 0 before it.
    begin: AtomicU64,
    handed: Mutex<VecDeque<Handed>>,
    is_stopping: AtomicBool,
}

impl Gatherer {
    pub(crate) fn start(reader: Arc<SqliteReader>) -> std::io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let (theirs, name) = (Arc::clone(&shared), "stipend-keys".to_owned());
        let thread = thread::Builder::new().name(name).spawn(move || run(&theirs, &reader))?;
        Ok(Self { shared, thread: Some(thread), collected: Collected::default() })
    }

    /// Takes the keys of a batch that is durable.
    pub(crate) fn note_commit(&mut self, batch: &Batch) {
        let is_first = self.shared.begin.load(Ordering::Relaxed) == 0;
        if is_first {
            self.shared.begin.store(batch.after + 1, Ordering::Release);
        }
        let piece = self.collected.take(batch, PIECE_ROWS);
        if is_first || piece.is_some() {
            self.shared.hand(piece);
            self.thread.iter().for_each(|thread| thread.thread().unpark());
        }
    }
}

impl Drop for Gatherer {
    fn drop(&mut self) {
        self.shared.is_stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic of it has been printed; what it gathers is no truth.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Handed>> {
        // Whatever is left is a list of pieces.
        self.handed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hand(&self, piece: Option<Handed>) {
        let mut handed = self.lock();
        handed.extend(piece);
        if handed.len() > HANDED_MAX {
            handed.pop_front();
        }
    }
}

fn run(shared: &Shared, reader: &SqliteReader) {
    let Some(gathered) = reader.gathered() else { return };
    loop {
        thread::park();
        while !shared.is_stopping.load(Ordering::Relaxed) {
            match go_on(shared, gathered, reader) {
                Ok(Next::Read) => thread::park_timeout(PAUSE),
                Ok(Next::Kept) => {}
                Ok(Next::Nothing) => break,
                Err(error) => {
                    tracing::warn!(%error, "keys are not gathered any more; a start takes longer");
                    return;
                }
            }
        }
        if shared.is_stopping.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// What was done.
enum Next {
    /// Older rows were read.
    Read,
    /// What was handed over was kept.
    Kept,
    Nothing,
}

/// Reads a piece of what is older than what was handed over, else keeps that.
fn go_on(shared: &Shared, gathered: &Gathered, reader: &SqliteReader) -> Result<Next, StoreError> {
    let begin: Seq = shared.begin.load(Ordering::Acquire);
    let first = shared.lock().front().map(Handed::first);
    if gathered.gather(reader, begin, first)? {
        return Ok(Next::Read);
    }
    let Some(first) = first else { return Ok(Next::Nothing) };
    // One that had to make room meanwhile is read when it is its turn.
    let piece = shared.lock().pop_front_if(|piece| piece.first() == first);
    piece.map_or(Ok(()), |piece| gathered.keep(reader, piece))?;
    Ok(Next::Kept)
}
