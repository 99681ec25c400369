//! Rows 45 to 49, 54, 63 to 65 and 70 to 76 of `bad-input.md` over HTTP: what belongs to another
//! environment, another key, another time or another currency.

use crate::coverage::operations;
use crate::support::{Answer, KEY, SANDBOX_KEY, Server};
use crate::world::{self, grant, usage};
use serde_json::{Value, json};
use stipend_engine::{ApiKey, Command, PRODUCTION, Reply, Scope};

const GRANTS: &str = "/api/v1/credits/grants";
const CONSUME: &str = "/api/v1/credits/consumption";
const SUBSCRIBE: &str = "/api/v1/subscriptions";

fn gift() -> Value {
    json!({
        "customerId": "acme", "currencyId": "api-credits", "amount": 10, "displayName": "Gift",
        "grantType": "PROMOTIONAL",
    })
}

/// The worked example in production, and the same customer with the same credit type in the
/// sandbox.
fn twins() -> Server {
    let server = world::example();
    for (path, body) in [
        ("/api/v1/products", json!({ "id": "api", "displayName": "API" })),
        ("/api/v1/credits/custom-currencies", json!({ "id": "api-credits", "displayName": "C" })),
        ("/api/v1/customers", json!({ "id": "acme" })),
    ] {
        assert_eq!(server.in_sandbox("POST", path).json(&body).send().verdict(), "ok", "{path}");
    }
    server
}

#[test]
fn row_45_a_key_holds_in_its_environment_for_all_its_api_keys() {
    let server = twins();
    let second = Command::OpenProduction(ApiKey::new("sk_stipend_second"));
    assert_eq!(server.engine().submitter().run(PRODUCTION, second), Ok(Reply::Done));
    let ask = |api_key: &str| {
        let call = server.anonymous("POST", GRANTS).header("x-api-key", api_key);
        call.header("idempotency-key", "k").json(&gift()).send()
    };
    let first = ask(KEY);
    assert_eq!((first.status, first.is_replay()), (200, false));
    let elsewhere = ask(SANDBOX_KEY);
    assert_eq!((elsewhere.status, elsewhere.is_replay()), (200, false), "another environment");
    let same = ask("sk_stipend_second");
    assert!(same.is_replay(), "another API key of the environment");
    assert_eq!(same.body, first.body);

    let consume = |api_key: &str| {
        let call = server.anonymous("POST", CONSUME).header("x-api-key", api_key);
        call.json(&usage("acme", "k", 1)).send().verdict()
    };
    for api_key in [KEY, SANDBOX_KEY, "sk_stipend_second"] {
        assert_eq!(consume(api_key), "ok");
    }
    assert_eq!(server.balance("acme"), (80_010, 1), "once in production");
}

/// In a body a key is a text as any other, so what is wrong with it is 422; letters beyond ASCII
/// are fine there, and compared byte by byte.
#[test]
fn row_47_a_key_in_a_body_may_have_any_letters() {
    let server = world::example();
    let ask = |key: &str| server.call("POST", CONSUME, &usage("acme", key, 1)).verdict();
    for (key, expected) in [
        ("\u{43a}\u{43b}\u{44e}\u{447}", "ok"),
        ("caf\u{e9}", "ok"),
        ("cafe\u{301}", "ok"),
        (" ", "422 invalid_string /idempotencyKey"),
        ("a\n", "422 invalid_string /idempotencyKey"),
    ] {
        assert_eq!(ask(key), expected, "{key:?}");
    }
    assert_eq!(server.balance("acme"), (80_000, 3), "two spellings are two keys");
    let twice = br#"{"customerId":"acme","currencyId":"api-credits","amount":1,
        "idempotencyKey":"a","idempotencyKey":"a"}"#;
    let answer = server.request("POST", CONSUME).raw(&twice[..]).send();
    assert_eq!(answer.verdict(), "400 duplicate_key /idempotencyKey");
}

#[test]
fn row_48_a_consumption_that_was_refused_leaves_its_key_free() {
    let server = world::example();
    let ask = |amount: i32| {
        let mut body = usage("acme", "k", amount);
        body["strict"] = json!(true);
        server.call("POST", CONSUME, &body).verdict()
    };
    assert_eq!(ask(0), "422 must_be_positive /amount");
    assert_eq!(ask(80_001), "402 insufficient_credits");
    assert_eq!(ask(80_000), "ok", "the key was not used up by refusals");
}

