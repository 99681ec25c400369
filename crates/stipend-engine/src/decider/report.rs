//! Deciding reports of usage and events: all items of a command or none.

use super::Decider;
use crate::batch::{Folding, Open};
use crate::command::{
    Answer, Kept, Recorded, Refusal, Remember, Reply, Report, ReportItem, Reported,
};
use crate::key::{Key, Known, ScopeHash};
use crate::limits::AHEAD_COMMANDS_MAX;
use crate::record::{KIND_REMEMBERED, Remembered};
use foldhash::fast::RandomState;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use stipend_core::customer::{self, Decision, Entry};
use stipend_core::{Customer, EnvId};
use stipend_store::Seq;

/// The status of the remembered answer to an event that no meter took.
const STATUS_TAKEN: u16 = 200;

impl Decider {
    /// Records all items or none: all are decided before the first is folded.
    pub(super) fn report(&mut self, open: &mut Open, env: EnvId, items: &[ReportItem]) -> Answer {
        let steps = self.plan_reports(open, env, items)?;
        let mut results: Vec<Reported> = Vec::with_capacity(steps.len());
        let mut steps = steps.into_iter();
        for item in items {
            if items.len() > 1 && results.len().is_multiple_of(AHEAD_COMMANDS_MAX) {
                let slots = steps.as_slice().iter().map(Step::slot);
                self.look_at_reports(&items[results.len()..], slots);
            }
            let reported = match steps.next().expect("each item has its step") {
                Step::Known(reported) => reported,
                Step::Same(earlier) => results[earlier].as_replay(),
                Step::Fresh { slot, decision } => {
                    let (seq, recorded) = self.record(open, (env, slot), item, decision);
                    let done = Reported::Done { is_replay: false, recorded: Arc::new(recorded) };
                    let key = item.remember.key();
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
        items: &[ReportItem],
    ) -> Result<Vec<Step>, Refusal> {
        let is_single = items.len() == 1;
        let mut plan = std::mem::take(&mut self.plan);
        let mut found = Vec::with_capacity(items.len());
        for item in items {
            let slot = self.working.find_customer(env, &item.customer);
            if let Some(slot) = slot.filter(|slot| !is_single && !plan.seen_once.insert(*slot)) {
                plan.shared.insert(slot);
            }
            found.push(slot);
        }
        let mut steps = Vec::with_capacity(items.len());
        let mut refused = Vec::new();
        for (index, (item, slot)) in items.iter().zip(&found).enumerate() {
            if !is_single && index.is_multiple_of(AHEAD_COMMANDS_MAX) {
                self.look_at_reports(&items[index..], found[index..].iter().copied());
            }
            match self.plan_report(open, &mut plan, (env, *slot), index, item) {
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
        item: &ReportItem,
    ) -> Result<Step, Refusal> {
        let ReportItem { customer, report, remember } = item;
        let key = remember.key();
        if let Some((earlier, known)) = plan.seen.get(&key.scope) {
            return if *known == key { Ok(Step::Same(*earlier)) } else { Err(Refusal::KeyReused) };
        }
        plan.seen.insert(key.scope, (index, key));
        if let Some(known) = self.find_reported(*remember)? {
            return Ok(Step::Known(known));
        }
        let slot = slot.ok_or_else(|| Refusal::CustomerNotFound(customer.clone()))?;
        if !plan.copies.contains_key(&slot) {
            self.roll(open, env, slot)?;
        }
        let now = self.now_in(env);
        let catalog = self.working.realm().catalog(env);
        let decide = |customer: &Customer| match report {
            Report::Usage(request) => customer::decide_usage(customer, catalog, request, now),
            Report::Event(request) => customer::decide_event(customer, catalog, request, now),
        };
        let account = self.working.account(slot).expect("names lead to customers");
        if !plan.shared.contains(&slot) {
            return Ok(Step::Fresh { slot, decision: decide(&account.customer)? });
        }
        let copy = plan.copies.entry(slot).or_insert_with(|| account.customer.clone());
        let decision = decide(copy)?;
        decision.entries.iter().for_each(|entry| copy.apply(entry));
        Ok(Step::Fresh { slot, decision })
    }

    /// Looks at the customers of the next few items before the first of them is gone on with.
    fn look_at_reports(
        &self,
        items: &[ReportItem],
        slots: impl Iterator<Item = Option<u32>> + Clone,
    ) {
        let scopes = items.iter().map(|item| item.remember.key().scope);
        self.look_at(scopes.zip(slots.clone()));
        self.look_at_usage(slots);
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

    /// Folds what was decided; gives the position of the key's row. The key stands in the first row
    /// that counts; an event that nothing counts is remembered alone.
    fn record(
        &mut self,
        open: &mut Open,
        (env, slot): (EnvId, u32),
        item: &ReportItem,
        decision: Decision,
    ) -> (Seq, Recorded) {
        let Decision { entries, .. } = decision;
        let (at, key) = (self.now_in(env), item.remember.key());
        let (mut first, mut keyed) = (None, None);
        for entry in &entries {
            let counts = keyed.is_none() && matches!(entry, Entry::Usage(_));
            let row_key = counts.then_some(key);
            let folding = Folding { slot, at, key: row_key };
            let seq = open.fold(&mut self.working, &mut self.flusher, folding, entry);
            first = first.or(Some(seq));
            keyed = keyed.or(row_key.map(|_| seq));
        }
        let keyed = keyed.unwrap_or_else(|| {
            let body = Remembered { status: STATUS_TAKEN, body: Vec::new() };
            open.remember(key, KIND_REMEMBERED, &body)
        });
        let first = first.unwrap_or(keyed);
        (keyed, Recorded { at, first, entries })
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
    Fresh { slot: u32, decision: Decision },
}

impl Step {
    /// The customer that it changes.
    fn slot(&self) -> Option<u32> {
        match self {
            Self::Fresh { slot, .. } => Some(*slot),
            Self::Known(_) | Self::Same(_) => None,
        }
    }
}
