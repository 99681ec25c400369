//! Time over HTTP: an expiry to the microsecond, a renewal that is seen before any command did
//! it, and a ledger that is complete afterwards.

use crate::support::{Server, instant};
use crate::world::{self, grant, usage};
use serde_json::{Value, json};
use stipend_store::MemoryStore;

fn is_granted(server: &Server, customer: &str) -> bool {
    let path = format!("/api/v1/customers/{customer}/entitlements/check");
    server.get(&format!("{path}?currencyId=api-credits"))["isGranted"] == json!(true)
}

fn ledger(server: &Server, customer: &str) -> Vec<Value> {
    let ledger = server.get(&format!("/api/v1/credits/ledger?customerId={customer}"));
    ledger.as_array().expect("it is a list").clone()
}

/// Row K7 of `calendar.md`; the engine counts microseconds.
#[test]
fn a_grant_is_over_at_the_instant_of_its_expiry() {
    let server = world::example();
    world::customer(&server, "bob");
    let end = "2026-02-10T12:00:00Z";
    grant(&server, "bob", &json!({ "expireAt": end }));
    for (micros, granted, limit) in [(-1, true, 100), (0, false, 0), (1, false, 0)] {
        server.set_micros(instant(end).micros() + micros);
        assert_eq!(is_granted(&server, "bob"), granted, "{micros} µs");
        assert_eq!(server.balance("bob"), (limit, 0), "{micros} µs");
    }
}

#[test]
fn a_renewal_is_seen_before_any_command_did_it() {
    let server = world::example();
    server.post("/api/v1/credits/consumption", &usage("acme", "k", 30_000));
    let before = server.position();
    server.set_micros(instant("2026-02-28T00:00:00Z").micros() - 1);
    assert_eq!(server.balance("acme"), (80_000, 30_000));
    server.set_clock("2026-02-28T00:00:00Z");
    assert_eq!(server.balance("acme"), (80_000, 0));
    let check = server.get("/api/v1/customers/acme/entitlements/check?currencyId=api-credits");
    assert_eq!(check["usagePeriodEnd"], "2026-03-31T00:00:00.000Z", "from the original anchor");
    let explained = server.get("/api/v1/customers/acme/credits/explain?currencyId=api-credits");
    assert_eq!(explained["grants"].as_array().unwrap().len(), 2);
    assert_eq!(server.position(), before, "checks and explanations write nothing");
}

#[test]
fn the_ledger_is_complete_after_periods_in_which_nobody_asked() {
    let server = world::example();
    server.post("/api/v1/credits/consumption", &usage("acme", "k", 30_000));
    server.set_clock("2026-04-15T00:00:00Z");
    let entries = ledger(&server, "acme");
    let at = |instant: &str, kind: &str| {
        let of = entries.iter().filter(|entry| {
            entry["timestamp"] == json!(instant) && entry["eventType"] == json!(kind)
        });
        of.map(|entry| entry["amount"].as_i64().unwrap()).sum::<i64>()
    };
    for (instant, expired) in
        [("2026-02-28T00:00:00.000Z", -50_000), ("2026-03-31T00:00:00.000Z", -80_000)]
    {
        assert_eq!(at(instant, "CREDITS_EXPIRED"), expired, "{instant}");
        assert_eq!(at(instant, "CREDITS_GRANTED"), 80_000, "{instant}");
    }
    let sum: i64 = entries.iter().map(|entry| entry["amount"].as_i64().unwrap()).sum();
    assert_eq!(sum, 80_000, "the entries of a pool add up to its balance");
    let before = server.position();
    assert_eq!(ledger(&server, "acme"), entries);
    assert_eq!(server.position(), before, "what is due is done once");
}

#[test]
fn time_does_not_run_backwards_for_a_clock_that_does() {
    let server = world::example();
    server.set_clock("2026-02-28T00:00:00Z");
    server.post("/api/v1/credits/consumption", &usage("acme", "k", 1));
    server.set_clock("2026-02-01T00:00:00Z");
    assert_eq!(server.balance("acme"), (80_000, 1));
    let again = server.post("/api/v1/credits/consumption", &usage("acme", "k-2", 1));
    assert_eq!(again["credit"]["timestamp"], "2026-02-28T00:00:00.000Z");
}

