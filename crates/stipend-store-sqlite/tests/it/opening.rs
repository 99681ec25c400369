//! Who may open a data directory, what is made there, and what is refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::data::{batch, copy, last_batch, open};
use rusqlite::Connection;
use stipend_store::{Store, StoreError};
use stipend_store_sqlite::{Exposed, Opened, Options, SqliteStore, exposed};

fn damaged(path: &Path) -> String {
    match open(path) {
        Err(StoreError::Damaged(reason)) => reason,
        other => format!("not damaged: {other:?}"),
    }
}

/// A directory with so many batches, closed properly.
fn filled(path: &Path, batches: u64) {
    let (mut store, _) = open(path).unwrap();
    for number in 1..=batches {
        store.append(&batch(number, b"body")).unwrap();
    }
}

fn run(path: &Path, sql: &str) {
    Connection::open(path.join("stipend.db")).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn only_the_owner_can_read_what_is_made() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("a/b");
    let (mut store, opened) = open(&path).unwrap();
    store.append(&batch(1, b"body")).unwrap();
    assert_eq!(opened, Opened { created: true, ..Opened::default() });
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&path).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(mode(&entry.path()), 0o600, "{entry:?}");
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["LOCK", "MARK", "stipend.db", "stipend.db-shm", "stipend.db-wal"]);
}

#[test]
fn what_others_can_read_is_named_with_the_modes_that_it_should_have() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    assert_eq!(exposed(&path).unwrap(), []);
    filled(&path, 1);
    assert_eq!(exposed(&path).unwrap(), []);
    let check = |name: &str, mode: u32, wanted: u32, is_harmless: bool| {
        let path = if name.is_empty() { path.clone() } else { path.join(name) };
        let set = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        set(mode);
        let found = exposed(directory.path().join("data").as_path()).unwrap();
        let expected = Exposed { path: path.clone(), mode, wanted };
        assert_eq!(expected.is_harmless(), is_harmless, "{expected:?}");
        assert_eq!(found, [expected]);
        set(wanted);
    };
    check("", 0o755, 0o700, true);
    check("", 0o770, 0o700, false);
    check("stipend.db", 0o644, 0o600, false);
    check("stipend.db", 0o640, 0o600, false);
    check("MARK", 0o604, 0o600, false);
}

#[test]
fn a_second_opening_is_refused_until_the_first_and_its_readers_are_gone() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path()).unwrap();
    let reader = store.reader();
    assert!(matches!(open(directory.path()), Err(StoreError::Locked)));
    drop(store);
    assert!(matches!(open(directory.path()), Err(StoreError::Locked)));
    drop(reader);
    open(directory.path()).unwrap();
}

#[test]
fn a_refused_opening_leaves_the_directory_unlocked() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("stipend.db"), b"not a database, but long enough").unwrap();
    for _ in 0..2 {
        assert_eq!(damaged(directory.path()), "file is not a database");
    }
}

#[test]
fn the_secret_is_that_of_the_first_opening() {
    let directory = tempfile::tempdir().unwrap();
    for secret in [[1; 32], [2; 32]] {
        let (store, _) = SqliteStore::open(directory.path(), &Options::new(secret)).unwrap();
        assert_eq!(store.reader().meta("secret").unwrap(), Some(vec![1; 32]));
        assert_eq!(store.reader().meta("format").unwrap(), Some(b"1".to_vec()));
    }
}

#[test]
fn a_newer_layout_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path(), 1);
    run(directory.path(), "PRAGMA user_version = 9");
    let refused = open(directory.path());
    assert!(matches!(refused, Err(StoreError::Newer { found: 9, supported: 1 })), "{refused:?}");
}

#[test]
fn newer_contents_are_refused_only_where_they_say_so() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path(), 1);
    run(directory.path(), "UPDATE meta SET v = 7 WHERE k = 'feature_level'");
    open(directory.path()).unwrap();
    run(directory.path(), "UPDATE meta SET v = 7 WHERE k = 'oldest_reader'");
    let refused = open(directory.path());
    assert!(matches!(refused, Err(StoreError::Newer { found: 7, supported: 6 })), "{refused:?}");
}

#[test]
fn somebody_elses_database_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    run(directory.path(), "CREATE TABLE theirs(x); INSERT INTO theirs VALUES (1)");
    let before = fs::read(directory.path().join("stipend.db")).unwrap();
    assert_eq!(damaged(directory.path()), "stipend.db is not a database of Stipend");
    assert!(fs::read(directory.path().join("stipend.db")).unwrap() == before);
}

#[test]
fn a_mark_ahead_of_the_journal_is_damage() {
    let directory = tempfile::tempdir().unwrap();
    let old = tempfile::tempdir().unwrap();
    filled(directory.path(), 2);
    copy(directory.path(), old.path());
    let (mut store, _) = open(directory.path()).unwrap();
    store.append(&batch(3, b"body")).unwrap();
    drop(store);
    fs::copy(directory.path().join("MARK"), old.path().join("MARK")).unwrap();
    let reason = "batch 3 was acknowledged, but stipend.db ends with batch 2";
    assert_eq!(damaged(old.path()), reason);
}

#[test]
fn a_missing_database_under_a_mark_is_damage_and_nothing_is_made() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path(), 2);
    let database = directory.path().join("stipend.db");
    fs::remove_file(&database).unwrap();
    assert_eq!(damaged(directory.path()), "stipend.db is missing or empty");
    assert!(!database.exists());
    fs::write(&database, b"").unwrap();
    assert_eq!(damaged(directory.path()), "stipend.db is missing or empty");
}

#[test]
fn a_missing_wal_is_damage() {
    let directory = tempfile::tempdir().unwrap();
    let left = tempfile::tempdir().unwrap();
    filled(directory.path(), 2);
    let (mut store, _) = open(directory.path()).unwrap();
    store.append(&batch(3, b"body")).unwrap();
    copy(directory.path(), left.path());
    fs::remove_file(left.path().join("stipend.db-wal")).unwrap();
    let reason = "batch 3 was acknowledged, but stipend.db ends with batch 2";
    assert_eq!(damaged(left.path()), reason);
}

#[test]
fn a_mark_that_is_behind_or_missing_is_brought_up_to_date() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path(), 1);
    let mark = directory.path().join("MARK");
    let behind = fs::read(&mark).unwrap();
    let (mut store, _) = open(directory.path()).unwrap();
    store.append(&batch(2, b"body")).unwrap();
    drop(store);
    let current = fs::read(&mark).unwrap();
    fs::write(&mark, behind).unwrap();
    open(directory.path()).unwrap();
    assert_eq!(fs::read(&mark).unwrap(), current);
    fs::remove_file(&mark).unwrap();
    open(directory.path()).unwrap();
    assert_eq!(fs::read(&mark).unwrap(), current);
}

#[test]
fn an_unreadable_mark_is_reported_and_written_anew() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path(), 2);
    fs::write(directory.path().join("MARK"), [0; 16]).unwrap();
    let (store, opened) = open(directory.path()).unwrap();
    assert_eq!(opened, Opened { mark_unreadable: true, ..Opened::default() });
    assert_eq!(last_batch(&store), 2);
    drop(store);
    assert_eq!(open(directory.path()).unwrap().1, Opened::default());
}

#[test]
fn contents_from_before_the_first_release_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path(), 1);
    run(directory.path(), "UPDATE meta SET v = 1 WHERE k = 'oldest_reader'");
    let refused = open(directory.path());
    assert!(matches!(refused, Err(StoreError::Older { found: 1, oldest: 6 })), "{refused:?}");
}
