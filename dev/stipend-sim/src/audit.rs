//! The auditor of entries: what must hold whatever the story is (`invariants.md`).
//!
//! It keeps books of its own from the entries alone, and looks at each entry with everything that
//! came before it: conservation and bounds (1–3), windows (4), periods (7, in `recurring`), the
//! burn order (8, in `burn`), refusals and reservations (9 and 11, in `holds`), overdraft first (10),
//! ends (12) and time (14); and that usage goes on from where it was and is paid for once (`usage`).

mod burn;
mod holds;
mod recurring;
mod usage;

use holds::Booked;
use recurring::{Followed, ItemKey};
use std::collections::{BTreeMap, BTreeSet};
use stipend_core::customer::{
    Cause, Effect, Ended, Entry, Grant, GrantEnd, GrantKind, PoolEntry, SubscriptionTerms,
};
use stipend_core::{Amount, CurrencyId, Customer, PoolId, Timestamp};

/// What was seen of a customer's entries.
#[derive(Clone, Debug)]
pub struct Audit {
    /// Whether grants may be parts of what a whole period gives.
    prorates: bool,
    /// The instant of the last entry of a pool.
    now: Timestamp,
    next_grant: u32,
    pools: BTreeMap<PoolId, Books>,
    grants: BTreeMap<u32, Held>,
    terms: BTreeMap<u32, SubscriptionTerms>,
    followed: BTreeMap<ItemKey, Followed>,
    /// Every key under which a grant was issued, with its period and part.
    issued: BTreeSet<(ItemKey, i32, u32)>,
    /// Grants that were voided at this instant: they may be taken in elsewhere, or with another end.
    moving: Vec<Grant>,
    /// Grants that have ended while a part of them was held.
    lapsed: BTreeMap<u32, Lapsed>,
    /// Consumptions that were reversed.
    reversed: BTreeSet<u64>,
    counted: usage::Counted,
    recurring: u64,
}

/// The books of a pool.
#[derive(Clone, Debug)]
struct Books {
    currency: CurrencyId,
    balance: Amount,
    overdraft: Amount,
    /// The number of the overdraft that is open.
    overdraft_number: Option<u32>,
    /// When something came into force last.
    fresh_at: Option<Timestamp>,
    /// The open reservations.
    holds: Vec<Booked>,
}

/// A grant that stays aside for what is held of it.
#[derive(Clone, Debug)]
struct Lapsed {
    grant: Grant,
    end: GrantEnd,
}

/// A grant that has not ended.
#[derive(Clone, Debug)]
struct Held {
    pool: PoolId,
    grant: Grant,
    is_live: bool,
}

