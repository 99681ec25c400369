//! What subscriptions remember of the consumption of one credit type, lowered by what is given back.

use super::Customer;
use super::entry::Carried;
use super::subscription::CarriedConsumption;
use super::voided::Voided;
use crate::Amount;
use crate::id::{CurrencyId, SubscriptionNo};
use crate::period::Cadence;
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// What subscriptions remember, as it becomes.
pub(super) struct Memory {
    now: Timestamp,
    carried: BTreeMap<(SubscriptionNo, Cadence), CarriedConsumption>,
    voided: Vec<Voided>,
}

impl Memory {
    pub(super) fn new(customer: &Customer, currency: &CurrencyId, now: Timestamp) -> Self {
        let mut carried = BTreeMap::new();
        for subscription in &customer.subscriptions {
            let number = subscription.terms.number;
            let known = subscription.all_carried(currency, now);
            carried.extend(known.map(|one| ((number, one.cadence), one)));
        }
        let voided = customer.subscriptions.iter();
        let voided = voided.flat_map(|one| Voided::of(one, currency, now)).collect();
        Self { now, carried, voided }
    }

    /// Lowers what is remembered of the voided items that are meant, one after the other; answers how
    /// much it was, and what is to be said of them.
    pub(super) fn forgive_voided(
        &mut self,
        is_meant: impl Fn(&Voided) -> bool,
        amount: Amount,
    ) -> (Amount, Vec<Carried>) {
        let mut done = Amount::ZERO;
        let mut said = Vec::new();
        for voided in self.voided.iter_mut().filter(|voided| is_meant(voided)) {
            let (recent, older) = voided.give_up(Some(amount - done));
            done += recent + older;
            said.extend(voided.take_change());
        }
        (done, said)
    }

    /// Lowers what a subscription remembers without room for it; answers how much it was, and what is
    /// to be said of it.
    pub(super) fn uncarry(
        &mut self,
        number: SubscriptionNo,
        amount: Amount,
    ) -> (Amount, Vec<Carried>) {
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
        let said = changed.into_iter();
        let said = said.map(|carried| Carried { subscription: number, carried, voided_of: None });
        (taken + older, said.collect())
    }
}
