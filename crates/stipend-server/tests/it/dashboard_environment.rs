//! The dashboard's screens about environments: making them, their settings, clocks and keys.

use crate::browser::Browser;
use crate::dashboard_customers::text;
use crate::support::{KEY, Server};
use serde_json::json;

const LIST: &str = "/e/production/environments";
const NEW: &str = "/e/production/environments/new";
const SANDBOX: &str = "/e/sandbox/settings";
const CLOCK: &str = "/e/sandbox/settings/clock";
const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

/// The key that a page shows.
fn key_of(page: &str) -> String {
    let rest = page.split("<code>sk_stipend_").nth(1).expect("the page shows a key");
    format!("sk_stipend_{}", rest.split('<').next().expect("it ends"))
}

fn status_with(server: &Server, key: &str) -> u16 {
    server.anonymous("GET", "/api/v1/customers").header("x-api-key", key).send().status
}

#[test]
fn an_environment_is_added_and_its_key_is_shown_once() {
    let server = Server::new();
    let browser = Browser::signed_in(&server);
    let list = text(&browser.page(LIST));
    assert!(list.contains("production Production UTC Wall clock 1 2026-01-31"), "{list}");
    assert!(list.contains("sandbox Sandbox UTC Wall clock 1 2026-01-31"), "{list}");
    let fields = [("name", "team-a"), ("type", "SANDBOX"), ("timeZone", "Europe/Berlin")];
    let answer = browser.submit(NEW, LIST, &fields);
    let to = answer.header("location").expect("it was added").to_owned();
    assert_eq!((answer.status, to.as_str()), (303, "/e/team-a/settings"));
    let page = browser.get(&to);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let key = key_of(&page.text());
    assert_eq!(status_with(&server, &key), 200, "the key opens it");
    let again = browser.page(&to);
    assert!(!again.contains("sk_stipend_"), "it is not shown again: {again}");
    assert!(text(&again).contains("Time zone Europe/Berlin"), "{again}");
    assert!(text(&browser.page(LIST)).contains("team-a Sandbox Europe/Berlin Wall clock 1"));
}

#[test]
fn a_refused_environment_says_why_at_its_field() {
    let server = Server::new();
    let browser = Browser::signed_in(&server);
    let check = |fields: &[(&str, &str)], at: &str, why: &str| {
        let position = server.position();
        let answer = browser.submit(NEW, LIST, fields);
        let page = answer.text();
        assert_eq!(answer.status, 422, "{fields:?}: {page}");
        assert!(page.contains(&format!("id=\"f-{at}-trouble\"")), "{fields:?}: {page}");
        assert!(page.contains(why), "{fields:?}: {page}");
        assert!(!page.contains("<script>alert") && !page.contains("sk_stipend_"), "{page}");
        assert_eq!(server.position(), position, "{fields:?}");
    };
    check(&[("name", "")], "name", "lower-case letters");
    check(&[("name", HOSTILE)], "name", "lower-case letters");
    check(&[("name", "../x")], "name", "lower-case letters");
    check(&[("name", "sandbox")], "name", "taken");
    check(&[("name", "a"), ("timeZone", HOSTILE)], "timeZone", "time zone of the IANA database");
    check(&[("name", "a"), ("timeZone", "Mars/Base")], "timeZone", "Mars/Base");
}

#[test]
fn settings_are_changed_by_a_form_that_has_what_is_there() {
    let server = Server::new();
    let browser = Browser::signed_in(&server);
    let fields = [
        ("timeZone", "Europe/Berlin"),
        ("periodAlignment", "START_OF_MONTH"),
        ("creditProration", "PRORATE"),
    ];
    let edit = "/e/sandbox/settings/edit";
    let page = browser.done(edit, SANDBOX, &fields);
    assert!(page.contains("The settings were saved."), "{page}");
    let found = server.get("/api/v1/environments");
    for (name, value) in fields {
        assert_eq!(found[1][name], value);
    }
    let form = browser.page(edit);
    assert!(form.contains("value=\"Europe/Berlin\""), "{form}");
    assert!(form.contains("value=\"PRORATE\" checked"), "{form}");
    let cleared = [("timeZone", ""), ("periodAlignment", "START_OF_MONTH")];
    assert!(text(&browser.done(edit, SANDBOX, &cleared)).contains("Time zone UTC"));
    assert_eq!(browser.submit(edit, SANDBOX, &[("timeZone", "Mars/Base")]).status, 422);
}

