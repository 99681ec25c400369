//! What is asked of the server, and what is known of it afterwards.
//!
//! Every effect has an amount of its own, so that the ledger's rows tell which operations happened,
//! and how often.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use crate::http::{Answer, Http};

pub(super) const API_KEY: &str = "faults-run-key";
const CURRENCY: &str = "fault-credits";
const CUSTOMERS: u32 = 3;

/// An answer that takes longer is a hanging server.
const PATIENCE: Duration = Duration::from_secs(20);

/// Something to be done once, however often it is asked for.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) id: String,
    path: &'static str,
    body: Value,
    /// The amounts in the ledger, as text.
    effects: Vec<String>,
}

/// How asking for it ended.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// With this in its answer, which must be the same when it is asked for again.
    Acknowledged(Value),
    /// Not now.
    Later,
    /// With an error of the server.
    Failed,
    /// Without an answer.
    Lost,
}

/// The `number`-th operation.
pub(super) fn operation(number: u32) -> Operation {
    let id = format!("op-{number}");
    let customer = format!("customer-{}", number % CUSTOMERS);
    let consumption = |amount: &str, key: &str| {
        Ok::<_, serde_json::Error>(json!({
            "customerId": customer, "currencyId": CURRENCY, "idempotencyKey": key,
            "amount": serde_json::from_str::<Value>(amount)?,
        }))
    };
    let (path, body, effects) = match number % 4 {
        1 => {
            let amounts: Vec<String> = (1..=3).map(|part| format!("{number}.{part}")).collect();
            let items = amounts.iter().map(|amount| consumption(amount, &format!("{id}-{amount}")));
            let items = items.collect::<Result<Vec<_>, _>>().unwrap_or_default();
            let effects = amounts.iter().map(|amount| format!("-{amount}")).collect();
            ("/api/v1/credits/consumption/async", json!({ "consumptions": items }), effects)
        }
        3 => {
            let amount = format!("{number}.25");
            let body = json!({
                "customerId": customer, "currencyId": CURRENCY, "displayName": "Faults",
                "amount": serde_json::from_str::<Value>(&amount).unwrap_or_default(),
                "grantType": "PROMOTIONAL",
            });
            ("/api/v1/credits/grants", body, vec![amount])
        }
        _ => {
            let amount = format!("{number}.5");
            let body = consumption(&amount, &id).unwrap_or_default();
            ("/api/v1/credits/consumption", body, vec![format!("-{amount}")])
        }
    };
    Operation { id, path, body, effects }
}

impl Operation {
    /// What of an answer must never change.
    fn lasting(&self, data: &Value) -> Value {
        // A grant goes on living.
        if self.path.ends_with("/grants") { data["id"].clone() } else { data.clone() }
    }
}

/// A client of one server.
pub(super) struct Client {
    http: Http,
}

impl Client {
    pub(super) fn new(base_url: &str) -> Self {
        Self { http: Http::new(base_url, API_KEY, PATIENCE) }
    }

    /// What must be there before the first operation.
    pub(super) fn set_up(&self) -> Result<()> {
        let currency = json!({ "id": CURRENCY, "displayName": "Fault credits" });
        self.make("/api/v1/credits/custom-currencies", &currency)?;
        for number in 0..CUSTOMERS {
            self.make("/api/v1/customers", &json!({ "id": format!("customer-{number}") }))?;
        }
        Ok(())
    }

    /// Makes something that may be there already.
    fn make(&self, path: &str, body: &Value) -> Result<()> {
        let answer = self.http.ask(path, body, &[])?;
        ensure!(matches!(answer.status, 200 | 409), "POST {path}: {answer:?}");
        Ok(())
    }

    /// A consumption of one credit, which no operation is: it makes the journal longer.
    pub(super) fn fill(&self, number: u32) -> Result<()> {
        let body = json!({
            "customerId": format!("customer-{}", number % CUSTOMERS), "currencyId": CURRENCY,
            "idempotencyKey": format!("fill-{number}"), "amount": 1,
        });
        self.http.create("/api/v1/credits/consumption", &body).map(drop)
    }

    pub(super) fn ask(&self, operation: &Operation) -> Result<Outcome> {
        let mut headers = vec![("x-request-id", operation.id.as_str())];
        if operation.path.ends_with("/grants") {
            headers.push(("Idempotency-Key", &operation.id));
        }
        let Ok(answer) = self.http.ask(operation.path, &operation.body, &headers) else {
            return Ok(Outcome::Lost);
        };
        let Answer { status, has_retry_after, body } = answer;
        match status {
            200 => Ok(Outcome::Acknowledged(operation.lasting(&body["data"]))),
            429 | 503 => {
                ensure!(has_retry_after, "{} got {status} without Retry-After", operation.id);
                Ok(Outcome::Later)
            }
            500 => Ok(Outcome::Failed),
            _ => anyhow::bail!("{} was answered with {status}: {body}", operation.id),
        }
    }

    /// The status of a check, which reads memory only; nothing where there is no answer.
    pub(super) fn check(&self) -> Option<u16> {
        let path = format!("/api/v1/customers/customer-0/entitlements/check?currencyId={CURRENCY}");
        self.http.look(&path).ok().map(|answer| answer.status)
    }

