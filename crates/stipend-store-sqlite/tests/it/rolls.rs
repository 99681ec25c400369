//! Goal: show that roll-ups are kept, and that a file that cannot be used costs nothing but them.

use rusqlite::Connection;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use stipend_store::conformance::rolls::roll_ups_are_chains_of_their_pools;
use stipend_store::{Roll, RollHead, Rolls as _};
use stipend_store_sqlite::SqliteRolls;

fn roll(upto: u64) -> Roll {
    let head =
        RollHead { pool: 7, after: 0, upto, number: 2, mark: [9; 32], first: -1, last: i64::MAX };
    Roll { head, body: vec![1, 2, 3] }
}

fn heads(directory: &Path) -> Vec<RollHead> {
    let rolls = SqliteRolls::open(directory).expect("it opens");
    rolls.heads(7).expect("they can be read")
}

#[test]
fn roll_ups_in_a_file_are_chains_of_their_pools() {
    let directory = tempfile::tempdir().unwrap();
    roll_ups_are_chains_of_their_pools(&SqliteRolls::open(directory.path()).unwrap());
}

#[test]
fn roll_ups_survive_and_are_the_owners_alone() {
    let directory = tempfile::tempdir().unwrap();
    let rolls = SqliteRolls::open(directory.path()).unwrap();
    assert!(rolls.add(&roll(5)).unwrap());
    for file in fs::read_dir(directory.path()).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    drop(rolls);
    assert_eq!(heads(directory.path()), [roll(5).head]);
}

#[test]
fn a_file_that_cannot_be_used_is_made_anew() {
    let check = |what: &str, spoil: &dyn Fn(&Path)| {
        let directory = tempfile::tempdir().unwrap();
        let rolls = SqliteRolls::open(directory.path()).unwrap();
        assert!(rolls.add(&roll(5)).unwrap());
        drop(rolls);
        spoil(&directory.path().join("series.db"));
        assert_eq!(heads(directory.path()), [], "{what}");
        let rolls = SqliteRolls::open(directory.path()).unwrap();
        assert!(rolls.add(&roll(6)).unwrap(), "{what}");
    };
    check("it is no database", &|file| fs::write(file, [b'x'; 8192]).unwrap());
    check("it is cut", &|file| {
        fs::File::options().write(true).open(file).unwrap().set_len(9).unwrap();
    });
    check("it is empty", &|file| fs::write(file, []).unwrap());
    check("it is missing", &|file| fs::remove_file(file).unwrap());
    check("it is of a later version", &|file| {
        let connection = Connection::open(file).unwrap();
        connection.pragma_update(None, "user_version", 2).unwrap();
    });
}
