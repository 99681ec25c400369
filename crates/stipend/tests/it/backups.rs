//! `stipend backup` and `stipend restore`.

use crate::support::Place;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

fn text(path: &Path) -> &str {
    path.to_str().expect("it is text")
}

/// What a command says of the journal, its hash included: `3 rows in 2 batches …`.
fn summary(said: &str) -> String {
    let (_, rest) = said.split_once(": ").expect("it says what of");
    rest.split(';').next().expect("there is a first part").to_owned()
}

/// A backup into a new file of that folder.
fn back_up(place: &Place, folder: &Path) -> (PathBuf, String) {
    let file = folder.join("copy.db");
    let said = place.done(&["backup", text(&file)]);
    (file, summary(&said))
}

#[test]
fn a_copy_that_is_made_under_load_holds_what_was_acknowledged_before() {
    let (place, folder) = (Place::empty(), tempfile::tempdir().expect("there is room"));
    let server = place.serve();
    let (made, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (file, said, before) = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                let number = made.load(Ordering::SeqCst);
                assert!(server.make_customer(&format!("c{number}")));
                made.store(number + 1, Ordering::SeqCst);
            }
        });
        while made.load(Ordering::SeqCst) < 20 {
            std::thread::yield_now();
        }
        let before = made.load(Ordering::SeqCst);
        let (file, said) = back_up(&place, folder.path());
        is_over.store(true, Ordering::SeqCst);
        (file, said, before)
    });
    let mode = fs::metadata(&file).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(
        fs::read_dir(folder.path()).expect("it is there").count(),
        1,
        "nothing else is left"
    );

    let empty = Place::empty();
    let restored = empty.done(&["restore", text(&file)]);
    assert!(restored.contains(&said), "{restored}");
    assert!(!restored.contains("before"), "there was nothing before: {restored}");
    assert_eq!(summary(&empty.done(&["fsck"])), said);
    let copy = empty.serve();
    for number in 0..before {
        assert!(copy.has_customer(&format!("c{number}")), "{number}");
    }
    copy.stop();
    server.stop();
}

#[test]
fn a_copy_takes_the_place_of_newer_data_and_they_can_come_back() {
    let (place, folder) = (Place::empty(), tempfile::tempdir().expect("there is room"));
    let server = place.serve();
    assert!(server.make_customer("old"));
    let (file, said) = back_up(&place, folder.path());
    let refused = place.refused(&["restore", text(&file)], "", 2);
    assert!(refused.contains("in use by another process; stop the server first"), "{refused}");
    assert!(server.make_customer("new"));
    server.kill();
    assert!(place.path().join("stipend.db-wal").exists(), "its log is left");

    // By hand, as it was the only way before.
    let by_hand = Place::empty();
    fs::copy(&file, by_hand.path().join("stipend.db")).expect("there is room");
    fs::copy(place.path().join("MARK"), by_hand.path().join("MARK")).expect("there is room");
    let refused = by_hand.refused(&["serve", "--listen", "127.0.0.1:0", "--log", "off"], "", 3);
    assert!(refused.contains("`stipend restore FILE` puts a backup in its place"), "{refused}");

    let restored = place.done(&["restore", text(&file)]);
    assert!(restored.contains(&said) && restored.contains("They had acknowledged batch"));
    assert_eq!(summary(&place.done(&["fsck"])), said);
    let server = place.serve();
    assert!(server.has_customer("old") && !server.has_customer("new"));
    assert!(server.make_customer("newer"));
    server.kill();

    let undo = restored.lines().find(|line| line.starts_with("  rm ")).expect("it says how");
    let shell = std::process::Command::new("sh").args(["-c", undo]).status().expect("there is sh");
    assert!(shell.success(), "{undo}");
    let server = place.serve();
    assert!(server.has_customer("old") && server.has_customer("new"));
    assert!(!server.has_customer("newer"));
    server.stop();
}

#[test]
fn a_copy_of_a_stopped_server_is_the_same_as_what_it_is_of() {
    let (place, folder) = (Place::started_once(), tempfile::tempdir().expect("there is room"));
    let before = place.files();
    let (file, said) = back_up(&place, folder.path());
    assert!(place.files() == before, "nothing was changed");
    assert_eq!(summary(&place.done(&["fsck"])), said);
    let again = place.refused(&["backup", text(&file)], "", 2);
    assert!(again.contains("exists: a backup is a new file"), "{again}");
    let missing = place.refused(&["backup", "/does/not/exist/copy.db"], "", 1);
    assert!(missing.contains("cannot write /does/not/exist/copy.db"), "{missing}");
    let none = Place::empty().refused(&["backup", text(&folder.path().join("other"))], "", 2);
    assert!(none.contains("there is no data in"), "{none}");
    assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 1);
}

#[test]
fn a_damaged_copy_is_refused_and_the_data_stay_as_they_are() {
    let (place, folder) = (Place::started_once(), tempfile::tempdir().expect("there is room"));
    let (file, _) = back_up(&place, folder.path());
    let sound = fs::read(&file).expect("it is there");
    let before = place.files();
    let check = |name: &str, bytes: &[u8]| {
        let damaged = folder.path().join(name);
        fs::write(&damaged, bytes).expect("there is room");
        let refused = place.refused(&["restore", text(&damaged)], "", 3);
        assert!(refused.contains("is damaged: ") && refused.contains("nothing was changed"));
        assert!(place.files() == before, "{name}: something was changed");
    };
    check("empty", &[]);
    check("garbage", &[7; 8_192]);
    check("half", &sound[..sound.len() / 2 / 4_096 * 4_096]);
    // The name of the one customer-independent thing that every journal holds: its environment.
    let mut changed = sound.clone();
    let at = changed.windows(10).rposition(|bytes| bytes == b"production").expect("it is there");
    changed[at] ^= 1;
    check("changed", &changed);
    let own = text(&place.path().join("stipend.db")).to_owned();
    let refused = place.refused(&["restore", &own], "", 2);
    assert!(refused.contains("is the data itself"), "{refused}");
    let refused = place.refused(&["restore", "missing.db"], "", 2);
    assert!(refused.contains("missing.db"), "{refused}");
    assert!(place.files() == before);
}

#[test]
fn damaged_data_are_not_backed_up() {
    let (place, folder) = (Place::empty(), tempfile::tempdir().expect("there is room"));
    place.serve().kill();
    fs::remove_file(place.path().join("stipend.db-wal")).expect("it was killed");
    let refused = place.refused(&["backup", text(&folder.path().join("copy"))], "", 3);
    assert!(refused.contains("no backup was made"), "{refused}");
    assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 0);
}
