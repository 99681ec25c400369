//! Deciding consumption: all items of a command or none.

use super::Decider;
use crate::batch::{Folding, Open};
use crate::command::{Answer, ConsumeItem, Consumed, Kept, Refusal, Reply};
use crate::key::{Known, ScopeHash};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use stipend_core::catalog::{Catalog, Enforcement};
use stipend_core::customer::{
    self, Cause, ConsumeRequest, CustomerRejection, Entry, Pool, PoolEntry, enforcement_of_currency,
};
use stipend_core::limits::CUSTOMER_POOLS_MAX;
use stipend_core::{Amount, CurrencyId, EnvId, ResourceId};

impl Decider {
    /// Consumes all items or none: everything that can refuse an item is looked at before the
    /// first is folded.
    pub(super) fn consume(&mut self, open: &mut Open, env: EnvId, items: &[ConsumeItem]) -> Answer {
        let realm = Arc::clone(self.working.realm());
        if let [item] = items {
            let step = self.plan_item(open, realm.catalog(env), env, item, None)?;
            let consumed = match step {
                Step::Fresh(slot) => {
                    self.consume_item(open, realm.catalog(env), (env, slot), item)?
                }
                Step::Known(consumed) => consumed,
                Step::Same(_) => unreachable!("there is no item before the first"),
            };
            return Ok(Reply::Consumed(vec![consumed]));
        }
        let plan = self.plan_consumption(open, realm.catalog(env), env, items)?;
        let mut results: Vec<Consumed> = Vec::with_capacity(items.len());
        for (item, step) in items.iter().zip(plan) {
            let consumed = match step {
                Step::Known(consumed) => consumed,
                Step::Same(earlier) => as_replay(&results[earlier]),
                Step::Fresh(slot) => {
                    self.consume_item(open, realm.catalog(env), (env, slot), item)?
                }
            };
            results.push(consumed);
        }
        Ok(Reply::Consumed(results))
    }

