//! The change of one pool that a change of a subscription brings about, worked out on a copy of
//! the subscription's grants (`behaviour.md` §0.6).

use super::Pool;
use super::decide::Builder;
use super::entry::{Carried, Draw, Effect, Ended, GrantEnd, Moved, Opened};
use super::grant::{Grant, RecurringSource};
use super::granting::{ended_at, settle};
use super::hold::Moving;
use super::issue::Issue;
use super::level::{Item, Level, Levels, levels_of};
use super::resolve::Share;
use super::subscription::{CarriedConsumption, Subscription};
use super::voided::Voided;
use crate::Amount;
use crate::catalog::{Behavior, CreditProration};
use crate::id::{CurrencyId, GrantNo, PoolId, SubscriptionNo};
use crate::period::{Cadence, period};
use crate::shared::Shared;
use crate::time::Timestamp;

/// A grant of the subscription as the change proceeds.
struct Held {
    grant: Grant,
    fresh: bool,
}

/// The change of one pool.
pub(super) struct Change<'a> {
    subscription: &'a Subscription,
    currency: &'a CurrencyId,
    pool: &'a Pool,
    proration: CreditProration,
    /// Whether grants come into force with their period, though it began before.
    pub(super) since_period: bool,
    now: Timestamp,
    next_grant: GrantNo,
    held: Vec<Held>,
    voided: Vec<Voided>,
    /// Where the items stand.
    levels: Levels,
    /// Where their grants would let them stand.
    granted: Levels,
    /// Consumption without room that counts in the running month, and so in the year too.
    recent: Amount,
    /// Consumption without room that counts in the running year only.
    older: Amount,
    /// What of `recent`, found room or not, counts in the year when the month is over.
    lent: Amount,
    /// What reservations hold of grants that give it up.
    moving: Moving,
    effects: Vec<Effect>,
}

impl<'a> Change<'a> {
    /// The change of a pool by the subscription `number`, with the grants of `held_of`.
    pub(super) fn new(
        builder: &'a Builder<'_>,
        number: SubscriptionNo,
        pool: PoolId,
        held_of: &[SubscriptionNo],
    ) -> Self {
        let customer = &builder.customer;
        let pool = customer.pool(pool).expect("it was just opened");
        let held = held_of.iter().flat_map(|number| pool.recurring_of(*number));
        let subscription = customer.subscription(number).expect("it was just set");
        let owners = held_of.iter().filter_map(|number| customer.subscription(*number));
        let owners = owners.filter(|owner| owner.terms.resource == pool.resource);
        let voided = owners.flat_map(|owner| Voided::of(owner, &pool.currency, builder.now));
        let levels = levels_of(subscription, &pool.currency, builder.now);
        Self {
            subscription,
            currency: &pool.currency,
            pool,
            proration: builder.catalog.settings.proration,
            since_period: false,
            now: builder.now,
            next_grant: customer.next_grant,
            held: held.map(|grant| Held { grant: grant.clone(), fresh: false }).collect(),
            voided: voided.collect(),
            granted: levels.clone(),
            levels,
            recent: Amount::ZERO,
            older: Amount::ZERO,
            lent: Amount::ZERO,
            moving: Moving::new(pool),
            effects: Vec::new(),
        }
    }

    /// Takes up the consumption that a subscription remembers without room for it.
    pub(super) fn take_up(&mut self, of: &Subscription) {
        let carried = |cadence| {
            let found = of.find_carried(self.currency, cadence, self.now);
            found.map_or((Amount::ZERO, Amount::ZERO), |carried| {
                let counted = carried.counted_at(self.now);
                (counted, carried.amount - counted)
            })
        };
        let (recent, _) = carried(Cadence::Month);
        let (older, lent) = carried(Cadence::Year);
        self.recent += recent;
        self.older += older;
        self.lent += lent;
        if of.terms.number != self.subscription.terms.number {
            self.clear_memory(of);
        }
    }

    /// What another subscription remembered is remembered here from now on.
    fn clear_memory(&mut self, of: &Subscription) {
        let known = of.all_carried(self.currency, self.now);
        self.effects.extend(known.map(|carried| {
            let carried =
                CarriedConsumption { amount: Amount::ZERO, lent: Amount::ZERO, ..carried };
            Effect::Carried(Carried { subscription: of.terms.number, carried, voided_of: None })
        }));
    }

    /// Puts homeless consumption where there is room, remembers the rest and settles overdraft.
    pub(super) fn finish(mut self) -> Vec<Effect> {
        self.rehouse();
        self.carry();
        self.settle();
        self.note_levels();
        self.effects
    }

