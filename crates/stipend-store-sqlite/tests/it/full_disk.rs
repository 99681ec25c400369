//! What cannot be written is refused whole, and can be written later.

use crate::data::{batch, last_batch, open};
use rusqlite::Connection;
use stipend_store::{Store, StoreError};
use stipend_store_sqlite::{Options, SqliteStore};

#[test]
fn a_full_disk_refuses_whole_batches_until_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { pages_max: Some(60), ..Options::new([7; 32]) };
    let (mut store, _) = SqliteStore::open(directory.path(), &options).unwrap();
    let body = vec![1; 10_000];
    let mut number = 0;
    let refused = loop {
        number += 1;
        match store.append(&batch(number, &body)) {
            Ok(()) => assert!(number < 60, "the limit does not work"),
            Err(refused) => break refused,
        }
    };
    assert!(number > 2, "the limit leaves no room at all");
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
    assert_eq!(last_batch(&store), number - 1);
    for _ in 0..3 {
        let refused = store.append(&batch(number, &body));
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    }
    assert_eq!(store.reader().row(1).unwrap().unwrap().amount, 1);

    store.set_pages_max(1_000).unwrap();
    store.append(&batch(number, &body)).unwrap();
    drop(store);
    assert_eq!(last_batch(&open(directory.path()).unwrap().0), number);
}

#[test]
fn a_full_disk_in_the_middle_of_a_large_batch_leaves_nothing_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(directory.path()).unwrap();
    store.append(&batch(1, b"body")).unwrap();
    store.set_pages_max(100).unwrap();
    // More than SQLite's cache, so that a part stands in the WAL when the limit is met.
    let large = batch(2, &vec![1; 8 << 20]);
    assert!(matches!(store.append(&large), Err(StoreError::Unavailable(_))));
    assert_eq!(last_batch(&store), 1);
    store.append(&batch(2, b"small")).unwrap();
    drop(store);
    assert_eq!(last_batch(&open(directory.path()).unwrap().0), 2);
}

#[test]
fn a_database_that_someone_else_writes_refuses_for_a_while() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(directory.path()).unwrap();
    store.append(&batch(1, b"body")).unwrap();
    let shell = Connection::open(directory.path().join("stipend.db")).unwrap();
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = store.append(&batch(2, b"body"));
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert_eq!(last_batch(&store), 1);
    shell.execute_batch("ROLLBACK").unwrap();
    store.append(&batch(2, b"body")).unwrap();
}

#[test]
fn a_reader_that_stays_open_does_not_stop_the_writer() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(directory.path()).unwrap();
    store.append(&batch(1, b"body")).unwrap();
    let shell = Connection::open(directory.path().join("stipend.db")).unwrap();
    shell.execute_batch("BEGIN; SELECT * FROM journal").unwrap();
    for number in 2..=6 {
        // Enough frames that every commit tries to carry the WAL over.
        store.append(&batch(number, &vec![1; 6 << 20])).unwrap();
    }
    let seen: i64 = shell.query_row("SELECT max(seq) FROM journal", [], |row| row.get(0)).unwrap();
    assert_eq!((seen, last_batch(&store)), (2, 6));
    shell.execute_batch("COMMIT").unwrap();
    store.append(&batch(7, b"body")).unwrap();
    assert_eq!(last_batch(&store), 7);
}
