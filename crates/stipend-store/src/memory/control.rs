//! The handle by which a test pauses a store and lets it fail.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::contract::{FailureWatch, StoreError};

/// What a store is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// An append.
    Append,
    /// Any reading.
    Read,
}

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// As [`StoreError::Unavailable`], like a full disk.
    Unavailable,
    /// As [`StoreError::Failed`], like a failed sync.
    Failed,
}

/// A failure to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What fails.
    pub operation: Operation,
    /// How it fails.
    pub kind: FaultKind,
    /// How many operations of this kind succeed before.
    pub after: u64,
    /// Whether all later ones fail too, until [`Control::heal`].
    pub lasting: bool,
    /// Whether a failing append is carried out nevertheless: with [`FaultKind::Failed`], the
    /// unknown outcome that was a success.
    pub applied: bool,
}

impl Fault {
    /// The next append fails, once and without effect.
    #[must_use]
    pub const fn next_append(kind: FaultKind) -> Self {
        Self { operation: Operation::Append, kind, after: 0, lasting: false, applied: false }
    }

    /// The next reading fails, once.
    #[must_use]
    pub const fn next_read(kind: FaultKind) -> Self {
        Self { operation: Operation::Read, kind, after: 0, lasting: false, applied: false }
    }
}

/// Pauses the operations of a [`crate::MemoryStore`] and lets them fail.
///
/// It acts on the data, not on one opening of it, and is shared by cloning.
#[derive(Clone, Debug)]
pub struct Control(Arc<Gate>);

impl Control {
    pub(super) fn new(gate: Arc<Gate>) -> Self {
        Self(gate)
    }

    /// Holds every append that comes from now on, before it is carried out.
    pub fn pause(&self) {
        self.0.change(|state| {
            state.paused = true;
            state.passes = 0;
        });
    }

    /// Lets all appends go on.
    pub fn release(&self) {
        self.0.change(|state| state.paused = false);
    }

    /// Lets exactly one append go on, the one that waits or the next to come.
    pub fn release_one(&self) {
        self.0.change(|state| state.passes += 1);
    }

    /// Waits until so many appends are held.
    pub fn wait_until_held(&self, count: usize) {
        let state = self.0.state();
        drop(self.0.changed.wait_while(state, |state| state.held < count));
    }

    /// How many appends are held now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.0.state().held
    }

    /// Holds every reading that comes from now on, before it is carried out.
    pub fn pause_reads(&self) {
        self.0.change(|state| {
            state.reads.is_paused = true;
            state.reads.passes = 0;
        });
    }

    /// Lets all readings go on.
    pub fn release_reads(&self) {
        self.0.change(|state| state.reads.is_paused = false);
    }

    /// Lets exactly one reading go on, the one that waits or the next to come.
    pub fn release_one_read(&self) {
        self.0.change(|state| state.reads.passes += 1);
    }

    /// How many readings were asked for, where one of them is held now.
    #[must_use]
    pub fn held_read(&self) -> Option<u64> {
        let state = self.0.state();
        (state.reads.held > 0).then_some(state.reads.asked)
    }

    /// Lets an operation fail as described; several faults may be waiting.
    pub fn fail(&self, fault: Fault) {
        self.0.change(|state| state.faults.push(fault));
    }

    /// Lets the store fail by itself, while nobody asks anything of it, and every later append:
    /// until [`Control::heal`].
    pub fn fail_aside(&self) {
        let watch = self.0.change(|state| {
            let fault = Fault::next_append(FaultKind::Failed);
            state.faults.push(Fault { lasting: true, ..fault });
            state.watch.clone()
        });
        // Not under the lock: whoever is told may ask for something.
        if let Some(watch) = watch {
            watch.tell(&FaultKind::Failed.error());
        }
    }

    /// Takes all faults back.
    pub fn heal(&self) {
        self.0.change(|state| state.faults.clear());
    }

    /// How many operations have failed because of [`Control::fail`].
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.0.state().failures
    }

    /// How many appends were asked for, whatever became of them.
    #[must_use]
    pub fn appends(&self) -> u64 {
        self.0.state().appends
    }
}

