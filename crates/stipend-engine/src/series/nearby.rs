//! A reader that reads ahead towards older rows: the rows of a busy pool stand close together, and
//! one question for many rows costs far less than one for each.

use std::sync::{Mutex, PoisonError};
use stipend_store::{
    CustomerFilter, ImageRow, Page, Reader, Row, Seq, StoreError, SubscriptionFilter,
    SubscriptionRef,
};

/// Rows that are read at once where it is not known yet that more are wanted: one, and the rows
/// before it that say whether they are of the same event.
const ROWS_MIN: usize = 4;

/// The most rows that are read at once.
const ROWS_MAX: usize = 512;

/// Reads the journal downwards.
#[derive(Debug)]
pub(crate) struct Nearby<'a> {
    reader: &'a dyn Reader,
    block: Mutex<Block>,
}

/// The rows that were read last, oldest first.
#[derive(Debug)]
struct Block {
    rows: Vec<Row>,
    size: usize,
}

impl<'a> Nearby<'a> {
    pub(crate) fn new(reader: &'a dyn Reader) -> Self {
        Self { reader, block: Mutex::new(Block { rows: Vec::new(), size: ROWS_MIN }) }
    }
}

impl Block {
    fn find(&self, seq: Seq) -> Option<&Row> {
        let first = self.rows.first()?.seq;
        self.rows.get(usize::try_from(seq.checked_sub(first)?).ok()?)
    }

    /// Reads the row and those before it: twice as many as the last time where it is just before
    /// those, and few where it is far from them.
    fn read(&mut self, reader: &dyn Reader, seq: Seq) -> Result<(), StoreError> {
        let below = self.rows.first().and_then(|first| first.seq.checked_sub(seq));
        let is_next = below.is_some_and(|below| below <= self.size as u64);
        self.size = if is_next { (self.size * 2).min(ROWS_MAX) } else { ROWS_MIN };
        let from = (seq + 1).saturating_sub(self.size as u64).max(1);
        self.rows = reader.rows(from, usize::try_from(seq + 1 - from).unwrap_or(ROWS_MAX))?;
        Ok(())
    }
}

impl Reader for Nearby<'_> {
    fn row(&self, seq: Seq) -> Result<Option<Row>, StoreError> {
        if seq == 0 {
            return Ok(None);
        }
        let mut block = self.block.lock().unwrap_or_else(PoisonError::into_inner);
        if block.find(seq).is_none() {
            block.read(self.reader, seq)?;
        }
        Ok(block.find(seq).filter(|row| row.seq == seq).cloned())
    }

    fn last(&self) -> Result<Seq, StoreError> {
        self.reader.last()
    }

    fn rows(&self, from: Seq, limit: usize) -> Result<Vec<Row>, StoreError> {
        self.reader.rows(from, limit)
    }

    fn last_header(&self) -> Result<Seq, StoreError> {
        self.reader.last_header()
    }

    fn image_ends(&self) -> Result<Vec<(u32, Seq)>, StoreError> {
        self.reader.image_ends()
    }

    fn images_from(&self, segment: u32, limit: usize) -> Result<Vec<ImageRow>, StoreError> {
        self.reader.images_from(segment, limit)
    }

    fn find_once(&self, env: u32, scope: u16, key: &[u8]) -> Result<Option<Seq>, StoreError> {
        self.reader.find_once(env, scope, key)
    }

    fn recorded_since(&self, at: i64) -> Result<Option<Seq>, StoreError> {
        self.reader.recorded_since(at)
    }

    fn keys_between(&self, from: Seq, until: Seq) -> Result<Vec<([u8; 16], Seq)>, StoreError> {
        self.reader.keys_between(from, until)
    }

    fn list_customers(
        &self,
        filter: &CustomerFilter,
        page: Page<u32>,
        limit: usize,
    ) -> Result<Vec<u32>, StoreError> {
        self.reader.list_customers(filter, page, limit)
    }

    fn list_subscriptions(
        &self,
        filter: &SubscriptionFilter,
        page: Page<u64>,
        limit: usize,
    ) -> Result<Vec<SubscriptionRef>, StoreError> {
        self.reader.list_subscriptions(filter, page, limit)
    }

    fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.reader.meta(name)
    }
}
