//! Folding entries into a customer. Nothing is decided here; what contradicts an invariant
//! stops the process rather than write on.

use super::entry::{
    Carried, Cause, Closed, Consumption, Draw, Effect, Ended, Entry, Moved, Opened, PoolEntry,
    Reversal, Settled,
};
use super::grant::Grant;
use super::pool::{Overdraft, Pool};
use super::promotion::Promotion;
use super::subscription::{CarriedIn, Issued, Subscription, SubscriptionTerms};
use super::usage::{FeatureUsage, note_moved, note_settled};
use super::{Customer, RecurringSource};
use crate::Amount;
use crate::id::{CurrencyId, GrantNo};
use crate::shared::make_room;
use crate::time::Timestamp;

impl Customer {
    /// Folds one entry.
    ///
    /// # Panics
    /// Where the entry contradicts an invariant of the ledger (`invariants.md` 2, 3, 4, 7, 10,
    /// 14): then it was decided wrongly, and stopping is better than a wrong balance.
    pub fn apply(&mut self, entry: &Entry) {
        match entry {
            Entry::Profile(profile) => self.profile = profile.clone().into(),
            Entry::Resource(resource) => {
                assert!(self.find_resource(&resource.id).is_none(), "a resource is named once");
                self.resources.push(resource.clone());
            }
            Entry::Subscription(terms) => {
                let count = u32::try_from(self.subscriptions.len()).expect("counted in u32");
                assert!(terms.number.0 <= count, "subscriptions are numbered without gap");
                match self.subscriptions.get_mut(terms.number.0 as usize) {
                    Some(subscription) => subscription.agree(terms),
                    None => {
                        make_room(&mut self.subscriptions);
                        self.subscriptions.push(Subscription {
                            terms: SubscriptionTerms::clone(terms),
                            issued: Vec::new(),
                            carried: Vec::new(),
                        });
                    }
                }
                self.next_due = self.compute_next_due();
            }
            Entry::PoolOpened(opened) => {
                assert_eq!(opened.pool.slot(), self.slot, "a pool belongs to its customer");
                assert_eq!(
                    usize::from(opened.pool.number()),
                    self.pools.len(),
                    "pools are numbered without gap"
                );
                let (currency, resource) = (opened.currency.clone(), opened.resource.clone());
                make_room(&mut self.pools);
                self.pools.push(Pool::new(opened.pool, currency, resource));
            }
            Entry::Pool(entry) => self.apply_pool(entry),
            Entry::MeterOpened(opened) => {
                assert_eq!(opened.meter.slot(), self.slot, "a meter belongs to its customer");
                assert_eq!(
                    usize::from(opened.meter.number()),
                    self.usages.len(),
                    "meters are numbered without gap"
                );
                self.usages.push(FeatureUsage::new(opened));
            }
            Entry::Usage(entry) => {
                let index = usize::from(entry.meter.number());
                let usage = self.usages.get_mut(index).expect("an entry names a meter");
                usage.apply(entry);
            }
            Entry::Promotion(promotion) => self.apply_promotion(promotion),
        }
    }

    fn apply_promotion(&mut self, promotion: &Promotion) {
        let found = self.promotions.iter().position(|found| found.feature == promotion.feature);
        match found {
            Some(place) if self.promotions[place].number == promotion.number => {
                self.promotions[place] = promotion.clone();
                return;
            }
            Some(place) => drop(self.promotions.remove(place)),
            None => {}
        }
        let last = self.promotions.last();
        assert!(
            last.is_none_or(|last| last.number < promotion.number),
            "promotions are counted up"
        );
        self.promotions.push(promotion.clone());
    }

    fn apply_pool(&mut self, entry: &PoolEntry) {
        let index = usize::from(entry.pool.number());
        let pool = self.pools.get_mut(index).expect("an entry names a pool of its customer");
        assert!(entry.at >= pool.at, "time never runs backwards in a pool");
        let before = pool.balance();
        pool.seq += 1;
        pool.at = entry.at;
        let is_metered = entry.cause.is_metered();
        for effect in &entry.effects {
            self.apply_effect(index, effect, entry.at);
            self.pools[index].note_metered(effect, is_metered);
        }
        self.pools[index].set_aside(entry);
        self.note_drawn(index, entry);
        let pool = &self.pools[index];
        assert_eq!(pool.balance(), before + entry.delta(), "an entry moves the balance by its sum");
        if !entry.is_consumption() {
            self.next_due = self.compute_next_due();
        }
    }

