//! Checks by feature, what enforces a limit, and promotional entitlements, from outside.

use crate::support::Server;
use crate::world::{self, features, promotion};
use serde_json::{Value, json};

const PROMOTIONS: &str = "/api/v1/customers/acme/promotional-entitlements";

fn ask(server: &Server, query: &str) -> Value {
    server.get(&format!("/api/v1/customers/acme/entitlements/check?{query}"))
}

fn verdict(answer: &Value) -> String {
    match answer["accessDeniedReason"].as_str() {
        Some(reason) => reason.to_owned(),
        None => "granted".to_owned(),
    }
}

/// `query => granted|reason`, line by line.
fn check(server: &Server, table: &str) {
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (query, expected) = line.split_once("=>").expect("a line has an answer");
        let answer = ask(server, query.trim());
        assert_eq!(verdict(&answer), expected.trim(), "{line}");
        assert_eq!(answer["isGranted"], expected.trim() == "granted", "{line}");
    }
}

fn report(server: &Server, feature: &str, value: u32) {
    let usage = json!({ "usages": [
        { "customerId": "acme", "featureId": feature, "value": value },
    ] });
    server.post("/api/v1/usage", &usage);
}

#[test]
fn each_kind_of_feature_is_checked_in_its_own_way() {
    let server = features();
    check(
        &server,
        "
        featureId=sso                                              => granted
        featureId=sso&requestedUsage=1                             => FeatureTypeMismatch
        featureId=calls                                            => granted
        featureId=calls&requestedUsage=100                         => granted
        featureId=calls&requestedUsage=101                         => RequestedUsageExceedingLimit
        featureId=size&requestedUsage=10                           => granted
        featureId=size&requestedUsage=11                           => RequestedUsageExceedingLimit
        featureId=region&requestedValues=eu,us                     => granted
        featureId=region&requestedValues=eu,asia                   => RequestedValuesMismatch
        featureId=chat&requestedUsage=25                           => granted
        featureId=chat&requestedUsage=26                           => InsufficientCredits
        featureId=mail                                 => NoFeatureEntitlementInSubscription
        featureId=none                                             => FeatureNotFound
        featureId=no%20id                                          => FeatureNotFound
        featureId=none&resourceId=nowhere                          => CustomerResourceNotFound
        featureId=none&resourceId=no%20id                          => CustomerResourceNotFound
        ",
    );
    let nobody = server.get("/api/v1/customers/nobody/entitlements/check?featureId=none");
    assert_eq!(verdict(&nobody), "CustomerNotFound");
    server.post("/api/v1/customers/acme/archive", &Value::Null);
    check(
        &server,
        "featureId=none&resourceId=no%20id => CustomerIsArchived
        featureId=no%20id => CustomerIsArchived",
    );
}

#[test]
fn what_was_reported_counts_against_the_limit() {
    let server = features();
    report(&server, "calls", 99);
    check(
        &server,
        "featureId=calls => granted
        featureId=calls&requestedUsage=1 => granted
        featureId=calls&requestedUsage=2 => RequestedUsageExceedingLimit",
    );
    report(&server, "calls", 1);
    check(&server, "featureId=calls => RequestedUsageExceedingLimit");
    let answer = ask(&server, "featureId=calls");
    assert_eq!((&answer["currentUsage"], &answer["usageLimit"]), (&json!(100), &json!(100)));
    assert_eq!(answer["usagePeriodEnd"], "2026-02-28T00:00:00.000Z");
    server.set_clock("2026-02-28T00:00:00Z");
    check(&server, "featureId=calls&requestedUsage=100 => granted");
    report(&server, "chat", 20);
    check(
        &server,
        "featureId=chat&requestedUsage=5 => granted
        featureId=chat&requestedUsage=6 => InsufficientCredits",
    );
}

#[test]
fn a_spent_budget_denies_and_a_soft_one_does_not() {
    let server = features();
    let budget = |limit: u32, soft: bool| {
        let budget = json!({ "budget": { "limit": limit, "hasSoftLimit": soft } });
        server.done("PATCH", "/api/v1/subscriptions/sub-1", &budget);
        verdict(&ask(&server, "featureId=calls"))
    };
    assert_eq!(budget(0, false), "BudgetExceeded");
    assert_eq!(budget(0, true), "granted");
    assert_eq!(budget(1, false), "granted", "nothing is ever charged");
}

