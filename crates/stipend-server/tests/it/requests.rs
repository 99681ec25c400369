//! The table of requests: one that succeeds for each operation of the contract, in an order in
//! which each finds what it needs.
//!
//! Lines are `METHOD path` and, where there is one, the body. `{grant}` stands for the id of the
//! grant that was made last, `{entry}` for the newest entry of the ledger that was read last, and
//! `{decision}` for what was decided last.

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) body: &'static str,
    /// Whether it is asked with the key of the sandbox.
    pub(crate) in_sandbox: bool,
}

impl Line {
    const fn new(method: &'static str, path: &'static str, body: &'static str) -> Self {
        Self { method, path, body, in_sandbox: false }
    }

    const fn in_sandbox(self) -> Self {
        Self { in_sandbox: true, ..self }
    }
}

const fn get(path: &'static str) -> Line {
    Line::new("GET", path, "")
}

const fn post(path: &'static str, body: &'static str) -> Line {
    Line::new("POST", path, body)
}

const fn put(path: &'static str, body: &'static str) -> Line {
    Line::new("PUT", path, body)
}

const fn patch(path: &'static str, body: &'static str) -> Line {
    Line::new("PATCH", path, body)
}

const fn delete(path: &'static str) -> Line {
    Line::new("DELETE", path, "")
}

const TWO_ENTITLEMENTS: &str = r#"{"entitlements":[
    {"type":"CREDIT","id":"api-credits","amount":10000,"cadence":"MONTH","order":1},
    {"type":"FEATURE","id":"seats","usageLimit":5,"resetPeriod":"MONTH",
     "monthlyResetPeriodConfiguration":{"accordingTo":"SubscriptionStart"}}]}"#;
const CHARGES: &str = r#"{"compatibleAddonIds":["extra"],"charges":{"pricingType":"PAID",
    "pricingModels":[{"billingModel":"FLAT_FEE","pricePeriods":[
        {"billingPeriod":"MONTHLY","price":{"amount":9.99,"currency":"usd"}}]}],
    "overagePricingModels":[{"currencyId":"api-credits","pricePeriods":[
        {"billingPeriod":"MONTHLY","price":{"amount":0.001,"currency":"usd"}}]}]}}"#;
const ADDON_CHARGES: &str = r#"{"maxQuantity":10,"charges":{"pricingType":"PAID",
    "pricingModels":[{"billingModel":"FLAT_FEE","pricePeriods":[
        {"billingPeriod":"MONTHLY","price":{"amount":5,"currency":"usd"}}]}]}}"#;
const PROMOTIONS: &str = r#"{"promotionalEntitlements":[{"featureId":"seats","period":"1 month",
    "usageLimit":20,"hasUnlimitedUsage":false,"hasSoftLimit":false,"enumValues":null,
    "isVisible":true,"customEndDate":null,"resetPeriod":"WEEK",
    "weeklyResetPeriodConfiguration":{"accordingTo":"EveryMonday"},
    "monthlyResetPeriodConfiguration":null,"yearlyResetPeriodConfiguration":null}]}"#;
const PUBLISH: &str = r#"{"migrationType":"NEW_CUSTOMERS"}"#;

