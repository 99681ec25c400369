//! Usage and events over HTTP: keys, batches and what is refused.

use crate::support::{Answer, Server};
use crate::world;
use serde_json::{Value, json};

/// `acme` has 80,000 credits of the example and, by a plan of another product, calls cost 10 and
/// jobs what a formula says.
pub(crate) fn metered() -> Server {
    let server = world::example();
    server.post("/api/v1/products", &json!({ "id": "other", "displayName": "Other" }));
    for (id, meter) in [
        ("calls", Value::Null),
        ("jobs", json!({ "aggregation": { "function": "COUNT" }, "filters": [] })),
        ("free", Value::Null),
    ] {
        let mut feature = json!({
            "id": id, "displayName": id, "featureType": "NUMBER", "meterType": "INCREMENTAL",
        });
        if !meter.is_null() {
            feature["meter"] = meter;
        }
        server.post("/api/v1/features", &feature);
    }
    world::package(&server, "plans", "metered", "other", None);
    let rate = |feature: &str, rate: Value| {
        json!({ "billingModel": "CREDIT_BASED", "featureId": feature,
            "pricePeriods": [{ "billingPeriod": "MONTHLY", "creditRate": rate }] })
    };
    let rates = [
        rate("calls", json!({ "amount": 10, "currencyId": "api-credits" })),
        rate(
            "jobs",
            json!({ "amount": 0, "currencyId": "api-credits", "costFormula": "1.1*a + 1.5*b + 5*c" }),
        ),
    ];
    let charges = json!({ "charges": { "pricingType": "PAID", "pricingModels": rates } });
    server.done("PATCH", "/api/v1/plans/metered", &charges);
    world::publish(&server, "plans", "metered");
    let subscription = json!({ "id": "sub-m", "customerId": "acme", "planId": "metered" });
    server.post("/api/v1/subscriptions", &subscription);
    server
}

fn usages(items: &[Value]) -> Value {
    json!({ "usages": items })
}

fn calls(key: &str, value: i64) -> Value {
    json!({ "customerId": "acme", "featureId": "calls", "value": value, "idempotencyKey": key })
}

fn report(server: &Server, items: &[Value]) -> Answer {
    server.call("POST", "/api/v1/usage", &usages(items))
}

fn left(server: &Server) -> Value {
    let check = "/api/v1/customers/acme/entitlements/check?currencyId=api-credits";
    server.get(check)["currentUsage"].clone()
}

#[test]
fn both_versions_of_the_report_are_one_operation() {
    let server = metered();
    let first = report(&server, &[calls("k", 2)]).json();
    assert_eq!(first["data"][0]["credit"]["consumed"], 20);
    let again = server.call("POST", "/api/v2/usage", &usages(&[calls("k", 2)])).json();
    assert_eq!(again["data"]["usages"][0]["credit"]["consumed"], 0);
    assert_eq!(again["data"]["usages"][0]["id"], first["data"][0]["id"]);
    assert_eq!(again["data"]["credits"][0]["currentUsage"], 20);
    let other = server.call("POST", "/api/v2/usage", &usages(&[calls("k", 3)]));
    assert_eq!(other.verdict(), "422 idempotency_key_reused");
    assert_eq!(left(&server), 20);
}

#[test]
fn a_key_is_one_meaning_however_it_is_spelled() {
    let server = metered();
    let one = r#"{"usages":[{"customerId":"acme","featureId":"calls","value":1.0,
        "idempotencyKey":"k","dimensions":{"a":1.50,"b":"x"}}]}"#;
    let other = r#"{"usages":[{"idempotencyKey":"k","dimensions":{"b":"x","a":1.5},
        "value":1,"featureId":"calls","customerId":"acme"}]}"#;
    let send = |body: &'static str| server.request("POST", "/api/v1/usage").raw(body).send().json();
    assert_eq!(send(one)["data"][0]["credit"]["consumed"], 10);
    assert_eq!(send(other)["data"][0]["credit"]["consumed"], 0);
}

#[test]
fn a_report_without_a_key_counts_again_unless_it_says_that_it_is_a_retry() {
    let server = metered();
    let body = usages(&[json!({ "customerId": "acme", "featureId": "calls", "value": 1 })]);
    let send = |retries: &str| {
        let call = server.request("POST", "/api/v1/usage");
        call.header("x-stainless-retry-count", retries).json(&body).send().json()
    };
    assert_eq!(send("0")["data"][0]["credit"]["consumed"], 10);
    assert_eq!(send("1")["data"][0]["credit"]["consumed"], 0);
    assert_eq!(send("0")["data"][0]["credit"]["consumed"], 10);
    assert_eq!(left(&server), 20);
}

