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
use super::claim::Claim;
use super::decide::{CustomerRejection, Decision};
use super::entry::{Cause, Draw, Effect, Ended, Entry, GrantEnd, Moved, PoolEntry, Reversal};
use super::grant::{Grant, RecurringSource};
use super::granting::settle;
use super::memory::Memory;
use super::pool::{Overdraft, Pool};
use super::voided::Voided;
use crate::Amount;
use crate::id::{GrantNo, SubscriptionNo};
use crate::period::{Cadence, period_at};
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

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
    let consumed = request.consumed.consumed();
    let is_own = |cause: &Cause| matches!(cause, Cause::Reversal(other) if other.of == request.of);
    if request.since.iter().any(|entry| is_own(&entry.cause)) {
        return Err(CustomerRejection::AlreadyReversed);
    }
    let pool = customer.pool(*pool).ok_or(CustomerRejection::EntryNotReversible)?;
    let priced = request.consumed.priced();
    let claim = Claim::of(customer, request, priced);
    let mut refund = Refund::new(customer, pool, claim, &request.since, now);
    let meter = priced.map(|priced| priced.meter);
    let drawn = draws_of(effects);
    for draw in &drawn {
        refund.claim.set_aside(*draw);
    }
    for effect in effects {
        if let Effect::Overdrawn(draw) = effect {
            let before = overdraft_before(cause, *draw);
            let queue = Queue { before, own: draw.amount };
            refund.overdrawn(*draw, queue, request, cause.is_metered());
        }
    }
    for draw in drawn {
        refund.claim.take_up(draw.grant);
        refund.give(draw.grant, draw.amount, *at);
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

/// What an entry drew from grants, those that it had held included.
fn draws_of(effects: &[Effect]) -> Vec<Draw> {
    let mut draws = Vec::new();
    for effect in effects {
        match effect {
            Effect::Drawn(draw) => draws.push(*draw),
            Effect::HoldEnded(ended) => {
                let consumed = ended.parts.iter().filter(|part| part.consumed.is_positive());
                draws
                    .extend(consumed.map(|part| Draw { grant: part.grant, amount: part.consumed }));
            }
            _ => {}
        }
    }
    draws
}

/// The overdraft of its kind that was there before an entry overdrew: usage queues by itself.
fn overdraft_before(cause: &Cause, draw: Draw) -> Amount {
    match cause {
        // All grants were drained then, so what lies below zero is the overdraft.
        Cause::Consumption(consumption) if cause.is_metered() => {
            let whole = consumption.current_usage - consumption.usage_limit;
            (whole - draw.amount - consumption.owed).or_zero()
        }
        Cause::Consumption(consumption) => consumption.owed,
        Cause::Release(release) => release.owed,
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

/// A grant that ended since.
struct Gone<'a> {
    ended: &'a Ended,
    /// What became of its consumption in the same step.
    fate: Fate,
    /// Whether a change of a subscription ended it.
    by_change: bool,
}

/// What becomes of the consumption of a grant that ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is over together with the grant.
    Over,
    /// Others take it over.
    Moved,
    /// Its subscription remembers it.
    Remembered,
}

impl<'a> Gone<'a> {
    /// The grants that entries ended. What is held of a grant ends it once more when the reservation
    /// ends; what became of its consumption was settled at the first end.
    fn by(entries: &'a [PoolEntry]) -> BTreeMap<GrantNo, Self> {
        let mut gone = BTreeMap::new();
        for entry in entries {
            let (mut moved, mut remembering) = (BTreeSet::new(), BTreeSet::new());
            for effect in &entry.effects {
                match effect {
                    Effect::MovedOut(draw) => drop(moved.insert(draw.grant)),
                    Effect::Carried(one) if one.carried.amount.is_positive() => {
                        remembering.insert(one.subscription);
                    }
                    _ => {}
                }
            }
            for effect in &entry.effects {
                let Effect::Ended(ended) = effect else { continue };
                let source = ended.grant.source.as_ref();
                let fate = if moved.contains(&ended.grant.no) {
                    Fate::Moved
                } else if source.is_some_and(|source| remembering.contains(&source.subscription)) {
                    Fate::Remembered
                } else {
                    Fate::Over
                };
                let by_change = matches!(entry.cause, Cause::Subscription(_));
                gone.entry(ended.grant.no).or_insert(Self { ended, fate, by_change });
            }
        }
        gone
    }

    /// The subscription whose change ended it with its consumption.
    fn left_behind(&self) -> Option<SubscriptionNo> {
        let Ended { grant, end, .. } = self.ended;
        let is_left = self.fate == Fate::Over && self.by_change && *end == GrantEnd::Voided;
        let source = grant.source.as_ref().filter(|_| is_left && grant.consumed.is_positive());
        source.map(|source| source.subscription)
    }

    /// The recurring credits of which it was, where its consumption would still count at an instant.
    fn counts_in(&self, at: Timestamp) -> Option<&'a RecurringSource> {
        let Grant { expires_at, source, .. } = &self.ended.grant;
        let would_live = expires_at.is_none_or(|end| at < end);
        source.as_deref().filter(|_| would_live && self.fate != Fate::Over)
    }
}

