//! Reversals, the use of credits over time, forecasts and decisions, as callers see them.

use crate::support::Server;
use crate::world::{self, grant, usage};
use serde_json::{Value, json};

const CONSUME: &str = "/api/v1/credits/consumption";

/// The newest entry of a consumption in acme's ledger.
fn entry(server: &Server) -> String {
    let ledger = server.get("/api/v1/credits/ledger?customerId=acme&eventType=CREDITS_CONSUMED");
    ledger[0]["entryId"].as_str().expect("entries have ids").to_owned()
}

fn reverse(server: &Server, entry: &str, body: &Value) -> Value {
    server.post(&format!("/api/v1/credits/ledger/{entry}/reverse"), body)
}

#[test]
fn a_consumption_is_reversed_once_and_the_ledger_says_of_what() {
    let server = world::example();
    server.post(CONSUME, &usage("acme", "job", 81_000));
    let entry = entry(&server);
    let first = reverse(&server, &entry, &json!({ "reason": "It failed", "idempotencyKey": "u" }));
    assert_eq!(first["amount"], 81_000);
    assert_eq!(first["credit"]["currentUsage"], 0);
    assert_eq!(first["reason"], "It failed");
    let again = reverse(&server, &entry, &json!({ "reason": "Other", "idempotencyKey": "u" }));
    assert_eq!(again, first, "the same again gets the first answer");
    let path = format!("/api/v1/credits/ledger/{entry}/reverse");
    let other = server.call("POST", &path, &Value::Null);
    assert_eq!(other.verdict(), "409 already_reversed");
    assert_eq!(server.balance("acme"), (80_000, 0));
    let ledger = server.get("/api/v1/credits/ledger?customerId=acme&eventType=CREDITS_CONSUMED");
    let amounts: Vec<f64> =
        ledger.as_array().unwrap().iter().map(|entry| entry["amount"].as_f64().unwrap()).collect();
    assert_eq!(amounts.iter().sum::<f64>(), 0.0);
    assert_eq!(ledger[0]["reason"], "It failed");
    assert!(ledger[0]["reversalOf"].is_string());
}

#[test]
fn every_entry_of_a_consumption_leads_to_the_whole_of_it() {
    let server = world::example();
    grant(&server, "acme", &json!({ "amount": 10, "priority": 0 }));
    let consumed = server.post(CONSUME, &usage("acme", "job", 30));
    assert!(consumed["decisionId"].is_string());
    let ledger = server.get("/api/v1/credits/ledger?customerId=acme&eventType=CREDITS_CONSUMED");
    assert_eq!(ledger.as_array().unwrap().len(), 2);
    let second = ledger[1]["entryId"].as_str().unwrap();
    assert_eq!(reverse(&server, second, &json!({}))["amount"], 30);
}

#[test]
fn another_environment_finds_neither_entries_nor_decisions() {
    let server = world::example();
    let id = server.post(CONSUME, &usage("acme", "job", 1))["decisionId"].clone();
    let entry = entry(&server);
    let path = format!("/api/v1/credits/ledger/{entry}/reverse");
    assert_eq!(server.in_sandbox("POST", &path).send().verdict(), "404 entry_not_found");
    let path = format!("/api/v1/decisions/{}", id.as_str().unwrap());
    assert_eq!(server.in_sandbox("GET", &path).send().verdict(), "404 decision_not_found");
    let check = server.get("/api/v1/customers/acme/entitlements/check?currencyId=api-credits");
    let path = format!("/api/v1/decisions/{}", check["decisionId"].as_str().unwrap());
    assert_eq!(server.in_sandbox("GET", &path).send().verdict(), "404 decision_gone");
}

