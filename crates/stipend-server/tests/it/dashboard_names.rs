//! Names in scripts that are written from right to left, and names that turn the direction around:
//! what stands beside them on a page stays where it belongs.

use crate::browser::Browser;
use crate::support::Server;
use serde_json::{Value, json};

const E: &str = "/e/production";
/// Names as people give them, and what a page has to say instead where only text can stand.
const NAMES: [(&str, &str); 4] = [
    ("שלום 3", "\u{2068}שלום 3\u{2069}"),
    ("a\u{202e}gnp.exe", "\u{2068}a\u{202e}gnp.exe\u{2069}"),
    // What a name opens ends with it, and it closes nothing that it has not opened.
    ("a\u{2066}b", "\u{2068}a\u{2066}b\u{2069}\u{2069}"),
    ("a\u{2069}\u{202e}b", "\u{2068}a\u{202e}b\u{2069}"),
];

/// What stands between two texts of a page, first.
fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let rest = page.split_once(from).map_or("", |(_, rest)| rest);
    rest.split_once(to).map_or("", |(found, _)| found)
}

fn with_names<'a>(server: &'a Server, name: &str) -> Browser<'a> {
    let browser = Browser::signed_in(server);
    for (list, new, id) in [
        ("/products", "/new-product", "p"),
        ("/credit-types", "/new-credit-type", "c"),
        ("/plans", "/new-plan", "x"),
    ] {
        let list = format!("{E}{list}");
        let fields = [("displayName", name), ("id", id), ("productId", "p")];
        let page = browser.done(&format!("{E}{new}"), &list, &fields);
        assert!(page.contains("class=\"flash\""), "{list}: {page}");
    }
    server.post("/api/v1/customers", &json!({ "id": "acme", "name": name }));
    browser
}

#[test]
fn a_name_is_isolated_in_the_titles_of_pages() {
    for (name, isolated) in NAMES {
        let server = Server::new();
        let browser = with_names(&server, name);
        let check = |path: &str, expected: &str| {
            let page = browser.page(&format!("{E}{path}"));
            let title = between(&page, "<title>", " · production · Stipend</title>");
            assert_eq!(title, expected, "{path}");
        };
        check("/products/p", isolated);
        check("/credit-types/c", isolated);
        check("/plans/x", isolated);
        for (path, tab) in [("", "Subscriptions"), ("/activity", "Activity")] {
            let title = browser.page(&format!("{E}/customers/acme{path}"));
            let title = between(&title, "<title>", "</title>");
            assert!(title.contains(&format!("{tab} of {isolated}")), "{title}");
        }
    }
}

#[test]
fn a_name_is_isolated_in_what_is_said_after_something_was_done() {
    for (name, isolated) in NAMES {
        let server = Server::new();
        let browser = with_names(&server, name);
        let check = |path: &str, fields: &[(&str, &str)], expected: &str| {
            let action = format!("{E}{path}");
            let page = browser.done(&action, &action, fields);
            let said = between(&page, "role=\"status\">", "<");
            assert_eq!(said, expected, "{path}");
        };
        check("/plans/x/archive", &[("confirm", name)], &format!("{isolated} was archived."));
        check("/credit-types/c/archive", &[], &format!("{isolated} was archived."));
        check("/products/p/archive", &[], &format!("{isolated} was archived."));
    }
}

#[test]
fn a_name_is_isolated_among_what_can_be_chosen() {
    for (name, isolated) in NAMES {
        let server = Server::new();
        let browser = with_names(&server, name);
        let page = browser.page(&format!("{E}/new-plan"));
        assert_eq!(between(&page, "<option value=\"p\">", "</option>"), isolated);
    }
}

#[test]
fn a_name_that_turns_nothing_around_stands_as_it_is() {
    let server = Server::new();
    let browser = with_names(&server, "Ünïcode 漢字 & 👩‍👩‍👧");
    for path in ["/new-plan", "/plans/x", "/customers/acme"] {
        let page = browser.page(&format!("{E}{path}"));
        assert!(!page.contains('\u{2068}'), "{path}: {page}");
    }
}

#[test]
fn what_has_the_id_of_a_page_has_a_page_of_its_own() {
    let server = Server::new();
    let browser = Browser::signed_in(&server);
    let new = |path: &str, fields: Value| {
        let mut body = json!({ "id": "new", "displayName": "Called new" });
        let fields = fields.as_object().expect("it is one").clone();
        body.as_object_mut().expect("it is one").extend(fields);
        server.post(&format!("/api/v1/{path}"), &body);
    };
    new("products", json!({}));
    new("credits/custom-currencies", json!({}));
    new("features", json!({ "featureType": "NUMBER" }));
    new("plans", json!({ "productId": "new" }));
    new("addons", json!({ "productId": "new" }));
    for (list, form) in [
        ("products", "new-product"),
        ("credit-types", "new-credit-type"),
        ("features", "new-feature"),
        ("plans", "new-plan"),
        ("addons", "new-addon"),
    ] {
        let page = browser.page(&format!("{E}/{list}/new"));
        assert!(page.contains("<h1>Called new</h1>"), "{list}: {page}");
        browser.page(&format!("{E}/{list}/new/edit"));
        let of_list = browser.page(&format!("{E}/{list}"));
        assert!(of_list.contains(&format!("href=\"{E}/{form}\"")), "{list}: {of_list}");
        let form = browser.page(&format!("{E}/{form}"));
        assert!(form.contains(&format!("action=\"{E}/{list}\"")), "{list}: {form}");
        assert!(form.contains("aria-current=\"page\""), "{list}: {form}");
    }
}
