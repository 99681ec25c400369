//! Finding what a reversal needs: the consumption, and what happened to its pool since.
//!
//! Rows of the journal never change, so they are read on the request's side. What is read is
//! complete as of the last row of the pool's life; where that has moved when the reversal is
//! decided, it is refused as [`Refusal::Moved`](crate::Refusal::Moved) and prepared again.

use crate::decider::ONCE_REVERSAL;
use crate::engine::Engine;
use crate::ledger::pool_entry;
use crate::limits::REVERSAL_ROWS_MAX;
use crate::record::Record;
use crate::walk::LifeWalk;
use stipend_core::customer::{Cause, Entry, PoolEntry, Reversal, ReverseRequest};
use stipend_core::{EnvId, Slot, Timestamp};
use stipend_store::{Reader, Seq, StoreError};

/// A reversal that is ready to be decided.
#[derive(Clone, Debug)]
pub struct Reversing {
    /// The customer.
    pub slot: Slot,
    /// What to reverse.
    pub request: ReverseRequest,
    /// The last row of the pool's life that was read.
    pub seen: Seq,
}

/// What is found of a row that somebody wants reversed.
#[derive(Clone, Debug)]
pub enum Reversible {
    /// There is no such row in the environment.
    Missing,
    /// It can be reversed.
    Ready(Box<Reversing>),
    /// It was reversed by the row at this position.
    Reversed(Seq),
    /// It consumed nothing.
    Other,
    /// Too much has happened to the pool since.
    TooLong,
}

/// A reversal that was made.
#[derive(Clone, Debug)]
pub struct Reversed {
    /// The customer.
    pub slot: Slot,
    /// When.
    pub at: Timestamp,
    /// The reversal.
    pub reversal: Reversal,
    /// Its entry.
    pub entry: PoolEntry,
}

/// The position of the reversal of the row at a position, however long ago it was: a key leads from
/// one to the other.
pub(crate) fn reversal_of(reader: &dyn Reader, of: Seq) -> Result<Option<Seq>, StoreError> {
    reader.find_once(0, ONCE_REVERSAL, &of.to_le_bytes())
}

impl Engine {
    /// Reads the row at a position with what happened to its pool since, to reverse it.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn prepare_reversal(
        &self,
        env: EnvId,
        of: Seq,
        idempotency_key: Option<String>,
        reason: Option<String>,
    ) -> Result<Reversible, StoreError> {
        let Some(row) = self.reader().row(of)? else { return Ok(Reversible::Missing) };
        let Record::Customer(Entry::Pool(consumed)) = Record::decode(&row)? else {
            return Ok(Reversible::Missing);
        };
        let slot = Slot(row.slot);
        let account = self.account(slot).filter(|account| account.customer.profile.env == env);
        let Some(account) = account else { return Ok(Reversible::Missing) };
        if !consumed.is_reversible() {
            return Ok(Reversible::Other);
        }
        if let Some(reversal) = reversal_of(self.reader(), of)? {
            return Ok(Reversible::Reversed(reversal));
        }
        let chain = &account.chains[usize::from(consumed.pool.number())];
        let mut since = Vec::new();
        let mut walk = LifeWalk::new(self.reader(), chain);
        while let Some((row, entry)) = walk.step()? {
            if row.seq <= of {
                break;
            }
            if since.len() == REVERSAL_ROWS_MAX {
                return Ok(Reversible::TooLong);
            }
            since.push(entry);
        }
        since.reverse();
        let request = ReverseRequest { of, consumed, since, idempotency_key, reason };
        Ok(Reversible::Ready(Box::new(Reversing { slot, request, seen: chain.life })))
    }

    /// The reversal in a row.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn stored_reversal(&self, seq: Seq) -> Result<Reversed, StoreError> {
        let (row, entry) = pool_entry(self.reader(), seq)?;
        match &entry.cause {
            Cause::Reversal(reversal) => {
                let (slot, reversal) = (Slot(row.slot), reversal.clone());
                Ok(Reversed { slot, at: entry.at, reversal, entry })
            }
            _ => Err(StoreError::Damaged(format!("row {seq} is no reversal"))),
        }
    }
}
