//! `stipend fsck`: it says what is damaged, and leaves every file as it is.

use crate::support::Place;
use std::fs;

/// What a server that was killed leaves: some of it in the database, more in its log.
fn killed() -> Place {
    let place = Place::started_once();
    let server = place.serve();
    for id in ["a", "b", "c"] {
        assert!(server.make_customer(id));
    }
    server.kill();
    place
}

fn flip(place: &Place, name: &str, at: usize) {
    let path = place.path().join(name);
    let mut bytes = fs::read(&path).expect("it is there");
    bytes[at] ^= 1;
    fs::write(path, bytes).expect("there is room");
}

#[test]
fn sound_data_are_clean_and_stay_as_they_are() {
    for place in [Place::started_once(), killed()] {
        let before = place.files();
        let said = place.done(&["fsck"]);
        assert!(said.starts_with("clean: "), "{said}");
        assert!(place.files() == before, "something was changed");
    }
}

#[test]
fn damaged_data_are_named_and_stay_as_they_are() {
    let check = |damage: &dyn Fn(&Place), expected: &[&str]| {
        let place = killed();
        damage(&place);
        let before = place.files();
        let refused = place.refused(&["fsck"], "", 3);
        for expected in expected {
            assert!(refused.contains(expected), "{expected}: {refused}");
        }
        assert!(refused.contains("Nothing was changed: keep a copy of "), "{refused}");
        assert!(!refused.contains("fsck"), "it does not send anybody to itself: {refused}");
        assert!(place.files() == before, "{expected:?}: something was changed");
    };
    let sound = "what can be read is sound, and ends with batch";
    let remove = |name: &'static str| {
        move |place: &Place| fs::remove_file(place.path().join(name)).expect("it is there")
    };
    check(&|place| flip(place, "stipend.db-wal", 500), &["stipend.db-wal at offset 32", sound]);
    check(&remove("stipend.db-wal"), &["was acknowledged, but stipend.db ends with", sound]);
    check(&|place| flip(place, "stipend.db", 3), &["file is not a database"]);
    let empty = |place: &Place| fs::write(place.path().join("stipend.db"), "").expect("room");
    check(&empty, &["stipend.db is missing or empty"]);
}

#[test]
fn broken_roll_ups_are_no_damage_and_stay_as_they_are() {
    let place = killed();
    fs::write(place.path().join("series.db"), [7; 8_192]).expect("there is room");
    let _ = fs::remove_file(place.path().join("series.db-wal"));
    let before = place.files();
    let done = place.run(&["fsck"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.err.contains("series.db cannot be read"), "{done:?}");
    assert!(place.files() == before, "something was changed");
}

#[test]
fn a_running_server_is_left_alone() {
    let place = Place::empty();
    let server = place.serve();
    let refused = place.refused(&["fsck"], "", 2);
    assert!(refused.contains("stop the server first, or make a copy"), "{refused}");
    server.stop();
}
