//! Checks that are asked while everything is renewed.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};

use super::population::{CURRENCY, MONTHLY, consumed, customer};
use crate::http::Http;
use crate::server::now;

pub(super) struct Checks {
    http: Http,
    customers: u32,
    next: u32,
}

/// How the checks fared.
#[derive(Default)]
pub(super) struct Asked {
    took: Vec<Duration>,
    renewed: u32,
}

impl Checks {
    pub(super) fn new(base_url: &str, key: &str, customers: u32, seed: u32) -> Self {
        let http = Http::new(base_url, key, Duration::from_secs(20));
        Self { http, customers, next: seed * 7919 }
    }

    /// Asks for one customer after another. The clock moves before anything is renewed, so an
    /// answer is that of the old month or of the new one, never a mixture, and never the old one
    /// again once a new one was seen.
    pub(super) fn ask_until(mut self, is_done: &AtomicBool) -> Result<Asked> {
        let mut asked = Asked::default();
        while !is_done.load(Ordering::Relaxed) {
            self.next = (self.next + 104_729) % self.customers;
            let number = self.next;
            let began = now();
            let is_renewed = self.is_renewed(number)?;
            asked.took.push(began.elapsed());
            ensure!(
                is_renewed != Some(false) || asked.renewed == 0,
                "customer {number} is still in the old month after the clock has moved"
            );
            asked.renewed += u32::from(is_renewed == Some(true));
        }
        Ok(asked)
    }

    pub(super) fn expect_all_renewed(&self) -> Result<()> {
        for number in (0..self.customers).step_by(self.customers.div_ceil(500) as usize) {
            ensure!(self.is_renewed(number)? != Some(false), "customer {number} is not renewed");
        }
        Ok(())
    }

    /// Whether the customer is in the new month; nothing where both look the same.
    fn is_renewed(&self, number: u32) -> Result<Option<bool>> {
        let path = format!("/api/v1/customers/{}/entitlements/check", customer(number));
        let data = &self.http.get(&path, &[("currencyId", CURRENCY)])?["data"];
        let figures = (data["usageLimit"].as_u64(), data["currentUsage"].as_u64());
        let used = u64::from(consumed(number));
        let overdraft = used.saturating_sub(MONTHLY.into());
        let (old, new) =
            ((Some(MONTHLY.into()), Some(used)), (Some(MONTHLY.into()), Some(overdraft)));
        ensure!(figures == old || figures == new, "customer {number} has {figures:?}");
        Ok((old != new).then_some(figures == new))
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut took = self.took.clone();
        took.sort();
        let at = |share: usize| took.get(took.len() * share / 1_000).copied().unwrap_or_default();
        let (median, p99, most) = (at(500), at(990), took.last().copied().unwrap_or_default());
        let count = took.len();
        write!(
            formatter,
            "{count} answered, median {median:.1?}, p99 {p99:.1?}, longest {most:.1?}"
        )
    }
}
