//! A store in memory, for simulation and tests: whatever can happen to a real one can be made to
//! happen to it, at a chosen moment and without waiting for time to pass.

mod control;
mod reading;
mod tables;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::contract::{Batch, FailureWatch, Reader, Store, StoreError};
pub use control::{Control, Fault, FaultKind, Operation};
use control::{Gate, Verdict};
use reading::MemoryReader;
use tables::Tables;

/// A store whose data lives as long as anything refers to it.
///
/// It survives a simulated crash: [`MemoryStore::reopen`] gives a new store with what was
/// appended, and from then on the old one, with whatever still waits in it, can do nothing more.
/// [`MemoryStore::control`] pauses its operations and lets them fail.
///
/// # Examples
///
/// ```
/// use stipend_store::{MemoryStore, Store};
/// let store = MemoryStore::new();
/// let again = store.reopen();
/// assert_eq!(again.reader().last().unwrap(), 0);
/// ```
#[derive(Debug)]
pub struct MemoryStore {
    shared: Arc<Shared>,
    /// How many times the data had been opened when this store was.
    opening: u64,
}

#[derive(Debug)]
struct Shared {
    gate: Arc<Gate>,
    tables: Mutex<Tables>,
    secret: [u8; 32],
}

impl MemoryStore {
    /// An empty store, with a secret that is always the same.
    #[must_use]
    pub fn new() -> Self {
        Self::with_secret([7; 32])
    }

    /// An empty store with that secret.
    #[must_use]
    pub fn with_secret(secret: [u8; 32]) -> Self {
        let gate = Arc::new(Gate::default());
        let opening = gate.open();
        Self { shared: Arc::new(Shared { gate, tables: Mutex::default(), secret }), opening }
    }

    /// Opens the same data again, as a process does that starts after a crash.
    ///
    /// Every other store over this data is fenced off first: what waits there ends as
    /// [`StoreError::Failed`] and writes nothing.
    #[must_use]
    pub fn reopen(&self) -> Self {
        let opening = self.shared.gate.open();
        Self { shared: Arc::clone(&self.shared), opening }
    }

    /// What pauses the operations on this data and lets them fail, across reopening.
    #[must_use]
    pub fn control(&self) -> Control {
        Control::new(Arc::clone(&self.shared.gate))
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for MemoryStore {
    fn append(&mut self, batch: &Batch) -> Result<(), StoreError> {
        assert_eq!(batch.flaw(), None, "a batch must be whole before it is appended");
        let verdict = self.shared.gate.enter(Operation::Append, Some(self.opening))?;
        if let Verdict::Fail { kind, applied: false } = verdict {
            return Err(kind.error());
        }
        // The gate is asked again under the lock, so that a reopening in between is seen: after
        // it nothing of this store may appear.
        let mut tables = self.shared.tables();
        self.shared.gate.check(self.opening)?;
        tables.append(batch)?;
        match verdict {
            Verdict::Pass => Ok(()),
            Verdict::Fail { kind, .. } => Err(kind.error()),
        }
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(MemoryReader::new(Arc::clone(&self.shared)))
    }

    fn on_failure(&mut self, watch: FailureWatch) {
        self.shared.gate.watch(watch);
    }
}

impl Shared {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        // Every change is decided before the first table is touched, so a panic elsewhere cannot
        // have left half of one behind.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
