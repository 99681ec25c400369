//! Archiving a customer: its subscriptions end, and who it is, is forgotten (`behaviour.md` §1.9).

use super::decide::{Builder, Decision};
use super::entry::Entry;
use super::subscription::{SubscriptionEndReason, SubscriptionTerms};
use super::{Customer, Profile, life};
use crate::catalog::{Catalog, Extras};
use crate::time::Timestamp;

/// What is carried for a customer that says who it is: cards, its ids in other systems, and names,
/// addresses and tax ids for the billing provider.
const PERSONAL: [&str; 3] = ["defaultPaymentMethod", "integrations", "passthrough"];

/// What is carried for a subscription that says who has it: addresses and tax ids, and its id in
/// another system.
const PERSONAL_OF_SUBSCRIPTION: [&str; 2] = ["billingInformation", "salesforceId"];

fn forget(extras: &mut Extras, personal: &[&str]) -> bool {
    let count = extras.len();
    extras.retain(|key, _| !personal.contains(&key.as_str()));
    extras.len() < count
}

pub(super) fn archive(customer: &Customer, catalog: &Catalog, now: Timestamp) -> Decision {
    let mut builder = Builder::new(customer, catalog, now);
    for subscription in &customer.subscriptions {
        let number = subscription.terms.number;
        life::end(&mut builder, number, SubscriptionEndReason::CustomerArchived);
        // Those that ended long ago say it as well.
        let ended = builder.customer.subscription(number).expect("it is the customer's");
        let mut terms = SubscriptionTerms::clone(&ended.terms);
        if forget(&mut terms.extras, &PERSONAL_OF_SUBSCRIPTION) {
            terms.updated_at = now;
            builder.push(Entry::Subscription(Box::new(terms)));
        }
    }
    let mut profile = Profile::clone(&customer.profile);
    forget(&mut profile.extras, &PERSONAL);
    (profile.name, profile.email) = (None, None);
    (profile.archived_at, profile.updated_at) = (Some(now), now);
    builder.push(Entry::Profile(profile));
    builder.finish(|_| {})
}
