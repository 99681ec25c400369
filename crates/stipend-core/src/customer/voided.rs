//! What stays consumed of recurring credits that somebody voids (`behaviour.md` §0.6, §0.7).

use super::Customer;
use super::entry::Carried;
use super::grant::Grant;
use super::level::Item;
use super::pool::Pool;
use super::subscription::{CarriedConsumption, Subscription};
use crate::Amount;
use crate::id::{CurrencyId, SubscriptionNo};
use crate::period::Cadence;
use crate::time::Timestamp;

/// What was consumed of recurring credits in a period stays consumed when they are voided, as is what
/// is held of them and may be yet.
pub(super) fn remember(
    customer: &Customer,
    pool: &Pool,
    grant: &Grant,
    now: Timestamp,
) -> Option<Carried> {
    let source = grant.source.as_ref()?;
    let consumed = grant.consumed + grant.held;
    let subscription = customer.subscription(source.subscription)?;
    let (package, cadence) = (Some(&source.package), source.cadence);
    let before = subscription.find_remembered(&pool.currency, cadence, package, now);
    let before = before.map_or((Amount::ZERO, Amount::ZERO), |before| {
        (before.amount, before.amount - before.counted_at(now))
    });
    let recent = grant.recent_at(now) + grant.held;
    let lent = if cadence == Cadence::Year { before.1 + recent } else { Amount::ZERO };
    let month = subscription.terms.period_at(Cadence::Month, now).end;
    let carried = CarriedConsumption {
        cadence,
        amount: before.0 + consumed,
        until: subscription.terms.period_at(cadence, now).end,
        lent,
        lent_until: if lent.is_zero() { Timestamp::EPOCH } else { month },
    };
    let voided_of = Some(source.package.clone());
    consumed.is_positive().then_some(Carried {
        subscription: source.subscription,
        carried,
        voided_of,
    })
}

/// What was consumed of grants of an item that somebody has voided. It stays consumed, and nothing is
/// left there; when the item gives less, or something takes its place, it counts elsewhere.
pub(super) struct Voided {
    pub(super) subscription: SubscriptionNo,
    pub(super) item: Item,
    remembered: CarriedConsumption,
    recent: Amount,
    older: Amount,
}

impl Voided {
    /// What a subscription remembers.
    pub(super) fn of(owner: &Subscription, currency: &CurrencyId, now: Timestamp) -> Vec<Self> {
        let known = owner.carried.iter().filter(|one| one.currency == *currency);
        let known = known.filter(|one| now < one.carried.until);
        let voided = known.filter_map(|one| {
            let (package, remembered) = (one.voided_of.clone()?, one.carried);
            let is_yearly = remembered.cadence == Cadence::Year;
            let older = if is_yearly { remembered.counted_at(now) } else { Amount::ZERO };
            Some(Self {
                subscription: owner.terms.number,
                item: (package, remembered.cadence),
                remembered,
                recent: remembered.amount - older,
                older,
            })
        });
        voided.collect()
    }

    /// Whether it may be of a grant of a subscription that was to end then. It counts to the end of the
    /// period also where the grant was to end with a trial: the trial may come to last longer.
    pub(super) fn may_be_of(&self, owner: &Subscription, end: Timestamp) -> bool {
        let until = self.remembered.until;
        let is_of_trial = owner.terms.trial.is_some_and(|trial| end <= trial.ends_at);
        let is_in_time = until == end || is_of_trial && end < until;
        self.subscription == owner.terms.number && is_in_time
    }

    pub(super) fn amount(&self) -> Amount {
        self.recent + self.older
    }

    /// Gives up so much, or all of it, what was consumed last first; answers what was consumed in the
    /// running month, and before.
    pub(super) fn give_up(&mut self, by: Option<Amount>) -> (Amount, Amount) {
        let taken = by.map_or(self.amount(), |by| by.min(self.amount()));
        let recent = taken.min(self.recent);
        let older = taken - recent;
        self.recent -= recent;
        self.older -= older;
        (recent, older)
    }

    /// What is remembered now, where that is less than was said before.
    pub(super) fn take_change(&mut self) -> Option<Carried> {
        let amount = self.amount();
        if amount == self.remembered.amount {
            return None;
        }
        let lent = self.recent.min(self.remembered.lent);
        self.remembered = CarriedConsumption { amount, lent, ..self.remembered };
        Some(Carried {
            subscription: self.subscription,
            carried: self.remembered,
            voided_of: Some(self.item.0.clone()),
        })
    }
}
