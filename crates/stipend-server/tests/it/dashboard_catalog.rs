//! The product catalog on the dashboard, driven as a browser without scripts drives it.

use crate::browser::Browser;
use crate::support::Server;
use serde_json::{Value, json};

const E: &str = "/e/production";
const ADDON: &str = "/e/production/addons/extra";
pub(crate) const PLAN: &str = "/e/production/plans/pro";

/// The form of something new in a list of the catalog.
pub(crate) fn new_in(list: &str) -> String {
    format!("{E}/new-{}", list.trim_start_matches('/').trim_end_matches('s'))
}

/// The catalog of the page that the product was made from, up to the published plan.
pub(crate) fn with_plan(server: &Server) -> Browser<'_> {
    let browser = Browser::signed_in(server);
    let add = |list: &str, fields: &[(&str, &str)]| {
        browser.done(&new_in(list), &format!("{E}{list}"), fields)
    };
    add("/products", &[("displayName", "API"), ("id", "api")]);
    add("/credit-types", &[("displayName", "API Credits"), ("id", "api-credits")]);
    add("/plans", &[("displayName", "Pro"), ("id", "pro"), ("productId", "api")]);
    add_credits(&browser, PLAN, "50,000", "");
    publish(&browser, PLAN, "NEW_CUSTOMERS");
    browser
}

/// The same with the add-on as a draft that gives nothing yet, compatible with the plan.
fn with_addon<'a>(server: &'a Server, fields: &[(&str, &str)]) -> Browser<'a> {
    let browser = with_plan(server);
    let mut all = vec![("displayName", "Extra API Credits"), ("id", "extra"), ("productId", "api")];
    all.extend(fields);
    let list = format!("{E}/addons");
    let page = browser.done(&new_in("/addons"), &list, &all);
    assert!(page.contains("nobody can have it until it is published"), "{page}");
    let edit = [("displayName", "Pro"), ("compatibleAddonIds", "extra")];
    browser.done(&format!("{PLAN}/edit"), PLAN, &edit);
    publish(&browser, PLAN, "NEW_CUSTOMERS");
    browser
}

fn subscribe(server: &Server, units: u32) {
    server.post("/api/v1/customers", &json!({ "id": "acme" }));
    let subscription = json!({
        "id": "sub-1", "customerId": "acme", "planId": "pro",
        "addons": [{ "id": "extra", "quantity": units }],
    });
    server.post("/api/v1/subscriptions", &subscription);
}

fn add_credits(browser: &Browser<'_>, package: &str, amount: &str, behavior: &str) -> String {
    let fields = [
        ("id", "api-credits"),
        ("amount", amount),
        ("cadence", "MONTH"),
        ("behavior", behavior),
        ("enforcement", "HARD"),
    ];
    let entitlements = format!("{package}/entitlements");
    browser.done(&format!("{entitlements}/new"), &entitlements, &fields)
}

fn publish(browser: &Browser<'_>, package: &str, migration: &str) -> String {
    let action = format!("{package}/publish");
    browser.done(&action, &action, &[("migrationType", migration)])
}

/// The text of a page, without its tags.
pub(crate) fn text(html: &str) -> String {
    let mut text = String::new();
    let mut is_tag = false;
    for sign in html.chars() {
        match sign {
            '<' => is_tag = true,
            '>' => is_tag = false,
            sign if !is_tag => text.push(sign),
            _ => {}
        }
    }
    text
}

#[test]
fn the_worked_example_is_made_by_forms_alone() {
    let server = Server::new();
    let browser = with_addon(&server, &[("instances", "multiple")]);
    let page = text(&add_credits(&browser, ADDON, "10,000", "Increment"));
    assert!(page.contains("API Credits was added to the draft."), "{page}");
    assert!(page.contains("10,000 a month"), "{page}");
    assert!(page.contains("Increment plan limit"), "{page}");
    let price = format!("{ADDON}/price");
    let fields = [("pricingType", "PAID"), ("monthly", "5"), ("currency", "USD")];
    let page = text(&browser.done(&price, &price, &fields));
    assert!(page.contains("5 USD a month"), "{page}");
    let page = publish(&browser, ADDON, "NEW_CUSTOMERS");
    assert!(page.contains("Published v1"), "{page}");
    subscribe(&server, 3);
    assert_eq!(server.balance("acme"), (80_000, 0));
}

