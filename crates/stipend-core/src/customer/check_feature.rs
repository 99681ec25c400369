//! The check of a feature: may this customer use it now? It reads and never changes anything.

use super::Customer;
use super::check::{CreditCheck, Denial, check_pool, covers};
use super::counting::current_usage;
use super::feature::{
    FeatureAccess, FeatureOrigin, active_subscriptions, feature_access, plan_versions,
};
use super::mapping::{Mapping, mapping_of};
use super::pricing::fixed_cost;
use super::resolve::pinned;
use crate::Amount;
use crate::catalog::{
    Catalog, Enforcement, Feature, FeatureType, MeterType, PackageKey, PackageVersion,
};
use crate::id::{CurrencyId, FeatureId, ResourceId, SubscriptionNo};
use crate::period::Period;
use crate::time::Timestamp;
use std::collections::BTreeSet;

/// What is asked about a feature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeatureQuestion<'a> {
    /// The resource it is for; `None` is the customer itself.
    pub resource: Option<&'a ResourceId>,
    /// How much is to be used, of a feature with a number.
    pub usage: Option<Amount>,
    /// The values that are to be used, of a feature with named values.
    pub values: &'a [&'a str],
    /// The subscriptions whose budget is spent; the domain knows no money.
    pub spent: &'a [SubscriptionNo],
}

/// What usage of a feature takes from a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureCredits {
    /// The credit type.
    pub currency: CurrencyId,
    /// The subscription whose mapping is taken.
    pub subscription: SubscriptionNo,
    /// Its plan, an ancestor of the plan or an add-on, which has the mapping.
    pub package: PackageKey,
    /// The version of it.
    pub version: u32,
    /// Credits for one unit.
    pub rate: Amount,
    /// Whether a formula says what each event costs.
    pub is_formula: bool,
    /// What the requested usage costs, where any was requested.
    pub cost: Option<Amount>,
    /// Whether the cost is only an estimate, because a formula prices each event by itself.
    pub is_estimate: bool,
    /// The check of the pool for that.
    pub check: CreditCheck,
}

/// The answer to a check of a feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureCheck {
    /// Why it is denied; granted where absent.
    pub denial: Option<Denial>,
    /// What all sources give of it; `None` where none does.
    pub access: Option<FeatureAccess>,
    /// What was used of it in the running period of usage.
    pub current_usage: Amount,
    /// Whether that and what was requested is within the limit, be it soft or not.
    pub is_within_limit: bool,
    /// The running period of usage; none where usage never starts anew.
    pub period: Option<Period>,
    /// The pool that its usage is paid from, where it is mapped to credits.
    pub credits: Option<FeatureCredits>,
    /// When a source last changed.
    pub updated_at: Option<Timestamp>,
    /// When to ask again, if nothing is reported before.
    pub valid_until: Option<Timestamp>,
}

impl FeatureCheck {
    /// The answer for a customer or a thing that does not exist.
    #[must_use]
    pub fn denied(denial: Denial) -> Self {
        Self {
            denial: Some(denial),
            access: None,
            current_usage: Amount::ZERO,
            is_within_limit: true,
            period: None,
            credits: None,
            updated_at: None,
            valid_until: None,
        }
    }
}

