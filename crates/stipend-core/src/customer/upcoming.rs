//! What is coming for a subscription: its next boundaries with what expires and what is granted.

use super::Customer;
use super::due::roll_instant;
use super::entry::{Effect, Entry};
use super::grant::Grant;
use super::subscription::SubscriptionTerms;
use crate::Amount;
use crate::catalog::Catalog;
use crate::id::{CurrencyId, ResourceId, SubscriptionNo};
use crate::limits::UPCOMING_INSTANTS_MAX;
use crate::time::Timestamp;

/// What happens to a subscription itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ComingChange {
    /// It begins.
    Starts,
    /// Its trial is over.
    TrialEnds,
    /// A scheduled change is carried out.
    Updates,
    /// A period of its credits ends and the next begins.
    Renews,
    /// It ends.
    Ends,
}

/// One instant ahead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coming {
    /// When.
    pub at: Timestamp,
    /// What happens to the subscription.
    pub changes: Vec<ComingChange>,
    /// The grants that end then, each with what would be lost of it if nothing were drawn until
    /// then. The pool's credit type and resource stand beside.
    pub expires: Vec<(CurrencyId, Option<ResourceId>, Grant, Amount)>,
    /// The grants that are issued then.
    pub grants: Vec<(CurrencyId, Option<ResourceId>, Grant)>,
}

/// The next `count` instants at which something happens to a subscription or its recurring
/// credits, as things stand: fewer where it ends, or where other things of the customer lie closer
/// together than [`UPCOMING_INSTANTS_MAX`].
///
/// # Examples
///
/// ```
/// use stipend_core::customer::upcoming;
/// use stipend_core::{SubscriptionNo, examples};
/// let catalog = examples::catalog();
/// let customer = examples::subscribed_customer(&catalog, 0);
/// let coming = upcoming(&customer, &catalog, SubscriptionNo(0), 2);
/// let at: Vec<String> = coming.iter().map(|coming| coming.at.to_string()).collect();
/// assert_eq!(at, ["2026-04-01T00:00:00.000Z", "2026-05-01T00:00:00.000Z"]);
/// ```
#[must_use]
pub fn upcoming(
    customer: &Customer,
    catalog: &Catalog,
    number: SubscriptionNo,
    count: usize,
) -> Vec<Coming> {
    let mut found = upcoming_of(customer, catalog, &[number], count);
    found.pop().unwrap_or_default()
}

/// As [`upcoming`], for several subscriptions of a customer, in their order: the customer is looked
/// at once for all of them.
///
/// # Examples
///
/// ```
/// use stipend_core::customer::{upcoming, upcoming_of};
/// use stipend_core::{SubscriptionNo, examples};
/// let catalog = examples::catalog();
/// let customer = examples::subscribed_customer(&catalog, 0);
/// let numbers = [SubscriptionNo(0)];
/// let coming = upcoming_of(&customer, &catalog, &numbers, 2);
/// assert_eq!(coming, [upcoming(&customer, &catalog, SubscriptionNo(0), 2)]);
/// ```
#[must_use]
pub fn upcoming_of(
    customer: &Customer,
    catalog: &Catalog,
    numbers: &[SubscriptionNo],
    count: usize,
) -> Vec<Vec<Coming>> {
    let mut rolled = customer.clone();
    let mut found: Vec<Vec<Coming>> = vec![Vec::new(); numbers.len()];
    for _ in 0..UPCOMING_INSTANTS_MAX {
        let lacks = |(number, found): (&SubscriptionNo, &Vec<Coming>)| {
            found.len() < count && has_prospects(&rolled, *number)
        };
        let lacks_any = numbers.iter().zip(&found).any(lacks);
        let Some(due) = rolled.next_due.filter(|_| lacks_any) else { break };
        let terms = |number: &SubscriptionNo| {
            let terms = &rolled.subscription(*number)?.terms;
            terms.ended.is_none().then(|| terms.clone())
        };
        let before: Vec<_> = numbers.iter().map(terms).collect();
        let (next, entries) = roll_instant(rolled, catalog, due);
        rolled = next;
        for ((number, before), found) in numbers.iter().zip(before).zip(&mut found) {
            let Some(before) = before.filter(|_| found.len() < count) else { continue };
            let coming = Coming::at(due, &rolled, (*number, &before), &entries);
            if !(coming.changes.is_empty() && coming.expires.is_empty()) {
                found.push(coming);
            }
        }
    }
    found
}

