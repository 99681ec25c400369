//! `stipend operator`.

use crate::support::{Done, Place, Terminal, signal};

const FIRST: &str = "a sentence that was forgotten";
const SECOND: &str = "another one, this time written down";

/// A place whose dashboard was set up, and the cookie of who did it.
fn set_up() -> (Place, String) {
    let place = Place::empty();
    let server = place.serve();
    let token = server.set_up.clone().expect("it prints a link");
    let fields =
        [("token", token.as_str()), ("name", "Ada"), ("password", FIRST), ("again", FIRST)];
    let (status, cookie) = server.send("/setup", &fields);
    assert_eq!(status, 303);
    let cookie = cookie.expect("it signs in");
    assert_eq!(server.page("/e/production/customers", &cookie), 200);
    server.stop();
    (place, cookie)
}

#[test]
fn a_lost_password_is_replaced_and_nobody_stays_signed_in() {
    let (place, cookie) = set_up();
    let done = place.run_with(&["operator", "set-password"], &format!("{SECOND}\n"));
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.out.starts_with("The password of Ada was set."), "{done:?}");
    assert!(!done.out.contains(SECOND) && !done.err.contains(SECOND), "{done:?}");
    let server = place.serve();
    assert_eq!(server.set_up, None, "it is set up");
    assert_eq!(server.page("/e/production/customers", &cookie), 303, "the session is gone");
    assert!(!server.signs_in("Ada", FIRST));
    assert!(server.signs_in("Ada", SECOND));
    server.stop();
    let listed = place.done(&["operator", "list"]);
    assert!(listed.starts_with("Ada  made 2"), "{listed}");
}

#[test]
fn what_cannot_be_a_password_is_refused_and_the_old_one_stays() {
    let (place, _) = set_up();
    for (input, why) in [
        ("", "no password on standard input"),
        ("\n", "no password on standard input"),
        ("short\n", "at least 8 characters"),
        ("password123\n", "Too many people use this"),
    ] {
        let refused = place.refused(&["operator", "set-password", "Ada"], input, 2);
        assert!(refused.contains(why), "{input:?}: {refused}");
        assert_eq!(refused.lines().count(), 1, "{refused}");
    }
    let unknown = place.refused(&["operator", "set-password", "Bob"], SECOND, 2);
    assert!(unknown.contains("\"Bob\" does not sign in here; who does: Ada"), "{unknown}");
    let server = place.serve();
    let locked = place.refused(&["operator", "set-password"], SECOND, 2);
    assert!(locked.contains("stop it first"), "{locked}");
    assert!(server.signs_in("Ada", FIRST));
    server.stop();
}

#[test]
fn before_the_dashboard_is_set_up_the_servers_link_is_named() {
    let place = Place::started_once();
    assert_eq!(place.done(&["operator", "list"]), "");
    let refused = place.refused(&["operator", "set-password"], SECOND, 2);
    assert!(refused.contains("open the link that it prints"), "{refused}");
    assert!(place.done(&["operator", "--help"]).contains("set-password"));
}

#[test]
fn a_terminal_shows_again_what_is_typed_however_the_question_ends() {
    let (place, _) = set_up();
    let terminal = Terminal::open();
    let asked = || {
        let child = place.asked(&["operator", "set-password"], &terminal);
        assert!(!terminal.shows(), "a password is not shown");
        child
    };
    let ended = |child: std::process::Child| -> Done {
        let done = child.wait_with_output().expect("it ends").into();
        assert!(terminal.shows(), "{done:?}");
        done
    };
    for name in ["INT", "TERM", "HUP", "QUIT", "TSTP"] {
        let child = asked();
        signal(name, &child);
        let done = ended(child);
        assert_eq!(done.code, Some(1), "{name}: {done:?}");
        assert!(done.err.contains("nothing was changed"), "{name}: {done:?}");
    }
    let child = asked();
    terminal.types("one\nother\n");
    let done = ended(child);
    assert!(done.err.contains("not the same"), "{done:?}");
    let child = asked();
    terminal.types(&format!("{SECOND}\n{SECOND}\n"));
    assert_eq!(ended(child).code, Some(0));
    let server = place.serve();
    assert!(server.signs_in("Ada", SECOND));
    server.stop();
}