    /// Notes which grants paid for usage, so that it can be given back to them.
    fn note_drawn(&mut self, index: usize, entry: &PoolEntry) {
        let Self { pools, usages, .. } = self;
        let pool = &pools[index];
        if let Cause::Consumption(Consumption { priced: Some(priced), .. }) = &entry.cause {
            let usage = usages.get_mut(usize::from(priced.meter.number()));
            let usage = usage.expect("usage that is paid for is counted");
            for effect in &entry.effects {
                usage.note_drawn(pool, effect);
            }
        }
        if let Cause::Reversal(Reversal { meter: Some(meter), runs, .. }) = &entry.cause {
            let usage = usages.get_mut(usize::from(meter.number()));
            let usage = usage.expect("usage that was paid for was counted");
            runs.iter().for_each(|draw| usage.forget(entry.pool, *draw));
        }
        if usages.iter().all(|usage| usage.drawn.is_empty()) {
            return;
        }
        note_moved(usages, pool, &entry.effects);
        for effect in &entry.effects {
            if let Effect::Settled(settled) = effect {
                note_settled(usages, pool, settled);
            }
        }
    }

    fn apply_effect(&mut self, index: usize, effect: &Effect, at: Timestamp) {
        let pool = &mut self.pools[index];
        match effect {
            Effect::Granted(grant) => {
                assert!(grant.is_effective(at), "a grant comes into force in its own window");
                pool.insert_live(grant.clone());
                let currency = pool.currency.clone();
                self.note_made(grant);
                if let Some(source) = &grant.source {
                    self.note_issued(source, currency);
                }
            }
            Effect::Scheduled(grant) => {
                assert!(grant.effective_at > at, "a scheduled grant lies ahead");
                pool.scheduled.push(grant.clone());
                self.note_made(grant);
            }
            Effect::Activated(draw) => {
                let place = pool.scheduled.iter().position(|grant| grant.no == draw.grant);
                let place = place.expect("an activated grant was scheduled");
                let grant = pool.scheduled.remove(place);
                assert_eq!(grant.amount, draw.amount, "a grant comes into force whole");
                pool.insert_live(grant);
            }
            Effect::Drawn(draw) => pool.consume(*draw, at),
            Effect::Overdrawn(draw) => {
                if pool.overdraft.is_none() {
                    self.take_number(draw.grant);
                }
                self.pools[index].overdraw(*draw, at);
            }
            Effect::Ended(ended) => pool.end(ended),
            Effect::Reserved(hold) => pool.reserve(hold, at),
            Effect::HoldExtended(extended) => pool.extend_hold(extended, at),
            Effect::HoldEnded(ended) => pool.end_hold(ended, at),
            Effect::HoldMovedOut(moved) => pool.move_hold_out(moved),
            Effect::HoldMovedIn(moved) => pool.move_hold_in(moved),
            Effect::Reduced(draw) => {
                pool.granted -= draw.amount;
                let grant = pool.live_mut(draw.grant);
                grant.amount -= draw.amount;
                grant.updated_at = at;
                grant.assert_bounds();
            }
            Effect::MovedOut(draw) => pool.shift(draw.grant, -draw.amount, at, true),
            Effect::MovedIn(moved) => pool.shift(moved.grant, moved.amount, at, moved.is_recent),
            Effect::Settled(settled) => pool.settle(*settled, at),
            Effect::Refunded(moved) => pool.refund(*moved, at),
            Effect::OverdraftRefunded(draw) => pool.lower_overdraft(*draw),
            Effect::OverdraftClosed(_) => {
                let closed = pool.overdraft.take().expect("a closed overdraft was open");
                assert!(closed.amount.is_zero(), "an overdraft closes when it is settled whole");
            }
            Effect::Carried(carried) => {
                let currency = pool.currency.clone();
                self.subscription_mut(carried.subscription.0).carry(currency, carried);
            }
            Effect::Opened(opened) => {
                let currency = pool.currency.clone();
                self.subscription_mut(opened.subscription.0).open(currency, opened);
            }
            Effect::Closed(closed) => {
                let currency = pool.currency.clone();
                self.subscription_mut(closed.subscription.0).close(&currency, closed);
            }
        }
    }

    fn subscription_mut(&mut self, number: u32) -> &mut Subscription {
        self.subscriptions
            .get_mut(number as usize)
            .expect("an entry names a subscription of its customer")
    }