/// Checks a feature for a customer that has been rolled forward to `now`.
///
/// Of several reasons to deny it, the one that [`Denial`] declares first is given. A feature that
/// is mapped to credits is had by whoever has the mapping; the pool must cover what the requested
/// usage costs (`behaviour.md` §5.3, §5.4, §0.19).
///
/// # Examples
///
/// ```
/// use stipend_core::customer::{Denial, FeatureQuestion, check_feature};
/// use stipend_core::{FeatureId, examples};
/// let catalog = examples::catalog();
/// let customer = examples::subscribed_customer(&catalog, 0);
/// let unheard_of = FeatureId::parse("unheard-of").unwrap();
/// let question = FeatureQuestion::default();
/// let check = check_feature(&customer, &catalog, &unheard_of, &question, examples::START);
/// assert_eq!(check.denial, Some(Denial::FeatureNotFound));
/// ```
#[must_use]
pub fn check_feature(
    customer: &Customer,
    catalog: &Catalog,
    feature: &FeatureId,
    question: &FeatureQuestion<'_>,
    now: Timestamp,
) -> FeatureCheck {
    if customer.profile.archived_at.is_some() {
        return FeatureCheck::denied(Denial::CustomerIsArchived);
    }
    let resource = question.resource;
    if resource.is_some_and(|resource| customer.find_resource(resource).is_none()) {
        return FeatureCheck::denied(Denial::CustomerResourceNotFound);
    }
    let Some(feature) = catalog.features.get(feature) else {
        return FeatureCheck::denied(Denial::FeatureNotFound);
    };
    let access = feature_access(customer, catalog, &feature.id, resource, now);
    let mapping = mapping_of(customer, catalog, &feature.id, resource);
    let sources = (access.as_ref(), mapping.as_ref());
    let used = current_usage(customer, catalog, feature, resource, sources, now);
    let credits = mapping.as_ref().map(|mapping| {
        let usage = question.usage.map(|usage| (used, usage));
        credits_of(customer, catalog, feature, mapping, resource, usage, now)
    });
    let asked = Asked { customer, feature, question, used, now };
    let denial = asked.deny(access.as_ref(), mapping.as_ref(), credits.as_ref());
    let period = access.as_ref().and_then(|access| access.usage_period_at(now));
    FeatureCheck {
        denial,
        current_usage: used,
        is_within_limit: access.as_ref().is_none_or(|access| asked.is_within(access)),
        period,
        credits,
        updated_at: access.as_ref().and_then(|access| updated_at(customer, access)),
        valid_until: valid_until(customer, &feature.id, period, now),
        access,
    }
}

/// The features that any source gives to a customer, or to one of its resources.
#[must_use]
pub fn entitled_features(
    customer: &Customer,
    catalog: &Catalog,
    resource: Option<&ResourceId>,
    now: Timestamp,
) -> BTreeSet<FeatureId> {
    let promoted = customer.promotions.iter().filter(|promotion| promotion.is_active(now));
    let mut features: BTreeSet<FeatureId> =
        promoted.map(|promotion| promotion.feature.clone()).collect();
    for subscription in active_subscriptions(customer, resource) {
        let terms = &subscription.terms;
        for (_, version) in plan_versions(terms, catalog) {
            add_features(&mut features, version);
        }
        for pin in &terms.addons {
            let key = PackageKey::addon(pin.addon.clone());
            add_features(&mut features, pinned(catalog, &key, pin.version));
        }
    }
    // What one package names, another may have displaced.
    features.retain(|feature| {
        feature_access(customer, catalog, feature, resource, now).is_some()
            || mapping_of(customer, catalog, feature, resource).is_some()
    });
    features
}

fn add_features(features: &mut BTreeSet<FeatureId>, version: &PackageVersion) {
    let entitled = version.entitlements.iter().filter_map(|entitlement| entitlement.feature());
    features.extend(entitled.map(|(feature, _)| feature.clone()));
    features.extend(version.charges.rates.iter().map(|rate| rate.feature.clone()));
}

/// What the usage costs, and whether the pool has it. A formula prices events, of which a check
/// knows nothing: there the rate's own amount is taken for each unit.
fn credits_of(
    customer: &Customer,
    catalog: &Catalog,
    feature: &Feature,
    mapping: &Mapping<'_>,
    resource: Option<&ResourceId>,
    usage: Option<(Amount, Amount)>,
    now: Timestamp,
) -> FeatureCredits {
    let rate = mapping.rate;
    let is_formula = rate.formula.is_some();
    let cost = usage.map(|(used, usage)| {
        let cost = if is_formula {
            rate.amount.times_amount(usage)
        } else {
            fixed_cost(feature, rate.amount, used, used + usage).map(|cost| cost.amount)
        };
        cost.unwrap_or(Amount::MAX).or_zero()
    });
    // Usage that the last unit has paid for costs nothing, and so needs nothing to be left; what a
    // formula will charge is not known.
    let is_priced = !is_formula && usage.is_some_and(|(_, usage)| usage.is_positive());
    let is_covered = |left: Amount| match cost {
        Some(cost) if is_priced => left >= cost,
        _ => covers(left, cost),
    };
    let check = check_pool(customer, catalog, &rate.currency, resource, is_covered, now);
    let is_estimate = is_formula && usage.is_some();
    FeatureCredits {
        currency: rate.currency.clone(),
        subscription: mapping.subscription,
        package: mapping.package.clone(),
        version: mapping.version,
        rate: rate.amount,
        is_formula,
        cost,
        is_estimate,
        check,
    }
}

/// A question with what is known for its answer.
struct Asked<'a> {
    customer: &'a Customer,
    feature: &'a Feature,
    question: &'a FeatureQuestion<'a>,
    used: Amount,
    now: Timestamp,
}