/// Whether time alone still does anything to a subscription or its recurring credits.
fn has_prospects(customer: &Customer, number: SubscriptionNo) -> bool {
    let Some(subscription) = customer.subscription(number) else { return false };
    if subscription.terms.ended.is_some() {
        return false;
    }
    // What begins may take the place of another.
    let any_begins = customer.subscriptions.iter().any(|one| one.terms.is_pending());
    let grants =
        customer.pools.iter().flat_map(|pool| pool.live.open().iter().chain(&pool.scheduled));
    any_begins
        || subscription.terms.next_event().is_some()
        || !subscription.issued.is_empty()
        || grants.into_iter().any(|grant| is_of(grant, number))
}

fn is_of(grant: &Grant, number: SubscriptionNo) -> bool {
    grant.source.as_ref().is_some_and(|source| source.subscription == number)
}

fn changes(before: &SubscriptionTerms, after: &SubscriptionTerms) -> Vec<ComingChange> {
    let mut changes = Vec::new();
    let mut note = |happens: bool, change| {
        if happens {
            changes.push(change);
        }
    };
    note(!before.has_begun && after.has_begun, ComingChange::Starts);
    let was_in_trial = before.has_begun && before.running_trial().is_some();
    note(was_in_trial && after.running_trial().is_none(), ComingChange::TrialEnds);
    let is_done = after.ended.is_none() && before.scheduled != after.scheduled;
    note(is_done, ComingChange::Updates);
    note(after.ended.is_some(), ComingChange::Ends);
    changes
}

impl Coming {
    /// What happens at an instant to a subscription, of which the terms before are given.
    fn at(
        at: Timestamp,
        rolled: &Customer,
        (number, before): (SubscriptionNo, &SubscriptionTerms),
        entries: &[Entry],
    ) -> Self {
        let after = &rolled.subscriptions[number.0 as usize].terms;
        let changes = changes(before, after);
        let mut coming = Self { at, changes, expires: Vec::new(), grants: Vec::new() };
        entries.iter().for_each(|entry| coming.note(rolled, number, entry));
        if !coming.grants.is_empty() && coming.changes.is_empty() {
            coming.changes.push(ComingChange::Renews);
        }
        coming
    }

    fn note(&mut self, customer: &Customer, number: SubscriptionNo, entry: &Entry) {
        let Entry::Pool(entry) = entry else { return };
        let pool = customer.pool(entry.pool).expect("the entry was folded into it");
        let place = || (pool.currency.clone(), pool.resource.clone());
        for effect in &entry.effects {
            match effect {
                Effect::Granted(grant) if is_of(grant, number) => {
                    let (currency, resource) = place();
                    self.grants.push((currency, resource, grant.clone()));
                }
                Effect::Ended(ended) if is_of(&ended.grant, number) => {
                    let (currency, resource) = place();
                    let (grant, amount) = (ended.grant.clone(), ended.amount);
                    self.expires.push((currency, resource, grant, amount));
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples;

    #[test]
    fn what_has_nothing_to_come_is_not_looked_for() {
        let catalog = examples::catalog();
        let mut customer = examples::subscribed_customer(&catalog, 0);
        assert!(has_prospects(&customer, SubscriptionNo(0)));
        assert!(!has_prospects(&customer, SubscriptionNo(1)), "there is none");
        customer.pools.clear();
        assert!(has_prospects(&customer, SubscriptionNo(0)), "its period runs");
        customer.subscriptions[0].issued.clear();
        assert!(!has_prospects(&customer, SubscriptionNo(0)), "without credits time does nothing");
        customer.subscriptions[0].terms.has_begun = false;
        assert!(has_prospects(&customer, SubscriptionNo(0)), "it is still to begin");
    }
}
