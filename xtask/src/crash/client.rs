//! One client: it sends operations until the server is gone, and remembers every answer.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::Sender;

use anyhow::{Result, bail};
use serde_json::json;

use super::amount::Thousandths;
use super::api::{Api, CURRENCY, Submitted};
use super::ledger_of_truth::{ClientLog, Outcome};
use super::operation::{Answer, Kind, Operation};
use crate::prng::Prng;

/// So many takers in a row get the same shared operation: a storm of duplicates.
const COPIES_OF_A_SHARED_OPERATION: u64 = 4;

/// Who consumes: a few customers take half of the traffic.
#[derive(Debug)]
pub(super) struct Population {
    pub(super) customers: Vec<String>,
    hot: usize,
}

/// A customer more for so many rounds, and one more of those who take half: a pool holds a thousand
/// grants at most, and each round makes some.
const ROUNDS_PER_CUSTOMER: u32 = 40;
const ROUNDS_PER_HOT_CUSTOMER: u32 = 200;

impl Population {
    /// Enough customers for a run of so many rounds.
    pub(super) fn for_rounds(rounds: u32) -> Self {
        let last = 12 + rounds / ROUNDS_PER_CUSTOMER;
        let customers = (1..=last).map(|number| format!("customer-{number}")).collect();
        Self { customers, hot: 2 + (rounds / ROUNDS_PER_HOT_CUSTOMER) as usize }
    }

    pub(super) fn set_up(&self, api: &Api) -> Result<()> {
        let currency = json!({ "id": CURRENCY, "displayName": "Crash credits" });
        api.create("/api/v1/credits/custom-currencies", &currency)?;
        for customer in &self.customers {
            api.create("/api/v1/customers", &json!({ "id": customer }))?;
        }
        Ok(())
    }

    fn pick(&self, prng: &mut Prng) -> String {
        let range = if prng.one_in(2) { self.hot } else { self.customers.len() };
        self.customers[prng.index(range)].clone()
    }
}

/// What the clients of one round have in common.
pub(super) struct Shared {
    pub(super) round: u32,
    pub(super) seed: u64,
    pub(super) stop: AtomicBool,
    pub(super) started: AtomicBool,
    pub(super) grants_left: AtomicU32,
    pub(super) duplicates: AtomicU64,
}

impl Shared {
    pub(super) fn new(round: u32, seed: u64, grants: u32) -> Self {
        Self {
            round,
            seed,
            stop: AtomicBool::new(false),
            started: AtomicBool::new(false),
            grants_left: AtomicU32::new(grants),
            duplicates: AtomicU64::new(0),
        }
    }

    fn take_grant(&self) -> bool {
        let take = |left: u32| left.checked_sub(1);
        self.grants_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

/// What a client tells the round while it runs.
#[derive(Debug)]
pub(super) enum Event {
    FirstTraffic,
    Wrong(String),
}

pub(super) struct Client<'a> {
    pub(super) number: u32,
    pub(super) api: Api,
    pub(super) prng: Prng,
    pub(super) population: &'a Population,
    pub(super) shared: &'a Shared,
    pub(super) events: Sender<Event>,
    pub(super) log: ClientLog,
    pub(super) outcome: Outcome,
}

impl Client<'_> {
    /// Sends until told to stop or until the server is gone.
    pub(super) fn run(mut self) -> Result<Outcome> {
        let mut sent = 0_u64;
        while !self.shared.stop.load(Ordering::Relaxed) {
            sent += 1;
            let goes_on = match self.repeated() {
                Some((operation, answer)) => self.repeat(&operation, answer)?,
                None => {
                    let operation = self.new_operation(sent);
                    self.send(operation)?
                }
            };
            if !goes_on {
                break;
            }
        }
        Ok(self.outcome)
    }

    /// Now and then an operation that has been answered already.
    fn repeated(&mut self) -> Option<(Operation, Answer)> {
        let known = self.outcome.acknowledged.len();
        if known == 0 || !self.prng.one_in(10) {
            return None;
        }
        self.outcome.acknowledged.get(self.prng.index(known)).cloned()
    }

