//! Recurring grants: each is the grant of its period, and no period is granted twice or left out
//! (invariant 7). Boundaries are counted by the simulator's own calendar.

use super::{Audit, ensure};
use crate::calendar::{Anchor, Period, Step, Zone};
use stipend_core::customer::{
    Cause, Closed, Grant, Opened, PoolEntry, RecurringSource, SubscriptionTerms,
};
use stipend_core::{Amount, Cadence, CurrencyId, PackageKey, Timestamp};

/// Subscription, package, credit type, anchor epoch and cadence.
pub(super) type ItemKey = (u32, PackageKey, CurrencyId, u32, Cadence);

/// How far an item has been granted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Followed {
    k: i32,
    next_part: u32,
}

/// All that stands is rounded together, so a part may be this much off its own rounding.
const ROUNDING: i128 = 1;

fn step(cadence: Cadence) -> Step {
    match cadence {
        Cadence::Month => Step::Month,
        Cadence::Year => Step::Year,
    }
}

/// The anchor of a subscription; none in a zone whose rules are not known here.
fn anchor(terms: &SubscriptionTerms) -> Option<Anchor> {
    let zone = Zone::find(terms.anchor.zone.as_ref().map(stipend_core::Zone::as_str))?;
    Some(Anchor { at: terms.anchor.at.micros(), zone })
}

/// The window in which an instant lies; before the anchor it begins with the epoch.
fn window(terms: &SubscriptionTerms, cadence: Cadence, at: Timestamp) -> Option<Period> {
    let period = anchor(terms)?.period(step(cadence), at.micros());
    let start = if period.k < 0 { terms.epoch_start.micros() } else { period.start };
    Some(Period { start, ..period })
}

impl Audit {
    pub(super) fn note_terms(&mut self, terms: &SubscriptionTerms) -> Result<(), String> {
        let number = terms.number.0;
        let count = u32::try_from(self.terms.len()).unwrap_or(u32::MAX);
        ensure(number <= count, || format!("subscription {number} is made after {count}"))?;
        if let Some(before) = self.terms.get(&number) {
            let goes_on = before.ended.is_none() && terms.epoch >= before.epoch;
            ensure(goes_on, || format!("subscription {number} changes after its end"))?;
        }
        if terms.ended.is_some() {
            self.followed.retain(|key, _| key.0 != number);
        } else {
            self.followed.retain(|key, _| key.0 != number || key.3 == terms.epoch);
        }
        self.terms.insert(number, terms.clone());
        Ok(())
    }

    /// A grant belongs to its subscription as it is agreed now, and to the period that runs.
    pub(super) fn note_period(&mut self, entry: &PoolEntry, grant: &Grant) -> Result<(), String> {
        let source = grant.source.as_ref().ok_or("recurring credits come from nowhere")?;
        self.recurring += 1;
        let number = source.subscription.0;
        let terms = self.terms.get(&number).filter(|terms| terms.is_active());
        let terms = terms.ok_or_else(|| format!("subscription {number} grants and is not live"))?;
        ensure(source.epoch == terms.epoch && source.anchor == terms.anchor, || {
            format!("grant {} counts from another anchor than its subscription", grant.no.0)
        })?;
        let cause = &entry.cause;
        let is_own = *cause == Cause::Due || *cause == Cause::Subscription(source.subscription);
        ensure(is_own, || format!("{cause:?} grants for subscription {number}"))?;
        let moved = self.moving.iter().position(|left| is_moved(left, grant));
        check_window(terms, entry, grant, source, moved.is_some())?;
        if let Some(place) = moved {
            // What is moved, or ends at another time, keeps what it was.
            self.moving.remove(place);
        } else {
            ensure(pins(terms, source), || {
                format!("grant {} is of a version that is not agreed", grant.no.0)
            })?;
            self.check_amount(terms, entry, grant, source)?;
        }
        self.note_key(entry, source)
    }

