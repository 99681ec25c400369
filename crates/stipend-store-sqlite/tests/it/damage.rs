//! Goal: show that no damage of the WAL loses an acknowledged batch without a word.
//! Method: a store with many batches in its WAL is copied as a crash would leave it, each sector
//! of the copy is damaged in turn, and the copy is opened.

use std::fs;
use std::path::{Path, PathBuf};

use crate::data::{batch, copy, last_batch, open};
use stipend_store::{Store, StoreError};
use tempfile::TempDir;

const SECTOR: usize = 512;
const BATCHES: u64 = 6;

/// A crashed store with all of its batches in the WAL, and what the WAL held.
struct Crashed {
    directory: TempDir,
    wal: PathBuf,
    bytes: Vec<u8>,
}

impl Crashed {
    /// Some commits are one frame long, others several.
    fn new() -> Self {
        let live = tempfile::tempdir().unwrap();
        // Opened twice, so that the tables are in the database and only batches in the WAL.
        drop(open(live.path()).unwrap());
        let (mut store, _) = open(live.path()).unwrap();
        for number in 1..=BATCHES {
            let body = vec![1; if number % 3 == 0 { 9_000 } else { 100 }];
            store.append(&batch(number, &body)).unwrap();
        }
        let directory = tempfile::tempdir().unwrap();
        copy(live.path(), directory.path());
        let wal = directory.path().join("stipend.db-wal");
        let bytes = fs::read(&wal).unwrap();
        Self { directory, wal, bytes }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Opens a fresh copy with the WAL as given; the number of its batches, or why not.
    fn open_with(&self, wal: &[u8], with_mark: bool) -> Result<u64, StoreError> {
        let copied = tempfile::tempdir().unwrap();
        copy(self.path(), copied.path());
        fs::write(copied.path().join("stipend.db-wal"), wal).unwrap();
        if !with_mark {
            fs::remove_file(copied.path().join("MARK")).unwrap();
        }
        open(copied.path()).map(|(store, _)| last_batch(&store))
    }
}

#[test]
fn an_undamaged_crash_loses_nothing() {
    let crashed = Crashed::new();
    let (store, opened) = open(crashed.path()).unwrap();
    assert_eq!((last_batch(&store), opened.torn_tail), (BATCHES, None));
}

#[test]
fn a_flipped_bit_in_any_sector_is_found() {
    let crashed = Crashed::new();
    for sector in 0..crashed.bytes.len() / SECTOR {
        let mut wal = crashed.bytes.clone();
        wal[sector * SECTOR + sector * 37 % SECTOR] ^= 1 << (sector % 8);
        let opened = crashed.open_with(&wal, true);
        assert!(matches!(opened, Err(StoreError::Damaged(_))), "{sector}: {opened:?}");
    }
}

#[test]
fn a_sector_of_zeros_is_found() {
    let crashed = Crashed::new();
    for sector in 0..crashed.bytes.len() / SECTOR {
        let mut wal = crashed.bytes.clone();
        let sector_bytes = &mut wal[sector * SECTOR..][..SECTOR];
        if sector_bytes.iter().all(|byte| *byte == 0) {
            continue;
        }
        sector_bytes.fill(0);
        let opened = crashed.open_with(&wal, true);
        assert!(matches!(opened, Err(StoreError::Damaged(_))), "{sector}: {opened:?}");
    }
}

#[test]
fn damage_before_the_last_commits_is_found_without_a_mark() {
    let crashed = Crashed::new();
    // The last two commits are six frames: a damaged one among them can look like a torn tail.
    let safe = crashed.bytes.len() - 8 * 4_120;
    for sector in (0..safe / SECTOR).step_by(3) {
        let mut wal = crashed.bytes.clone();
        wal[sector * SECTOR + sector * 41 % SECTOR] ^= 1 << (sector % 8);
        let opened = crashed.open_with(&wal, false);
        assert!(matches!(opened, Err(StoreError::Damaged(_))), "{sector}: {opened:?}");
    }
}

#[test]
fn a_tail_that_is_cut_off_loses_whole_batches_and_is_found_by_the_mark() {
    let crashed = Crashed::new();
    let mut before = 0;
    for length in (0..crashed.bytes.len()).step_by(SECTOR) {
        let cut = &crashed.bytes[..length];
        let batches = crashed.open_with(cut, false).unwrap();
        assert!(batches >= before && batches < BATCHES, "{length}: {before} then {batches}");
        before = batches;
        let opened = crashed.open_with(cut, true);
        assert!(matches!(opened, Err(StoreError::Damaged(_))), "{length}: {opened:?}");
    }
    assert_eq!(before, BATCHES - 1);
}

#[test]
fn a_torn_commit_is_reported_and_dropped_and_work_goes_on() {
    let crashed = Crashed::new();
    // The mark of the batch before says that the last one was never acknowledged.
    let acknowledged = tempfile::tempdir().unwrap();
    let (mut store, _) = open(acknowledged.path()).unwrap();
    for number in 1..BATCHES {
        store.append(&batch(number, b"")).unwrap();
    }
    fs::copy(acknowledged.path().join("MARK"), crashed.path().join("MARK")).unwrap();
    fs::write(&crashed.wal, &crashed.bytes[..crashed.bytes.len() - 100]).unwrap();

    let (mut store, opened) = open(crashed.path()).unwrap();
    let torn = opened.torn_tail.unwrap();
    assert!(torn > 32 && torn < crashed.bytes.len() as u64, "{torn}");
    assert_eq!(last_batch(&store), BATCHES - 1);
    store.append(&batch(BATCHES, b"again")).unwrap();
    drop(store);
    let (store, opened) = open(crashed.path()).unwrap();
    assert_eq!((last_batch(&store), opened.torn_tail), (BATCHES, None));
}

#[test]
fn damage_of_the_wal_is_named_with_its_place() {
    let crashed = Crashed::new();
    let mut wal = crashed.bytes.clone();
    wal[32 + 4_120 + 1_000] ^= 1;
    match crashed.open_with(&wal, true) {
        Err(StoreError::Damaged(reason)) => assert_eq!(
            reason,
            "stipend.db-wal at offset 4152: a damaged frame with whole commits behind it"
        ),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refused_opening_leaves_the_wal_for_those_who_mend_it() {
    let crashed = Crashed::new();
    let database = fs::read(crashed.path().join("stipend.db")).unwrap();
    // In the last commit, where only the mark shows the damage, and in the first.
    for at in [crashed.bytes.len() - 100, 5_000] {
        let mut wal = crashed.bytes.clone();
        wal[at] ^= 1;
        fs::write(&crashed.wal, &wal).unwrap();
        let opened = open(crashed.path());
        assert!(matches!(opened, Err(StoreError::Damaged(_))), "{opened:?}");
        assert!(fs::read(&crashed.wal).unwrap() == wal, "the WAL was changed");
        assert!(fs::read(crashed.path().join("stipend.db")).unwrap() == database);
    }
    fs::write(&crashed.wal, &crashed.bytes).unwrap();
    assert_eq!(last_batch(&open(crashed.path()).unwrap().0), BATCHES);
}