impl Audit {
    /// The auditor of a customer who has nothing; it is told whether changes are prorated.
    #[must_use]
    pub fn new(prorates: bool) -> Self {
        Self {
            prorates,
            now: Timestamp::EPOCH,
            next_grant: 1,
            pools: BTreeMap::new(),
            grants: BTreeMap::new(),
            terms: BTreeMap::new(),
            followed: BTreeMap::new(),
            issued: BTreeSet::new(),
            moving: Vec::new(),
            lapsed: BTreeMap::new(),
            reversed: BTreeSet::new(),
            counted: usage::Counted::default(),
            recurring: 0,
        }
    }

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
                    let books = Books {
                        currency: opened.currency.clone(),
                        balance: Amount::ZERO,
                        overdraft: Amount::ZERO,
                        overdraft_number: None,
                        fresh_at: None,
                        holds: Vec::new(),
                    };
                    let known = self.pools.insert(opened.pool, books);
                    ensure(known.is_none(), || "a pool is opened twice".to_owned())?;
                }
                Entry::Subscription(terms) => self.note_terms(terms)?,
                Entry::Profile(_) | Entry::Resource(_) => {}
                Entry::MeterOpened(opened) => self.note_meter(opened)?,
                Entry::Usage(entry) => self.note_usage(entry)?,
                Entry::Promotion(promotion) => self.note_promotion(promotion)?,
            }
        }
        self.check_paid()
    }

    fn note_entry(&mut self, entry: &PoolEntry) -> Result<(), String> {
        let last = self.now;
        ensure(entry.at >= last, || format!("time runs back from {last} to {}", entry.at))?;
        if entry.at > last {
            self.moving.clear();
        }
        self.now = entry.at;
        let before = self.books(entry.pool)?.balance;
        check_cause(entry)?;
        self.check_asked(entry)?;
        let mut fresh = Vec::new();
        for effect in &entry.effects {
            self.note_effect(entry, effect, &mut fresh)?;
        }
        let books = self.books(entry.pool)?;
        books.balance = before + entry.delta();
        let (balance, overdraft) = (books.balance, books.overdraft);
        let held = self.live(entry.pool);
        let left: Amount = held.map(Grant::remaining).sum();
        ensure(left - overdraft == balance, || {
            format!("{left} left and {overdraft} overdrawn are not the balance of {balance}")
        })?;
        let mut open = fresh.iter().filter_map(|number| self.grants.get(number));
        let unused = open.any(|held| held.grant.remaining().is_positive());
        ensure(overdraft.is_zero() || !unused, || {
            format!("at {} credits came and left an overdraft of {overdraft}", entry.at)
        })
    }

    fn books(&mut self, pool: PoolId) -> Result<&mut Books, String> {
        self.pools.get_mut(&pool).ok_or_else(|| "a pool was never opened".to_owned())
    }

    fn live(&self, pool: PoolId) -> impl Iterator<Item = &Grant> {
        let held = self.grants.values().filter(move |held| held.is_live && held.pool == pool);
        held.map(|held| &held.grant)
    }

    fn note_effect(
        &mut self,
        entry: &PoolEntry,
        effect: &Effect,
        fresh: &mut Vec<u32>,
    ) -> Result<(), String> {
        let (at, pool) = (entry.at, entry.pool);
        match effect {
            Effect::Granted(grant) => {
                fresh.push(grant.no.0);
                self.note_made(entry, grant, true)
            }
            Effect::Scheduled(grant) => self.note_made(entry, grant, false),
            Effect::Activated(draw) => {
                fresh.push(draw.grant.0);
                self.books(pool)?.fresh_at = Some(at);
                let held = self.held(draw.grant.0)?;
                let whole = (held.grant.amount, held.grant.effective_at, held.is_live);
                held.is_live = true;
                ensure(whole == (draw.amount, at, false), || {
                    format!("grant {} comes into force at {at}, was {whole:?}", draw.grant.0)
                })
            }
            Effect::Drawn(draw) => {
                let grant = self.live_grant(draw.grant.0)?;
                ensure(grant.is_effective(at) && draw.amount.is_positive(), || {
                    format!("grant {} is drawn at {at}", draw.grant.0)
                })?;
                self.use_grant(draw.grant.0, draw.amount)
            }
            Effect::MovedOut(draw) => self.use_grant(draw.grant.0, -draw.amount),
            Effect::MovedIn(moved) => self.use_grant(moved.grant.0, moved.amount),
            Effect::Settled(settled) => {
                let overdraft = &mut self.books(pool)?.overdraft;
                *overdraft -= settled.amount;
                let is_less = settled.amount.is_positive() && !overdraft.is_negative();
                ensure(is_less && fresh.contains(&settled.grant.0), || {
                    format!("grant {} settles {}", settled.grant.0, settled.amount)
                })?;
                self.use_grant(settled.grant.0, settled.amount)
            }
            Effect::Reduced(draw) => {
                self.live_grant(draw.grant.0)?.amount -= draw.amount;
                self.use_grant(draw.grant.0, Amount::ZERO)
            }
            Effect::Ended(ended) => self.note_end(entry, ended),
            Effect::Overdrawn(draw) => self.note_overdraft(pool, draw.grant.0, draw.amount),
            Effect::OverdraftClosed(_) => {
                let books = self.books(pool)?;
                let number = books.overdraft_number.take();
                ensure(number.is_some() && books.overdraft.is_zero(), || {
                    format!("an overdraft of {} is closed", books.overdraft)
                })
            }
            Effect::Opened(opened) => self.note_opened(entry, opened),
            Effect::Closed(closed) => self.note_closed(entry, closed),
            Effect::Carried(carried) => {
                let carried = carried.carried;
                let is_sound = !carried.amount.is_negative() && carried.until > at;
                ensure(is_sound, || format!("{} is carried to the past", carried.amount))
            }
            Effect::Reserved(hold) => self.note_reserved(entry, hold),
            Effect::HoldExtended(extended) => self.note_extended(entry, extended),
            Effect::HoldEnded(ended) => self.note_hold_ended(entry, ended, fresh),
            Effect::HoldMovedOut(moved) => self.note_hold_moved(entry, moved, false),
            Effect::HoldMovedIn(moved) => self.note_hold_moved(entry, moved, true),
            Effect::Refunded(moved) => {
                fresh.push(moved.grant.0);
                ensure(moved.amount.is_positive(), || "nothing comes back".to_owned())?;
                self.use_grant(moved.grant.0, -moved.amount)
            }
            Effect::OverdraftRefunded(draw) => self.note_overdraft_refund(pool, draw.amount),
        }
    }

    fn held(&mut self, number: u32) -> Result<&mut Held, String> {
        self.grants.get_mut(&number).ok_or_else(|| format!("there is no grant {number}"))
    }

    fn live_grant(&mut self, number: u32) -> Result<&mut Grant, String> {
        let held = self.held(number)?;
        ensure(held.is_live, || format!("grant {number} is not in force"))?;
        Ok(&mut held.grant)
    }

    /// What is used of a grant lies between nothing and its amount.
    fn use_grant(&mut self, number: u32, amount: Amount) -> Result<(), String> {
        let grant = self.live_grant(number)?;
        grant.consumed += amount;
        let (used, whole) = (grant.consumed + grant.held, grant.amount);
        let least = grant.consumed.min(grant.held);
        ensure(!least.is_negative() && used <= whole, || {
            format!("grant {number} has {used} of {whole} used")
        })
    }

    fn take_number(&mut self, number: u32) -> Result<(), String> {
        let next = self.next_grant;
        self.next_grant = next + 1;
        ensure(number == next, || format!("grant {number} is made where {next} comes"))
    }

    fn note_made(&mut self, entry: &PoolEntry, grant: &Grant, is_live: bool) -> Result<(), String> {
        let (at, number) = (entry.at, grant.no.0);
        self.take_number(number)?;
        let begins = if is_live { grant.effective_at <= at } else { grant.effective_at > at };
        let ends = grant.expires_at.is_none_or(|end| end > at.max(grant.effective_at));
        ensure(begins && ends, || {
            format!("grant {number} of {at} runs from {}", grant.effective_at)
        })?;
        let is_new = grant.created_at == at && grant.voided_at.is_none();
        let is_whole = grant.consumed.is_zero() && grant.amount.is_positive();
        ensure(is_new && is_whole, || format!("grant {number} is made at {at} and is not new"))?;
        let is_recurring = grant.kind == GrantKind::Recurring;
        ensure(is_recurring == grant.source.is_some() && (is_live || !is_recurring), || {
            format!("grant {number} is {:?} and has another source", grant.kind)
        })?;
        if is_recurring {
            self.note_period(entry, grant)?;
        } else {
            ensure(grant.original == grant.amount, || {
                format!("grant {number} of {} was {}", grant.amount, grant.original)
            })?;
        }
        if is_live {
            self.books(entry.pool)?.fresh_at = Some(at);
        }
        let held = Held { pool: entry.pool, grant: grant.clone(), is_live };
        self.grants.insert(number, held);
        Ok(())
    }

    fn note_overdraft(&mut self, pool: PoolId, number: u32, amount: Amount) -> Result<(), String> {
        match self.books(pool)?.overdraft_number {
            Some(open) => ensure(open == number, || format!("overdraft {open} becomes {number}"))?,
            None => self.take_number(number)?,
        }
        let books = self.books(pool)?;
        books.overdraft_number = Some(number);
        books.overdraft += amount;
        ensure(amount.is_positive(), || format!("{amount} is overdrawn"))
    }

    fn note_overdraft_refund(&mut self, pool: PoolId, amount: Amount) -> Result<(), String> {
        let overdraft = &mut self.books(pool)?.overdraft;
        *overdraft -= amount;
        let is_less = amount.is_positive() && !overdraft.is_negative();
        ensure(is_less, || format!("{amount} of an overdraft comes back"))
    }

    /// A grant expires at its end and is voided before it; the record says what was left.
    fn note_end(&mut self, entry: &PoolEntry, ended: &Ended) -> Result<(), String> {
        let (at, record) = (entry.at, &ended.grant);
        let number = record.no.0;
        if let Some(lapsed) = self.lapsed.remove(&number) {
            let told = (record.amount, record.consumed, record.held, ended.end, ended.amount);
            let grant = &lapsed.grant;
            let known = (grant.amount, grant.consumed, Amount::ZERO, lapsed.end, Amount::ZERO);
            return ensure(told == known && grant.held.is_zero(), || {
                format!("grant {number} is let go as {told:?}, it was {known:?}")
            });
        }
        let held = self.grants.remove(&number);
        let held = held.ok_or_else(|| format!("grant {number} ends twice"))?;
        let grant = &held.grant;
        let is_over = grant.expires_at.is_some_and(|end| end <= at);
        ensure(is_over == (ended.end == GrantEnd::Expired), || {
            format!("grant {number} is {:?} at {at}, was to end {:?}", ended.end, grant.expires_at)
        })?;
        let voided = (ended.end == GrantEnd::Voided).then_some(at);
        let left = if held.is_live { grant.remaining() } else { Amount::ZERO };
        let told = (record.amount, record.consumed, record.voided_at, ended.amount);
        let known = (grant.amount, grant.consumed, voided, left);
        ensure(told == known && held.pool == entry.pool, || {
            format!("grant {number} ended as {told:?}, it was {known:?}")
        })?;
        let books = self.books(entry.pool)?;
        let is_late = ended.end == GrantEnd::Expired && books.fresh_at == Some(at);
        ensure(!is_late, || format!("grant {number} expires after the new one came, at {at}"))?;
        if ended.end == GrantEnd::Voided {
            self.moving.push(held.grant.clone());
        }
        if held.grant.held.is_positive() {
            self.lapsed.insert(number, Lapsed { grant: held.grant, end: ended.end });
        }
        Ok(())
    }

    /// Nothing is left undone that was due up to an instant.
    ///
    /// # Errors
    /// What was missed.
    pub fn check_due(&self, now: Timestamp) -> Result<(), String> {
        for held in self.grants.values() {
            let grant = &held.grant;
            let is_over = grant.expires_at.is_some_and(|end| end <= now);
            let is_missed = !held.is_live && grant.effective_at <= now;
            ensure(!is_over && !is_missed, || {
                format!("grant {} stands at {now} as it stood before", grant.no.0)
            })?;
        }
        let mut holds = self.pools.values().flat_map(|books| &books.holds);
        ensure(holds.all(|booked| booked.expires_at > now), || {
            format!("a reservation stands at {now} that is over")
        })?;
        self.check_followed(now)
    }

    /// Compares the customer with the entries, and each pool with itself.
    ///
    /// # Errors
    /// What does not add up.
    pub fn check(&self, customer: &Customer) -> Result<(), String> {
        for pool in &customer.pools {
            pool.verify()?;
            let books = self.pools.get(&pool.id).ok_or("a pool was never opened")?;
            let (balance, sum) = (pool.balance(), books.balance);
            ensure(balance == sum, || format!("balance {balance}, entries say {sum}"))?;
            let known = self.grants.values().filter(|held| held.pool == pool.id).count();
            let held = pool.live.len() + pool.scheduled.len();
            ensure(held == known, || format!("{held} grants in a pool, entries say {known}"))?;
            let (holds, booked) = (pool.holds.len(), books.holds.len());
            ensure(holds == booked, || format!("{holds} reservations, entries say {booked}"))?;
            let reserved: Amount = self.live(pool.id).map(|grant| grant.held).sum();
            ensure(reserved == pool.reserved(), || {
                format!("{} reserved, entries say {reserved}", pool.reserved())
            })?;
        }
        let lapsed: usize = customer.pools.iter().map(|pool| pool.lapsed.len()).sum();
        ensure(lapsed == self.lapsed.len(), || format!("{lapsed} grants stay aside"))?;
        self.check_counted(customer)
    }
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// Less usage, and a reversal, give consumption back.
fn gives_back(cause: &Cause) -> bool {
    match cause {
        Cause::Consumption(asked) => asked.amount.is_negative(),
        Cause::Reversal(_) => true,
        _ => false,
    }
}

