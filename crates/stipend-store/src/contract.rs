//! The storage contract: what every store promises to the engine.
//!
//! The truth is the journal, an append-only sequence of rows at gapless positions. Everything
//! else that is stored (images, names, listing rows) is derivable from it and travels in the
//! same commit.
//!
//! Positions, batch numbers, pools and subscription ids are handed out densely from 1, so a store
//! may rely on them staying below 2⁶³. Instants are microseconds since the epoch, UTC.

use std::fmt;
use std::sync::Arc;

/// A position in the journal; the first row stands at 1, 0 is "before everything".
pub type Seq = u64;

/// One row of the journal, with its plain columns for SQL; `body` is opaque here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Its position: gapless, from 1.
    pub seq: Seq,
    /// The stream; always 0 on an embedded store.
    pub part: u16,
    /// What the row says; 0 is a batch header.
    pub kind: u16,
    /// The effective instant, microseconds since the epoch.
    pub at: i64,
    /// The customer's slot, 0 for rows of the catalog and headers.
    pub slot: u32,
    /// The pool, 0 for rows that concern none.
    pub pool: u64,
    /// Its number in the pool, gapless from 1; 0 without pool.
    pub pool_seq: u64,
    /// Position of the pool's previous row, 0 for its first.
    pub prev: Seq,
    /// Position of an older row of the pool, 0 for none: a skip pointer, chosen by the engine so
    /// that seeking is logarithmic.
    pub jump: Seq,
    /// Position of the pool's previous row that tells of the life of grants (neither a consumption
    /// nor a reservation), 0 for none.
    pub life: Seq,
    /// The row's effect on the pool's balance, in units of 10⁻⁹; in a header the number of its
    /// batch, so that a store can read it without knowing the body.
    pub amount: i128,
    /// The pool's balance after it, in units of 10⁻⁹.
    pub balance_after: i128,
    /// The hash of the idempotency key, where the command had one.
    pub key: Option<[u8; 16]>,
    /// The encoded entry.
    pub body: Vec<u8>,
}

/// The listing row of a customer. `doc` is a JSON object, for people's SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerRow {
    /// Its dense number, in the order of making; the key of the row.
    pub slot: u32,
    /// The environment it lives in.
    pub env: u32,
    /// The caller's id, unique in the environment.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Its e-mail address.
    pub email: Option<String>,
    /// All of it as a JSON object.
    pub doc: String,
    /// When it was made.
    pub created: i64,
    /// When it was archived.
    pub archived: Option<i64>,
}

/// The listing row of a subscription; it holds nothing that changes with a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionRow {
    /// Its dense number over all customers, in the order of making; the key of the row.
    pub sid: u64,
    /// The environment it lives in.
    pub env: u32,
    /// Its id, unique in the environment.
    pub id: String,
    /// The slot of its customer.
    pub slot: u32,
    /// The subscription's number among its customer's.
    pub number: u32,
    /// The id of its plan.
    pub plan: String,
    /// The version of the plan that it pins.
    pub version: u32,
    /// The version of the parent plan that it pins.
    pub parent_version: Option<u32>,
    /// The resource it belongs to.
    pub resource: Option<String>,
    /// `FREE`, `PAID` or `CUSTOM`.
    pub pricing: String,
    /// The wire status: `ACTIVE`, `CANCELED`, …
    pub status: String,
    /// When it starts.
    pub starts: i64,
    /// When its trial ends.
    pub trial_ends: Option<i64>,
    /// When it ends or ended.
    pub ends: Option<i64>,
    /// When it was made.
    pub created: i64,
    /// All of it as a JSON object.
    pub doc: String,
}

/// The row of a pool; (slot, currency, resource) is unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolRow {
    /// Its number, unique over all customers.
    pub id: u64,
    /// The slot of its customer.
    pub slot: u32,
    /// The credit type.
    pub currency: String,
    /// Empty where the pool has no resource.
    pub resource: String,
}

/// The row of one version of a catalog object, with the instant from which it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogRow {
    /// The environment it lives in.
    pub env: u32,
    /// 1 product, 2 credit type, 3 feature, 4 plan, 5 add-on.
    pub kind: u16,
    /// Its id, unique among its kind.
    pub id: String,
    /// Its version.
    pub version: u32,
    /// The instant from which it holds.
    pub holds_from: i64,
    /// All of it as a JSON object.
    pub doc: String,
}

