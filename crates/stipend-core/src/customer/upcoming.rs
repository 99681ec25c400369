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
    let mut rolled = customer.clone();
    let mut found = Vec::new();
    for _ in 0..UPCOMING_INSTANTS_MAX {
        let Some(due) = rolled.next_due.filter(|_| found.len() < count) else { break };
        let before = rolled.subscription(number).map(|subscription| subscription.terms.clone());
        let Some(before) = before.filter(|terms| terms.ended.is_none()) else { break };
        let entries = roll_instant(&mut rolled, catalog, due);
        let after = &rolled.subscriptions[number.0 as usize].terms;
        let mut coming = Coming {
            at: due,
            changes: changes(&before, after),
            expires: Vec::new(),
            grants: Vec::new(),
        };
        for entry in &entries {
            coming.note(&rolled, number, entry);
        }
        if !coming.grants.is_empty() && coming.changes.is_empty() {
            coming.changes.push(ComingChange::Renews);
        }
        let is_empty = coming.changes.is_empty() && coming.expires.is_empty();
        if !is_empty {
            found.push(coming);
        }
    }
    found
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
    fn note(&mut self, customer: &Customer, number: SubscriptionNo, entry: &Entry) {
        let Entry::Pool(entry) = entry else { return };
        let pool = customer.pool(entry.pool).expect("the entry was folded into it");
        let place = || (pool.currency.clone(), pool.resource.clone());
        let is_own = |grant: &Grant| {
            grant.source.as_ref().is_some_and(|source| source.subscription == number)
        };
        for effect in &entry.effects {
            match effect {
                Effect::Granted(grant) if is_own(grant) => {
                    let (currency, resource) = place();
                    self.grants.push((currency, resource, grant.clone()));
                }
                Effect::Ended(ended) if is_own(&ended.grant) => {
                    let (currency, resource) = place();
                    let (grant, amount) = (ended.grant.clone(), ended.amount);
                    self.expires.push((currency, resource, grant, amount));
                }
                _ => {}
            }
        }
    }
}
