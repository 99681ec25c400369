//! Reversing a consumption, or what the release of a reservation consumed: its credits go back to
//! the very grants that gave them.
//!
//! What a grant gave goes back to it. Where the grant has ended, it is as if the credits had come
//! back before its end: with an expired or voided grant they are gone, and where a change of the
//! subscription replaced it they go to what took its consumption over, until it would have
//! expired. What went to the overdraft is taken off it; so much as was settled since goes back to
//! the grants that settled it, first in, first out. What comes back settles an open overdraft
//! first.

use super::Customer;
use super::decide::{CustomerRejection, Decision};
use super::entry::{
    Carried, Cause, Draw, Effect, Ended, Entry, GrantEnd, Moved, PoolEntry, Priced, Reversal,
};
use super::grant::Grant;
use super::granting::settle;
use super::pool::{Overdraft, Pool};
use super::subscription::CarriedConsumption;
use super::usage::DrawRun;
use crate::Amount;
use crate::id::{GrantNo, SubscriptionNo};
use crate::period::{Cadence, period_at};
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// A consumption or release to reverse, with what happened to its pool since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReverseRequest {
    /// The position of its entry in the journal, by which the reversal names it.
    pub of: u64,
    /// Its entry.
    pub consumed: PoolEntry,
    /// All later entries of its pool, oldest first; consumption may be left out.
    pub since: Vec<PoolEntry>,
    /// The caller's own id of the reversal.
    pub idempotency_key: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// Gives back what a consumption took. The reversal is an entry also where nothing comes back, so
/// that it happens once.
pub(super) fn reverse(
    customer: &Customer,
    request: &ReverseRequest,
    now: Timestamp,
) -> Result<Decision, CustomerRejection> {
    let PoolEntry { pool, at, cause, effects } = &request.consumed;
    if !request.consumed.is_reversible() {
        return Err(CustomerRejection::EntryNotReversible);
    }
    let consumed = match cause {
        Cause::Release(release) => release.consumed,
        Cause::Consumption(consumption) => consumption.amount,
        _ => Amount::ZERO,
    };
    let is_own = |cause: &Cause| matches!(cause, Cause::Reversal(other) if other.of == request.of);
    if request.since.iter().any(|entry| is_own(&entry.cause)) {
        return Err(CustomerRejection::AlreadyReversed);
    }
    let pool = customer.pool(*pool).ok_or(CustomerRejection::EntryNotReversible)?;
    let mut refund = Refund::new(customer, pool, &request.since, now);
    let priced = request.consumed.priced();
    let meter = priced.map(|priced| priced.meter);
    refund.claim = priced.map(|priced| Claim::of(customer, request, priced));
    for effect in effects {
        if let Effect::Overdrawn(draw) = effect {
            let before = overdraft_before(cause, *draw);
            refund.overdrawn(*draw, Queue { before, own: draw.amount }, request);
        }
    }
    for effect in effects {
        match effect {
            Effect::Drawn(draw) => refund.give(draw.grant, draw.amount, *at),
            Effect::HoldEnded(ended) => {
                for part in ended.parts.iter().filter(|part| part.consumed.is_positive()) {
                    refund.give(part.grant, part.consumed, *at);
                }
            }
            _ => {}
        }
    }
    let (pool, effects, runs) = refund.finish();
    let entry = PoolEntry {
        pool: pool.id,
        at: now,
        cause: Cause::Reversal(Reversal {
            of: request.of,
            amount: consumed,
            idempotency_key: request.idempotency_key.clone(),
            reason: request.reason.clone(),
            meter,
            runs,
            usage_limit: pool.granted,
            current_usage: pool.used,
            period_end: pool.period_end(),
        }),
        effects,
    };
    let returned = entry.delta();
    assert!(!returned.is_negative() && returned <= consumed, "nothing is gained");
    Ok(Decision { entries: vec![Entry::Pool(entry)], ..Decision::default() })
}

