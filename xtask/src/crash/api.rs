//! The few calls that the crash run needs, over plain HTTP.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::amount::Thousandths;
use super::operation::{Answer, Kind, Operation};
use crate::http::Http;

pub(super) const CURRENCY: &str = "crash-credits";

/// How a submission ended.
#[derive(Debug)]
pub(super) enum Submitted {
    /// A success: from now on the operation must never be lost.
    Acknowledged(Answer, Value),
    /// Not now (shed load, or the same key is in flight): nothing is known, a retry settles it.
    Later,
    /// No answer: the operation happened or not.
    Lost,
    /// An answer that no operation of the run may get.
    Refused(String),
}

/// One connection's worth of client.
pub(super) struct Api {
    http: Http,
}

/// What a check says about a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) granted: Thousandths,
    pub(super) used: Thousandths,
}

impl Standing {
    pub(super) fn balance(self) -> Thousandths {
        self.granted - self.used
    }
}

/// The sum of a ledger's amounts, and those of grants and consumptions on their own.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LedgerSums {
    pub(super) all: Thousandths,
    pub(super) granted: Thousandths,
    pub(super) consumed: Thousandths,
}

impl Api {
    pub(super) fn new(base_url: &str, api_key: &str) -> Self {
        Self { http: Http::new(base_url, api_key, Duration::from_secs(20)) }
    }

    pub(super) fn submit(&self, operation: &Operation) -> Result<Submitted> {
        let amount = operation.amount.to_json()?;
        let answered = match operation.kind {
            Kind::Consume => self.http.post(
                "/api/v1/credits/consumption",
                &json!({
                    "customerId": operation.customer,
                    "currencyId": CURRENCY,
                    "amount": amount,
                    "idempotencyKey": operation.key,
                }),
                None,
            ),
            Kind::Grant => self.http.post(
                "/api/v1/credits/grants",
                &json!({
                    "customerId": operation.customer,
                    "currencyId": CURRENCY,
                    "amount": amount,
                    "displayName": "Crash run",
                    "grantType": "PROMOTIONAL",
                }),
                Some(&operation.key),
            ),
        };
        let Ok((status, body)) = answered else { return Ok(Submitted::Lost) };
        Ok(match status {
            200..=299 if body["data"].is_object() => {
                Submitted::Acknowledged(Answer::of(operation.kind, &body["data"]), body)
            }
            408 | 429 | 502..=504 => Submitted::Later,
            _ => Submitted::Refused(format!("{operation:?} was answered with {status}: {body}")),
        })
    }

    /// A call of the set-up, which must succeed.
    pub(super) fn create(&self, path: &str, body: &Value) -> Result<()> {
        self.http.create(path, body).map(|_| ())
    }

    pub(super) fn standing(&self, customer: &str) -> Result<Standing> {
        let path = format!("/api/v1/customers/{customer}/entitlements/check");
        let data = self.http.get(&path, &[("currencyId", CURRENCY)])?["data"].take();
        let amount = |name: &str| {
            Thousandths::from_json(&data[name]).with_context(|| format!("{name} of {customer}"))
        };
        Ok(Standing { granted: amount("usageLimit")?, used: amount("currentUsage")? })
    }

    /// Walks the whole ledger of a customer, page by page.
    pub(super) fn ledger_sums(&self, customer: &str) -> Result<LedgerSums> {
        let mut sums = LedgerSums::default();
        let mut after: Option<String> = None;
        loop {
            let mut query =
                vec![("customerId", customer), ("currencyId", CURRENCY), ("limit", "100")];
            query.extend(after.as_deref().map(|cursor| ("after", cursor)));
            let page = self.http.get("/api/v1/credits/ledger", &query)?;
            let entries = page["data"].as_array().context("a ledger page has data")?;
            for entry in entries {
                let amount = Thousandths::from_json(&entry["amount"])?;
                sums.all += amount;
                match entry["eventType"].as_str() {
                    Some("CREDITS_GRANTED") => sums.granted += amount,
                    Some("CREDITS_CONSUMED") => sums.consumed += amount,
                    _ => {}
                }
            }
            let next = page["pagination"]["next"].as_str().map(str::to_owned);
            match next {
                Some(next) if !entries.is_empty() => after = Some(next),
                _ => return Ok(sums),
            }
        }
    }
}
