//! Every code of the contract is reached by a request, or says why it cannot be yet.

use crate::failing_store;
use crate::support::{Answer, Server};
use crate::world::{self, usage};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use stipend_engine::{ApiKey, Command, PRODUCTION, Scope};
use stipend_server::ids::Random;
use stipend_wire::ErrorCode;

/// One refused request for each line: code and place, request, body.
const REFUSED: &[(&str, &str, &str)] = &[
    // Usage.
    (
        "feature_not_metered",
        "POST /api/v1/usage",
        r#"{"usages":[{"customerId":"acme","featureId":"seats","value":1}]}"#,
    ),
    (
        "invalid_formula /charges/pricingModels/0/pricePeriods/0/creditRate/costFormula",
        "PATCH /api/v1/plans/draft-plan",
        r#"{"charges":{"pricingType":"PAID","pricingModels":[{"billingModel":"CREDIT_BASED",
            "featureId":"seats","pricePeriods":[{"billingPeriod":"MONTHLY","creditRate":
            {"amount":1,"currencyId":"api-credits","costFormula":"1.1 * / a"}}]}]}}"#,
    ),
    // The document.
    ("malformed_json", "POST /api/v1/products", "{"),
    ("duplicate_key /id", "POST /api/v1/products", r#"{"id":"a","id":"b"}"#),
    // Fields.
    (
        "unknown_field /colour",
        "POST /api/v1/products",
        r#"{"id":"a","displayName":"A","colour":1}"#,
    ),
    ("missing_field /displayName", "POST /api/v1/products", r#"{"id":"a"}"#),
    ("invalid_type /displayName", "POST /api/v1/products", r#"{"id":"a","displayName":1}"#),
    (
        "invalid_value /featureType",
        "POST /api/v1/features",
        r#"{"id":"a","displayName":"A","featureType":"HUGE"}"#,
    ),
    ("invalid_string /displayName", "POST /api/v1/products", r#"{"id":"a","displayName":" "}"#),
    ("too_long /displayName", "POST /api/v1/products", "{LONG NAME}"),
    ("invalid_id /id", "POST /api/v1/products", r#"{"id":"a b","displayName":"A"}"#),
    ("invalid_number /maxQuantity", "PATCH /api/v1/addons/draft-addon", r#"{"maxQuantity":1.5}"#),
    (
        "invalid_timestamp /startDate",
        "POST /api/v1/subscriptions",
        r#"{"customerId":"bob","planId":"growth","startDate":"soon"}"#,
    ),
    (
        "must_be_positive /addons/0/quantity",
        "PATCH /api/v1/subscriptions/sub-1",
        r#"{"addons":[{"id":"extra","quantity":0}]}"#,
    ),
    (
        "must_not_be_negative /amount",
        "PATCH /api/v1/plans/draft-plan/entitlements/api-credits",
        r#"{"type":"CREDIT","amount":-1}"#,
    ),
    (
        "too_many_decimals /amount",
        "PATCH /api/v1/plans/draft-plan/entitlements/api-credits",
        r#"{"type":"CREDIT","amount":0.12345678901}"#,
    ),
    (
        "amount_too_large /amount",
        "PATCH /api/v1/plans/draft-plan/entitlements/api-credits",
        r#"{"type":"CREDIT","amount":1e30}"#,
    ),
    ("too_many_items /metadata", "PATCH /api/v1/customers/bob", "{MANY KEYS}"),
    (
        "too_few_items /entitlements",
        "POST /api/v1/plans/draft-plan/entitlements",
        r#"{"entitlements":[]}"#,
    ),
    (
        "duplicate_item",
        "POST /api/v1/subscriptions",
        r#"{"customerId":"bob","planId":"growth","entitlements":[
            {"type":"CREDIT","id":"api-credits","amount":1,"cadence":"MONTH"},
            {"type":"CREDIT","id":"api-credits","amount":2,"cadence":"MONTH"}]}"#,
    ),
    (
        "conflicting_fields /entitlements/0/weeklyResetPeriodConfiguration",
        "POST /api/v1/plans/draft-plan/entitlements",
        r#"{"entitlements":[{"type":"FEATURE","id":"seats","resetPeriod":"MONTH",
            "weeklyResetPeriodConfiguration":{"accordingTo":"EverySunday"}}]}"#,
    ),
    // Query.
    ("invalid_parameter createdAt[gt]", "GET /api/v1/plans?createdAt[gt]=soon", ""),
    ("invalid_limit limit", "GET /api/v1/plans?limit=0", ""),
    ("invalid_cursor", "GET /api/v1/plans?after=00", ""),
    ("unknown_parameter sort", "GET /api/v1/plans?sort=name", ""),
    ("duplicate_parameter limit", "GET /api/v1/plans?limit=1&limit=1", ""),
    ("missing_parameter customerId", "GET /api/v1/credits/ledger", ""),
    // What is asked for.
    ("entry_not_found", "POST /api/v1/credits/ledger/x/reverse", ""),
    ("decision_not_found", "GET /api/v1/decisions/x", ""),
    ("not_found", "GET /api/v1/nothing", ""),
    ("customer_not_found", "GET /api/v1/customers/nobody", ""),
    ("currency_not_found", "PATCH /api/v1/credits/custom-currencies/none", "{}"),
    ("product_not_found", "PATCH /api/v1/products/none", "{}"),
    ("plan_not_found", "GET /api/v1/plans/none", ""),
    ("addon_not_found", "GET /api/v1/addons/none", ""),
    ("feature_not_found", "GET /api/v1/features/none", ""),
    ("entitlement_not_found", "DELETE /api/v1/plans/draft-plan/entitlements/none", ""),
    ("subscription_not_found", "GET /api/v1/subscriptions/none", ""),
    ("grant_not_found", "POST /api/v1/credits/grants/none/void", ""),
    (
        "resource_not_found",
        "GET /api/v1/customers/acme/credits/explain?currencyId=api-credits&resourceId=none",
        "",
    ),
    ("method_not_allowed", "PUT /api/v1/products", ""),
    // Catalog.
    ("already_exists", "POST /api/v1/products", r#"{"id":"api","displayName":"Again"}"#),
    ("already_exists", "POST /api/v1/customers", r#"{"id":"acme"}"#),
    (
        "not_published",
        "POST /api/v1/subscriptions",
        r#"{"customerId":"bob","planId":"draft-plan"}"#,
    ),
    ("plan_archived", "POST /api/v1/subscriptions", r#"{"customerId":"bob","planId":"old-plan"}"#),
    (
        "addon_archived",
        "POST /api/v1/subscriptions",
        r#"{"customerId":"bob","planId":"growth","addons":[{"id":"old-addon","quantity":1}]}"#,
    ),
    (
        "product_archived",
        "POST /api/v1/plans",
        r#"{"id":"new","displayName":"New","productId":"old-product"}"#,
    ),
    (
        "currency_archived",
        "POST /api/v1/credits/grants",
        r#"{"customerId":"bob","currencyId":"old-credits","amount":1,"displayName":"G",
            "grantType":"PAID"}"#,
    ),
    (
        "feature_archived",
        "POST /api/v1/plans/draft-plan/entitlements",
        r#"{"entitlements":[{"type":"FEATURE","id":"old-feature","usageLimit":1}]}"#,
    ),
    ("immutable_version", "PATCH /api/v1/plans/growth", r#"{"displayName":"Other"}"#),
    ("no_draft", "POST /api/v1/plans/growth/publish", r#"{"migrationType":"NEW_CUSTOMERS"}"#),
    ("draft_exists", "POST /api/v1/plans/draft-plan/draft", ""),
    (
        "empty_package",
        "POST /api/v1/addons/empty-addon/publish",
        r#"{"migrationType":"NEW_CUSTOMERS"}"#,
    ),
    ("dependency_cycle", "PATCH /api/v1/addons/draft-addon", r#"{"dependencies":["draft-addon"]}"#),
    ("currency_in_use", "POST /api/v1/credits/custom-currencies/api-credits/archive", ""),
    ("product_in_use", "PATCH /api/v1/products/api", r#"{"multipleSubscriptions":true}"#),
    // Customers and subscriptions.
    (
        "customer_archived",
        "POST /api/v1/subscriptions",
        r#"{"customerId":"gone","planId":"growth"}"#,
    ),
    (
        "customer_archived",
        "POST /api/v1/subscriptions/sub-1/delegate",
        r#"{"targetCustomerId":"gone"}"#,
    ),
    (
        "customer_not_found",
        "POST /api/v1/subscriptions/sub-1/delegate",
        r#"{"targetCustomerId":"nobody"}"#,
    ),
    (
        "addon_incompatible",
        "POST /api/v1/subscriptions",
        r#"{"customerId":"bob","planId":"growth","addons":[{"id":"stranger","quantity":1}]}"#,
    ),
    (
        "addon_dependency_missing",
        "POST /api/v1/subscriptions",
        r#"{"customerId":"bob","planId":"growth","addons":[{"id":"needy","quantity":1}]}"#,
    ),
    (
        "addon_quantity_exceeded",
        "POST /api/v1/subscriptions",
        r#"{"customerId":"bob","planId":"growth","addons":[{"id":"single","quantity":2}]}"#,
    ),
    (
        "duplicate_addon /addons/1",
        "POST /api/v1/subscriptions",
        r#"{"customerId":"bob","planId":"growth",
            "addons":[{"id":"extra","quantity":1},{"id":"extra","quantity":1}]}"#,
    ),
    ("amount_required", "POST /api/v1/subscriptions", r#"{"customerId":"bob","planId":"custom"}"#),
    (
        "subscription_exists",
        "POST /api/v1/subscriptions/sub-1/transfer",
        r#"{"destinationResourceId":"taken"}"#,
    ),
    (
        "invalid_schedule /endDate",
        "POST /api/v1/subscriptions/sub-1/cancel",
        r#"{"cancellationTime":"SPECIFIC_DATE"}"#,
    ),
    (
        "invalid_schedule",
        "POST /api/v1/subscriptions",
        r#"{"customerId":"bob","planId":"growth","trialOverrideConfiguration":{"isTrial":true}}"#,
    ),
    ("task_not_found", "GET /api/v1/tasks/9", ""),
    (
        "unlimited_dependency",
        "POST /api/v1/plans/by-seat/publish",
        r#"{"migrationType":"NEW_CUSTOMERS"}"#,
    ),
    ("not_a_sandbox", "PUT /api/v1/test-clock", r#"{"now":"2027-01-01T00:00:00Z"}"#),
    (
        "unknown_time_zone /timeZone",
        "POST /api/v1/environments",
        r#"{"name":"far","timeZone":"Europe/Atlantis"}"#,
    ),
    ("subscription_ended", "PATCH /api/v1/subscriptions/sub-over", r#"{"addons":[]}"#),
    // Credits.
    (
        "invalid_period",
        "POST /api/v1/credits/grants",
        r#"{"customerId":"bob","currencyId":"api-credits","amount":1,"displayName":"G",
            "grantType":"PAID","expireAt":"2026-01-30T00:00:00Z"}"#,
    ),
    (
        "insufficient_credits",
        "POST /api/v1/credits/consumption",
        r#"{"customerId":"acme","currencyId":"api-credits","amount":80001,"strict":true,
            "idempotencyKey":"k"}"#,
    ),
    (
        "event_too_old",
        "POST /api/v1/credits/consumption",
        r#"{"customerId":"acme","currencyId":"api-credits","amount":1,"idempotencyKey":"k",
            "createdAt":"1970-01-01T00:00:00Z"}"#,
    ),
    (
        "event_in_future",
        "POST /api/v1/credits/consumption",
        r#"{"customerId":"acme","currencyId":"api-credits","amount":1,"idempotencyKey":"k",
            "createdAt":"2026-01-31T00:06:00Z"}"#,
    ),
    // The service.
    (
        "not_supported /unitQuantity",
        "POST /api/v1/subscriptions",
        r#"{"customerId":"bob","planId":"growth","unitQuantity":2}"#,
    ),
    ("not_supported", "GET /api/v1/coupons", ""),
    (
        "not_supported /charges/pricingModels/1/resetPeriod",
        "PATCH /api/v1/plans/draft-plan",
        r#"{"charges":{"pricingType":"PAID","pricingModels":[
            {"billingModel":"FLAT_FEE","pricePeriods":[{"billingPeriod":"MONTHLY"}]},
            {"billingModel":"USAGE_BASED","featureId":"seats","resetPeriod":"MONTH",
             "pricePeriods":[{"billingPeriod":"MONTHLY"}]}]}}"#,
    ),
    (
        "not_supported /charges/pricingModels/0/weeklyResetPeriodConfiguration",
        "PATCH /api/v1/addons/draft-addon",
        r#"{"charges":{"pricingType":"PAID","pricingModels":[
            {"billingModel":"USAGE_BASED","featureId":"seats",
             "weeklyResetPeriodConfiguration":{"accordingTo":"EverySunday"},
             "pricePeriods":[{"billingPeriod":"MONTHLY"}]}]}}"#,
    ),
    (
        "not_supported /charges/overagePricingModels/0/pricePeriods/1/creditRate",
        "PATCH /api/v1/plans/draft-plan",
        r#"{"charges":{"pricingType":"PAID","overagePricingModels":[{"featureId":"seats",
            "pricePeriods":[{"billingPeriod":"MONTHLY"},{"billingPeriod":"ANNUALLY",
            "creditRate":{"amount":1,"currencyId":"api-credits"}}]}]}}"#,
    ),
    (
        "not_supported /charges/overagePricingModels/1/creditEntitlement",
        "PATCH /api/v1/plans/draft-plan",
        r#"{"charges":{"pricingType":"PAID","overagePricingModels":[
            {"featureId":"seats","pricePeriods":[{"billingPeriod":"MONTHLY"}]},
            {"currencyId":"api-credits","pricePeriods":[{"billingPeriod":"MONTHLY"}],
             "creditEntitlement":{"amount":5,"cadence":"MONTH","customCurrencyId":"api-credits"}}]}}"#,
    ),
    (
        "not_supported /charges/overagePricingModels/0/entitlement",
        "PATCH /api/v1/addons/draft-addon",
        r#"{"charges":{"pricingType":"PAID","overagePricingModels":[{"featureId":"seats",
            "pricePeriods":[{"billingPeriod":"MONTHLY"}],
            "entitlement":{"featureId":"seats","usageLimit":5}}]}}"#,
    ),
    (
        "not_supported /charges/pricingModels/0/pricePeriods/0/creditRate",
        "PATCH /api/v1/plans/draft-plan",
        r#"{"charges":{"pricingType":"PAID","pricingModels":[{"billingModel":"CREDIT_BASED",
            "featureId":"seats","pricePeriods":[{"billingPeriod":"MONTHLY",
            "billingCountryCode":"DE","creditRate":{"amount":1,"currencyId":"api-credits"}}]}]}}"#,
    ),
    (
        "not_supported /unitQuantity",
        "POST /api/v1/subscriptions/preview",
        r#"{"customerId":"bob","planId":"growth","unitQuantity":2}"#,
    ),
    (
        "not_supported /priceOverrides/0/creditRate",
        "POST /api/v1/subscriptions",
        r#"{"customerId":"bob","planId":"growth","priceOverrides":[
            {"featureId":"seats","creditRate":{"amount":1,"currencyId":"api-credits"}}]}"#,
    ),
    (
        "not_supported /priceOverrides/1/creditRate",
        "PATCH /api/v1/subscriptions/sub-1",
        r#"{"priceOverrides":[{"featureId":"seats","amount":5,"creditRate":null},
            {"featureId":"seats","creditRate":{"amount":1,"currencyId":"api-credits"}}]}"#,
    ),
    (
        "batch_refused",
        "POST /api/v1/credits/consumption/async",
        r#"{"consumptions":[{"amount":0}]}"#,
    ),
    (
        "reservation_not_found",
        "POST /api/v1/credits/reservations/none/release",
        r#"{"customerId":"acme","currencyId":"api-credits","consumedAmount":1}"#,
    ),
    ("limit_reached", "POST /api/v1/subscriptions", "{MANY ADDONS}"),
    (
        "promotional_entitlement_not_found",
        "DELETE /api/v1/customers/acme/promotional-entitlements/seats",
        "",
    ),
    (
        "promotional_entitlement_not_found",
        "DELETE /api/v1/customers/acme/promotional-entitlements/no%20feature",
        "",
    ),
    ("customer_not_found", "DELETE /api/v1/customers/nobody/promotional-entitlements/seats", ""),
    ("customer_not_found", "GET /api/v1/customers/nobody/promotional-entitlements", ""),
    (
        "feature_not_found",
        "POST /api/v1/customers/acme/promotional-entitlements",
        "{PROMOTE none lifetime null}",
    ),
    (
        "feature_archived",
        "POST /api/v1/customers/acme/promotional-entitlements",
        "{PROMOTE old-feature lifetime null}",
    ),
    (
        "customer_archived",
        "POST /api/v1/customers/gone/promotional-entitlements",
        "{PROMOTE seats lifetime null}",
    ),
    (
        "invalid_period",
        "POST /api/v1/customers/acme/promotional-entitlements",
        r#"{PROMOTE seats custom "2026-01-31T00:00:00Z"}"#,
    ),
    (
        "conflicting_fields /promotionalEntitlements/0/customEndDate",
        "POST /api/v1/customers/acme/promotional-entitlements",
        "{PROMOTE seats custom null}",
    ),
    ("invalid_cursor", "GET /api/v1/customers/acme/promotional-entitlements?after=00", ""),
];