#[test]
fn enforcement_is_stored_shown_and_changed() {
    let server = world::full();
    let path = "/api/v1/plans/draft-plan/entitlements";
    let made = json!({ "entitlements": [
        { "type": "FEATURE", "id": "seats", "usageLimit": 5, "enforcement": "STRICT" },
    ] });
    assert_eq!(server.post(path, &made)[0]["enforcement"], "STRICT");
    for (id, kind) in [("seats", "FEATURE"), ("api-credits", "CREDIT")] {
        let path = format!("{path}/{id}");
        for enforcement in ["SOFT", "HARD", "STRICT"] {
            let change = json!({ "type": kind, "enforcement": enforcement });
            assert_eq!(server.done("PATCH", &path, &change)["enforcement"], enforcement);
        }
        let other = json!({ "type": kind, "order": 7 });
        assert_eq!(server.done("PATCH", &path, &other)["enforcement"], "STRICT", "it stays");
    }
    let listed = server.get(path);
    let all = listed.as_array().expect("a list");
    assert!(all.iter().all(|one| one["enforcement"] == "STRICT"), "{listed}");
}

/// `acme` with 10 API credits a month that are enforced so.
pub(crate) fn enforced(enforcement: &str) -> Server {
    let server = Server::new();
    server.post("/api/v1/products", &json!({ "id": "api", "displayName": "API" }));
    world::currency(&server, "api-credits");
    world::package(&server, "plans", "growth", "api", Some(10));
    let change = json!({ "type": "CREDIT", "enforcement": enforcement });
    server.done("PATCH", "/api/v1/plans/growth/entitlements/api-credits", &change);
    world::publish(&server, "plans", "growth");
    world::customer(&server, "acme");
    world::subscribe(&server, "acme", "sub-1", &json!([]));
    server
}

#[test]
fn soft_hard_and_strict_differ_in_checks_and_in_what_is_recorded() {
    for (enforcement, checked, consumed) in [
        ("SOFT", "granted", "ok"),
        ("HARD", "InsufficientCredits", "ok"),
        ("STRICT", "InsufficientCredits", "402 insufficient_credits"),
    ] {
        let server = enforced(enforcement);
        let answer = ask(&server, "currencyId=api-credits&requestedUsage=11");
        assert_eq!(verdict(&answer), checked, "{enforcement}");
        assert_eq!(answer["hasSoftLimit"], enforcement == "SOFT");
        let body = world::usage("acme", "k", 11);
        let answer = server.call("POST", "/api/v1/credits/consumption", &body);
        assert_eq!(answer.verdict(), consumed, "{enforcement}");
    }
}

#[test]
fn a_bulk_that_is_not_covered_as_a_whole_is_refused_where_all_is_strict() {
    let server = enforced("STRICT");
    let bulk = |keys: &[(&str, u32)]| {
        let items: Vec<Value> =
            keys.iter().map(|(key, amount)| world::usage("acme", key, *amount)).collect();
        let body = json!({ "consumptions": items });
        server.call("POST", "/api/v1/credits/consumption/async", &body)
    };
    let refused = bulk(&[("a", 4), ("b", 6), ("c", 1)]);
    assert_eq!(refused.verdict(), "422 batch_refused");
    let errors = refused.json();
    assert_eq!(errors["errors"][0]["index"], 2);
    assert_eq!(errors["errors"][0]["code"], "insufficient_credits");
    let left = ask(&server, "currencyId=api-credits");
    assert_eq!(left["currentUsage"], 0, "nothing was applied");
    assert_eq!(bulk(&[("a", 4), ("b", 6)]).verdict(), "ok");
}

#[test]
fn entitlements_list_features_from_every_source_and_then_credits() {
    let server = features();
    server.post(PROMOTIONS, &promotion("mail", &json!({ "usageLimit": 3 })));
    let listed = server.get("/api/v1/customers/acme/entitlements");
    assert_eq!(listed["accessDeniedReason"], Value::Null);
    let names: Vec<&str> = listed["entitlements"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["feature"]["id"].as_str().or(one["currency"]["currencyId"].as_str()))
        .collect();
    let expected = ["calls", "chat", "mail", "region", "size", "sso", "strict", "api-credits"];
    assert_eq!(names, expected);
    let nowhere = server.get("/api/v1/customers/acme/entitlements?resourceId=nowhere");
    assert_eq!(nowhere["accessDeniedReason"], "NoActiveSubscription");
    assert_eq!(nowhere["entitlements"], json!([]));
}