#[test]
fn a_new_version_reaches_all_customers_as_its_review_says() {
    let server = Server::new();
    let browser = with_addon(&server, &[("instances", "single")]);
    add_credits(&browser, ADDON, "10,000", "Increment");
    publish(&browser, ADDON, "NEW_CUSTOMERS");
    subscribe(&server, 1);
    assert_eq!(server.balance("acme"), (60_000, 0));
    let entitlement = format!("{ADDON}/entitlements/credit/api-credits");
    let change = |amount: &str, behavior: &str, enforcement: &str| {
        let fields = [
            ("amount", amount),
            ("cadence", "MONTH"),
            ("behavior", behavior),
            ("enforcement", enforcement),
        ];
        browser.done(&entitlement, &entitlement, &fields);
        let review = text(&browser.page(&format!("{ADDON}/publish")));
        publish(&browser, ADDON, "ALL_CUSTOMERS");
        review
    };
    let review = change("20,000", "Increment", "HARD");
    assert!(
        review.contains("One subscription has it and moves to the new version now."),
        "{review}"
    );
    assert_eq!(server.balance("acme"), (70_000, 0), "more comes at once");
    let review = change("500,000", "Override", "SOFT");
    assert!(review.contains("20,000 a month · Increment plan limit · Hard limit"), "{review}");
    assert!(review.contains("500,000 a month · Override plan limit · Soft limit"), "{review}");
    assert_eq!(server.balance("acme"), (70_000, 0), "another behavior waits");
    server.set_clock("2026-02-28T00:00:00Z");
    assert_eq!(server.balance("acme"), (500_000, 0));
}

#[test]
fn the_form_says_what_it_will_mean_with_the_numbers_at_hand() {
    let server = Server::new();
    let check = |instances: &str, amount: &str, expected: [&str; 2]| {
        let server = Server::new();
        let browser = with_addon(&server, &[("instances", instances)]);
        let query = format!("id=api-credits&amount={amount}&cadence=MONTH&enforcement=HARD");
        let page = browser.page(&format!("{ADDON}/entitlements/effect?{query}"));
        let shown: Vec<String> = page.split("</span><span").map(text).collect();
        for (shown, expected) in shown.iter().zip(expected) {
            assert!(shown.ends_with(expected), "{instances} {amount}: {shown}");
        }
    };
    let added = "A customer of Pro with 3 units will have 80,000 API Credits a month.";
    let replaced =
        "A customer of Pro with 3 units will have 30,000 API Credits a month instead of 50,000.";
    check("multiple", "10,000", [added, replaced]);
    let added = "A customer of Pro with it will have 550,000 API Credits a month.";
    let replaced =
        "A customer of Pro with it will have 500,000 API Credits a month instead of 50,000.";
    check("single", "500000", [added, replaced]);
    check("single", "much", ["Added to what the plan gives.", "Replaces what the plan gives."]);
    let browser = with_plan(&server);
    let query = "id=api-credits&amount=60000&cadence=YEAR";
    let page = text(&browser.page(&format!("{PLAN}/entitlements/effect?{query}")));
    assert!(page.contains("Pro will have 60,000 API Credits a year"), "{page}");
}

#[test]
fn a_refused_entitlement_stays_in_the_form_and_opens_no_draft() {
    let server = Server::new();
    let browser = with_plan(&server);
    let entitlements = format!("{PLAN}/entitlements");
    let credit_types = format!("{E}/credit-types");
    let tokens = [("displayName", "Tokens"), ("id", "tokens")];
    browser.done(&new_in("/credit-types"), &credit_types, &tokens);
    let check = |amount: &str, id: &str, at: &str| {
        let fields = [("id", id), ("amount", amount), ("cadence", "YEAR"), ("enforcement", "HARD")];
        let answer = browser.submit(&format!("{entitlements}/new"), &entitlements, &fields);
        assert_eq!(answer.status, 422, "{amount} {id}");
        let page = answer.text();
        assert!(page.contains(&format!("id=\"f-{at}-trouble\"")), "{amount} {id}: {page}");
        assert!(page.contains("value=\"YEAR\" selected"), "{amount} {id}: {page}");
    };
    check("", "tokens", "amount");
    check("many", "tokens", "amount");
    check("-5", "tokens", "amount");
    check("1.0000000001", "tokens", "amount");
    check("5", "api-credits", "id");
    check("5", "unknown", "id");
    let page = browser.page(PLAN);
    assert!(page.contains("Open a draft"), "there is no draft: {page}");
}