/// Each cause has effects of its own kind; and at one instant what expires goes before anything is
/// granted, and what is granted before overdraft is settled.
fn check_cause(entry: &PoolEntry) -> Result<(), String> {
    let rank = |effect: &Effect| match effect {
        Effect::Ended(_) | Effect::HoldEnded(_) => Some(0),
        Effect::Granted(_) | Effect::Activated(_) => Some(1),
        Effect::Settled(_) | Effect::OverdraftClosed(_) => Some(2),
        _ => None,
    };
    let ends_hold = entry.effects.iter().any(|effect| matches!(effect, Effect::HoldEnded(_)));
    let belongs = |effect: &Effect| match (&entry.cause, effect) {
        (Cause::Consumption(asked), Effect::Drawn(_) | Effect::Overdrawn(_)) => {
            !asked.amount.is_negative()
        }
        (Cause::Release(_), Effect::Drawn(_) | Effect::Overdrawn(_)) => true,
        (_, Effect::Drawn(_) | Effect::Overdrawn(_)) => false,
        (cause, Effect::Refunded(_) | Effect::OverdraftRefunded(_)) => gives_back(cause),
        (cause, Effect::Settled(_) | Effect::OverdraftClosed(_)) if gives_back(cause) => true,
        (cause, Effect::Reserved(_)) => *cause == Cause::Reservation,
        (cause, Effect::HoldExtended(_)) => *cause == Cause::Extension,
        (cause, Effect::HoldEnded(_)) => matches!(cause, Cause::Release(_) | Cause::Due),
        (cause, Effect::HoldMovedOut(_) | Effect::HoldMovedIn(_)) => {
            matches!(cause, Cause::Subscription(_))
        }
        (cause, _) if gives_back(cause) => matches!(cause, Cause::Reversal(_)),
        (Cause::Consumption(_) | Cause::Reservation | Cause::Extension, _) => false,
        // With a reservation goes what stood aside for it.
        (Cause::Due | Cause::Release(_), Effect::Ended(_)) if ends_hold => true,
        (cause, Effect::Ended(ended)) => (*cause == Cause::Due) == (ended.end == GrantEnd::Expired),
        (Cause::Due, _) => {
            rank(effect).is_some() || matches!(effect, Effect::Closed(_) | Effect::Opened(_))
        }
        (Cause::Grant, Effect::Granted(grant) | Effect::Scheduled(grant)) => grant.source.is_none(),
        (Cause::Void, _) => false,
        (Cause::Subscription(_), Effect::Granted(grant)) => grant.source.is_some(),
        _ => true,
    };
    let foreign = entry.effects.iter().find(|effect| !belongs(effect));
    ensure(foreign.is_none(), || format!("{:?} has {foreign:?}", entry.cause))?;
    let ranks: Vec<u8> = entry.effects.iter().filter_map(rank).collect();
    let is_due = entry.cause == Cause::Due;
    ensure(!is_due || ranks.is_sorted(), || format!("out of order at {}: {ranks:?}", entry.at))
}