#[test]
fn one_bad_item_refuses_all_unless_the_good_ones_are_asked_for() {
    let server = metered();
    let unknown = json!({ "customerId": "acme", "featureId": "unheard-of", "value": 1 });
    let unread = json!({ "customerId": "acme", "featureId": "calls" });
    let items = [calls("a", 1), unknown, unread, calls("b", 1)];
    let answer = report(&server, &items);
    assert_eq!(answer.verdict(), "422 batch_refused");
    assert_eq!(left(&server), 0);
    let call = server.request("POST", "/api/v1/usage").header("stipend-batch", "partial");
    let answer = call.json(&usages(&items)).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    let codes: Vec<(&Value, &Value)> = answer["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (&error["index"], &error["code"]))
        .collect();
    assert_eq!(
        codes,
        [(&json!(1), &json!("feature_not_found")), (&json!(2), &json!("missing_field"))]
    );
    assert_eq!(answer["data"].as_array().unwrap().len(), 2);
    assert_eq!(left(&server), 20);
}

#[test]
fn events_follow_the_rules_of_batches() {
    let server = metered();
    let event = |customer: &str, key: &str| {
        json!({ "customerId": customer, "eventName": "job", "idempotencyKey": key,
            "dimensions": { "a": 10, "b": 20, "c": 3 } })
    };
    let send =
        |events: &[Value]| server.call("POST", "/api/v1/events", &json!({ "events": events }));
    let refused = send(&[event("acme", "a"), event("nobody", "b")]);
    assert_eq!(refused.verdict(), "422 batch_refused");
    assert_eq!(refused.json()["errors"][0]["code"], "customer_not_found");
    assert_eq!(send(&[event("nobody", "b")]).verdict(), "404 customer_not_found");
    assert_eq!(send(&[event("acme", "a"), event("acme", "a")]).json()["data"]["accepted"], 2);
    assert_eq!(left(&server), 56);
    assert_eq!(send(&[]).verdict().split(' ').next(), Some("422"));
}

/// Clients add up in binary and send what comes of it.
#[test]
fn a_dimension_with_more_digits_than_are_kept_is_rounded_and_not_lost() {
    let server = metered();
    let job = |a: &str| {
        format!(
            r#"{{"customerId":"acme","eventName":"job",
                "dimensions":{{"a":{a},"b":0,"c":0}}"#
        )
    };
    let estimate = server.request("POST", "/api/v1/events/estimate");
    let estimate = estimate.raw(job("0.30000000000000004") + "}").send().json();
    let estimate = &estimate["data"]["estimates"][0];
    assert_eq!(estimate["estimatedCost"], 0.33);
    assert_eq!(estimate["breakdown"][0].get("missingDimensions"), None);
    let send = |a: &str| {
        let event = job(a) + r#","idempotencyKey":"k"}"#;
        let body = format!(r#"{{"events":[{event}]}}"#);
        server.request("POST", "/api/v1/events").raw(body).send()
    };
    assert_eq!(send("0.30000000000000004").json()["data"], json!({ "accepted": 1 }));
    assert_eq!(left(&server), json!(0.33));
    assert_eq!(send("0.3").verdict(), "ok", "it means the same");
    assert_eq!(send("0.31").verdict(), "422 idempotency_key_reused");
    let consume = |a: &str| {
        let body = format!(
            r#"{{"customerId":"acme","currencyId":"api-credits","amount":1,
                "idempotencyKey":"c","dimensions":{{"a":{a}}}}}"#
        );
        server.request("POST", "/api/v1/credits/consumption").raw(body).send().verdict()
    };
    assert_eq!([consume("0.30000000000000004"), consume("0.3")], ["ok", "ok"]);
    assert_eq!(left(&server), json!(1.33));
}

/// A report that takes nothing of the credits has no entry of a pool that would say the balance.
#[test]
fn the_first_answer_comes_again_where_nothing_was_taken() {
    let server = metered();
    let grant = json!({ "customerId": "acme", "currencyId": "api-credits", "amount": 100,
        "displayName": "Kept", "grantType": "PAID" });
    server.post("/api/v1/credits/grants", &grant);
    report(&server, &[calls("a", 2)]);
    let mut same = calls("same", 2);
    same["updateBehavior"] = json!("SET");
    let check = |item: &Value, consumed: i64, used: i64, limit: i64, forfeited: Value| {
        let both = || {
            let items = usages(std::slice::from_ref(item));
            let one = server.post("/api/v1/usage", &items);
            let many = server.post("/api/v2/usage", &items);
            (one, many)
        };
        let first = both();
        let credit = &first.0[0]["credit"];
        assert_eq!(credit["consumed"], consumed);
        assert_eq!((&credit["currentUsage"], &credit["usageLimit"]), (&json!(used), &json!(limit)));
        assert_eq!(credit["forfeited"], forfeited);
        let pool = &first.1["credits"][0];
        assert_eq!((&pool["currentUsage"], &pool["usageLimit"]), (&json!(used), &json!(limit)));
        report(&server, &[calls(&format!("after {used} of {limit}"), 3)]);
        let again = both();
        let mut answered = first;
        // What a request takes is told of that request alone.
        answered.0[0]["credit"].as_object_mut().unwrap().remove("forfeited");
        assert_eq!(again, answered);
    };
    check(&same, 0, 20, 80_100, Value::Null);
    let now = json!({ "cancellationTime": "IMMEDIATE" });
    server.post("/api/v1/subscriptions/sub-1/cancel", &now);
    check(&calls("less", -1), 0, 0, 100, json!(10));
}

