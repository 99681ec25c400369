//! What a consumption may still get back of what was consumed of a pool.
//!
//! Meters remember what they drew from which grant, so that less usage gives it back. What they
//! remember is theirs: the reversal of anything else leaves it alone. A consumption for usage gets
//! back what its meter remembers; draws of one meter on one grant are not told apart.

use super::Customer;
use super::entry::{Cause, Draw, PoolEntry, Priced};
use super::reverse::ReverseRequest;
use crate::Amount;
use crate::id::GrantNo;
use std::collections::BTreeMap;

/// What a consumption may still get back.
pub(super) struct Claim {
    /// What all meters remember of each grant, and of the overdraft.
    remembered: BTreeMap<GrantNo, Amount>,
    /// What of that is of the consumption's own meter; `None` where no meter remembers it.
    own: Option<BTreeMap<GrantNo, Amount>>,
    /// What was not given back for less usage.
    left: Amount,
    /// What was drawn from each grant, while the overdraft is looked at.
    aside: BTreeMap<GrantNo, Amount>,
    /// What its meter forgets.
    forgotten: Vec<Draw>,
}

impl Claim {
    /// What the consumption of a request may get back.
    pub(super) fn of(
        customer: &Customer,
        request: &ReverseRequest,
        priced: Option<&Priced>,
    ) -> Self {
        let pool = request.consumed.pool;
        let mut remembered: BTreeMap<GrantNo, Amount> = BTreeMap::new();
        for run in customer.usages.iter().flat_map(|usage| &usage.drawn) {
            if run.pool == pool {
                *remembered.entry(run.grant).or_default() += run.amount;
            }
        }
        let consumed = request.consumed.consumed();
        let (aside, forgotten) = (BTreeMap::new(), Vec::new());
        let Some(priced) = priced else {
            return Self { remembered, own: None, left: consumed, aside, forgotten };
        };
        let usage = customer.usage(priced.meter).expect("usage that is paid for is counted");
        if usage.since <= request.consumed.at {
            let mut own: BTreeMap<GrantNo, Amount> = BTreeMap::new();
            for run in usage.drawn.iter().filter(|run| run.pool == pool) {
                *own.entry(run.grant).or_default() += run.amount;
            }
            let given_back = given_back(&request.since, priced);
            let left = (consumed - given_back).or_zero();
            return Self { remembered, own: Some(own), left, aside, forgotten };
        }
        // What was given back after usage had started anew was drawn after it.
        let until = request.since.partition_point(|entry| entry.at < usage.since);
        let given_back = given_back(&request.since[..until], priced);
        let left = (consumed - given_back).or_zero();
        Self { remembered, own: None, left, aside, forgotten }
    }

    /// Keeps what was drawn from a grant from being taken for overdraft that it settled.
    pub(super) fn set_aside(&mut self, draw: Draw) {
        let amount = match &mut self.own {
            Some(own) => {
                let run = own.entry(draw.grant).or_default();
                let amount = draw.amount.min(*run);
                *run -= amount;
                amount
            }
            None => {
                *self.remembered.entry(draw.grant).or_default() += draw.amount;
                draw.amount
            }
        };
        *self.aside.entry(draw.grant).or_default() += amount;
    }

    /// Takes up again what was set aside of a grant.
    pub(super) fn take_up(&mut self, no: GrantNo) {
        let amount = self.aside.remove(&no).unwrap_or_default();
        match &mut self.own {
            Some(own) => *own.entry(no).or_default() += amount,
            None => *self.remembered.entry(no).or_default() -= amount,
        }
    }

    /// Takes what the consumption's meter remembers of so much that was drawn from a grant, and
    /// lets it forget that. `None` where no meter remembers the consumption.
    pub(super) fn take(&mut self, no: GrantNo, amount: Amount) -> Option<Amount> {
        let own = self.own.as_mut()?;
        let Some(run) = own.get_mut(&no) else { return Some(Amount::ZERO) };
        let taken = amount.min(*run);
        if taken.is_positive() {
            *run -= taken;
            *self.remembered.entry(no).or_default() -= taken;
            self.forgotten.push(Draw { grant: no, amount: taken });
        }
        Some(taken)
    }

    /// What of the consumption of a grant no meter remembers.
    pub(super) fn free(&self, no: GrantNo, consumed: Amount) -> Amount {
        let remembered = self.remembered.get(&no).copied().unwrap_or_default();
        (consumed - remembered).or_zero()
    }

    /// Whether a meter remembers the consumption.
    pub(super) fn is_metered(&self) -> bool {
        self.own.is_some()
    }

    /// What may be given back without a meter that remembers it.
    pub(super) fn left(&self) -> Amount {
        self.left
    }

    /// So much has been given back.
    pub(super) fn spend(&mut self, amount: Amount) {
        self.left = (self.left - amount).or_zero();
    }

    /// What the meter forgets.
    pub(super) fn into_forgotten(self) -> Vec<Draw> {
        self.forgotten
    }
}

/// What less usage has given back: it was not the last that was drawn where others came later, so
/// it is never too little.
fn given_back(since: &[PoolEntry], priced: &Priced) -> Amount {
    let later = since.iter().filter_map(|entry| match &entry.cause {
        Cause::Consumption(later) if later.amount.is_negative() => {
            let is_same = later.priced.as_ref().is_some_and(|by| by.meter == priced.meter);
            is_same.then_some(-later.amount)
        }
        _ => None,
    });
    later.sum()
}
