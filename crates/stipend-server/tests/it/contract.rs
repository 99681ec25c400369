//! Goal: show that no operation of the contract is taken for a wrong path.
//! Method: each of them, as the contract lists them, is in the document, or is refused with
//! `not_supported` once its key is known; which, is said here by a list of its own.

use crate::coverage::operations;
use crate::support::KEY;
use crate::world;
use std::collections::BTreeSet;
use stipend_engine::{ApiKey, Command, PRODUCTION, Scope};

/// Every operation of the contract (`wire.md`, B.1).
const CONTRACT: &str = "
    GET /api/v1/addons
    POST /api/v1/addons
    GET /api/v1/addons/{id}
    PATCH /api/v1/addons/{id}
    POST /api/v1/addons/{id}/archive
    GET /api/v1/addons/{id}/charges
    DELETE /api/v1/addons/{id}/draft
    POST /api/v1/addons/{id}/draft
    POST /api/v1/addons/{id}/publish
    GET /api/v1/addons/{addonId}/entitlements
    POST /api/v1/addons/{addonId}/entitlements
    DELETE /api/v1/addons/{addonId}/entitlements/{id}
    PATCH /api/v1/addons/{addonId}/entitlements/{id}
    GET /api/v1/plans
    POST /api/v1/plans
    GET /api/v1/plans/{id}
    PATCH /api/v1/plans/{id}
    POST /api/v1/plans/{id}/archive
    GET /api/v1/plans/{id}/charges
    DELETE /api/v1/plans/{id}/draft
    POST /api/v1/plans/{id}/draft
    GET /api/v1/plans/{id}/overage-charges
    POST /api/v1/plans/{id}/publish
    GET /api/v1/plans/{planId}/entitlements
    POST /api/v1/plans/{planId}/entitlements
    DELETE /api/v1/plans/{planId}/entitlements/{id}
    PATCH /api/v1/plans/{planId}/entitlements/{id}
    GET /api/v1/products
    POST /api/v1/products
    PATCH /api/v1/products/{id}
    POST /api/v1/products/{id}/archive
    POST /api/v1/products/{id}/duplicate
    POST /api/v1/products/{id}/unarchive
    GET /api/v1/features
    POST /api/v1/features
    GET /api/v1/features/{id}
    PATCH /api/v1/features/{id}
    POST /api/v1/features/{id}/archive
    POST /api/v1/features/{id}/unarchive
    GET /api/v1/credits/custom-currencies
    POST /api/v1/credits/custom-currencies
    PATCH /api/v1/credits/custom-currencies/{currencyId}
    POST /api/v1/credits/custom-currencies/{currencyId}/archive
    GET /api/v1/credits/custom-currencies/{currencyId}/associated-entities
    POST /api/v1/credits/custom-currencies/{currencyId}/unarchive
    GET /api/v1/credits/grants
    POST /api/v1/credits/grants
    POST /api/v1/credits/grants/{id}/void
    POST /api/v1/credits/consumption
    POST /api/v1/credits/consumption/async
    POST /api/v1/credits/reservations/{reservationId}/release
    GET /api/v1/credits/auto-recharge
    GET /api/v1/credits/ledger
    GET /api/v1/credits/usage
    GET /api/v1/customers
    POST /api/v1/customers
    POST /api/v1/customers/import
    GET /api/v1/customers/{id}
    PATCH /api/v1/customers/{id}
    POST /api/v1/customers/{id}/archive
    GET /api/v1/customers/{id}/contracts
    GET /api/v1/customers/{id}/entitlements
    GET /api/v1/customers/{id}/entitlements/check
    GET /api/v1/customers/{id}/invoices
    GET /api/v1/customers/{id}/resources
    POST /api/v1/customers/{id}/unarchive
    GET /api/v1/customers/{id}/promotional-entitlements
    POST /api/v1/customers/{id}/promotional-entitlements
    DELETE /api/v1/customers/{id}/promotional-entitlements/{featureId}
    GET /api/v1/customers/{id}/integrations
    DELETE /api/v1/customers/{id}/integrations/{integrationId}
    GET /api/v1/customers/{id}/integrations/{integrationId}
    PATCH /api/v1/customers/{id}/integrations/{integrationId}
    DELETE /api/v1/customers/{id}/payment-method
    POST /api/v1/customers/{id}/payment-method
    POST /api/v1/customers/{pathId}/integrations
    GET /api/v1/subscriptions
    POST /api/v1/subscriptions
    POST /api/v1/subscriptions/import
    POST /api/v1/subscriptions/preview
    GET /api/v1/subscriptions/{id}
    PATCH /api/v1/subscriptions/{id}
    POST /api/v1/subscriptions/{id}/cancel
    POST /api/v1/subscriptions/{id}/delegate
    DELETE /api/v1/subscriptions/{id}/future-update/pending-payment
    DELETE /api/v1/subscriptions/{id}/future-update/schedule
    POST /api/v1/subscriptions/{id}/invoice/paid
    POST /api/v1/subscriptions/{id}/migrate
    POST /api/v1/subscriptions/{id}/transfer
    POST /api/v1/subscriptions/{id}/usage/charge
    POST /api/v1/subscriptions/{id}/usage/sync
    POST /api/v1/usage
    POST /api/v1/usage/estimate
    GET /api/v1/usage/{customerId}/history/{featureId}
    POST /api/v2/usage
    POST /api/v1/events
    POST /api/v1/events/estimate
    GET /api/v1/coupons
    POST /api/v1/coupons
    GET /api/v1/coupons/{id}
    PATCH /api/v1/coupons/{id}
    POST /api/v1/coupons/{id}/archive
    GET /api/v1/contracts
    POST /api/v1/contracts
    GET /api/v1/contracts/{id}
    PATCH /api/v1/contracts/{id}
    POST /api/v1/contracts/{id}/archive
    GET /api/v1-beta/customers/{id}/assignments
    PUT /api/v1-beta/customers/{id}/assignments
    GET /api/v1-beta/customers/{id}/entities
    PUT /api/v1-beta/customers/{id}/entities
    POST /api/v1-beta/customers/{id}/entities/archive
    POST /api/v1-beta/customers/{id}/entities/unarchive
    GET /api/v1-beta/customers/{id}/entities/{entityId}
    GET /api/v1-beta/customers/{id}/entitlements/check
    GET /api/v1-beta/customers/{id}/governance
    GET /api/v1-beta/entity-types
    PUT /api/v1-beta/entity-types
    POST /api/v1/data-export/destinations
    DELETE /api/v1/data-export/destinations/{destinationId}
    PATCH /api/v1/data-export/destinations/{destinationId}
    GET /api/v1/data-export/models
    POST /api/v1/data-export/sync
