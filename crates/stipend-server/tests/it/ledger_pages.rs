//! Pages of a ledger in which what is asked for is rare: official clients ask until a page is empty,
//! so none is before the end.
//!
//! Method: a server that reads four rows at once, and a ledger with a few uses far apart.

use crate::browser::Browser;
use crate::support::Server;
use crate::world::{self, usage};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use stipend_server::Limits;
use stipend_store::MemoryStore;

/// Three uses with thirty gifts before, between and behind them.
fn server(page_reads_max: usize) -> Server {
    let server = Server::in_memory(MemoryStore::new());
    world::build_example(&server);
    let gifts = || {
        for _ in 0..30 {
            world::grant(&server, "acme", &json!({}));
        }
    };
    for key in ["one", "two", "three"] {
        gifts();
        server.post("/api/v1/credits/consumption", &usage("acme", key, 7));
    }
    gifts();
    server.with_limits(Limits { page_rows_max: 4, page_reads_max, ..Limits::default() })
}

const USES: &str = "/api/v1/credits/ledger?customerId=acme&eventType=CREDITS_CONSUMED&limit=1";

fn events(page: &Value) -> Vec<String> {
    let data = page["data"].as_array().expect("a page has data");
    data.iter().map(|entry| entry["eventId"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Walks in a direction from a page on: the events, and how many pages were empty.
fn walk(server: &Server, direction: &str, mut cursor: Option<String>) -> (Vec<String>, usize) {
    let (mut found, mut empty) = (Vec::new(), 0);
    let toward = if direction == "after" { "next" } else { "prev" };
    loop {
        let at = cursor.map(|cursor| format!("&{direction}={cursor}")).unwrap_or_default();
        let answer = server.request("GET", &format!("{USES}{at}")).send();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let page = answer.json();
        let events = events(&page);
        cursor = page["pagination"][toward].as_str().map(str::to_owned);
        empty += usize::from(events.is_empty() && cursor.is_some());
        found.extend(events);
        if cursor.is_none() {
            return (found, empty);
        }
    }
}

#[test]
fn no_page_is_empty_before_the_end_of_the_ledger() {
    let server = server(20);
    let newest_first = ["three", "two", "one"].map(str::to_owned);
    assert_eq!(walk(&server, "after", None), (newest_first.to_vec(), 0));
    // And from the oldest on back.
    let mut path = "/api/v1/credits/ledger?customerId=acme".to_owned();
    let prev = loop {
        let page = server.request("GET", &path).send().json();
        let Some(next) = page["pagination"]["next"].as_str() else {
            break page["pagination"]["prev"].as_str().map(str::to_owned);
        };
        path = format!("/api/v1/credits/ledger?customerId=acme&after={next}");
    };
    assert!(prev.is_some());
    let (mut found, empty) = walk(&server, "before", prev);
    found.sort();
    assert_eq!((found.len(), empty), (3, 0), "{found:?}");
}

#[test]
fn pages_that_were_left_early_lead_on_and_show_all_once() {
    let server = server(1);
    let (found, empty) = walk(&server, "after", None);
    assert_eq!(found, ["three", "two", "one"]);
    assert!(empty > 10, "{empty}");
}

#[test]
fn a_short_page_has_what_was_found_and_leads_on() {
    let server = server(20);
    let path = USES.replace("&limit=1", "&limit=3");
    let page = server.request("GET", &path).send().json();
    assert_eq!(events(&page), ["three"]);
    assert!(page["pagination"]["next"].is_string(), "{page}");
    let (found, empty) = walk(&server, "after", None);
    assert_eq!((found.len(), empty), (3, 0));
}

/// One of them goes on at a time, and none beyond those that may wait.
#[test]
fn few_read_on_at_once_and_the_others_wait_for_their_turn() {
    let server = server(20);
    let limits = |waiting| Limits {
        page_rows_max: 4,
        long_reads_max: 1,
        long_reads_waiting_max: waiting,
        ..Limits::default()
    };
    let server = server.with_limits(limits(8));
    let calls = (0..8).map(|_| server.request("GET", USES)).collect();
    for answer in server.send_at_once(calls) {
        assert_eq!((answer.status, events(&answer.json())), (200, vec!["three".to_owned()]));
    }
    let server = server.with_limits(limits(0));
    let answer = server.request("GET", USES).send();
    assert_eq!(answer.verdict(), "429 overloaded");
    let page = "/api/v1/credits/ledger?customerId=acme";
    assert_eq!(server.request("GET", page).send().status, 200, "short reading goes on");
}

#[test]
fn the_ledger_on_the_dashboard_finds_what_is_rare_and_leads_on() {
    let browser_page = |reads| {
        let server = server(reads);
        let browser = Browser::signed_in(&server);
        browser.page("/e/production/customers/acme/credits/ledger?type=used")
    };
    let page = browser_page(20);
    assert!(page.contains("event <code>three</code>"), "{page}");
    let page = browser_page(1);
    assert!(page.contains("Nothing matches") && page.contains("rel=\"next\""), "{page}");
}

/// Longer than what is read of it at once, and with rows that do not match in between.
#[test]
fn a_long_ledger_is_exported_whole_and_in_order() {
    let server = Server::in_memory(MemoryStore::new());
    world::build_example(&server);
    for hundred in 0..25 {
        let usages: Vec<_> =
            (0..100).map(|n| usage("acme", &format!("k-{hundred}-{n}"), 1)).collect();
        let body = json!({ "consumptions": usages });
        server.done("POST", "/api/v1/credits/consumption/async", &body);
    }
    let browser = Browser::signed_in(&server);
    let path = "/e/production/customers/acme/credits/ledger.csv";
    let csv = browser.get(path).text();
    let lines: Vec<&str> = csv.lines().skip(1).collect();
    let events: Vec<String> = lines
        .iter()
        .filter(|line| line.contains(",CREDITS_CONSUMED,"))
        .map(|line| line.split(',').nth(7).unwrap_or_default().to_owned())
        .collect();
    let newest_first =
        (0..25).rev().flat_map(|hundred| (0..100).rev().map(move |n| format!("k-{hundred}-{n}")));
    assert!(events.into_iter().eq(newest_first), "{csv}");
    let entries: BTreeSet<_> = lines.iter().map(|line| line.split(',').nth(10)).collect();
    assert_eq!((lines.len(), entries.len()), (2_502, 2_502), "two grants beside");
    let granted = browser.get(&format!("{path}?type=granted")).text();
    assert_eq!(granted.lines().count(), 3);
    // Whoever reads four rows at once gets the very same.
    let server = server.with_limits(Limits { page_rows_max: 4, ..Limits::default() });
    let browser = Browser::signed_in(&server);
    assert_eq!(browser.get(&format!("{path}?type=granted")).text(), granted);
}
