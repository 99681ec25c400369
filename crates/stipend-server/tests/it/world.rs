//! The worked example and, around it, everything that has a refusal of its own.

use crate::support::Server;
use serde_json::{Value, json};

/// The worked example: `growth` with 50,000 API credits, `extra` with 10,000 for each unit, and
/// `acme` with three units of it, 80,000 credits in all.
pub(crate) fn example() -> Server {
    let server = Server::new();
    build_example(&server);
    server
}

pub(crate) fn build_example(server: &Server) {
    server.post("/api/v1/products", &json!({ "id": "api", "displayName": "API" }));
    currency(server, "api-credits");
    package(server, "addons", "extra", "api", Some(10_000));
    publish(server, "addons", "extra");
    package(server, "plans", "growth", "api", Some(50_000));
    let compatible = json!({ "compatibleAddonIds": ["extra"] });
    server.done("PATCH", "/api/v1/plans/growth", &compatible);
    publish(server, "plans", "growth");
    customer(server, "acme");
    subscribe(server, "acme", "sub-1", &json!([{ "id": "extra", "quantity": 3 }]));
}

/// The worked example, and beside it what is archived, unpublished, incompatible or over.
pub(crate) fn full() -> Server {
    let server = example();
    build_catalog(&server);
    for id in ["bob", "over", "gone"] {
        customer(&server, id);
    }
    subscribe(&server, "over", "sub-over", &json!([]));
    let elsewhere = json!({ "customerId": "acme", "planId": "growth", "resourceId": "taken" });
    server.post("/api/v1/subscriptions", &elsewhere);
    server.post("/api/v1/subscriptions/sub-over/cancel", &Value::Null);
    server.post("/api/v1/customers/gone/archive", &Value::Null);
    for path in ["addons/old-addon", "plans/old-plan", "features/old-feature"] {
        server.post(&format!("/api/v1/{path}/archive"), &Value::Null);
    }
    server.post("/api/v1/products/old-product/archive", &Value::Null);
    server.post("/api/v1/credits/custom-currencies/old-credits/archive", &Value::Null);
    server
}

fn build_catalog(server: &Server) {
    server.post("/api/v1/products", &json!({ "id": "old-product", "displayName": "Old" }));
    currency(server, "old-credits");
    for feature in ["seats", "old-feature"] {
        let feature = json!({ "id": feature, "displayName": "F", "featureType": "NUMBER" });
        server.post("/api/v1/features", &feature);
    }
    for addon in ["single", "needy", "draft-addon", "old-addon", "stranger"] {
        package(server, "addons", addon, "api", Some(10));
    }
    server.done("PATCH", "/api/v1/addons/single", &json!({ "maxQuantity": 1 }));
    server.done("PATCH", "/api/v1/addons/needy", &json!({ "dependencies": ["single"] }));
    for addon in ["single", "needy", "old-addon", "stranger"] {
        publish(server, "addons", addon);
    }
    package(server, "addons", "empty-addon", "api", None);
    for (plan, product) in [
        ("draft-plan", "api"),
        ("old-plan", "api"),
        ("other-plan", "api"),
        ("old-product-plan", "old-product"),
    ] {
        package(server, "plans", plan, product, Some(100));
    }
    for plan in ["old-plan", "other-plan", "old-product-plan"] {
        publish(server, "plans", plan);
    }
    server.post("/api/v1/plans/growth/draft", &Value::Null);
    let compatible = json!(["extra", "single", "needy", "draft-addon", "old-addon"]);
    let compatible = json!({ "compatibleAddonIds": compatible });
    server.done("PATCH", "/api/v1/plans/growth", &compatible);
    publish(server, "plans", "growth");
    build_custom_plan(server);
    build_seat_plan(server);
}

/// A draft with credits for each seat, and no limit of seats.
fn build_seat_plan(server: &Server) {
    package(server, "plans", "by-seat", "api", None);
    let entitlement = json!({ "entitlements": [
        { "type": "CREDIT", "id": "api-credits", "amount": 10, "cadence": "MONTH",
          "dependencyFeatureId": "seats" },
    ] });
    server.post("/api/v1/plans/by-seat/entitlements", &entitlement);
}

/// A plan that leaves its amount to each subscription.
fn build_custom_plan(server: &Server) {
    let plan = json!({
        "id": "custom", "displayName": "Custom", "productId": "api", "pricingType": "CUSTOM",
    });
    server.post("/api/v1/plans", &plan);
    let entitlement = json!({ "entitlements": [
        { "type": "CREDIT", "id": "api-credits", "amount": null, "cadence": "MONTH",
          "isCustom": true },
    ] });
    server.post("/api/v1/plans/custom/entitlements", &entitlement);
    publish(server, "plans", "custom");
}

pub(crate) fn currency(server: &Server, id: &str) {
    let currency = json!({ "id": id, "displayName": "Credits" });
    server.post("/api/v1/credits/custom-currencies", &currency);
}

/// A draft plan or add-on, with so many API credits a month.
pub(crate) fn package(server: &Server, kind: &str, id: &str, product: &str, credits: Option<u32>) {
    let package = json!({
        "id": id, "displayName": id, "productId": product, "pricingType": "PAID",
    });
    server.post(&format!("/api/v1/{kind}"), &package);
    if let Some(credits) = credits {
        let entitlement = json!({ "entitlements": [
            { "type": "CREDIT", "id": "api-credits", "amount": credits, "cadence": "MONTH" },
        ] });
        server.post(&format!("/api/v1/{kind}/{id}/entitlements"), &entitlement);
    }
}

