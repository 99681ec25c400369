//! Reservations: credits held for a job that is not finished (`behaviour.md` §0.9, §0.16).
//!
//! A hold is spread over grants like a consumption and counts as used until it ends: it is
//! released, when what the job took is consumed from it and the rest returned, or it expires, when
//! all of it is returned. A grant that ends while a part of it is held stays aside for that part.

use super::consume::{charge, check_place};
use super::decide::{Builder, CustomerRejection, Decision, check_limit};
use super::entry::{
    Cause, Draw, Effect, Ended, Entry, GrantEnd, HeldDraw, HoldEnd, HoldEnded, HoldExtended,
    HoldPart, PoolEntry, Release,
};
use super::grant::Grant;
use super::granting::settle;
use super::{Customer, Pool};
use crate::Amount;
use crate::catalog::{Catalog, Metadata};
use crate::id::{CurrencyId, GrantNo, ReservationId, ResourceId};
use crate::limits::{POOL_RESERVATIONS_MAX, RESERVATION_SECONDS_MAX};
use crate::time::Timestamp;

/// An open reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The caller's id of it, unique in its pool for ever.
    pub id: ReservationId,
    /// How much is reserved.
    pub amount: Amount,
    /// What is held of which grant; together at most the amount.
    pub draws: Vec<Draw>,
    /// The first instant at which it no longer holds anything.
    pub expires_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// The caller's own data.
    pub metadata: Metadata,
}

/// When a reservation is to end by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldTerm {
    /// So many seconds from now.
    Seconds(u32),
    /// At an instant.
    Until(Timestamp),
}

/// Credits to reserve; never more than there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReserveRequest {
    /// The credit type.
    pub currency: CurrencyId,
    /// The resource whose pool is drawn.
    pub resource: Option<ResourceId>,
    /// The caller's id of the reservation.
    pub id: ReservationId,
    /// How many, above zero.
    pub amount: Amount,
    /// When it is to end by itself.
    pub term: HoldTerm,
    /// The caller's own data.
    pub metadata: Metadata,
}

/// The end of a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseRequest {
    /// The credit type.
    pub currency: CurrencyId,
    /// The resource whose pool it is in.
    pub resource: Option<ResourceId>,
    /// The reservation.
    pub id: ReservationId,
    /// What was consumed of it; what is above the amount is consumed besides.
    pub consumed: Amount,
    /// Whether there was such a reservation, where it is no longer open.
    pub is_known: bool,
}

/// A later end or more credits for an open reservation; it never gets less of either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtendRequest {
    /// The credit type.
    pub currency: CurrencyId,
    /// The resource whose pool it is in.
    pub resource: Option<ResourceId>,
    /// The reservation.
    pub id: ReservationId,
    /// The new end.
    pub term: Option<HoldTerm>,
    /// The new amount.
    pub amount: Option<Amount>,
    /// Whether there was such a reservation, where it is no longer open.
    pub is_known: bool,
}

impl Hold {
    /// What of it no grant stands for, since a change of a subscription took the grants away. It
    /// is charged like any consumption when the reservation is released.
    #[must_use]
    pub fn unbacked(&self) -> Amount {
        self.amount - self.backed()
    }

    /// What is held of grants.
    #[must_use]
    pub fn backed(&self) -> Amount {
        self.draws.iter().map(|draw| draw.amount).sum()
    }

    pub(super) fn held_of(&self, grant: GrantNo) -> Amount {
        let draw = self.draws.iter().find(|draw| draw.grant == grant);
        draw.map_or(Amount::ZERO, |draw| draw.amount)
    }

    pub(super) fn put(&mut self, more: Draw) {
        match self.draws.iter_mut().find(|draw| draw.grant == more.grant) {
            Some(draw) => draw.amount += more.amount,
            None => self.draws.push(more),
        }
    }

    pub(super) fn take(&mut self, less: Draw) {
        let draw = self.draws.iter_mut().find(|draw| draw.grant == less.grant);
        let draw = draw.expect("what is taken off a hold was held");
        draw.amount -= less.amount;
        assert!(!draw.amount.is_negative(), "no more is taken off a hold than was held");
        self.draws.retain(|draw| draw.amount.is_positive());
    }
}

