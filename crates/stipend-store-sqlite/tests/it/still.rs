//! Looking at data, sound or damaged, without changing a byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::data::{batch, copy, open};
use stipend_store::{Store, StoreError};
use stipend_store_sqlite::{Looked, SqliteRolls};
use tempfile::TempDir;

fn files(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(path).unwrap().map(|entry| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
    });
    entries.collect()
}

/// What a process that was killed after so many batches leaves behind; the first is in the
/// database, the others in the WAL.
fn killed(batches: u64) -> TempDir {
    let live = tempfile::tempdir().unwrap();
    let (mut store, _) = open(live.path()).unwrap();
    store.append(&batch(1, b"body")).unwrap();
    drop(store);
    let (mut store, _) = open(live.path()).unwrap();
    for number in 2..=batches {
        store.append(&batch(number, b"body")).unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    copy(live.path(), directory.path());
    directory
}

/// What is found, with every file as it was.
fn look(path: &Path) -> Result<(u64, usize, Option<String>), StoreError> {
    let before = files(path);
    let found = Looked::directory(path).map(|looked| {
        let rows = looked.reader().rows(0, usize::MAX).unwrap().len();
        (looked.batch, rows, looked.flaw.clone())
    });
    let after = files(path);
    let lengths = |files: &BTreeMap<String, Vec<u8>>| {
        let lengths = files.iter().map(|(name, bytes)| format!("{name} {}", bytes.len()));
        lengths.collect::<Vec<_>>()
    };
    assert!(after == before, "{:?} {:?}", lengths(&before), lengths(&after));
    found
}

#[test]
fn looking_changes_nothing_whatever_is_found() {
    let name = "stipend.db-wal";
    let check = |prepare: &dyn Fn(&Path), expected: (u64, Option<&str>)| {
        let directory = killed(5);
        prepare(directory.path());
        let found = look(directory.path()).unwrap();
        let rows = usize::try_from(expected.0).unwrap() * 2;
        assert_eq!(found, (expected.0, rows, expected.1.map(str::to_owned)));
    };
    check(&|_| {}, (5, None));
    check(&|path| drop(open(path).unwrap()), (5, None));
    check(&|path| drop(fs::remove_file(path.join("MARK"))), (5, None));
    let behind = "batch 5 was acknowledged, but stipend.db ends with batch 1";
    check(&|path| fs::remove_file(path.join(name)).unwrap(), (1, Some(behind)));
    let damaged = "stipend.db-wal at offset 32: a damaged frame with whole commits behind it";
    let flip = |path: &Path| {
        let mut wal = fs::read(path.join(name)).unwrap();
        wal[500] ^= 1;
        fs::write(path.join(name), wal).unwrap();
    };
    check(&flip, (1, Some(damaged)));
}

#[test]
fn what_cannot_be_read_is_refused_and_stays_as_it_is() {
    let check = |prepare: &dyn Fn(&Path), expected: &str| {
        let directory = killed(3);
        prepare(directory.path());
        match look(directory.path()) {
            Err(StoreError::Damaged(why)) => assert_eq!(why, expected),
            other => panic!("{expected}: {other:?}"),
        }
    };
    check(
        &|path| fs::remove_file(path.join("stipend.db")).unwrap(),
        "stipend.db is missing or empty",
    );
    check(
        &|path| fs::write(path.join("stipend.db"), b"").unwrap(),
        "stipend.db is missing or empty",
    );
    let garbage = |path: &Path| {
        fs::write(path.join("stipend.db"), vec![7; 8_192]).unwrap();
        fs::remove_file(path.join("stipend.db-wal")).unwrap();
    };
    check(&garbage, "file is not a database");
}

#[test]
fn whoever_looks_and_whoever_writes_keep_each_other_out() {
    let directory = killed(2);
    let (store, _) = open(directory.path()).unwrap();
    assert!(matches!(Looked::directory(directory.path()), Err(StoreError::Locked)));
    drop(store);
    let looked = Looked::directory(directory.path()).unwrap();
    let reader = looked.reader();
    drop(looked);
    assert!(matches!(open(directory.path()), Err(StoreError::Locked)));
    drop(reader);
    open(directory.path()).unwrap();
}

#[test]
fn a_directory_in_which_nothing_was_written_is_empty() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("stipend.db"), b"").unwrap();
    let looked = Looked::directory(directory.path()).unwrap();
    assert!(looked.empty && looked.flaw.is_none());
    assert_eq!(files(directory.path()).len(), 1);
}

#[test]
fn names_that_a_uri_could_not_hold_can_be_looked_at() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("50% off? #1 ä");
    drop(open(&path).unwrap());
    assert_eq!(look(&path).unwrap(), (0, 0, None));
}

#[test]
fn roll_ups_that_cannot_be_read_are_left_where_they_are() {
    let directory = tempfile::tempdir().unwrap();
    assert!(SqliteRolls::look(directory.path()).unwrap().is_none());
    drop(SqliteRolls::open(directory.path()).unwrap());
    let before = files(directory.path());
    assert!(SqliteRolls::look(directory.path()).unwrap().is_some());
    assert!(files(directory.path()) == before);
    fs::write(directory.path().join("series.db"), vec![7; 8_192]).unwrap();
    let before = files(directory.path());
    assert!(matches!(SqliteRolls::look(directory.path()), Err(StoreError::Damaged(_))));
    assert!(files(directory.path()) == before);
}

#[test]
fn a_database_that_was_interrupted_while_it_was_made_is_empty() {
    let directory = tempfile::tempdir().unwrap();
    // What a power failure left: a page of nothing, and the journal that takes it back.
    fs::write(directory.path().join("stipend.db"), [0; 4_096]).unwrap();
    fs::write(directory.path().join("stipend.db-journal"), [1; 512]).unwrap();
    let looked = Looked::directory(directory.path()).unwrap();
    assert!(looked.empty && looked.flaw.is_none());
    drop(looked);
    fs::write(directory.path().join("stipend.db"), [1; 8_192]).unwrap();
    let refused = Looked::directory(directory.path());
    assert!(matches!(refused, Err(StoreError::Damaged(_))), "more than a page is something");
}