impl Asked<'_> {
    /// The reasons in the order in which [`Denial`] declares them.
    fn deny(
        &self,
        access: Option<&FeatureAccess>,
        mapping: Option<&Mapping<'_>>,
        credits: Option<&FeatureCredits>,
    ) -> Option<Denial> {
        if access.is_none() && mapping.is_none() {
            return Some(self.nothing_gives_it());
        }
        if self.is_of_another_type() {
            return Some(Denial::FeatureTypeMismatch);
        }
        if self.is_over_budget(access, mapping) {
            return Some(Denial::BudgetExceeded);
        }
        let insufficient = credits.and_then(|credits| credits.check.denial).is_some();
        if insufficient {
            return Some(Denial::InsufficientCredits);
        }
        access.and_then(|access| self.exceeds(access))
    }

    fn nothing_gives_it(&self) -> Denial {
        let promotion = self.customer.promotion(&self.feature.id);
        if promotion.is_some_and(|promotion| promotion.is_revoked(self.now)) {
            return Denial::Revoked;
        }
        let mut subscribed = active_subscriptions(self.customer, self.question.resource);
        match subscribed.next() {
            Some(_) => Denial::NoFeatureEntitlementInSubscription,
            None => Denial::NoActiveSubscription,
        }
    }

    fn is_of_another_type(&self) -> bool {
        let is_number = self.feature.feature_type == FeatureType::Number;
        let is_enum = self.feature.feature_type == FeatureType::Enum;
        (self.question.usage.is_some() && !is_number)
            || (!self.question.values.is_empty() && !is_enum)
    }

    /// Whether all that gives the feature is a subscription whose budget is spent.
    fn is_over_budget(
        &self,
        access: Option<&FeatureAccess>,
        mapping: Option<&Mapping<'_>>,
    ) -> bool {
        let is_spent = |number: &SubscriptionNo| self.question.spent.contains(number);
        match (access, mapping) {
            (Some(access), _) => access.shares.iter().all(|share| match &share.origin {
                FeatureOrigin::Subscription(number) => is_spent(number),
                FeatureOrigin::Promotion(_) => false,
            }),
            (None, Some(mapping)) => is_spent(&mapping.subscription),
            (None, None) => false,
        }
    }

    fn exceeds(&self, access: &FeatureAccess) -> Option<Denial> {
        match self.feature.feature_type {
            FeatureType::Boolean => None,
            FeatureType::Number => {
                let is_soft = access.enforcement == Enforcement::Soft;
                let is_denied = !is_soft && !self.is_within(access);
                is_denied.then_some(Denial::RequestedUsageExceedingLimit)
            }
            FeatureType::Enum => {
                let is_allowed = |value: &&str| access.enum_values.iter().any(|one| one == value);
                let all = self.question.values.iter().all(is_allowed);
                (!all).then_some(Denial::RequestedValuesMismatch)
            }
        }
    }

    /// Where nothing is requested, something must be left of what is used up; a number that the
    /// plan carries is not used up.
    fn is_within(&self, access: &FeatureAccess) -> bool {
        let is_number = self.feature.feature_type == FeatureType::Number;
        let Some(limit) = access.limit.filter(|_| is_number) else { return true };
        match self.question.usage {
            Some(usage) => self.used + usage <= limit,
            None if self.feature.meter_type == MeterType::None => true,
            None => self.used < limit,
        }
    }
}

fn updated_at(customer: &Customer, access: &FeatureAccess) -> Option<Timestamp> {
    let changed = access.shares.iter().filter_map(|share| match share.origin {
        FeatureOrigin::Subscription(number) => {
            customer.subscription(number).map(|subscription| subscription.terms.updated_at)
        }
        FeatureOrigin::Promotion(number) => {
            let mut promotions = customer.promotions.iter();
            promotions.find(|found| found.number == number).map(|found| found.updated_at)
        }
    });
    changed.max()
}

/// When an answer can change by itself: something is due, a period of usage or a promotion ends.
fn valid_until(
    customer: &Customer,
    feature: &FeatureId,
    period: Option<Period>,
    now: Timestamp,
) -> Option<Timestamp> {
    let promotion = customer.promotion(feature).and_then(|promotion| promotion.ends_at);
    let promotion = promotion.filter(|end| *end > now);
    let period = period.map(|period| period.end);
    [customer.next_due, period, promotion].into_iter().flatten().min()
}