impl HoldTerm {
    /// The end of a reservation that is made or extended now; at most 24 hours ahead.
    fn end(self, now: Timestamp) -> Result<Timestamp, CustomerRejection> {
        let end = match self {
            Self::Seconds(seconds) => now.plus_seconds(i64::from(seconds)),
            Self::Until(at) => at,
        };
        let latest = now.plus_seconds(RESERVATION_SECONDS_MAX);
        if end > now && end <= latest {
            Ok(end)
        } else {
            Err(CustomerRejection::InvalidReservationEnd)
        }
    }
}

/// Holds what is asked for, or nothing: what is left is never exceeded, whatever is soft.
pub(super) fn reserve(
    customer: &Customer,
    catalog: &Catalog,
    request: &ReserveRequest,
    now: Timestamp,
) -> Result<Decision, CustomerRejection> {
    assert!(request.amount.is_positive(), "the edge refuses to reserve nothing");
    check_place(customer, catalog, &request.currency, request.resource.as_ref())?;
    let expires_at = request.term.end(now)?;
    let known = customer.find_pool(&request.currency, request.resource.as_ref());
    if known.is_some_and(|pool| pool.find_hold(&request.id).is_some()) {
        return Err(CustomerRejection::ReservationExists(request.id.clone()));
    }
    let available = known.map_or(Amount::ZERO, Pool::balance);
    check_available(available, request.amount)?;
    let pool = known.expect("where something is available, there is a pool");
    check_limit(pool.holds.len(), POOL_RESERVATIONS_MAX, "open reservations in a pool")?;
    let hold = Hold {
        id: request.id.clone(),
        amount: request.amount,
        draws: spread_whole(pool, request.amount),
        expires_at,
        created_at: now,
        metadata: request.metadata.clone(),
    };
    let effects = vec![Effect::Reserved(hold.clone())];
    Ok(decision(pool, now, Cause::Reservation, effects, Some(hold)))
}

fn check_available(available: Amount, requested: Amount) -> Result<(), CustomerRejection> {
    if available >= requested {
        return Ok(());
    }
    let available = available.or_zero();
    Err(CustomerRejection::InsufficientCredits { requested, available })
}

fn spread_whole(pool: &Pool, amount: Amount) -> Vec<Draw> {
    let spread = pool.spread(amount);
    assert!(spread.shortfall.is_zero(), "what is available is what grants have left");
    spread.draws
}

fn decision(
    pool: &Pool,
    at: Timestamp,
    cause: Cause,
    effects: Vec<Effect>,
    hold: Option<Hold>,
) -> Decision {
    let entry = PoolEntry { pool: pool.id, at, cause, effects };
    let entries = if entry.effects.is_empty() { Vec::new() } else { vec![Entry::Pool(entry)] };
    Decision { entries, hold, ..Decision::default() }
}

/// Ends a reservation: what was consumed is charged to it, the rest returned, and what is above it
/// consumed besides. After its end, all of it is a consumption like any other.
pub(super) fn release(
    customer: &Customer,
    catalog: &Catalog,
    request: &ReleaseRequest,
    now: Timestamp,
) -> Result<Decision, CustomerRejection> {
    assert!(!request.consumed.is_negative(), "the edge refuses to consume less than nothing");
    check_place(customer, catalog, &request.currency, request.resource.as_ref())?;
    let missing = || CustomerRejection::ReservationNotFound(request.id.clone());
    let pool = customer.find_pool(&request.currency, request.resource.as_ref());
    let pool = pool.ok_or_else(missing)?;
    let found = pool.find_hold(&request.id);
    if found.is_none() && !request.is_known {
        return Err(missing());
    }
    let (mut effects, rest) = match found {
        Some(hold) => end(pool, hold, request.consumed, HoldEnd::Released, now),
        None => (Vec::new(), request.consumed),
    };
    if rest.is_positive() {
        effects.extend(charge(customer, pool, rest));
    }
    let overdraws = effects.iter().any(|effect| matches!(effect, Effect::Overdrawn(_)));
    let owed = pool.overdraft.filter(|_| overdraws).map(|overdraft| overdraft.direct());
    let release = Release {
        reservation: request.id.clone(),
        consumed: request.consumed,
        owed: owed.unwrap_or_default(),
    };
    Ok(decision(pool, now, Cause::Release(release), effects, found.cloned()))
}

