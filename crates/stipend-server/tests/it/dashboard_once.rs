//! Forms of the dashboard that are sent twice: by two clicks without scripts, or again after an answer
//! was lost.

use crate::browser::{Browser, form_of, standing_in};
use crate::support::{Answer, Server};
use crate::world;
use serde_json::{Value, json};
use stipend_engine::PRODUCTION;

const E: &str = "/e/production";

/// Loads a form, fills it, and sends it twice.
fn twice(browser: &Browser<'_>, page: &str, action: &str, typed: &[(&str, &str)]) -> [Answer; 2] {
    let html = browser.page(page);
    let form = form_of(&html, action).unwrap_or_else(|| panic!("{page} has no such form: {html}"));
    let mut fields = standing_in(form);
    fields.retain(|(name, _)| typed.iter().all(|(other, _)| other != name));
    let mut fields: Vec<_> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    fields.extend(typed);
    [(); 2].map(|()| browser.post_raw(action, &fields))
}

/// The worked example, of whose product a customer may have several subscriptions, with a draft of
/// its plan.
fn several() -> Server {
    let server = Server::new();
    server.post("/api/v1/products", &json!({ "id": "api", "displayName": "API" }));
    server.done("PATCH", "/api/v1/products/api", &json!({ "multipleSubscriptions": true }));
    world::currency(&server, "api-credits");
    world::package(&server, "plans", "growth", "api", Some(50_000));
    world::publish(&server, "plans", "growth");
    server.post("/api/v1/plans/growth/draft", &Value::Null);
    let calls = json!({
        "id": "calls", "displayName": "Calls", "featureType": "NUMBER", "meterType": "INCREMENTAL",
    });
    server.post("/api/v1/features", &calls);
    world::customer(&server, "acme");
    server
}

fn count(server: &Server, path: &str) -> usize {
    server.get(path).as_array().map_or(0, Vec::len)
}

#[test]
fn a_form_that_makes_something_makes_it_once_and_another_form_makes_another() {
    let check = |page: &str, action: &str, typed: &[(&str, &str)], made: fn(&Server) -> usize| {
        let (page, action) = (format!("{E}{page}"), format!("{E}{action}"));
        let server = several();
        let browser = Browser::signed_in(&server);
        let before = made(&server);
        for forms in 1..=2 {
            for answer in twice(&browser, &page, &action, typed) {
                assert_eq!(answer.status, 303, "{action}: {}", answer.text());
            }
            assert_eq!(made(&server) - before, forms, "{action}");
        }
    };
    check(
        "/customers/acme/subscribe",
        "/customers/acme/subscribe",
        &[("planId", "growth")],
        |it| {
            let made = count(it, "/api/v1/subscriptions?customerId=acme");
            let granted = usize::try_from(it.balance("acme").0).expect("it is small");
            assert_eq!(granted, made * 50_000);
            made
        },
    );
    let gift = [("currencyId", "api-credits"), ("amount", "5"), ("do", "confirm")];
    check("/customers/acme/credits/adjust", "/customers/acme/credits/adjust", &gift, |it| {
        count(it, "/api/v1/credits/grants?customerId=acme")
    });
    check("/api-keys/new", "/api-keys", &[("name", "checkout")], |it| {
        it.engine().api_keys(PRODUCTION).len()
    });
}

