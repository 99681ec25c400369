//! Reservations: what is held counts as used, is held once, and ends once (invariants 9, 11).

use super::burn::burn_key;
use super::{Audit, Lapsed, ensure};
use std::collections::BTreeMap;
use stipend_core::customer::{
    Cause, Draw, Effect, Grant, HeldDraw, Hold, HoldEnd, HoldEnded, HoldExtended, HoldPart,
    PoolEntry, Release,
};
use stipend_core::{Amount, PoolId, ReservationId, Timestamp};

/// An open reservation.
#[derive(Clone, Debug)]
pub(super) struct Booked {
    id: ReservationId,
    amount: Amount,
    pub(super) expires_at: Timestamp,
    held: BTreeMap<u32, Amount>,
}

/// No reservation is made or extended for longer than a day.
const DAY_MICROS: i64 = 86_400_000_000;

fn by_grant(draws: &[Draw]) -> Vec<(u32, Amount)> {
    draws.iter().map(|draw| (draw.grant.0, draw.amount)).collect()
}

impl Audit {
    /// It is held whole, in burn order, of what is in force.
    pub(super) fn note_reserved(&mut self, entry: &PoolEntry, hold: &Hold) -> Result<(), String> {
        let (expected, rest) = self.spread(entry.pool, entry.at, hold.amount);
        let draws = by_grant(&hold.draws);
        ensure(draws == expected && rest.is_zero() && hold.amount.is_positive(), || {
            format!("{draws:?} is held, burn order says {expected:?} and {rest} are missing")
        })?;
        let lasts = hold.expires_at.micros() - entry.at.micros();
        ensure((1..=DAY_MICROS).contains(&lasts) && hold.created_at == entry.at, || {
            format!("a reservation of {} ends {}", entry.at, hold.expires_at)
        })?;
        for (grant, amount) in &expected {
            self.hold(*grant, *amount)?;
        }
        let books = self.books(entry.pool)?;
        let is_new = books.holds.iter().all(|booked| booked.id != hold.id);
        let held = expected.into_iter().collect();
        let (id, amount, expires_at) = (hold.id.clone(), hold.amount, hold.expires_at);
        books.holds.push(Booked { id, amount, expires_at, held });
        ensure(is_new, || format!("{:?} is reserved twice", hold.id))
    }

    /// More, in burn order, and not for less time.
    pub(super) fn note_extended(
        &mut self,
        entry: &PoolEntry,
        extended: &HoldExtended,
    ) -> Result<(), String> {
        let more: Amount = extended.draws.iter().map(|draw| draw.amount).sum();
        let (expected, rest) = self.spread(entry.pool, entry.at, more);
        let draws = by_grant(&extended.draws);
        ensure(draws == expected && rest.is_zero(), || {
            format!("{draws:?} more is held, burn order says {expected:?}")
        })?;
        for (grant, amount) in &expected {
            self.hold(*grant, *amount)?;
        }
        let booked = self.booked(entry.pool, &extended.reservation)?;
        let grows =
            extended.expires_at >= booked.expires_at && extended.amount == booked.amount + more;
        for (grant, amount) in expected {
            *booked.held.entry(grant).or_insert(Amount::ZERO) += amount;
        }
        (booked.amount, booked.expires_at) = (extended.amount, extended.expires_at);
        ensure(grows, || format!("{extended:?} is no extension"))
    }

    /// It ends once, as it stands, at its time or by its caller.
    pub(super) fn note_hold_ended(
        &mut self,
        entry: &PoolEntry,
        ended: &HoldEnded,
        fresh: &mut Vec<u32>,
    ) -> Result<(), String> {
        let books = self.books(entry.pool)?;
        let place = books.holds.iter().position(|booked| booked.id == ended.hold.id);
        let place = place.ok_or_else(|| format!("{:?} ends twice", ended.hold.id))?;
        let booked = books.holds.remove(place);
        let parts = ended.parts.iter().map(|part| (part.grant.0, part.held)).collect();
        ensure(booked.held == parts, || format!("{booked:?} ends as {parts:?}"))?;
        let unused = ended.parts.iter().all(|part| part.consumed.is_zero());
        let is_timely = match ended.how {
            HoldEnd::Released => entry.cause != Cause::Due,
            HoldEnd::Expired => {
                entry.cause == Cause::Due && booked.expires_at == entry.at && unused
            }
        };
        ensure(is_timely, || format!("{booked:?} ends at {} by {:?}", entry.at, entry.cause))?;
        for part in &ended.parts {
            self.end_part(entry.at, part, fresh)?;
        }
        Ok(())
    }