/// Moves the end of an open reservation further ahead, or reserves more for it.
pub(super) fn extend(
    customer: &Customer,
    catalog: &Catalog,
    request: &ExtendRequest,
    now: Timestamp,
) -> Result<Decision, CustomerRejection> {
    check_place(customer, catalog, &request.currency, request.resource.as_ref())?;
    let pool = customer.find_pool(&request.currency, request.resource.as_ref());
    let found = pool.and_then(|pool| Some((pool, pool.find_hold(&request.id)?)));
    let Some((pool, before)) = found else {
        let id = request.id.clone();
        let ended = CustomerRejection::ReservationEnded(id.clone());
        return Err(if request.is_known {
            ended
        } else {
            CustomerRejection::ReservationNotFound(id)
        });
    };
    let asked = request.term.map(|term| term.end(now)).transpose()?;
    let amount = request.amount.map_or(before.amount, |amount| amount.max(before.amount));
    let more = amount - before.amount;
    check_available(pool.balance().max(Amount::ZERO), more)?;
    let extended = HoldExtended {
        reservation: request.id.clone(),
        expires_at: asked.map_or(before.expires_at, |end| end.max(before.expires_at)),
        amount,
        draws: spread_whole(pool, more),
    };
    let mut hold = before.clone();
    hold.extend(&extended);
    let effects = if hold == *before { Vec::new() } else { vec![Effect::HoldExtended(extended)] };
    Ok(decision(pool, now, Cause::Extension, effects, Some(hold)))
}

/// The effects of the end of a hold of which so much was consumed, and what of that is beyond
/// what it holds. Its own draws are consumed in burn order.
fn end(
    pool: &Pool,
    hold: &Hold,
    consumed: Amount,
    how: HoldEnd,
    now: Timestamp,
) -> (Vec<Effect>, Amount) {
    let mut draws: Vec<(&Grant, Option<GrantEnd>, Amount)> = Vec::with_capacity(hold.draws.len());
    for draw in &hold.draws {
        let lapsed = pool.lapsed.iter().find(|grant| grant.no == draw.grant);
        let grant = lapsed.or_else(|| pool.find_grant(draw.grant));
        let grant = grant.expect("a hold names grants of its pool");
        draws.push((grant, lapsed.map(how_ended), draw.amount));
    }
    draws.sort_by_key(|(grant, ..)| grant.burn_key());
    let mut rest = consumed;
    let (mut parts, mut gone, mut returned) = (Vec::new(), Vec::new(), Vec::new());
    for (grant, lapsed, held) in draws {
        let taken = held.min(rest);
        rest -= taken;
        parts.push(HoldPart { grant: grant.no, held, consumed: taken, lapsed });
        if lapsed.is_some() && grant.held == held {
            gone.push(lapsed_whole(grant, taken, now));
        }
        // What returns to a grant that is over at this very instant ends with it.
        if lapsed.is_none() && grant.is_effective(now) {
            returned.push((grant.no, held - taken));
        }
    }
    let ended = HoldEnded { hold: hold.clone(), how, parts };
    let mut effects = vec![Effect::HoldEnded(ended)];
    effects.extend(gone);
    effects.extend(settle(pool, &returned));
    (effects, rest)
}

/// The record of a grant that had ended before, now that nothing of it is held any more.
fn lapsed_whole(grant: &Grant, taken: Amount, now: Timestamp) -> Effect {
    let consumed = grant.consumed + taken;
    let grant = Grant { consumed, held: Amount::ZERO, updated_at: now, ..grant.clone() };
    let end = how_ended(&grant);
    Effect::Ended(Ended { grant, amount: Amount::ZERO, end })
}

fn how_ended(lapsed: &Grant) -> GrantEnd {
    if lapsed.voided_at.is_some() { GrantEnd::Voided } else { GrantEnd::Expired }
}

/// Returns what is held by reservations whose time is over: before grants expire, so that nothing
/// stays aside for them.
pub(super) fn expire(builder: &mut Builder<'_>) {
    let now = builder.now;
    for index in 0..builder.customer.pools.len() {
        loop {
            let pool = &builder.customer.pools[index];
            let Some(hold) = pool.holds.iter().find(|hold| hold.expires_at <= now) else { break };
            let (effects, _) = end(pool, hold, Amount::ZERO, HoldEnd::Expired, now);
            builder.push_pool(pool.id, Cause::Due, effects);
        }
    }
}