/// A request with what led to it.
type Story = fn() -> Answer;

/// What a line of the table cannot say: headers, stories, stores that fail.
const STORIES: &[(ErrorCode, Story)] = &[
    (ErrorCode::PayloadTooLarge, || {
        let body = vec![b' '; (1 << 20) + 1];
        world::example().request("POST", "/api/v1/products").raw(body).send()
    }),
    (ErrorCode::UnsupportedMediaType, || {
        world::example().request("POST", "/api/v1/products").body("{}").send()
    }),
    (ErrorCode::InvalidHeader, || {
        let server = world::example();
        let call = server.request("POST", "/api/v1/credits/consumption/async");
        call.header("stipend-batch", "some").raw(r#"{"consumptions":[]}"#).send()
    }),
    (ErrorCode::Unauthenticated, || world::example().anonymous("GET", "/api/v1/plans").send()),
    (ErrorCode::IdempotencyKeyInvalid, || {
        let server = world::example();
        server.request("POST", "/api/v1/products").header("idempotency-key", "").send()
    }),
    (ErrorCode::IdempotencyKeyReused, || {
        let server = world::example();
        server.post("/api/v1/credits/consumption", &usage("acme", "k", 1));
        server.call("POST", "/api/v1/credits/consumption", &usage("acme", "k", 2))
    }),
    (ErrorCode::InsufficientScope, || {
        let server = world::example();
        let reads = ApiKey { scope: Scope::Read, ..ApiKey::new("sk_reads") };
        let made = server.engine().submitter().run(PRODUCTION, Command::CreateKey(reads));
        made.expect("it is new");
        let call = server.anonymous("POST", "/api/v1/customers/acme/archive");
        call.header("x-api-key", "sk_reads").send()
    }),
    (ErrorCode::MissingRight, || world::example().in_sandbox("GET", "/api/v1/environments").send()),
    (ErrorCode::UsageLimitExceeded, || {
        let server = world::features();
        let usage =
            json!({ "usages": [{ "customerId": "acme", "featureId": "strict", "value": 6 }] });
        server.call("POST", "/api/v1/usage", &usage)
    }),
    (ErrorCode::ClockBackwards, || {
        let server = world::example();
        let set = |now: &str| {
            let body = format!(r#"{{"now":"{now}"}}"#);
            server.in_sandbox("PUT", "/api/v1/test-clock").raw(body).send()
        };
        assert_eq!(set("2025-06-01T00:00:00Z").status, 200);
        set("2025-05-31T23:59:59.999Z")
    }),
    (ErrorCode::ClockOutOfRange, || {
        let server = world::example();
        let body = r#"{"now":"9999-06-01T00:00:00Z"}"#;
        server.in_sandbox("PUT", "/api/v1/test-clock").raw(body).send()
    }),
    (ErrorCode::GrantNotVoidable, overdraft_voided),
    (ErrorCode::ReservationConflict, || {
        let server = reserved();
        let check = "/api/v1/customers/acme/entitlements/check?currencyId=api-credits";
        server.call("GET", &format!("{check}&reserveAmount=11&reservationId=job"), &Value::Null)
    }),
    (ErrorCode::ReservationReleased, || {
        let server = reserved();
        let path = "/api/v1/credits/reservations/job/release";
        let body = |consumed: u32| json!({ "customerId": "acme", "currencyId": "api-credits", "consumedAmount": consumed });
        server.post(path, &body(1));
        server.call("POST", path, &body(2))
    }),
    (ErrorCode::ReservationClosed, || {
        let server = reserved();
        server.advance(3_600);
        let body = json!({ "customerId": "acme", "currencyId": "api-credits",
            "reservationTtlSeconds": 60 });
        server.call("POST", "/api/v1/credits/reservations/job/extend", &body)
    }),
    (ErrorCode::UnsupportedAggregation, || {
        let server = priced("0 + a", "MIN");
        let body = json!({ "migrationType": "NEW_CUSTOMERS" });
        server.call("POST", "/api/v1/plans/priced/publish", &body)
    }),
    (ErrorCode::FormulaFailed, || {
        let server = priced("1 / a", "SUM");
        world::publish(&server, "plans", "priced");
        let subscription = json!({ "customerId": "acme", "planId": "priced" });
        server.post("/api/v1/subscriptions", &subscription);
        let event = json!({ "events": [
            { "customerId": "acme", "eventName": "e", "idempotencyKey": "k" },
        ] });
        server.call("POST", "/api/v1/events", &event)
    }),
    (ErrorCode::EntryNotReversible, || {
        let server = world::example();
        let ledger = server.get("/api/v1/credits/ledger?customerId=acme");
        reversed(&server, &ledger[0]["entryId"], &Value::Null)
    }),
    (ErrorCode::AlreadyReversed, || {
        let server = world::example();
        server.post("/api/v1/credits/consumption", &usage("acme", "k", 1));
        let ledger = server.get("/api/v1/credits/ledger?customerId=acme");
        let entry = &ledger[0]["entryId"];
        assert_eq!(reversed(&server, entry, &Value::Null).status, 200);
        reversed(&server, entry, &json!({ "idempotencyKey": "another" }))
    }),
    (ErrorCode::DecisionGone, || {
        let server = world::example();
        let check = "/api/v1/customers/acme/entitlements/check?currencyId=api-credits";
        let first = server.get(check)["decisionId"].clone();
        (0..1_024).for_each(|_| drop(server.get(check)));
        let path = format!("/api/v1/decisions/{}", first.as_str().expect("it has an id"));
        server.call("GET", &path, &Value::Null)
    }),
    (ErrorCode::Overloaded, failing_store::overloaded),
    (ErrorCode::Internal, failing_store::unreadable),
    (ErrorCode::Unavailable, failing_store::unwritable),
];

fn reversed(server: &Server, entry: &Value, body: &Value) -> Answer {
    let entry = entry.as_str().expect("entries have ids");
    server.call("POST", &format!("/api/v1/credits/ledger/{entry}/reverse"), body)
}

/// The example with a reservation `job` of 10 credits for an hour.
fn reserved() -> crate::support::Server {
    let server = world::example();
    let check = "/api/v1/customers/acme/entitlements/check?currencyId=api-credits";
    server.get(&format!("{check}&reserveAmount=10&reservationId=job"));
    server
}

/// The example with a draft `priced` of another product, by which events cost what a formula says.
fn priced(formula: &str, function: &str) -> Server {
    let server = world::example();
    server.post("/api/v1/products", &json!({ "id": "other", "displayName": "Other" }));
    let feature = json!({
        "id": "f", "displayName": "F", "featureType": "NUMBER", "meterType": "INCREMENTAL",
        "meter": { "aggregation": { "function": function, "field": "a" }, "filters": [] },
    });
    server.post("/api/v1/features", &feature);
    world::package(&server, "plans", "priced", "other", Some(10));
    let charges = json!({ "charges": { "pricingType": "PAID", "pricingModels": [
        { "billingModel": "CREDIT_BASED", "featureId": "f", "pricePeriods": [
            { "billingPeriod": "MONTHLY", "creditRate":
                { "amount": 1, "currencyId": "api-credits", "costFormula": formula } },
        ] },
    ] } });
    server.done("PATCH", "/api/v1/plans/priced", &charges);
    server
}

fn overdraft_voided() -> Answer {
    let server = world::example();
    server.post("/api/v1/credits/consumption", &usage("acme", "k", 80_001));
    let grants = server.get("/api/v1/credits/grants?customerId=acme");
    let grants = grants.as_array().expect("it is a list").iter();
    let overdraft = grants.filter(|grant| grant["grantType"] == "OVERDRAFT").collect::<Vec<_>>();
    let id = overdraft[0]["id"].as_str().expect("it has an id");
    server.call("POST", &format!("/api/v1/credits/grants/{id}/void"), &Value::Null)
}

const NOT_YET: &[(ErrorCode, &str)] = &[
    (ErrorCode::Forbidden, "keys have no scopes and there are no publishable keys"),
    (ErrorCode::FeatureInUse, "features cannot be deleted, and archiving one is never refused"),
    (ErrorCode::PackageInUse, "archiving a plan or an add-on is never refused"),
    (ErrorCode::ProductMismatch, "packages of different products are not compared"),
    (ErrorCode::RequestInFlight, "a second request waits for the first and gets its answer"),
];

/// The bodies that are too long to stand in the table.
fn written_out(body: &str) -> String {
    let repeat = |count: usize, item: fn(usize) -> String| {
        (0..count).map(item).collect::<Vec<_>>().join(",")
    };
    match body {
        "{LONG NAME}" => format!(r#"{{"id":"a","displayName":"{}"}}"#, "n".repeat(256)),
        "{MANY KEYS}" => {
            format!(r#"{{"metadata":{{{}}}}}"#, repeat(51, |key| format!(r#""k{key}":"v""#)))
        }
        "{MANY ADDONS}" => {
            let addons = repeat(101, |number| format!(r#"{{"id":"a{number}","quantity":1}}"#));
            format!(r#"{{"customerId":"bob","planId":"growth","addons":[{addons}]}}"#)
        }
        other => match other.strip_prefix("{PROMOTE ").and_then(|rest| rest.strip_suffix('}')) {
            Some(promotion) => {
                let [feature, period, end] = promotion.split(' ').collect::<Vec<_>>()[..] else {
                    panic!("{promotion}: FEATURE PERIOD END");
                };
                let end: Value = serde_json::from_str(end).expect("an instant or null");
                let promotion = json!({ "period": period, "customEndDate": end });
                world::promotion(feature, &promotion).to_string()
            }
            None => other.to_owned(),
        },
    }
}

fn ask(server: &Server, request: &str, body: &str) -> Answer {
    let (method, path) = request.split_once(' ').expect("a line has a method and a path");
    let call = server.request(method, path);
    if body.is_empty() { call.send() } else { call.raw(written_out(body)).send() }
}

fn code(text: &str) -> ErrorCode {
    let name = text.split(' ').next().unwrap_or_default();
    let code = ErrorCode::ALL.iter().find(|code| code.as_str() == name);
    *code.unwrap_or_else(|| panic!("{name} is no code"))
}

#[test]
fn every_line_is_refused_with_its_code_and_changes_nothing() {
    let server = world::full();
    let before = server.position();
    for (expected, request, body) in REFUSED {
        let verdict = ask(&server, request, body).verdict();
        let expected = format!("{} {expected}", code(expected).status());
        assert_eq!(verdict, expected, "{request} {body}");
        assert_eq!(server.position(), before, "{request} {body}");
    }
}

#[test]
fn every_story_ends_with_its_code() {
    for (expected, story) in STORIES {
        let answer = story();
        assert_eq!(answer.verdict(), format!("{} {expected}", expected.status()));
    }
}

#[test]
fn every_code_is_reached_or_says_why_it_cannot_be() {
    let reached: BTreeSet<ErrorCode> = REFUSED.iter().map(|line| code(line.0)).collect();
    let told: BTreeSet<ErrorCode> = STORIES.iter().map(|story| story.0).collect();
    let not_yet: BTreeSet<ErrorCode> = NOT_YET.iter().map(|line| line.0).collect();
    for code in ErrorCode::ALL {
        let places = [reached.contains(code), told.contains(code), not_yet.contains(code)];
        let count = places.iter().filter(|is_there| **is_there).count();
        assert_eq!(count, 1, "{code} must stand in exactly one of the three tables");
    }
}

#[test]
fn a_method_that_a_path_does_not_have_is_refused_with_those_it_has() {
    let server = world::example();
    for (method, path, allowed) in [
        ("PUT", "/api/v1/products", "GET,HEAD,POST"),
        ("DELETE", "/api/v1/products/api", "PATCH"),
        ("GET", "/api/v1/products/api/archive", "POST"),
        ("TRACE", "/api/v1/customers/acme", "GET,HEAD,PATCH"),
        ("POST", "/healthz", "GET,HEAD"),
    ] {
        let answer = server.call(method, path, &Value::Null);
        assert_eq!(answer.verdict(), "405 method_not_allowed", "{method} {path}");
        let mut allow: Vec<&str> = answer.header("allow").unwrap().split(',').collect();
        allow.sort_unstable();
        assert_eq!(allow.join(","), allowed, "{method} {path}");
    }
}

#[test]
fn a_request_id_is_taken_over_where_it_is_sound() {
    let server = world::example();
    let ask =
        |id: &str| server.request("GET", "/api/v1/plans/none").header("x-request-id", id).send();
    assert_eq!(ask("mine-1").header("x-request-id"), Some("mine-1"));
    assert_eq!(ask("mine-1").json()["error"]["requestId"], "mine-1");
    for id in ["", &"x".repeat(129)] {
        let answer = ask(id);
        assert_eq!(answer.verdict(), "404 plan_not_found");
        assert_ne!(answer.header("x-request-id"), Some(id));
    }
    let first = server.request("GET", "/api/v1/plans").send();
    let second = server.request("GET", "/api/v1/plans").send();
    assert!(first.header("x-request-id").is_some());
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}

/// Randomness whose source is broken: the one way to make a handler panic from outside.
#[derive(Debug)]
struct NoRandom;

impl Random for NoRandom {
    fn fill(&self, _: &mut [u8]) {
        panic!("the cause that nobody is told");
    }
}

#[test]
fn a_panic_is_answered_in_the_same_body_and_takes_nothing_with_it() {
    let server = world::full().with_random(Arc::new(NoRandom));
    let before = server.position();
    let body = json!({ "customerId": "bob", "planId": "growth" });
    let ask = |body: &Value| {
        let call = server.request("POST", "/api/v1/subscriptions");
        call.header("x-request-id", "mine").json(body).send()
    };
    let answer = ask(&body);
    assert_eq!(answer.verdict(), "500 internal");
    assert!(!answer.text().contains("nobody is told"), "{}", answer.text());
    assert_eq!(server.position(), before);
    let with_id = json!({ "id": "sub-bob", "customerId": "bob", "planId": "growth" });
    assert_eq!(ask(&with_id).verdict(), "ok", "the next request is served");
}
