//! Metadata and trials on the dashboard, driven as a browser without scripts drives it.

use crate::browser::{Browser, form_of, standing_in};
use crate::dashboard_catalog::{PLAN, new_in, text, with_plan};
use crate::support::Server;
use serde_json::{Value, json};

const API: &str = "/api/v1/plans/pro";
const EDIT: &str = "/e/production/plans/pro/edit";
const END: &str = "trialEndDate";
const CUSTOMERS: &str = "/e/production/customers";
const NEW_CUSTOMER: &str = "/e/production/new-customer";

/// The form of a plan with these fields beside its name.
fn edited(browser: &Browser<'_>, more: &[(&str, &str)]) -> String {
    let mut fields = vec![("displayName", "Pro")];
    fields.extend(more);
    text(&browser.done(EDIT, PLAN, &fields))
}

#[test]
fn metadata_of_a_plan_is_set_changed_and_cleared() {
    let server = Server::new();
    let browser = with_plan(&server);
    let page = edited(
        &browser,
        &[
            ("metadata/key", "team"),
            ("metadata/value", "growth"),
            ("metadata/key", ""),
            ("metadata/value", ""),
        ],
    );
    assert!(page.contains("Metadatateamgrowth"), "{page}");
    assert_eq!(server.get(API)["metadata"], json!({ "team": "growth" }));
    let review = text(&browser.page(&format!("{PLAN}/publish")));
    assert!(review.contains("Metadata: team"), "{review}");
    let log = text(&browser.page("/e/production/activity-log"));
    assert_eq!(log.matches("team").count(), 1, "told once: {log}");
    let page = edited(&browser, &[]);
    assert!(!page.contains("Metadata"), "{page}");
    assert_eq!(server.get(API)["metadata"], json!({}));
}

#[test]
fn saving_a_name_neither_changes_metadata_nor_takes_back_what_was_written_meanwhile() {
    let server = Server::new();
    let browser = with_plan(&server);
    let metadata = json!({ "note": "two\nlines", "team": "growth" });
    server.post("/api/v1/customers", &json!({ "id": "umbrella", "metadata": metadata }));
    let (edit, api) = (format!("{CUSTOMERS}/umbrella/edit"), "/api/v1/customers/umbrella");
    assert_eq!(browser.resubmit(&edit, &edit).status, 303);
    assert_eq!(server.get(api)["metadata"], metadata);

    let page = browser.page(&edit);
    let loaded = standing_in(form_of(&page, &edit).expect("its form"));
    let meanwhile = json!({ "note": "two\nlines", "team": "sales" });
    server.done("PATCH", api, &json!({ "metadata": meanwhile }));
    let send = |changed: &[(&str, &str)]| {
        let change = |(name, value): &(String, String)| {
            let changed = changed.iter().find(|(was, _)| was == value);
            (name.clone(), changed.map_or_else(|| value.clone(), |(_, to)| (*to).to_owned()))
        };
        let fields: Vec<_> = loaded.iter().map(change).collect();
        let fields: Vec<_> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(browser.post_raw(&edit, &fields).status, 303);
        server.get(api)["metadata"].clone()
    };
    assert_eq!(send(&[]), meanwhile, "its lines are as they were shown");
    let support = json!({ "note": "two\nlines", "team": "support" });
    assert_eq!(send(&[("growth", "support")]), support, "a value that was not touched stays whole");
}

#[test]
fn keys_of_metadata_are_added_and_removed_by_buttons_alone() {
    let server = Server::new();
    let browser = with_plan(&server);
    let check = |page: &str, action: &str, button: (&str, &str), expected: usize| {
        let fields = [
            ("id", "acme"),
            ("displayName", "Pro"),
            ("metadata/key", "team"),
            ("metadata/value", "growth"),
            button,
        ];
        let answer = browser.submit(page, action, &fields);
        assert_eq!(answer.status, 200, "{button:?}");
        let count = answer.text().matches("name=\"metadata/key\"").count();
        assert_eq!(count, expected, "{page} {button:?}: {}", answer.text());
    };
    server.post("/api/v1/customers", &json!({ "id": "umbrella" }));
    let umbrella = format!("{CUSTOMERS}/umbrella/edit");
    for (page, action) in [(EDIT, PLAN), (NEW_CUSTOMER, CUSTOMERS), (&umbrella, &umbrella)] {
        check(page, action, ("_more", "metadata"), 2);
        check(page, action, ("_less", "metadata/0"), 0);
    }
    assert_eq!(server.get(API)["metadata"], json!({}), "nothing was saved");
}