/// A business key that is never forgotten, and the position of its effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnceRow {
    /// The environment it counts in.
    pub env: u32,
    /// What kind of key it is.
    pub scope: u16,
    /// The key itself.
    pub key: Vec<u8>,
    /// The position of its effect.
    pub seq: Seq,
}

/// The packed image of 64 neighbouring slots, folded up to `as_of`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRow {
    /// Which 64 slots: `slot / 64`.
    pub segment: u32,
    /// The last position that is folded into it.
    pub as_of: Seq,
    /// The encoded aggregates.
    pub body: Vec<u8>,
}

/// Everything that one commit writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The number of the batch: gapless, from 1. The header row repeats it in its `amount`.
    pub number: u64,
    /// The position of the last row before this batch; the append is refused elsewhere.
    pub after: Seq,
    /// The header (kind 0, its `at` never before the previous header's), then the rows; positions
    /// `after + 1 ..` without gap.
    pub rows: Vec<Row>,
    /// Inserted or replaced by slot.
    pub customers: Vec<CustomerRow>,
    /// Inserted or replaced by sid.
    pub subscriptions: Vec<SubscriptionRow>,
    /// Inserted; one that is there already is a [`StoreError::Duplicate`].
    pub pools: Vec<PoolRow>,
    /// Inserted, or replaced where a setting changes twice at the same instant.
    pub catalog: Vec<CatalogRow>,
    /// Inserted; one that is there already is a [`StoreError::Duplicate`].
    pub once: Vec<OnceRow>,
    /// Replaced by segment.
    pub images: Vec<ImageRow>,
}

impl Batch {
    /// What is wrong with the batch's own shape, whatever the store holds: every store asserts
    /// that it is nothing before it writes, since a gap in the journal could never be mended.
    #[must_use]
    pub fn flaw(&self) -> Option<&'static str> {
        let Some((header, rest)) = self.rows.split_first() else {
            return Some("a batch has at least its header");
        };
        if header.kind != 0 || rest.iter().any(|row| row.kind == 0) {
            return Some("a batch has exactly one header, its first row");
        }
        if self.number == 0 || header.amount != i128::from(self.number) {
            return Some("a header carries the number of its batch, from 1");
        }
        let gapless = (self.after + 1..).zip(&self.rows).all(|(seq, row)| row.seq == seq);
        (!gapless).then_some("the positions of a batch follow each other without gap")
    }

    /// The position of its last row.
    #[must_use]
    pub fn last(&self) -> Seq {
        self.after + self.rows.len() as Seq
    }
}

/// Why a store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The journal's end is not where the batch expects it. Nothing was written.
    #[error("the journal ends at {found}, not at {expected}")]
    Position {
        /// Where the batch wanted to begin.
        expected: Seq,
        /// The position of the journal's last row.
        found: Seq,
    },
    /// A UNIQUE index refused the batch: the engine decided wrongly. Nothing was written.
    #[error("a name that must be unique is taken: {0}")]
    Duplicate(String),
    /// No room or temporarily impossible (full disk, busy). Nothing was written, and trying
    /// again later is sensible.
    #[error("the store cannot write now")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An I/O or sync error: whether anything is durable is unknown. The process must stop.
    #[error("the store failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is stored contradicts itself.
    #[error("damaged data: {0}")]
    Damaged(String),
    /// Another process has the data open.
    #[error("the data directory is in use by another process")]
    Locked,
    /// The data was written by a version from before the first release.
    #[error(
        "the data has format {found}, from before the first release; this version reads from \
         {oldest} on: begin with an empty data directory"
    )]
    Older {
        /// The format of the data.
        found: u32,
        /// The oldest format that this version reads.
        oldest: u32,
    },
    /// The data was written by a newer version.
    #[error("the data has format {found}, this version reads up to {supported}")]
    Newer {
        /// The format of the data.
        found: u32,
        /// The newest format that this version knows.
        supported: u32,
    },
}

