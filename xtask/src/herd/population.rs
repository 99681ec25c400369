//! Many customers with a subscription each, all made at one instant of a frozen clock.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use anyhow::{Result, anyhow};
use serde_json::json;

use crate::http::Http;

pub(crate) const CURRENCY: &str = "herd-credits";

/// Credits of the plan a month.
pub(crate) const MONTHLY: u32 = 1_000;

/// What the n-th customer has consumed of its first month: some have overdrawn it.
pub(super) fn consumed(number: u32) -> u32 {
    match number % 4 {
        0 => 0,
        1 => 7,
        2 => MONTHLY,
        _ => MONTHLY + 13,
    }
}

/// The id of the n-th customer.
pub(crate) fn customer(number: u32) -> String {
    format!("customer-{number}")
}

/// Enough for every commit to be shared by many.
const CLIENTS: u32 = 32;

/// Makes them, on a clock that stands at `start`; the n-th consumes what `consumed` says.
pub(crate) fn make(
    base_url: &str,
    key: &str,
    customers: u32,
    start: &str,
    consumed: fn(u32) -> u32,
) -> Result<()> {
    let http = Http::new(base_url, key, super::PATIENCE);
    http.put("/api/v1/test-clock", &json!({ "now": start }))?;
    http.create(
        "/api/v1/credits/custom-currencies",
        &json!({ "id": CURRENCY, "displayName": "Herd" }),
    )?;
    http.create("/api/v1/products", &json!({ "id": "herd", "displayName": "Herd" }))?;
    let plan = json!({ "id": "basic", "displayName": "Basic", "productId": "herd" });
    http.create("/api/v1/plans", &plan)?;
    let entitlement =
        json!({ "id": CURRENCY, "type": "CREDIT", "amount": MONTHLY, "cadence": "MONTH" });
    http.create("/api/v1/plans/basic/entitlements", &json!({ "entitlements": [entitlement] }))?;
    http.create("/api/v1/plans/basic/publish", &json!({ "migrationType": "NEW_CUSTOMERS" }))?;
    let next = AtomicU32::new(0);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| scope.spawn(|| subscribe(base_url, key, &next, customers, consumed)))
            .collect();
        for client in clients {
            client.join().map_err(|_| anyhow!("a client panicked"))??;
        }
        Ok(())
    })
}

fn subscribe(
    base_url: &str,
    key: &str,
    next: &AtomicU32,
    customers: u32,
    consumed: fn(u32) -> u32,
) -> Result<()> {
    let http = Http::new(base_url, key, super::PATIENCE);
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= customers {
            return Ok(());
        }
        let id = customer(number);
        http.create("/api/v1/customers", &json!({ "id": id, "name": null, "email": null }))?;
        http.create("/api/v1/subscriptions", &json!({ "customerId": id, "planId": "basic" }))?;
        let consumed = consumed(number);
        if consumed > 0 {
            let consumption = json!({
                "customerId": id,
                "currencyId": CURRENCY,
                "amount": consumed,
                "idempotencyKey": "first",
            });
            http.create("/api/v1/credits/consumption", &consumption)?;
        }
    }
}
