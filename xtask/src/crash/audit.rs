//! The check after a restart: nothing acknowledged is lost, nothing is there twice.

use std::thread;

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::api::{Api, Standing, Submitted};
use super::client::Population;
use super::ledger_of_truth::Truth;
use super::operation::{Answer, Operation};
use crate::prng::Prng;

/// So many older operations are replayed after each round, drawn at random.
const OLDER_REPLAYS: usize = 500;

/// A retry that is told to come later is sent so often.
const RETRIES: u32 = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// The round's operations, some older ones, and all balances.
    Recent,
    /// The same, and every ledger.
    RecentAndLedgers,
    /// Every operation since the beginning, and every ledger.
    Everything,
}

pub(super) struct Auditor<'a> {
    pub(super) base_url: &'a str,
    pub(super) api_key: &'a str,
    pub(super) clients: u32,
    pub(super) population: &'a Population,
}

impl Auditor<'_> {
    /// Returns how many answers were replayed.
    pub(super) fn check(&self, truth: &mut Truth, depth: Depth, prng: Prng) -> Result<u64> {
        self.check_bounds(truth).context("before the retries")?;
        self.settle_open(truth)?;
        let known = operations_to_replay(truth, depth, prng);
        for (operation, again) in self.submit_all(&known)? {
            let (_, first) = &known[operation];
            ensure!(again == *first, "{:?} was replayed with another answer", known[operation].0);
        }
        self.check_standings(truth).context("after the retries")?;
        if depth != Depth::Recent {
            self.check_ledgers(truth)?;
        }
        Ok(known.len() as u64)
    }

    /// At the restart, every acknowledged operation is there, and open ones are there at most
    /// once.
    fn check_bounds(&self, truth: &Truth) -> Result<()> {
        let api = self.api();
        for customer in &self.population.customers {
            let found = api.standing(customer)?;
            let least = truth.standing(customer);
            let open = truth.open_standing(customer);
            let most =
                Standing { granted: least.granted + open.granted, used: least.used + open.used };
            let fits = (least.granted..=most.granted).contains(&found.granted)
                && (least.used..=most.used).contains(&found.used);
            ensure!(fits, "{customer} has {found:?}, wanted {least:?} to {most:?}");
        }
        Ok(())
    }

    /// Retries what had no answer; from then on it counts as acknowledged.
    fn settle_open(&self, truth: &mut Truth) -> Result<()> {
        let open: Vec<_> = truth.open().into_iter().map(|operation| (operation, ())).collect();
        for (index, answer) in self.submit_all(&open)? {
            truth.acknowledge(open[index].0.clone(), answer)?;
        }
        Ok(())
    }

    fn check_standings(&self, truth: &Truth) -> Result<()> {
        let api = self.api();
        for customer in &self.population.customers {
            let (found, wanted) = (api.standing(customer)?, truth.standing(customer));
            ensure!(found == wanted, "{customer} has {found:?}, wanted {wanted:?}");
        }
        Ok(())
    }

    fn check_ledgers(&self, truth: &Truth) -> Result<()> {
        let api = self.api();
        for customer in &self.population.customers {
            let (sums, wanted) = (api.ledger_sums(customer)?, truth.standing(customer));
            let fits = sums.all == wanted.balance()
                && sums.granted == wanted.granted
                && sums.consumed == -wanted.used;
            ensure!(fits, "the ledger of {customer} says {sums:?}, wanted {wanted:?}");
        }
        Ok(())
    }

    /// Sends all operations, spread over the clients; every one must be acknowledged. Returns
    /// the index of each operation with its answer.
    fn submit_all<T: Sync>(&self, operations: &[(Operation, T)]) -> Result<Vec<(usize, Answer)>> {
        let share = operations.len().div_ceil(self.clients as usize).max(1);
        thread::scope(|scope| {
            let mut running = Vec::new();
            for (number, part) in operations.chunks(share).enumerate() {
                let api = self.api();
                running.push(scope.spawn(move || -> Result<Vec<(usize, Answer)>> {
                    let answers = part.iter().enumerate().map(|(index, (operation, _))| {
                        Ok((number * share + index, submit_until_answered(&api, operation)?))
                    });
                    answers.collect()
                }));
            }
            let mut together = Vec::new();
            for part in running {
                together.extend(part.join().map_err(|_| anyhow!("a client panicked"))??);
            }
            Ok(together)
        })
    }

    fn api(&self) -> Api {
        Api::new(self.base_url, self.api_key)
    }
}

fn operations_to_replay(
    truth: &mut Truth,
    depth: Depth,
    mut prng: Prng,
) -> Vec<(Operation, Answer)> {
    match depth {
        Depth::Everything => truth.everything(),
        Depth::Recent | Depth::RecentAndLedgers => truth.take_fresh(OLDER_REPLAYS, &mut prng),
    }
}

fn submit_until_answered(api: &Api, operation: &Operation) -> Result<Answer> {
    for _ in 0..RETRIES {
        match api.submit(operation)? {
            Submitted::Acknowledged(answer, _) => return Ok(answer),
            Submitted::Later => {}
            Submitted::Lost => bail!("no answer to {operation:?}"),
            Submitted::Refused(what) => bail!(what),
        }
    }
    bail!("{operation:?} was put off {RETRIES} times")
}