#[test]
fn credit_usage_is_told_by_dimension_where_its_events_were() {
    let server = world::example();
    let use_in = |key: &str, amount: u32, region: &str| {
        let mut body = usage("acme", key, amount);
        body["dimensions"] = json!({ "region": region });
        server.post(CONSUME, &body);
    };
    use_in("a", 5, "eu");
    use_in("b", 7, "us");
    use_in("c", 2, "eu");
    let us = entry(&server);
    server.post(CONSUME, &usage("acme", "d", 1));
    reverse(&server, &us, &json!({}));
    let told = server
        .get("/api/v1/credits/usage?customerId=acme&currencyId=api-credits&groupBy=region&limit=2");
    assert_eq!(told["currency"]["currencyId"], "api-credits");
    let series = told["series"].as_array().unwrap();
    let shown = |series: &Value| {
        (series["tags"].clone(), series["totalCredits"].clone(), series["eventCount"].clone())
    };
    assert_eq!(shown(&series[0]), (Value::Null, json!(1), json!(1)));
    let eu = json!([{ "key": "region", "value": "eu" }]);
    assert_eq!(shown(&series[1]), (eu, json!(5), json!(2)), "c was taken back");
    let next = told["pagination"]["next"].as_str().expect("there is one more");
    let rest = server.get(&format!(
        "/api/v1/credits/usage?customerId=acme&currencyId=api-credits&groupBy=region&limit=2\
         &after={next}"
    ));
    let us = json!([{ "key": "region", "value": "us" }]);
    assert_eq!(shown(&rest["series"][0]), (us, json!(7), json!(1)));
    assert_eq!(rest["pagination"]["next"], Value::Null);
}

#[test]
fn points_are_hourly_for_a_day_and_daily_otherwise() {
    let server = world::example();
    server.post(CONSUME, &usage("acme", "a", 5));
    server.advance(2 * 60 * 60);
    server.post(CONSUME, &usage("acme", "b", 3));
    let values = |range: &str| -> Vec<Value> {
        let path = format!("/api/v1/credits/usage?customerId=acme&timeRange={range}");
        server.advance(1);
        let told = server.get(&path);
        let points = told["series"][0]["points"].as_array().unwrap();
        points.iter().map(|point| point["value"].clone()).collect()
    };
    assert_eq!(values("LAST_DAY"), [json!(5), json!(3)]);
    assert_eq!(values("LAST_WEEK"), [json!(8)]);
}

#[test]
fn the_pages_of_a_series_show_the_moment_of_the_first_whatever_comes() {
    let server = world::example();
    let use_in = |key: &str, amount: u32, region: &str| {
        let mut body = usage("acme", key, amount);
        body["dimensions"] = json!({ "region": region });
        server.post(CONSUME, &body);
    };
    let path = "/api/v1/credits/usage?customerId=acme&groupBy=region&limit=1";
    let shown = |told: &Value| {
        let series = &told["series"][0];
        (series["tags"][0]["value"].clone(), series["totalCredits"].clone())
    };
    use_in("a", 5, "eu");
    use_in("b", 7, "us");
    let first = server.get(path);
    assert_eq!(shown(&first), (json!("eu"), json!(5)));
    let after = first["pagination"]["next"].as_str().expect("there is one more");
    // Time passes, and what is used now would come first.
    server.advance(90);
    use_in("c", 2, "asia");
    use_in("d", 1, "us");
    let second = server.get(&format!("{path}&after={after}"));
    assert_eq!(shown(&second), (json!("us"), json!(7)));
    assert_eq!(second["pagination"]["next"], Value::Null);
    let before = second["pagination"]["prev"].as_str().expect("there was one");
    assert_eq!(shown(&server.get(&format!("{path}&before={before}"))), (json!("eu"), json!(5)));
    assert_eq!(shown(&server.get(path)), (json!("asia"), json!(2)), "a first page shows now");
}

#[test]
fn a_cursor_of_series_is_taken_for_its_own_question_only() {
    let server = world::example();
    world::customer(&server, "other");
    for (key, region) in [("a", "eu"), ("b", "us")] {
        let mut body = usage("acme", key, 1);
        body["dimensions"] = json!({ "region": region });
        server.post(CONSUME, &body);
    }
    let ask = |question: &str| format!("/api/v1/credits/usage?limit=1&{question}");
    let question = "customerId=acme&groupBy=region";
    let told = server.get(&ask(question));
    let after = told["pagination"]["next"].as_str().expect("there is one more");
    let check = |question: &str, expected: &str| {
        let path = format!("{}&after={after}", ask(question));
        assert_eq!(server.call("GET", &path, &Value::Null).verdict(), expected, "{question}");
    };
    check(question, "ok");
    for other in [
        "customerId=other&groupBy=region",
        "customerId=acme&groupBy=region&currencyId=api-credits",
        "customerId=acme&groupBy=region&resourceId=site",
        "customerId=acme&groupBy=region,model",
        "customerId=acme&groupBy=region&timeRange=LAST_DAY",
        "customerId=acme&groupBy=region&startDate=2026-01-01T00:00:00Z",
        "customerId=acme&groupBy=region&endDate=2026-02-01T00:00:00Z",
    ] {
        check(other, "400 invalid_cursor");
    }
}

