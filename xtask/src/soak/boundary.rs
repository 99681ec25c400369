//! A second environment whose clock advances, month by month, over all of its subscriptions.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use serde_json::json;

use crate::herd::population::{self, CURRENCY, MONTHLY, customer};
use crate::http::Http;
use crate::server::now;

/// The instants at which everything is renewed.
fn boundary(month: u32) -> String {
    format!("{}-{:02}-01T00:00:00Z", 2026 + (month + 1) / 12, (month + 1) % 12 + 1)
}

/// Customers who use up every month, and are looked at over each boundary.
const WATCHED: u32 = 100;

/// Makes the subscriptions; none has consumed anything.
pub(super) fn make(base_url: &str, subscriptions: u32) -> Result<()> {
    let nothing = |_| 0;
    population::make(base_url, super::SANDBOX_KEY, subscriptions, &boundary(0), nothing)
}

pub(super) struct Boundaries {
    base_url: String,
    http: Http,
    watched: u32,
    subscriptions: u32,
}

/// How the boundaries went.
pub(super) struct Advanced {
    boundaries: u32,
    subscriptions: u32,
    checks: u64,
    longest: Duration,
}

impl Boundaries {
    pub(super) fn new(base_url: &str, subscriptions: u32) -> Self {
        Self {
            base_url: base_url.to_owned(),
            http: Http::new(base_url, super::SANDBOX_KEY, super::PATIENCE),
            watched: WATCHED.min(subscriptions),
            subscriptions,
        }
    }

    /// Uses up the month, advances, and so on, until the time is over.
    pub(super) fn advance_until(&self, end: Instant) -> Result<Advanced> {
        let (mut boundaries, mut checks, mut longest) = (0, 0, Duration::ZERO);
        while now() < end {
            self.use_up(boundaries)?;
            let began = now();
            checks += self.cross(boundaries + 1)?;
            longest = longest.max(began.elapsed());
            boundaries += 1;
        }
        let subscriptions = self.subscriptions;
        Ok(Advanced { boundaries, subscriptions, checks, longest })
    }

    fn use_up(&self, month: u32) -> Result<()> {
        for number in 0..self.watched {
            let consumption = json!({
                "customerId": customer(number), "currencyId": CURRENCY, "amount": MONTHLY,
                "idempotencyKey": format!("month-{month}"), "strict": true,
            });
            self.http.create("/api/v1/credits/consumption", &consumption)?;
            ensure!(!self.has_access(number)?, "customer {number} has more than a month gives");
        }
        Ok(())
    }

    /// Advances over a boundary while checks are asked: once one was let in, so must all be.
    fn cross(&self, month: u32) -> Result<u64> {
        let is_done = AtomicBool::new(false);
        thread::scope(|scope| {
            let advancing = scope.spawn(|| {
                let http = Http::new(&self.base_url, super::SANDBOX_KEY, super::PATIENCE);
                let advanced = http.put("/api/v1/test-clock", &json!({ "now": boundary(month) }));
                is_done.store(true, Ordering::Relaxed);
                advanced.map(drop)
            });
            let (mut checks, mut has_begun) = (0, false);
            for number in (0..self.watched).cycle() {
                if is_done.load(Ordering::Relaxed) {
                    break;
                }
                let has_access = self.has_access(number)?;
                ensure!(has_access || !has_begun, "customer {number} was denied in month {month}");
                has_begun |= has_access;
                checks += 1;
            }
            advancing.join().map_err(|_| anyhow!("the clock panicked"))??;
            for number in 0..self.watched {
                ensure!(self.has_access(number)?, "customer {number} was denied in month {month}");
            }
            Ok(checks + u64::from(self.watched))
        })
    }

    /// Whether a whole month's credits can be had.
    fn has_access(&self, number: u32) -> Result<bool> {
        let path = format!("/api/v1/customers/{}/entitlements/check", customer(number));
        let query = [("currencyId", CURRENCY), ("requestedUsage", "1000")];
        let answer = self.http.get(&path, &query)?;
        answer["data"]["isGranted"].as_bool().ok_or_else(|| anyhow!("no check: {answer}"))
    }
}

impl fmt::Display for Advanced {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { boundaries, subscriptions, checks, longest } = self;
        write!(
            formatter,
            "{boundaries} boundaries of {subscriptions} subscriptions, the longest took \
             {longest:.1?}; {checks} checks over them, none wrongly denied"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_are_the_firsts_of_months() {
        assert_eq!(boundary(0), "2026-02-01T00:00:00Z");
        assert_eq!(boundary(10), "2026-12-01T00:00:00Z");
        assert_eq!(boundary(11), "2027-01-01T00:00:00Z");
        assert_eq!(boundary(23), "2028-01-01T00:00:00Z");
    }
}
