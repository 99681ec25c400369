//! Goal: show that keys are the journal's, whatever was gathered of them and whatever became of it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use stipend_store::{Batch, Row, Store as _};

use super::*;
use crate::directory::Directory;
use crate::store::{Options, SqliteStore};

/// Rows of a batch, with its header.
const ROWS: u64 = 7;

/// Rows of a piece: a few batches.
const PIECE: u64 = 20;

fn row(seq: Seq, kind: u16, key: Option<[u8; 16]>, body: u8) -> Row {
    let zero = Row {
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
        key,
        body: vec![body],
    };
    let number = seq.div_ceil(ROWS);
    if kind == 0 { Row { amount: number.into(), ..zero } } else { zero }
}

/// A batch by its number; two of other salts differ in every key and header. Two of three rows have
/// keys.
fn batch(number: u64, salt: u8) -> Batch {
    let after = (number - 1) * ROWS;
    let key = |seq: Seq| {
        (!seq.is_multiple_of(3)).then(|| {
            let mut key = [salt; 16];
            key[..8].copy_from_slice(&seq.to_le_bytes());
            key
        })
    };
    let rows = (after + 2..=after + ROWS).map(|seq| row(seq, 1, key(seq), 0));
    let rows = std::iter::once(row(after + 1, 0, None, salt)).chain(rows).collect();
    Batch { number, after, rows, ..Batch::default() }
}

/// A journal of so many batches.
fn write(directory: &Path, batches: u64, salt: u8) {
    let (mut store, _) = SqliteStore::open(directory, &Options::new([7; 32])).expect("it opens");
    for number in 1..=batches {
        store.append(&batch(number, salt)).expect("it is sound");
    }
}

fn reader(directory: &Path) -> SqliteReader {
    SqliteReader::new(Arc::new(Directory::open(directory).expect("nobody has it open")))
}

/// Reads all there is; answers how many pieces there are.
fn gather(directory: &Path, last: Seq) -> usize {
    let (reader, gathered) = (reader(directory), Gathered::in_pieces(directory, PIECE));
    gathered.between(&reader, 1, 1);
    while gathered.gather(&reader, last + 1, None).expect("it can be gathered") {}
    gathered.lock().pieces.len()
}

/// Compares ranges of all kinds with the journal; answers up to where they had been gathered.
fn check(directory: &Path, last: Seq, label: &str) -> Seq {
    let (reader, gathered) = (reader(directory), Gathered::in_pieces(directory, PIECE));
    for from in (0..=last + 1).step_by(3) {
        for until in [from, from + 1, from + 3 * PIECE, Seq::MAX] {
            let (mut keys, upto) = gathered.between(&reader, from, until);
            keys.extend(reader.journal_keys(upto, until).expect("readable"));
            let expected = reader.journal_keys(from, until).expect("readable");
            assert_eq!(keys, expected, "{label}: {from} to {until}");
        }
    }
    gathered.lock().pieces.last().map_or(0, |piece| piece.until)
}

#[test]
fn keys_are_the_journals_whatever_was_gathered_and_whatever_became_of_it() {
    let spoil = |sql: &'static str| {
        move |directory: &Path| {
            Connection::open(directory.join(KEYS.file)).unwrap().execute_batch(sql).unwrap();
        }
    };
    let last = 20 * ROWS;
    let all = 127;
    let case = |label: &str, spoil: &dyn Fn(&Path), upto: Seq| {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), 20, 1);
        assert_eq!(gather(directory.path(), last), 9, "{label}");
        spoil(directory.path());
        check(directory.path(), last, label);
        assert_eq!(check(directory.path(), last, label), upto, "{label}");
        gather(directory.path(), last);
        assert_eq!(check(directory.path(), last, label), all, "{label}: it is made anew");
    };
    case("nothing", &|_| {}, all);
    case("a damaged key", &spoil("UPDATE piece SET pairs = zeroblob(20) WHERE first = 43"), 43);
    case("a damaged sum", &spoil("UPDATE piece SET sum = x'00' WHERE first = 1"), 0);
    case("another end", &spoil("UPDATE piece SET header = x'00' WHERE first = 113"), 113);
    case("a piece is missing", &spoil("DELETE FROM piece WHERE first = 15"), 15);
    case("no database", &|directory| fs::write(directory.join(KEYS.file), [b'x'; 9]).unwrap(), 0);
    case("no file", &|directory| fs::remove_file(directory.join(KEYS.file)).unwrap(), 0);
}

