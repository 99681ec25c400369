//! The same request again: by its header, by its content where it says that it is a retry, and
//! by the key of a consumption (`behaviour.md` §0.10).

use crate::support::{Answer, Server};
use crate::world::{self, usage};
use serde_json::{Value, json};

const GRANTS: &str = "/api/v1/credits/grants";
const GIFT: &str = r#"{"customerId":"acme","currencyId":"api-credits","amount":10,
    "displayName":"Gift","grantType":"PROMOTIONAL"}"#;

fn keyed(server: &Server, key: &str, path: &str, body: &str) -> Answer {
    server.request("POST", path).header("idempotency-key", key).raw(body.to_owned()).send()
}

fn retried(server: &Server, count: &str) -> Answer {
    let call = server.request("POST", GRANTS).header("x-stainless-retry-count", count);
    call.raw(GIFT).send()
}

#[test]
fn the_same_key_gives_the_first_answer_byte_by_byte() {
    let server = world::example();
    let first = keyed(&server, "k-1", GRANTS, GIFT);
    assert_eq!((first.status, first.is_replay()), (200, false));
    let before = server.position();
    let respelled = r#"{ "grantType": "PROMOTIONAL", "displayName": "Gif\u0074", "amount": 10.0,
        "currencyId": "api-credits", "customerId": "acme" }"#;
    for (row, key, body) in [(44, "k-1", GIFT), (44, "\"k-1\"", GIFT), (44, "k-1", respelled)] {
        server.advance(60 * 60);
        let again = keyed(&server, key, GRANTS, body);
        assert!(again.is_replay(), "row {row}: {key} {body}: {}", again.text());
        assert_eq!((again.status, &again.body), (200, &first.body), "row {row}: {key} {body}");
    }
    assert_eq!(server.position(), before);
    assert_eq!(server.balance("acme"), (80_010, 0));
}

#[test]
fn row_43_another_body_under_the_same_key_has_no_effect() {
    let server = world::example();
    keyed(&server, "k", GRANTS, GIFT);
    let before = server.position();
    let other = keyed(&server, "k", GRANTS, &GIFT.replace("10", "11"));
    assert_eq!(other.verdict(), "422 idempotency_key_reused");
    assert_eq!(server.position(), before);
}

