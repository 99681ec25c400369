//! Where roll-ups are kept: sums over the rows of a pool, made from the journal and beside it.
//!
//! Nothing here is the truth. What is lost is made anew, and nothing that is acknowledged waits
//! for it: no journal row is written together with one.

use crate::contract::{Seq, StoreError};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Which rows of a pool a roll-up sums up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollHead {
    /// The pool.
    pub pool: u64,
    /// It begins behind the row at this position: the last one of the roll-up before it, 0 for
    /// the first.
    pub after: Seq,
    /// The position of its last row.
    pub upto: Seq,
    /// The number of that row in the pool.
    pub number: u64,
    /// What that row looks like, so that a roll-up of another journal is told from one of this.
    pub mark: [u8; 32],
    /// The first step of time that it has something in.
    pub first: i64,
    /// The last one.
    pub last: i64,
}

/// A roll-up; `body` is opaque here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roll {
    /// Which rows it sums up.
    pub head: RollHead,
    /// The sums.
    pub body: Vec<u8>,
}

/// Keeps the roll-ups of pools, each as a chain: every one begins where the one before it ends.
/// Shared by all threads.
pub trait Rolls: Send + Sync + fmt::Debug {
    /// The chain of a pool, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Failed`] or [`StoreError::Damaged`].
    fn heads(&self, pool: u64) -> Result<Vec<RollHead>, StoreError>;

    /// The sums of the roll-up of a pool that ends there.
    ///
    /// # Errors
    /// As [`Rolls::heads`].
    fn body(&self, pool: u64, upto: Seq) -> Result<Option<Vec<u8>>, StoreError>;

    /// Adds to the chain of a pool; answers whether it was done, which it is not where the roll-up
    /// does not begin at the chain's end, or does not end behind it.
    ///
    /// # Errors
    /// As [`Rolls::heads`].
    fn add(&self, roll: &Roll) -> Result<bool, StoreError>;

    /// The pools that have a chain, in order.
    ///
    /// # Errors
    /// As [`Rolls::heads`].
    fn pools(&self) -> Result<Vec<u64>, StoreError>;

    /// Drops the chain of a pool.
    ///
    /// # Errors
    /// As [`Rolls::heads`].
    fn forget(&self, pool: u64) -> Result<(), StoreError>;
}

/// Roll-ups in memory: gone with the process, and made anew by the next.
#[derive(Debug, Default)]
pub struct MemoryRolls(Mutex<BTreeMap<u64, BTreeMap<Seq, Roll>>>);

impl MemoryRolls {
    fn chains(&self) -> MutexGuard<'_, BTreeMap<u64, BTreeMap<Seq, Roll>>> {
        // Nothing is left half done where a thread panics with it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rolls for MemoryRolls {
    fn heads(&self, pool: u64) -> Result<Vec<RollHead>, StoreError> {
        let chains = self.chains();
        let rolls = chains.get(&pool).into_iter().flat_map(BTreeMap::values);
        Ok(rolls.map(|roll| roll.head.clone()).collect())
    }

    fn body(&self, pool: u64, upto: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        let chains = self.chains();
        Ok(chains.get(&pool).and_then(|chain| chain.get(&upto)).map(|roll| roll.body.clone()))
    }

    fn add(&self, roll: &Roll) -> Result<bool, StoreError> {
        let RollHead { pool, after, upto, .. } = roll.head;
        let mut chains = self.chains();
        let end = chains.get(&pool).and_then(|chain| chain.keys().next_back().copied());
        if end.unwrap_or(0) != after || upto <= after {
            return Ok(false);
        }
        chains.entry(pool).or_default().insert(upto, roll.clone());
        Ok(true)
    }

    fn pools(&self) -> Result<Vec<u64>, StoreError> {
        Ok(self.chains().keys().copied().collect())
    }

    fn forget(&self, pool: u64) -> Result<(), StoreError> {
        self.chains().remove(&pool);
        Ok(())
    }
}
