//! What `GET /api/v1/decisions/{id}` tells of checks, refusals and reservations.

use crate::access::enforced;
use crate::support::Server;
use crate::usage::metered;
use crate::world::{self, features, grant, usage};
use serde_json::{Value, json};

const CONSUME: &str = "/api/v1/credits/consumption";
const BULK: &str = "/api/v1/credits/consumption/async";

/// The decision that an answer names.
fn decision(server: &Server, answer: &Value) -> Value {
    let id = answer["decisionId"].as_str().unwrap_or_else(|| panic!("it names one: {answer}"));
    server.get(&format!("/api/v1/decisions/{id}"))
}

fn ask(server: &Server, query: &str) -> Value {
    server.get(&format!("/api/v1/customers/acme/entitlements/check?{query}"))
}

/// What each grant gave.
fn amounts(decision: &Value) -> Vec<Value> {
    let draws = decision["draws"].as_array().expect("a list");
    draws.iter().map(|draw| draw["amount"].clone()).collect()
}

/// Type, limit, usage before, what was asked for, enforcement.
fn limit(decision: &Value) -> String {
    let hit = &decision["limitHit"];
    let names = ["type", "limit", "currentUsage", "requested", "enforcement"];
    let words = names.map(|name| hit[name].to_string().replace('"', ""));
    words.join(" ")
}

/// `acme` with 10 credits a month that are strict, and three features that cost some of them: calls
/// 1 each, jobs by a formula, and `capped` 1 each up to a strict limit of 3.
fn strict() -> Server {
    let server = Server::new();
    server.post("/api/v1/products", &json!({ "id": "api", "displayName": "API" }));
    world::currency(&server, "api-credits");
    for (id, meter) in [
        ("calls", Value::Null),
        ("capped", Value::Null),
        ("jobs", json!({ "aggregation": { "function": "COUNT" }, "filters": [] })),
    ] {
        let mut feature = json!({
            "id": id, "displayName": id, "featureType": "NUMBER", "meterType": "INCREMENTAL",
        });
        if !meter.is_null() {
            feature["meter"] = meter;
        }
        server.post("/api/v1/features", &feature);
    }
    world::package(&server, "plans", "growth", "api", Some(10));
    let change = json!({ "type": "CREDIT", "enforcement": "STRICT" });
    server.done("PATCH", "/api/v1/plans/growth/entitlements/api-credits", &change);
    let capped = json!({ "entitlements": [
        { "type": "FEATURE", "id": "capped", "usageLimit": 3, "enforcement": "STRICT" },
    ] });
    server.post("/api/v1/plans/growth/entitlements", &capped);
    let rate = |feature: &str, rate: Value| {
        json!({ "billingModel": "CREDIT_BASED", "featureId": feature,
            "pricePeriods": [{ "billingPeriod": "MONTHLY", "creditRate": rate }] })
    };
    let plain = json!({ "amount": 1, "currencyId": "api-credits" });
    let formula = json!({ "amount": 1, "currencyId": "api-credits", "costFormula": "a + b" });
    let rates = [rate("calls", plain.clone()), rate("capped", plain), rate("jobs", formula)];
    let charges = json!({ "charges": { "pricingType": "PAID", "pricingModels": rates } });
    server.done("PATCH", "/api/v1/plans/growth", &charges);
    world::publish(&server, "plans", "growth");
    world::customer(&server, "acme");
    world::subscribe(&server, "acme", "sub-1", &json!([]));
    server
}

fn report(server: &Server, items: &[(&str, u32)], is_partial: bool) -> Value {
    let usages = items.iter().map(
        |(feature, value)| json!({ "customerId": "acme", "featureId": feature, "value": value }),
    );
    let body = json!({ "usages": usages.collect::<Vec<_>>() });
    let mut request = server.request("POST", "/api/v1/usage").json(&body);
    if is_partial {
        request = request.header("stipend-batch", "partial");
    }
    request.send().json()
}

#[test]
fn a_check_tells_the_balance_that_it_reached_and_how_that_is_enforced() {
    for (enforcement, outcome) in [("SOFT", "GRANTED"), ("HARD", "DENIED"), ("STRICT", "DENIED")] {
        let server = enforced(enforcement);
        let told = decision(&server, &ask(&server, "currencyId=api-credits&requestedUsage=11"));
        assert_eq!(told["outcome"], outcome);
        assert_eq!(limit(&told), format!("BALANCE 10 0 11 {enforcement}"));
        assert_eq!((amounts(&told), &told["overdraft"]), (vec![json!(10)], &json!(1)));
        let told = decision(&server, &ask(&server, "currencyId=api-credits&requestedUsage=10"));
        assert_eq!(told["limitHit"], Value::Null, "{enforcement}");
    }
}