#[test]
fn what_was_gathered_of_another_journal_is_dropped() {
    for (label, batches, salt, upto) in
        [("another", 20, 2, 0), ("an older copy", 10, 1, 57), ("a new one", 1, 1, 0)]
    {
        let (directory, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(directory.path(), 20, 1);
        gather(directory.path(), 20 * ROWS);
        write(other.path(), batches, salt);
        for file in ["keys.db", "keys.db-wal"] {
            // A closed database has no log.
            let _ = fs::copy(directory.path().join(file), other.path().join(file));
        }
        assert_eq!(check(other.path(), batches * ROWS, label), upto, "{label}");
    }
}

#[test]
fn keys_that_are_handed_over_are_the_journals_whatever_was_gathered_before_them() {
    // Batches that a process before had gathered, the first of this one, and the last.
    let case = |gathered_before: u64, first: u64, last: u64, pieces: &[Seq]| {
        let label = format!("{gathered_before}, {first}, {last}");
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), last, 1);
        gather(directory.path(), gathered_before * ROWS);
        let reader = reader(directory.path());
        let gathered = Gathered::in_pieces(directory.path(), PIECE);
        gathered.between(&reader, 1, Seq::MAX);
        let (mut collected, begin) = (Collected::default(), (first - 1) * ROWS + 1);
        for number in first..=last {
            let Some(handed) = collected.take(&batch(number, 1), PIECE) else { continue };
            while gathered.gather(&reader, begin, Some(handed.first())).unwrap() {}
            gathered.keep(&reader, handed).unwrap();
        }
        let ends: Vec<Seq> = gathered.lock().pieces.iter().map(|piece| piece.until).collect();
        assert_eq!(ends, pieces, "{label}");
        drop((gathered, reader));
        assert_eq!(check(directory.path(), last * ROWS, &label), *pieces.last().unwrap_or(&0));
    };
    case(0, 1, 20, &[22, 43, 64, 85, 106, 127]);
    case(0, 1, 3, &[]);
    case(0, 20, 20, &[]);
    case(10, 11, 20, &[15, 29, 43, 57, 71, 92, 113, 134]);
    case(10, 14, 20, &[15, 29, 43, 57, 71, 85, 92, 113, 134]);
    case(0, 5, 9, &[15, 29, 50]);
}

#[test]
fn a_piece_that_does_not_follow_is_not_kept() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), 20, 1);
    let (reader, gathered) =
        (reader(directory.path()), Gathered::in_pieces(directory.path(), PIECE));
    let mut collected = Collected::default();
    let mut handed = (1..=20).filter_map(|number| collected.take(&batch(number, 1), PIECE));
    gathered.keep(&reader, handed.next().expect("a piece")).unwrap();
    handed.next();
    gathered.keep(&reader, handed.next().expect("a piece")).unwrap();
    assert_eq!(gathered.lock().pieces.len(), 1, "one between them is missing");
}

#[test]
fn what_nobody_wants_any_more_is_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), 20, 1);
    gather(directory.path(), 10 * ROWS);
    let (reader, gathered) =
        (reader(directory.path()), Gathered::in_pieces(directory.path(), PIECE));
    gathered.between(&reader, 50, Seq::MAX);
    assert!(gathered.gather(&reader, 20 * ROWS + 1, None).unwrap());
    let first = gathered.lock().pieces.first().map(|piece| piece.first);
    assert_eq!(first, Some(43));
}

#[test]
fn keys_are_read_as_they_were_gathered_and_every_damaged_bit_shows() {
    let keys: Keys = (0..20_u8).map(|byte| ([byte; 16], 70 + u64::from(byte) * 9)).collect();
    let pairs = keys_to_pairs(70, &keys);
    assert_eq!(pairs_to_keys(70, &pairs), keys);
    let piece = Piece { first: 70, until: 900, header: b"the header".to_vec() };
    let sum = sum_of(&piece, &pairs);
    for bit in 0..pairs.len() * 8 {
        let mut damaged = pairs.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(sum_of(&piece, &damaged), sum, "bit {bit}");
    }
    assert_ne!(sum_of(&Piece { first: 71, ..piece.clone() }, &pairs), sum);
    assert_ne!(sum_of(&piece, &pairs[..pairs.len() - PAIR]), sum);
}
