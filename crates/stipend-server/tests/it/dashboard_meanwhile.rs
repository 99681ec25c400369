//! Forms of the catalog that are sent after what they show has changed: by somebody else, by the
//! API, or in another window.

use crate::browser::{Browser, form_of, standing_in};
use crate::dashboard_catalog::{PLAN, text, with_plan};
use crate::support::{Answer, Server};
use serde_json::{Value, json};

const API: &str = "/api/v1/plans/pro";

/// What somebody else does to the plan: other words, another price, or more credits.
fn name_it(server: &Server) {
    server.done("PATCH", API, &json!({ "description": "Written by B" }));
}

fn price_it(server: &Server) {
    let model = json!({
        "billingModel": "FLAT_FEE",
        "pricePeriods": [
            { "billingPeriod": "MONTHLY", "price": { "amount": 9, "currency": "usd" } },
        ],
    });
    let charges = json!({ "pricingType": "PAID", "pricingModels": [model] });
    server.done("PATCH", API, &json!({ "charges": charges }));
}

fn entitle_it(server: &Server) {
    let path = format!("{API}/entitlements/api-credits");
    server.done("PATCH", &path, &json!({ "type": "CREDIT", "amount": 70_000 }));
}

/// Loads a form, lets somebody else do something, and sends it.
fn sent_after(
    browser: &Browser<'_>,
    (page, action): (&str, &str),
    meanwhile: impl FnOnce(),
) -> Answer {
    let html = browser.page(page);
    let form = form_of(&html, action).unwrap_or_else(|| panic!("{page} has no such form: {html}"));
    let fields = standing_in(form);
    meanwhile();
    let fields: Vec<_> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    browser.post_raw(action, &fields)
}

/// A plan with a draft that says what the published version says.
fn with_draft(server: &Server) -> Browser<'_> {
    let browser = with_plan(server);
    browser.done(PLAN, &format!("{PLAN}/draft"), &[]);
    browser
}

#[test]
fn a_form_takes_nothing_back_that_was_changed_while_it_was_open() {
    let check = |page: &str, action: &str, meanwhile: fn(&Server)| {
        let server = Server::new();
        let browser = with_draft(&server);
        let (page, action) = (format!("{PLAN}{page}"), format!("{PLAN}{action}"));
        let mut after = Value::Null;
        let answer = sent_after(&browser, (&page, &action), || {
            meanwhile(&server);
            after = server.get(API);
        });
        let shown = text(&answer.text());
        assert_eq!(answer.status, 422, "{action}: {shown}");
        assert!(shown.contains("changed after this form was opened"), "{action}: {shown}");
        assert_eq!(server.get(API), after, "{action}");
        let again = sent_after(&browser, (&page, &action), || ());
        assert_eq!(again.status, 303, "{action}, opened again: {}", again.text());
    };
    check("/edit", "", name_it);
    check("/price", "/price", price_it);
    check("/entitlements/credit/api-credits", "/entitlements/credit/api-credits", entitle_it);
}

#[test]
fn a_form_of_one_part_is_taken_while_another_part_is_changed() {
    let check = |page: &str, action: &str, meanwhile: fn(&Server)| {
        let server = Server::new();
        let browser = with_draft(&server);
        let (page, action) = (format!("{PLAN}{page}"), format!("{PLAN}{action}"));
        let answer = sent_after(&browser, (&page, &action), || meanwhile(&server));
        assert_eq!(answer.status, 303, "{action}: {}", answer.text());
    };
    check("/edit", "", price_it);
    check("/price", "/price", name_it);
    check("/entitlements/credit/api-credits", "/entitlements/credit/api-credits", name_it);
}

#[test]
fn a_price_that_has_become_another_one_is_not_written_over() {
    let server = Server::new();
    let browser = with_draft(&server);
    let price = |amount: u32| {
        let model = json!({
            "billingModel": "PER_UNIT", "featureId": "seats",
            "pricePeriods": [
                { "billingPeriod": "MONTHLY", "price": { "amount": amount, "currency": "usd" } },
            ],
        });
        let charges = json!({ "pricingType": "PAID", "pricingModels": [model] });
        server.done("PATCH", API, &json!({ "charges": charges }));
    };
    let seats = json!({ "id": "seats", "displayName": "Seats", "featureType": "NUMBER" });
    server.post("/api/v1/features", &seats);
    price(5);
    let page = browser.page(PLAN);
    let edit = page.split("href=\"").find(|link| {
        let link = link.split('"').next().unwrap_or_default();
        link.contains("/prices/") && !link.ends_with("/new")
    });
    let edit = edit.and_then(|rest| rest.split('"').next()).expect("the price has a form");
    for action in [edit.to_owned(), format!("{edit}/remove")] {
        let (from, to) = if action == edit { (edit, 6) } else { (PLAN, 7) };
        let answer = sent_after(&browser, (from, &action), || price(to));
        assert_eq!(answer.status, 303, "{action}: {}", answer.text());
        let page = text(&browser.page(PLAN));
        assert!(page.contains("That price was changed or removed meanwhile"), "{action}: {page}");
        assert!(page.contains(&format!("{to} USD")), "{action}: {page}");
        price(5);
    }
}

#[test]
fn what_is_published_or_discarded_is_what_was_reviewed() {
    for action in ["publish", "discard"] {
        let server = Server::new();
        let browser = with_draft(&server);
        entitle_it(&server);
        let path = format!("{PLAN}/{action}");
        let answer = sent_after(&browser, (&path, &path), || name_it(&server));
        let shown = text(&answer.text());
        assert_eq!(answer.status, 422, "{action}: {shown}");
        assert!(shown.contains("The draft changed after this page was opened."), "{shown}");
        assert!(shown.contains("Written by B"), "what is there now is shown: {shown}");
        assert!(text(&browser.page(PLAN)).contains("Draft"), "{action}: the draft is still there");
        let form = answer.text();
        let fields = standing_in(form_of(&form, &path).expect("it can be sent again"));
        let fields: Vec<_> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(browser.post_raw(&path, &fields).status, 303, "{action}");
    }
}

#[test]
fn an_edit_that_is_refused_writes_nothing_at_all() {
    let server = Server::new();
    let browser = with_plan(&server);
    let path = format!("{PLAN}/entitlements");
    let tokens = json!({ "id": "tokens", "displayName": "Tokens" });
    server.post("/api/v1/credits/custom-currencies", &tokens);
    let position = server.position();
    let fields = [("id", "api-credits"), ("amount", "5"), ("cadence", "MONTH")];
    let answer = browser.submit(&format!("{path}/new"), &path, &fields);
    assert_eq!(answer.status, 422, "it is there already: {}", answer.text());
    assert_eq!(server.position(), position, "no draft is opened, and none dropped");
}