#[test]
fn a_check_of_a_feature_tells_price_draws_and_limit() {
    let server = features();
    let gift = grant(&server, "acme", &json!({ "amount": 5, "priority": 0 }));
    let told = decision(&server, &ask(&server, "featureId=chat&requestedUsage=26"));
    assert_eq!(told["outcome"], "GRANTED");
    assert_eq!(told["subscription"], json!({ "id": "sub-1", "planId": "full", "version": 1 }));
    assert_eq!(
        told["mapping"],
        json!({ "packageId": "full", "packageType": "PLAN", "version": 1, "rate": 2,
            "costFormula": null, "inputs": { "usageBefore": 0, "usageAfter": 26 },
            "isEstimate": false })
    );
    assert_eq!((&told["cost"], &told["currencyId"]), (&json!(52), &json!("api-credits")));
    assert_eq!(amounts(&told), [json!(5), json!(47)]);
    assert_eq!(told["draws"][0]["grantId"], gift);
    assert_eq!(told["draws"][0]["rule"], "priority 0 is drawn before 50");
    let told = decision(&server, &ask(&server, "featureId=chat&requestedUsage=28"));
    assert_eq!(told["accessDeniedReason"], "InsufficientCredits");
    assert_eq!(limit(&told), "BALANCE 55 0 56 HARD");
    let told = decision(&server, &ask(&server, "featureId=calls&requestedUsage=101"));
    assert_eq!(limit(&told), "USAGE_LIMIT 100 0 101 HARD");
    assert_eq!(told["subscription"]["id"], "sub-1");
    let budget = json!({ "budget": { "limit": 0, "hasSoftLimit": false } });
    server.done("PATCH", "/api/v1/subscriptions/sub-1", &budget);
    let told = decision(&server, &ask(&server, "featureId=calls&requestedUsage=1"));
    assert_eq!(limit(&told), "BUDGET 0 0 1 HARD");
}

#[test]
fn where_a_formula_prices_events_a_check_says_that_it_estimates() {
    let server = metered();
    let told = decision(&server, &ask(&server, "featureId=jobs&requestedUsage=2"));
    assert_eq!(told["mapping"]["costFormula"], "1.1*a + 1.5*b + 5*c");
    assert_eq!(told["mapping"]["isEstimate"], true);
    let event = json!({ "events": [{ "customerId": "acme", "eventName": "job",
        "idempotencyKey": "e", "dimensions": { "a": 10, "b": 4 } }] });
    server.post("/api/v1/events", &event);
    let ledger = server.get("/api/v1/credits/ledger?customerId=acme&eventType=CREDITS_CONSUMED");
    let told = decision(&server, &ledger[0]);
    assert_eq!(told["mapping"]["isEstimate"], false);
    assert_eq!(told["mapping"]["inputs"], json!({ "a": 10, "b": 4, "c": null }));
    assert_eq!((&told["cost"], &told["featureId"]), (&json!(17), &json!("jobs")));
}

#[test]
fn refused_usage_says_what_it_would_have_cost_and_taken() {
    let server = strict();
    let told = decision(&server, &report(&server, &[("calls", 11)], false)["error"]);
    assert_eq!((&told["kind"], &told["outcome"]), (&json!("REFUSAL"), &json!("REFUSED")));
    assert_eq!(told["errorCode"], "insufficient_credits");
    assert_eq!((&told["featureId"], &told["currencyId"]), (&json!("calls"), &json!("api-credits")));
    assert_eq!((&told["requestedUsage"], &told["cost"]), (&json!(11), &json!(11)));
    assert_eq!(told["mapping"]["inputs"], json!({ "usageBefore": 0, "usageAfter": 11 }));
    assert_eq!(told["subscription"]["id"], "sub-1");
    assert_eq!((amounts(&told), &told["overdraft"]), (vec![json!(10)], &json!(1)));
    assert_eq!(limit(&told), "BALANCE 10 0 11 STRICT");
    report(&server, &[("capped", 2)], false);
    let told = decision(&server, &report(&server, &[("capped", 2)], false)["error"]);
    assert_eq!(told["errorCode"], "usage_limit_exceeded");
    assert_eq!(limit(&told), "USAGE_LIMIT 3 2 2 STRICT");
    assert_eq!(amounts(&told), [json!(2)]);
}

