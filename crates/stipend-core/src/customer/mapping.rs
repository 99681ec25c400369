//! Which rate turns the usage of a feature into credits (`behaviour.md` §4.1, §11 rows 23, 24).

use super::Customer;
use super::feature::{active_subscriptions, plan_versions};
use super::resolve::pinned;
use super::subscription::SubscriptionTerms;
use crate::catalog::{Catalog, CreditRate, PackageKey, PackageVersion};
use crate::id::{FeatureId, ResourceId, SubscriptionNo};

/// The rate that holds for a customer's usage of a feature, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping<'a> {
    /// The subscription.
    pub subscription: SubscriptionNo,
    /// Its plan, an ancestor of the plan, or an add-on of it.
    pub package: PackageKey,
    /// The version of it that the subscription pins.
    pub version: u32,
    /// The rate.
    pub rate: &'a CreditRate,
}

/// The mapping of a feature for a resource, or for the customer itself: that of the oldest active
/// subscription that has one. An add-on's wins over the plan's, the plan's own over that of an
/// ancestor. Where a package has prices for both billing periods, that of the subscription's is
/// taken, else the first.
#[must_use]
pub fn mapping_of<'a>(
    customer: &'a Customer,
    catalog: &'a Catalog,
    feature: &FeatureId,
    resource: Option<&'a ResourceId>,
) -> Option<Mapping<'a>> {
    active_subscriptions(customer, resource)
        .find_map(|subscription| mapping_in(&subscription.terms, catalog, feature))
}

fn mapping_in<'a>(
    terms: &'a SubscriptionTerms,
    catalog: &'a Catalog,
    feature: &FeatureId,
) -> Option<Mapping<'a>> {
    let addons = terms.addons.iter().map(|pin| {
        let key = PackageKey::addon(pin.addon.clone());
        let version = pinned(catalog, &key, pin.version);
        (key, version)
    });
    addons.chain(plan_versions(terms, catalog)).find_map(|(package, version)| {
        let rate = rate_in(version, terms, feature)?;
        let subscription = terms.number;
        Some(Mapping { subscription, package, version: version.version, rate })
    })
}

fn rate_in<'a>(
    version: &'a PackageVersion,
    terms: &SubscriptionTerms,
    feature: &FeatureId,
) -> Option<&'a CreditRate> {
    let of_feature = || version.charges.rates.iter().filter(|rate| rate.feature == *feature);
    let of_period = of_feature().find(|rate| rate.billing_period == terms.billing_period);
    of_period.or_else(|| of_feature().next())
}