/// What gives credits back to a pool, worked out on a copy of it.
struct Refund<'a> {
    customer: &'a Customer,
    pool: Pool,
    now: Timestamp,
    /// The grants that ended since.
    gone: BTreeMap<GrantNo, Gone<'a>>,
    /// The subscriptions whose periods have begun anew since: what was consumed before counts no more.
    anew: BTreeSet<SubscriptionNo>,
    /// Which subscriptions took consumption over from which others.
    heirs: BTreeSet<(SubscriptionNo, SubscriptionNo)>,
    /// What subscriptions remember without room or of voided grants.
    memory: Memory,
    claim: Claim,
    given: Vec<(GrantNo, Amount)>,
    effects: Vec<Effect>,
}

impl<'a> Refund<'a> {
    fn new(
        customer: &'a Customer,
        pool: &Pool,
        claim: Claim,
        since: &'a [PoolEntry],
        now: Timestamp,
    ) -> Self {
        let gone = Gone::by(since);
        let anew = gone.values().filter_map(Gone::left_behind).collect();
        let memory = Memory::new(customer, &pool.currency, now);
        let pool = pool.clone();
        let (given, effects, heirs) = (Vec::new(), Vec::new(), BTreeSet::new());
        let mut refund =
            Self { customer, pool, now, gone, anew, heirs, memory, claim, given, effects };
        refund.heirs = refund.heirs_in(since);
        refund
    }

    /// Which subscriptions took consumption over from which others: from their grants, or what they
    /// remembered of it.
    fn heirs_in(&self, since: &[PoolEntry]) -> BTreeSet<(SubscriptionNo, SubscriptionNo)> {
        let mut heirs = BTreeSet::new();
        for entry in since {
            let (mut from, mut to) = (BTreeSet::new(), BTreeSet::new());
            for effect in &entry.effects {
                match effect {
                    Effect::MovedOut(draw) => from.extend(self.subscription_of(draw.grant)),
                    Effect::MovedIn(moved) => to.extend(self.subscription_of(moved.grant)),
                    Effect::Carried(one) if one.carried.amount.is_zero() => {
                        from.insert(one.subscription);
                    }
                    Effect::Carried(one) => drop(to.insert(one.subscription)),
                    _ => {}
                }
            }
            for from in from {
                heirs.extend(to.iter().filter(|to| **to != from).map(|to| (from, *to)));
            }
        }
        heirs
    }

    /// Takes the part of a consumption that went to the overdraft off it, as far as it is still
    /// open; the grants that settled the rest get it back. Usage queues by itself, in front.
    fn overdrawn(
        &mut self,
        draw: Draw,
        mut queue: Queue,
        request: &ReverseRequest,
        is_metered: bool,
    ) {
        let mut settled = Vec::new();
        for entry in &request.since {
            for effect in &entry.effects {
                match (effect, &entry.cause) {
                    (Effect::Settled(by), _) if by.overdraft == draw.grant => {
                        let of_queue = if is_metered { by.metered } else { by.amount - by.metered };
                        settled.push((by.grant, queue.take(of_queue), entry.at));
                    }
                    (Effect::OverdraftRefunded(back), Cause::Reversal(other))
                        if back.grant == draw.grant
                            && other.meter.is_some() == is_metered
                            && other.of < request.of =>
                    {
                        queue.before = (queue.before - back.amount).or_zero();
                    }
                    _ => {}
                }
            }
        }
        let mut rest = draw.amount;
        rest -= self.lower_overdraft(draw.grant, queue.own, is_metered);
        for (grant, own, at) in &settled {
            rest -= self.give(*grant, *own, *at);
        }
        if !self.claim.is_metered() {
            return;
        }
        // Several meters queue here, and less usage gives back from within: what is not where it
        // would be by the queue is where the meter remembers it.
        rest -= self.lower_overdraft(draw.grant, rest, is_metered);
        let (live, gone): (Vec<_>, Vec<_>) =
            settled.into_iter().partition(|(no, _, _)| self.pool.find_grant(*no).is_some());
        for (grant, _, at) in live.into_iter().chain(gone) {
            rest -= self.give(grant, rest, at);
        }
    }