    /// A key is issued once; an item goes on part by part and period by period.
    fn note_key(&mut self, entry: &PoolEntry, source: &RecurringSource) -> Result<(), String> {
        let currency = self.books(entry.pool)?.currency.clone();
        let (number, package) = (source.subscription.0, source.package.clone());
        let key = (number, package, currency, source.epoch, source.cadence);
        let next = Followed { k: source.k, next_part: source.part + 1 };
        let before = self.followed.insert(key.clone(), next);
        // What is due is the next period; a change adds to the running one, and may begin one.
        let is_due = entry.cause == Cause::Due;
        let follows = match before {
            Some(before) if source.k == before.k => source.part == before.next_part && !is_due,
            Some(before) => source.k == before.k + 1 && source.part == 0,
            None => source.part == 0,
        };
        let (k, part) = (source.k, source.part);
        let is_first = self.issued.insert((key, k, part));
        ensure(follows && is_first, || {
            format!("period {k} of {} has part {part} after {before:?}", source.package)
        })
    }

    /// All of it is granted, or with proration what falls to the rest of the period.
    fn check_amount(
        &self,
        terms: &SubscriptionTerms,
        entry: &PoolEntry,
        grant: &Grant,
        source: &RecurringSource,
    ) -> Result<(), String> {
        let units = i128::from(source.quantity) * i128::from(source.units.unwrap_or(1));
        let most = source.unit_amount.nano() * units;
        let whole = source.whole.nano();
        let is_renewal = entry.cause == Cause::Due;
        let is_sound = whole <= most && whole > 0 && (!is_renewal || whole == most);
        ensure(is_sound, || format!("grant {} is {whole} of {most}", grant.no.0))?;
        let expected = if self.prorates {
            portion(terms, entry.at, grant, source)
        } else {
            Some(source.whole)
        };
        let (amount, original) = (grant.amount, grant.original);
        let spare = if self.prorates && !is_renewal { ROUNDING } else { 0 };
        let is_part = |expected: Amount| (amount.nano() - expected.nano()).abs() <= spare;
        let is_granted = expected.is_none_or(is_part);
        let is_granted = is_granted && original == amount;
        ensure(is_granted, || {
            format!("grant {} is {amount} of {expected:?}, was {original}", grant.no.0)
        })
    }

    pub(super) fn note_opened(&mut self, entry: &PoolEntry, opened: &Opened) -> Result<(), String> {
        let number = opened.subscription.0;
        let terms = self.terms.get(&number).filter(|terms| terms.is_active());
        let terms = terms.ok_or_else(|| format!("subscription {number} is not live"))?;
        let k = window(terms, opened.cadence, entry.at).map(|window| window.k);
        let is_now = k.is_none_or(|k| k == i64::from(opened.k));
        let epoch = terms.epoch;
        let currency = self.books(entry.pool)?.currency.clone();
        let key = (number, opened.package.clone(), currency, epoch, opened.cadence);
        let before = self.followed.get(&key).copied();
        let follows = before.is_none_or(|before| (before.k..=before.k + 1).contains(&opened.k));
        let next_part = before.filter(|before| before.k == opened.k).map_or(0, |it| it.next_part);
        self.followed.insert(key, Followed { k: opened.k, next_part });
        ensure(follows && is_now, || {
            format!("{} is followed from {} after {before:?}", opened.package, opened.k)
        })
    }

    pub(super) fn note_closed(&mut self, entry: &PoolEntry, closed: &Closed) -> Result<(), String> {
        let number = closed.subscription.0;
        let epoch = self.terms.get(&number).map_or(0, |terms| terms.epoch);
        let currency = self.books(entry.pool)?.currency.clone();
        let key = (number, closed.package.clone(), currency, epoch, closed.cadence);
        let was = self.followed.remove(&key);
        ensure(was.is_some(), || format!("{} is closed and was not open", closed.package))
    }