/// The overdraft that was there before an entry overdrew.
fn overdraft_before(cause: &Cause, draw: Draw) -> Amount {
    match cause {
        // All grants were drained then, so what lies below zero is the overdraft.
        Cause::Consumption(consumption) => {
            (consumption.current_usage - consumption.usage_limit - draw.amount).or_zero()
        }
        Cause::Release(release) => release.overdraft,
        _ => Amount::ZERO,
    }
}

/// The overdraft as a queue: what a consumption added stands behind what was there before it, and
/// settlements take from the front.
struct Queue {
    before: Amount,
    own: Amount,
}

impl Queue {
    /// Takes so much from the front; answers what of it was the consumption's own.
    fn take(&mut self, amount: Amount) -> Amount {
        let others = amount.min(self.before);
        let own = (amount - others).min(self.own);
        self.before -= others;
        self.own -= own;
        own
    }
}

/// What a metered consumption may still get back: less of the usage that was reported since has
/// given it back already.
enum Claim {
    /// The draws that the meter remembers, and what is taken off them.
    Runs(Vec<DrawRun>, Vec<Draw>),
    /// The meter has started anew and remembers nothing of it: so much as was not given back.
    Rest(Amount),
}

impl Claim {
    fn of(customer: &Customer, request: &ReverseRequest, priced: &Priced) -> Self {
        let usage = customer.usage(priced.meter).expect("usage that is paid for is counted");
        let at = request.consumed.at;
        let is_in_period = usage.period.is_none_or(|period| period.start <= at);
        let is_same = usage.pin.is_none_or(|pin| {
            let terms = customer.subscription(pin.subscription).map(|found| &found.terms);
            let began = terms.is_none_or(|terms| terms.epoch_start <= at);
            pin.subscription == priced.subscription && began
        });
        if is_in_period && is_same {
            let of_pool = usage.drawn.iter().filter(|run| run.pool == request.consumed.pool);
            return Self::Runs(of_pool.copied().collect(), Vec::new());
        }
        let given_back = request.since.iter().filter_map(|entry| match &entry.cause {
            Cause::Consumption(later) if later.amount.is_negative() => {
                let is_same = later.priced.as_ref().is_some_and(|by| by.meter == priced.meter);
                is_same.then_some(-later.amount)
            }
            _ => None,
        });
        let given_back: Amount = given_back.sum();
        Self::Rest((-request.consumed.delta() - given_back).or_zero())
    }

    /// Takes what was drawn from these grants, the first of them first; answers how much it was.
    fn take(&mut self, grants: &[GrantNo], amount: Amount) -> Amount {
        let (runs, off) = match self {
            Self::Rest(rest) => {
                let taken = amount.min(*rest);
                *rest -= taken;
                return taken;
            }
            Self::Runs(runs, off) => (runs, off),
        };
        let mut rest = amount;
        for no in grants {
            for run in runs.iter_mut().rev().filter(|run| run.grant == *no) {
                let taken = run.amount.min(rest);
                run.amount -= taken;
                rest -= taken;
                if taken.is_positive() {
                    off.push(Draw { grant: *no, amount: taken });
                }
            }
        }
        amount - rest
    }
}

/// What gives credits back to a pool, worked out on a copy of it.
struct Refund<'a> {
    customer: &'a Customer,
    pool: Pool,
    now: Timestamp,
    /// How each grant ended that ended since, and whether others took its consumption over.
    ended: BTreeMap<GrantNo, (&'a Ended, bool)>,
    /// What subscriptions remember without room, as it has become.
    carried: BTreeMap<(SubscriptionNo, Cadence), CarriedConsumption>,
    claim: Option<Claim>,
    given: Vec<(GrantNo, Amount)>,
    effects: Vec<Effect>,
}