#[test]
fn editing_what_is_published_opens_a_draft_that_can_be_discarded() {
    let server = Server::new();
    let browser = with_plan(&server);
    let entitlement = format!("{PLAN}/entitlements/credit/api-credits");
    let page = browser.done(PLAN, &format!("{PLAN}/draft"), &[]);
    assert!(page.contains("Customers have version 1 until it is published."), "{page}");
    let fields = [("amount", "60,000"), ("cadence", "MONTH"), ("enforcement", "HARD")];
    browser.done(&entitlement, &entitlement, &fields);
    let discard = format!("{PLAN}/discard");
    let page = text(&browser.page(&discard));
    assert!(page.contains("60,000 a month"), "{page}");
    let page = browser.done(&discard, &discard, &[]);
    assert!(page.contains("The draft was discarded."), "{page}");
    assert!(text(&page).contains("50,000 a month"), "{page}");
    let page = browser.done(PLAN, &format!("{entitlement}/remove"), &[]);
    assert!(page.contains("API Credits was removed from the draft."), "{page}");
    let review = text(&browser.page(&format!("{PLAN}/publish")));
    assert!(review.contains("Removed"), "{review}");
    let publish = format!("{PLAN}/publish");
    let answer = browser.submit(&publish, &publish, &[("migrationType", "NEW_CUSTOMERS")]);
    assert_eq!(answer.status, 422, "an empty plan is not published: {}", answer.text());
}

#[test]
fn entitlements_are_moved_up_and_down() {
    let server = Server::new();
    let browser = with_plan(&server);
    let features = format!("{E}/features");
    let seats = [("displayName", "Seats"), ("id", "seats"), ("kind", "level")];
    browser.done(&new_in("/features"), &features, &seats);
    let entitlements = format!("{PLAN}/entitlements");
    let fields = [("usageLimit", "5"), ("enforcement", "HARD")];
    let new = format!("{entitlements}/new?of=feature&id=seats");
    let page = browser.done(&new, &entitlements, &fields);
    let is_first = |page: &str, name: &str| {
        let section = page.split("id=\"entitlements\"").nth(1).expect("it has the section");
        let row = section.split("<tbody>").nth(1).expect("it has rows");
        text(row).starts_with(name)
    };
    assert!(is_first(&page, "API Credits"), "{page}");
    let action = format!("{entitlements}/feature/seats/move");
    let page = browser.done(PLAN, &action, &[("direction", "up")]);
    assert!(is_first(&page, "Seats"), "{page}");
    let review = text(&browser.page(&format!("{PLAN}/publish")));
    assert!(review.contains("Order of entitlementsAdded—Seats, API Credits"), "{review}");
    let answer = browser.submit(PLAN, &action, &[("direction", "up")]);
    let to = answer.header("location").expect("one comes back to the row");
    assert!(to.ends_with("#entitlement-0"), "{to}");
    let page = browser.done(PLAN, &action, &[("direction", "down")]);
    assert!(is_first(&page, "API Credits"), "{page}");
    let credits = format!("{entitlements}/credit/api-credits");
    let fields = [
        ("amount", "1,000"),
        ("cadence", "MONTH"),
        ("enforcement", "HARD"),
        ("dependencyFeatureId", "seats"),
    ];
    let page = text(&browser.done(&credits, &credits, &fields));
    assert!(page.contains("1,000 a month for each of Seats"), "{page}");
}