/// What the operations pass through before they are carried out.
#[derive(Debug, Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    opening: u64,
    paused: bool,
    /// How many appends may pass although it is paused.
    passes: u64,
    held: usize,
    reads: Reads,
    appends: u64,
    failures: u64,
    faults: Vec<Fault>,
    /// Who is told of [`Control::fail_aside`]: the last one that asked.
    watch: Option<FailureWatch>,
}

/// What holds readings.
#[derive(Debug, Default)]
struct Reads {
    is_paused: bool,
    /// How many may pass although they are paused.
    passes: u64,
    held: usize,
    asked: u64,
}

/// What is to become of an operation.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verdict {
    Pass,
    Fail { kind: FaultKind, applied: bool },
}

impl Gate {
    /// Begins a new opening, which fences off all earlier ones.
    pub(super) fn open(&self) -> u64 {
        self.change(|state| {
            state.opening += 1;
            state.opening
        })
    }

    /// Refuses an opening that is not the last one.
    pub(super) fn check(&self, opening: u64) -> Result<(), StoreError> {
        if self.state().opening == opening { Ok(()) } else { Err(fenced()) }
    }

    /// Waits where appends are paused, and says how the operation ends.
    pub(super) fn enter(
        &self,
        operation: Operation,
        opening: Option<u64>,
    ) -> Result<Verdict, StoreError> {
        let mut state = self.state();
        if let Some(opening) = opening {
            state.appends += 1;
            state = self.hold(state, opening);
            if state.opening != opening {
                return Err(fenced());
            }
        } else {
            state = self.hold_read(state);
        }
        Ok(state.verdict(operation))
    }

    fn hold_read<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.reads.asked += 1;
        state.reads.held += 1;
        let waits = |state: &mut State| state.reads.is_paused && state.reads.passes == 0;
        state = self.changed.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner);
        state.reads.held -= 1;
        if state.reads.is_paused {
            state.reads.passes -= 1;
        }
        state
    }

    fn hold<'a>(&'a self, mut state: MutexGuard<'a, State>, opening: u64) -> MutexGuard<'a, State> {
        state.held += 1;
        self.changed.notify_all();
        let waits =
            |state: &mut State| state.paused && state.passes == 0 && state.opening == opening;
        state = self.changed.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner);
        state.held -= 1;
        if state.paused && state.opening == opening {
            state.passes -= 1;
        }
        state
    }

    pub(super) fn watch(&self, watch: FailureWatch) {
        self.change(|state| state.watch = Some(watch));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.changed.notify_all();
        result
    }
}

impl State {
    /// Counts the operation off every fault that waits for it; the first that is due decides.
    fn verdict(&mut self, operation: Operation) -> Verdict {
        let mut verdict = Verdict::Pass;
        self.faults.retain_mut(|fault| {
            if fault.operation != operation {
                return true;
            }
            if fault.after > 0 {
                fault.after -= 1;
                return true;
            }
            if matches!(verdict, Verdict::Pass) {
                verdict = Verdict::Fail { kind: fault.kind, applied: fault.applied };
                return fault.lasting;
            }
            true
        });
        self.failures += u64::from(!matches!(verdict, Verdict::Pass));
        verdict
    }
}

impl FaultKind {
    pub(super) fn error(self) -> StoreError {
        let cause = Box::new(Planned("the test wants it so"));
        match self {
            Self::Unavailable => StoreError::Unavailable(cause),
            Self::Failed => StoreError::Failed(cause),
        }
    }
}

fn fenced() -> StoreError {
    StoreError::Failed(Box::new(Planned("the data was opened again elsewhere")))
}

/// A cause that nothing real stands behind.
#[derive(Debug)]
struct Planned(&'static str);

impl fmt::Display for Planned {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for Planned {}
