//! What the tests of this crate share: data directories, batches, and copies of both.

use std::fs;
use std::path::Path;

use stipend_store::{Batch, Row, Store, StoreError};
use stipend_store_sqlite::{Opened, Options, SqliteStore};

pub(crate) fn open(path: &Path) -> Result<(SqliteStore, Opened), StoreError> {
    SqliteStore::open(path, &Options::new([7; 32]))
}

pub(crate) fn row(seq: u64, kind: u16) -> Row {
    Row {
        seq,
        part: 0,
        kind,
        at: 1_000_000,
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

/// Batch `number` of a journal whose batches all have a header and one row with that body.
pub(crate) fn batch(number: u64, body: &[u8]) -> Batch {
    let after = (number - 1) * 2;
    let header = Row { amount: number.into(), ..row(after + 1, 0) };
    let content = Row { body: body.to_vec(), ..row(after + 2, 1) };
    Batch { number, after, rows: vec![header, content], ..Batch::default() }
}

/// The number of the last batch of such a journal, checked from its first row on.
pub(crate) fn last_batch(store: &SqliteStore) -> u64 {
    let rows = store.reader().rows(0, usize::MAX).unwrap();
    for (row, seq) in rows.iter().zip(1_u64..) {
        let expected = if seq % 2 == 1 { seq.div_ceil(2) } else { 0 };
        assert_eq!((row.seq, row.amount), (seq, i128::from(expected)));
    }
    assert!(rows.len().is_multiple_of(2));
    rows.len() as u64 / 2
}

/// What a killed process leaves behind: the files as they are now.
pub(crate) fn copy(from: &Path, to: &Path) {
    for name in ["stipend.db", "stipend.db-wal", "MARK"] {
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}