/// What a change of a subscription takes off grants that are held, until it finds room on others.
/// What finds none stays reserved without a grant, and looks for room again at the next change.
pub(super) struct Moving {
    holds: Vec<Hold>,
    homeless: Vec<(ReservationId, Amount)>,
}

impl Moving {
    pub(super) fn new(pool: &Pool) -> Self {
        let holds = pool.holds.clone();
        let unbacked = holds.iter().rev().map(|hold| (hold.id.clone(), hold.unbacked()));
        let homeless = unbacked.filter(|(_, amount)| amount.is_positive()).collect();
        Self { holds, homeless }
    }

    /// Takes up to so much off what is held of a grant, the newest reservation first; answers how
    /// much it was.
    pub(super) fn take_off(
        &mut self,
        grant: &mut Grant,
        amount: Amount,
        effects: &mut Vec<Effect>,
    ) -> Amount {
        let most = amount.min(grant.held);
        let mut rest = most;
        for hold in self.holds.iter_mut().rev() {
            let taken = hold.held_of(grant.no).min(rest);
            if !taken.is_positive() {
                continue;
            }
            let draw = Draw { grant: grant.no, amount: taken };
            hold.take(draw);
            rest -= taken;
            self.homeless.push((hold.id.clone(), taken));
            effects.push(Effect::HoldMovedOut(HeldDraw { reservation: hold.id.clone(), draw }));
        }
        assert!(rest.is_zero(), "what is held of a grant is held by its holds");
        grant.held -= most;
        most
    }

    /// Puts on a grant what has room on it, the oldest reservation first.
    pub(super) fn put_on(&mut self, grant: &mut Grant, effects: &mut Vec<Effect>) {
        while grant.remaining().is_positive()
            && let Some((id, amount)) = self.homeless.last_mut()
        {
            let draw = Draw { grant: grant.no, amount: grant.remaining().min(*amount) };
            grant.held += draw.amount;
            *amount -= draw.amount;
            effects.push(Effect::HoldMovedIn(HeldDraw { reservation: id.clone(), draw }));
            let is_housed = amount.is_zero();
            if let Some(hold) = self.holds.iter_mut().find(|hold| hold.id == *id) {
                hold.put(draw);
            }
            if is_housed {
                self.homeless.pop();
            }
        }
    }
}

/// Folding.
impl Hold {
    fn extend(&mut self, extended: &HoldExtended) {
        self.expires_at = extended.expires_at;
        self.amount = extended.amount;
        for draw in &extended.draws {
            self.put(*draw);
        }
    }
}

/// Folding; what contradicts invariant 11 stops the process.
impl Pool {
    /// The open reservation with that id.
    #[must_use]
    pub fn find_hold(&self, id: &ReservationId) -> Option<&Hold> {
        self.holds.iter().find(|hold| hold.id == *id)
    }

    /// What is held of live grants; it counts as used.
    #[must_use]
    pub fn reserved(&self) -> Amount {
        self.live.open().iter().map(|grant| grant.held).sum()
    }

    /// What is held of grants that have ended since; it is no part of the balance.
    #[must_use]
    pub fn reserved_on_lapsed(&self) -> Amount {
        self.lapsed.iter().map(|grant| grant.held).sum()
    }

    fn hold_mut(&mut self, id: &ReservationId) -> &mut Hold {
        let found = self.holds.iter_mut().find(|hold| hold.id == *id);
        found.expect("an entry names open reservations of its pool")
    }

    /// Holds so much of a live grant, or gives it back where the amount is below zero.
    fn hold(&mut self, grant: GrantNo, amount: Amount) {
        self.used += amount;
        let grant = self.live_mut(grant);
        grant.held += amount;
        grant.assert_bounds();
    }