    /// Settles overdraft, and leaves what is remembered as it is.
    pub(super) fn finish_without_carrying(mut self) -> Vec<Effect> {
        self.rehouse_holds();
        self.settle();
        self.note_levels();
        self.effects
    }

    /// What has been done.
    pub(super) fn into_effects(self) -> Vec<Effect> {
        self.effects
    }

    fn settle(&mut self) {
        let fresh = self.held.iter().filter(|held| held.fresh);
        let fresh: Vec<_> = fresh.map(|held| (held.grant.no, held.grant.remaining())).collect();
        self.effects.extend(settle(self.pool, &fresh));
    }

    /// Gives up all grants, for another pool to take.
    pub(super) fn leave(&mut self) -> Vec<Grant> {
        let grants = self.held.drain(..).map(|held| held.grant).collect();
        self.give_up(grants)
    }

    /// Gives up the grants that are to end at another time than they do, as they are to be.
    pub(super) fn leave_ends(&mut self) -> Vec<Grant> {
        let terms = &self.subscription.terms;
        let end_of = |grant: &Grant| {
            let (_, cadence) = item_of(grant).expect("recurring grants have a source");
            Some(terms.clip(terms.period_at(cadence, self.now).end))
        };
        let held = std::mem::take(&mut self.held);
        let (moved, kept) = held
            .into_iter()
            .partition::<Vec<_>, _>(|held| held.grant.expires_at != end_of(&held.grant));
        let ends: Vec<_> = moved.iter().map(|held| end_of(&held.grant)).collect();
        self.held = kept;
        let grants = self.give_up(moved.into_iter().map(|held| held.grant).collect());
        let moved = grants.into_iter().zip(ends);
        moved.map(|(grant, expires_at)| Grant { expires_at, ..grant }).collect()
    }

    /// What is held of them is put on others, or stays without a grant.
    fn give_up(&mut self, mut grants: Vec<Grant>) -> Vec<Grant> {
        for grant in &mut grants {
            self.moving.take_off(grant, grant.held, &mut self.effects);
            if grant.consumed.is_positive() {
                let moved = Draw { grant: grant.no, amount: grant.consumed };
                self.effects.push(Effect::MovedOut(moved));
            }
            let given_up = Grant { consumed: Amount::ZERO, this_month: None, ..grant.clone() };
            self.effects.push(Effect::Ended(Ended {
                amount: grant.amount,
                grant: ended_at(&given_up, self.now),
                end: GrantEnd::Voided,
            }));
        }
        grants
    }

    /// Takes grants that left another pool, with what was consumed of them.
    pub(super) fn arrive(&mut self, grants: Vec<Grant>) {
        for mut grant in grants {
            let (consumed, recent) = (grant.consumed, grant.recent_at(self.now));
            let source = grant.source.as_mut().expect("recurring grants have a source");
            let item = (source.package.clone(), source.cadence);
            let terms = &self.subscription.terms;
            let k = terms.period_at(item.1, self.now).k;
            let issued = self.subscription.find_issued(&item.0, self.currency, item.1);
            let issued = issued.filter(|issued| issued.k == k);
            let fresh = self.held.iter().filter(|held| held.fresh && is_of(&held.grant, &item));
            let made = fresh.count();
            source.part = issued.map_or(0, |issued| issued.next_part)
                + u32::try_from(made).unwrap_or(u32::MAX);
            // What it goes on with from another subscription is its own from now on.
            source.subscription = terms.number;
            source.anchor = terms.anchor.clone();
            source.epoch = terms.epoch;
            source.k = k;
            grant = Grant {
                no: self.next_grant,
                consumed: Amount::ZERO,
                this_month: None,
                effective_at: self.now,
                created_at: self.now,
                updated_at: self.now,
                ..grant
            };
            self.next_grant = GrantNo(self.next_grant.0 + 1);
            self.effects.push(Effect::Granted(grant.clone()));
            self.note_granted(&grant);
            for (amount, is_recent) in [(consumed - recent, false), (recent, true)] {
                if amount.is_positive() {
                    self.effects.push(Effect::MovedIn(Moved {
                        grant: grant.no,
                        amount,
                        is_recent,
                    }));
                }
            }
            grant.consumed = consumed;
            self.held.push(Held { grant, fresh: true });
        }
    }

    /// Where the items stand.
    pub(super) fn levels(&self) -> &Levels {
        &self.levels
    }

    fn level(&self, item: &Item) -> Amount {
        self.levels.get(item).map_or(Amount::ZERO, |level| level.amount)
    }