#[test]
fn the_first_answer_comes_again_with_the_dimensions_that_were_missing() {
    let server = metered();
    let mut jobs = calls("u", 1);
    jobs["featureId"] = json!("jobs");
    jobs["dimensions"] = json!({ "a": 10 });
    for path in ["/api/v1/usage", "/api/v2/usage"] {
        for _ in 0..2 {
            let answer = server.post(path, &usages(std::slice::from_ref(&jobs)));
            let one = if answer.is_array() { &answer[0] } else { &answer["usages"][0] };
            assert_eq!(one["missingDimensions"], json!(["b", "c"]), "{path}");
        }
    }
    let event = |key: &str, dimensions: Value| {
        json!({ "customerId": "acme", "eventName": "job", "idempotencyKey": key,
            "dimensions": dimensions })
    };
    let all = event("a", json!({ "a": 1, "b": 1, "c": 1 }));
    let events = json!({ "events": [all, event("b", json!({ "c": 1 }))] });
    let first = server.post("/api/v1/events", &events);
    assert_eq!(first["warnings"], json!([{ "index": 1, "missingDimensions": ["a", "b"] }]));
    assert_eq!(server.post("/api/v1/events", &events), first);
}

#[test]
fn what_is_too_late_or_too_early_is_refused() {
    let server = metered();
    let at = |when: &str| {
        let mut item = calls("k", 1);
        item["createdAt"] = when.into();
        report(&server, &[item]).verdict()
    };
    assert_eq!(at("1970-01-01T00:00:00Z"), "422 event_too_old");
    assert_eq!(at("9999-01-01T00:00:00Z"), "422 event_in_future");
    assert_eq!(at("2026-01-31T00:06:00Z"), "422 event_in_future");
    assert_eq!(at("2026-01-31"), "422 batch_refused", "an item that cannot be read is one");
}

#[test]
fn an_estimate_says_what_it_could_not_take_into_account() {
    let server = metered();
    let usage = |feature: &str| {
        let body = json!({ "customerId": "acme", "featureId": feature, "value": 1 });
        server.post("/api/v1/usage/estimate", &body)["warnings"].clone()
    };
    assert_eq!(usage("calls"), json!([]));
    assert_eq!(usage("free"), json!(["FEATURE_NOT_CREDIT_BASED"]));
    assert_eq!(usage("unheard-of"), json!(["FEATURE_NOT_FOUND"]));
    let event = json!({ "customerId": "acme", "eventName": "job", "dimensions": { "a": 10 } });
    let estimate = server.post("/api/v1/events/estimate", &event);
    assert_eq!(estimate["estimates"][0]["estimatedCost"], 11);
    assert_eq!(estimate["estimates"][0]["breakdown"][0]["missingDimensions"], json!(["b", "c"]));
    let scoped = json!({ "customerId": "acme", "planId": "growth", "resourceId": "site" });
    server.post("/api/v1/subscriptions", &scoped);
    assert_eq!(usage("calls"), json!(["RESOURCE_SCOPED_SUBSCRIPTION_EXISTS"]));
    assert_eq!(left(&server), 0, "nothing is recorded");
}

#[test]
fn a_history_is_of_what_exists() {
    let server = metered();
    let ask = |path: &str| {
        let path = format!("/api/v1/usage/{path}startDate=2026-01-01T00:00:00Z");
        server.request("GET", &path).send().verdict()
    };
    assert_eq!(ask("acme/history/calls?"), "ok");
    assert_eq!(ask("nobody/history/calls?"), "404 customer_not_found");
    assert_eq!(ask("acme/history/unheard-of?"), "404 feature_not_found");
    assert_eq!(ask("acme/history/calls?resourceId=nowhere&"), "404 resource_not_found");
    assert_eq!(
        ask("acme/history/calls?endDate=2025-01-01T00:00:00Z&"),
        "400 invalid_parameter startDate"
    );
}
