//! A store that does not write, does not read, or does not keep up: the caller learns that
//! something is wrong and not what, reads go on, and nothing is lost or half done.

use crate::support::{Answer, Server};
use crate::world::{self, usage};
use serde_json::{Value, json};
use stipend_core::catalog::{Extras, Metadata};
use stipend_core::customer::NewCustomer;
use stipend_core::{CustomerId, Slot};
use stipend_engine::{Actor, Command, PRODUCTION, Refusal, Reply, Submission};
use stipend_store::MemoryStore;
use stipend_store::memory::{Control, Fault, FaultKind, Operation};

/// What the store gives as its cause, and no answer may repeat.
const CAUSE: &str = "the test wants it so";

fn example() -> (Server, Control) {
    let store = MemoryStore::new();
    let control = store.control();
    let server = Server::in_memory(store);
    world::build_example(&server);
    (server, control)
}

pub(crate) fn lasting(operation: Operation, kind: FaultKind) -> Fault {
    Fault { operation, lasting: true, ..Fault::next_append(kind) }
}

/// Waits until the decider knows what became of the last commit: those who waited for it are told
/// a moment before, and what they send in that moment is refused with it.
pub(crate) fn settle(server: &Server) {
    let answer = server.engine().submitter().run(PRODUCTION, Command::CatchUp(Slot(0)));
    assert!(matches!(answer, Ok(Reply::Done) | Err(Refusal::Unavailable)), "{answer:?}");
}

/// The answer where the disk is full.
pub(crate) fn unwritable() -> Answer {
    let (server, control) = example();
    control.fail(lasting(Operation::Append, FaultKind::Unavailable));
    server.call("POST", "/api/v1/products", &json!({ "id": "new", "displayName": "New" }))
}

/// The answer where the disk cannot be read.
pub(crate) fn unreadable() -> Answer {
    let (server, control) = example();
    control.fail(lasting(Operation::Read, FaultKind::Failed));
    server.call("GET", "/api/v1/customers", &Value::Null)
}

/// The answer where more commands wait than may.
pub(crate) fn overloaded() -> Answer {
    let (server, control) = example();
    control.pause();
    let submitter = server.engine().submitter();
    let mut numbers = 0..;
    // The decider goes on taking from the queue until its next batch is full; then it stays so.
    loop {
        let waiting = numbers.by_ref().map(|number: u32| {
            let command = Command::CreateCustomer(new_customer(&format!("c-{number}")));
            let submission = Submission {
                env: PRODUCTION,
                by: Actor::Host,
                command,
                remember: None,
                render: None,
            };
            submitter.submit(submission)
        });
        let refused = waiting.filter_map(Result::err).next();
        assert_eq!(refused, Some(Refusal::Overloaded));
        let call = server.request("POST", "/api/v1/customers").json(&json!({ "id": "late" }));
        if let Some(answer) = call.send_impatiently() {
            control.release();
            return answer;
        }
    }
}

fn new_customer(id: &str) -> NewCustomer {
    let id = CustomerId::parse(id).expect("the test writes ids well");
    NewCustomer { id, name: None, email: None, metadata: Metadata::new(), extras: Extras::new() }
}

#[test]
fn while_the_store_cannot_write_changes_are_refused_and_reads_go_on() {
    let (server, control) = example();
    let before = server.position();
    control.fail(lasting(Operation::Append, FaultKind::Unavailable));
    let changes = [
        ("POST /api/v1/products", json!({ "id": "new", "displayName": "New" })),
        ("PATCH /api/v1/products/api", json!({ "displayName": "Other" })),
        ("POST /api/v1/customers", json!({ "id": "new" })),
        ("POST /api/v1/credits/consumption", usage("acme", "k", 5)),
        (
            "POST /api/v1/credits/consumption/async",
            json!({ "consumptions": [usage("acme", "k", 5)] }),
        ),
        ("POST /api/v1/subscriptions/sub-1/cancel", json!({})),
    ];
    for (request, body) in &changes {
        let (method, path) = request.split_once(' ').unwrap();
        let answer = server.call(method, path, body);
        assert_eq!(answer.verdict(), "503 unavailable", "{request}");
        assert!(!answer.text().contains(CAUSE), "{}", answer.text());
    }
    assert_eq!(readiness(&server), 503);
    assert_eq!(server.balance("acme"), (80_000, 0));
    assert_eq!(server.get("/api/v1/products").as_array().unwrap().len(), 1);
    assert_eq!(server.position(), before);

    control.heal();
    settle(&server);
    for (request, body) in &changes {
        let (method, path) = request.split_once(' ').unwrap();
        server.done(method, path, body);
    }
    assert!(server.position() > before, "the store writes again, without a restart");
    assert_eq!(readiness(&server), 200);
}

