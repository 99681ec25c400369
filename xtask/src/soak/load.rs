//! Clients that consume one after another without a pause.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail, ensure};
use serde_json::json;

use crate::http::Http;
use crate::server::now;

const CURRENCY: &str = "soak-credits";

/// A time without any answer that is told at once, so that it can be found in the server's log.
const GAP_TOLD_MICROS: u64 = 100_000;

/// The load on production, and what was acknowledged of it: one customer a client.
pub(super) struct Load {
    acknowledged: Vec<AtomicU64>,
}

/// How the clients fared.
pub(super) struct Consumed {
    /// In microseconds, sorted.
    took: Vec<u32>,
    time: Duration,
    put_off: u64,
    /// The longest time in which nobody was answered.
    pub(super) longest_gap: Duration,
}

/// When somebody was answered last, and the longest time between two answers to anybody.
struct Answers {
    began: Instant,
    last_micros: AtomicU64,
    gap_micros: AtomicU64,
}

impl Answers {
    fn new() -> Self {
        Self { began: now(), last_micros: AtomicU64::new(0), gap_micros: AtomicU64::new(0) }
    }

    fn note(&self) {
        let at = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let before = self.last_micros.fetch_max(at, Ordering::Relaxed);
        let gap = at.saturating_sub(before);
        self.gap_micros.fetch_max(gap, Ordering::Relaxed);
        if gap > GAP_TOLD_MICROS {
            let (at, gap) = (Duration::from_micros(at), Duration::from_micros(gap));
            println!("{at:.3?} into the load: nobody had been answered for {gap:.1?}");
        }
    }
}

fn customer(client: usize) -> String {
    format!("soak-{client}")
}

impl Load {
    pub(super) fn new(base_url: &str, clients: u32) -> Result<Self> {
        let http = Http::new(base_url, super::API_KEY, super::PATIENCE);
        let currency = json!({ "id": CURRENCY, "displayName": "Soak" });
        http.create("/api/v1/credits/custom-currencies", &currency)?;
        let acknowledged: Vec<AtomicU64> = (0..clients).map(|_| AtomicU64::new(0)).collect();
        for client in 0..acknowledged.len() {
            http.create("/api/v1/customers", &json!({ "id": customer(client) }))?;
        }
        Ok(Self { acknowledged })
    }

    pub(super) fn consume_until(&self, base_url: &str, end: Instant) -> Result<Consumed> {
        let answers = Answers::new();
        let mut together = (Vec::new(), 0);
        thread::scope(|scope| {
            let running: Vec<_> = (0..self.acknowledged.len())
                .map(|client| {
                    scope.spawn({
                        let answers = &answers;
                        move || self.consume_as(base_url, client, answers, end)
                    })
                })
                .collect();
            for client in running {
                let (took, put_off) = client.join().map_err(|_| anyhow!("a client panicked"))??;
                together.0.extend(took);
                together.1 += put_off;
            }
            Ok::<(), anyhow::Error>(())
        })?;
        let (mut took, put_off) = together;
        took.sort_unstable();
        let longest_gap = Duration::from_micros(answers.gap_micros.into_inner());
        Ok(Consumed { took, time: answers.began.elapsed(), put_off, longest_gap })
    }

    fn consume_as(
        &self,
        base_url: &str,
        client: usize,
        answers: &Answers,
        end: Instant,
    ) -> Result<(Vec<u32>, u64)> {
        let http = Http::new(base_url, super::API_KEY, super::PATIENCE);
        let (mut took, mut put_off) = (Vec::new(), 0);
        let mut sent = 0_u64;
        while now() < end {
            let began = now();
            let body = json!({
                "customerId": customer(client), "currencyId": CURRENCY, "amount": 1,
                "idempotencyKey": format!("{client}-{sent}"),
            });
            let answer = http.ask("/api/v1/credits/consumption", &body, &[])?;
            answers.note();
            match answer.status {
                200 => {
                    took.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
                    self.acknowledged[client].fetch_add(1, Ordering::Relaxed);
                    sent += 1;
                }
                429 | 503 if answer.has_retry_after => put_off += 1,
                status => bail!("a consumption was answered with {status}: {}", answer.body),
            }
        }
        Ok((took, put_off))
    }

    /// Compares what every customer has used with what was acknowledged.
    pub(super) fn verify(&self, base_url: &str) -> Result<()> {
        let http = Http::new(base_url, super::API_KEY, super::PATIENCE);
        for (client, acknowledged) in self.acknowledged.iter().enumerate() {
            let path = format!("/api/v1/customers/{}/entitlements/check", customer(client));
            let data = &http.get(&path, &[("currencyId", CURRENCY)])?["data"];
            let (used, acknowledged) =
                (data["currentUsage"].as_u64(), acknowledged.load(Ordering::Relaxed));
            ensure!(
                used == Some(acknowledged),
                "{} has used {used:?}, {acknowledged} were acknowledged",
                customer(client)
            );
        }
        Ok(())
    }
}

impl fmt::Display for Consumed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |share: usize| {
            let micros = self.took.get(self.took.len() * share / 1_000).copied();
            Duration::from_micros(micros.unwrap_or_default().into())
        };
        let most = self.took.last().copied().unwrap_or_default();
        let rate = self.took.len() as u64 / self.time.as_secs().max(1);
        write!(
            formatter,
            "{} consumed, {rate} a second: median {:.1?}, p99 {:.1?}, longest {:.1?}; {} put off; \
             longest time without an answer to anybody {:.1?}",
            self.took.len(),
            at(500),
            at(990),
            Duration::from_micros(most.into()),
            self.put_off,
            self.longest_gap
        )
    }
}
