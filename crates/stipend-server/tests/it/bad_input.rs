//! The rows of `bad-input.md` that a request can show, by their numbers, over HTTP. Every
//! refusal leaves the journal where it was.
//!
//! Where our answer is another one than the table's, the line says why.

use crate::support::{Answer, Server};
use crate::world::{self, grant, usage};
use serde_json::{Value, json};

const PRODUCTS: &str = "POST /api/v1/products";
const CUSTOMERS: &str = "POST /api/v1/customers";
const GRANTS: &str = "POST /api/v1/credits/grants";
const CONSUME: &str = "POST /api/v1/credits/consumption";
const SUBSCRIBE: &str = "POST /api/v1/subscriptions";

fn ask(server: &Server, request: &str, body: &[u8]) -> Answer {
    let (method, path) = request.split_once(' ').expect("a line has a method and a path");
    let call = server.request(method, path);
    if body.is_empty() { call.send() } else { call.raw(body.to_vec()).send() }
}

/// Every line is (row, request, body, verdict), against the world in which everything is.
#[track_caller]
fn check(lines: &[(u8, &str, &[u8], &str)]) {
    let server = world::full();
    let before = server.position();
    for (row, request, body, expected) in lines {
        let shown: String = String::from_utf8_lossy(body).chars().take(120).collect();
        let verdict = ask(&server, request, body).verdict();
        assert_eq!(verdict, *expected, "row {row}: {request} {shown}");
        assert_eq!(server.position(), before, "row {row}: {request} {shown}");
    }
}

