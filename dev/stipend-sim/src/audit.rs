//! The auditor of entries: what must hold whatever the story is.

use std::collections::BTreeMap;
use stipend_core::customer::{Cause, Draw, Effect, Entry, Grant, GrantKind, PoolEntry};
use stipend_core::{Amount, Cadence, CurrencyId, Customer, PackageKey, PoolId, Timestamp};

/// The key of a recurring grant without its part.
type PeriodKey = (u32, PackageKey, CurrencyId, u32, Cadence, i32);

/// What was seen of a customer's entries.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    balances: BTreeMap<PoolId, Amount>,
    times: BTreeMap<PoolId, Timestamp>,
    currencies: BTreeMap<PoolId, CurrencyId>,
    parts: BTreeMap<PeriodKey, u32>,
    grants: BTreeMap<u32, (PoolId, Grant)>,
    recurring: u64,
}

impl Audit {
    /// How many recurring grants were issued.
    #[must_use]
    pub fn recurring_grants(&self) -> u64 {
        self.recurring
    }

    /// Takes note of entries and checks each against all before it.
    ///
    /// # Errors
    /// What must not be.
    pub fn note(&mut self, entries: &[Entry]) -> Result<(), String> {
        for entry in entries {
            match entry {
                Entry::Pool(entry) => self.note_entry(entry)?,
                Entry::PoolOpened(opened) => {
                    self.currencies.insert(opened.pool, opened.currency.clone());
                }
                Entry::Profile(_)
                | Entry::Resource(_)
                | Entry::Subscription(_)
                | Entry::Promotion(_)
                | Entry::MeterOpened(_)
                | Entry::Usage(_) => {}
            }
        }
        Ok(())
    }

    fn note_entry(&mut self, entry: &PoolEntry) -> Result<(), String> {
        let last = self.times.insert(entry.pool, entry.at).unwrap_or(Timestamp::EPOCH);
        ensure(entry.at >= last, || format!("time runs back from {last} to {}", entry.at))?;
        *self.balances.entry(entry.pool).or_default() += entry.delta();
        if entry.cause == Cause::Due {
            check_order(entry)?;
        }
        if entry.is_consumption() {
            self.check_burn(entry)?;
        }
        for effect in &entry.effects {
            self.note_effect(entry, effect)?;
        }
        Ok(())
    }

    fn note_effect(&mut self, entry: &PoolEntry, effect: &Effect) -> Result<(), String> {
        let at = entry.at;
        match effect {
            Effect::Granted(grant) => {
                self.note_period(entry.pool, grant)?;
                self.grants.insert(grant.no.0, (entry.pool, grant.clone()));
            }
            Effect::Scheduled(grant) => {
                self.grants.insert(grant.no.0, (entry.pool, grant.clone()));
            }
            Effect::Drawn(draw) => {
                let grant = self.grant(draw.grant.0)?;
                let is_inside = grant.is_effective(at);
                grant.consumed += draw.amount;
                let text = || format!("grant {} is drawn at {at}", draw.grant.0);
                ensure(is_inside && !grant.remaining().is_negative(), text)?;
            }
            Effect::MovedOut(draw) => self.grant(draw.grant.0)?.consumed -= draw.amount,
            Effect::Refunded(moved) => self.grant(moved.grant.0)?.consumed -= moved.amount,
            Effect::MovedIn(moved) => self.grant(moved.grant.0)?.consumed += moved.amount,
            Effect::Settled(settled) => self.grant(settled.grant.0)?.consumed += settled.amount,
            Effect::Reduced(draw) => self.grant(draw.grant.0)?.amount -= draw.amount,
            Effect::Ended(ended) => {
                let known = self.grants.remove(&ended.grant.no.0);
                ensure(known.is_some(), || format!("grant {} ends twice", ended.grant.no.0))?;
                if ended.grant.held.is_positive() {
                    // What is held of it may still be consumed.
                    self.grants.insert(ended.grant.no.0, (entry.pool, ended.grant.clone()));
                }
            }
            Effect::Reserved(hold) => self.note_held(&hold.draws, at)?,
            Effect::HoldExtended(extended) => self.note_held(&extended.draws, at)?,
            Effect::HoldMovedIn(moved) => self.note_held(&[moved.draw], at)?,
            Effect::HoldMovedOut(moved) => {
                self.grant(moved.draw.grant.0)?.held -= moved.draw.amount;
            }
            Effect::HoldEnded(ended) => {
                for part in &ended.parts {
                    let grant = self.grant(part.grant.0)?;
                    grant.held -= part.held;
                    grant.consumed += part.consumed;
                    let is_within = !part.returned().is_negative() && !grant.held.is_negative();
                    ensure(is_within, || format!("{} held too little", ended.hold.id))?;
                }
            }
            Effect::Activated(_)
            | Effect::Overdrawn(_)
            | Effect::OverdraftClosed(_)
            | Effect::OverdraftRefunded(_)
            | Effect::Carried(_)
            | Effect::Closed(_)
            | Effect::Opened(_) => {}
        }
        Ok(())
    }