#[test]
fn what_is_wrong_with_metadata_stands_beside_its_key() {
    let server = Server::new();
    let browser = with_plan(&server);
    let check = |pairs: &[(&str, &str)], place: &str| {
        let mut fields = vec![("displayName", "Pro")];
        for (key, value) in pairs {
            fields.extend([("metadata/key", *key), ("metadata/value", *value)]);
        }
        let answer = browser.submit(EDIT, PLAN, &fields);
        assert_eq!(answer.status, 422, "{pairs:?}");
        let trouble = format!("id=\"f-metadata-key-{place}-trouble\"");
        assert!(answer.text().contains(&trouble), "{pairs:?}: {}", answer.text());
    };
    check(&[("a", "1"), ("", "2")], "1");
    check(&[("a", "1"), ("", ""), ("a", "2")], "2");
    check(&[("a", "1"), ("a/b~c", &"x".repeat(501))], "1");
    check(&[(&"k".repeat(41), "1")], "0");
}

#[test]
fn metadata_of_a_customer_is_set_and_shown() {
    let server = Server::new();
    let browser = with_plan(&server);
    let fields = [
        ("id", "acme"),
        ("name", "Acme"),
        ("metadata/key", "region"),
        ("metadata/value", "eu \"west\""),
    ];
    let page = text(&browser.done(NEW_CUSTOMER, CUSTOMERS, &fields));
    assert!(page.contains("Metadataregioneu "), "{page}");
    let metadata = || server.get("/api/v1/customers/acme")["metadata"].clone();
    assert_eq!(metadata(), json!({ "region": "eu \"west\"" }));
    let edit = format!("{CUSTOMERS}/acme/edit");
    assert_eq!(browser.resubmit(&edit, &edit).status, 303);
    assert_eq!(metadata(), json!({ "region": "eu \"west\"" }));
    browser.done(&edit, &edit, &[("name", "Acme")]);
    assert_eq!(metadata(), json!({}));
}

#[test]
fn metadata_of_products_features_and_credit_types_is_set_kept_and_cleared() {
    let server = Server::new();
    let browser = with_plan(&server);
    let check = |list: &str, api: &str, more: &[(&str, &str)]| {
        let new = new_in(list.trim_start_matches("/e/production"));
        let (page, one) = (format!("{list}/one"), format!("{list}/one/edit"));
        let named = [&[("displayName", "One"), ("id", "one")], more].concat();
        let line = [("metadata/key", "team"), ("metadata/value", "growth")];
        let asked = [&named[..], &line, &[("_more", "metadata")]].concat();
        let answer = browser.submit(&new, list, &asked);
        assert_eq!(answer.status, 200, "{new}");
        assert_eq!(answer.text().matches("name=\"metadata/key\"").count(), 2, "{}", answer.text());
        let shown = text(&browser.done(&new, list, &[&named[..], &line].concat()));
        assert!(shown.contains("Metadatateamgrowth"), "{shown}");
        let metadata = || {
            let all = server.get(api);
            let one = all.as_array().expect("a list").iter().find(|it| it["id"] == "one");
            one.expect("it is there")["metadata"].clone()
        };
        assert_eq!(metadata(), json!({ "team": "growth" }));
        let lines = json!({ "team": "two\nlines", "x": "1" });
        server.done("PATCH", &format!("{api}/one"), &json!({ "metadata": lines }));
        assert_eq!(browser.resubmit(&one, &page).status, 303);
        assert_eq!(metadata(), lines, "a form in which nothing was touched changes nothing");
        let asked = [&named[..], &line, &[("_less", "metadata/0")]].concat();
        assert_eq!(browser.submit(&one, &page, &asked).status, 200);
        assert_eq!(metadata(), lines, "nothing was saved");
        let without_key = [&named[..], &[("metadata/key", ""), ("metadata/value", "1")]].concat();
        let answer = browser.submit(&one, &page, &without_key);
        assert_eq!(answer.status, 422);
        let trouble = "id=\"f-metadata-key-0-trouble\"";
        assert!(answer.text().contains(trouble), "{}", answer.text());
        let shown = text(&browser.done(&one, &page, &named));
        assert!(!shown.contains("Metadata"), "{shown}");
        assert_eq!(metadata(), json!({}));
    };
    let reset = ("usageResetCutoffRule/behavior", "ALWAYS_RESET");
    check("/e/production/products", "/api/v1/products", &[reset]);
    check("/e/production/features", "/api/v1/features", &[("kind", "number")]);
    check("/e/production/credit-types", "/api/v1/credits/custom-currencies", &[]);
}

#[test]
fn the_trial_of_a_plan_is_set_kept_and_cleared() {
    let server = Server::new();
    let browser = with_plan(&server);
    let page = edited(
        &browser,
        &[
            ("defaultTrialConfig/duration", "14"),
            ("defaultTrialConfig/units", "DAY"),
            ("defaultTrialConfig/trialEndBehavior", "CONVERT_TO_PAID"),
            ("defaultTrialConfig/budget/limit", "1,000"),
            ("defaultTrialConfig/budget/hasSoftLimit", "on"),
        ],
    );
    assert!(page.contains("14 days, for about 1,000, then it goes on, paid"), "{page}");
    let trial = || server.get(API)["defaultTrialConfig"].clone();
    let expected = json!({
        "duration": 14, "units": "DAY", "trialEndBehavior": "CONVERT_TO_PAID",
        "budget": { "limit": 1000, "hasSoftLimit": true },
    });
    assert_eq!(trial(), expected);
    assert_eq!(browser.resubmit(EDIT, PLAN).status, 303);
    assert_eq!(trial(), expected, "a form in which nothing was touched changes nothing");
    edited(&browser, &[("defaultTrialConfig/duration", "")]);
    assert_eq!(trial(), Value::Null);
    let wrong = [("displayName", "Pro"), ("defaultTrialConfig/duration", "soon")];
    let answer = browser.submit(EDIT, PLAN, &wrong);
    assert_eq!(answer.status, 422);
    let trouble = "id=\"f-defaultTrialConfig-duration-trouble\"";
    assert!(answer.text().contains(trouble), "{}", answer.text());
}

