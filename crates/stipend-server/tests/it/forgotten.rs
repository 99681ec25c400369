//! What is forgotten of a customer that is archived, and what stays.

use crate::world;
use serde_json::{Value, json};

#[test]
fn an_archived_customer_keeps_nothing_that_says_who_it_is() {
    let server = world::example();
    let customer = json!({
        "id": "person", "name": "Ada Lovelace", "email": "ada@example.com",
        "billingCurrency": "eur", "billingId": "cus_1", "couponId": "ten", "language": "de",
        "timezone": "Europe/Berlin", "metadata": { "tier": "gold" },
        "defaultPaymentMethod": { "billingId": "pm_1", "type": "CARD", "cardLast4Digits": "4242",
            "cardExpiryMonth": 1, "cardExpiryYear": 2030 },
        "integrations": [{ "id": "crm", "vendorIdentifier": "HUBSPOT", "syncedEntityId": "ada-1" }],
        "passthrough": { "stripe": { "customerName": "Ada Lovelace",
            "billingAddress": { "line1": "Lovelace Street 1" },
            "taxIds": [{ "type": "eu_vat", "value": "DE999" }] } },
    });
    let made = server.post("/api/v1/customers", &customer);
    let subscription = json!({ "id": "sub-p", "customerId": "person", "planId": "growth" });
    server.post("/api/v1/subscriptions", &subscription);
    let archived = server.post("/api/v1/customers/person/archive", &Value::Null);
    let shown = server.get("/api/v1/customers/person");
    assert_eq!(shown, archived);
    for gone in ["name", "email", "defaultPaymentMethod", "integrations", "passthrough"] {
        assert!(made.get(gone).is_some_and(|value| !value.is_null()), "{gone}: {made}");
        assert!(shown.get(gone).is_none_or(Value::is_null), "{gone}: {shown}");
    }
    let kept = ["billingCurrency", "billingId", "couponId", "language", "timezone", "metadata"];
    for kept in kept {
        assert_eq!(shown[kept], customer[kept], "{kept}: {shown}");
    }
    server.post("/api/v1/customers/person/unarchive", &Value::Null);
    let back = server.get("/api/v1/customers/person");
    assert!(back.get("passthrough").is_none_or(Value::is_null), "it does not come back: {back}");
}
