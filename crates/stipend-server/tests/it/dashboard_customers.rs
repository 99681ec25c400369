//! The dashboard's screens about customers: the list, subscriptions, credits, and what people typed.

use crate::browser::{Browser, form_of, standing_in};
use crate::support::Server;
use crate::world;
use serde_json::{Value, json};
use stipend_server::Limits;

const LIST: &str = "/e/production/customers";
const ACME: &str = "/e/production/customers/acme";

/// The text of a page without its tags, with single spaces.
pub(crate) fn text(html: &str) -> String {
    let mut plain = String::new();
    for piece in html.split('<') {
        let after = piece.split_once('>').map_or(piece, |(_, after)| after);
        plain.push_str(after);
        plain.push(' ');
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_customer_is_made_found_edited_archived_and_restored() {
    let server = Server::new();
    let browser = Browser::signed_in(&server);
    assert!(browser.page(LIST).contains("No customers yet"));
    let fields = [("id", "acme"), ("name", "Acme Inc."), ("email", "ops@acme.test")];
    let page = browser.done("/e/production/new-customer", LIST, &fields);
    assert!(page.contains("The customer was created"), "{page}");
    assert!(page.contains("<h1>Acme Inc.</h1>") && page.contains("ops@acme.test"), "{page}");
    let edit = format!("{ACME}/edit");
    let page = browser.done(&edit, &edit, &[("name", "Acme Ltd."), ("email", "")]);
    assert!(page.contains("<h1>Acme Ltd.</h1>") && !page.contains("ops@acme.test"), "{page}");
    let archive = format!("{ACME}/archive");
    let page = browser.done(&archive, &archive, &[]);
    assert!(page.contains("The customer was archived.") && !page.contains("Ltd."), "{page}");
    assert!(!browser.page(LIST).contains("acme"), "archived ones are left out");
    let page = browser.done(ACME, &format!("{ACME}/unarchive"), &[]);
    assert!(page.contains("The customer was restored."), "{page}");
    assert_eq!(browser.get(&format!("{LIST}/nobody")).status, 404);
    assert_eq!(browser.get("/e/sandbox/customers/acme").status, 404);
}

#[test]
fn a_search_finds_letters_anywhere_in_ids_names_and_addresses() {
    let server = Server::new();
    for (id, name, email) in [
        ("cus-1", "Blue Öcean", "hello@blue.test"),
        ("cus-2", "Red", "red@ocean.test"),
        ("ocean", "Green", "g@x.test"),
    ] {
        server.post("/api/v1/customers", &json!({ "id": id, "name": name, "email": email }));
    }
    let browser = Browser::signed_in(&server);
    let check = |sought: &str, expected: &[&str]| {
        let query = crate::browser::encode(&[("q", sought)]);
        let page = browser.page(&format!("{LIST}?{query}"));
        for name in ["Blue", "Red", "Green"] {
            let is_there = page.contains(&format!(">{name}"));
            assert_eq!(is_there, expected.contains(&name), "{sought}: {name}");
        }
    };
    check("CUS", &["Blue", "Red"]);
    check("öcean", &["Blue"]);
    check("ocean", &["Red", "Green"]);
    check("100%", &[]);
    check("' OR 1=1 --", &[]);
    assert!(browser.page(&format!("{LIST}?q=nothing")).contains("Nobody is called that"));
}

#[test]
fn a_long_list_is_read_in_pages_forwards_and_back() {
    let server = Server::new();
    for number in 0..120 {
        world::customer(&server, &format!("cus-{number:03}"));
    }
    let browser = Browser::signed_in(&server);
    for query in ["", "?q=cus"] {
        let mut path = format!("{LIST}{query}");
        let mut seen = Vec::new();
        loop {
            let page = browser.page(&path);
            assert!(page.len() < 100_000, "{path} has {} bytes", page.len());
            let rows = page.split("scope=\"row\"><a href=\"").skip(1);
            let rows = rows.map(|row| row.split('"').next().unwrap_or_default().to_owned());
            seen.extend(rows);
            let next = page.split("rel=\"next\" href=\"").nth(1);
            let Some(next) = next.and_then(|rest| rest.split('"').next()) else { break };
            path = next.replace("&amp;", "&");
        }
        assert_eq!(seen.len(), 120, "{query}");
        assert_eq!(seen[0], format!("{LIST}/cus-119"));
        assert_eq!(seen[119], format!("{LIST}/cus-000"));
        let back = browser.page(&path);
        assert_eq!(back.contains("rel=\"prev\""), query.is_empty());
    }
}

#[test]
fn a_subscription_is_previewed_made_updated_and_canceled_by_forms() {
    let server = world::example();
    world::customer(&server, "bob");
    let browser = Browser::signed_in(&server);
    let bob = "/e/production/customers/bob";
    let subscribe = format!("{bob}/subscribe");
    assert!(browser.page(bob).contains("No subscription"));
    let position = server.position();
    let preview = [("planId", "growth"), ("addons/extra", "3"), ("do", "preview")];
    let answer = browser.submit(&subscribe, &subscribe, &preview);
    let shown = text(&answer.text());
    assert_eq!(answer.status, 200, "{shown}");
    assert!(shown.contains("growth Plan 50,000 a month 50,000"), "{shown}");
    assert!(shown.contains("extra Add-on, increments 10,000 × 3 a month 30,000"), "{shown}");
    assert!(shown.contains("In total a month 80,000"), "{shown}");
    assert!(shown.contains("Balance 0 → 80,000"), "{shown}");
    assert!(answer.text().contains("value=\"3\""), "what was typed is kept");
    let live = browser.page(&format!("{subscribe}/preview?planId=growth&addons%2Fextra=3"));
    assert!(text(&live).contains("In total a month 80,000"), "{live}");
    assert!(!live.contains("<html"), "the script gets the part alone");
    assert_eq!(server.position(), position, "a preview changes nothing");

    let page = browser.done(&subscribe, &subscribe, &preview[..2]);
    assert!(page.contains("The subscription was made."), "{page}");
    assert!(text(&page).contains("In total a month 80,000"), "{page}");
    assert_eq!(server.balance("bob"), (80_000, 0));

    let update = page.split("href=\"").find(|rest| rest.contains("/update\"")).expect("a link");
    let update = update.split('"').next().expect("it ends").to_owned();
    assert!(browser.page(&update).contains("value=\"3\""), "the form has what is there");
    let change = [("planId", "growth"), ("addons/extra", "1"), ("scheduleStrategy", "IMMEDIATE")];
    let page = browser.done(&update, &update, &change);
    assert!(text(&page).contains("In total a month 60,000"), "{page}");
    assert_eq!(server.balance("bob"), (60_000, 0));

    let later = [("planId", "growth"), ("scheduleStrategy", "END_OF_BILLING_PERIOD")];
    let page = text(&browser.done(&update, &update, &later));
    assert!(page.contains("the add-ons become none."), "{page}");
    let unschedule = update.replace("/update", "/unschedule");
    let page = browser.done(bob, &unschedule, &[]);
    assert!(!text(&page).contains("the add-ons become"), "{page}");

    let cancel = update.replace("/update", "/cancel");
    assert!(text(&browser.page(&cancel)).contains("Left of it now: 60,000 Credits"));
    let page = browser.done(&cancel, &cancel, &[("cancellationTime", "END_OF_BILLING_PERIOD")]);
    assert!(text(&page).contains("It ends on 2026-02-28 00:00"), "{page}");
    let page = browser.done(bob, &update.replace("/update", "/keep"), &[]);
    assert!(!page.contains("It ends on"), "{page}");
    let page = browser.done(&cancel, &cancel, &[("cancellationTime", "IMMEDIATE")]);
    assert!(page.contains("No subscription") && page.contains("Canceled at once"), "{page}");
    assert_eq!(server.balance("bob"), (0, 0));
}

/// Saves the form of acme's subscription as it was loaded before something else was done, with
/// other values in some of its fields.
fn update_after(meanwhile: &Value, typed: &[(&str, &str)]) -> (u16, String, u64) {
    let server = world::example();
    let browser = Browser::signed_in(&server);
    let update = format!("{ACME}/subscriptions/sub-1/update");
    let page = browser.page(&update);
    let mut fields = standing_in(form_of(&page, &update).expect("its form"));
    for (name, value) in typed {
        let field = fields.iter_mut().find(|(field, _)| field == name).expect("it has the field");
        (*value).clone_into(&mut field.1);
    }
    server.done("PATCH", "/api/v1/subscriptions/sub-1", meanwhile);
    let fields: Vec<_> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    let answer = browser.post_raw(&update, &fields);
    (answer.status, text(&answer.text()), server.balance("acme").0)
}

#[test]
fn an_update_takes_back_no_addon_that_was_bought_while_its_form_was_open() {
    let bought = json!({ "addons": [{ "id": "extra", "quantity": 5 }] });
    let (status, page, balance) = update_after(&bought, &[]);
    assert_eq!((status, balance), (303, 100_000), "what was not touched is left out: {page}");
    let (status, page, balance) = update_after(&bought, &[("addons/extra", "4")]);
    assert_eq!((status, balance), (422, 100_000), "{page}");
    assert!(page.contains("The add-ons changed after this form was opened"), "{page}");
    let (status, page, balance) = update_after(&json!({}), &[("addons/extra", "4")]);
    assert_eq!((status, balance), (303, 90_000), "nothing happened meanwhile: {page}");
}

#[test]
fn a_subscription_that_is_refused_says_why_at_its_field() {
    let server = world::full();
    let browser = Browser::signed_in(&server);
    let subscribe = "/e/production/customers/bob/subscribe";
    let check = |fields: &[(&str, &str)], at: &str| {
        let answer = browser.submit(subscribe, subscribe, fields);
        let page = answer.text();
        assert_eq!(answer.status, 422, "{fields:?}: {page}");
        assert!(page.contains(&format!("id=\"f-{at}-trouble\"")), "{fields:?}: {page}");
    };
    check(&[("planId", "")], "planId");
    check(&[("planId", "growth"), ("addons/extra", "many")], "addons-extra");
    check(&[("planId", "growth"), ("addons/extra", "-1")], "addons-extra");
    check(&[("planId", "growth"), ("startDate", "yesterday")], "startDate");
    check(&[("planId", "other-plan"), ("addons/extra", "1")], "planId");
    check(&[("planId", "growth"), ("resourceId", "a b")], "resourceId");
}

#[test]
fn the_page_of_a_subscription_says_what_comes_next() {
    let server = world::example();
    let browser = Browser::signed_in(&server);
    let page = text(&browser.page(ACME));
    assert!(page.contains("2026-02-28 00:00 Renews 80,000 Credits 80,000 Credits"), "{page}");
}

#[test]
fn what_looks_ahead_needs_a_place_among_the_readers() {
    let server = world::example().with_limits(Limits { reads_max: 0, ..Limits::default() });
    let browser = Browser::signed_in(&server);
    let later = "startDate=2027-01-01T00%3A00&effectiveAt=2027-01-01T00%3A00";
    let pages = [
        format!("{ACME}/credits/adjust/preview?currencyId=api-credits&amount=5&{later}"),
        format!("{ACME}/subscribe/preview?planId=growth&{later}"),
        format!("{ACME}/subscribe"),
        format!("{ACME}/subscriptions/sub-1/update/preview?planId=growth"),
        format!("{ACME}/subscriptions/sub-1/update"),
    ];
    for path in pages {
        let answer = browser.get(&path);
        assert_eq!(answer.status, 429, "{path}: {}", answer.text());
        assert_eq!(answer.header("retry-after"), Some("1"), "{path}");
        assert!(answer.text().contains("Too much to do at the moment"), "{path}");
    }
    browser.page(ACME);
}