#[test]
fn row_45_the_same_key_on_another_path_is_another() {
    let server = world::example();
    keyed(&server, "k", GRANTS, GIFT);
    let other = keyed(&server, "k", "/api/v1/customers", r#"{"id":"bob"}"#);
    assert_eq!((other.status, other.is_replay()), (200, false));
}

#[test]
fn settings_that_are_sent_again_with_their_key_are_not_set_again() {
    let server = world::example();
    let path = "/api/v1/environments/1";
    let ask = |key: &str, zone: &str| {
        let call = server.request("PATCH", path).header("idempotency-key", key);
        call.json(&json!({ "timeZone": zone })).send()
    };
    let first = ask("k", "Europe/Berlin");
    ask("other", "Asia/Tokyo");
    let again = ask("k", "Europe/Berlin");
    assert!(again.is_replay(), "{}", again.text());
    assert_eq!(again.body, first.body);
    let zone = |server: &Server| server.get("/api/v1/environments")[0]["timeZone"].clone();
    assert_eq!(zone(&server), "Asia/Tokyo");
    assert_eq!(ask("k", "Asia/Tokyo").verdict(), "422 idempotency_key_reused");
}

#[test]
fn a_change_of_an_entitlement_gets_its_first_answer_whatever_came_since() {
    let server = world::features();
    let path = "/api/v1/plans/full/entitlements/calls";
    server.post("/api/v1/plans/full/draft", &Value::Null);
    let ask = |key: &str, fields: Value| {
        let mut body = json!({ "type": "FEATURE" });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        server.request("PATCH", path).header("idempotency-key", key).json(&body).send()
    };
    let monday = || json!({ "weeklyResetPeriodConfiguration": { "accordingTo": "EveryMonday" } });
    let refused = ask("no", monday()).verdict();
    assert_eq!(refused, "422 conflicting_fields /weeklyResetPeriodConfiguration");
    ask("week", json!({ "resetPeriod": "WEEK" }));
    let first = ask("k", monday());
    assert_eq!(first.status, 200, "{}", first.text());
    ask("month", json!({ "resetPeriod": "MONTH" }));
    let again = ask("k", monday());
    assert!(again.is_replay(), "{}", again.text());
    assert_eq!(again.body, first.body);
}

#[test]
fn row_47_a_key_must_be_a_short_text_that_is_sent_once() {
    let server = world::example();
    let before = server.position();
    let ask = || server.request("POST", GRANTS).raw(GIFT);
    let calls = [
        ask().header("idempotency-key", ""),
        ask().header("idempotency-key", "\"\""),
        ask().header("idempotency-key", &"k".repeat(256)),
        ask().header("idempotency-key", "a key"),
        ask().header_bytes("idempotency-key", "ключ".as_bytes()),
        ask().header("idempotency-key", "k").header("idempotency-key", "k"),
    ];
    for call in calls {
        assert_eq!(call.send().verdict(), "400 idempotency_key_invalid");
    }
    assert_eq!(server.position(), before);
}

#[test]
fn row_48_what_was_refused_is_looked_at_anew() {
    let server = world::example();
    let ask = || {
        keyed(&server, "k", "/api/v1/subscriptions", r#"{"customerId":"bob","planId":"growth"}"#)
    };
    assert_eq!(ask().verdict(), "404 customer_not_found");
    world::customer(&server, "bob");
    let done = ask();
    assert_eq!((done.status, done.is_replay()), (200, false));
}

#[test]
fn row_49_the_first_answer_stays_after_its_result_is_gone() {
    let server = world::example();
    let first = keyed(&server, "k", GRANTS, GIFT);
    let id = first.json()["data"]["id"].as_str().unwrap().to_owned();
    server.post(&format!("{GRANTS}/{id}/void"), &Value::Null);
    let again = keyed(&server, "k", GRANTS, GIFT);
    assert!(again.is_replay());
    assert_eq!(again.body, first.body);
    assert_eq!(server.balance("acme"), (80_000, 0));
}

#[test]
fn without_a_key_a_retry_is_recognised_for_ten_minutes() {
    let server = world::example();
    let first = retried(&server, "0");
    assert!(!first.is_replay());
    server.advance(9 * 60);
    let again = retried(&server, "1");
    assert!(again.is_replay());
    assert_eq!(again.body, first.body);
    assert_eq!(server.balance("acme"), (80_010, 0));
    server.advance(2 * 60);
    let late = retried(&server, "1");
    assert_eq!((late.status, late.is_replay()), (200, false));
    assert_eq!(server.balance("acme"), (80_020, 0));
}

#[test]
fn without_a_key_a_request_that_is_no_retry_is_done_again() {
    let server = world::example();
    for (count, balance) in [("0", 80_010), ("0", 80_020), ("x", 80_030)] {
        assert!(!retried(&server, count).is_replay());
        assert_eq!(server.balance("acme"), (balance, 0));
    }
    let first = retried(&world::example(), "2");
    assert_eq!((first.status, first.is_replay()), (200, false), "a retry of what never came");
}

#[test]
fn a_consumption_is_done_once_for_its_key() {
    let server = world::example();
    let path = "/api/v1/credits/consumption";
    let ask = |amount: Value| server.call("POST", path, &usage("acme", "k", amount));
    let first = ask(json!(5));
    server.advance(60);
    for again in [json!(5), json!(5.0), json!("5")] {
        assert_eq!(ask(again).body, first.body);
    }
    assert_eq!(ask(json!(6)).verdict(), "422 idempotency_key_reused");
    let bulk = json!({ "consumptions": [usage("acme", "k", 5)] });
    server.post("/api/v1/credits/consumption/async", &bulk);
    assert_eq!(server.balance("acme"), (80_000, 5), "sync and bulk are one operation");
}

#[test]
fn usage_that_has_no_key_of_its_own_is_counted_once_for_that_of_its_request() {
    let server = world::features();
    let report = |value: u32| json!({ "customerId": "acme", "featureId": "calls", "value": value });
    let ask = |version: &str, header: &str, usages: &[Value]| {
        let path = format!("/api/{version}/usage");
        keyed(&server, header, &path, &json!({ "usages": usages }).to_string())
    };
    let usage = || {
        let path = "/api/v1/customers/acme/entitlements/check?featureId=calls";
        server.get(path)["currentUsage"].clone()
    };
    let (first, two) = (ask("v1", "k", &[report(5)]), [report(5), report(2)]);
    assert_eq!((first.status, usage()), (200, json!(5)), "{}", first.text());
    server.advance(60 * 60);
    for version in ["v1", "v2"] {
        assert_eq!(ask(version, "k", &[report(5)]).status, 200);
        assert_eq!(usage(), json!(5), "{version}: one operation, one effect");
    }
    assert_eq!(ask("v1", "k", &[report(6)]).verdict(), "422 idempotency_key_reused");
    assert_eq!(ask("v1", "k", &two).verdict(), "422 batch_refused");
    ask("v1", "other", &two);
    ask("v1", "other", &two);
    assert_eq!(usage(), json!(12), "equal items of one request are several");
}

#[test]
fn rows_51_and_52_a_batch_is_whole_or_says_that_it_is_partial() {
    let server = world::example();
    let path = "/api/v1/credits/consumption/async";
    let mut items: Vec<Value> = (0..99).map(|n| usage("acme", &format!("k{n}"), 1)).collect();
    items.insert(7, usage("nobody", "bad", 1));
    let batch = json!({ "consumptions": items });
    let refused = server.call("POST", path, &batch);
    assert_eq!(refused.verdict(), "422 batch_refused");
    let errors = &refused.json()["errors"];
    assert_eq!(errors.as_array().unwrap().len(), 1);
    assert_eq!(
        (&errors[0]["index"], &errors[0]["code"]),
        (&json!(7), &json!("customer_not_found"))
    );
    assert_eq!(server.balance("acme"), (80_000, 0));

    let partial = server.request("POST", path).header("stipend-batch", "partial").json(&batch);
    let partial = partial.send().json()["data"].clone();
    assert_eq!((&partial["accepted"], &partial["errors"]), (&json!(99), errors));
    assert_eq!(server.balance("acme"), (80_000, 99));

    let twice = |second: i32| json!({ "consumptions": [usage("acme", "twice", 1), usage("acme", "twice", second)] });
    assert_eq!(server.call("POST", path, &twice(2)).verdict(), "422 batch_refused", "row 52");
    server.post(path, &twice(1));
    assert_eq!(server.balance("acme"), (80_000, 100), "row 52: one effect");
}
