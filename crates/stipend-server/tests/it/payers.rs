//! Who pays for a subscription of another customer: they are there and not archived, however they
//! are named.

use crate::world;
use serde_json::json;

#[test]
fn whoever_is_named_as_payer_is_there_and_not_archived() {
    let server = world::example();
    for id in ["bob", "head-office", "closed"] {
        world::customer(&server, id);
    }
    server.call("POST", "/api/v1/customers/closed/archive", &json!(null));
    let plan = json!({ "customerId": "bob", "planId": "growth" });
    let delegated = json!({ "targetCustomerId": null });
    for (payer, expected) in
        [("nobody", "404 customer_not_found"), ("closed", "409 customer_archived")]
    {
        for (path, body, field) in [
            ("/api/v1/subscriptions", &plan, "payingCustomerId"),
            ("/api/v1/subscriptions/preview", &plan, "payingCustomerId"),
            ("/api/v1/subscriptions/sub-1/delegate", &delegated, "targetCustomerId"),
        ] {
            let mut body = body.clone();
            body[field] = payer.into();
            let answer = server.call("POST", path, &body);
            assert_eq!(answer.verdict(), expected, "{path} {body}");
        }
    }
    let mut named = plan;
    named["payingCustomerId"] = "head-office".into();
    assert_eq!(server.call("POST", "/api/v1/subscriptions/preview", &named).status, 200);
    let payer = |answer: serde_json::Value| answer["subscription"]["payingCustomerId"].clone();
    assert_eq!(payer(server.post("/api/v1/subscriptions", &named)), "head-office");
    named["payingCustomerId"] = "acme".into();
    assert_eq!(payer(server.post("/api/v1/subscriptions", &named)), "acme", "the same plan again");
}
