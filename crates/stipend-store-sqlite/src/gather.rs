//! The thread that gathers keys behind the commits.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use stipend_store::Seq;

use crate::keys::PIECE_ROWS;
use crate::reader::SqliteReader;

/// The pause between two pieces where there are more: a journal that is there already is read at a
/// fraction of a processor.
const PAUSE: Duration = Duration::from_millis(250);

/// The thread, at rest until enough rows are committed.
#[derive(Debug)]
pub(crate) struct Gatherer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// The position at whose commit the thread was woken last.
    woken: Cell<Seq>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Where the rows of the first commit of this process begin.
    begin: AtomicU64,
    /// The last durable row.
    last: AtomicU64,
    is_stopping: AtomicBool,
}

impl Gatherer {
    pub(crate) fn start(reader: Arc<SqliteReader>) -> std::io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let (theirs, name) = (Arc::clone(&shared), "stipend-keys".to_owned());
        let thread = thread::Builder::new().name(name).spawn(move || run(&theirs, &reader))?;
        Ok(Self { shared, thread: Some(thread), woken: Cell::new(0) })
    }

    /// After a commit: its rows stand behind `after`, up to `last`.
    pub(crate) fn note_commit(&self, after: Seq, last: Seq) {
        let woken = self.woken.get();
        if woken == 0 {
            self.shared.begin.store(after + 1, Ordering::Relaxed);
        }
        self.shared.last.store(last, Ordering::Release);
        if woken == 0 || last >= woken + PIECE_ROWS / 4 {
            self.woken.set(last);
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

fn run(shared: &Shared, reader: &SqliteReader) {
    let Some(gathered) = reader.gathered() else { return };
    loop {
        thread::park();
        loop {
            if shared.is_stopping.load(Ordering::Relaxed) {
                return;
            }
            let last = shared.last.load(Ordering::Acquire);
            if last == 0 {
                break;
            }
            let begin = shared.begin.load(Ordering::Relaxed);
            match gathered.gather(reader, begin, last) {
                Ok(true) => thread::park_timeout(PAUSE),
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(%error, "keys are not gathered any more; a start takes longer");
                    return;
                }
            }
        }
    }
}
