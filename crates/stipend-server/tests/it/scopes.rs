//! Goal: show that a key does what its scope says and nothing else, on every route there is, and
//! that a revoked one does nothing.
//! Method: every operation of the document is asked with a key of each scope; what the document
//! says that it takes must be what the server refuses by.

use crate::coverage::operations;
use crate::support::{KEY, Server};
use crate::world;
use serde_json::{Value, json};
use stipend_engine::{ApiKey, Command, KeyNo, PRODUCTION, Scope};

const SCOPES: [(&str, Scope); 3] =
    [("sk_full", Scope::Full), ("sk_read", Scope::Read), ("sk_usage", Scope::Usage)];

fn make_keys(server: &Server) {
    for (key, scope) in SCOPES {
        let key = ApiKey { scope, ..ApiKey::new(key) };
        server.engine().submitter().run(PRODUCTION, Command::CreateKey(key)).expect("it is new");
    }
}

/// What the document says that an operation takes; nothing where no key opens it, but the token of
/// a customer.
fn needs(document: &Value, template: &str, method: &str) -> Option<String> {
    let security = &document["paths"][template][method.to_lowercase()]["security"][0];
    if security.get("creditBalanceToken").is_some() {
        return None;
    }
    let role = security["apiKey"][0].as_str().map(str::to_owned);
    Some(role.unwrap_or_else(|| panic!("{method} {template} does not say what its key is for")))
}

#[test]
fn every_route_is_refused_to_keys_whose_scope_does_not_allow_it_and_to_no_other() {
    let server = Server::new();
    make_keys(&server);
    let document: Value =
        serde_json::from_str(&stipend_server::openapi::document()).expect("the document is JSON");
    for operation in operations() {
        let Some(needs) = needs(&document, &operation.template, &operation.method) else {
            continue;
        };
        let suffice: &[Scope] = match needs.as_str() {
            "check" => &[Scope::Full, Scope::Read, Scope::Usage],
            "read" => &[Scope::Full, Scope::Read],
            "usage" => &[Scope::Full, Scope::Usage],
            "manage" => &[Scope::Full],
            other => panic!("{} needs {other}", operation.id),
        };
        for (key, scope) in SCOPES {
            let call = server.anonymous(&operation.method, &operation.path("x"));
            let answer = call.header("x-api-key", key).send();
            let is_refused = answer.text().contains("insufficient_scope");
            assert_eq!(is_refused, !suffice.contains(&scope), "{} with {key}", operation.id);
            assert!(!is_refused || answer.status == 403, "{} with {key}", operation.id);
        }
    }
}

#[test]
fn a_revoked_key_is_unknown_from_the_next_request_on_and_the_others_are_as_they_were() {
    let server = world::example();
    make_keys(&server);
    let consume = |key: &str, id: &str| {
        let call = server.anonymous("POST", "/api/v1/credits/consumption");
        let usage = world::usage("acme", id, 1);
        call.header("x-api-key", key).json(&usage).send().status
    };
    assert_eq!(consume("sk_usage", "one"), 200);
    let keys = server.engine().api_keys(PRODUCTION);
    let number = keys.iter().find(|key| key.scope == Scope::Usage).expect("it was made").number;
    let revoke = Command::RevokeKey(number);
    server.engine().submitter().run(PRODUCTION, revoke).expect("it is there");
    assert_eq!(consume("sk_usage", "two"), 401);
    assert_eq!(consume(KEY, "two"), 200);
    assert_eq!(keys[0].number, KeyNo(1));
    let customers = server.call("GET", "/api/v1/customers", &json!(null));
    assert_eq!(customers.status, 200);
}