    /// Notes where an item is to stand; what comes to stand at nothing is not followed for it.
    pub(super) fn set_level(&mut self, item: &Item, amount: Amount, behavior: Behavior) {
        if amount.is_positive() || self.levels.contains_key(item) {
            self.levels.insert(item.clone(), Level { amount, behavior });
        }
    }

    fn note_granted(&mut self, grant: &Grant) {
        let source = grant.source.as_ref().expect("recurring grants have a source");
        let item = (source.package.clone(), source.cadence);
        let before = self.granted.get(&item).map_or(Amount::ZERO, |level| level.amount);
        let level = Level { amount: before + source.whole, behavior: source.behavior };
        self.granted.insert(item.clone(), level);
        // What only arrives stands where it stood.
        let stood = Level { amount: Amount::ZERO, ..level };
        self.levels.entry(item).or_insert(stood);
    }

    /// Says where items stand that their grants would let stand elsewhere.
    fn note_levels(&mut self) {
        for ((package, cadence), level) in &self.levels {
            let item = (package.clone(), *cadence);
            if self.granted.get(&item) != Some(level) {
                self.effects.push(Effect::Opened(Opened {
                    subscription: self.subscription.terms.number,
                    package: item.0,
                    cadence: *cadence,
                    k: self.subscription.terms.period_at(*cadence, self.now).k,
                    level: level.amount,
                    behavior: level.behavior,
                }));
            }
        }
    }

    /// Ends all grants, used or not, and takes note of their consumption.
    pub(super) fn retire(&mut self) {
        for Held { grant, .. } in std::mem::take(&mut self.held) {
            // What is held may yet be consumed; otherwise leaving and returning would refill it.
            let recent = grant.recent_at(self.now) + grant.held;
            self.recent += recent;
            self.older += grant.consumed + grant.held - recent;
            if is_yearly(&grant) {
                self.lent += recent;
            }
            self.effects.push(Effect::Ended(Ended {
                amount: grant.remaining(),
                grant: ended_at(&grant, self.now),
                end: GrantEnd::Voided,
            }));
        }
        self.give_up_voided(|_| true, None);
    }

    /// Counts what was consumed of voided grants of items elsewhere: so much, or all of it. What was
    /// consumed last is given up first.
    fn give_up_voided(&mut self, is_meant: impl Fn(&Item) -> bool, by: Option<Amount>) {
        let mut rest = by;
        for voided in self.voided.iter_mut().filter(|voided| is_meant(&voided.item)) {
            let (recent, older) = voided.give_up(rest);
            rest = rest.map(|rest| rest - recent - older);
            self.recent += recent;
            self.older += older;
            if voided.item.1 == Cadence::Year {
                self.lent += recent;
            }
        }
    }

    /// Forgets all consumption: it counted in periods that are no more.
    pub(super) fn forget(&mut self) {
        self.recent = Amount::ZERO;
        self.older = Amount::ZERO;
        self.lent = Amount::ZERO;
    }

    /// Gives up all grants with their consumption, which finds room elsewhere.
    pub(super) fn displace(&mut self) {
        let mut places: Vec<usize> = (0..self.held.len()).collect();
        places.sort_by_key(|place| {
            let grant = &self.held[*place].grant;
            (item_of(grant), std::cmp::Reverse(grant.no))
        });
        self.take_off(&places, None);
        self.give_up_voided(|_| true, None);
    }

    /// Remembers what found no room until the end of the period in which it counts. What was
    /// consumed this month counts in the month, and in the year again when the month is over: so
    /// much as a yearly grant could not hold, or as monthly ones took over from a yearly one.
    pub(super) fn carry(&mut self) {
        let has_yearly = self.held.iter().any(|held| is_yearly(&held.grant));
        let month = self.subscription.terms.period_at(Cadence::Month, self.now).end;
        let lent = if has_yearly { self.recent } else { self.lent };
        let (monthly, yearly) = (self.recent, self.older + lent);
        for (cadence, amount, lent) in
            [(Cadence::Month, monthly, Amount::ZERO), (Cadence::Year, yearly, lent)]
        {
            let until = self.subscription.terms.period_at(cadence, self.now).end;
            let lent_until = if lent.is_zero() { Timestamp::EPOCH } else { month };
            let carried = CarriedConsumption { cadence, amount, until, lent, lent_until };
            let before = self.subscription.find_carried(self.currency, cadence, self.now);
            let is_remembered = before.map_or(amount.is_zero(), |before| before == carried);
            if !is_remembered {
                let subscription = self.subscription.terms.number;
                let carried = Carried { subscription, carried, voided_of: None };
                self.effects.push(Effect::Carried(carried));
            }
        }
        let voided = self.voided.iter_mut().filter_map(Voided::take_change);
        self.effects.extend(voided.map(Effect::Carried));
    }

