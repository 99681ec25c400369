//! Goal: show that what is acknowledged happened exactly once and everything else at most once,
//! whatever order submitting, pausing, refusing, failing and crashing come in (E1, E2).
//! Method: seeded random steps against a model that is a map of acknowledged keys; after every
//! crash the journal is counted row by row and audited. `STEPS` steps for each of `SEEDS` seeds;
//! a failure prints its seed.

use crate::support::{Bench, Random, Waiting, customer_id, item, outcome};
use std::collections::BTreeMap;
use std::sync::Arc;
use stipend_core::customer::{Consumption, CustomerCommand, CustomerPatch};
use stipend_core::{Amount, examples};
use stipend_engine::{Command, Consumed, PRODUCTION, Refusal, Reply};
use stipend_store::memory::{Fault, FaultKind, Operation};

const SEEDS: u64 = 200;
const STEPS: usize = 60;

/// Enough customers for two segments, so that images lag behind each other; the three that
/// consume are the first, one beside it and the last.
const CUSTOMERS: usize = 66;
const CONSUMERS: [usize; 3] = [0, 1, CUSTOMERS - 1];

/// What is consumed under a key, always with the same meaning.
#[derive(Clone, Copy)]
struct Usage {
    customer: usize,
    credits: i64,
}

struct Driver {
    bench: Bench,
    random: Random,
    usages: Vec<Usage>,
    /// Keys whose consumption was acknowledged, with the answer where it came with one.
    acknowledged: BTreeMap<usize, Option<Arc<Consumption>>>,
    /// Submitted and not answered yet: the keys of a command and its answer to come.
    waiting: Vec<(Vec<usize>, Waiting)>,
    crashes: usize,
}

fn name(customer: usize) -> String {
    format!("c{customer}")
}

impl Driver {
    fn new(seed: u64) -> Self {
        let bench = Bench::with_catalog();
        let creations: Vec<_> = (0..CUSTOMERS)
            .map(|n| bench.submit(Command::CreateCustomer(crate::support::new_customer(&name(n)))))
            .collect();
        for creation in creations {
            outcome(creation).expect("the ids are new");
        }
        Self {
            bench,
            random: Random::new(seed),
            usages: Vec::new(),
            acknowledged: BTreeMap::new(),
            waiting: Vec::new(),
            crashes: 0,
        }
    }

    fn item(&self, key: usize) -> stipend_engine::ConsumeItem {
        let Usage { customer, credits } = self.usages[key];
        item(&name(customer), &format!("key-{key}"), credits)
    }

    fn submit(&mut self, keys: Vec<usize>) {
        let items = keys.iter().map(|key| self.item(*key)).collect();
        let waiting = self.bench.engine().submitter().submit(stipend_engine::Submission {
            env: PRODUCTION,
            by: stipend_engine::Actor::Host,
            command: Command::Consume(items),
            remember: None,
            render: None,
        });
        match waiting {
            Ok(waiting) => self.waiting.push((keys, waiting)),
            Err(refusal) => assert_eq!(refusal, Refusal::Failed, "only a dead engine refuses"),
        }
    }

    fn new_key(&mut self) -> usize {
        let customer = self.random.pick(&CONSUMERS);
        let credits = i64::try_from(1 + self.random.below(100)).expect("small");
        self.usages.push(Usage { customer, credits });
        self.usages.len() - 1
    }

    fn some_key(&mut self) -> usize {
        if self.usages.is_empty() { self.new_key() } else { self.random.below(self.usages.len()) }
    }

    /// Something else that writes to a segment: the realm's, or a customer's.
    fn disturb(&mut self) {
        let text = format!("n{}", self.random.next());
        let command = if self.random.below(2) == 0 {
            let patch = stipend_core::catalog::ProductPatch {
                name: Some(text),
                ..stipend_core::catalog::ProductPatch::default()
            };
            let update =
                stipend_core::catalog::CatalogCommand::UpdateProduct(examples::product(), patch);
            Command::Catalog(update)
        } else {
            let patch = CustomerPatch { name: Some(Some(text)), ..CustomerPatch::default() };
            let customer = customer_id(&name(self.random.below(CUSTOMERS)));
            Command::Customer(customer, CustomerCommand::Update(patch))
        };
        // Whether it is done does not matter, only that it is whole or absent.
        drop(self.bench.engine().submitter().submit(stipend_engine::Submission {
            env: PRODUCTION,
            by: stipend_engine::Actor::Host,
            command,
            remember: None,
            render: None,
        }));
    }