/// A sound grant with one field replaced or added.
fn grant_with(name: &str, value: &str) -> Vec<u8> {
    let fields = [
        ("amount", "10"),
        ("currencyId", r#""api-credits""#),
        ("customerId", r#""bob""#),
        ("displayName", r#""Gift""#),
        ("grantType", r#""PROMOTIONAL""#),
    ];
    let replaced = [(name, value)];
    let kept = fields.iter().filter(|(other, _)| *other != name).chain(&replaced);
    let fields: Vec<String> = kept.map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", fields.join(",")).into_bytes()
}

#[test]
fn rows_12_to_19_the_document_itself_must_be_sound() {
    let bad = "400 malformed_json";
    let deep = |depth| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    let many: Vec<String> = (0..10_000).map(|key| format!("\"k{key}\":1")).collect();
    let many = format!("{{{}}}", many.join(","));
    let bulk = "POST /api/v1/credits/consumption/async";
    let million = format!(r#"{{"consumptions":[{}1]}}"#, "1,".repeat(1_000_000));
    let big = vec![b' '; 10 << 20];
    check(&[
        (12, PRODUCTS, b"", bad),
        (12, PRODUCTS, b"null", bad),
        (12, PRODUCTS, b"\"\"", bad),
        (12, PRODUCTS, b"42", bad),
        (13, PRODUCTS, b"[{}]", bad),
        (14, PRODUCTS, br#"{"id":"a","id":"a"}"#, "400 duplicate_key /id"),
        (
            14,
            PRODUCTS,
            br#"{"id":"a","displayName":"A","metadata":{"k":"1","k":"2"}}"#,
            "400 duplicate_key /metadata/k",
        ),
        (15, GRANTS, &grant_with("expire_at", "1"), "422 unknown_field /expire_at"),
        (16, PRODUCTS, deep(200).as_bytes(), bad),
        (16, PRODUCTS, deep(100_000).as_bytes(), bad),
        (17, bulk, million.as_bytes(), "422 too_many_items /consumptions"),
        (17, PRODUCTS, many.as_bytes(), "422 too_many_items"),
        (18, PRODUCTS, &big, "413 payload_too_large"),
        (18, bulk, &big, "413 payload_too_large"),
        (19, PRODUCTS, b"{}x", bad),
        (19, PRODUCTS, b"{}{}", bad),
        (19, PRODUCTS, b"\xef\xbb\xbf{}", bad),
        (19, PRODUCTS, b"{\0}\0", bad),
        (19, PRODUCTS, b"{\"id\":\"\xc3\x28\"}", bad),
        (19, PRODUCTS, br#"{"id":"\ud800"}"#, bad),
    ]);
}

#[test]
fn rows_20_to_29_texts_and_ids_keep_to_their_kind() {
    let long_id = format!("\"{}\"", "i".repeat(256));
    let map = |count: usize| {
        let entries: Vec<_> = (0..count).map(|key| format!("\"k{key}\":\"v\"")).collect();
        format!("{{{}}}", entries.join(","))
    };
    let long_key = format!("{{\"{}\":\"v\"}}", "k".repeat(41));
    let long_value = format!("{{\"k\":\"{}\"}}", "v".repeat(501));
    let blank = "422 invalid_string /displayName";
    let bad_id = "422 invalid_id /customerId";
    let place = format!("422 too_long /metadata/{}", "k".repeat(41));
    check(&[
        (20, GRANTS, &grant_with("amount", "0"), "422 must_be_positive /amount"),
        (21, GRANTS, &grant_with("displayName", "\"\""), blank),
        (21, GRANTS, &grant_with("displayName", "\"  \""), blank),
        (21, GRANTS, &grant_with("customerId", "\"\""), bad_id),
        (22, GRANTS, &grant_with("customerId", &long_id), bad_id),
        (23, GRANTS, &grant_with("displayName", r#""a\u0000""#), blank),
        (23, GRANTS, &grant_with("displayName", r#""a\u001b""#), blank),
        (23, GRANTS, &grant_with("displayName", "\"a\u{7f}\""), blank),
        (29, GRANTS, &grant_with("metadata", &map(51)), "422 too_many_items /metadata"),
        (29, GRANTS, &grant_with("metadata", &long_key), &place),
        (29, GRANTS, &grant_with("metadata", &long_value), "422 too_long /metadata/k"),
        (29, GRANTS, &grant_with("metadata", r#"{"k":{}}"#), "422 invalid_type /metadata/k"),
    ]);
}

/// Ids in a path are decoded once; what is no id leads to nothing.
#[test]
fn row_24_paths_lead_nowhere_but_to_ids() {
    let none = "404 customer_not_found";
    check(&[
        (24, "GET /api/v1/customers/..%2f..%2fetc%2fpasswd", b"", none),
        (24, "GET /api/v1/customers/../../etc/passwd", b"", "404 not_found"),
        (24, "GET /api/v1/customers/%00", b"", none),
        (24, "GET /api/v1/customers/%2561cme", b"", none),
        (24, "GET /api/v1/customers//", b"", "404 not_found"),
        (24, "GET /api/v1/customers/acme;x", b"", none),
        (24, "GET /api/v1/customers/acme%3Fx", b"", none),
        (24, "GET /api/v1/customers/%ff", b"", "404 not_found"),
        (41, "DELETE /api/v1/customers/acme", b"", "405 method_not_allowed"),
        (41, "GET /api/v1/customers/", b"", "404 not_found"),
        (41, "GET /api/v2/customers", b"", "404 not_found"),
        (41, "GET /nothing", b"", "404 not_found"),
    ]);
    let server = world::example();
    assert_eq!(server.get("/api/v1/customers/%61cme")["id"], "acme", "decoded once");
}

#[test]
fn row_26_ids_that_differ_in_case_are_two_customers() {
    let server = world::example();
    world::customer(&server, "Acme");
    assert_eq!(server.get("/api/v1/customers/Acme")["id"], "Acme");
    assert_eq!(server.balance("acme"), (80_000, 0));
    assert_eq!(server.balance("Acme"), (0, 0));
}

#[test]
fn rows_31_and_33_only_plain_json_is_a_body() {
    let server = world::example();
    let before = server.position();
    let types = [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/json; charset=utf-16"),
        Some("application/jsonp"),
    ];
    let body = r#"{"id":"a","displayName":"A"}"#;
    for content_type in types {
        let call = server.request("POST", "/api/v1/products").body(body);
        let call =
            content_type.into_iter().fold(call, |call, kind| call.header("content-type", kind));
        assert_eq!(call.send().verdict(), "415 unsupported_media_type", "row 31: {content_type:?}");
    }
    for encoding in ["gzip", "br", "deflate", "gzip, gzip", "identity"] {
        let call = server.request("POST", "/api/v1/products").header("content-encoding", encoding);
        let verdict = call.raw(b"\x1f\x8b\x08".to_vec()).send().verdict();
        assert_eq!(verdict, "415 unsupported_media_type", "row 33: {encoding}");
    }
    assert_eq!(server.position(), before);
    for content_type in ["application/json", "Application/JSON; charset=\"UTF-8\"", "text/plain"] {
        let call = server.request("POST", "/api/v1/products/api/archive");
        let answer = call.header("content-type", content_type).send();
        assert_eq!(answer.status, 200, "row 31: without a body, {content_type} is fine");
    }
}

#[test]
fn rows_36_and_76_to_78_queries_are_read_strictly() {
    let many = format!("GET /api/v1/plans?{}", "a=1&".repeat(5_000));
    let long = format!("GET /api/v1/plans?after={}", "0".repeat(60_000));
    let cursor = format!("GET /api/v1/plans?after={}", "0".repeat(700));
    check(&[
        // An URL of more than 64 kB never reaches the router: hyper answers 414 by itself.
        (36, &long, b"", "400 invalid_parameter after"),
        (36, &many, b"", "400 invalid_parameter"),
        (36, "GET /api/v1/plans?limit=1&limit=2", b"", "400 duplicate_parameter limit"),
        (76, "GET /api/v1/plans?after=zz", b"", "400 invalid_cursor"),
        (76, &cursor, b"", "400 invalid_cursor"),
        (77, "GET /api/v1/plans?limit=0", b"", "400 invalid_limit limit"),
        (77, "GET /api/v1/plans?limit=-1", b"", "400 invalid_limit limit"),
        (77, "GET /api/v1/plans?limit=1000000000", b"", "400 invalid_limit limit"),
        (77, "GET /api/v1/plans?limit=abc", b"", "400 invalid_limit limit"),
        (78, "GET /api/v1/plans?sort=name", b"", "400 unknown_parameter sort"),
        (78, "GET /api/v1/plans?status=.*", b"", "400 invalid_parameter status"),
    ]);
}

#[test]
fn row_76_a_cursor_is_of_its_own_list() {
    let server = world::full();
    let page = server.call("GET", "/api/v1/plans?limit=1", &Value::Null).json();
    let cursor = page["pagination"]["next"].as_str().unwrap();
    let verdict = |path: &str| server.call("GET", path, &Value::Null).verdict();
    assert_eq!(verdict(&format!("/api/v1/plans?after={cursor}")), "ok");
    for list in ["addons", "products", "customers", "subscriptions"] {
        let path = format!("/api/v1/{list}?after={cursor}");
        assert_eq!(verdict(&path), "400 invalid_cursor", "{path}");
    }
    let first = if cursor.starts_with('0') { '1' } else { '0' };
    let tampered = format!("/api/v1/plans?after={first}{}", &cursor[1..]);
    assert_eq!(verdict(&tampered), "400 invalid_cursor");
}

#[test]
fn rows_42_to_56_what_a_consumption_must_say() {
    let with = |name: &str, value: Value| {
        let mut body = usage("acme", "k", 1);
        body[name] = value;
        body.to_string().into_bytes()
    };
    let keyless = br#"{"customerId":"acme","currencyId":"api-credits","amount":1}"#;
    let bad_time = "422 invalid_timestamp /createdAt";
    let time = |text: &str| with("createdAt", text.into());
    check(&[
        (42, CONSUME, keyless, "422 missing_field /idempotencyKey"),
        (47, CONSUME, &with("idempotencyKey", "".into()), "422 invalid_string /idempotencyKey"),
        (
            47,
            CONSUME,
            &with("idempotencyKey", "k".repeat(256).into()),
            "422 too_long /idempotencyKey",
        ),
        (53, CONSUME, &time("2026-01-31T00:00:00"), bad_time),
        (53, CONSUME, &time("2026-01-31"), bad_time),
        (53, CONSUME, &time("2026-01-30T24:00:00Z"), bad_time),
        (53, CONSUME, &time("2026-02-30T00:00:00Z"), bad_time),
        (53, CONSUME, &time("0000-01-01T00:00:00Z"), bad_time),
        (53, CONSUME, &time("10000-01-01T00:00:00Z"), bad_time),
        (53, CONSUME, &with("createdAt", json!(1_769_817_600_000_i64)), bad_time),
        (56, CONSUME, &with("customerId", "nobody".into()), "404 customer_not_found"),
        (
            68,
            CONSUME,
            br#"{"customerId":"acme","currencyId":"api-credits","amount":80001,
            "idempotencyKey":"k","strict":true}"#,
            "402 insufficient_credits",
        ),
        (75, GRANTS, &grant_with("id", "\"x\""), "422 unknown_field /id"),
        (75, GRANTS, &grant_with("created_at", "1"), "422 unknown_field /created_at"),
        (75, GRANTS, &grant_with("balance", "1"), "422 unknown_field /balance"),
        (75, CUSTOMERS, br#"{"id":"x","role":"admin"}"#, "422 unknown_field /role"),
        (75, CUSTOMERS, br#"{"id":"x","environment_id":2}"#, "422 unknown_field /environment_id"),
    ]);
}

#[test]
fn row_55_a_grant_must_have_a_time_to_live_in() {
    let period = |effective: &str, expire: &str| {
        let mut body: Value = serde_json::from_slice(&grant_with("comment", "\"c\"")).unwrap();
        body["effectiveAt"] = effective.into();
        body["expireAt"] = expire.into();
        body.to_string().into_bytes()
    };
    let bad = "422 invalid_period";
    check(&[
        (55, GRANTS, &period("2026-03-01T00:00:00Z", "2026-02-01T00:00:00Z"), bad),
        (55, GRANTS, &period("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z"), bad),
        (55, GRANTS, &period("2025-01-01T00:00:00Z", "2026-01-30T00:00:00Z"), bad),
        (55, GRANTS, &period("2025-01-01T00:00:00Z", "2026-01-31T00:00:00Z"), bad),
    ]);
}

#[test]
fn rows_57_to_62_the_catalog_guards_itself() {
    let subscribe = |plan: &str, addons: &str| {
        format!(r#"{{"customerId":"bob","planId":"{plan}","addons":[{addons}]}}"#).into_bytes()
    };
    let growth = |addons: &str| subscribe("growth", addons);
    check(&[
        (57, SUBSCRIBE, &subscribe("old-plan", ""), "409 plan_archived"),
        (58, SUBSCRIBE, &subscribe("draft-plan", ""), "409 not_published"),
        (58, SUBSCRIBE, &growth(r#"{"id":"draft-addon","quantity":1}"#), "409 not_published"),
        (59, SUBSCRIBE, &growth(r#"{"id":"stranger","quantity":1}"#), "409 addon_incompatible"),
        (59, SUBSCRIBE, &growth(r#"{"id":"needy","quantity":1}"#), "409 addon_dependency_missing"),
        (59, SUBSCRIBE, &growth(r#"{"id":"single","quantity":2}"#), "409 addon_quantity_exceeded"),
        (
            59,
            SUBSCRIBE,
            &growth(r#"{"id":"extra","quantity":0}"#),
            "422 must_be_positive /addons/0/quantity",
        ),
        (
            59,
            SUBSCRIBE,
            &growth(r#"{"id":"extra","quantity":1},{"id":"extra","quantity":2}"#),
            "422 duplicate_addon /addons/1",
        ),
        (60, "PATCH /api/v1/plans/growth", br#"{"displayName":"X"}"#, "409 immutable_version"),
        (60, "DELETE /api/v1/addons/extra/entitlements/api-credits", b"", "409 immutable_version"),
        (
            62,
            "POST /api/v1/credits/custom-currencies/api-credits/archive",
            b"",
            "409 currency_in_use",
        ),
    ]);
    let server = world::full();
    let missing = ask(&server, SUBSCRIBE, &growth(r#"{"id":"needy","quantity":1}"#)).text();
    assert!(missing.contains("single"), "row 59: the missing id is named: {missing}");
    assert_eq!(server.balance("acme"), (80_000, 0), "row 57: existing ones live on");
}

#[test]
fn rows_65_to_67_what_is_ended_once_is_ended() {
    let server = world::example();
    let voided = grant(&server, "acme", &json!({}));
    let half = grant(&server, "acme", &json!({ "expireAt": "2026-02-02T00:00:00Z" }));
    let expiring = grant(&server, "acme", &json!({ "expireAt": "2026-01-31T01:00:00Z" }));
    let void =
        |id: &str| server.call("POST", &format!("/api/v1/credits/grants/{id}/void"), &Value::Null);
    let (first, second) = (void(&voided), void(&voided));
    assert_eq!((first.status, &first.body), (200, &second.body), "row 66");
    // Drawn first is what expires first, then the other gift.
    server.post("/api/v1/credits/consumption", &usage("acme", "k", 140));
    server.advance(3_600);
    assert_eq!(void(&expiring).verdict(), "409 grant_not_voidable", "row 66");
    let voided = void(&half).json()["data"].clone();
    // Voided as a whole it keeps its amount (`behaviour.md` §0.16); the ledger says what was
    // taken back.
    let numbers = (&voided["amount"], &voided["consumedAmount"], &voided["status"]);
    assert_eq!(numbers, (&json!(100), &json!(40), &json!("VOIDED")), "row 67");
    let ledger = server.get("/api/v1/credits/ledger?customerId=acme&eventType=CREDITS_VOIDED");
    assert_eq!(ledger[0]["amount"], -60, "row 67");
    let cancel = || server.call("POST", "/api/v1/subscriptions/sub-1/cancel", &Value::Null);
    let (first, second) = (cancel(), cancel());
    assert_eq!((first.status, second.status), (200, 200), "row 65");
    assert_eq!(first.json(), second.json(), "row 65");
}

#[test]
fn row_68_without_strict_the_shortfall_is_overdraft() {
    let server = world::example();
    server.post("/api/v1/credits/consumption", &usage("acme", "k", 80_010));
    assert_eq!(server.balance("acme"), (80_000, 80_010));
    let check = server.get("/api/v1/customers/acme/entitlements/check?currencyId=api-credits");
    assert_eq!(check["isGranted"], false);
}

/// A division by zero is seen at saving where it is by a constant; where it is by a dimension,
/// evaluation ends it (`errors.rs`).
#[test]
fn row_85_a_formula_is_refused_where_it_is_saved() {
    let plan = "PATCH /api/v1/plans/draft-plan";
    let bad = "422 invalid_formula \
               /charges/pricingModels/0/pricePeriods/0/creditRate/costFormula";
    let too_long = &bad.replace("invalid_formula", "too_long");
    let with = |formula: &str| {
        let rate = json!({ "amount": 1, "currencyId": "api-credits", "costFormula": formula });
        let period = json!({ "billingPeriod": "MONTHLY", "creditRate": rate });
        let model = json!({ "billingModel": "CREDIT_BASED", "featureId": "seats",
            "pricePeriods": [period] });
        let charges = json!({ "pricingType": "PAID", "pricingModels": [model] });
        json!({ "charges": charges }).to_string().into_bytes()
    };
    let deep = format!("{}a{}", "(".repeat(100_000), ")".repeat(100_000));
    let nested = format!("{}a{}", "(".repeat(200), ")".repeat(200));
    let long = format!("a{}", "+a".repeat(100_000));
    check(&[
        (85, plan, &with("a / 0"), bad),
        (85, plan, &with("1 / (2 - 2)"), bad),
        (85, plan, &with(&deep), too_long),
        (85, plan, &with(&nested), bad),
        (85, plan, &with(&long), too_long),
        (85, plan, &with("a * 1e400"), bad),
        (85, plan, &with("a ^ 999999999"), bad),
        (85, plan, &with("a ** 9"), bad),
        (85, plan, &with("99999999999999999999999999999999999999999 * a"), bad),
        (85, plan, &with("while(true)"), bad),
        (85, plan, &with("a; b"), bad),
        (85, plan, &with(""), bad),
    ]);
}