    /// Every period that has begun was granted, and what is in force belongs to who is live.
    pub(super) fn check_followed(&self, now: Timestamp) -> Result<(), String> {
        for ((number, package, _, _, cadence), followed) in &self.followed {
            let Some(anchor) = self.terms.get(number).and_then(anchor) else { continue };
            let end = anchor.boundary(step(*cadence), i64::from(followed.k) + 1);
            ensure(end > now.micros(), || {
                format!("period {} of {package} is not granted at {now}", followed.k + 1)
            })?;
        }
        let live: Vec<u32> = self.owners();
        for held in self.grants.values() {
            let Some(source) = &held.grant.source else { continue };
            ensure(live.contains(&source.subscription.0), || {
                format!("grant {} is in force after its subscription", held.grant.no.0)
            })?;
        }
        Ok(())
    }

    /// The live subscriptions, and those whose grants they go on with.
    fn owners(&self) -> Vec<u32> {
        let mut owners = Vec::new();
        for terms in self.terms.values().filter(|terms| terms.is_active()) {
            let mut next = Some(terms.number);
            while let Some(number) = next {
                owners.push(number.0);
                next = self.terms.get(&number.0).and_then(|terms| terms.continues);
            }
        }
        owners
    }
}

/// Whether a grant is one that has just left this pool or another.
fn is_moved(left: &Grant, grant: &Grant) -> bool {
    let source = |grant: &Grant| {
        let source = grant.source.as_ref()?;
        Some((source.package.clone(), source.cadence, source.whole, source.version))
    };
    left.amount == grant.amount && left.original == grant.original && source(left) == source(grant)
}

/// Whether the subscription has agreed to this version of the package.
fn pins(terms: &SubscriptionTerms, source: &RecurringSource) -> bool {
    let plan = PackageKey::plan(terms.plan.plan.clone());
    let ancestors = terms.plan.ancestors.iter();
    let addons = terms.addons.iter();
    let mut pinned = std::iter::once((plan, terms.plan.version, 1))
        .chain(ancestors.map(|(id, version)| (PackageKey::plan(id.clone()), *version, 1)))
        .chain(addons.map(|pin| (PackageKey::addon(pin.addon.clone()), pin.version, pin.quantity)));
    pinned.any(|pin| pin == (source.package.clone(), source.version, source.quantity))
}

/// It begins now, or with its period where the subscription is told of later than it began, and
/// ends with its period or the trial.
fn check_window(
    terms: &SubscriptionTerms,
    entry: &PoolEntry,
    grant: &Grant,
    source: &RecurringSource,
    is_moved: bool,
) -> Result<(), String> {
    let Some(window) = window(terms, source.cadence, entry.at) else { return Ok(()) };
    let number = grant.no.0;
    ensure(i64::from(source.k) == window.k, || {
        format!("grant {number} is of period {}, {} runs", source.k, window.k)
    })?;
    let trial = terms.running_trial().map_or(i64::MAX, |trial| trial.ends_at.micros());
    let end = Timestamp::from_micros(window.end.min(trial));
    ensure(grant.expires_at == Some(end) || is_moved, || {
        format!("grant {number} ends {:?}, its period ends {end}", grant.expires_at)
    })?;
    let since_period = source.part == 0
        && terms.created_at == entry.at
        && grant.effective_at.micros() == window.start;
    ensure(grant.effective_at == entry.at || since_period, || {
        format!("grant {number} of {} is in force from {}", entry.at, grant.effective_at)
    })?;
    ensure(grant.priority == 50, || format!("grant {number} has priority {}", grant.priority))
}

/// The part of a whole period from where the grant is in force, rounded down.
fn portion(
    terms: &SubscriptionTerms,
    at: Timestamp,
    grant: &Grant,
    source: &RecurringSource,
) -> Option<Amount> {
    let window = window(terms, source.cadence, at)?;
    let start = anchor(terms)?.boundary(step(source.cadence), window.k);
    let length = window.end - start;
    let rest = (window.end - grant.effective_at.micros()).clamp(0, length);
    let part = source.whole.nano() * i128::from(rest) / i128::from(length);
    Some(Amount::from_nano(part))
}
