//! Reading the store in memory, by plain scans: slow, and easy to believe.

use std::sync::Arc;

use super::control::{Operation, Verdict};
use super::tables::Tables;
use super::{MutexGuard, Shared};
use crate::contract::{
    CreatedRange, CustomerFilter, CustomerRow, ImageRow, Page, Reader, Row, Seq, StoreError,
    SubscriptionFilter, SubscriptionRef, SubscriptionRow,
};

/// A reader of the store in memory; it outlives a simulated crash.
#[derive(Debug)]
pub(super) struct MemoryReader {
    shared: Arc<Shared>,
}

impl MemoryReader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    fn tables(&self) -> Result<MutexGuard<'_, Tables>, StoreError> {
        match self.shared.gate.enter(Operation::Read, None)? {
            Verdict::Pass => Ok(self.shared.tables()),
            Verdict::Fail { kind, .. } => Err(kind.error()),
        }
    }
}

impl Reader for MemoryReader {
    fn last(&self) -> Result<Seq, StoreError> {
        Ok(self.tables()?.journal.len() as Seq)
    }

    fn rows(&self, from: Seq, limit: usize) -> Result<Vec<Row>, StoreError> {
        let tables = self.tables()?;
        let skipped = usize::try_from(from.saturating_sub(1)).unwrap_or(usize::MAX);
        Ok(tables.journal.iter().skip(skipped).take(limit).cloned().collect())
    }

    fn row(&self, seq: Seq) -> Result<Option<Row>, StoreError> {
        let index = seq.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        let tables = self.tables()?;
        Ok(index.and_then(|index| tables.journal.get(index)).cloned())
    }

    fn last_header(&self) -> Result<Seq, StoreError> {
        let tables = self.tables()?;
        Ok(tables.journal.iter().rev().find(|row| row.kind == 0).map_or(0, |row| row.seq))
    }

    fn image_ends(&self) -> Result<Vec<(u32, Seq)>, StoreError> {
        let tables = self.tables()?;
        Ok(tables.images.values().map(|image| (image.segment, image.as_of)).collect())
    }

    fn images_from(&self, segment: u32, limit: usize) -> Result<Vec<ImageRow>, StoreError> {
        let tables = self.tables()?;
        Ok(tables.images.range(segment..).take(limit).map(|(_, image)| image.clone()).collect())
    }

    fn find_once(&self, env: u32, scope: u16, key: &[u8]) -> Result<Option<Seq>, StoreError> {
        Ok(self.tables()?.once.get(&(env, scope, key.to_vec())).copied())
    }

    fn recorded_since(&self, at: i64) -> Result<Option<Seq>, StoreError> {
        let tables = self.tables()?;
        Ok(tables.journal.iter().find(|row| row.kind == 0 && row.at >= at).map(|row| row.seq))
    }

    fn keys_between(&self, from: Seq, until: Seq) -> Result<Vec<([u8; 16], Seq)>, StoreError> {
        let tables = self.tables()?;
        let between = tables.journal.iter().filter(|row| (from..until).contains(&row.seq));
        Ok(between.filter_map(|row| row.key.map(|key| (key, row.seq))).collect())
    }

    fn list_customers(
        &self,
        filter: &CustomerFilter,
        page: Page<u32>,
        limit: usize,
    ) -> Result<Vec<u32>, StoreError> {
        let tables = self.tables()?;
        let found = tables.customers.values().filter(|row| is_customer(row, filter));
        Ok(turn(found.map(|row| row.slot), page, limit, |slot| *slot))
    }

    fn list_subscriptions(
        &self,
        filter: &SubscriptionFilter,
        page: Page<u64>,
        limit: usize,
    ) -> Result<Vec<SubscriptionRef>, StoreError> {
        let tables = self.tables()?;
        let found = tables.subscriptions.values().filter(|row| is_subscription(row, filter));
        let refs =
            found.map(|row| SubscriptionRef { sid: row.sid, slot: row.slot, number: row.number });
        Ok(turn(refs, page, limit, |found| found.sid))
    }

    fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let _tables = self.tables()?;
        Ok((name == "secret").then(|| self.shared.secret.to_vec()))
    }
}

/// The page of a listing whose rows come oldest first.
fn turn<T, K: Ord>(
    rows: impl DoubleEndedIterator<Item = T>,
    page: Page<K>,
    limit: usize,
    key: impl Fn(&T) -> K,
) -> Vec<T> {
    match page {
        Page::First => rows.rev().take(limit).collect(),
        Page::After(cursor) => rows.rev().filter(|row| key(row) < cursor).take(limit).collect(),
        Page::Before(cursor) => {
            let mut newer: Vec<T> = rows.filter(|row| key(row) > cursor).take(limit).collect();
            newer.reverse();
            newer
        }
    }
}

fn is_created_in(range: CreatedRange, created: i64) -> bool {
    range.from.is_none_or(|from| created >= from) && range.until.is_none_or(|until| created < until)
}

fn is_customer(row: &CustomerRow, filter: &CustomerFilter) -> bool {
    row.archived.is_none()
        && row.env == filter.env
        && is_created_in(filter.created, row.created)
        && (filter.name.is_none() || filter.name == row.name)
        && (filter.email.is_none() || filter.email == row.email)
}

fn is_subscription(row: &SubscriptionRow, filter: &SubscriptionFilter) -> bool {
    let in_list = |list: &[String], value: &String| list.is_empty() || list.contains(value);
    row.env == filter.env
        && is_created_in(filter.created, row.created)
        && filter.slot.is_none_or(|slot| slot == row.slot)
        && filter.plan.as_ref().is_none_or(|plan| *plan == row.plan)
        && (filter.resource.is_none() || filter.resource == row.resource)
        && in_list(&filter.pricing, &row.pricing)
        && in_list(&filter.status, &row.status)
}
