//! What the cases share: a store under test, rows to write, and a dice that falls the same way
//! every time.

use std::sync::Arc;

use super::Harness;
use crate::contract::{
    Batch, CatalogRow, CustomerRow, ImageRow, OnceRow, PoolRow, Reader, Row, Seq, Store,
    StoreError, SubscriptionRow,
};

/// A store under test, and where its journal should end.
pub(super) struct Subject<'a> {
    harness: &'a mut dyn Harness,
    store: Option<Box<dyn Store>>,
    pub(super) last: Seq,
    pub(super) number: u64,
}

impl<'a> Subject<'a> {
    pub(super) fn new(harness: &'a mut dyn Harness) -> Self {
        let store = Some(harness.open().expect("an empty store opens"));
        Self { harness, store, last: 0, number: 0 }
    }

    /// The next batch: a header and these rows, at their positions.
    pub(super) fn batch(&self, rows: Vec<Row>) -> Batch {
        let number = self.number + 1;
        let header = Row { amount: number.into(), ..row(0) };
        let mut batch = Batch { number, after: self.last, ..Batch::default() };
        batch.rows = std::iter::once(header).chain(rows).collect();
        for (row, seq) in batch.rows.iter_mut().zip(self.last + 1..) {
            row.seq = seq;
        }
        batch
    }

    /// The next batch without rows but with what `fill` puts into it.
    pub(super) fn batch_with(&self, fill: impl FnOnce(&mut Batch)) -> Batch {
        let mut batch = self.batch(Vec::new());
        fill(&mut batch);
        batch
    }

    /// Appends a batch that must be accepted.
    pub(super) fn append(&mut self, batch: &Batch) {
        self.try_append(batch).expect("the batch is sound");
        self.last = batch.last();
        self.number = batch.number;
    }

    pub(super) fn append_rows(&mut self, rows: Vec<Row>) -> Batch {
        let batch = self.batch(rows);
        self.append(&batch);
        batch
    }

    pub(super) fn append_with(&mut self, fill: impl FnOnce(&mut Batch)) {
        let batch = self.batch_with(fill);
        self.append(&batch);
    }

    pub(super) fn try_append(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.store.as_mut().expect("the store is open").append(batch)
    }

    /// Appends a batch that must be refused because of a name.
    pub(super) fn refuse_duplicate(&mut self, fill: impl FnOnce(&mut Batch)) {
        let batch = self.batch_with(fill);
        let refused = self.try_append(&batch);
        assert!(matches!(refused, Err(StoreError::Duplicate(_))), "{refused:?}");
        self.expect_end();
    }

    /// Asserts that the journal ends where it should.
    pub(super) fn expect_end(&self) {
        let rows = self.reader().rows(self.last + 1, 10).expect("rows can be read");
        assert_eq!((self.last(), rows), (self.last, vec![]));
    }

    pub(super) fn reader(&self) -> Arc<dyn Reader> {
        self.store.as_ref().expect("the store is open").reader()
    }

    pub(super) fn last(&self) -> Seq {
        self.reader().last().expect("the end can be read")
    }

    pub(super) fn rows(&self) -> Vec<Row> {
        self.reader().rows(0, usize::MAX >> 2).expect("rows can be read")
    }

    /// Drops the store and opens its data again.
    pub(super) fn reopen(&mut self) {
        self.store = None;
        self.store = Some(self.harness.open().expect("the data opens again"));
    }
}

/// A plain row of that kind; its position is given by the batch.
pub(super) fn row(kind: u16) -> Row {
    Row {
        seq: 0,
        part: 0,
        kind,
        at: 1_000,
        slot: 0,
        pool: 0,
        pool_seq: 0,
        prev: 0,
        jump: 0,
        life: 0,
        amount: 0,
        balance_after: 0,
        key: None,
        body: Vec::new(),
    }
}

pub(super) fn rows(count: usize) -> Vec<Row> {
    (0..count).map(|index| Row { amount: index as i128, ..row(3) }).collect()
}

/// A customer called `c<slot>` in environment 1.
pub(super) fn customer(slot: u32) -> CustomerRow {
    CustomerRow {
        slot,
        env: 1,
        id: format!("c{slot}"),
        name: None,
        email: None,
        doc: "{}".to_owned(),
        created: i64::from(slot),
        archived: None,
    }
}

/// A subscription called `s<sid>` in environment 1.
pub(super) fn subscription(sid: u64, slot: u32) -> SubscriptionRow {
    SubscriptionRow {
        sid,
        env: 1,
        id: format!("s{sid}"),
        slot,
        number: 1,
        plan: "basic".to_owned(),
        version: 1,
        parent_version: None,
        resource: None,
        pricing: "PAID".to_owned(),
        status: "ACTIVE".to_owned(),
        starts: 0,
        trial_ends: None,
        ends: None,
        created: sid.cast_signed(),
        doc: "{}".to_owned(),
    }
}

pub(super) fn pool(id: u64, slot: u32, resource: &str) -> PoolRow {
    PoolRow { id, slot, currency: "tokens".to_owned(), resource: resource.to_owned() }
}

pub(super) fn once(env: u32, scope: u16, key: &[u8], seq: Seq) -> OnceRow {
    OnceRow { env, scope, key: key.to_vec(), seq }
}

pub(super) fn image(segment: u32, as_of: Seq, body: &[u8]) -> ImageRow {
    ImageRow { segment, as_of, body: body.to_vec() }
}

pub(super) fn catalog(id: &str, doc: &str) -> CatalogRow {
    let (id, doc) = (id.to_owned(), doc.to_owned());
    CatalogRow { env: 1, kind: 4, id, version: 1, holds_from: 5, doc }
}

/// SplitMix64: random enough for test data, and the same in every run.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below the limit.
    pub(super) fn below(&mut self, limit: u32) -> u32 {
        u32::try_from(self.next() % u64::from(limit)).expect("it is below a u32")
    }

    pub(super) fn one_in(&mut self, count: u32) -> bool {
        self.below(count) == 0
    }

    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        let count = u32::try_from(from.len()).expect("test data is small");
        from[self.below(count) as usize].clone()
    }
}
