//! Finding what a reversal needs: the consumption, and what happened to its pool since.
//!
//! Rows of the journal never change, so they are read on the request's side. What is read is
//! complete as of the last row of the pool's life; where that has moved when the reversal is
//! decided, it is refused as [`Refusal::Moved`](crate::Refusal::Moved) and prepared again.

use crate::engine::Engine;
use crate::ledger::pool_entry;
use crate::limits::REVERSAL_ROWS_MAX;
use crate::record::Record;
use crate::walk::LifeWalk;
use stipend_core::customer::{Cause, Entry, PoolEntry, Reversal, ReverseRequest};
use stipend_core::{EnvId, Slot, Timestamp};
use stipend_store::{Seq, StoreError};

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
    /// It is no consumption.
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
        let Cause::Consumption(consumption) = &consumed.cause else {
            return Ok(Reversible::Other);
        };
        if !consumption.amount.is_positive() {
            return Ok(Reversible::Other);
        }
        let chain = &account.chains[usize::from(consumed.pool.number())];
        let mut since = Vec::new();
        let mut walk = LifeWalk::new(self.reader(), chain);
        while let Some((row, entry)) = walk.step()? {
            if row.seq <= of {
                break;
            }
            if matches!(&entry.cause, Cause::Reversal(other) if other.of == of) {
                return Ok(Reversible::Reversed(row.seq));
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
