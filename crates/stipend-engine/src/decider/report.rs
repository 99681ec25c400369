//! Deciding reports of usage and events: all items of a command or none.

use super::Decider;
use crate::batch::{Folding, Open};
use crate::command::{
    Answer, Balance, Kept, Recorded, Refusal, Remember, Reply, Report, ReportItem, Reported,
    UsageRecord,
};
use crate::key::{Key, Known, ScopeHash};
use crate::record::{KIND_REMEMBERED, Remembered};
use foldhash::fast::RandomState;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use stipend_core::customer::{self, CustomerCommand, Decision, Entry};
use stipend_core::{Customer, EnvId};
use stipend_store::Seq;

/// The status of the remembered answer to an event that no meter took.
const STATUS_TAKEN: u16 = 200;

impl Decider {
    /// Records all items or none: all are decided before the first is folded.
    pub(super) fn report(&mut self, open: &mut Open, env: EnvId, items: Vec<ReportItem>) -> Answer {
        let steps = self.plan_reports(open, env, items)?;
        let mut results: Vec<Reported> = Vec::with_capacity(steps.len());
        for step in steps {
            let reported = match step {
                Step::Known(reported) => reported,
                Step::Same(earlier) => results[earlier].as_replay(),
                Step::Fresh { slot, key, decision } => {
                    let (seq, recorded) = self.record(open, env, slot, key, decision);
                    let done = Reported::Done { is_replay: false, recorded: Arc::new(recorded) };
                    self.keys.decide(key, seq, self.now, Kept::Reported(done.clone()));
                    done
                }
            };
            results.push(reported);
        }
        Ok(Reply::Reported(results))
    }

    /// Decides all items. Where several are of one customer, each is decided on a copy on which
    /// the ones before it were carried out.
    fn plan_reports(
        &mut self,
        open: &mut Open,
        env: EnvId,
        items: Vec<ReportItem>,
    ) -> Result<Vec<Step>, Refusal> {
        let is_single = items.len() == 1;
        let mut plan = std::mem::take(&mut self.plan);
        let mut found = Vec::with_capacity(items.len());
        for item in &items {
            let slot = self.working.find_customer(env, &item.customer);
            if let Some(slot) = slot.filter(|slot| !is_single && !plan.seen_once.insert(*slot)) {
                plan.shared.insert(slot);
            }
            found.push(slot);
        }
        let mut steps = Vec::with_capacity(items.len());
        let mut refused = Vec::new();
        for (index, (item, slot)) in items.into_iter().zip(found).enumerate() {
            match self.plan_report(open, &mut plan, (env, slot), index, item) {
                Ok(step) => steps.push(step),
                Err(refusal) => refused.push((index, refusal)),
            }
        }
        plan.clear();
        self.plan = plan;
        match refused.len() {
            0 => Ok(steps),
            1 if is_single => Err(refused.remove(0).1),
            _ => Err(Refusal::Items(refused)),
        }
    }

    fn plan_report(
        &mut self,
        open: &mut Open,
        plan: &mut Plan,
        (env, slot): (EnvId, Option<u32>),
        index: usize,
        item: ReportItem,
    ) -> Result<Step, Refusal> {
        let ReportItem { customer, report, remember } = item;
        let key = remember.key();
        if let Some((earlier, known)) = plan.seen.get(&key.scope) {
            return if *known == key { Ok(Step::Same(*earlier)) } else { Err(Refusal::KeyReused) };
        }
        plan.seen.insert(key.scope, (index, key));
        if let Some(known) = self.find_reported(remember)? {
            return Ok(Step::Known(known));
        }
        let slot = slot.ok_or(Refusal::CustomerNotFound(customer))?;
        let is_shared = plan.shared.contains(&slot);
        let command = match report {
            Report::Usage(request) => CustomerCommand::Usage(request),
            Report::Event(request) => CustomerCommand::Event(request),
        };
        if !plan.copies.contains_key(&slot) {
            self.roll(open, env, slot)?;
        }
        let now = self.now_in(env);
        let realm = self.working.realm();
        let account = self.working.account(slot).expect("names lead to customers");
        if !is_shared {
            let decision = customer::decide(&account.customer, realm.catalog(env), &command, now)?;
            return Ok(Step::Fresh { slot, key, decision });
        }
        let copy = plan.copies.entry(slot).or_insert_with(|| account.customer.clone());
        let decision = customer::decide(copy, realm.catalog(env), &command, now)?;
        decision.entries.iter().for_each(|entry| copy.apply(entry));
        Ok(Step::Fresh { slot, key, decision })
    }

