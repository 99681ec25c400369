//! Copies of the database that are made while it is written, and copies that are put back.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::data::{batch, copy, last_batch, open};
use stipend_store::{Store, StoreError};
use stipend_store_sqlite::{Looked, Restore, SqliteStore, back_up};
use tempfile::TempDir;

fn append(store: &mut SqliteStore, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        store.append(&batch(number, &[1; 9_000])).unwrap();
    }
}

/// A copy of a directory, in a file beside it.
fn copied(path: &Path, folder: &TempDir) -> PathBuf {
    let target = folder.path().join("copy");
    File::create(&target).unwrap();
    let mut told = (0, 0);
    back_up(path, &target, |done, of| told = (done, of)).unwrap();
    assert!(told.0 == told.1 && told.0 > 0, "{told:?}");
    target
}

#[test]
fn a_copy_holds_what_was_committed_when_it_began() {
    let (directory, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut store, _) = open(directory.path()).unwrap();
    for number in 1..=200 {
        store.append(&batch(number, &[1; 100_000])).unwrap();
    }
    let target = folder.path().join("copy");
    File::create(&target).unwrap();
    let mut next = 201;
    // A commit between any two steps.
    back_up(directory.path(), &target, |_, _| {
        append(&mut store, next..=next);
        next += 1;
    })
    .unwrap();
    assert!(next > 202, "there were several steps");
    assert_eq!(Looked::file(&target).unwrap().batch, 200);
    assert_eq!(last_batch(&store), next - 1);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "it is one file");
}

#[test]
fn a_copy_is_made_of_a_stopped_store_and_of_a_killed_one() {
    for is_killed in [false, true] {
        let (live, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let killed = tempfile::tempdir().unwrap();
        let (mut store, _) = open(live.path()).unwrap();
        append(&mut store, 1..=5);
        copy(live.path(), killed.path());
        drop(store);
        let path = if is_killed { killed.path() } else { live.path() };
        let target = copied(path, &folder);
        assert_eq!(Looked::file(&target).unwrap().batch, 5, "{is_killed}");
    }
}

#[test]
fn a_copy_takes_the_place_of_newer_data_whose_log_is_left() {
    let (live, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut store, _) = open(live.path()).unwrap();
    append(&mut store, 1..=10);
    let target = copied(live.path(), &folder);
    append(&mut store, 11..=290);
    drop(store);
    let (mut store, _) = open(live.path()).unwrap();
    append(&mut store, 291..=300);
    let killed = tempfile::tempdir().unwrap();
    copy(live.path(), killed.path());

    // As an operator would do it by hand, with the log that is left and without it.
    let by_hand = tempfile::tempdir().unwrap();
    copy(killed.path(), by_hand.path());
    fs::copy(&target, by_hand.path().join("stipend.db")).unwrap();
    let mixed = tempfile::tempdir().unwrap();
    copy(by_hand.path(), mixed.path());
    let read = open(mixed.path()).and_then(|(store, _)| store.reader().rows(0, usize::MAX));
    assert!(matches!(read, Err(StoreError::Damaged(_))), "the log is of the newer file");
    fs::remove_file(by_hand.path().join("stipend.db-wal")).unwrap();
    assert!(matches!(open(by_hand.path()), Err(StoreError::Damaged(_))));

    let restore = Restore::begin(killed.path()).unwrap();
    assert!(matches!(open(killed.path()), Err(StoreError::Locked)));
    let brought = restore.bring(&target, |_, _| {}).unwrap();
    assert_eq!(brought.batch, 10);
    let restored = restore.finish(10, "before").unwrap();
    let aside = killed.path().join("before");
    assert_eq!((restored.aside.as_deref(), restored.before), (Some(aside.as_path()), Some(300)));
    let mode = fs::metadata(killed.path().join("stipend.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (mut store, _) = open(killed.path()).unwrap();
    assert_eq!(last_batch(&store), 10);
    append(&mut store, 11..=12);
    drop(store);
    assert_eq!(last_batch(&open(killed.path()).unwrap().0), 12);
    assert_eq!(last_batch(&open(&aside).unwrap().0), 300, "nothing of before is lost");
}

#[test]
fn a_copy_makes_a_directory_where_there_is_none() {
    let (live, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut store, _) = open(live.path()).unwrap();
    append(&mut store, 1..=3);
    let target = copied(live.path(), &folder);
    let path = folder.path().join("new");
    let restore = Restore::begin(&path).unwrap();
    restore.bring(&target, |_, _| {}).unwrap();
    let restored = restore.finish(3, "before").unwrap();
    assert_eq!((restored.aside, restored.before), (None, None));
    let mut names: Vec<_> =
        fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["LOCK", "MARK", "stipend.db"]);
    assert_eq!(last_batch(&open(&path).unwrap().0), 3);
}

#[test]
fn what_was_brought_and_not_used_is_not_left_behind() {
    let (live, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut store, _) = open(live.path()).unwrap();
    append(&mut store, 1..=3);
    let target = copied(live.path(), &folder);
    append(&mut store, 4..=4);
    drop(store);
    let restore = Restore::begin(live.path()).unwrap();
    restore.bring(&target, |_, _| {}).unwrap();
    drop(restore);
    assert!(!live.path().join("stipend.db.restoring").exists());
    assert_eq!(last_batch(&open(live.path()).unwrap().0), 4);
}

#[test]
fn a_file_with_a_log_beside_it_is_no_copy() {
    let (live, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut store, _) = open(live.path()).unwrap();
    append(&mut store, 1..=3);
    copy(live.path(), folder.path());
    let refused = Looked::file(&folder.path().join("stipend.db"));
    assert!(matches!(refused, Err(StoreError::Damaged(_))), "{refused:?}");
}