/// As written, but for the boundaries: 35 days back and five minutes ahead are still taken.
#[test]
fn row_54_usage_is_of_the_last_35_days() {
    let server = world::example();
    let at = |createdat: &str| {
        let mut body = usage("acme", createdat, 1);
        body["createdAt"] = createdat.into();
        server.call("POST", CONSUME, &body).verdict()
    };
    for (instant, expected) in [
        ("1970-01-01T00:00:00Z", "422 event_too_old"),
        ("2025-12-26T23:59:59.999999Z", "422 event_too_old"),
        ("2025-12-27T00:00:00Z", "ok"),
        ("2026-01-31T00:05:00Z", "ok"),
        ("2026-01-31T00:05:00.000001Z", "422 event_in_future"),
        ("2026-01-31T00:06:00Z", "422 event_in_future"),
        ("9999-12-30T22:00:00Z", "422 event_in_future"),
    ] {
        assert_eq!(at(instant), expected, "{instant}");
    }
}

/// Instants end with 9999-12-30T22:00Z, the last that has a date in every time zone.
#[test]
fn row_54_a_grant_may_live_at_any_time() {
    let server = world::example();
    for (effective, expire) in [
        ("1970-01-01T00:00:00Z", "9999-12-30T22:00:00Z"),
        ("9999-12-30T00:00:00Z", "9999-12-30T00:00:00.000001Z"),
        ("1970-01-01T00:00:00Z", "2026-01-31T00:00:00.000001Z"),
    ] {
        let mut body = gift();
        body["effectiveAt"] = effective.into();
        body["expireAt"] = expire.into();
        let verdict = server.call("POST", GRANTS, &body).verdict();
        assert_eq!(verdict, "ok", "{effective} to {expire}");
    }
}

/// The contract names a customer and a credit type and never a pool, so there is no mismatch to
/// refuse: each credit type has a pool of its own, and an unknown one is 404.
#[test]
fn row_63_credits_of_one_type_never_pay_for_another() {
    let server = world::example();
    world::currency(&server, "eur-credits");
    let mut body = usage("acme", "k", 5);
    body["currencyId"] = "eur-credits".into();
    body["strict"] = json!(true);
    assert_eq!(server.call("POST", CONSUME, &body).verdict(), "402 insufficient_credits");
    body["strict"] = json!(false);
    assert_eq!(server.call("POST", CONSUME, &body).verdict(), "ok");
    assert_eq!(server.balance("acme"), (80_000, 0));
    body["currencyId"] = "usd-credits".into();
    assert_eq!(server.call("POST", CONSUME, &body).verdict(), "404 currency_not_found");
}

fn statuses(server: &Server) -> Vec<(String, String)> {
    let listed = server.get("/api/v1/subscriptions?customerId=acme");
    let text = |value: &Value| value.as_str().expect("it is a text").to_owned();
    let listed = listed.as_array().expect("it is a list").iter();
    let mut all: Vec<_> = listed.map(|one| (text(&one["planId"]), text(&one["status"]))).collect();
    all.sort();
    all
}

/// The policy of a product with one subscription each is to replace; where moving would make a
/// second one, it is 409 (`subscription_exists` in the table of errors).
#[test]
fn row_64_a_second_subscription_of_the_product_replaces_the_first_at_once() {
    let server = world::example();
    world::package(&server, "plans", "scale", "api", Some(100));
    world::publish(&server, "plans", "scale");
    let body = json!({ "customerId": "acme", "planId": "scale" });
    assert_eq!(server.call("POST", SUBSCRIBE, &body).verdict(), "ok");
    let owned = |plan: &str, status: &str| (plan.to_owned(), status.to_owned());
    assert_eq!(statuses(&server), [owned("growth", "CANCELED"), owned("scale", "ACTIVE")]);
    assert_eq!(server.balance("acme"), (100, 0), "never both, never none");
    let refused = json!({ "customerId": "acme", "planId": "none" });
    assert_eq!(server.call("POST", SUBSCRIBE, &refused).verdict(), "404 plan_not_found");
    assert_eq!(statuses(&server), [owned("growth", "CANCELED"), owned("scale", "ACTIVE")]);
}

#[test]
fn row_65_a_cancellation_that_is_asked_for_again_is_the_same() {
    let server = world::example();
    let cancel = |body: &Value| server.call("POST", "/api/v1/subscriptions/sub-1/cancel", body);
    let at_end = json!({ "cancellationTime": "END_OF_BILLING_PERIOD" });
    let first = cancel(&at_end);
    assert_eq!(first.verdict(), "ok");
    assert_eq!(cancel(&at_end).json(), first.json(), "the same schedule");
    let now = json!({ "cancellationTime": "IMMEDIATE" });
    let ended = cancel(&now);
    assert_eq!(ended.verdict(), "ok", "another time is a change");
    assert_eq!(cancel(&now).json(), ended.json(), "cancelled already");
}