#[test]
fn what_has_a_name_of_its_own_is_not_made_twice_either() {
    let check = |page: &str, action: &str, typed: &[(&str, &str)], made: fn(&Server) -> usize| {
        let (page, action) = (format!("{E}{page}"), format!("{E}{action}"));
        let server = several();
        let browser = Browser::signed_in(&server);
        let before = made(&server);
        let [first, _] = twice(&browser, &page, &action, typed);
        assert_eq!(first.status, 303, "{action}: {}", first.text());
        assert_eq!(made(&server) - before, 1, "{action}");
    };
    check("/new-product", "/products", &[("displayName", "A"), ("id", "a")], |it| {
        count(it, "/api/v1/products")
    });
    check("/new-credit-type", "/credit-types", &[("displayName", "A"), ("id", "a")], |it| {
        count(it, "/api/v1/credits/custom-currencies")
    });
    check("/new-customer", "/customers", &[("id", "bob")], |it| count(it, "/api/v1/customers"));
    check("/environments/new", "/environments", &[("name", "team-a")], |it| {
        it.engine().environments().len()
    });
    let plan = [("displayName", "A"), ("id", "a"), ("productId", "api")];
    check("/new-plan", "/plans", &plan, |it| count(it, "/api/v1/plans"));
    check("/new-addon", "/addons", &plan, |it| count(it, "/api/v1/addons"));
    let price = [
        ("pricingType", "PAID"),
        ("billingModel", "USAGE_BASED"),
        ("featureId", "calls"),
        ("billingPeriod", "MONTHLY"),
        ("price/amount", "2"),
    ];
    check("/plans/growth/prices/new", "/plans/growth/prices", &price, |it| {
        count(it, "/api/v1/plans/growth/charges")
    });
    let feature = [("of", "feature"), ("id", "calls"), ("usageLimit", "5")];
    let page = "/plans/growth/entitlements/new?of=feature&id=calls";
    check(page, "/plans/growth/entitlements", &feature, |it| {
        count(it, "/api/v1/plans/growth/entitlements")
    });
}

/// The first answer, with the key in it, may be lost: the page after the second shows it.
#[test]
fn a_key_is_shown_after_the_form_was_sent_again() {
    let check = |page: &str, action: &str, typed: &[(&str, &str)]| {
        let server = several();
        let browser = Browser::signed_in(&server);
        let [_, second] = twice(&browser, &format!("{E}{page}"), &format!("{E}{action}"), typed);
        assert_eq!(second.status, 303, "{action}: {}", second.text());
        let to = second.header("location").expect("it leads somewhere").to_owned();
        let shown = browser.page(&to);
        let key = shown.split("<code>sk_stipend_").nth(1).and_then(|rest| rest.split('<').next());
        let key = format!("sk_stipend_{}", key.expect("the page shows a key"));
        let call = server.anonymous("GET", "/api/v1/customers").header("x-api-key", &key);
        assert_eq!(call.send().status, 200, "{action}");
        assert!(!browser.page(&to).contains("sk_stipend_"), "{action}: it is shown once");
    };
    check("/api-keys/new", "/api-keys", &[("name", "checkout")]);
    check("/environments/new", "/environments", &[("name", "team-a")]);
}

#[test]
fn a_step_of_the_clock_is_made_once_by_each_page() {
    let server = Server::new();
    let browser = Browser::signed_in(&server);
    let (page, action) = ("/e/sandbox/settings", "/e/sandbox/settings/clock");
    let now =
        || server.in_sandbox("GET", "/api/v1/test-clock").send().json()["data"]["now"].clone();
    for expected in ["2026-02-28T00:00:00.000Z", "2026-03-28T00:00:00.000Z"] {
        for answer in twice(&browser, page, action, &[("step", "month")]) {
            assert_eq!(answer.status, 303, "{}", answer.text());
        }
        assert_eq!(now(), expected);
    }
}

/// Where a plan can be had several times, another one would stand beside it and grant once more.
#[test]
fn a_subscription_that_is_updated_does_not_become_two() {
    let server = several();
    world::package(&server, "plans", "scale", "api", Some(90_000));
    world::publish(&server, "plans", "scale");
    world::subscribe(&server, "acme", "sub-1", &json!([]));
    let browser = Browser::signed_in(&server);
    let update = format!("{E}/customers/acme/subscriptions/sub-1/update");
    let answer = browser.submit(&update, &update, &[("planId", "scale")]);
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert!(answer.text().contains("id=\"f-planId-trouble\""), "{}", answer.text());
    assert_eq!(count(&server, "/api/v1/subscriptions?customerId=acme"), 1);
    assert_eq!(server.balance("acme"), (50_000, 0));
    assert_eq!(browser.submit(&update, &update, &[("planId", "growth")]).status, 303);
}