    fn note_made(&mut self, grant: &Grant) {
        grant.assert_bounds();
        self.take_number(grant.no);
    }

    fn take_number(&mut self, no: GrantNo) {
        assert_eq!(no, self.next_grant, "grants are numbered without gap");
        self.next_grant = GrantNo(no.0 + 1);
    }

    /// Invariant 7: a key of a recurring grant is issued once, part by part, period by period.
    fn note_issued(&mut self, source: &RecurringSource, currency: CurrencyId) {
        let subscription = self.subscription_mut(source.subscription.0);
        let issued = Issued {
            package: source.package.clone(),
            currency,
            epoch: source.epoch,
            cadence: source.cadence,
            k: source.k,
            next_part: source.part + 1,
            level: source.whole,
            behavior: source.behavior,
        };
        match subscription.issued.iter_mut().find(|other| other.is_same_item(&issued)) {
            Some(before) => {
                let is_next_part = source.k == before.k && source.part == before.next_part;
                let is_next_period = source.k > before.k && source.part == 0;
                assert!(is_next_part || is_next_period, "a recurring grant is issued once");
                let level = if is_next_part { before.level } else { Amount::ZERO };
                *before = Issued { level: level + source.whole, ..issued };
            }
            None => {
                make_room(&mut subscription.issued);
                subscription.issued.push(issued);
            }
        }
    }

    /// Time ends with the last instant: what would be due then never is, and no window lies behind it.
    fn compute_next_due(&self) -> Option<Timestamp> {
        let pools = self.pools.iter().filter_map(Pool::next_due);
        let subscriptions = self.subscriptions.iter().filter_map(Subscription::next_due);
        pools.chain(subscriptions).min().filter(|due| *due < Timestamp::MAX)
    }
}

impl Issued {
    fn is_same_item(&self, other: &Self) -> bool {
        (&self.package, &self.currency, self.epoch, self.cadence)
            == (&other.package, &other.currency, other.epoch, other.cadence)
    }
}

impl Subscription {
    /// Takes new terms. What was issued under an earlier anchor, or of what is over, is never
    /// issued again.
    fn agree(&mut self, terms: &SubscriptionTerms) {
        assert!(terms.epoch >= self.terms.epoch, "epochs are counted up");
        self.terms = terms.clone();
        let is_over = terms.ended.is_some();
        self.issued.retain(|issued| !is_over && issued.epoch == terms.epoch);
    }

    fn open(&mut self, currency: CurrencyId, opened: &Opened) {
        let issued = Issued {
            package: opened.package.clone(),
            currency,
            epoch: self.terms.epoch,
            cadence: opened.cadence,
            k: opened.k,
            next_part: 0,
            level: opened.level,
            behavior: opened.behavior,
        };
        match self.issued.iter_mut().find(|other| other.is_same_item(&issued)) {
            Some(before) if before.k == opened.k => {
                *before = Issued { next_part: before.next_part, ..issued };
            }
            Some(before) => *before = issued,
            None => self.issued.push(issued),
        }
    }

    fn carry(&mut self, currency: CurrencyId, new: &Carried) {
        let Carried { carried, voided_of, .. } = new.clone();
        self.carried.retain(|other| {
            other.currency != currency
                || other.carried.cadence != carried.cadence
                || other.voided_of != voided_of
        });
        if carried.amount.is_positive() {
            self.carried.push(CarriedIn { currency, carried, voided_of });
        }
    }

    fn close(&mut self, currency: &CurrencyId, closed: &Closed) {
        self.issued.retain(|issued| {
            issued.package != closed.package
                || issued.currency != *currency
                || issued.cadence != closed.cadence
        });
    }
}

impl Pool {
    /// Invariant 4: only what is effective is drawn.
    fn consume(&mut self, draw: Draw, at: Timestamp) {
        assert!(draw.amount.is_positive(), "a draw takes something");
        self.used += draw.amount;
        let grant = self.live_mut(draw.grant);
        assert!(grant.is_effective(at), "only what is effective is drawn");
        grant.consumed += draw.amount;
        grant.note_recent(draw.amount, at);
        grant.assert_bounds();
    }

    /// Sets aside what an entry used up. Nearly all of them only draw, so nothing else is looked at.
    fn set_aside(&mut self, entry: &PoolEntry) {
        let drawn = |effect: &Effect| match effect {
            Effect::Drawn(draw) => Some(draw.grant),
            _ => None,
        };
        let is_plain = |effect: &Effect| matches!(effect, Effect::Drawn(_) | Effect::Overdrawn(_));
        if entry.effects.iter().all(is_plain) {
            let drawn = entry.effects.iter().filter_map(drawn);
            drawn.for_each(|no| self.live.set_aside_one(no));
        } else {
            self.live.set_aside();
        }
    }