    /// Takes so much off the overdraft, as far as it is of this consumption; answers how much it
    /// was.
    fn lower_overdraft(&mut self, no: GrantNo, amount: Amount, is_metered: bool) -> Amount {
        let Some(overdraft) = self.pool.overdraft.filter(|overdraft| overdraft.no == no) else {
            return Amount::ZERO;
        };
        let amount = match self.claim.take(no, amount) {
            Some(claimed) => claimed,
            None if is_metered => amount.min(self.claim.free(no, overdraft.metered)),
            None => amount.min(overdraft.direct()),
        };
        let amount = if self.claim.is_metered() { amount } else { amount.min(self.claim.left()) };
        if !amount.is_positive() {
            return Amount::ZERO;
        }
        self.claim.spend(amount);
        let metered = if is_metered { overdraft.metered - amount } else { overdraft.metered };
        let rest = Overdraft { amount: overdraft.amount - amount, metered, ..overdraft };
        self.pool.used -= amount;
        self.effects.push(Effect::OverdraftRefunded(Draw { grant: overdraft.no, amount }));
        if rest.amount.is_zero() {
            self.effects.push(Effect::OverdraftClosed(rest));
        }
        self.pool.overdraft = rest.amount.is_positive().then_some(rest);
        amount
    }

    /// Gives back to a grant what was drawn from it at that instant, or to what took its place;
    /// answers what of it is done with, be it gone together with the grant.
    fn give(&mut self, no: GrantNo, amount: Amount, drawn_at: Timestamp) -> Amount {
        let Some(claimed) = self.claim_of(no, amount) else {
            let amount = amount.min(self.claim.left());
            let done = amount - self.give_unremembered(no, amount, drawn_at);
            self.claim.spend(done);
            return done;
        };
        let total: Amount = claimed.iter().map(|draw| draw.amount).sum();
        self.claim.spend(total);
        // What found no room under a change of the subscription is remembered by no meter.
        let lost = (amount - total).min(self.claim.left());
        let mut rest = total;
        if let Some(number) = self.subscription_of(no) {
            let uncarried = self.uncarry_all(number, total + lost);
            rest = (total - uncarried).or_zero();
            self.claim.spend((uncarried - total).or_zero());
        }
        for draw in claimed {
            let amount = draw.amount.min(rest);
            rest -= amount - self.give_unremembered(draw.grant, amount, drawn_at);
        }
        total
    }

    /// What a meter remembers of so much that was drawn from the grant: as drawn from it, or from
    /// one that took its consumption over. `None` where no meter remembers it.
    fn claim_of(&mut self, no: GrantNo, amount: Amount) -> Option<Vec<Draw>> {
        let heirs = self.subscription_of(no).map(|number| self.successors(number));
        let heirs = heirs.unwrap_or_default();
        let heirs = heirs.iter().flat_map(|number| self.pool.recurring_of(*number));
        let heirs: Vec<GrantNo> = heirs.map(|grant| grant.no).filter(|heir| *heir != no).collect();
        let mut rest = amount;
        let mut claimed = Vec::new();
        for no in std::iter::once(no).chain(heirs) {
            let amount = self.claim.take(no, rest)?;
            rest -= amount;
            claimed.push(Draw { grant: no, amount });
        }
        Some(claimed)
    }

    fn subscription_of(&self, no: GrantNo) -> Option<SubscriptionNo> {
        let live = self.pool.find_grant(no);
        let grant = live.or_else(|| self.gone.get(&no).map(|gone| &gone.ended.grant))?;
        grant.source.as_ref().map(|source| source.subscription)
    }