/// Ours answers 200 as for any other that is over: what ended by its date is cancelled too, there
/// is no state of its own for it.
#[test]
fn row_65_a_subscription_that_ended_by_its_date_stays_ended() {
    let server = world::example();
    let item = json!({
        "id": "short", "customerId": "acme", "planId": "growth", "resourceId": "site",
        "startDate": "2026-01-15T00:00:00Z", "endDate": "2026-02-05T00:00:00Z",
    });
    server.post("/api/v1/subscriptions/import", &json!({ "subscriptions": [item] }));
    server.set_clock("2026-02-06T00:00:00Z");
    let ended = server.get("/api/v1/subscriptions/short");
    assert_eq!(ended["status"], "CANCELED");
    server.post("/api/v1/subscriptions/short/cancel", &Value::Null);
    assert_eq!(server.get("/api/v1/subscriptions/short"), ended);
}

/// Every place where a request can name something: as it is in production, where `{ID}` stands
/// for it, and what the sandbox says.
const NAMING: &[(&str, &str, &str, &str)] = &[
    // Row 70: in the path.
    ("acme", "GET /api/v1/customers/{ID}", "", "404 customer_not_found"),
    ("acme", "PATCH /api/v1/customers/{ID}", "{}", "404 customer_not_found"),
    ("acme", "POST /api/v1/customers/{ID}/archive", "", "404 customer_not_found"),
    // Checks answer every denial with 200, and say no more of one customer than of the other.
    ("acme", "GET /api/v1/customers/{ID}/entitlements", "", "ok"),
    ("acme", "GET /api/v1/customers/{ID}/resources", "", "404 customer_not_found"),
    (
        "acme",
        "GET /api/v1/customers/{ID}/credits/explain?currencyId=api-credits",
        "",
        "404 customer_not_found",
    ),
    ("acme", "GET /api/v1/customers/{ID}/entitlements/check?currencyId=api-credits", "", "ok"),
    ("sub-1", "GET /api/v1/subscriptions/{ID}", "", "404 subscription_not_found"),
    ("sub-1", "PATCH /api/v1/subscriptions/{ID}", "{}", "404 subscription_not_found"),
    ("sub-1", "POST /api/v1/subscriptions/{ID}/cancel", "", "404 subscription_not_found"),
    ("sub-1", "GET /api/v1/subscriptions/{ID}/upcoming", "", "404 subscription_not_found"),
    ("growth", "GET /api/v1/plans/{ID}", "", "404 plan_not_found"),
    ("growth", "PATCH /api/v1/plans/{ID}", "{}", "404 plan_not_found"),
    ("growth", "GET /api/v1/plans/{ID}/entitlements", "", "404 plan_not_found"),
    ("extra", "GET /api/v1/addons/{ID}", "", "404 addon_not_found"),
    ("api", "PATCH /api/v1/products/{ID}", "{}", "404 product_not_found"),
    ("seats", "GET /api/v1/features/{ID}", "", "404 feature_not_found"),
    ("api-credits", "PATCH /api/v1/credits/custom-currencies/{ID}", "{}", "404 currency_not_found"),
    (
        "api-credits",
        "GET /api/v1/credits/custom-currencies/{ID}/associated-entities",
        "",
        "404 currency_not_found",
    ),
    // Row 71: in the query.
    ("acme", "GET /api/v1/credits/grants?customerId={ID}", "", "404 customer_not_found"),
    ("acme", "GET /api/v1/credits/ledger?customerId={ID}", "", "404 customer_not_found"),
    ("acme", "GET /api/v1/subscriptions?customerId={ID}", "", "ok"),
    ("growth", "GET /api/v1/subscriptions?planId={ID}", "", "ok"),
    ("api", "GET /api/v1/plans?productId={ID}", "", "ok"),
    ("api", "GET /api/v1/products?id={ID}", "", "ok"),
    // Row 71: in the body.
    (
        "acme",
        "POST /api/v1/subscriptions",
        r#"{"customerId":"{ID}","planId":"local"}"#,
        "404 customer_not_found",
    ),
    (
        "growth",
        "POST /api/v1/subscriptions",
        r#"{"customerId":"eve","planId":"{ID}"}"#,
        "404 plan_not_found",
    ),
    (
        "extra",
        "POST /api/v1/subscriptions",
        r#"{"customerId":"eve","planId":"local","addons":[{"id":"{ID}","quantity":1}]}"#,
        "404 addon_not_found",
    ),
    (
        "growth",
        "POST /api/v1/subscriptions/preview",
        r#"{"customerId":"eve","planId":"{ID}"}"#,
        "404 plan_not_found",
    ),
    (
        "api",
        "POST /api/v1/plans",
        r#"{"id":"new","displayName":"N","productId":"{ID}"}"#,
        "404 product_not_found",
    ),
    (
        "api-credits",
        "POST /api/v1/plans/draft/entitlements",
        r#"{"entitlements":[{"type":"CREDIT","id":"{ID}","amount":1,"cadence":"MONTH"}]}"#,
        "404 currency_not_found",
    ),
    (
        "seats",
        "POST /api/v1/plans/draft/entitlements",
        r#"{"entitlements":[{"type":"FEATURE","id":"{ID}","usageLimit":1}]}"#,
        "404 feature_not_found",
    ),
    (
        "extra",
        "PATCH /api/v1/plans/draft",
        r#"{"compatibleAddonIds":["{ID}"]}"#,
        "404 addon_not_found",
    ),
    (
        "acme",
        "POST /api/v1/credits/grants",
        r#"{"customerId":"{ID}","currencyId":"local-credits","amount":1,"displayName":"G",
            "grantType":"PAID"}"#,
        "404 customer_not_found",
    ),
    (
        "api-credits",
        "POST /api/v1/credits/consumption",
        r#"{"customerId":"eve","currencyId":"{ID}","amount":1,"idempotencyKey":"k"}"#,
        "404 currency_not_found",
    ),
];

