//! Usage of features and promotions: what is counted goes on from where it was, and is paid for
//! once, at its price.

use super::{Audit, ensure};
use std::collections::BTreeMap;
use stipend_core::customer::{
    Consumption, MeterOpened, PoolEntry, Promotion, SubscriptionTerms, UsageBehavior, UsageEntry,
    UsagePin,
};
use stipend_core::{Amount, Customer, FeatureId, MeterId, Period, Timestamp};

/// What was counted and given.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted {
    meters: Vec<Meter>,
    owed: Option<Owed>,
    promotions: BTreeMap<FeatureId, u32>,
    next_promotion: u32,
}

#[derive(Clone, Debug)]
struct Meter {
    id: MeterId,
    feature: FeatureId,
    value: Amount,
    at: Timestamp,
    period: Option<Period>,
    pin: Option<UsagePin>,
}

/// Usage whose price has not been seen yet.
#[derive(Clone, Debug)]
struct Owed {
    meter: MeterId,
    feature: FeatureId,
    /// By how much usage above zero rose.
    rise: Amount,
    is_mapped: bool,
    is_paid: bool,
    /// What comes back.
    refund: Amount,
}

const ONE: i128 = 1_000_000_000;

impl Audit {
    pub(super) fn note_meter(&mut self, opened: &MeterOpened) -> Result<(), String> {
        let meters = &mut self.counted.meters;
        let is_next = usize::from(opened.meter.number()) == meters.len();
        let (id, feature) = (opened.meter, opened.feature.clone());
        let (value, at) = (Amount::ZERO, Timestamp::EPOCH);
        meters.push(Meter { id, feature, value, at, period: None, pin: None });
        ensure(is_next, || format!("{:?} is opened out of order", opened.meter))
    }

    pub(super) fn note_usage(&mut self, entry: &UsageEntry) -> Result<(), String> {
        self.check_paid()?;
        let found = self.counted.meters.get_mut(usize::from(entry.meter.number()));
        let meter = found.ok_or("a meter was never opened")?;
        let last = (meter.at, meter.value);
        ensure(entry.at >= last.0, || format!("usage of {} after {}", entry.at, last.0))?;
        // Who has changed since, or has no periods any more, may go on.
        let is_same = entry.pin == meter.pin && entry.period.is_some();
        let is_over = is_same && meter.period.is_some_and(|period| period.end <= entry.at);
        ensure(!is_over || entry.restart.is_some(), || {
            format!("usage at {} goes on after its period {:?}", entry.at, meter.period)
        })?;
        let is_known = entry.restart.is_none_or(|restart| restart.at <= entry.at);
        let begins_at = if entry.restart.is_some() { Amount::ZERO } else { last.1 };
        let is_sum = match entry.behavior {
            UsageBehavior::Delta => entry.value == entry.before + entry.reported,
            UsageBehavior::Set => entry.value == entry.reported,
            UsageBehavior::Event => true,
        };
        ensure(is_known && entry.before == begins_at && is_sum, || {
            format!("usage was {}, {entry:?}", last.1)
        })?;
        let runs = |period: Period| period.start <= entry.at && entry.at < period.end;
        ensure(entry.period.is_none_or(runs), || {
            format!("usage of {} is counted in {:?}", entry.at, entry.period)
        })?;
        (meter.value, meter.at) = (entry.value, entry.at);
        (meter.period, meter.pin) = (entry.period, entry.pin);
        self.counted.owed = Some(Owed {
            meter: meter.id,
            feature: meter.feature.clone(),
            rise: entry.value.or_zero() - entry.before.or_zero(),
            is_mapped: entry.currency.is_some(),
            is_paid: false,
            refund: entry.returned - entry.forfeited,
        });
        Ok(())
    }

    /// Usage is paid for once, at the rate that a live subscription says; less of it gives back what
    /// the meter says.
    pub(super) fn note_paid(
        &mut self,
        entry: &PoolEntry,
        asked: &Consumption,
    ) -> Result<(), String> {
        let Some(priced) = &asked.priced else { return Ok(()) };
        let terms = self.terms.get(&priced.subscription.0);
        ensure(terms.is_some_and(SubscriptionTerms::is_active), || {
            format!("{:?} says a price and is not live", priced.subscription)
        })?;
        let owed = self.counted.owed.as_mut();
        let owed = owed.ok_or_else(|| format!("at {} usage is paid for twice", entry.at))?;
        let is_it = (owed.meter, &owed.feature) == (priced.meter, &priced.feature);
        ensure(is_it && owed.is_mapped, || format!("{priced:?} is paid for {owed:?}"))?;
        if asked.amount.is_negative() {
            owed.refund += asked.amount;
            return ensure(!owed.refund.is_negative(), || format!("{owed:?} gave too much back"));
        }
        let price = Amount::from_nano(owed.rise.nano() * priced.rate.nano() / ONE);
        let is_first = !std::mem::replace(&mut owed.is_paid, true);
        ensure(is_first && asked.amount == price, || {
            format!("{} is paid for usage of {price}", asked.amount)
        })
    }

    /// Nothing is owed any more.
    pub(super) fn check_paid(&mut self) -> Result<(), String> {
        let Some(owed) = self.counted.owed.take() else { return Ok(()) };
        let costs = owed.is_mapped && owed.rise.is_positive();
        ensure(costs == owed.is_paid && owed.refund.is_zero(), || format!("{owed:?} is open"))
    }

    /// A new one has a new number; one that is known is only taken back.
    pub(super) fn note_promotion(&mut self, promotion: &Promotion) -> Result<(), String> {
        let counted = &mut self.counted;
        let before = counted.promotions.insert(promotion.feature.clone(), promotion.number);
        let is_revoked = before == Some(promotion.number) && promotion.revoked_at.is_some();
        let is_new = promotion.number >= counted.next_promotion && promotion.revoked_at.is_none();
        counted.next_promotion = counted.next_promotion.max(promotion.number + 1);
        ensure(is_revoked || is_new, || format!("{promotion:?} after {before:?}"))
    }

    /// Meters stand where the entries say, and remember no more draws than there are.
    pub(super) fn check_counted(&self, customer: &Customer) -> Result<(), String> {
        customer.verify_usages()?;
        let told: Vec<_> =
            customer.usages.iter().map(|usage| (usage.meter, usage.aggregate.value)).collect();
        let meters = self.counted.meters.iter();
        let known: Vec<_> = meters.map(|meter| (meter.id, meter.value)).collect();
        ensure(told == known, || format!("meters say {told:?}, entries {known:?}"))?;
        let told: Vec<_> =
            customer.promotions.iter().map(|one| (one.feature.clone(), one.number)).collect();
        let known = told
            .iter()
            .all(|(feature, number)| self.counted.promotions.get(feature) == Some(number));
        ensure(known && told.len() == self.counted.promotions.len(), || {
            format!("promotions are {told:?}")
        })
    }
}
