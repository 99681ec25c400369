//! The worked example, "Extra API Credits": a plan, an add-on, a customer who buys three.

use super::client::Client;
use crate::failure::Failure;
use crate::say;
use serde_json::{Value, json};

const CHECK: &str = "/api/v1/customers/acme/entitlements/check?currencyId=api-credits";
const EXPLAIN: &str = "/api/v1/customers/acme/credits/explain?currencyId=api-credits";

pub(crate) fn tell(client: &Client) -> Result<(), Failure> {
    build_catalog(client)?;
    subscribe(client)?;
    consume(client)?;
    explain(client)?;
    say("\nThe API goes on listening; end it with Ctrl-C. Its description is at /openapi.json.\n")
}

fn build_catalog(client: &Client) -> Result<(), Failure> {
    say("1. The catalog: a product, a credit type, a plan, an add-on that can be bought often\n")?;
    client.post("/api/v1/products", &json!({ "id": "api", "displayName": "API" }))?;
    let credit_type = json!({
        "id": "api-credits",
        "displayName": "API Credits",
        "units": { "singular": "credit", "plural": "credits" },
    });
    client.post("/api/v1/credits/custom-currencies", &credit_type)?;
    let plan = json!({
        "id": "growth", "displayName": "Growth", "productId": "api", "pricingType": "PAID",
    });
    client.post("/api/v1/plans", &plan)?;
    let addon = json!({
        "id": "extra-credits", "displayName": "Extra API Credits", "productId": "api",
        "pricingType": "PAID",
    });
    client.post("/api/v1/addons", &addon)?;
    let credits = |amount: u32| {
        json!({ "entitlements": [
            { "type": "CREDIT", "id": "api-credits", "amount": amount, "cadence": "MONTH" },
        ] })
    };
    client.post("/api/v1/plans/growth/entitlements", &credits(50_000))?;
    client.post("/api/v1/addons/extra-credits/entitlements", &credits(10_000))?;
    let compatible = json!({ "compatibleAddonIds": ["extra-credits"] });
    client.patch("/api/v1/plans/growth", &compatible)?;
    let publish = json!({ "migrationType": "NEW_CUSTOMERS" });
    client.post("/api/v1/addons/extra-credits/publish", &publish)?;
    client.post("/api/v1/plans/growth/publish", &publish)?;
    say("   plan Growth: 50000 API credits a month\n")?;
    say("   add-on Extra API Credits: 10000 a month each, on top of the plan's\n\n")
}

fn subscribe(client: &Client) -> Result<(), Failure> {
    say("2. A customer subscribes to the plan with 3 units of the add-on\n")?;
    client.post("/api/v1/customers", &json!({ "id": "acme", "name": "Acme Inc." }))?;
    let subscription = json!({
        "customerId": "acme", "planId": "growth",
        "addons": [{ "id": "extra-credits", "quantity": 3 }],
    });
    client.post("/api/v1/subscriptions", &subscription)?;
    let explanation = client.get(EXPLAIN)?;
    let parts = explanation["subscriptions"][0]["parts"].as_array().cloned().unwrap_or_default();
    let amounts: Vec<String> = parts.iter().map(|part| part["amount"].to_string()).collect();
    let check = client.get(CHECK)?;
    say(&format!("   {} = {} API credits a month\n\n", amounts.join(" + "), check["usageLimit"]))
}

fn consume(client: &Client) -> Result<(), Failure> {
    say(
        "3. It uses some; the pool is drawn in burn order, and each call is durable when answered\n",
    )?;
    for (key, amount) in [("job-1", 1_250), ("job-2", 60_000)] {
        let usage = json!({
            "customerId": "acme", "currencyId": "api-credits", "amount": amount,
            "idempotencyKey": key,
        });
        let used = client.post("/api/v1/credits/consumption", &usage)?;
        let credit = &used["credit"];
        let (total, limit) = (&credit["currentUsage"], &credit["usageLimit"]);
        say(&format!("   {key} uses {amount}: {total} of {limit} used\n"))?;
    }
    let again = json!({
        "customerId": "acme", "currencyId": "api-credits", "amount": 1_250,
        "idempotencyKey": "job-1",
    });
    client.post("/api/v1/credits/consumption", &again)?;
    say("   job-1 again, as a retry would: nothing more is used\n\n")
}

fn explain(client: &Client) -> Result<(), Failure> {
    say("4. Why is the balance what it is?\n")?;
    let explanation = client.get(EXPLAIN)?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for part in list(&explanation["subscriptions"][0]["parts"]) {
        let text = |key: &str| part[key].as_str().unwrap_or_default().to_owned();
        say(&format!(
            "   {} {} gives {} × {} = {} ({})\n",
            text("packageType").to_lowercase(),
            text("packageId"),
            part["unitAmount"],
            part["quantity"],
            part["amount"],
            text("behavior"),
        ))?;
    }
    for grant in list(&explanation["grants"]) {
        let text = |key: &str| grant[key].as_str().unwrap_or_default().to_owned();
        say(&format!(
            "   drawn {}.: {} of {} left in \"{}\", until {}\n",
            grant["order"],
            grant["remaining"],
            grant["amount"],
            text("displayName"),
            text("expireAt"),
        ))?;
    }
    let statement = explanation["statement"].as_str().unwrap_or_default();
    say(&format!("   {statement}\n"))?;
    let check = client.get(CHECK)?;
    let (limit, usage) = (&check["usageLimit"], &check["currentUsage"]);
    say(&format!("   and a check says the same: {usage} of {limit} used\n"))
}