#[test]
fn the_clock_of_a_sandbox_is_frozen_advanced_and_released() {
    let server = Server::new();
    let browser = Browser::signed_in(&server);
    let customer = json!({ "id": "acme", "name": "Acme" });
    let made = server.in_sandbox("POST", "/api/v1/customers").json(&customer).send();
    assert_eq!(made.status, 200, "{}", made.text());
    let shown = |page: &str, now: &str, stands: bool| {
        let page = text(page);
        assert!(page.contains(&format!("Now {now}")), "{page}");
        assert_eq!(page.contains("Clock Frozen at"), stands, "{page}");
    };
    shown(&browser.page(SANDBOX), "2026-01-31 00:00", false);
    shown(&browser.done(SANDBOX, CLOCK, &[("now", "2026-01-31T12:00")]), "2026-01-31 12:00", true);
    shown(&browser.done(SANDBOX, CLOCK, &[("step", "month")]), "2026-02-28 12:00", true);
    shown(&browser.done(SANDBOX, CLOCK, &[("now", ""), ("step", "day")]), "2026-03-01 12:00", true);
    let clock = server.in_sandbox("GET", "/api/v1/test-clock").send().json();
    assert_eq!(clock["data"]["now"], "2026-03-01T12:00:00.000Z");

    let check = |action: &str, fields: &[(&str, &str)], why: &str| {
        let answer = browser.submit(SANDBOX, action, fields);
        let page = answer.text();
        assert_eq!(answer.status, 422, "{fields:?}: {page}");
        assert!(page.contains("id=\"f-now-trouble\"") && page.contains(why), "{why}: {page}");
        shown(&page, "2026-03-01 12:00", true);
    };
    let release = format!("{CLOCK}/release");
    check(CLOCK, &[("now", "2026-02-01T00:00")], "runs forward only");
    check(CLOCK, &[("now", "")], "instant");
    check(CLOCK, &[("now", HOSTILE)], "&lt;script&gt;");
    check(CLOCK, &[("now", "9999-12-30T00:00")], "from 1970");
    check(&release, &[], "which lies in the future");
    server.set_clock("2026-03-02T00:00:00Z");
    let browser = Browser::signed_in(&server);
    shown(&browser.done(SANDBOX, &release, &[]), "2026-03-02 00:00", false);
}

#[test]
fn production_has_no_clock_to_set_and_says_why() {
    let server = Server::new();
    let browser = Browser::signed_in(&server);
    let page = browser.page("/e/production/settings");
    assert!(page.contains("Production lives on the wall clock"), "{page}");
    assert!(!page.contains("/settings/clock\""), "{page}");
    let token = page.split("name=\"_token\" value=\"").nth(1).expect("signing out has a form");
    let token = token.split('"').next().expect("it ends");
    for action in ["/e/production/settings/clock", "/e/production/settings/clock/release"] {
        let answer = browser.post_raw(action, &[("_token", token), ("step", "day")]);
        assert_eq!(answer.status, 422, "{action}");
        assert!(answer.text().contains("nly the clock of a sandbox"), "{}", answer.text());
    }
}

#[test]
fn without_the_token_of_the_session_nothing_about_an_environment_changes() {
    let server = Server::new();
    let browser = Browser::signed_in(&server);
    let position = server.position();
    let posts = [LIST, SANDBOX, CLOCK, "/e/sandbox/settings/clock/release"];
    for action in posts {
        let fields = [("name", "x"), ("step", "day"), ("_token", "wrong")];
        assert_eq!(browser.post_raw(action, &fields).status, 403, "{action}");
        assert_eq!(Browser::new(&server).post_raw(action, &fields).status, 303, "{action}");
    }
    assert_eq!(server.position(), position);
    assert_eq!(status_with(&server, KEY), 200);
}