    fn repeat(&self, operation: &Operation, answer: Answer) -> Result<bool> {
        match self.api.submit(operation)? {
            Submitted::Acknowledged(again, _) if again == answer => Ok(true),
            Submitted::Acknowledged(_, body) => {
                self.wrong(format!("{operation:?} was replayed with another answer: {body}"))
            }
            Submitted::Refused(what) => self.wrong(what),
            Submitted::Later => Ok(true),
            Submitted::Lost => Ok(false),
        }
    }

    fn send(&mut self, operation: Operation) -> Result<bool> {
        match self.api.submit(&operation)? {
            Submitted::Acknowledged(answer, body) => {
                self.log.write(&operation, Some(&body))?;
                self.outcome.acknowledged.push((operation, answer));
                if !self.shared.started.swap(true, Ordering::Relaxed) {
                    self.tell(Event::FirstTraffic);
                }
                Ok(true)
            }
            Submitted::Later => {
                self.log.write(&operation, None)?;
                self.outcome.open.push(operation);
                Ok(true)
            }
            Submitted::Lost => {
                self.log.write(&operation, None)?;
                self.outcome.open.push(operation);
                Ok(false)
            }
            Submitted::Refused(what) => self.wrong(what),
        }
    }

    fn new_operation(&mut self, sent: u64) -> Operation {
        if self.prng.one_in(20) {
            return self.shared_operation();
        }
        let kind = if self.prng.one_in(40) && self.shared.take_grant() {
            Kind::Grant
        } else {
            Kind::Consume
        };
        let key = format!("r{}-c{}-{sent}", self.shared.round, self.number);
        operation(key, kind, self.population, &mut self.prng)
    }

    /// An operation that several clients send under the same key at nearly the same time.
    fn shared_operation(&self) -> Operation {
        let taken = self.shared.duplicates.fetch_add(1, Ordering::Relaxed);
        let number = taken / COPIES_OF_A_SHARED_OPERATION;
        let key = format!("r{}-shared-{number}", self.shared.round);
        let mut prng = Prng::new(self.shared.seed.wrapping_add(number));
        operation(key, Kind::Consume, self.population, &mut prng)
    }

    fn wrong(&self, what: String) -> Result<bool> {
        self.tell(Event::Wrong(what.clone()));
        bail!(what);
    }

    fn tell(&self, event: Event) {
        // The round may have ended already; then nobody needs the news.
        let _ = self.events.send(event);
    }
}

fn operation(key: String, kind: Kind, population: &Population, prng: &mut Prng) -> Operation {
    let customer = population.pick(prng);
    let thousandths = match kind {
        Kind::Consume => 1 + prng.below(9_999),
        Kind::Grant => 1_000_000 + prng.below(9_000_000),
    };
    let amount = Thousandths(i64::try_from(thousandths).unwrap_or(1));
    Operation { key, kind, customer, amount }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hot_customers_take_more_than_their_share() {
        let population = Population::for_rounds(20);
        let mut prng = Prng::new(1);
        let picks: Vec<_> = (0..1_000).map(|_| population.pick(&mut prng)).collect();
        let hot = picks.iter().filter(|it| population.customers[..2].contains(it)).count();
        assert!((500..700).contains(&hot), "{hot} of 1000");
    }

    #[test]
    fn grants_of_a_round_are_counted() {
        let shared = Shared::new(1, 1, 2);
        assert_eq!([(); 3].map(|()| shared.take_grant()), [true, true, false]);
    }

    #[test]
    fn an_operation_follows_from_its_seed() {
        let population = Population::for_rounds(20);
        let make =
            |seed| operation("k".to_owned(), Kind::Consume, &population, &mut Prng::new(seed));
        assert_eq!(make(5), make(5));
        assert!(make(5).amount > Thousandths(0));
    }
}