    pub(super) fn reserve(&mut self, hold: &Hold, at: Timestamp) {
        assert!(self.find_hold(&hold.id).is_none(), "a reservation is made once");
        assert_eq!(hold.backed(), hold.amount, "a new reservation is held whole");
        assert!(hold.expires_at > at, "a reservation ends after it is made");
        for draw in &hold.draws {
            assert!(self.live_mut(draw.grant).is_effective(at), "only what is effective is held");
            self.hold(draw.grant, draw.amount);
        }
        self.holds.push(hold.clone());
    }

    pub(super) fn extend_hold(&mut self, extended: &HoldExtended, at: Timestamp) {
        for draw in &extended.draws {
            assert!(self.live_mut(draw.grant).is_effective(at), "only what is effective is held");
            self.hold(draw.grant, draw.amount);
        }
        let hold = self.hold_mut(&extended.reservation);
        assert!(extended.expires_at >= hold.expires_at, "an extension shortens nothing");
        let drawn: Amount = extended.draws.iter().map(|draw| draw.amount).sum();
        assert_eq!(extended.amount, hold.amount + drawn, "an extension is held whole");
        hold.extend(extended);
    }

    pub(super) fn move_hold_out(&mut self, moved: &HeldDraw) {
        assert!(moved.draw.amount.is_positive(), "a move moves something");
        self.hold(moved.draw.grant, -moved.draw.amount);
        self.hold_mut(&moved.reservation).take(moved.draw);
    }

    pub(super) fn move_hold_in(&mut self, moved: &HeldDraw) {
        assert!(moved.draw.amount.is_positive(), "a move moves something");
        self.hold(moved.draw.grant, moved.draw.amount);
        let hold = self.hold_mut(&moved.reservation);
        hold.put(moved.draw);
        assert!(!hold.unbacked().is_negative(), "no more is held than was reserved");
    }

    pub(super) fn end_hold(&mut self, ended: &HoldEnded, at: Timestamp) {
        let place = self.holds.iter().position(|hold| hold.id == ended.hold.id);
        let hold = self.holds.remove(place.expect("a reservation ends once"));
        assert_eq!(hold, ended.hold, "a reservation ends as it was");
        assert_eq!(hold.draws.len(), ended.parts.len(), "a reservation ends whole");
        for part in &ended.parts {
            assert_eq!(hold.held_of(part.grant), part.held, "a reservation ends whole");
            assert!(
                !part.consumed.is_negative() && part.consumed <= part.held,
                "no more of a hold is consumed than was held"
            );
            let grant = if part.lapsed.is_some() {
                let found = self.lapsed.iter_mut().find(|grant| grant.no == part.grant);
                found.expect("an ended grant stays aside while it is held")
            } else {
                self.used += part.consumed - part.held;
                self.live_mut(part.grant)
            };
            grant.held -= part.held;
            grant.consumed += part.consumed;
            if part.consumed.is_positive() {
                grant.note_recent(part.consumed, at);
            }
            grant.assert_bounds();
        }
    }

    /// Invariant 11: what is held of each grant is what the open reservations say, and a grant
    /// that has ended stays aside only while a part of it is held.
    pub(super) fn verify_holds(&self) -> Result<(), String> {
        let held = |no: GrantNo| self.holds.iter().map(|hold| hold.held_of(no)).sum::<Amount>();
        let grants = self.live.iter().chain(&self.scheduled).chain(&self.lapsed);
        if self.holds.is_empty() && self.lapsed.is_empty() {
            let mut grants = grants;
            return if grants.all(|grant| grant.held.is_zero()) {
                Ok(())
            } else {
                Err(format!("pool {:?} has held grants without a reservation", self.id))
            };
        }
        let mut sum = Amount::ZERO;
        for grant in grants {
            if grant.held != held(grant.no) {
                return Err(format!(
                    "pool {:?} holds {} of grant {:?}, its reservations say {}",
                    self.id,
                    grant.held,
                    grant.no,
                    held(grant.no)
                ));
            }
            sum += grant.held;
        }
        if self.lapsed.iter().any(|grant| !grant.held.is_positive()) {
            return Err(format!("pool {:?} keeps an ended grant for nothing", self.id));
        }
        let backed: Amount = self.holds.iter().map(Hold::backed).sum();
        if backed != sum || self.holds.iter().any(|hold| hold.unbacked().is_negative()) {
            return Err(format!("pool {:?} has a reservation that does not add up", self.id));
        }
        Ok(())
    }
}