#[test]
fn a_promotion_is_given_listed_replaced_and_revoked() {
    let server = features();
    let week = json!({ "usageLimit": 3, "period": "1 week" });
    let first = server.post(PROMOTIONS, &promotion("mail", &week));
    assert_eq!(first[0]["endDate"], "2026-02-07T00:00:00.000Z");
    check(&server, "featureId=mail&requestedUsage=3 => granted");
    let second = server.post(PROMOTIONS, &promotion("mail", &json!({ "usageLimit": 9 })));
    assert_ne!(first[0]["id"], second[0]["id"], "it is another one");
    check(&server, "featureId=mail&requestedUsage=9 => granted");
    server.post(PROMOTIONS, &promotion("sso", &json!({ "period": "1 week" })));
    let list = |query: &str| {
        let listed = server.call("GET", &format!("{PROMOTIONS}{query}"), &Value::Null).json();
        let all = listed["data"].as_array().expect("a list").clone();
        let ids: Vec<String> =
            all.iter().map(|one| one["featureId"].as_str().unwrap_or("").to_owned()).collect();
        (ids.join(" "), listed["pagination"]["next"].as_str().map(str::to_owned))
    };
    assert_eq!(list("").0, "sso mail", "the newest first");
    let (page, next) = list("?limit=1");
    assert_eq!(page, "sso");
    assert_eq!(list(&format!("?limit=1&after={}", next.expect("there is more"))).0, "mail");
    let revoked = server.done("DELETE", &format!("{PROMOTIONS}/mail"), &Value::Null);
    assert_eq!((&revoked["status"], &revoked["id"]), (&json!("Expired"), &second[0]["id"]));
    assert_eq!(server.done("DELETE", &format!("{PROMOTIONS}/mail"), &Value::Null), revoked);
    check(&server, "featureId=mail => Revoked");
    assert_eq!(list("?status=Active").0, "sso");
    assert_eq!(list("?status=Expired").0, "mail");
    assert_eq!(list("?status=Active,Expired").0, "sso mail");
    assert_eq!(list("?status=Paused").0, "");
    server.set_clock("2026-02-07T00:00:00Z");
    assert_eq!(list("?status=Expired").0, "sso mail");
    assert_eq!(list("?createdAt[gt]=2026-01-31T00:00:00Z").0, "");
}

#[test]
fn promotions_are_given_once_for_one_key_and_all_or_none() {
    let server = features();
    let give = |body: &Value| {
        server.request("POST", PROMOTIONS).header("idempotency-key", "k").json(body).send()
    };
    let body = promotion("mail", &json!({}));
    let first = give(&body);
    let again = give(&body);
    assert!(again.is_replay());
    assert_eq!(first.json(), again.json());
    let mut both = promotion("sso", &json!({}));
    let unknown = promotion("none", &json!({}))["promotionalEntitlements"][0].clone();
    both["promotionalEntitlements"].as_array_mut().expect("a list").push(unknown);
    let refused = server.call("POST", PROMOTIONS, &both);
    assert_eq!(refused.verdict(), "404 feature_not_found");
    let listed = server.get(PROMOTIONS);
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "nothing of it was given");
}

#[test]
fn a_promotion_gives_what_a_feature_of_its_type_has() {
    let server = features();
    let refused = |feature: &str, fields: &Value, why: &str| {
        let answer = server.call("POST", PROMOTIONS, &promotion(feature, fields));
        assert_eq!(answer.verdict(), "422 invalid_value", "{feature} {fields}");
        let told = answer.json()["message"].to_string();
        assert!(told.contains(why), "{feature} {fields}: {told}");
    };
    refused("sso", &json!({ "usageLimit": 5 }), "only a feature of type NUMBER has");
    refused("calls", &json!({ "enumValues": ["eu"] }), "only a feature of type ENUM has");
    refused("region", &json!({ "enumValues": ["mars"] }), "which the feature does not have");
}