/// Which way a listing goes from its cursor: towards older rows or back towards newer ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page<T> {
    /// The newest rows.
    First,
    /// Rows older than this one, newest first.
    After(T),
    /// The rows next newer than this one; still answered newest first.
    Before(T),
}

/// Half-open limits on `created`, microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CreatedRange {
    /// The earliest instant included.
    pub from: Option<i64>,
    /// The first instant excluded.
    pub until: Option<i64>,
}

/// Which customers to list. Archived ones are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerFilter {
    /// The environment.
    pub env: u32,
    /// When they were made.
    pub created: CreatedRange,
    /// Exact.
    pub name: Option<String>,
    /// Exact.
    pub email: Option<String>,
}

/// Which subscriptions to list; an empty list or `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionFilter {
    /// The environment.
    pub env: u32,
    /// When they were made.
    pub created: CreatedRange,
    /// The slot of their customer.
    pub slot: Option<u32>,
    /// The id of their plan.
    pub plan: Option<String>,
    /// The resource they belong to.
    pub resource: Option<String>,
    /// One of these pricing types.
    pub pricing: Vec<String>,
    /// One of these statuses.
    pub status: Vec<String>,
}

/// Where a listed subscription is found in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscriptionRef {
    /// Its number over all customers, the cursor of listings.
    pub sid: u64,
    /// The slot of its customer.
    pub slot: u32,
    /// Its number among its customer's.
    pub number: u32,
}

/// The writing side: exactly one per store, owned by the committer.
pub trait Store: Send + fmt::Debug {
    /// Appends the whole batch durably, or nothing of it.
    ///
    /// # Errors
    /// [`StoreError::Position`], [`StoreError::Duplicate`] and [`StoreError::Unavailable`] where
    /// nothing was written; only after [`StoreError::Failed`] is the outcome unknown.
    ///
    /// # Panics
    /// Where the batch has a [`Batch::flaw`].
    fn append(&mut self, batch: &Batch) -> Result<(), StoreError>;

    /// A reader that sees what was appended before each call.
    fn reader(&self) -> Arc<dyn Reader>;

    /// Takes who is to be told where the store fails aside from an append, as soon as it does and
    /// from whatever thread: nobody may commit for hours. Appends fail after that as well. A store
    /// that works in its appends only has nothing to tell.
    fn on_failure(&mut self, watch: FailureWatch) {
        drop(watch);
    }
}

/// Who is told that a store has failed by itself.
#[derive(Clone)]
pub struct FailureWatch(Arc<dyn Fn(&StoreError) + Send + Sync>);

impl FailureWatch {
    /// Calls the function, which may come from any thread.
    pub fn new(told: impl Fn(&StoreError) + Send + Sync + 'static) -> Self {
        Self(Arc::new(told))
    }

    /// Tells of a failure.
    pub fn tell(&self, error: &StoreError) {
        (self.0)(error);
    }
}

impl fmt::Debug for FailureWatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FailureWatch")
    }
}

/// The reading side; shared by all threads, and never waiting for the writing side.
pub trait Reader: Send + Sync + fmt::Debug {
    /// The position of the last row, 0 where there is none.
    ///
    /// # Errors
    /// As all readings: [`StoreError::Unavailable`], [`StoreError::Failed`] or
    /// [`StoreError::Damaged`].
    fn last(&self) -> Result<Seq, StoreError>;

    /// Up to `limit` rows from `from` on, in order.
    ///
    /// # Errors
    /// As [`Reader::last`].
    fn rows(&self, from: Seq, limit: usize) -> Result<Vec<Row>, StoreError>;

    /// The row at that position.
    ///
    /// # Errors
    /// As [`Reader::last`].
    fn row(&self, seq: Seq) -> Result<Option<Row>, StoreError>;

    /// The position of the last batch header (kind 0), 0 where there is none.
    ///
    /// # Errors
    /// As [`Reader::last`].
    fn last_header(&self) -> Result<Seq, StoreError>;

    /// Up to where each image has folded the journal, by segment.
    ///
    /// # Errors
    /// As [`Reader::last`].
    fn image_ends(&self) -> Result<Vec<(u32, Seq)>, StoreError>;