    /// Lowers an item. Without proration its grants are brought down to the new level. With it the
    /// part for the rest of the period is taken off: of the item's own grants first, then of what
    /// former plans left in force, then of the others, since all of it is worth the same.
    pub(super) fn lower(&mut self, item: &Item, to: Amount) {
        let Some(level) = self.levels.get(item).copied().filter(|level| to < level.amount) else {
            return;
        };
        let is_leftover = |other: &Item| other.1 == item.1 && !self.level(other).is_positive();
        let mut places = self.places(|other| other == item);
        let leftovers = self.places(|other| other != item && is_leftover(other));
        match self.proration {
            CreditProration::Whole if to.is_zero() => {
                let own: Amount = places.iter().map(|place| self.held[*place].grant.amount).sum();
                let own = own + self.voided_of(item);
                self.take_off(&leftovers, Some((level.amount - own).or_zero()));
                let places = self.places(|other| other == item);
                self.take_off(&places, None);
                self.give_up_voided(|other| other == item, None);
            }
            CreditProration::Whole => {
                places.extend(leftovers);
                let held = places.iter().map(|place| self.held[*place].grant.amount);
                let above = (held.sum::<Amount>() + self.voided_of(item) - to).or_zero();
                let rest = self.take_off(&places, Some(above.min(level.amount - to)));
                self.give_up_voided(|other| other == item, Some(rest));
            }
            CreditProration::Prorate => {
                let by = -self.difference(item, to);
                self.take_worth(item.1, std::slice::from_ref(item), by);
            }
        }
        self.set_level(item, to, level.behavior);
    }

    /// Takes so much off the grants of a cadence: of those items first, then of what stands at
    /// nothing, then of the others.
    pub(super) fn take_worth(&mut self, cadence: Cadence, first: &[Item], by: Amount) {
        let is_of_cadence = |item: &Item| item.1 == cadence;
        let mut places = Vec::new();
        for item in first {
            places.extend(self.places(|other| other == item));
        }
        for is_standing in [false, true] {
            places.extend(self.places(|other| {
                let stands = self.level(other).is_positive();
                is_of_cadence(other) && !first.contains(other) && stands == is_standing
            }));
        }
        let rest = self.take_off(&places, Some(by));
        self.give_up_voided(is_of_cadence, Some(rest));
    }

    fn voided_of(&self, item: &Item) -> Amount {
        let voided = self.voided.iter().filter(|voided| voided.item == *item);
        voided.map(Voided::amount).sum()
    }