#[test]
fn a_key_is_made_shown_once_and_opens_its_environment_alone() {
    let server = Server::new();
    let browser = Browser::signed_in(&server);
    let list = "/e/sandbox/api-keys";
    let new = "/e/sandbox/api-keys/new";
    let host = "The server’s settings or command line";
    let first = format!("…dbox Everything 2026-01-31 00:00 {host} Active");
    let page = text(&browser.page(list));
    assert!(page.contains(&first), "{page}");
    let answer = browser.submit(new, list, &[("scope", "environments"), ("name", "Gate")]);
    assert_eq!(answer.header("location"), Some(list), "the key stands in no address");
    let shown = browser.get(list);
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    let key = key_of(&shown.text());
    let hint = &key[key.len() - 4..];
    let again = browser.page(list);
    assert!(!again.contains("sk_stipend_"), "{again}");
    assert!(text(&again).contains(&format!("Gate …{hint} Everything 2026")), "{again}");
    assert!(!browser.page("/e/production/api-keys").contains(hint));
    assert_eq!(status_with(&server, &key), 200);
    let environments = |key: &str| {
        server.anonymous("GET", "/api/v1/environments").header("x-api-key", key).send().status
    };
    assert_eq!(environments(&key), 403, "rights beyond the environment are given in production");
    let (list, new) = ("/e/production/api-keys", "/e/production/api-keys/new");
    assert_eq!(environments(&key_of(&browser.done(new, list, &[("scope", "full")]))), 403);
    let page = browser.done(new, list, &[("scope", "environments")]);
    assert!(text(&page).contains("Everything, and managing environments"), "{page}");
    assert_eq!(environments(&key_of(&page)), 200);
}

#[test]
fn a_key_has_the_scope_that_was_chosen_and_nothing_is_chosen_for_anybody() {
    let server = Server::new();
    let browser = Browser::signed_in(&server);
    let (list, new) = ("/e/sandbox/api-keys", "/e/sandbox/api-keys/new");
    let page = browser.done(new, list, &[("scope", "usage"), ("name", HOSTILE)]);
    assert!(text(&page).contains("Checks, reservations and usage"), "{page}");
    assert!(!page.contains("<script>alert"), "{page}");
    assert_eq!(status_with(&server, &key_of(&page)), 403);
    let page = browser.done(new, list, &[("scope", "read")]);
    assert_eq!(status_with(&server, &key_of(&page)), 200);
    let position = server.position();
    let long = "n".repeat(101);
    for fields in [[("scope", "admin"), ("name", "")], [("scope", "read"), ("name", &long)]] {
        assert_eq!(browser.submit(new, list, &fields).status, 422, "{fields:?}");
    }
    assert_eq!(server.position(), position);
}

#[test]
fn a_key_is_revoked_after_it_was_asked_and_stays_in_the_list() {
    let server = Server::new();
    let browser = Browser::signed_in(&server);
    let list = "/e/sandbox/api-keys";
    let key = key_of(&browser.done("/e/sandbox/api-keys/new", list, &[("scope", "full")]));
    assert_eq!(status_with(&server, &key), 200);
    let ask = "/e/sandbox/api-keys/3/revoke";
    let page = text(&browser.page(ask));
    assert!(page.contains("gets 401 from now on"), "{page}");
    assert!(!page.contains("the last key"), "there is another one: {page}");
    assert_eq!(status_with(&server, &key), 200, "asking does nothing");
    let page = text(&browser.done(ask, ask, &[]));
    assert!(page.contains("Revoked 2026-01-31 00:00 by"), "{page}");
    assert_eq!(status_with(&server, &key), 401);
    assert_eq!(browser.get(ask).status, 303, "there is nothing left to ask");
    let last = text(&browser.page("/e/sandbox/api-keys/2/revoke"));
    assert!(last.contains("the last key of this environment"), "{last}");
    for other in ["/e/production/api-keys/3/revoke", "/e/sandbox/api-keys/x/revoke"] {
        assert_eq!(browser.get(other).status, 404, "{other}");
    }
    let log = text(&browser.page("/e/sandbox/activity-log"));
    assert!(log.contains("Revoked"), "{log}");
}

#[test]
fn without_the_token_of_the_session_no_key_is_made() {
    let server = Server::new();
    let browser = Browser::signed_in(&server);
    let position = server.position();
    let action = "/e/production/api-keys";
    assert_eq!(browser.post_raw(action, &[("_token", "wrong")]).status, 403);
    assert_eq!(browser.post_raw(action, &[]).status, 403);
    assert_eq!(server.position(), position);
}