";

/// The paths of what this server does not have begin or end so.
const MISSING: [&str; 12] = [
    "/api/v1/coupons",
    "/api/v1/contracts",
    "/api/v1-beta/",
    "/api/v1/data-export/",
    "/integrations",
    "/integrations/{}",
    "/payment-method",
    "/customers/import",
    "/future-update/pending-payment",
    "/invoice/paid",
    "/usage/charge",
    "/usage/sync",
];

fn lines(table: &str) -> impl Iterator<Item = (&str, String)> {
    let lines = table.lines().filter_map(|line| line.trim().split_once(' '));
    lines.map(|(method, template)| (method, unnamed(template)))
}

/// A path whose ids have no names.
fn unnamed(template: &str) -> String {
    let steps = template.split('/').map(|step| if step.starts_with('{') { "{}" } else { step });
    steps.collect::<Vec<_>>().join("/")
}

fn is_missing(template: &str) -> bool {
    MISSING.iter().any(|part| template.starts_with(part) || template.ends_with(part))
}

/// The operations that the contract has and this server does not, as requests about what exists.
fn missing() -> Vec<(&'static str, String)> {
    let missing = lines(CONTRACT).filter(|(_, template)| is_missing(template));
    let of_example = |template: &str| {
        let path = template.replace("/subscriptions/{}", "/subscriptions/sub-1");
        path.replace("{}", "acme")
    };
    missing.map(|(method, template)| (method, of_example(&template))).collect()
}

#[test]
fn every_operation_of_the_contract_is_served_or_known_to_be_missing() {
    let served: BTreeSet<(String, String)> = operations()
        .into_iter()
        .map(|operation| (operation.method, unnamed(&operation.template)))
        .collect();
    assert_eq!(lines(CONTRACT).count(), 123);
    for (method, template) in lines(CONTRACT) {
        let is_served = served.contains(&(method.to_owned(), template.clone()));
        assert_eq!(is_served, !is_missing(&template), "{method} {template}");
    }
}

#[test]
fn what_is_missing_is_refused_by_name() {
    let server = world::example();
    let before = server.position();
    let missing = missing();
    assert_eq!(missing.len(), 38);
    for (method, path) in missing {
        for (query, body) in [("", ""), ("?limit=5", ""), ("", "{}"), ("", "{not json")] {
            let answer = server.request(method, &format!("{path}{query}")).raw(body).send();
            assert_eq!(answer.verdict(), "422 not_supported", "{method} {path}{query}");
            let message = answer.json()["message"].as_str().unwrap_or_default().to_owned();
            assert!(message.starts_with(&format!("`{method} /api/v1")), "{message}");
            assert!(message.contains("` is not supported: "), "{message}");
        }
    }
    assert_eq!(server.position(), before);
}