    fn step(&mut self) {
        let control = self.bench.control();
        match self.random.below(100) {
            0..30 => {
                let key = self.new_key();
                self.submit(vec![key]);
            }
            30..45 => {
                let key = self.some_key();
                self.submit(vec![key]);
            }
            45..53 => {
                let mut keys = vec![self.some_key()];
                keys.extend([self.new_key(), self.new_key()]);
                self.submit(keys);
            }
            53..63 => self.disturb(),
            63..71 => control.pause(),
            71..79 => control.release(),
            79..84 => control.release_one(),
            84..89 => control.fail(Fault::next_append(FaultKind::Unavailable)),
            89..91 => {
                let applied = self.random.below(2) == 0;
                let operation = Operation::Append;
                let (kind, after, lasting) = (FaultKind::Failed, 1, false);
                control.fail(Fault { operation, kind, after, lasting, applied });
            }
            91..94 => self.let_finish(),
            _ => self.crash(),
        }
        self.collect();
        // In this order: between the two looks more may become durable, and then be published.
        let published = self.bench.engine().last_position();
        let durable = self.bench.engine().reader().last().expect("memory can be read");
        assert!(published <= durable, "published before it was durable");
    }

    /// Takes note of the answers that have come.
    fn collect(&mut self) {
        for (keys, mut waiting) in std::mem::take(&mut self.waiting) {
            match waiting.try_recv() {
                Ok(answer) => self.note(&keys, answer),
                Err(tokio::sync::oneshot::error::TryRecvError::Empty) => {
                    self.waiting.push((keys, waiting));
                }
                Err(tokio::sync::oneshot::error::TryRecvError::Closed) => {}
            }
        }
    }

    fn note(&mut self, keys: &[usize], answer: stipend_engine::Answer) {
        let results = match answer {
            Ok(Reply::Consumed(results)) => results,
            Err(Refusal::Unavailable | Refusal::Failed) => return,
            other => panic!("{other:?} is no answer to a consumption"),
        };
        assert_eq!(results.len(), keys.len());
        for (key, result) in keys.iter().zip(results) {
            let answered = match result {
                Consumed::Done { consumption, .. } => Some(consumption),
                Consumed::Stored(_) => None,
            };
            let known = self.acknowledged.entry(*key).or_default();
            if let (Some(before), Some(answered)) = (known.as_ref(), answered.as_ref()) {
                assert_eq!(before, answered, "key {key} was answered in two ways");
            }
            *known = known.take().or(answered);
        }
    }

    fn let_finish(&mut self) {
        self.bench.control().release();
        for (keys, waiting) in std::mem::take(&mut self.waiting) {
            let answer = outcome(waiting);
            self.note(&keys, answer);
        }
    }

    fn crash(&mut self) {
        self.collect();
        self.bench.crash();
        self.crashes += 1;
        // The answers that came before the crash count; nobody else can be waiting any more.
        for (keys, mut waiting) in std::mem::take(&mut self.waiting) {
            if let Ok(answer) = waiting.try_recv() {
                self.note(&keys, answer);
            }
        }
        self.audit();
    }

    /// Counts the journal against the model and lets it be audited.
    fn audit(&self) {
        self.bench.verify();
        let rows = self.bench.rows();
        let mut amounts = [0_i128; CUSTOMERS];
        let mut found = 0;
        for (key, usage) in self.usages.iter().enumerate() {
            let bytes = Some(self.item(key).key.to_bytes());
            let effects: Vec<_> = rows.iter().filter(|row| row.key == bytes).collect();
            assert!(effects.len() <= 1, "key {key} has {} effects", effects.len());
            let acknowledged = self.acknowledged.get(&key);
            assert!(acknowledged.is_none() || effects.len() == 1, "key {key} was lost");
            for row in effects {
                assert_eq!(row.amount, -i128::from(usage.credits) * 1_000_000_000, "key {key}");
                amounts[usage.customer] += row.amount;
                found += 1;
                if let Some(Some(answered)) = acknowledged {
                    let stored = self.bench.engine().stored_consumption(row.seq);
                    let (_, stored) = stored.expect("memory can be read");
                    assert_eq!(stored, **answered, "key {key} is stored as it was answered");
                }
            }
        }
        assert_eq!(rows.iter().filter(|row| row.key.is_some()).count(), found, "unknown keys");
        for customer in CONSUMERS {
            let expected = Amount::from_nano(amounts[customer]);
            assert_eq!(self.bench.balance(&name(customer)), expected, "customer {customer}");
        }
    }

    /// Tries everything again until it is acknowledged, as clients do.
    fn converge(&mut self) {
        self.crash();
        for key in 0..self.usages.len() {
            self.submit(vec![key]);
        }
        self.let_finish();
        assert_eq!(self.acknowledged.len(), self.usages.len(), "trying again converges");
        self.crash();
    }
}

#[test]
fn what_is_acknowledged_happened_once_whatever_went_wrong() {
    let mut crashes = 0;
    for seed in 0..SEEDS {
        let run = std::panic::AssertUnwindSafe(|| {
            let mut driver = Driver::new(seed);
            for _ in 0..STEPS {
                driver.step();
            }
            driver.converge();
            driver.crashes
        });
        match std::panic::catch_unwind(run) {
            Ok(count) => crashes += count,
            Err(cause) => {
                eprintln!("the seed is {seed}");
                std::panic::resume_unwind(cause);
            }
        }
    }
    assert!(crashes > 600, "the interleavings crash often enough: {crashes}");
}