/// Production with everything, and beside it a sandbox that shares no id with it.
fn strangers() -> Server {
    let server = world::full();
    for (request, body) in [
        ("products", json!({ "id": "local-api", "displayName": "API" })),
        ("customers", json!({ "id": "eve" })),
        ("plans", json!({ "id": "local", "displayName": "L", "productId": "local-api" })),
        ("plans", json!({ "id": "draft", "displayName": "D", "productId": "local-api" })),
        ("credits/custom-currencies", json!({ "id": "local-credits", "displayName": "C" })),
        (
            "plans/local/entitlements",
            json!({ "entitlements": [
            { "type": "CREDIT", "id": "local-credits", "amount": 1, "cadence": "MONTH" },
        ] }),
        ),
        ("plans/local/publish", json!({ "migrationType": "NEW_CUSTOMERS" })),
    ] {
        let path = format!("/api/v1/{request}");
        assert_eq!(server.in_sandbox("POST", &path).json(&body).send().verdict(), "ok", "{path}");
    }
    server
}

fn in_sandbox(server: &Server, request: &str, body: &str, id: &str) -> Answer {
    let (method, path) = request.split_once(' ').expect("a line has a method and a path");
    let call = server.in_sandbox(method, &path.replace("{ID}", id)).header("x-request-id", "same");
    if body.is_empty() { call.send() } else { call.raw(body.replace("{ID}", id)).send() }
}

/// The answer without the id of its decision, which is another one each time.
fn undecided(answer: &Answer) -> String {
    match answer.text().split_once("\"decisionId\":\"") {
        Some((before, after)) => format!("{before}{}", &after[after.find('"').unwrap_or(0)..]),
        None => answer.text(),
    }
}

#[test]
fn rows_70_and_71_what_lives_elsewhere_looks_like_what_lives_nowhere() {
    let server = strangers();
    let before = server.position();
    for (id, request, body, expected) in NAMING {
        let nowhere = format!("{}x", &id[..id.len() - 1]);
        let elsewhere = in_sandbox(&server, request, body, id);
        let unknown = in_sandbox(&server, request, body, &nowhere);
        assert_eq!(elsewhere.verdict(), *expected, "{request} {body}: {}", elsewhere.text());
        let same = undecided(&unknown).replace(&nowhere, id);
        assert_eq!(undecided(&elsewhere), same, "{request} {body}");
        assert_eq!(elsewhere.headers, unknown.headers, "{request} {body}");
        let is_denied = ["[]", "CustomerNotFound"].iter().any(|sign| same.contains(sign));
        assert!(*expected != "ok" || is_denied, "{request}: {same}");
    }
    assert_eq!(server.position(), before);
}