impl<'a> Refund<'a> {
    fn new(customer: &'a Customer, pool: &Pool, since: &'a [PoolEntry], now: Timestamp) -> Self {
        let mut ended = BTreeMap::new();
        for entry in since {
            let takes = |effect: &Effect| matches!(effect, Effect::MovedIn(_) | Effect::Carried(_));
            let is_taken = entry.cause != Cause::Void && entry.effects.iter().any(takes);
            for effect in &entry.effects {
                if let Effect::Ended(one) = effect {
                    let is_replaced = is_taken && one.end == GrantEnd::Voided;
                    ended.insert(one.grant.no, (one, is_replaced));
                }
            }
        }
        let mut carried = BTreeMap::new();
        for subscription in &customer.subscriptions {
            for cadence in [Cadence::Month, Cadence::Year] {
                if let Some(found) = subscription.find_carried(&pool.currency, cadence, now) {
                    carried.insert((subscription.terms.number, cadence), found);
                }
            }
        }
        let pool = pool.clone();
        let (given, effects) = (Vec::new(), Vec::new());
        Self { customer, pool, now, ended, carried, claim: None, given, effects }
    }

    /// Takes the part of a consumption that went to the overdraft off it, as far as it is still
    /// open; the grants that settled the rest get it back.
    fn overdrawn(&mut self, draw: Draw, mut queue: Queue, request: &ReverseRequest) {
        let mut settled = Vec::new();
        for entry in &request.since {
            for effect in &entry.effects {
                match (effect, &entry.cause) {
                    (Effect::Settled(by), _) if by.overdraft == draw.grant => {
                        let own = queue.take(by.amount);
                        settled.push((by.grant, own, entry.at));
                    }
                    (Effect::OverdraftRefunded(back), Cause::Reversal(other))
                        if back.grant == draw.grant && other.of < request.of =>
                    {
                        queue.before = (queue.before - back.amount).or_zero();
                    }
                    _ => {}
                }
            }
        }
        let open = self.pool.overdraft.filter(|overdraft| overdraft.no == draw.grant);
        if let Some(overdraft) = open {
            let own = queue.own.min(overdraft.amount);
            let own = self.claim.as_mut().map_or(own, |claim| claim.take(&[overdraft.no], own));
            self.lower_overdraft(overdraft, own);
        }
        for (grant, amount, at) in settled {
            self.give(grant, amount, at);
        }
    }

    fn lower_overdraft(&mut self, overdraft: Overdraft, amount: Amount) {
        if !amount.is_positive() {
            return;
        }
        let rest = Overdraft { amount: overdraft.amount - amount, ..overdraft };
        self.pool.used -= amount;
        self.effects.push(Effect::OverdraftRefunded(Draw { grant: overdraft.no, amount }));
        if rest.amount.is_zero() {
            self.effects.push(Effect::OverdraftClosed(rest));
        }
        self.pool.overdraft = rest.amount.is_positive().then_some(rest);
    }

    /// Gives back to a grant what was drawn from it at that instant, or to what took its place.
    fn give(&mut self, no: GrantNo, amount: Amount, drawn_at: Timestamp) {
        let mut rest = self.claimed(no, amount);
        if let Some(grant) = self.pool.live.iter().find(|grant| grant.no == no) {
            let subscription = grant.source.as_ref().map(|source| source.subscription);
            rest -= subscription.map_or(Amount::ZERO, |number| self.uncarry(number, rest));
            rest -= self.refund(no, rest, drawn_at);
            if let Some(number) = subscription {
                self.give_to_successors(number, rest, drawn_at);
            }
        } else if let Some((ended, true)) = self.ended.get(&no) {
            let Grant { expires_at, source, .. } = &ended.grant;
            let would_live = expires_at.is_none_or(|end| self.now < end);
            if let Some(source) = source.as_ref().filter(|_| would_live) {
                self.give_to_successors(source.subscription, rest, drawn_at);
            }
        }
    }

