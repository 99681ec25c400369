//! Nobody gets anywhere without a key, at any operation of the document.

use crate::coverage::operations;
use crate::support::{Call, KEY, Server};
use crate::world;

/// Ways not to have a key; each leaves a trace of what was tried.
fn strangers(server: &Server, method: &str, path: &str) -> Vec<(&'static str, String)> {
    let ask = || server.anonymous(method, path);
    let calls: Vec<(&str, Call<'_>)> = vec![
        ("no key", ask()),
        ("an empty key", ask().header("x-api-key", "")),
        ("a wrong key", ask().header("x-api-key", "sk_stipend_tesu")),
        ("a longer key", ask().header("x-api-key", &format!("{KEY}t"))),
        ("a key in other letters", ask().header("x-api-key", &KEY.to_uppercase())),
        ("two keys", ask().header("x-api-key", KEY).header("x-api-key", KEY)),
        ("two keys in one", ask().header("x-api-key", &format!("{KEY},{KEY}"))),
        ("a key in bytes", ask().header_bytes("x-api-key", b"sk_\xff")),
        ("a bearer", ask().header("authorization", &format!("Bearer {KEY}"))),
    ];
    calls.into_iter().map(|(name, call)| (name, call.send().verdict())).collect()
}

#[test]
fn every_operation_refuses_who_has_no_key() {
    let server = world::example();
    let before = server.position();
    for operation in operations() {
        for id in ["acme", "nobody", "%00"] {
            let path = operation.path(id);
            for (name, verdict) in strangers(&server, &operation.method, &path) {
                let label = format!("{name}: {} {path}", operation.method);
                assert_eq!(verdict, "401 unauthenticated", "{label}");
            }
        }
    }
    assert_eq!(server.position(), before);
}

/// A refusal must not say what exists: with a wrong key, all ids look the same.
#[test]
fn without_a_key_the_answer_is_the_same_for_what_exists_and_what_does_not() {
    let server = world::example();
    let body = |path: &str| {
        let call = server.anonymous("GET", path).header("x-request-id", "same");
        call.send().body
    };
    assert_eq!(body("/api/v1/customers/acme"), body("/api/v1/customers/nobody"));
    assert_eq!(body("/api/v1/subscriptions/sub-1"), body("/api/v1/subscriptions/sub-2"));
}

#[test]
fn a_body_is_not_looked_at_without_a_key() {
    let server = world::example();
    for operation in operations() {
        let call = server.anonymous(&operation.method, &operation.path("acme"));
        let answer = call.header("content-encoding", "gzip").body("{not json").send();
        assert_eq!(answer.verdict(), "401 unauthenticated", "{operation:?}");
    }
}

#[test]
fn what_machines_ask_needs_no_key() {
    let server = world::example();
    for path in ["/healthz", "/livez", "/readyz", "/version", "/metrics", "/openapi.json"] {
        let answer = server.anonymous("GET", path).send();
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.text().contains("acme"), "{path}");
    }
    let document = server.anonymous("GET", "/openapi.json").send();
    assert_eq!(document.text(), stipend_server::openapi::document());
}