    fn end_part(
        &mut self,
        at: Timestamp,
        part: &HoldPart,
        fresh: &mut Vec<u32>,
    ) -> Result<(), String> {
        let number = part.grant.0;
        let is_within = !part.consumed.is_negative() && part.consumed <= part.held;
        ensure(is_within, || format!("{} of a hold of {} is used", part.consumed, part.held))?;
        let lapsed = self.lapsed.get_mut(&number);
        let ended = lapsed.as_ref().map(|lapsed| lapsed.end);
        ensure(ended == part.lapsed, || format!("grant {number} is {ended:?}, not {part:?}"))?;
        let grant = match lapsed {
            Some(lapsed) => &mut lapsed.grant,
            None => self.live_grant(number)?,
        };
        grant.held -= part.held;
        grant.consumed += part.consumed;
        if part.lapsed.is_none() && grant.is_effective(at) {
            fresh.push(number);
        }
        Ok(())
    }

    /// What is held is moved off a grant, or onto one, and is never more than was reserved.
    pub(super) fn note_hold_moved(
        &mut self,
        entry: &PoolEntry,
        moved: &HeldDraw,
        is_in: bool,
    ) -> Result<(), String> {
        let amount = moved.draw.amount;
        ensure(amount.is_positive(), || "nothing held is moved".to_owned())?;
        let by = if is_in { amount } else { -amount };
        self.hold(moved.draw.grant.0, by)?;
        let booked = self.booked(entry.pool, &moved.reservation)?;
        let held = booked.held.entry(moved.draw.grant.0).or_insert(Amount::ZERO);
        *held += by;
        let is_sound = !held.is_negative();
        booked.held.retain(|_, held| !held.is_zero());
        let backed: Amount = booked.held.values().copied().sum();
        ensure(is_sound && backed <= booked.amount, || format!("{booked:?} holds too much"))
    }

    /// What a job took is charged to what was held for it, in burn order; the rest is drawn.
    pub(super) fn check_release(&self, entry: &PoolEntry, release: &Release) -> Result<(), String> {
        let ended = entry.effects.iter().find_map(|effect| match effect {
            Effect::HoldEnded(ended) => Some(ended),
            _ => None,
        });
        let mut rest = release.consumed;
        let parts = ended.map_or(&[][..], |ended| &ended.parts);
        let mut keys = Vec::new();
        for part in parts {
            let expected = part.held.min(rest);
            rest -= expected;
            ensure(part.consumed == expected, || {
                format!("{} of grant {} is charged, not {expected}", part.consumed, part.grant.0)
            })?;
            keys.extend(self.any_grant(part.grant.0).map(burn_key));
        }
        ensure(keys.len() == parts.len() && keys.is_sorted(), || {
            format!("{parts:?} is not in burn order")
        })?;
        self.check_drawn(entry, rest)
    }

    fn any_grant(&self, number: u32) -> Option<&Grant> {
        let live = self.grants.get(&number).map(|held| &held.grant);
        live.or_else(|| self.lapsed.get(&number).map(|lapsed: &Lapsed| &lapsed.grant))
    }

    fn hold(&mut self, number: u32, amount: Amount) -> Result<(), String> {
        self.live_grant(number)?.held += amount;
        self.use_grant(number, Amount::ZERO)
    }

    fn booked(&mut self, pool: PoolId, id: &ReservationId) -> Result<&mut Booked, String> {
        let found = self.books(pool)?.holds.iter_mut().find(|booked| booked.id == *id);
        found.ok_or_else(|| format!("there is no reservation {id:?}"))
    }
}