#[test]
fn the_days_of_a_series_are_those_of_the_environment() {
    let server = world::example();
    server.post(CONSUME, &usage("acme", "a", 5));
    let day = || {
        server.advance(1);
        let told = server.get("/api/v1/credits/usage?customerId=acme");
        told["series"][0]["points"][0]["timestamp"].clone()
    };
    assert_eq!(day(), "2026-01-31T00:00:00.000Z");
    server.done("PATCH", "/api/v1/environments/1", &json!({ "timeZone": "Europe/Berlin" }));
    assert_eq!(day(), "2026-01-30T23:00:00.000Z");
    server.done("PATCH", "/api/v1/environments/1", &json!({ "timeZone": "America/New_York" }));
    assert_eq!(day(), "2026-01-30T05:00:00.000Z");
}

#[test]
fn the_explanation_says_when_credits_run_out() {
    let server = world::example();
    let path = "/api/v1/customers/acme/credits/explain?currencyId=api-credits";
    assert_eq!(server.get(path)["forecast"]["runsOutAt"], Value::Null, "nothing is used");
    server.post(CONSUME, &usage("acme", "a", 40_000));
    server.advance(60);
    let forecast = server.get(path)["forecast"].clone();
    assert_eq!(forecast["windows"][0]["used"], 40_000);
    assert_eq!(forecast["windows"][0]["ratePerDay"], 40_000);
    assert_eq!(forecast["windows"][1]["ratePerDay"], 5_714.285_714_285);
    assert_eq!(forecast["runsOutAt"], forecast["windows"][0]["runsOutAt"]);
    let entry = entry(&server);
    reverse(&server, &entry, &json!({}));
    assert_eq!(server.get(path)["forecast"]["windows"][0]["used"], 0, "it was taken back");
}

#[test]
fn a_consumption_says_which_grants_gave_and_why_each_before_the_next() {
    let server = world::example();
    grant(&server, "acme", &json!({ "amount": 10, "priority": 0 }));
    let consumed = server.post(CONSUME, &usage("acme", "job", 80_030));
    let path = format!("/api/v1/decisions/{}", consumed["decisionId"].as_str().unwrap());
    let decision = server.get(&path);
    assert_eq!(decision["kind"], "CONSUMPTION");
    assert_eq!(decision["outcome"], "CONSUMED");
    assert_eq!(decision["cost"], 80_030);
    assert_eq!(decision["overdraft"], 20);
    assert_eq!(decision["subscription"]["id"], "sub-1");
    let draws = decision["draws"].as_array().unwrap();
    assert_eq!(draws[0]["amount"], 10);
    assert_eq!(draws[0]["rule"], "priority 0 is drawn before 50");
    server.advance(400 * 24 * 60 * 60);
    server.post(CONSUME, &usage("acme", "later", 1));
    assert_eq!(server.get(&path)["draws"], decision["draws"], "it is told for ever");
}

#[test]
fn a_refusal_and_a_denial_say_what_stood_in_the_way() {
    let server = world::example();
    let mut body = usage("acme", "job", 80_001);
    body["strict"] = json!(true);
    let refused = server.call("POST", CONSUME, &body);
    assert_eq!(refused.verdict(), "402 insufficient_credits");
    let id = refused.json()["error"]["decisionId"].as_str().unwrap().to_owned();
    let decision = server.get(&format!("/api/v1/decisions/{id}"));
    assert_eq!(decision["outcome"], "REFUSED");
    assert_eq!(decision["errorCode"], "insufficient_credits");
    assert_eq!(decision["limitHit"]["limit"], 80_000);
    assert_eq!(decision["overdraft"], 1);
    let check = server.get(
        "/api/v1/customers/acme/entitlements/check?currencyId=api-credits&requestedUsage=80001",
    );
    let id = check["decisionId"].as_str().unwrap();
    let decision = server.get(&format!("/api/v1/decisions/{id}"));
    assert_eq!(decision["outcome"], "DENIED");
    assert_eq!(decision["accessDeniedReason"], "InsufficientCredits");
}