    fn note_held(&mut self, draws: &[Draw], at: Timestamp) -> Result<(), String> {
        for draw in draws {
            let grant = self.grant(draw.grant.0)?;
            let is_inside = grant.is_effective(at);
            grant.held += draw.amount;
            let text = || format!("grant {} is held at {at}", draw.grant.0);
            ensure(is_inside && !grant.remaining().is_negative(), text)?;
        }
        Ok(())
    }

    fn grant(&mut self, number: u32) -> Result<&mut Grant, String> {
        let found = self.grants.get_mut(&number).map(|(_, grant)| grant);
        found.ok_or_else(|| format!("there is no grant {number}"))
    }

    /// A period is granted once; what is added to it has the next part.
    fn note_period(&mut self, pool: PoolId, grant: &Grant) -> Result<(), String> {
        let Some(source) = &grant.source else { return Ok(()) };
        self.recurring += 1;
        let number = source.subscription.0;
        let currency = self.currencies.get(&pool).ok_or("a pool was never opened")?.clone();
        let key =
            (number, source.package.clone(), currency, source.epoch, source.cadence, source.k);
        let next = self.parts.entry(key).or_default();
        ensure(source.part == *next, || {
            format!(
                "period {} of {} has part {} after {next}",
                source.k, source.package, source.part
            )
        })?;
        *next += 1;
        Ok(())
    }

    /// The burn order, worked out anew from the grants themselves.
    fn check_burn(&self, entry: &PoolEntry) -> Result<(), String> {
        let drawn: Vec<(u32, Amount)> = entry
            .effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Drawn(draw) => Some((draw.grant.0, draw.amount)),
                _ => None,
            })
            .collect();
        let own = self.grants.values().filter(|(pool, _)| *pool == entry.pool);
        let own = own.map(|(_, grant)| grant);
        let is_live = |grant: &&Grant| grant.is_effective(entry.at) && grant.voided_at.is_none();
        let mut order: Vec<&Grant> = own.filter(is_live).collect();
        order.sort_by_key(|grant| {
            let never = grant.expires_at.is_none();
            let is_given = grant.kind == GrantKind::Promotional;
            let times = (grant.effective_at, grant.created_at);
            (grant.priority, never, grant.expires_at, !is_given, times, grant.no)
        });
        let mut rest: Amount = drawn.iter().map(|(_, amount)| *amount).sum();
        let mut expected = Vec::new();
        for grant in order {
            let taken = grant.remaining().min(rest);
            if taken.is_positive() {
                expected.push((grant.no.0, taken));
                rest -= taken;
            }
        }
        ensure(drawn == expected, || format!("drawn {drawn:?}, burn order says {expected:?}"))
    }

    /// Compares the customer with the entries, and each pool with itself.
    ///
    /// # Errors
    /// What does not add up.
    pub fn check(&self, customer: &Customer) -> Result<(), String> {
        for pool in &customer.pools {
            pool.verify()?;
            if let Some(sum) = self.balances.get(&pool.id) {
                let balance = pool.balance();
                ensure(balance == *sum, || format!("balance {balance}, entries say {sum}"))?;
            }
        }
        Ok(())
    }
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// What expires goes before anything is granted, and what is granted before overdraft is settled.
fn check_order(entry: &PoolEntry) -> Result<(), String> {
    let rank = |effect: &Effect| match effect {
        Effect::Ended(_) => Some(0),
        Effect::Granted(_) | Effect::Activated(_) => Some(1),
        Effect::Settled(_) | Effect::OverdraftClosed(_) => Some(2),
        _ => None,
    };
    let ranks: Vec<u8> = entry.effects.iter().filter_map(rank).collect();
    ensure(ranks.is_sorted(), || format!("out of order at {}: {ranks:?}", entry.at))
}