#[test]
fn what_usage_costs_is_set_with_the_price() {
    let server = Server::new();
    let browser = with_plan(&server);
    let features = format!("{E}/features");
    let calls = [("displayName", "Calls"), ("id", "calls"), ("kind", "counter"), ("event", "call")];
    browser.done(&new_in("/features"), &features, &calls);
    let price = format!("{PLAN}/price");
    let fields = [
        ("pricingType", "FREE"),
        ("currency", "usd"),
        ("rateFeature", "calls"),
        ("rateAmount", "2.5"),
        ("rateCurrency", "api-credits"),
        ("rateFeature", ""),
        ("rateAmount", ""),
        ("rateCurrency", "api-credits"),
    ];
    let page = text(&browser.done(&price, &price, &fields));
    assert!(page.contains("2.5 API Credits for one"), "{page}");
    let again = browser.page(&price);
    assert!(again.contains("value=\"2.5\""), "{again}");
    let mut wrong = fields;
    wrong[3] = ("rateAmount", "0");
    let answer = browser.submit(&price, &price, &wrong);
    assert_eq!(answer.status, 422);
    assert!(answer.text().contains("must be above zero"), "{}", answer.text());
}

#[test]
fn products_features_and_packages_are_archived_with_a_reason_to_think() {
    let server = Server::new();
    let browser = with_plan(&server);
    let archive = format!("{PLAN}/archive");
    let answer = browser.submit(&archive, &archive, &[("confirm", "Pr")]);
    assert_eq!(answer.status, 422);
    let credit_type = format!("{E}/credit-types/api-credits");
    let page = browser.page(&format!("{credit_type}/archive"));
    assert!(page.contains("These still give it") && page.contains(PLAN), "{page}");
    browser.done(&archive, &archive, &[("confirm", "Pro")]);
    assert!(browser.page(&format!("{E}/plans?status=archived")).contains("Pro"));
    let product = format!("{E}/products/api");
    let page = browser.done(&format!("{product}/archive"), &format!("{product}/archive"), &[]);
    assert!(page.contains("API was archived."), "{page}");
    let page = browser.done(&product, &format!("{product}/unarchive"), &[]);
    assert!(page.contains("API was restored."), "{page}");
}

#[test]
fn every_page_of_the_catalog_is_small_and_says_what_people_typed_as_text() {
    let server = Server::new();
    let browser = Browser::signed_in(&server);
    let hostile = "<b onclick=alert(1)>\"'&amp;</b>";
    let post = |path: &str, body: Value| server.post(path, &body);
    let add = |list: &str, fields: &[(&str, &str)]| {
        browser.done(&new_in(list), &format!("{E}{list}"), fields)
    };
    add("/products", &[("displayName", hostile), ("id", "p")]);
    add("/credit-types", &[("displayName", hostile), ("id", "c"), ("symbol", hostile)]);
    add("/features", &[("displayName", hostile), ("id", "f"), ("kind", "level")]);
    add("/plans", &[("displayName", hostile), ("id", "x"), ("productId", "p")]);
    add("/addons", &[("displayName", hostile), ("id", "x"), ("productId", "p")]);
    for list in ["plans", "addons"] {
        let entitlements = json!({ "entitlements": [
            { "type": "CREDIT", "id": "c", "amount": 5, "cadence": "MONTH" },
            { "type": "FEATURE", "id": "f", "usageLimit": 5 },
        ] });
        post(&format!("/api/v1/{list}/x/entitlements"), entitlements);
    }
    let pages = [
        "/products",
        "/products/p",
        "/products/p/edit",
        "/products/p/archive",
        "/credit-types",
        "/credit-types/c",
        "/credit-types/c/archive",
        "/features",
        "/features/f",
        "/features/f/edit",
        "/plans",
        "/plans/x",
        "/plans/x/edit",
        "/plans/x/price",
        "/plans/x/publish",
        "/plans/x/entitlements/credit/c",
        "/plans/x/archive",
        "/addons",
        "/addons/x",
        "/addons/x/edit",
        "/addons/x/publish",
        "/addons/x/entitlements/new",
        "/addons/x/entitlements/feature/f",
        "/addons/x/entitlements/effect?id=c&amount=5&cadence=MONTH",
    ];
    for path in pages {
        let page = browser.page(&format!("{E}{path}"));
        assert!(!page.contains("<b onclick"), "{path}: {page}");
        assert!(!page.contains("style="), "{path}");
        assert!(page.len() < 60_000, "{path} has {} bytes", page.len());
    }
}