    /// Images by segment, so many from this segment on.
    ///
    /// # Errors
    /// As [`Reader::last`].
    fn images_from(&self, segment: u32, limit: usize) -> Result<Vec<ImageRow>, StoreError>;

    /// All images, by segment.
    ///
    /// # Errors
    /// As [`Reader::last`].
    fn images(&self) -> Result<Vec<ImageRow>, StoreError> {
        self.images_from(0, usize::MAX)
    }

    /// The position of a business key's effect.
    ///
    /// # Errors
    /// As [`Reader::last`].
    fn find_once(&self, env: u32, scope: u16, key: &[u8]) -> Result<Option<Seq>, StoreError>;

    /// The position of the first batch that was recorded at or after the instant: the first whose
    /// header's `at` is not before it. `None` where there is none.
    ///
    /// The rows' own `at` does not count: it may lie anywhere (a renewal is effective when it
    /// was due, a test clock lives in its own time), and how long a key is remembered depends on
    /// when it was recorded. Since the headers' `at` never decreases, the place is found without
    /// an index on the journal.
    ///
    /// # Errors
    /// As [`Reader::last`].
    fn recorded_since(&self, at: i64) -> Result<Option<Seq>, StoreError>;

    /// Keys of the rows from one position up to before another, with their positions, in order.
    ///
    /// # Errors
    /// As [`Reader::last`].
    fn keys_between(&self, from: Seq, until: Seq) -> Result<Vec<([u8; 16], Seq)>, StoreError>;

    /// Keys of the rows that were recorded at or after the instant, with their positions, in
    /// order: those of the batch that [`Reader::recorded_since`] finds, and of all later ones.
    ///
    /// # Errors
    /// As [`Reader::last`].
    fn keys_since(&self, at: i64) -> Result<Vec<([u8; 16], Seq)>, StoreError> {
        match self.recorded_since(at)? {
            Some(from) => self.keys_between(from, Seq::MAX),
            None => Ok(Vec::new()),
        }
    }

    /// Slots of the customers that match, newest first.
    ///
    /// # Errors
    /// As [`Reader::last`].
    fn list_customers(
        &self,
        filter: &CustomerFilter,
        page: Page<u32>,
        limit: usize,
    ) -> Result<Vec<u32>, StoreError>;

    /// The subscriptions that match, newest first.
    ///
    /// # Errors
    /// As [`Reader::last`].
    fn list_subscriptions(
        &self,
        filter: &SubscriptionFilter,
        page: Page<u64>,
        limit: usize,
    ) -> Result<Vec<SubscriptionRef>, StoreError>;

    /// A named value kept beside the journal: `secret`, 32 random bytes made with the store.
    ///
    /// # Errors
    /// As [`Reader::last`].
    fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(seq: Seq, kind: u16, amount: i128) -> Row {
        Row {
            seq,
            part: 0,
            kind,
            at: 0,
            slot: 0,
            pool: 0,
            pool_seq: 0,
            prev: 0,
            jump: 0,
            life: 0,
            amount,
            balance_after: 0,
            key: None,
            body: Vec::new(),
        }
    }

    fn flaw(number: u64, rows: Vec<Row>) -> Option<&'static str> {
        Batch { number, after: 4, rows, ..Batch::default() }.flaw()
    }

    #[test]
    fn a_batch_is_a_header_with_its_number_and_rows_without_gap() {
        assert_eq!(flaw(3, vec![row(5, 0, 3)]), None);
        assert_eq!(flaw(3, vec![row(5, 0, 3), row(6, 1, 0)]), None);
        assert!(flaw(3, vec![]).is_some());
        assert!(flaw(3, vec![row(5, 1, 3)]).is_some());
        assert!(flaw(3, vec![row(5, 0, 3), row(6, 0, 3)]).is_some());
        assert!(flaw(3, vec![row(5, 0, 4)]).is_some());
        assert!(flaw(0, vec![row(5, 0, 0)]).is_some());
        assert!(flaw(3, vec![row(6, 0, 3)]).is_some());
        assert!(flaw(3, vec![row(5, 0, 3), row(7, 1, 0)]).is_some());
    }
}