#[test]
fn a_refused_event_says_what_its_formula_made_of_it() {
    let server = strict();
    let event = |key: &str, a: u32| {
        json!({ "customerId": "acme", "eventName": "job", "idempotencyKey": key,
            "dimensions": { "a": a } })
    };
    let body = json!({ "events": [event("e", 12)] });
    let refused = server.call("POST", "/api/v1/events", &body);
    assert_eq!(refused.verdict(), "402 insufficient_credits");
    let told = decision(&server, &refused.json()["error"]);
    assert_eq!((&told["featureId"], &told["cost"]), (&json!("jobs"), &json!(12)));
    assert_eq!(told["mapping"]["costFormula"], "a + b");
    assert_eq!(told["mapping"]["inputs"], json!({ "a": 12, "b": null }));
    assert_eq!(limit(&told), "BALANCE 10 0 12 STRICT");
    let body = json!({ "events": [event("f", 6), event("g", 7)] });
    let request = server.request("POST", "/api/v1/events").json(&body);
    let answer = request.header("stipend-batch", "partial").send().json();
    let told = decision(&server, &answer["data"]["errors"][0]);
    assert_eq!(limit(&told), "BALANCE 10 6 7 STRICT", "the one before it had taken 6");
    assert_eq!((amounts(&told), &told["overdraft"]), (vec![json!(4)], &json!(3)));
}

#[test]
fn each_item_of_a_bulk_has_a_decision_of_its_own() {
    let server = strict();
    let items = [("a", 4), ("b", 6), ("c", 1)].map(|(key, amount)| usage("acme", key, amount));
    let body = json!({ "consumptions": items });
    let refused = server.call("POST", BULK, &body);
    assert_eq!(refused.verdict(), "422 batch_refused");
    let told = decision(&server, &refused.json()["errors"][0]);
    assert_eq!(limit(&told), "BALANCE 10 10 1 STRICT");
    assert_eq!((amounts(&told), &told["overdraft"]), (vec![], &json!(1)));
    let answer = server.request("POST", BULK).json(&body).header("stipend-batch", "partial");
    let answer = answer.send().json();
    assert!(answer["data"]["errors"][0]["decisionId"].is_string());
    let ids = answer["data"]["decisionIds"].as_array().expect("a list").clone();
    let told = ids.iter().map(|id| decision(&server, &json!({ "decisionId": id }))["cost"].clone());
    assert_eq!(told.collect::<Vec<_>>(), [json!(4), json!(6)]);
    let answer = report(&server, &[("capped", 1), ("calls", 1)], true);
    let told = answer["errors"].as_array().expect("a list").iter();
    let told: Vec<String> = told.map(|error| limit(&decision(&server, error))).collect();
    assert_eq!(told, ["BALANCE 10 10 1 STRICT", "BALANCE 10 10 1 STRICT"]);
}

#[test]
fn a_reservation_is_told_from_its_making_to_its_end() {
    let server = enforced("SOFT");
    let reserve = |id: &str, amount: u32| {
        let query = format!("currencyId=api-credits&reservationId={id}&reserveAmount={amount}");
        ask(&server, &query)
    };
    let made = reserve("job", 6);
    let told = decision(&server, &made);
    assert_eq!((&told["kind"], &told["outcome"]), (&json!("RESERVATION"), &json!("RESERVED")));
    assert_eq!((amounts(&told), &told["cost"]), (vec![json!(6)], &json!(6)));
    assert_eq!(told["subscription"]["id"], "sub-1");
    assert_eq!(reserve("job", 6)["decisionId"], made["decisionId"], "the first answer again");
    let told = decision(&server, &reserve("other", 5));
    assert_eq!((&told["kind"], &told["outcome"]), (&json!("CHECK"), &json!("DENIED")));
    assert_eq!(limit(&told), "BALANCE 10 6 5 STRICT", "strict, whatever is soft");
    let place = json!({ "customerId": "acme", "currencyId": "api-credits" });
    let path = "/api/v1/credits/reservations/job";
    let mut more = place.clone();
    more["reserveAmount"] = json!(11);
    let refused = server.call("POST", &format!("{path}/extend"), &more);
    assert_eq!(refused.verdict(), "402 insufficient_credits");
    let told = decision(&server, &refused.json()["error"]);
    assert_eq!(limit(&told), "BALANCE 10 6 5 STRICT");
    more["reserveAmount"] = json!(8);
    let told = decision(&server, &server.post(&format!("{path}/extend"), &more));
    assert_eq!((&told["outcome"], amounts(&told)), (&json!("RESERVED"), vec![json!(2)]));
    let mut release = place;
    release["consumedAmount"] = json!(9);
    let released = server.post(&format!("{path}/release"), &release);
    let told = decision(&server, &released);
    assert_eq!((&told["kind"], &told["cost"]), (&json!("CONSUMPTION"), &json!(9)));
    assert_eq!(amounts(&told), [json!(8), json!(1)]);
}

