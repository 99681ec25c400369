//! What is full is refused over HTTP, and how room is made.

use crate::support::Server;
use crate::world::{self, usage};
use serde_json::json;
use stipend_store::MemoryStore;

#[test]
fn a_grant_beyond_what_a_pool_takes_is_refused_with_the_way_out() {
    let server = Server::in_memory(MemoryStore::new());
    world::currency(&server, "api-credits");
    world::customer(&server, "acme");
    for _ in 0..1_000 {
        world::grant(&server, "acme", &json!({ "amount": 1 }));
    }
    let body = json!({
        "amount": 1, "currencyId": "api-credits", "customerId": "acme", "displayName": "Gift",
        "grantType": "PROMOTIONAL",
    });
    let beyond = || server.call("POST", "/api/v1/credits/grants", &body);
    let refused = beyond();
    assert_eq!(refused.verdict(), "409 limit_reached");
    assert_eq!(
        refused.json()["message"],
        "the limit of 1000 grants with something left in a pool is reached; void grants that are \
         not needed, or wait until some are used up or expire"
    );
    // What is used up makes room, and is listed all the same.
    server.post("/api/v1/credits/consumption", &usage("acme", "one", 1));
    assert_eq!(beyond().verdict(), "ok");
    assert_eq!(beyond().verdict(), "409 limit_reached");
    let mut path = "/api/v1/credits/grants?customerId=acme&limit=100".to_owned();
    let mut listed = 0;
    loop {
        let page = server.request("GET", &path).send().json();
        listed += page["data"].as_array().expect("a page has data").len();
        let Some(next) = page["pagination"]["next"].as_str() else { break };
        path = format!("/api/v1/credits/grants?customerId=acme&limit=100&after={next}");
    }
    assert_eq!(listed, 1_001);
    let told = server.get("/api/v1/customers/acme/entitlements/check?currencyId=api-credits");
    assert_eq!((&told["usageLimit"], &told["currentUsage"]), (&json!(1_001), &json!(1)));
}