    /// Where the grants of items stand, latest first.
    fn places(&self, is_meant: impl Fn(&Item) -> bool) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.held.len())
            .filter(|place| item_of(&self.held[*place].grant).is_some_and(|item| is_meant(&item)))
            .collect();
        places.sort_by_key(|place| std::cmp::Reverse(self.held[*place].grant.no));
        places
    }

    /// Takes so much off grants, one after the other; all of them without an amount. A grant that
    /// goes whole gives up its consumption and is voided; one that is lowered keeps what still fits.
    /// Answers how much could not be taken.
    fn take_off(&mut self, places: &[usize], by: Option<Amount>) -> Amount {
        let mut rest = by;
        let mut gone = Vec::new();
        for place in places {
            let grant = &mut self.held[*place].grant;
            let taken = rest.map_or(grant.amount, |rest| rest.min(grant.amount));
            if taken.is_zero() {
                continue;
            }
            rest = rest.map(|rest| rest - taken);
            let moved = (taken - grant.remaining()).or_zero();
            let moved = moved - self.moving.take_off(grant, moved, &mut self.effects);
            if moved.is_positive() {
                // What was consumed last is taken off first.
                let recent = moved.min(grant.recent_at(self.now));
                grant.consumed -= moved;
                grant.note_recent(-recent, self.now);
                self.recent += recent;
                self.older += moved - recent;
                if is_yearly(grant) {
                    self.lent += recent;
                }
                self.effects.push(Effect::MovedOut(Draw { grant: grant.no, amount: moved }));
            }
            if taken == grant.amount {
                gone.push(grant.no);
                self.effects.push(Effect::Ended(Ended {
                    grant: ended_at(grant, self.now),
                    amount: grant.remaining(),
                    end: GrantEnd::Voided,
                }));
            } else {
                grant.amount -= taken;
                self.effects.push(Effect::Reduced(Draw { grant: grant.no, amount: taken }));
            }
        }
        self.held.retain(|held| !gone.contains(&held.grant.no));
        rest.unwrap_or_default()
    }

    /// Raises the item of a share, by one more grant for the difference.
    pub(super) fn raise(&mut self, share: &Share, to: Amount) {
        let item = (share.package.clone(), share.cadence);
        let level = self.level(&item);
        if to > level {
            self.issue(share, self.difference(&item, to), to - level);
            self.set_level(&item, to, share.behavior);
        }
    }

    /// Issues the next part of the running period: so much of a share, for what would be `whole` in
    /// a whole period. What a change adds comes into force now, the first part of a bought add-on or
    /// override included.
    pub(super) fn issue(&mut self, share: &Share, amount: Amount, whole: Amount) {
        if !amount.is_positive() {
            return;
        }
        let issue = Issue { share, amount, whole, now: self.now, no: self.next_grant };
        let mut grant = issue.grant(self.subscription, self.currency, &self.held_parts());
        if !self.since_period {
            grant.effective_at = self.now;
        }
        self.next_grant = GrantNo(self.next_grant.0 + 1);
        self.effects.push(Effect::Granted(grant.clone()));
        self.note_granted(&grant);
        self.held.push(Held { grant, fresh: true });
    }

    fn held_parts(&self) -> Vec<Shared<RecurringSource>> {
        let fresh = self.held.iter().filter(|held| held.fresh);
        fresh.filter_map(|held| held.grant.source.clone()).collect()
    }

    /// What it is worth from now on that an item stands elsewhere than it does. All that stands is
    /// rounded together, so the same total is worth the same, whatever it is made of.
    fn difference(&self, item: &Item, to: Amount) -> Amount {
        let standing = self.levels.iter().filter(|(other, _)| other.1 == item.1);
        let before: Amount = standing.map(|(_, level)| level.amount).sum();
        let after = before - self.level(item) + to;
        self.worth(item.1, after) - self.worth(item.1, before)
    }

    /// What so much a period is worth from now on: all of it, or with proration what falls to the
    /// rest of the period. Differences of it add up to nothing on the way there and back.
    pub(super) fn worth(&self, cadence: Cadence, level: Amount) -> Amount {
        let terms = &self.subscription.terms;
        let window = terms.period_at(cadence, self.now);
        if self.proration == CreditProration::Whole || (self.since_period && window.k >= 0) {
            return level;
        }
        // What is before the anchor is a part of the window that would be there.
        let whole = if window.k < 0 { period(&terms.anchor, cadence, window.k) } else { window };
        let from = if self.since_period { window.start } else { self.now };
        whole.prorate(level, from.max(whole.start))
    }

    /// Puts homeless consumption on the subscription's grants, in burn order, as far as they
    /// have room; what is held of them gives way where that is not enough.
    fn rehouse(&mut self) {
        self.held.sort_by_key(|held| held.grant.burn_key());
        self.rehouse_consumption(false);
        self.rehouse_consumption(true);
        self.rehouse_holds();
    }

    fn rehouse_consumption(&mut self, displaces: bool) {
        for held in &mut self.held {
            let older = if is_yearly(&held.grant) { self.older } else { Amount::ZERO };
            let missing = (older + self.recent - held.grant.remaining()).or_zero();
            if displaces && missing.is_positive() {
                self.moving.take_off(&mut held.grant, missing, &mut self.effects);
            }
            let room = held.grant.remaining();
            let older = if is_yearly(&held.grant) { self.older.min(room) } else { Amount::ZERO };
            let recent = self.recent.min(room - older);
            self.older -= older;
            self.recent -= recent;
            held.grant.consumed += older + recent;
            for (amount, is_recent) in [(older, false), (recent, true)] {
                if amount.is_positive() {
                    let moved = Moved { grant: held.grant.no, amount, is_recent };
                    self.effects.push(Effect::MovedIn(moved));
                }
            }
        }
    }

    /// Puts on the subscription's grants what was held of others, as far as they have room.
    fn rehouse_holds(&mut self) {
        self.held.sort_by_key(|held| held.grant.burn_key());
        for held in &mut self.held {
            self.moving.put_on(&mut held.grant, &mut self.effects);
        }
    }
}

fn item_of(grant: &Grant) -> Option<Item> {
    grant.source.as_ref().map(|source| (source.package.clone(), source.cadence))
}

fn is_of(grant: &Grant, item: &Item) -> bool {
    item_of(grant).as_ref() == Some(item)
}

pub(super) fn is_yearly(grant: &Grant) -> bool {
    grant.source.as_ref().is_some_and(|source| source.cadence == Cadence::Year)
}