#[test]
fn what_is_missing_says_so_to_nobody_without_a_key_that_would_open_it() {
    let server = world::example();
    for (key, scope) in [("sk_read", Scope::Read), ("sk_usage", Scope::Usage)] {
        let key = ApiKey { scope, ..ApiKey::new(key) };
        server.engine().submitter().run(PRODUCTION, Command::CreateKey(key)).expect("it is new");
    }
    for (method, path) in missing() {
        let (is_check, is_read) = (path.ends_with("/check"), method == "GET");
        let told = |is_open| if is_open { "422 not_supported" } else { "403 insufficient_scope" };
        for (key, expected) in [
            ("", "401 unauthenticated"),
            ("sk_stipend_wrong", "401 unauthenticated"),
            (KEY, "422 not_supported"),
            ("sk_read", told(is_read)),
            ("sk_usage", told(is_check)),
        ] {
            let answer = server.anonymous(method, &path).header("x-api-key", key).send();
            assert_eq!(answer.verdict(), expected, "{method} {path} with {key:?}");
        }
        let path = format!("{path}?apiKey={KEY}");
        let answer = server.request(method, &path).send();
        assert_eq!(answer.verdict(), "400 unknown_parameter apiKey", "{method} {path}");
    }
}

#[test]
fn beside_what_is_missing_a_wrong_path_or_method_is_wrong_as_everywhere() {
    let server = world::example();
    let verdict = |method: &str, path: &str| server.request(method, path).send().verdict();
    assert_eq!(verdict("PUT", "/api/v1/coupons"), "405 method_not_allowed");
    assert_eq!(verdict("GET", "/api/v1/coupons/"), "404 not_found");
    assert_eq!(verdict("GET", "/api/v1/coupons/a/b"), "404 not_found");
    assert_eq!(verdict("GET", "/api/v1-beta/nothing"), "404 not_found");
    assert_eq!(verdict("POST", "/api/v1/customers/acme"), "405 method_not_allowed");
    assert_eq!(verdict("DELETE", "/api/v1/customers/import"), "405 method_not_allowed");
    let refused = server.request("POST", "/api/v1/customers/acme").send();
    assert_eq!(refused.header("allow"), Some("GET,HEAD,PATCH"));
}

#[test]
fn a_customer_may_be_called_like_an_operation_that_is_missing() {
    let server = world::example();
    world::customer(&server, "import");
    assert_eq!(server.get("/api/v1/customers/import")["id"], "import");
    let body = serde_json::json!({ "name": "Import Ltd." });
    server.done("PATCH", "/api/v1/customers/import", &body);
    let refused = server.request("POST", "/api/v1/customers/import").raw("{}").send();
    assert_eq!(refused.verdict(), "422 not_supported");
}

/// `behaviour.md` §0.15: what a billing provider would list is empty, of a customer that exists.
#[test]
fn invoices_and_contracts_are_empty_lists_of_a_customer_in_its_environment() {
    let server = world::example();
    for (list, expected) in [
        ("invoices", r#"{"data":[],"pagination":{"next":null,"prev":null}}"#),
        ("contracts", r#"{"data":[]}"#),
    ] {
        let path = format!("/api/v1/customers/acme/{list}");
        assert_eq!(server.request("GET", &path).send().text(), expected);
        assert_eq!(server.in_sandbox("GET", &path).send().verdict(), "404 customer_not_found");
        let unknown = path.replace("acme", "nobody");
        assert_eq!(server.request("GET", &unknown).send().verdict(), "404 customer_not_found");
    }
    for (query, verdict) in [
        ("?issuedAfter=soon", "400 invalid_parameter issuedAfter"),
        ("?orderBy=name", "400 invalid_parameter orderBy"),
        ("?limit=0", "400 invalid_limit limit"),
        ("?after=00", "400 invalid_cursor"),
        ("?sort=name", "400 unknown_parameter sort"),
        ("?stateIn=LOST&contractExternalId=c&issuedBefore=2026-01-01T00:00:00Z", "ok"),
    ] {
        let path = format!("/api/v1/customers/acme/invoices{query}");
        assert_eq!(server.request("GET", &path).send().verdict(), verdict, "{query}");
    }
}