/// All of them.
pub(crate) const LINES: &[Line] = &[
    post("/api/v1/products", r#"{"id":"api","displayName":"API","metadata":{"team":"core"}}"#),
    patch("/api/v1/products/api", r#"{"description":"The API"}"#),
    post(
        "/api/v1/credits/custom-currencies",
        r#"{"id":"api-credits","displayName":"API Credits","symbol":"©",
            "units":{"singular":"credit","plural":"credits"}}"#,
    ),
    patch("/api/v1/credits/custom-currencies/api-credits", r#"{"description":"For calls"}"#),
    get("/api/v1/credits/custom-currencies"),
    post(
        "/api/v1/features",
        r#"{"id":"seats","displayName":"Seats","featureType":"NUMBER","meterType":"FLUCTUATING",
            "featureUnits":"seat","featureUnitsPlural":"seats"}"#,
    ),
    patch("/api/v1/features/seats", r#"{"description":"Who may log in"}"#),
    get("/api/v1/features/seats"),
    post("/api/v1/features/seats/archive", ""),
    post("/api/v1/features/seats/unarchive", ""),
    get("/api/v1/features"),
    post(
        "/api/v1/addons",
        r#"{"id":"extra","displayName":"Extra API Credits","productId":"api","pricingType":"PAID"}"#,
    ),
    post("/api/v1/addons/extra/entitlements", TWO_ENTITLEMENTS),
    patch(
        "/api/v1/addons/extra/entitlements/api-credits",
        r#"{"type":"CREDIT","displayNameOverride":"More credits"}"#,
    ),
    get("/api/v1/addons/extra/entitlements"),
    delete("/api/v1/addons/extra/entitlements/seats"),
    patch("/api/v1/addons/extra", ADDON_CHARGES),
    get("/api/v1/addons/extra/charges"),
    post("/api/v1/addons/extra/publish", PUBLISH),
    post("/api/v1/addons/extra/draft", ""),
    get("/api/v1/addons/extra"),
    get("/api/v1/addons"),
    delete("/api/v1/addons/extra/draft"),
    post("/api/v1/plans", r#"{"id":"growth","displayName":"Growth","productId":"api"}"#),
    post("/api/v1/plans/growth/entitlements", TWO_ENTITLEMENTS),
    patch("/api/v1/plans/growth/entitlements/api-credits", r#"{"type":"CREDIT","amount":50000}"#),
    get("/api/v1/plans/growth/entitlements"),
    delete("/api/v1/plans/growth/entitlements/seats"),
    patch("/api/v1/plans/growth", CHARGES),
    get("/api/v1/plans/growth/charges"),
    get("/api/v1/plans/growth/overage-charges"),
    post("/api/v1/plans/growth/publish", PUBLISH),
    post("/api/v1/plans/growth/draft", ""),
    get("/api/v1/plans/growth"),
    get("/api/v1/plans"),
    delete("/api/v1/plans/growth/draft"),
    get("/api/v1/credits/custom-currencies/api-credits/associated-entities"),
    post("/api/v1/customers", r#"{"id":"acme","name":"Acme Inc.","email":"it@acme.example"}"#),
    patch("/api/v1/customers/acme", r#"{"metadata":{"tier":"gold"}}"#),
    get("/api/v1/customers/acme"),
    get("/api/v1/customers"),
    post(
        "/api/v1/subscriptions",
        r#"{"customerId":"acme","planId":"growth","addons":[{"id":"extra","quantity":3}]}"#,
    ),
    post(
        "/api/v1/subscriptions",
        r#"{"id":"sub-1","customerId":"acme","planId":"growth","resourceId":"site",
            "addons":[{"id":"extra","quantity":1}]}"#,
    ),
    get("/api/v1/subscriptions/sub-1"),
    patch("/api/v1/subscriptions/sub-1", r#"{"addons":[{"id":"extra","quantity":2}]}"#),
    get("/api/v1/subscriptions"),
    get("/api/v1/customers/acme/resources"),
    get("/api/v1/customers/acme/invoices?stateIn=OPEN,PAID&orderBy=dueDate&orderDir=DESC&limit=5"),
    get("/api/v1/customers/acme/contracts"),
    post(
        "/api/v1/credits/consumption",
        r#"{"customerId":"acme","currencyId":"api-credits","amount":1250.5,
            "idempotencyKey":"job-1","dimensions":{"model":"large","tokens":12}}"#,
    ),
    post(
        "/api/v1/credits/consumption/async",
        r#"{"consumptions":[
            {"customerId":"acme","currencyId":"api-credits","amount":2,"idempotencyKey":"job-2"},
            {"customerId":"acme","currencyId":"api-credits","amount":3,"idempotencyKey":"job-3"}]}"#,
    ),
    post(
        "/api/v1/credits/grants",
        r#"{"customerId":"acme","currencyId":"api-credits","amount":500,"displayName":"Sorry",
            "grantType":"PROMOTIONAL","expireAt":"2026-06-30T00:00:00Z","comment":"An outage"}"#,
    ),
    get("/api/v1/customers/acme/entitlements/check?currencyId=api-credits&requestedUsage=10"),
    get("/api/v1/customers/acme/entitlements/check?featureId=seats&requestedUsage=5"),
    post("/api/v1/customers/acme/promotional-entitlements", PROMOTIONS),
    get("/api/v1/customers/acme/promotional-entitlements?status=Active"),
    delete("/api/v1/customers/acme/promotional-entitlements/seats"),
    get("/api/v1/customers/acme/entitlements"),
    get("/api/v1/customers/acme/credits/explain?currencyId=api-credits"),
    post(
        "/api/v1/customers/acme/credit-balance-tokens",
        r#"{"expiresInSeconds":60,"currencyId":"api-credits"}"#,
    ),
    get("/embed/credit-balance.json"),
    get("/api/v1/credits/grants?customerId=acme"),
    post("/api/v1/credits/grants/{grant}/void", ""),
    get("/api/v1/credits/ledger?customerId=acme"),
    get("/api/v1/customers/acme/entitlements/check?currencyId=api-credits&reserveAmount=100\
         &reservationId=job-1&reservationTtlSeconds=600\
         &reservationMetadata=%7B%22job%22%3A%227%22%7D"),
    post(
        "/api/v1/credits/reservations/job-1/extend",
        r#"{"customerId":"acme","currencyId":"api-credits","reservationTtlSeconds":900,
            "reserveAmount":120}"#,
    ),
    get("/api/v1/credits/reservations?customerId=acme"),
    get("/api/v1/customers/acme/credits/explain?currencyId=api-credits"),
    post(
        "/api/v1/credits/reservations/job-1/release",
        r#"{"customerId":"acme","currencyId":"api-credits","consumedAmount":30.5}"#,
    ),
    get("/api/v1/credits/reservations?customerId=acme"),
    get("/api/v1/credits/ledger?customerId=acme&reservationId=job-1"),
    get("/api/v1/credits/auto-recharge?customerId=acme&currencyId=api-credits"),
    get("/api/v1/subscriptions/sub-1/upcoming?count=2"),
    post(
        "/api/v1/subscriptions/preview",
        r#"{"customerId":"acme","planId":"growth","resourceId":"site",
            "addons":[{"id":"extra","quantity":5}]}"#,
    ),
    post("/api/v1/subscriptions/sub-1/migrate", ""),
    delete("/api/v1/subscriptions/sub-1/future-update/schedule"),
    post("/api/v1/subscriptions/sub-1/transfer", r#"{"destinationResourceId":"other-site"}"#),
    post("/api/v1/subscriptions/sub-1/delegate", r#"{"targetCustomerId":"acme"}"#),
    post(
        "/api/v1/subscriptions/import",
        r#"{"subscriptions":[{"id":"sub-2","customerId":"acme","planId":"growth",
            "resourceId":"third-site","startDate":"2026-01-15T00:00:00Z"}]}"#,
    ),
    post("/api/v1/subscriptions/sub-1/cancel", ""),
    get("/api/v1/tasks/1"),
    post("/api/v1/customers/acme/archive", ""),
    post("/api/v1/customers/acme/unarchive", ""),
    post("/api/v1/products/api/duplicate", r#"{"targetId":"copy","displayName":"A copy"}"#),
    get("/api/v1/products"),
    post("/api/v1/plans/growth/archive", ""),
    post("/api/v1/addons/extra/archive", ""),
    post("/api/v1/products/copy/archive", ""),
    post("/api/v1/credits/custom-currencies/api-credits/archive", ""),
    post("/api/v1/credits/custom-currencies/api-credits/unarchive", ""),
    post("/api/v1/products/copy/unarchive", ""),
    post(
        "/api/v1/environments",
        r#"{"name":"staging","type":"SANDBOX","timeZone":"Europe/Berlin"}"#,
    ),
    patch("/api/v1/environments/3", r#"{"creditProration":"PRORATE"}"#),
    get("/api/v1/environments"),
    put("/api/v1/test-clock", r#"{"now":"2025-01-31T00:00:00Z"}"#).in_sandbox(),
    get("/api/v1/test-clock").in_sandbox(),
    delete("/api/v1/test-clock").in_sandbox(),
    post(
        "/api/v1/features",
        r#"{"id":"calls","displayName":"Calls","featureType":"NUMBER",
            "meterType":"INCREMENTAL"}"#,
    ),
    post(
        "/api/v1/features",
        r#"{"id":"chat","displayName":"Chat","featureType":"NUMBER","meterType":"INCREMENTAL",
            "meter":{"aggregation":{"function":"SUM","field":"tokens"},
                "filters":[{"conditions":[
                    {"field":"eventName","operation":"EQUALS","value":"completion"}]}]}}"#,
    ),
    post(
        "/api/v1/plans",
        r#"{"id":"metered","displayName":"Metered","productId":"copy","pricingType":"PAID"}"#,
    ),
    post(
        "/api/v1/plans/metered/entitlements",
        r#"{"entitlements":[
            {"type":"CREDIT","id":"api-credits","amount":1000,"cadence":"MONTH"},
            {"type":"FEATURE","id":"calls","usageLimit":100,"resetPeriod":"MONTH"}]}"#,
    ),
    patch(
        "/api/v1/plans/metered",
        r#"{"charges":{"pricingType":"PAID","pricingModels":[
            {"billingModel":"CREDIT_BASED","featureId":"calls","pricePeriods":[
                {"billingPeriod":"MONTHLY",
                 "creditRate":{"amount":10,"currencyId":"api-credits"}}]},
            {"billingModel":"CREDIT_BASED","featureId":"chat","pricePeriods":[
                {"billingPeriod":"MONTHLY",
                 "creditRate":{"amount":0,"currencyId":"api-credits",
                    "costFormula":"if(model == \"large\", 30, 2) * tokens / 1000"}}]}]}}"#,
    ),
    post("/api/v1/plans/metered/publish", r#"{"migrationType":"NEW_CUSTOMERS"}"#),
    post("/api/v1/customers", r#"{"id":"bob"}"#),
    post("/api/v1/subscriptions", r#"{"id":"sub-bob","customerId":"bob","planId":"metered"}"#),
    post("/api/v1/usage/estimate", r#"{"customerId":"bob","featureId":"calls","value":101}"#),
    post(
        "/api/v1/usage",
        r#"{"usages":[
            {"customerId":"bob","featureId":"calls","value":3,"idempotencyKey":"u-1",
             "dimensions":{"region":"eu"}},
            {"customerId":"bob","featureId":"calls","value":-1,"idempotencyKey":"u-2",
             "createdAt":"2026-01-30T00:00:00Z"}]}"#,
    ),
    post(
        "/api/v1/usage",
        r#"{"usages":[{"customerId":"bob","featureId":"calls","value":3,"idempotencyKey":"u-1",
            "dimensions":{"region":"eu"}}]}"#,
    ),
    post(
        "/api/v2/usage",
        r#"{"usages":[
            {"customerId":"bob","featureId":"calls","value":5,"updateBehavior":"SET",
             "idempotencyKey":"u-3"},
            {"customerId":"bob","featureId":"chat","value":100,"idempotencyKey":"u-4",
             "dimensions":{"tokens":100}}]}"#,
    ),
    post(
        "/api/v1/events/estimate",
        r#"{"customerId":"bob","eventName":"completion",
            "dimensions":{"model":"large","tokens":1500}}"#,
    ),
    post(
        "/api/v1/events",
        r#"{"events":[
            {"customerId":"bob","eventName":"completion","idempotencyKey":"e-1",
             "dimensions":{"model":"large","tokens":1500}},
            {"customerId":"bob","eventName":"completion","idempotencyKey":"e-2",
             "dimensions":{"tokens":10}},
            {"customerId":"bob","eventName":"login","idempotencyKey":"e-3"}]}"#,
    ),
    get("/api/v1/usage/bob/history/calls?startDate=2026-01-01T00:00:00Z\
         &endDate=2026-12-01T00:00:00Z"),
    get("/api/v1/usage/bob/history/calls?startDate=2026-01-01T00:00:00Z\
         &endDate=2026-12-01T00:00:00Z&groupBy=region"),
    get("/api/v1/credits/ledger?customerId=bob"),
    get("/api/v1/credits/ledger?customerId=bob&eventType=CREDITS_CONSUMED"),
    get("/api/v1/decisions/{decision}"),
    post("/api/v1/credits/ledger/{entry}/reverse", r#"{"reason":"The job failed"}"#),
    get("/api/v1/credits/usage?customerId=acme&currencyId=api-credits"),
    get("/api/v1/credits/usage?customerId=bob&timeRange=LAST_DAY&groupBy=featureId,region"),
    get("/api/v1/customers/acme/entitlements/check?currencyId=api-credits&requestedUsage=10"),
    get("/api/v1/decisions/{decision}"),
];