    fn overdraw(&mut self, draw: Draw, at: Timestamp) {
        assert!(draw.amount.is_positive(), "an overdraft takes something");
        self.used += draw.amount;
        let overdraft = self.overdraft.get_or_insert(Overdraft {
            no: draw.grant,
            amount: Amount::ZERO,
            metered: Amount::ZERO,
            created_at: at,
        });
        assert_eq!(overdraft.no, draw.grant, "a pool has one overdraft");
        overdraft.amount += draw.amount;
    }

    /// Keeps what of the overdraft was taken for usage apart.
    fn note_metered(&mut self, effect: &Effect, is_metered: bool) {
        let Some(overdraft) = &mut self.overdraft else { return };
        match effect {
            Effect::Overdrawn(draw) if is_metered => overdraft.metered += draw.amount,
            Effect::OverdraftRefunded(draw) if is_metered => overdraft.metered -= draw.amount,
            Effect::Settled(settled) => overdraft.metered -= settled.metered,
            _ => return,
        }
        let is_part = !overdraft.metered.is_negative() && !overdraft.direct().is_negative();
        assert!(is_part, "usage has a part of the overdraft");
    }

    /// Nobody gets more back from a grant than was consumed of it.
    fn refund(&mut self, refund: Moved, at: Timestamp) {
        assert!(refund.amount.is_positive(), "a refund gives something back");
        self.used -= refund.amount;
        let grant = self.live_mut(refund.grant);
        grant.consumed -= refund.amount;
        if refund.is_recent {
            grant.note_recent(-refund.amount, at);
        }
        grant.assert_bounds();
    }

    fn lower_overdraft(&mut self, draw: Draw) {
        assert!(draw.amount.is_positive(), "a refund gives something back");
        let overdraft = self.overdraft.as_mut().expect("an overdraft that is lowered is open");
        assert_eq!(overdraft.no, draw.grant, "a pool has one overdraft");
        overdraft.amount -= draw.amount;
        assert!(!overdraft.amount.is_negative(), "no more is given back than was overdrawn");
        self.used -= draw.amount;
    }

    /// Puts consumption on a grant, or takes it off where the amount is below zero; what was
    /// consumed last is taken off first.
    fn shift(&mut self, no: GrantNo, amount: Amount, at: Timestamp, is_recent: bool) {
        self.used += amount;
        let grant = self.live_mut(no);
        grant.consumed += amount;
        if is_recent {
            grant.note_recent(amount, at);
        }
        grant.updated_at = at;
        grant.assert_bounds();
    }

    fn settle(&mut self, settled: Settled, at: Timestamp) {
        let overdraft = self.overdraft.as_mut().expect("a settlement needs an overdraft");
        assert_eq!(overdraft.no, settled.overdraft, "a pool has one overdraft");
        overdraft.amount -= settled.amount;
        assert!(!overdraft.amount.is_negative(), "no more is settled than was overdrawn");
        self.used -= settled.amount;
        self.shift(settled.grant, settled.amount, at, true);
    }

    /// Invariant 2: what a grant loses at its end is what was unused of it. It stays aside while a
    /// part of it is held.
    fn end(&mut self, ended: &Ended) {
        if let Some(grant) = self.live.remove(ended.grant.no) {
            assert_eq!(grant.remaining(), ended.amount, "a grant loses what was unused of it");
            self.granted -= grant.amount;
            self.used -= grant.consumed + grant.held;
            if grant.held.is_positive() {
                self.lapsed.push(ended.grant.clone());
            }
        } else if let Some(place) = self.lapsed.iter().position(|one| one.no == ended.grant.no) {
            let grant = self.lapsed.remove(place);
            assert!(grant.held.is_zero(), "nothing is held any more of what leaves for good");
            assert!(ended.amount.is_zero(), "a grant loses what was unused of it once");
        } else {
            let before = self.scheduled.len();
            self.scheduled.retain(|grant| grant.no != ended.grant.no);
            assert!(self.scheduled.len() < before, "an ended grant stood in its pool");
            assert!(ended.amount.is_zero(), "a grant that was only scheduled loses nothing");
        }
    }
}