#[test]
fn what_a_release_consumed_is_reversed_and_both_say_so() {
    let server = world::example();
    ask(&server, "currencyId=api-credits&reservationId=job&reserveAmount=50");
    let release =
        json!({ "customerId": "acme", "currencyId": "api-credits", "consumedAmount": 30 });
    let released = server.post("/api/v1/credits/reservations/job/release", &release);
    let path = "/api/v1/credits/ledger?customerId=acme&reservationId=job";
    let ended = server.get(path)[0].clone();
    assert_eq!(ended["reversedBy"], Value::Null);
    let reverse = format!("/api/v1/credits/ledger/{}/reverse", ended["entryId"].as_str().unwrap());
    let reversed = server.post(&reverse, &json!({ "reason": "It failed" }));
    assert_eq!((&reversed["amount"], &reversed["credit"]["currentUsage"]), (&json!(30), &json!(0)));
    assert_eq!(server.post(&reverse, &Value::Null), reversed, "once");
    let reversal = &reversed["entries"][0]["entryId"];
    assert_eq!(&server.get(path)[0]["reversedBy"], reversal);
    assert_eq!(&decision(&server, &released)["reversedBy"], reversal);
    let made = &server.get(path)[1]["entryId"].as_str().unwrap().to_owned();
    let reverse = format!("/api/v1/credits/ledger/{made}/reverse");
    assert_eq!(server.call("POST", &reverse, &Value::Null).verdict(), "409 entry_not_reversible");
}

#[test]
fn a_consumption_says_what_reverses_it() {
    let server = world::example();
    grant(&server, "acme", &json!({ "amount": 10, "priority": 0 }));
    let consumed = server.post(CONSUME, &usage("acme", "job", 30));
    server.post(CONSUME, &usage("acme", "other", 1));
    let path = "/api/v1/credits/ledger?customerId=acme&eventType=CREDITS_CONSUMED";
    assert_eq!(decision(&server, &consumed)["reversedBy"], Value::Null);
    let entry = server.get(path)[1]["entryId"].as_str().unwrap().to_owned();
    let reversed = server.post(&format!("/api/v1/credits/ledger/{entry}/reverse"), &Value::Null);
    let ledger = server.get(path);
    let reversal = &reversed["entries"][0]["entryId"];
    let said: Vec<&Value> =
        ledger.as_array().unwrap().iter().map(|one| &one["reversedBy"]).collect();
    assert_eq!(said, [&Value::Null, &Value::Null, &Value::Null, reversal, reversal]);
    assert_eq!(&decision(&server, &consumed)["reversedBy"], reversal);
}

#[test]
fn a_check_forecasts_where_it_is_asked_to() {
    let server = world::example();
    server.post(CONSUME, &usage("acme", "a", 40_000));
    server.advance(60);
    let plain = ask(&server, "currencyId=api-credits");
    assert!(plain.get("forecast").is_none());
    let explained = server.get("/api/v1/customers/acme/credits/explain?currencyId=api-credits");
    let asked = ask(&server, "currencyId=api-credits&forecast=true");
    assert_eq!(asked["forecast"], explained["forecast"]);
    assert_eq!(asked["forecast"]["windows"][0]["ratePerDay"], 40_000);
    for query in [
        "featureId=x&forecast=true",
        "currencyId=api-credits&forecast=true&reservationId=a&reserveAmount=1",
        "currencyId=api-credits&forecast=yes",
    ] {
        let path = format!("/api/v1/customers/acme/entitlements/check?{query}");
        let refused = server.call("GET", &path, &Value::Null);
        assert_eq!(refused.verdict(), "400 invalid_parameter forecast", "{query}");
    }
}