    /// What of a draw may still come back. The meter remembers it as drawn from the grant, or from
    /// one that took its consumption over.
    fn claimed(&mut self, no: GrantNo, amount: Amount) -> Amount {
        let Some(mut claim) = self.claim.take() else { return amount };
        let live = self.pool.find_grant(no);
        let grant = live.or_else(|| self.ended.get(&no).map(|(ended, _)| &ended.grant));
        let subscription = grant.and_then(|grant| grant.source.as_ref());
        let numbers = subscription.map(|source| self.successors(source.subscription));
        let numbers = numbers.unwrap_or_default();
        let heirs = numbers.iter().flat_map(|number| self.pool.recurring_of(*number));
        let heirs = heirs.map(|grant| grant.no).filter(|heir| *heir != no);
        let grants: Vec<GrantNo> = std::iter::once(no).chain(heirs).collect();
        let taken = claim.take(&grants, amount);
        self.claim = Some(claim);
        taken
    }

    /// Gives back to the live recurring grants of a subscription and of those that go on with it,
    /// the latest first, up to what was consumed of them.
    fn give_to_successors(&mut self, number: SubscriptionNo, amount: Amount, drawn_at: Timestamp) {
        let numbers = self.successors(number);
        let mut rest = amount;
        for number in &numbers {
            rest -= self.uncarry(*number, rest);
        }
        let grants = numbers.iter().flat_map(|number| self.pool.recurring_of(*number));
        let mut grants: Vec<GrantNo> = grants.map(|grant| grant.no).collect();
        grants.sort();
        for no in grants.into_iter().rev() {
            rest -= self.refund(no, rest, drawn_at);
        }
    }

    fn successors(&self, number: SubscriptionNo) -> Vec<SubscriptionNo> {
        let mut numbers = vec![number];
        for subscription in &self.customer.subscriptions {
            let terms = &subscription.terms;
            if terms.continues.is_some_and(|before| numbers.contains(&before)) {
                numbers.push(terms.number);
            }
        }
        numbers
    }

    /// Lowers what a subscription remembers without room for it: that is the consumption beyond
    /// its grants, so it is taken off first. Answers how much it was.
    fn uncarry(&mut self, number: SubscriptionNo, amount: Amount) -> Amount {
        let (month, year) = ((number, Cadence::Month), (number, Cadence::Year));
        let taken = self.carried.get(&month).map_or(Amount::ZERO, |found| found.amount.min(amount));
        let mut changed = Vec::new();
        if let Some(found) = self.carried.get_mut(&month).filter(|_| taken.is_positive()) {
            found.amount -= taken;
            changed.push(*found);
        }
        let mut older = Amount::ZERO;
        if let Some(found) = self.carried.get_mut(&year) {
            older = found.counted_at(self.now).min(amount - taken);
            let lent = found.lent.min(taken);
            let lowered = CarriedConsumption {
                amount: found.amount - older - lent,
                lent: found.lent - lent,
                ..*found
            };
            if lowered.amount != found.amount {
                *found = lowered;
                changed.push(lowered);
            }
        }
        let changed = changed.into_iter();
        self.effects.extend(
            changed.map(|carried| Effect::Carried(Carried { subscription: number, carried })),
        );
        taken + older
    }

    /// Gives back to a live grant, at most what was consumed of it; answers how much it was.
    fn refund(&mut self, no: GrantNo, amount: Amount, drawn_at: Timestamp) -> Amount {
        let now = self.now;
        let grant = self.pool.live_mut(no);
        let amount = amount.min(grant.consumed);
        if !amount.is_positive() {
            return Amount::ZERO;
        }
        grant.consumed -= amount;
        let month =
            grant.source.as_ref().map(|source| period_at(&source.anchor, Cadence::Month, now));
        let is_recent = month.is_none_or(|month| month.start <= drawn_at);
        self.pool.used -= amount;
        self.given.push((no, amount));
        self.effects.push(Effect::Refunded(Moved { grant: no, amount, is_recent }));
        amount
    }

    /// What came back settles an open overdraft first (invariant 10).
    fn finish(mut self) -> (Pool, Vec<Effect>, Vec<Draw>) {
        self.effects.extend(settle(&self.pool, &self.given));
        let runs = match self.claim {
            Some(Claim::Runs(_, off)) => off,
            Some(Claim::Rest(_)) | None => Vec::new(),
        };
        (self.pool, self.effects, runs)
    }
}