/// A product whose subscriptions go on with the plan `free` and its 500 credits.
fn followed_by_free() -> Server {
    let server = world::example();
    world::package(&server, "plans", "free", "api", Some(500));
    let free = json!({ "charges": { "pricingType": "FREE", "pricingModels": [] } });
    server.done("PATCH", "/api/v1/plans/free", &free);
    world::publish(&server, "plans", "free");
    server.done("PATCH", "/api/v1/products/api", &settings(Some("free")));
    server
}

fn settings(plan: Option<&str>) -> Value {
    json!({ "productSettings": {
        "subscriptionCancellationTime": "END_OF_BILLING_PERIOD",
        "subscriptionEndSetup": "DOWNGRADE_TO_FREE",
        "subscriptionStartSetup": "PLAN_SELECTION",
        "downgradePlanId": plan,
    } })
}

#[test]
fn what_is_cancelled_goes_on_with_the_free_plan_of_the_product() {
    let server = followed_by_free();
    let cancelled = server.post("/api/v1/subscriptions/sub-1/cancel", &Value::Null);
    assert_eq!((&cancelled["planId"], &cancelled["status"]), (&json!("growth"), &json!("ACTIVE")));
    server.set_clock("2026-02-28T00:00:00Z");
    let free = server.get("/api/v1/subscriptions/sub-1");
    assert_eq!((&free["planId"], &free["status"]), (&json!("free"), &json!("ACTIVE")));
    assert_eq!((&free["pricingType"], &free["addons"]), (&json!("FREE"), &json!([])));
    assert_eq!(server.balance("acme"), (500, 0));
    server.set_clock("2026-03-28T00:00:00Z");
    assert_eq!(server.balance("acme"), (500, 0));
    let revoke = json!({
        "cancellationTime": "IMMEDIATE", "cancellationAction": "REVOKE_ENTITLEMENTS",
    });
    world::customer(&server, "bob");
    world::subscribe(&server, "bob", "sub-2", &json!([]));
    let revoked = server.post("/api/v1/subscriptions/sub-2/cancel", &revoke);
    assert_eq!((&revoked["planId"], &revoked["status"]), (&json!("growth"), &json!("CANCELED")));
}

#[test]
fn a_free_plan_that_is_to_follow_must_be_named_and_free() {
    let server = followed_by_free();
    for (plan, refused) in [
        (None, "422 invalid_value"),
        (Some("growth"), "422 invalid_value"),
        (Some("nothing"), "404 plan_not_found"),
    ] {
        let answer = server.call("PATCH", "/api/v1/products/api", &settings(plan));
        assert_eq!(answer.verdict(), refused, "{plan:?}");
    }
}

#[test]
fn a_preview_looks_a_thousand_instants_ahead_and_no_further() {
    let server = world::example();
    let preview = |start: &str| {
        let path = "/api/v1/subscriptions/preview";
        let body = json!({
            "customerId": "acme", "planId": "growth", "resourceId": "site", "startDate": start,
        });
        server.call("POST", path, &body)
    };
    assert_eq!(preview("2100-01-01T00:00:00Z").json()["data"]["isScheduled"], true);
    let refused = preview("9990-01-01T00:00:00Z");
    assert_eq!(refused.verdict(), "422 invalid_period /startDate");
    assert_eq!(preview("9999-01-01T00:00:00Z").verdict(), "422 invalid_schedule", "it ends there");
}

/// Each says one of the settings, and what the other says stays.
#[test]
fn two_changes_of_settings_at_once_are_both_kept() {
    let server = Server::in_memory(MemoryStore::new());
    for round in 0..8 {
        let (zone, proration) = match round % 2 {
            0 => ("Europe/Berlin", "PRORATE"),
            _ => ("America/New_York", "NONE"),
        };
        let patches = [json!({ "timeZone": zone }), json!({ "creditProration": proration })];
        let call = |patch: &Value| server.request("PATCH", "/api/v1/environments/1").json(patch);
        for answer in server.send_at_once(patches.iter().map(call).collect()) {
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        let all = server.get("/api/v1/environments");
        let found = all.as_array().expect("a list").iter().find(|one| one["id"] == "1");
        let told = found.expect("the environment is there");
        assert_eq!(
            (&told["timeZone"], &told["creditProration"]),
            (&json!(zone), &json!(proration))
        );
    }
}
