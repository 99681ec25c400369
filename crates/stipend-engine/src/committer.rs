//! The committer: one thread that appends, publishes and answers, in this order.

use crate::batch::{Room, Sealed, Tip};
use crate::command::Refusal;
use crate::flush::Flushed;
use crate::keeping::Rest;
use crate::published::{Publication, Published};
use crossbeam_channel::{Receiver, Sender};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use stipend_store::{FailureWatch, Store, StoreError};

/// What became of a sealed batch.
pub(crate) enum Committed {
    /// It is durable and visible.
    Durable { number: u64, publication: Publication, room: Room },
    /// The store could not write it; nothing of it exists. The customers that it changed are to be
    /// as they were.
    Refused { tip: Tip, flushed: Vec<Flushed>, slots: Vec<u32> },
}

/// What happens when the outcome of a write is unknown or the engine decided wrongly: the process
/// must not go on.
pub type Fatal = Box<dyn Fn(&StoreError) + Send>;

/// Runs one of the engine's threads; where it panics, the engine has decided wrongly or lost its
/// way, and that is as fatal as a failed store.
pub(crate) fn run_guarded(fatal: &Mutex<Fatal>, thread: impl FnOnce()) {
    let Err(cause) = catch_unwind(AssertUnwindSafe(thread)) else { return };
    let why = cause.downcast_ref::<String>().map(String::as_str);
    let why = why.or_else(|| cause.downcast_ref::<&str>().copied());
    let why = format!("the engine panicked: {}", why.unwrap_or("no reason was given"));
    tracing::error!(error = %why, "a broken invariant, stopping");
    stop_for(fatal, &StoreError::Failed(why.into()));
}

fn stop_for(fatal: &Mutex<Fatal>, error: &StoreError) {
    let fatal = fatal.lock().unwrap_or_else(PoisonError::into_inner);
    fatal(error);
}

/// Stops where the store fails by itself, also while nothing is committed.
pub(crate) fn watch(store: &mut dyn Store, fatal: &Arc<Mutex<Fatal>>) {
    let fatal = Arc::clone(fatal);
    store.on_failure(FailureWatch::new(move |error| {
        tracing::error!(error = %Chain(error), "the store failed aside, stopping");
        stop_for(&fatal, error);
    }));
}

pub(crate) struct Committer {
    pub(crate) store: Box<dyn Store>,
    pub(crate) published: Arc<Published>,
    pub(crate) tip: Tip,
    /// The hash of the last batch.
    pub(crate) hash: [u8; 32],
    pub(crate) rest: Rest,
    pub(crate) fatal: Arc<Mutex<Fatal>>,
    pub(crate) sealed: Receiver<Sealed>,
    pub(crate) committed: Sender<Committed>,
}

impl Committer {
    /// Runs until the decider has nothing more to commit, or the store fails.
    pub(crate) fn run(mut self) {
        while let Ok(mut sealed) = self.sealed.recv() {
            let hash = sealed.write_out(self.hash);
            let committed = match self.append(&sealed) {
                Ok(()) => self.publish(sealed, hash),
                Err(StoreError::Unavailable(source)) => {
                    tracing::error!(error = %Chain(source.as_ref()), "the store cannot write now");
                    self.refuse(sealed)
                }
                Err(error) => {
                    tracing::error!(error = %Chain(&error), "the store failed, stopping");
                    for (waiter, _) in sealed.waiters {
                        let _ = waiter.send(Err(Refusal::Failed));
                    }
                    stop_for(&self.fatal, &error);
                    return;
                }
            };
            if self.committed.send(committed).is_err() {
                return;
            }
        }
    }

    /// A batch without rows has answers only, which had to wait for the commits before it.
    fn append(&mut self, sealed: &Sealed) -> Result<(), StoreError> {
        if sealed.batch.rows.is_empty() {
            return Ok(());
        }
        self.store.append(&sealed.batch)
    }

    fn publish(&mut self, sealed: Sealed, hash: [u8; 32]) -> Committed {
        let Sealed { batch, mut publication, mut waiters, slots, .. } = sealed;
        if !batch.rows.is_empty() {
            self.tip = Tip { number: batch.number, last: publication.last };
            self.hash = hash;
            self.published.set_writable(true);
        }
        self.published.publish(&mut publication);
        if self.rest == Rest::AtOnce {
            self.published.pack_at_once(&slots);
        }
        for (waiter, answer) in waiters.drain(..) {
            // Who no longer waits does not want to know.
            let _ = waiter.send(answer);
        }
        let accounts = std::mem::take(&mut publication.accounts);
        let room = Room::emptied(batch.rows, waiters, slots, accounts);
        Committed::Durable { number: batch.number, publication, room }
    }

    fn refuse(&self, sealed: Sealed) -> Committed {
        self.published.set_writable(false);
        for (waiter, _) in sealed.waiters {
            let _ = waiter.send(Err(Refusal::Unavailable));
        }
        Committed::Refused { tip: self.tip, flushed: sealed.flushed, slots: sealed.slots }
    }
}

/// Prints an error with its causes.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(formatter, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}
