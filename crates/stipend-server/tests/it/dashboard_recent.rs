//! The dashboard's screens about what happened lately in an environment: usage, and changes.

use crate::browser::Browser;
use crate::dashboard_customers::text;
use crate::support::Server;
use crate::usage::metered;
use crate::world;
use serde_json::json;

const USAGE: &str = "/e/production/usage-events";
const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

/// The rows of the table of a page, as texts.
fn rows(page: &str) -> Vec<String> {
    let body = page.split_once("<tbody>").map_or("", |(_, rest)| rest);
    let body = body.split("</tbody>").next().unwrap_or_default();
    body.split("<tr>").skip(1).map(|row| text(row).trim().to_owned()).collect()
}

/// The address of the next page.
fn next(page: &str) -> Option<String> {
    let next = page.split("rel=\"next\" href=\"").nth(1)?;
    Some(next.split('"').next()?.replace("&amp;", "&"))
}

fn assert_escaped(page: &str) {
    assert!(!page.contains("<script>alert") && !page.contains("<img src=x"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;"), "{page}");
}

#[test]
fn what_was_reported_is_listed_newest_first_with_what_it_took_and_why() {
    let server = metered();
    let browser = Browser::signed_in(&server);
    assert!(browser.page("/e/sandbox/usage-events").contains("Nothing was reported yet"));
    let calls = json!({ "usages": [
        { "customerId": "acme", "featureId": "calls", "value": 3, "idempotencyKey": "u-1" },
        { "customerId": "acme", "featureId": "free", "value": 5, "updateBehavior": "SET" },
    ] });
    server.advance(60);
    server.post("/api/v1/usage", &calls);
    server.advance(60);
    server.post("/api/v1/credits/consumption", &world::usage("acme", "k-1", 1_500));
    let page = browser.page(USAGE);
    let shown = rows(&page);
    assert_eq!(shown.len(), 3, "{shown:?}");
    assert_eq!(
        shown[0],
        "2026-01-31 00:02 acme Credits k-1 1,500 1,500 Credits Why this use of acme"
    );
    assert_eq!(shown[1], "2026-01-31 00:01 acme free set to 5 in all 5 — Why this use of acme");
    assert_eq!(
        shown[2],
        "2026-01-31 00:01 acme calls u-1 3 in all 3 30 Credits Why this use of acme"
    );
    let links = page.split("href=\"").filter_map(|rest| rest.split('"').next());
    let links: Vec<&str> = links.filter(|link| link.contains("/decisions/")).collect();
    assert_eq!(links.len(), 3, "{links:?}");
    for link in links {
        assert!(browser.page(link).contains("Why it cost that"), "{link}");
    }
    assert!(rows(&browser.page("/e/sandbox/usage-events")).is_empty(), "nothing refers across");
}

#[test]
fn usage_is_read_in_pages_and_a_foreign_cursor_is_refused() {
    let server = metered();
    for number in 0..120 {
        let usage = world::usage("acme", &format!("k-{number:03}"), 1);
        server.post("/api/v1/credits/consumption", &usage);
    }
    let browser = Browser::signed_in(&server);
    let (mut path, mut seen) = (USAGE.to_owned(), Vec::new());
    loop {
        let page = browser.page(&path);
        assert!(page.len() < 100_000, "{path} has {} bytes", page.len());
        let ids = page.split("<code>k-").skip(1);
        seen.extend(ids.filter_map(|rest| rest.split('<').next()?.parse::<u32>().ok()));
        let Some(older) = next(&page) else { break };
        path = older;
    }
    assert_eq!(seen, (0..120).rev().collect::<Vec<_>>());
    let page = browser.page(USAGE);
    let cursor = next(&page).expect("there is more").split_once('=').expect("it").1.to_owned();
    for cursor in [cursor.as_str(), "x", HOSTILE] {
        let query = crate::browser::encode(&[("after", cursor)]);
        let answer = browser.get(&format!("/e/sandbox/usage-events?{query}"));
        assert_eq!(answer.status, 400, "{cursor}: {}", answer.text());
        assert!(!answer.text().contains("<script>alert"), "{}", answer.text());
    }
}

#[test]
fn what_callers_sent_with_usage_is_text_and_nothing_else() {
    let server: Server = metered();
    let name = json!({ "name": HOSTILE });
    server.done("PATCH", "/api/v1/customers/acme", &name);
    let usage = json!({ "usages": [{
        "customerId": "acme", "featureId": "calls", "value": 1, "idempotencyKey": HOSTILE,
    }] });
    server.post("/api/v1/usage", &usage);
    assert_escaped(&Browser::signed_in(&server).page(USAGE));
}

const LOG: &str = "/e/production/activity-log";

#[test]
fn changes_are_told_newest_first_with_what_was_before() {
    let server = Server::new();
    let browser = Browser::signed_in(&server);
    let shown = rows(&browser.page(LOG));
    assert_eq!(
        shown,
        [
            "2026-01-31 00:00 API key …test Added May do: Everything, and managing environments \
             The server’s settings or command line",
            "2026-01-31 00:00 Environment production Added Kind: Production \
             The server’s settings or command line",
        ]
    );
    world::currency(&server, "api-credits");
    server.advance(60);
    let path = "/api/v1/credits/custom-currencies/api-credits";
    server.done("PATCH", path, &json!({ "displayName": "API Credits", "symbol": "⚡" }));
    server.done("PATCH", path, &json!({ "metadata": { "team": "billing" } }));
    let shown = rows(&browser.page(LOG));
    let told = |at: &str, what: &str| format!("2026-01-31 {at} Credit type {what} API key …test");
    let changed = "API Credits Changed";
    assert_eq!(shown[0], told("00:01", &format!("{changed} Metadata: team: — → billing")));
    let renamed = format!("{changed} Name: Credits → API Credits Symbol: — → ⚡");
    assert_eq!(shown[1], told("00:01", &renamed));
    assert_eq!(shown[2], told("00:00", "Credits Added Name: Credits"));
    assert_eq!(shown.len(), 5);
    let sandbox = rows(&browser.page("/e/sandbox/activity-log"));
    assert_eq!(sandbox.len(), 2, "nothing refers across: {sandbox:?}");
}

#[test]
fn versions_settings_clocks_and_keys_are_in_the_log_and_no_secret_is() {
    let server = world::example();
    let browser = Browser::signed_in(&server);
    let told = |path: &str, what: &str| {
        let page = browser.page(path);
        let shown = rows(&page);
        assert!(shown.iter().any(|row| row.contains(what)), "{what}: {shown:#?}");
        assert!(!page.contains("sk_stipend_"), "{page}");
    };
    told(LOG, "Plan growth Changed Published version: None → 1 Draft: Yes → No");
    told(LOG, "Plan growth Changed Compatible add-ons: — → extra");
    told(LOG, "Add-on extra Changed Newest version with subscriptions: — → 1");
    let sandbox = "/e/sandbox/activity-log";
    let settings = [("timeZone", "Europe/Berlin"), ("periodAlignment", "START_OF_MONTH")];
    browser.done("/e/sandbox/settings/edit", "/e/sandbox/settings", &settings);
    told(sandbox, "Settings Added Time zone: Europe/Berlin Periods begin: On the first");
    let clock = [("now", "2026-02-01T00:00")];
    browser.done("/e/sandbox/settings", "/e/sandbox/settings/clock", &clock);
    told(sandbox, "Test clock Set Stands still at: 2026-02-01 00:00");
    browser.done("/e/sandbox/api-keys/new", "/e/sandbox/api-keys", &[("scope", "usage")]);
    told(sandbox, "Added May do: Checks, reservations and usage");
}

#[test]
fn a_long_log_is_read_in_pages_and_a_change_beyond_a_page_still_has_its_before() {
    let server = Server::new();
    let browser = Browser::signed_in(&server);
    world::currency(&server, "api-credits");
    let path = "/api/v1/credits/custom-currencies/api-credits";
    for number in 1..=60 {
        server.done("PATCH", path, &json!({ "displayName": format!("Name {number}") }));
    }
    let (mut path, mut seen) = (LOG.to_owned(), Vec::new());
    loop {
        let page = browser.page(&path);
        assert!(page.len() < 100_000, "{path} has {} bytes", page.len());
        seen.extend(rows(&page));
        let Some(older) = next(&page) else { break };
        path = older;
    }
    assert_eq!(seen.len(), 63);
    for (place, row) in seen.iter().take(59).enumerate() {
        let number = 60 - place;
        let change = format!("Changed Name: Name {} → Name {number} API key", number - 1);
        assert!(row.contains(&change), "{row}");
    }
}

#[test]
fn a_cursor_to_what_is_no_change_is_refused_without_a_walk() {
    let server = world::example();
    let browser = Browser::signed_in(&server);
    let made = |before: u64| {
        let mut hasher = blake3::Hasher::new();
        let bytes = before.to_be_bytes();
        hasher.update(b"1/dashboard/activity-log").update(&[0]).update(&bytes);
        let check = hasher.finalize();
        let cursor = bytes.iter().chain(&check.as_bytes()[..4]);
        let cursor: String = cursor.map(|byte| format!("{byte:02x}")).collect();
        browser.get(&format!("{LOG}?after={cursor}"))
    };
    // The first rows are a header, and the environment that every server has.
    assert_eq!(made(2).status, 200);
    for before in [0, 1, 1_000_000, u64::MAX >> 1] {
        let answer = made(before);
        assert_eq!(answer.status, 400, "{before}: {}", answer.text());
        assert!(answer.text().contains("the cursor is not one of this list"), "{}", answer.text());
    }
}

#[test]
fn what_people_typed_is_text_in_the_log_and_nothing_else() {
    let server = Server::new();
    let currency = json!({ "id": "x", "displayName": HOSTILE, "description": HOSTILE });
    server.post("/api/v1/credits/custom-currencies", &currency);
    let changed = json!({ "displayName": "Plain", "metadata": { "<b onload=x>": HOSTILE } });
    server.done("PATCH", "/api/v1/credits/custom-currencies/x", &changed);
    assert_escaped(&Browser::signed_in(&server).page(LOG));
}