#[test]
fn row_70_a_grant_of_another_environment_or_customer_is_not_found() {
    let server = twins();
    let theirs = grant(&server, "acme", &json!({}));
    let before = server.position();
    let void = |id: &str| {
        let call = server.in_sandbox("POST", &format!("{GRANTS}/{id}/void"));
        call.header("x-request-id", "same").send()
    };
    let (elsewhere, unknown) = (void(&theirs), void("00000000-0000-4000-8000-000000000000"));
    assert_eq!(elsewhere.verdict(), "404 grant_not_found");
    assert_eq!(elsewhere.body, unknown.body);
    assert_eq!(server.position(), before);
}

#[test]
fn row_76_a_cursor_of_another_environment_is_none() {
    let server = twins();
    world::customer(&server, "bob");
    let page = server.call("GET", "/api/v1/customers?limit=1", &Value::Null).json();
    let cursor = page["pagination"]["next"].as_str().unwrap();
    let path = format!("/api/v1/customers?after={cursor}");
    assert_eq!(server.call("GET", &path, &Value::Null).verdict(), "ok");
    assert_eq!(server.in_sandbox("GET", &path).send().verdict(), "400 invalid_cursor");
}

/// As written 400, at any operation and also beside a sound header: a key in an address ends up
/// in logs. It is neither looked up nor repeated.
#[test]
fn row_72_a_key_in_the_query_is_refused_as_such() {
    let server = world::example();
    let before = server.position();
    for operation in operations() {
        for name in ["X-API-KEY", "x-api-key", "apiKey", "api_key", "key", "access_token", "token"]
        {
            let path = format!("{}?{name}={KEY}", operation.path("acme"));
            for call in [
                server.anonymous(&operation.method, &path),
                server.request(&operation.method, &path),
            ] {
                let answer = call.send();
                let expected = format!("400 unknown_parameter {name}");
                assert_eq!(answer.verdict(), expected, "{} {path}", operation.method);
                assert!(!answer.text().contains(KEY), "{}", answer.text());
            }
        }
    }
    assert_eq!(server.position(), before);
}

/// Keys of other environments open their own only. Keys cannot be revoked and do not expire yet;
/// other ways not to have one are in `auth`. What `Authorization` says is nobody's business here.
#[test]
fn row_72_a_key_is_read_from_its_own_header_only() {
    let server = world::example();
    let twice = server.anonymous("GET", "/api/v1/customers/acme");
    let twice = twice.header("authorization", KEY).header("authorization", KEY);
    assert_eq!(twice.send().verdict(), "401 unauthenticated");
    for key in [format!(" {KEY}x"), format!("{KEY}\u{e9}"), "\u{0}".repeat(0), "x".repeat(8_000)] {
        let call = server.anonymous("GET", "/api/v1/customers/acme");
        let answer = call.header_bytes("x-api-key", key.as_bytes()).send();
        assert_eq!(answer.verdict(), "401 unauthenticated", "{key:?}");
    }
    let other = server.in_sandbox("GET", "/api/v1/customers/acme").send();
    assert_eq!(other.verdict(), "404 customer_not_found");
    let beside = server.request("GET", "/api/v1/customers/acme");
    assert_eq!(beside.header("authorization", "Bearer nonsense").send().verdict(), "ok");
}

#[test]
fn row_74_a_key_that_reads_cannot_reserve_by_a_check_and_is_told_what_could() {
    let server = world::example();
    for (key, scope) in [("sk_read", Scope::Read), ("sk_usage", Scope::Usage)] {
        let key = ApiKey { scope, ..ApiKey::new(key) };
        server.engine().submitter().run(PRODUCTION, Command::CreateKey(key)).expect("it is new");
    }
    let path = "/api/v1/customers/acme/entitlements/check?currencyId=api-credits";
    let position = server.position();
    let ask = |key: &str, path: &str| server.anonymous("GET", path).header("x-api-key", key).send();
    let reserves = format!("{path}&reserveAmount=5&reservationId=r1");
    assert_eq!(ask("sk_read", path).status, 200);
    let refused = ask("sk_read", &reserves);
    assert_eq!(refused.status, 403);
    let message = "this API key has the scope `read`; this takes one with `full` or `usage`";
    assert!(refused.text().contains(message), "{}", refused.text());
    assert_eq!(server.position(), position, "nothing was reserved");
    assert_eq!(ask("sk_usage", &reserves).status, 200);
}