    fn plan_consumption(
        &mut self,
        open: &mut Open,
        catalog: &Catalog,
        env: EnvId,
        items: &[ConsumeItem],
    ) -> Result<Vec<Step>, Refusal> {
        let mut seen: HashMap<ScopeHash, usize> = HashMap::new();
        let mut bulk = Bulk::default();
        let mut steps = Vec::with_capacity(items.len());
        let mut refused = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let earlier = seen.get(&item.key.scope).copied();
            let step = match earlier {
                Some(earlier) if items[earlier].key == item.key => Ok(Step::Same(earlier)),
                Some(_) => Err(Refusal::KeyReused),
                None => self.plan_item(open, catalog, env, item, Some(&mut bulk)),
            };
            seen.entry(item.key.scope).or_insert(index);
            match step {
                Ok(step) => steps.push(step),
                Err(refusal) => refused.push((index, refusal)),
            }
        }
        match refused.len() {
            0 => Ok(steps),
            _ => Err(Refusal::Items(refused)),
        }
    }

    fn plan_item(
        &mut self,
        open: &mut Open,
        catalog: &Catalog,
        env: EnvId,
        item: &ConsumeItem,
        bulk: Option<&mut Bulk>,
    ) -> Result<Step, Refusal> {
        match self.keys.look_up(item.key, self.now) {
            Known::New => {}
            Known::Reused => return Err(Refusal::KeyReused),
            Known::Durable(seq) => return Ok(Step::Known(Consumed::Stored(seq))),
            Known::Pending(Kept::Consumed(consumed)) => {
                return Ok(Step::Known(as_replay(&consumed)));
            }
            Known::Pending(_) => return Err(Refusal::KeyReused),
        }
        let found = self.working.find_customer(env, &item.customer);
        let slot = found.ok_or_else(|| Refusal::CustomerNotFound(item.customer.clone()))?;
        self.roll(open, env, slot)?;
        if let Some(bulk) = bulk {
            self.check_item(catalog, env, slot, item, bulk)?;
        }
        Ok(Step::Fresh(slot))
    }

    /// In bulk, an item must not fail after others were folded: so each is decided once for
    /// nothing, there must be room for all the pools that the items open together, and what is
    /// strict must cover all of them.
    fn check_item(
        &self,
        catalog: &Catalog,
        env: EnvId,
        slot: u32,
        item: &ConsumeItem,
        bulk: &mut Bulk,
    ) -> Result<(), Refusal> {
        assert!(!item.request.strict, "bulk consumption is never strict");
        let account = self.working.account(slot).expect("names lead to customers");
        let ConsumeRequest { currency, resource, amount, .. } = &item.request;
        let Bulk { opened, planned } = bulk;
        if account.customer.find_pool(currency, resource.as_ref()).is_none() {
            let opened = opened.entry(slot).or_default();
            opened.insert((currency.clone(), resource.clone()));
            if account.customer.pools.len() + opened.len() > CUSTOMER_POOLS_MAX {
                let max = CUSTOMER_POOLS_MAX;
                return Err(CustomerRejection::LimitReached { what: "pools", max }.into());
            }
        }
        let now = self.now_in(env);
        customer::decide_consumption(&account.customer, catalog, &item.request, now)?;
        // What is strict must cover the items before it too.
        let planned = planned.entry((slot, currency.clone(), resource.clone())).or_default();
        let pool = account.customer.find_pool(currency, resource.as_ref());
        let left = pool.map_or(Amount::ZERO, Pool::balance) - *planned;
        if planned.is_positive() && left < *amount {
            let (customer, resource) = (&account.customer, resource.as_ref());
            if enforcement_of_currency(customer, catalog, currency, resource) == Enforcement::Strict
            {
                let (requested, available) = (*amount, left.or_zero());
                let short = CustomerRejection::InsufficientCredits { requested, available };
                return Err(short.into());
            }
        }
        *planned += *amount;
        Ok(())
    }

    fn consume_item(
        &mut self,
        open: &mut Open,
        catalog: &Catalog,
        (env, slot): (EnvId, u32),
        item: &ConsumeItem,
    ) -> Result<Consumed, Refusal> {
        let account = self.working.account(slot).expect("names lead to customers");
        let now = self.now_in(env);
        let decision =
            customer::decide_consumption(&account.customer, catalog, &item.request, now)?;
        let (mut done, mut seq) = (None, 0);
        for entry in decision.entries {
            let key = matches!(entry, Entry::Pool(_)).then_some(item.key);
            let folding = Folding { slot, at: now, key };
            seq = open.fold(&mut self.working, &mut self.flusher, folding, &entry);
            if let Entry::Pool(PoolEntry { at, cause: Cause::Consumption(consumption), .. }) = entry
            {
                done = Some((at, Arc::new(consumption)));
            }
        }
        let (at, consumption) = done.expect("a consumption is an entry of its pool");
        let done = Consumed::Done { is_replay: false, at, seq, consumption };
        self.keys.decide(item.key, seq, self.now, Kept::Consumed(done.clone()));
        Ok(done)
    }
}

/// What the items of a bulk command before the next one will have done.
#[derive(Default)]
struct Bulk {
    /// The pools that they open, by their customers' slots.
    opened: HashMap<u32, HashSet<(CurrencyId, Option<ResourceId>)>>,
    /// What they consume of each pool.
    planned: HashMap<(u32, CurrencyId, Option<ResourceId>), Amount>,
}

/// How an item of a consumption is done.
enum Step {
    /// It was done before.
    Known(Consumed),
    /// It is the same as an earlier item of the command.
    Same(usize),
    /// It is to be done, for the customer in this slot.
    Fresh(u32),
}

fn as_replay(consumed: &Consumed) -> Consumed {
    match consumed {
        Consumed::Done { at, seq, consumption, .. } => {
            let consumption = Arc::clone(consumption);
            Consumed::Done { is_replay: true, at: *at, seq: *seq, consumption }
        }
        Consumed::Stored(seq) => Consumed::Stored(*seq),
    }
}