    /// Gives back what no meter remembers; answers what of it belongs elsewhere.
    fn give_unremembered(&mut self, no: GrantNo, amount: Amount, drawn_at: Timestamp) -> Amount {
        let mut rest = amount;
        if self.pool.live.find(no).is_some() {
            let subscription = self.subscription_of(no);
            rest -= subscription.map_or(Amount::ZERO, |number| self.uncarry(number, rest));
            rest -= self.refund(no, rest, drawn_at);
            match subscription {
                Some(number) => rest - self.give_to_successors(number, rest, drawn_at),
                None => rest,
            }
        } else {
            if let Some(source) = self.gone.get(&no).and_then(|gone| gone.counts_in(self.now)) {
                let item = (source.package.clone(), source.cadence);
                let is_it =
                    |one: &Voided| one.subscription == source.subscription && one.item == item;
                let (forgiven, said) = self.memory.forgive_voided(is_it, rest);
                self.effects.extend(said.into_iter().map(Effect::Carried));
                rest -= forgiven;
                rest -= self.give_to_successors(source.subscription, rest, drawn_at);
                self.forgive_beside(no, rest);
            }
            Amount::ZERO
        }
    }

    /// Less usage names no item, and may have been taken off what is remembered of a voided grant in
    /// the place of another: what is left of it then stands there.
    fn forgive_beside(&mut self, no: GrantNo, amount: Amount) {
        let Some(gone) = self.gone.get(&no).filter(|_| amount.is_positive()) else { return };
        let Grant { source, expires_at, .. } = &gone.ended.grant;
        let owner = source.as_ref().and_then(|one| self.customer.subscription(one.subscription));
        let (Some(owner), Some(end)) = (owner, *expires_at) else { return };
        let may_be = |one: &Voided| one.may_be_of(owner, end);
        let (_, said) = self.memory.forgive_voided(may_be, amount);
        self.effects.extend(said.into_iter().map(Effect::Carried));
    }

    /// Gives back to the live recurring grants of a subscription and of those that go on with it,
    /// the latest first, up to what was consumed of them; answers how much it was.
    fn give_to_successors(
        &mut self,
        number: SubscriptionNo,
        amount: Amount,
        drawn_at: Timestamp,
    ) -> Amount {
        let mut rest = amount - self.uncarry_all(number, amount);
        let numbers = self.successors(number);
        let grants = numbers.iter().flat_map(|number| self.pool.recurring_of(*number));
        let mut grants: Vec<GrantNo> = grants.map(|grant| grant.no).collect();
        grants.sort();
        for no in grants.into_iter().rev() {
            rest -= self.refund(no, rest, drawn_at);
        }
        amount - rest
    }

    /// Lowers what a subscription and those that go on with it remember without room for it.
    fn uncarry_all(&mut self, number: SubscriptionNo, amount: Amount) -> Amount {
        let numbers = self.successors(number).into_iter();
        numbers.fold(Amount::ZERO, |done, number| done + self.uncarry(number, amount - done))
    }

    fn successors(&self, number: SubscriptionNo) -> Vec<SubscriptionNo> {
        let mut numbers = vec![number];
        for subscription in &self.customer.subscriptions {
            let terms = &subscription.terms;
            let goes_on = terms.continues.is_some_and(|before| numbers.contains(&before));
            let is_heir = |before| self.heirs.contains(&(before, terms.number));
            if goes_on || numbers.iter().any(|before| is_heir(*before)) {
                numbers.push(terms.number);
            }
        }
        numbers.retain(|number| !self.anew.contains(number));
        numbers
    }

    /// Lowers what a subscription remembers without room for it: that is the consumption beyond
    /// its grants, so it is taken off first. Answers how much it was.
    fn uncarry(&mut self, number: SubscriptionNo, amount: Amount) -> Amount {
        let (taken, said) = self.memory.uncarry(number, amount);
        self.effects.extend(said.into_iter().map(Effect::Carried));
        taken
    }

    /// Gives back to a live grant, at most what was consumed of it; answers how much it was.
    fn refund(&mut self, no: GrantNo, amount: Amount, drawn_at: Timestamp) -> Amount {
        let now = self.now;
        let grant = self.pool.live_mut(no);
        let amount = amount.min(self.claim.free(no, grant.consumed));
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
        (self.pool, self.effects, self.claim.into_forgotten())
    }
}
