//! What the clients know: every acknowledged operation with its answer, and every open one.
//!
//! It is kept in memory for the checks and written to disk for a person who looks into a failure.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::amount::Thousandths;
use super::api::Standing;
use super::operation::{Answer, Kind, Operation};
use crate::prng::Prng;

/// What one round left behind.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) acknowledged: Vec<(Operation, Answer)>,
    pub(super) open: Vec<Operation>,
}

#[derive(Debug)]
pub(super) struct Truth {
    folder: PathBuf,
    acknowledged: BTreeMap<String, (Operation, Answer)>,
    open: BTreeMap<String, Operation>,
    standings: BTreeMap<String, Standing>,
    /// All acknowledged keys in the order in which they became known.
    keys: Vec<String>,
    /// So many of them have been replayed by a check already.
    replayed: usize,
}

impl Truth {
    pub(super) fn new(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).context("cannot make the folder of the clients' logs")?;
        Ok(Self {
            folder: folder.to_path_buf(),
            acknowledged: BTreeMap::new(),
            open: BTreeMap::new(),
            standings: BTreeMap::new(),
            keys: Vec::new(),
            replayed: 0,
        })
    }

    /// Takes over what a round's clients know. The same key may have been sent by several.
    pub(super) fn absorb(&mut self, outcome: Outcome) -> Result<()> {
        for operation in outcome.open {
            if !self.acknowledged.contains_key(&operation.key) {
                self.open.insert(operation.key.clone(), operation);
            }
        }
        for (operation, answer) in outcome.acknowledged {
            self.acknowledge(operation, answer)?;
        }
        Ok(())
    }

    pub(super) fn acknowledge(&mut self, operation: Operation, answer: Answer) -> Result<()> {
        self.open.remove(&operation.key);
        if let Some((_, known)) = self.acknowledged.get(&operation.key) {
            if *known != answer {
                bail!("{} was answered in two different ways", operation.key);
            }
            return Ok(());
        }
        let standing = self.standings.entry(operation.customer.clone()).or_default();
        match operation.kind {
            Kind::Consume => standing.used += operation.amount,
            Kind::Grant => standing.granted += operation.amount,
        }
        self.keys.push(operation.key.clone());
        self.acknowledged.insert(operation.key.clone(), (operation, answer));
        Ok(())
    }

    /// What the acknowledged operations add up to.
    pub(super) fn standing(&self, customer: &str) -> Standing {
        self.standings.get(customer).copied().unwrap_or_default()
    }

    /// What the open operations would add, if all of them happened.
    pub(super) fn open_standing(&self, customer: &str) -> Standing {
        let of = |kind: Kind| -> Thousandths {
            let open = self.open.values();
            open.filter(|it| it.kind == kind && it.customer == customer).map(|it| it.amount).sum()
        };
        Standing { granted: of(Kind::Grant), used: of(Kind::Consume) }
    }

    pub(super) fn open(&self) -> Vec<Operation> {
        self.open.values().cloned().collect()
    }

    /// Everything acknowledged since the last call, and up to `older` drawn from all before.
    pub(super) fn take_fresh(&mut self, older: usize, prng: &mut Prng) -> Vec<(Operation, Answer)> {
        let (before, fresh) = self.keys.split_at(self.replayed);
        let drawn = (0..older.min(before.len())).map(|_| &before[prng.index(before.len())]);
        let chosen = fresh.iter().chain(drawn);
        let chosen = chosen.filter_map(|key| self.acknowledged.get(key)).cloned().collect();
        self.replayed = self.keys.len();
        chosen
    }

    pub(super) fn everything(&self) -> Vec<(Operation, Answer)> {
        self.acknowledged.values().cloned().collect()
    }

    /// The log on disk of one client.
    pub(super) fn client_log(&self, client: u32) -> Result<ClientLog> {
        let path = self.folder.join(format!("client-{client}.jsonl"));
        let file = OpenOptions::new().create(true).append(true).open(path);
        Ok(ClientLog { file: file.context("cannot open a client's log")? })
    }
}

/// Lines of one client, written as soon as an answer is there.
#[derive(Debug)]
pub(super) struct ClientLog {
    file: File,
}

impl ClientLog {
    pub(super) fn write(&mut self, operation: &Operation, body: Option<&Value>) -> Result<()> {
        let line = json!({
            "key": operation.key,
            "kind": operation.kind.name(),
            "customer": operation.customer,
            "amount": operation.amount.to_string(),
            "answer": body,
        });
        writeln!(self.file, "{line}").context("cannot write a client's log")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(key: &str, kind: Kind, amount: i64) -> Operation {
        let customer = "ann".to_owned();
        Operation { key: key.to_owned(), kind, customer, amount: Thousandths(amount) }
    }

    fn answer(text: &str) -> Answer {
        Answer::of(Kind::Consume, &json!(text))
    }

    #[test]
    fn totals_follow_what_is_acknowledged_and_what_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let mut truth = Truth::new(folder.path()).unwrap();
        let outcome = Outcome {
            acknowledged: vec![
                (operation("a", Kind::Consume, 5), answer("1")),
                (operation("b", Kind::Grant, 9), answer("2")),
            ],
            open: vec![operation("c", Kind::Consume, 7), operation("a", Kind::Consume, 5)],
        };
        truth.absorb(outcome).unwrap();
        let expected = Standing { granted: Thousandths(9), used: Thousandths(5) };
        assert_eq!(truth.standing("ann"), expected);
        assert_eq!(truth.open_standing("ann").used, Thousandths(7));
        let mut prng = Prng::new(1);
        assert_eq!(truth.take_fresh(5, &mut prng).len(), 2);
        assert!(truth.take_fresh(0, &mut prng).is_empty());
        assert_eq!(truth.take_fresh(5, &mut prng).len(), 2);

        truth.acknowledge(operation("c", Kind::Consume, 7), answer("3")).unwrap();
        assert_eq!(truth.standing("ann").used, Thousandths(12));
        assert!(truth.open().is_empty());
    }

    #[test]
    fn two_answers_to_one_key_are_a_failure_and_one_answer_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut truth = Truth::new(folder.path()).unwrap();
        let twice = operation("a", Kind::Consume, 5);
        truth.acknowledge(twice.clone(), answer("1")).unwrap();
        truth.acknowledge(twice.clone(), answer("1")).unwrap();
        assert_eq!(truth.standing("ann").used, Thousandths(5));
        assert!(truth.acknowledge(twice, answer("2")).is_err());
    }

    #[test]
    fn a_client_writes_a_line_for_each_answer() {
        let folder = tempfile::tempdir().unwrap();
        let truth = Truth::new(folder.path()).unwrap();
        let mut log = truth.client_log(3).unwrap();
        log.write(&operation("a", Kind::Consume, 5), None).unwrap();
        let text = fs::read_to_string(folder.path().join("client-3.jsonl")).unwrap();
        let line: Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!((&line["key"], &line["amount"]), (&json!("a"), &json!("0.005")));
    }
}