fn readiness(server: &Server) -> u16 {
    server.anonymous("GET", "/readyz").send().status
}

/// A retry after 503 has its effect once, whatever its key is.
#[test]
fn what_was_refused_for_the_store_is_not_remembered_as_done() {
    let (server, control) = example();
    let ask = || {
        let call = server.request("POST", "/api/v1/customers").header("idempotency-key", "k");
        call.json(&json!({ "id": "new" })).send()
    };
    control.fail(Fault::next_append(FaultKind::Unavailable));
    assert_eq!(ask().verdict(), "503 unavailable");
    settle(&server);
    let done = ask();
    assert_eq!((done.status, done.is_replay()), (200, false));
    let again = ask();
    assert_eq!((again.status, again.is_replay(), &again.body), (200, true, &done.body));
}

#[test]
fn while_the_store_cannot_be_read_no_answer_says_why() {
    let (server, control) = example();
    for (kind, expected) in
        [(FaultKind::Unavailable, "503 unavailable"), (FaultKind::Failed, "500 internal")]
    {
        control.fail(lasting(Operation::Read, kind));
        for path in
            ["/api/v1/customers", "/api/v1/subscriptions", "/api/v1/credits/ledger?customerId=acme"]
        {
            let answer = server.call("GET", path, &Value::Null);
            assert_eq!(answer.verdict(), expected, "{path}");
            assert!(!answer.text().contains(CAUSE), "{}", answer.text());
        }
        assert_eq!(server.balance("acme"), (80_000, 0), "a check reads memory only");
        control.heal();
    }
    assert_eq!(server.get("/api/v1/customers").as_array().unwrap().len(), 1);
}

/// Only a caller who can name the operation again may send it again.
#[test]
fn what_has_no_key_is_not_sent_again_where_its_outcome_is_unknown() {
    let gift = json!({
        "customerId": "acme", "currencyId": "api-credits", "amount": 10, "displayName": "Gift",
        "grantType": "PROMOTIONAL",
    });
    let report = |key: Value| {
        let mut report = json!({ "customerId": "acme", "featureId": "calls", "value": 1 });
        if !key.is_null() {
            report["idempotencyKey"] = key;
        }
        json!({ "usages": [report] })
    };
    let check = |path: &str, body: &Value, header: Option<&str>, should_retry: Option<&str>| {
        let (server, control) = example();
        let feature = json!({
            "id": "calls", "displayName": "Calls", "featureType": "NUMBER",
            "meterType": "INCREMENTAL",
        });
        server.post("/api/v1/features", &feature);
        settle(&server);
        control.fail(Fault::next_append(FaultKind::Failed));
        let request = server.request("POST", path);
        let request =
            header.into_iter().fold(request, |request, key| request.header("idempotency-key", key));
        let answer = request.json(body).send();
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (503, &"unavailable".into()));
        assert_eq!(answer.header("x-should-retry"), should_retry, "{path}");
        assert_eq!(answer.header("retry-after").is_some(), should_retry.is_none(), "{path}");
    };
    let (grants, usage) = ("/api/v1/credits/grants", "/api/v1/usage");
    check(grants, &gift, None, Some("false"));
    check(grants, &gift, Some("k"), None);
    check(usage, &report(Value::Null), None, Some("false"));
    check(usage, &report("k".into()), None, None);
}
