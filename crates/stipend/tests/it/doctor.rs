//! `stipend doctor`, and what a start says of what it finds.

use crate::support::Place;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn a_directory_that_does_not_exist_is_not_made() {
    let place = Place::empty();
    let missing = place.path().join("a/mistyped");
    let shown = missing.to_str().expect("it is text");
    let said = place.done(&["doctor", "--data-dir", shown, "--listen", "127.0.0.1:0"]);
    let line = format!("ok     data directory: {shown} does not exist; a server would make it");
    assert!(said.contains(&line), "{said}");
    assert!(place.files().is_empty(), "something was made");
    let said = place.done(&["doctor", "--listen", "127.0.0.1:0"]);
    assert!(said.contains("holds no data; a server would begin without"), "{said}");
    assert!(place.files().is_empty(), "something was made");
}

#[test]
fn a_parent_that_is_no_directory_is_wrong() {
    let place = Place::empty();
    let file = place.path().join("file");
    fs::write(&file, "").expect("there is room");
    let inside = file.join("data");
    let shown = inside.to_str().expect("it is text");
    let done = place.run(&["doctor", "--data-dir", shown, "--listen", "127.0.0.1:0"]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.out.contains("WRONG  data directory: "), "{done:?}");
}

#[test]
fn data_are_looked_at_and_stay_as_they_are() {
    let place = Place::started_once();
    let before = place.files();
    let said = place.done(&["doctor", "--listen", "127.0.0.1:0"]);
    assert!(said.contains("can be read and written, and holds"), "{said}");
    assert!(said.contains("ok     permissions: only the owner can read the data\n"), "{said}");
    assert!(place.files() == before, "something was changed");
}

#[test]
fn what_others_can_read_is_named_with_what_to_do() {
    let place = Place::started_once();
    let database = place.path().join("stipend.db");
    let set = |path: &std::path::Path, mode| {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
    };
    set(&database, 0o644);
    let chmod = format!("(mode 0644): chmod 600 {}", database.display());
    let done = place.run(&["doctor", "--listen", "127.0.0.1:0"]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.out.contains("WRONG  permissions: ") && done.out.contains(&chmod), "{done:?}");
    // Whatever opens the data says so too.
    let listed = place.run(&["key", "list"]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert!(listed.err.contains(&chmod), "{listed:?}");

    set(&database, 0o600);
    set(place.path(), 0o755);
    let said = place.done(&["doctor", "--listen", "127.0.0.1:0"]);
    assert!(said.contains("(mode 0755)") && said.contains("chmod 700 "), "{said}");
    set(place.path(), 0o700);
    assert_eq!(place.run(&["key", "list"]).err, "");
}
