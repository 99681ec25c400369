//! Walks along the chain of a pool: its life alone, or all rows from an instant on.

use crate::account::Chain;
use crate::ledger::{Walk, pool_entry};
use stipend_core::Timestamp;
use stipend_core::customer::PoolEntry;
use stipend_store::{Reader, Row, StoreError};

/// Walks the rows of a pool's life from newer to older: what happened to it but plain usage.
pub(crate) struct LifeWalk<'a>(Walk<'a>);

impl<'a> LifeWalk<'a> {
    pub(crate) fn new(reader: &'a dyn Reader, chain: &Chain) -> Self {
        Self(Walk { reader, next: chain.life, skips_usage: true })
    }

    pub(crate) fn step(&mut self) -> Result<Option<(Row, PoolEntry)>, StoreError> {
        self.0.step()
    }
}

/// Walks all rows of a pool from newer to older, from an instant on.
pub(crate) struct Pages<'a>(Walk<'a>);

impl<'a> Pages<'a> {
    /// The rows of before that instant.
    pub(crate) fn before(
        reader: &'a dyn Reader,
        chain: &Chain,
        end: Timestamp,
    ) -> Result<Self, StoreError> {
        // A row that a skip pointer leads to is never newer than the one that it skips from.
        let is_behind = |row: &Row| row.at >= end.micros();
        let mut next = chain.last;
        while next != 0 {
            let (row, _) = pool_entry(reader, next)?;
            if !is_behind(&row) {
                break;
            }
            let jump = if row.jump == 0 { None } else { reader.row(row.jump)? };
            next = if jump.is_some_and(|jump| is_behind(&jump)) { row.jump } else { row.prev };
        }
        Ok(Self(Walk { reader, next, skips_usage: false }))
    }

    pub(crate) fn step(&mut self) -> Result<Option<(Row, PoolEntry)>, StoreError> {
        self.0.step()
    }
}