pub(crate) fn publish(server: &Server, kind: &str, id: &str) {
    let body = json!({ "migrationType": "NEW_CUSTOMERS" });
    server.post(&format!("/api/v1/{kind}/{id}/publish"), &body);
}

pub(crate) fn customer(server: &Server, id: &str) {
    server.post("/api/v1/customers", &json!({ "id": id }));
}

pub(crate) fn subscribe(server: &Server, customer: &str, id: &str, addons: &Value) {
    let subscription =
        json!({ "id": id, "customerId": customer, "planId": "growth", "addons": addons });
    server.post("/api/v1/subscriptions", &subscription);
}

/// A promotional grant; gives its id.
pub(crate) fn grant(server: &Server, customer: &str, fields: &Value) -> String {
    let mut body = json!({
        "amount": 100, "currencyId": "api-credits", "customerId": customer,
        "displayName": "Gift", "grantType": "PROMOTIONAL",
    });
    let fields = fields.as_object().expect("the test writes objects").clone();
    body.as_object_mut().expect("it is one").extend(fields);
    let made = server.post("/api/v1/credits/grants", &body);
    made["id"].as_str().expect("a grant has an id").to_owned()
}

/// The body of a consumption of API credits.
pub(crate) fn usage(customer: &str, key: &str, amount: impl Into<Value>) -> Value {
    json!({
        "customerId": customer, "currencyId": "api-credits", "idempotencyKey": key,
        "amount": amount.into(),
    })
}

/// The body that gives a promotional entitlement for ever, with these keys of it changed.
pub(crate) fn promotion(feature: &str, fields: &Value) -> Value {
    let mut item = json!({
        "featureId": feature, "period": "lifetime", "usageLimit": null,
        "hasUnlimitedUsage": null, "hasSoftLimit": null, "enumValues": null, "isVisible": null,
        "customEndDate": null, "resetPeriod": null, "weeklyResetPeriodConfiguration": null,
        "monthlyResetPeriodConfiguration": null, "yearlyResetPeriodConfiguration": null,
    });
    let fields = fields.as_object().expect("the test writes objects").clone();
    item.as_object_mut().expect("it is one").extend(fields);
    json!({ "promotionalEntitlements": [item] })
}

/// `acme` on a plan with features of all kinds: `calls` up to 100 a month, `strict` up to 5 and no
/// more, `size` of 10, `sso`, `region` in `eu` and `us`, and `chat`, each unit for 2 of its 50
/// API credits a month; `mail` is in no plan.
pub(crate) fn features() -> Server {
    let server = Server::new();
    server.post("/api/v1/products", &json!({ "id": "api", "displayName": "API" }));
    currency(&server, "api-credits");
    for (id, feature_type, meter_type) in [
        ("calls", "NUMBER", "INCREMENTAL"),
        ("strict", "NUMBER", "INCREMENTAL"),
        ("chat", "NUMBER", "INCREMENTAL"),
        ("mail", "NUMBER", "INCREMENTAL"),
        ("size", "NUMBER", "None"),
        ("sso", "BOOLEAN", "None"),
    ] {
        let feature = json!({
            "id": id, "displayName": id, "featureType": feature_type, "meterType": meter_type,
        });
        server.post("/api/v1/features", &feature);
    }
    let region = json!({
        "id": "region", "displayName": "Region", "featureType": "ENUM", "enumConfiguration": [
            { "value": "eu", "displayName": "EU" }, { "value": "us", "displayName": "US" },
            { "value": "asia", "displayName": "Asia" },
        ],
    });
    server.post("/api/v1/features", &region);
    let plan = json!({ "id": "full", "displayName": "Full", "productId": "api" });
    server.post("/api/v1/plans", &plan);
    let entitlements = json!({ "entitlements": [
        { "type": "FEATURE", "id": "calls", "usageLimit": 100, "resetPeriod": "MONTH" },
        { "type": "FEATURE", "id": "strict", "usageLimit": 5, "enforcement": "STRICT" },
        { "type": "FEATURE", "id": "size", "usageLimit": 10 },
        { "type": "FEATURE", "id": "sso" },
        { "type": "FEATURE", "id": "region", "enumValues": ["eu", "us"] },
        { "type": "CREDIT", "id": "api-credits", "amount": 50, "cadence": "MONTH" },
    ] });
    server.post("/api/v1/plans/full/entitlements", &entitlements);
    let rate = json!({ "charges": { "pricingType": "PAID", "pricingModels": [{
        "billingModel": "CREDIT_BASED", "featureId": "chat", "pricePeriods": [{
            "billingPeriod": "MONTHLY",
            "creditRate": { "amount": 2, "currencyId": "api-credits" },
        }],
    }] } });
    server.done("PATCH", "/api/v1/plans/full", &rate);
    publish(&server, "plans", "full");
    customer(&server, "acme");
    let subscription = json!({ "id": "sub-1", "customerId": "acme", "planId": "full" });
    server.post("/api/v1/subscriptions", &subscription);
    server
}
