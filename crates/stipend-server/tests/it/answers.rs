//! Answers that a snapshot of one request does not show.

use crate::world;
use serde_json::json;

#[test]
fn a_subscription_shows_how_it_was_asked_to_be_paid() {
    let server = world::example();
    let body = json!({ "id": "payer" });
    server.post("/api/v1/customers", &body);
    let body = json!({
        "id": "paid", "customerId": "payer", "planId": "growth",
        "paymentCollectionMethod": "INVOICE",
    });
    server.post("/api/v1/subscriptions", &body);
    let shown = server.get("/api/v1/subscriptions/paid");
    assert_eq!(shown["paymentCollectionMethod"], "INVOICE");
}

#[test]
fn no_units_at_all_are_none_that_were_asked_for() {
    let server = world::example();
    let body = json!({ "customerId": "acme", "planId": "growth", "unitQuantity": 0 });
    for path in ["/api/v1/subscriptions/preview", "/api/v1/subscriptions"] {
        assert_eq!(server.call("POST", path, &body).verdict(), "ok", "{path}");
    }
}

#[test]
fn a_blank_filter_of_the_ledger_counts_as_not_given() {
    let server = world::example();
    let ledger = "/api/v1/credits/ledger?customerId=acme";
    let all = server.get(ledger);
    assert!(all.as_array().is_some_and(|entries| !entries.is_empty()), "{all}");
    for blank in ["eventType", "currencyId", "resourceId", "reservationId"] {
        assert_eq!(server.get(&format!("{ledger}&{blank}=")), all, "{blank}");
    }
}

#[test]
fn a_resource_that_cannot_exist_gives_a_known_customer_nothing() {
    let server = world::example();
    let shown = server.get("/api/v1/customers/acme/entitlements?resourceId=%20bad");
    assert_eq!(shown["accessDeniedReason"], "NoActiveSubscription");
    assert_eq!(shown["entitlements"], json!([]));
}
