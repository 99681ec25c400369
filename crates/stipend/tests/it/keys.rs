//! `stipend key`.

use crate::support::Place;

const CUSTOMERS: &str = "/api/v1/customers";

/// The secret that was printed.
fn secret(said: &str) -> &str {
    let line = said.lines().find_map(|line| line.strip_prefix("API key (shown once): "));
    line.unwrap_or_else(|| panic!("no key in {said}"))
}

#[test]
fn a_key_is_made_with_scope_and_name_and_its_secret_is_shown_once() {
    let place = Place::started_once();
    let said = place.done(&["key", "create", "checkout service", "--scope", "usage"]);
    let line = said.lines().next().expect("a line about it");
    assert!(line.starts_with("2  production  usage  checkout service  …"), "{line}");
    assert!(line.ends_with(" by settings or command line"), "{line}");
    let usage = secret(&said).to_owned();
    assert!(usage.starts_with("sk_stipend_"), "{usage}");
    let reading = secret(&place.done(&["key", "create", "--scope", "read"])).to_owned();
    let listed = place.done(&["key", "list"]);
    assert!(!listed.contains(&usage) && !listed.contains("sk_"), "{listed}");
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 3, "{listed}");
    assert!(lines[0].starts_with("1  production  full and environments  (no name)  …1234"));
    assert_eq!(lines[1], line);
    let server = place.serve();
    assert_eq!(server.call("GET", CUSTOMERS, &reading), 200);
    assert_eq!(server.call("POST", CUSTOMERS, &reading), 403);
    assert_eq!(server.call("GET", CUSTOMERS, &usage), 403);
    server.stop();
}

#[test]
fn a_key_opens_the_environment_that_was_named_and_no_other() {
    let place = Place::started_once();
    place.done(&["environment", "create", "staging", "--sandbox"]);
    place.done(&["key", "create", "ci", "--environment", "staging"]);
    let listed = place.done(&["key", "list", "--environment", "staging"]);
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert!(listed.contains("  staging  full  ci  …"), "{listed}");
    let refused = place.refused(&["key", "create", "--environment", "stagging"], "", 2);
    let why = "there is no environment \"stagging\"; there are: production, staging";
    assert!(refused.contains(why), "{refused}");
    let arguments = ["key", "create", "--environment", "staging", "--manages-environments"];
    let refused = place.refused(&arguments, "", 2);
    assert!(refused.contains("for keys of production"), "{refused}");
}

#[test]
fn a_revoked_key_opens_nothing_and_stays_in_the_list() {
    let place = Place::started_once();
    let key = secret(&place.done(&["key", "create", "old"])).to_owned();
    let said = place.done(&["key", "revoke", "2"]);
    assert!(said.contains("  old  …") && said.contains("  revoked 2"), "{said}");
    let again = place.run(&["key", "revoke", "2"]);
    assert_eq!((again.code, &again.out), (Some(0), &said), "it stays as it was: {again:?}");
    assert!(again.err.contains("revoked before"), "{again:?}");
    assert!(place.done(&["key", "list"]).contains(said.trim()));
    let missing = place.refused(&["key", "revoke", "77"], "", 2);
    assert!(missing.contains("there is no API key no. 77"), "{missing}");
    let last = place.run(&["key", "revoke", "1"]);
    assert!(last.err.contains("it was the last key of production"), "{last:?}");
    let server = place.serve();
    for key in [key.as_str(), "sk_first_1234"] {
        assert_eq!(server.call("GET", CUSTOMERS, key), 401, "{key}");
    }
    server.stop();
}

#[test]
fn keys_of_a_running_server_and_of_none_are_refused_in_one_clear_line() {
    let place = Place::empty();
    let none = place.refused(&["key", "list"], "", 2);
    assert!(none.contains("there is no data in"), "{none}");
    let server = place.serve();
    for arguments in [&["key", "list"][..], &["key", "create"], &["key", "revoke", "1"]] {
        let locked = place.refused(arguments, "", 2);
        assert_eq!(locked.lines().count(), 1, "{locked}");
        assert!(locked.contains("stop it first"), "{locked}");
    }
    server.stop();
    for arguments in [&["key", "create", "--scope", "admin"][..], &["key", "revoke", "x"]] {
        place.refused(arguments, "", 2);
    }
    let long = "x".repeat(1_000);
    let refused = place.refused(&["key", "create", &long], "", 1);
    assert!(refused.contains("the API key was not made"), "{refused}");
    let help = place.done(&["key", "create", "--help"]);
    assert!(help.contains("--scope") && help.contains("--environment"), "{help}");
}
