//! A reader that stays keeps the write-ahead log from beginning anew, and not for longer.

use crate::data::{batch, last_batch, open};
use rusqlite::Connection;
use std::path::Path;
use stipend_store::Store;

const MEGABYTE: usize = 1 << 20;

/// More than the log keeps.
const HELD: u64 = 100;

fn log_bytes(directory: &Path) -> u64 {
    std::fs::metadata(directory.join("stipend.db-wal")).unwrap().len()
}

#[test]
fn a_log_that_a_reader_held_becomes_small_again() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(directory.path()).unwrap();
    store.append(&batch(1, b"body")).unwrap();
    let reader = Connection::open(directory.path().join("stipend.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT max(seq) FROM journal").unwrap();
    let body = vec![1; MEGABYTE];
    for number in 2..=HELD {
        store.append(&batch(number, &body)).unwrap();
    }
    let held = log_bytes(directory.path());
    assert!(held > HELD * 9 / 10 * MEGABYTE as u64, "{held} bytes: the reader holds nothing");
    reader.execute_batch("COMMIT").unwrap();

    // Each commit is behind at most one turn of the thread that carries over, and none pays for much.
    let (mut number, mut before) = (HELD, held);
    while before > 64 * MEGABYTE as u64 {
        number += 1;
        assert!(number < 4 * HELD, "the log still has {before} bytes");
        store.append(&batch(number, &body)).unwrap();
        let now = log_bytes(directory.path());
        assert!(
            before.saturating_sub(now) <= 32 * MEGABYTE as u64,
            "from {before} to {now} at once"
        );
        before = now;
    }
    assert_eq!(last_batch(&store), number);
}