    /// The status of a page of the ledger, which reads files; nothing where there is no answer.
    pub(super) fn ledger(&self) -> Option<u16> {
        let path = format!("/api/v1/credits/ledger?customerId=customer-0&currencyId={CURRENCY}");
        self.http.look(&path).ok().map(|answer| answer.status)
    }

    /// The status of the question whether the server is ready.
    pub(super) fn readiness(&self) -> Option<u16> {
        self.http.look("/readyz").ok().map(|answer| answer.status)
    }
}

/// What is known about an operation that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    /// It may have happened or not.
    Open,
    /// It was acknowledged.
    There,
    /// It was acknowledged with this.
    Answered(Value),
}

/// What the client knows about every operation that it asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    operations: BTreeMap<u32, Fate>,
}

impl Known {
    pub(super) fn note(&mut self, number: u32, outcome: Outcome) -> Result<()> {
        let fate = self.operations.entry(number).or_insert(Fate::Open);
        let Outcome::Acknowledged(answer) = outcome else { return Ok(()) };
        if let Fate::Answered(first) = fate {
            ensure!(*first == answer, "op-{number} was answered anew with {answer}");
        }
        *fate = Fate::Answered(answer);
        Ok(())
    }

    /// Takes over what another client knows, of other operations.
    pub(super) fn absorb(&mut self, other: Self) {
        self.operations.extend(other.operations);
    }

    /// Notes an acknowledgement that was only seen from afar.
    pub(super) fn must_be_there(&mut self, number: u32) {
        self.operations.insert(number, Fate::There);
    }

    pub(super) fn acknowledged(&self) -> usize {
        self.operations.values().filter(|fate| **fate != Fate::Open).count()
    }

    /// Compares with what a ledger holds: what was acknowledged is there once, what was asked for
    /// once or not at all, as a whole, and nothing else is.
    pub(super) fn compare(&self, found: &BTreeMap<String, u32>) -> Result<()> {
        let mut rest = found.clone();
        for (number, fate) in &self.operations {
            let effects = operation(*number).effects;
            let counts: Vec<u32> =
                effects.iter().map(|it| rest.remove(it).unwrap_or_default()).collect();
            let is_there = counts.iter().all(|count| *count == 1);
            let is_absent = counts.iter().all(|count| *count == 0);
            ensure!(is_there || is_absent, "op-{number} is there in parts or twice: {counts:?}");
            ensure!(is_there || *fate == Fate::Open, "op-{number} was acknowledged and is lost");
        }
        ensure!(rest.is_empty(), "nobody asked for {:?}", rest.keys().collect::<Vec<_>>());
        Ok(())
    }
}

/// The effects of operations in the ledger of a data directory, with how often each is there. The
/// consumptions of [`Client::fill`] are whole numbers, and left out.
pub(super) fn effects_in(data_dir: &Path) -> Result<BTreeMap<String, u32>> {
    // Whoever only reads cannot roll back what was under way when new data was being made.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(data_dir.join("stipend.db"), flags)
        .context("cannot read the ledger")?;
    let is_made = "SELECT count(*) > 0 FROM sqlite_schema WHERE name = 'v_ledger'";
    if !connection.query_row(is_made, [], |row| row.get(0)).context("cannot read the schema")? {
        // The power failed before there was anything but the file.
        return Ok(BTreeMap::new());
    }
    let mut select = connection.prepare(
        "SELECT amount, count(*) FROM v_ledger WHERE instr(amount, '.') GROUP BY amount",
    )?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect::<Result<_, _>>().context("cannot read the ledger")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(effects: &[(&str, u32)]) -> BTreeMap<String, u32> {
        effects.iter().map(|(amount, count)| ((*amount).to_owned(), *count)).collect()
    }

    #[test]
    fn the_effects_of_operations_differ() {
        let all: Vec<String> = (0..100).flat_map(|number| operation(number).effects).collect();
        let mut distinct = all.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(all.len(), distinct.len());
        assert_eq!(operation(4).body["amount"].to_string(), "4.5");
    }

    #[test]
    fn losses_doublings_halves_and_strangers_are_found() {
        let mut known = Known::default();
        known.note(4, Outcome::Acknowledged(json!(1))).unwrap();
        known.note(5, Outcome::Lost).unwrap();
        let bulk = [("-5.1", 1), ("-5.2", 1), ("-5.3", 1)];
        let with_bulk = [&[("-4.5", 1)], &bulk[..]].concat();
        for fine in [&[("-4.5", 1)][..], &with_bulk] {
            known.compare(&found(fine)).unwrap();
        }
        for wrong in [&[][..], &[("-4.5", 2)], &[("-4.5", 1), ("-5.1", 1)], &[("9.5", 1)]] {
            assert!(known.compare(&found(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn another_answer_to_the_same_operation_is_found() {
        let mut known = Known::default();
        known.note(4, Outcome::Later).unwrap();
        known.note(4, Outcome::Acknowledged(json!(1))).unwrap();
        known.note(4, Outcome::Lost).unwrap();
        assert_eq!(known.acknowledged(), 1);
        assert!(known.note(4, Outcome::Acknowledged(json!(2))).is_err());
    }
}