#[test]
fn a_subscription_begins_with_the_trial_that_its_form_says() {
    let server = Server::new();
    let browser = with_plan(&server);
    server.post("/api/v1/customers", &json!({ "id": "acme" }));
    let subscribe = format!("{CUSTOMERS}/acme/subscribe");
    let fields = [
        ("planId", "pro"),
        ("trialOverrideConfiguration/isTrial", "yes"),
        ("trialOverrideConfiguration/trialEndDate", "2026-02-14T00:00"),
        ("trialOverrideConfiguration/trialEndBehavior", "CANCEL_SUBSCRIPTION"),
    ];
    for only in &fields[2..] {
        let refused = browser.submit(&subscribe, &subscribe, &[fields[0], *only]);
        assert_eq!(refused.status, 422, "{only:?}");
        let refused = text(&refused.text());
        assert!(refused.contains("Choose whether it begins with a trial"), "{refused}");
    }
    let page = text(&browser.done(&subscribe, &subscribe, &fields));
    assert!(page.contains("In trial"), "{page}");
    assert!(page.contains("Trial ends2026-02-14 00:00"), "{page}");
}

#[test]
fn a_running_trial_ends_on_another_date_or_is_converted() {
    let server = Server::new();
    let browser = with_plan(&server);
    server.post("/api/v1/customers", &json!({ "id": "acme" }));
    let subscription = json!({
        "id": "sub-1", "customerId": "acme", "planId": "pro",
        "trialOverrideConfiguration": {
            "isTrial": true, "trialEndDate": "2026-02-14T00:00:00Z",
            "trialEndBehavior": "CANCEL_SUBSCRIPTION",
        },
    });
    server.post("/api/v1/subscriptions", &subscription);
    let trial = format!("{CUSTOMERS}/acme/subscriptions/sub-1/trial");
    let page = text(&browser.page(&trial));
    assert!(
        page.contains("The trial ends on 2026-02-14 00:00. The subscription ends then."),
        "{page}"
    );
    let told = || server.get("/api/v1/subscriptions/sub-1");
    for wrong in ["", "2026-01-30T00:00", "soon"] {
        let answer = browser.submit(&trial, &trial, &[("end", "DATE"), (END, wrong)]);
        assert_eq!(answer.status, 422, "{wrong}");
        let place = "id=\"f-trialEndDate-trouble\"";
        assert!(answer.text().contains(place), "{wrong}: {}", answer.text());
    }
    for end in ["2026-02-28T12:30", "2026-02-03T00:00"] {
        let page = text(&browser.done(&trial, &trial, &[("end", "DATE"), (END, end)]));
        let shown = format!("Trial ends{}", end.replace('T', " "));
        assert!(page.contains(&shown), "{page}");
        assert_eq!(told()["trialEndDate"], format!("{end}:00.000Z"));
        assert_eq!(told()["status"], "IN_TRIAL");
    }
    let page = text(&browser.done(&trial, &trial, &[("end", "NOW")]));
    assert!(!page.contains("Trial ends") && page.contains("Active"), "{page}");
    let converted = told();
    assert_eq!((&converted["id"], &converted["status"]), (&json!("sub-1"), &json!("ACTIVE")));
    assert_eq!(browser.get(&trial).status, 404, "no trial is running");
}

#[test]
fn a_trial_of_a_plan_that_can_be_had_several_times_is_not_converted_into_another_one() {
    let server = Server::new();
    let browser = with_plan(&server);
    server.done("PATCH", "/api/v1/products/api", &json!({ "multipleSubscriptions": true }));
    server.post("/api/v1/customers", &json!({ "id": "acme" }));
    let subscription = json!({
        "id": "sub-1", "customerId": "acme", "planId": "pro",
        "trialOverrideConfiguration": { "isTrial": true, "trialEndDate": "2026-02-14T00:00:00Z" },
    });
    server.post("/api/v1/subscriptions", &subscription);
    let trial = format!("{CUSTOMERS}/acme/subscriptions/sub-1/trial");
    let answer = browser.submit(&trial, &trial, &[("end", "NOW")]);
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert!(answer.text().contains("href=\"#f-end\""), "{}", answer.text());
    let all = server.get("/api/v1/subscriptions?customerId=acme");
    assert_eq!(all.as_array().map(Vec::len), Some(1), "{all}");
}