    /// What became of the item before; one without a key is looked for only where it says that it
    /// is a retry.
    fn find_reported(&self, remember: Remember) -> Result<Option<Reported>, Refusal> {
        if matches!(remember, Remember::Content { is_retry: false, .. }) {
            return Ok(None);
        }
        match self.keys.look_up(remember.key(), self.now) {
            Known::New => Ok(None),
            Known::Durable(seq) => Ok(Some(Reported::Stored(seq))),
            Known::Pending(Kept::Reported(reported)) => Ok(Some(reported.as_replay())),
            Known::Reused | Known::Pending(_) => Err(Refusal::KeyReused),
        }
    }

    /// Folds what was decided; gives the position of the key's row. The key stands in the first row that counts; an event that nothing
    /// counts is remembered alone.
    fn record(
        &mut self,
        open: &mut Open,
        env: EnvId,
        slot: u32,
        key: Key,
        decision: Decision,
    ) -> (Seq, Recorded) {
        let now = self.now_in(env);
        let (own, mut key) = (key, Some(key));
        // Exactly as many as there are: they are large, and a list that grows begins with four.
        let counts = |entry: &&Entry| matches!(entry, Entry::Usage(_));
        let count = decision.entries.iter().filter(counts).count();
        let mut usages: Vec<UsageRecord> = Vec::with_capacity(count);
        for entry in decision.entries {
            let row_key = if matches!(entry, Entry::Usage(_)) { key.take() } else { None };
            let folding = Folding { slot, at: now, key: row_key };
            let seq = open.fold(&mut self.working, &mut self.flusher, folding, &entry);
            match entry {
                Entry::Usage(usage) => {
                    let paid = Vec::with_capacity(usize::from(usage.currency.is_some()));
                    usages.push(UsageRecord { seq, usage, paid, balance: None });
                }
                Entry::Pool(entry) => {
                    let last = usages.last_mut().expect("usage is counted before it is paid for");
                    last.paid.push(entry);
                }
                _ => {}
            }
        }
        let keyed = match (key, usages.first()) {
            (None, Some(first)) => first.seq,
            _ => {
                let body = Remembered { status: STATUS_TAKEN, body: Vec::new() };
                open.remember(own, KIND_REMEMBERED, &body)
            }
        };
        let account = self.working.account(slot).expect("names lead to customers");
        for record in &mut usages {
            record.balance = Balance::of(&account.customer, &record.usage);
        }
        let missing_dimensions = decision.missing_dimensions;
        (keyed, Recorded { at: now, usages, missing_dimensions })
    }
}

/// What was seen of the items of a command so far. Its room is used again: for a thousand items it
/// is large, and would be asked of the system each time.
#[derive(Default)]
pub(crate) struct Plan {
    /// The customers that have an item.
    seen_once: HashSet<u32, RandomState>,
    /// The customers that have several.
    shared: HashSet<u32, RandomState>,
    /// The keys with their items.
    seen: HashMap<ScopeHash, (usize, Key), RandomState>,
    /// The customers with several items, as they will be.
    copies: HashMap<u32, Customer, RandomState>,
}

impl Plan {
    fn clear(&mut self) {
        let Self { seen_once, shared, seen, copies } = self;
        seen_once.clear();
        shared.clear();
        seen.clear();
        copies.clear();
    }
}

/// How an item is done.
enum Step {
    /// It was done before.
    Known(Reported),
    /// It is the same as an earlier item of the command.
    Same(usize),
    /// It is decided, for the customer in this slot.
    Fresh { slot: u32, key: Key, decision: Decision },
}
