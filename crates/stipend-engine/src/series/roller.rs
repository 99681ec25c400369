//! Who rolls up: a thread of its own that looks for pools with many rows. Whoever writes does
//! nothing for it and never waits for it.

use crate::account::KIND_USAGE;
use crate::engine::Engine;
use crate::limits::{ROLL_LIMITS, ROLL_SAMPLE};
use crate::series::cell::RollLimits;
use crate::series::roll::roll_up;
use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use stipend_core::PoolId;
use stipend_store::{Rolls, Seq, StoreError};

/// The pause after a roll-up while more wait.
const PAUSE: Duration = Duration::from_millis(100);

/// How often it is looked for new rows.
const IDLE: Duration = Duration::from_secs(1);

/// The pause after something failed.
const FAILED: Duration = Duration::from_secs(60);

/// Rolls up the pools of an engine.
#[derive(Debug)]
pub struct Roller {
    rolls: Arc<dyn Rolls>,
    limits: RollLimits,
    /// Up to where the journal was looked at; nothing before the first time.
    looked: Option<Seq>,
    /// The pools that may have enough rows.
    waiting: BTreeSet<PoolId>,
    /// Up to which number the rows of pools are rolled up.
    numbers: HashMap<PoolId, u64>,
}

impl Roller {
    /// Keeps what it rolls up there.
    #[must_use]
    pub fn new(rolls: Arc<dyn Rolls>) -> Self {
        Self::with_limits(rolls, ROLL_LIMITS)
    }

    /// As [`Roller::new`], with other limits.
    #[must_use]
    pub fn with_limits(rolls: Arc<dyn Rolls>, limits: RollLimits) -> Self {
        let (waiting, numbers) = (BTreeSet::new(), HashMap::new());
        Self { rolls, limits, looked: None, waiting, numbers }
    }

    /// Makes at most one roll-up; answers whether more wait.
    ///
    /// # Errors
    /// What reading the journal, and reading and writing roll-ups, fails with.
    pub fn step(&mut self, engine: &Engine) -> Result<bool, StoreError> {
        self.look(engine)?;
        let Some(pool) = self.waiting.first().copied() else { return Ok(false) };
        if let Some(account) = engine.account(pool.slot())
            && let Some(chain) = account.chains.get(usize::from(pool.number()))
        {
            let number =
                roll_up(engine.reader(), self.rolls.as_ref(), (pool, chain), &self.limits)?;
            self.numbers.insert(pool, number);
        }
        if !self.is_long(engine, pool) {
            self.waiting.remove(&pool);
        }
        Ok(!self.waiting.is_empty())
    }

    /// Looks for pools with many rows: at first at all, then at a sample of the new rows. A pool
    /// that has enough is as good as certain to be in it.
    fn look(&mut self, engine: &Engine) -> Result<(), StoreError> {
        let last = engine.last_position();
        let Some(looked) = self.looked.replace(last) else {
            self.waiting = engine.pools_longer_than(self.limits.rows_min).into_iter().collect();
            return Ok(());
        };
        let stride = ROLL_SAMPLE.min(self.limits.rows_min);
        for window in (looked..last).step_by(usize::try_from(stride).unwrap_or(usize::MAX)) {
            // Not always the same place, lest it be one that a pool never has.
            let shift = window.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
            let place = window + 1 + shift % stride;
            let Some(row) = engine.reader().row(place)? else { continue };
            let pool = PoolId(row.pool);
            if row.pool_seq > 0 && row.kind != KIND_USAGE && self.is_long(engine, pool) {
                self.waiting.insert(pool);
            }
        }
        Ok(())
    }

    fn is_long(&self, engine: &Engine, pool: PoolId) -> bool {
        let number = self.numbers.get(&pool).copied().unwrap_or(0);
        let account = engine.account(pool.slot());
        let pool = account.as_ref().and_then(|account| account.customer.pool(pool));
        pool.is_some_and(|pool| pool.seq >= number.saturating_add(self.limits.rows_min))
    }

    /// Rolls up on a thread of its own until what this gives is dropped.
    ///
    /// # Panics
    /// Where the system has no room for a thread.
    #[must_use]
    pub fn spawn(mut self, engine: Arc<Engine>) -> RollerThread {
        let (stopping, stop) = bounded::<()>(0);
        let run = move || {
            loop {
                let pause = match self.step(&engine) {
                    Ok(true) => PAUSE,
                    Ok(false) => IDLE,
                    Err(error) => {
                        tracing::warn!(%error, "the use of credits could not be rolled up");
                        FAILED
                    }
                };
                if stop.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("stipend-roll".to_owned()).spawn(run);
        let thread = thread.expect("the system has room for a thread");
        RollerThread { stopping: Some(stopping), thread: Some(thread) }
    }
}

/// A roller at work; it ends when this is dropped.
#[derive(Debug)]
pub struct RollerThread {
    stopping: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for RollerThread {
    fn drop(&mut self) {
        drop(self.stopping.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that rolls up had panicked");
        }
    }
}
