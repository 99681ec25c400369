//! What a customer may use of a feature: what each source gives, and what they give together
//! (`behaviour.md` §2.6, §5.1).

use super::Customer;
use super::promotion::Promotion;
use super::resolve::pinned;
use super::subscription::{Subscription, SubscriptionTerms};
use crate::Amount;
use crate::catalog::{
    Behavior, Catalog, Enforcement, FeatureTerms, PackageKey, PackageKind, PackageVersion, Reset,
    ResetPeriod,
};
use crate::id::{FeatureId, ResourceId, SubscriptionNo};
use crate::period::{
    Anchor, Interval, Period, period_at, period_from_month_at, period_from_weekday_at,
};
use crate::time::Timestamp;
use std::sync::Arc;

/// Where access to a feature comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeatureOrigin {
    /// A subscription: its plan, the plan's ancestors and its add-ons together.
    Subscription(SubscriptionNo),
    /// The promotion with that number.
    Promotion(u32),
}

/// What one source gives of a feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureShare {
    /// The source.
    pub origin: FeatureOrigin,
    /// The greatest usage; no limit where `None`.
    pub limit: Option<Amount>,
    /// What happens beyond it.
    pub enforcement: Enforcement,
    /// The values that are allowed, of a feature with named values; sorted.
    pub enum_values: Vec<String>,
    /// When usage starts anew; never where `None`.
    pub reset: Option<Reset>,
    /// From where the source counts its periods.
    pub anchor: Anchor,
}

/// What all sources give of a feature together: the most generous wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureAccess {
    /// What each source gives: the oldest subscription first, a promotion last.
    pub shares: Vec<FeatureShare>,
    /// The greatest usage; no limit where `None`.
    pub limit: Option<Amount>,
    /// What happens beyond it: soft where any source is, else hard where any is.
    pub enforcement: Enforcement,
    /// The values that are allowed by any source; sorted.
    pub enum_values: Vec<String>,
    /// When usage starts anew: as the source of the limit says, the first of several.
    pub reset: Option<Reset>,
    /// From where that source counts its periods.
    pub anchor: Anchor,
}

impl FeatureAccess {
    /// The period of usage in which `at` lies; `None` where usage never starts anew.
    #[must_use]
    pub fn usage_period_at(&self, at: Timestamp) -> Option<Period> {
        self.reset.as_ref().map(|reset| usage_period_at(reset, &self.anchor, at))
    }

    fn merge(shares: Vec<FeatureShare>) -> Option<Self> {
        // Among equal limits the first source stands.
        let rank = |share: &FeatureShare| (share.limit.is_none(), share.limit);
        let mut winner = shares.first()?;
        for share in &shares {
            if rank(share) > rank(winner) {
                winner = share;
            }
        }
        let mut enum_values: Vec<String> =
            shares.iter().flat_map(|share| share.enum_values.iter().cloned()).collect();
        enum_values.sort();
        enum_values.dedup();
        Some(Self {
            limit: winner.limit,
            enforcement: shares.iter().map(|share| share.enforcement).min()?,
            enum_values,
            reset: winner.reset.clone(),
            anchor: winner.anchor.clone(),
            shares,
        })
    }
}

/// What a customer that has been rolled forward to `now` may use of a feature, for a resource or
/// for itself; `None` where neither an active subscription nor a promotion gives any of it.
#[must_use]
pub fn feature_access(
    customer: &Customer,
    catalog: &Catalog,
    feature: &FeatureId,
    resource: Option<&ResourceId>,
    now: Timestamp,
) -> Option<FeatureAccess> {
    let subscribed = active_subscriptions(customer, resource);
    let shares = subscribed
        .filter_map(|subscription| subscription_share(&subscription.terms, catalog, feature));
    let promotion = customer.promotion(feature).filter(|promotion| promotion.is_active(now));
    FeatureAccess::merge(shares.chain(promotion.map(promotion_share)).collect())
}

fn promotion_share(promotion: &Promotion) -> FeatureShare {
    let terms = &promotion.terms;
    let mut enum_values = terms.enum_values.clone().unwrap_or_default();
    enum_values.sort();
    enum_values.dedup();
    FeatureShare {
        origin: FeatureOrigin::Promotion(promotion.number),
        limit: limit_of(terms),
        enforcement: Enforcement::of(terms.enforcement, terms.soft_limit),
        enum_values,
        reset: terms.reset.clone(),
        anchor: promotion.anchor.clone(),
    }
}

/// The subscriptions that are in force for a resource, or for the customer itself, oldest first.
pub(super) fn active_subscriptions<'a>(
    customer: &'a Customer,
    resource: Option<&'a ResourceId>,
) -> impl Iterator<Item = &'a Subscription> {
    customer.subscriptions.iter().filter(move |subscription| {
        let terms = &subscription.terms;
        terms.is_active() && terms.resource.as_ref() == resource
    })
}

/// The plan of a subscription and the plans it inherits from, nearest first.
pub(super) fn plan_versions<'a>(
    terms: &'a SubscriptionTerms,
    catalog: &'a Catalog,
) -> impl Iterator<Item = (PackageKey, &'a Arc<PackageVersion>)> {
    let own = std::iter::once((&terms.plan.plan, terms.plan.version));
    let ancestors = terms.plan.ancestors.iter().map(|(id, version)| (id, *version));
    own.chain(ancestors).map(|(id, version)| {
        let key = PackageKey::plan(id.clone());
        let found = pinned(catalog, &key, version);
        (key, found)
    })
}

/// What a subscription gives: the plan's own entitlement, else that of the nearest ancestor that
/// has one; add-ons add theirs × quantity, and where any overrides, the greatest overriding one
/// stands alone. Units that were bought stand for the plan's limit.
fn subscription_share(
    terms: &SubscriptionTerms,
    catalog: &Catalog,
    feature: &FeatureId,
) -> Option<FeatureShare> {
    let parts = parts(terms, catalog, feature);
    let standing: Vec<&Part<'_>> = match greatest_override(&parts) {
        Some(place) => parts.get(place).map(|(_, part)| part).into_iter().collect(),
        None => parts.iter().map(|(_, part)| part).collect(),
    };
    // Where parts add up, the first that says when usage starts anew is followed.
    let reset = standing.iter().find_map(|part| part.terms.reset.clone());
    let mut enum_values: Vec<String> =
        standing.iter().flat_map(|part| part.terms.enum_values.iter().flatten().cloned()).collect();
    enum_values.sort();
    enum_values.dedup();
    Some(FeatureShare {
        origin: FeatureOrigin::Subscription(terms.number),
        limit: sum(standing.iter().map(|part| part.limit)),
        enforcement: standing.iter().map(|part| part.enforcement()).min()?,
        enum_values,
        reset,
        anchor: terms.anchor.clone(),
    })
}

/// What each package of a subscription gives, the plan's or its ancestor's first.
fn parts<'a>(
    terms: &'a SubscriptionTerms,
    catalog: &'a Catalog,
    feature: &FeatureId,
) -> Vec<(Behavior, Part<'a>)> {
    let planned = plan_versions(terms, catalog)
        .find_map(|(package, version)| Some((package, granted(version, feature)?)));
    let bought = terms.quantities.iter().find(|bought| bought.feature == *feature);
    let mut parts: Vec<(Behavior, Part<'_>)> = Vec::new();
    if let Some((package, (_, limits))) = planned {
        let limit = match bought {
            Some(bought) => Some(Amount::whole(i64::from(bought.quantity))),
            None => limit_of(limits),
        };
        parts.push((Behavior::Increment, Part { package, quantity: 1, limit, terms: limits }));
    }
    for pin in &terms.addons {
        let package = PackageKey::addon(pin.addon.clone());
        let version = pinned(catalog, &package, pin.version);
        if let Some((behavior, limits)) = granted(version, feature) {
            let limit =
                limit_of(limits).map(|limit| limit.times(pin.quantity).unwrap_or(Amount::MAX));
            parts.push((behavior, Part { package, quantity: pin.quantity, limit, terms: limits }));
        }
    }
    parts
}

/// A package of a subscription that gives something of a feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureSource {
    /// The plan, an ancestor of it, or an add-on.
    pub package: PackageKey,
    /// Whether the plan inherits it.
    pub is_inherited: bool,
    /// How many of it there are.
    pub quantity: u32,
    /// What all of them give; no limit where `None`.
    pub limit: Option<Amount>,
    /// Whether an override displaces it.
    pub is_displaced: bool,
}

/// The packages of a subscription that give something of a feature, the plan's first: what
/// [`FeatureAccess`] puts together.
#[must_use]
pub fn feature_sources(
    terms: &SubscriptionTerms,
    catalog: &Catalog,
    feature: &FeatureId,
) -> Vec<FeatureSource> {
    let parts = parts(terms, catalog, feature);
    let greatest = greatest_override(&parts);
    let sources = parts.iter().enumerate().map(|(place, (_, part))| FeatureSource {
        package: part.package.clone(),
        is_inherited: part.package.kind == PackageKind::Plan && part.package.id != terms.plan.plan,
        quantity: part.quantity,
        limit: part.limit,
        is_displaced: greatest.is_some_and(|greatest| greatest != place),
    });
    sources.collect()
}

/// The place of the override that stands alone, where any part overrides.
fn greatest_override(parts: &[(Behavior, Part<'_>)]) -> Option<usize> {
    let parts = parts.iter().enumerate();
    let overriding = parts.filter(|(_, (behavior, _))| *behavior == Behavior::Override);
    overriding.max_by_key(|(_, (_, part))| part.rank()).map(|(place, _)| place)
}

/// What one package of a subscription gives.
struct Part<'a> {
    package: PackageKey,
    quantity: u32,
    limit: Option<Amount>,
    terms: &'a FeatureTerms,
}

impl Part<'_> {
    fn rank(&self) -> (bool, Option<Amount>) {
        (self.limit.is_none(), self.limit)
    }

    fn enforcement(&self) -> Enforcement {
        Enforcement::of(self.terms.enforcement, self.terms.soft_limit)
    }
}

fn granted<'a>(
    version: &'a PackageVersion,
    feature: &FeatureId,
) -> Option<(Behavior, &'a FeatureTerms)> {
    version.entitlements.iter().find_map(|entitlement| {
        let (found, limits) = entitlement.feature()?;
        (found == feature && entitlement.granted).then_some((entitlement.behavior, limits))
    })
}

/// An entitlement that names no limit sets none.
fn limit_of(terms: &FeatureTerms) -> Option<Amount> {
    terms.usage_limit.filter(|_| terms.unlimited != Some(true))
}

/// No limit and a limit are no limit.
fn sum(limits: impl Iterator<Item = Option<Amount>>) -> Option<Amount> {
    limits.sum()
}

/// The period of usage in which `at` lies (`behaviour.md` §1.7): counted from the source's anchor,
/// or from the first of the month or a day of the week in the anchor's zone.
///
/// # Examples
///
/// ```
/// use stipend_core::catalog::{Reset, ResetPeriod};
/// use stipend_core::{Timestamp, customer::usage_period_at};
/// let at = |text| Timestamp::parse(text).unwrap();
/// let weekly =
///     Reset { period: ResetPeriod::Week, according_to: Some("EveryMonday".to_owned()) };
/// let anchor = at("2026-03-05T10:00:00Z").into();
/// let period = usage_period_at(&weekly, &anchor, at("2026-03-12T00:00:00Z"));
/// assert_eq!(period.start, at("2026-03-09T00:00:00Z"), "a Monday");
/// ```
#[must_use]
pub fn usage_period_at(reset: &Reset, anchor: &Anchor, at: Timestamp) -> Period {
    let interval = match reset.period {
        ResetPeriod::Year => Interval::Months(12),
        ResetPeriod::Month => Interval::Months(1),
        ResetPeriod::Week => Interval::Weeks(1),
        ResetPeriod::Day => Interval::Days(1),
        ResetPeriod::Hour => Interval::Hours(1),
    };
    let Some(rule) = reset.according_to.as_deref() else {
        return period_at(anchor, interval, at);
    };
    let weekday = WEEKDAYS.iter().position(|weekday| *weekday == rule);
    match weekday.and_then(|day| i8::try_from(day).ok()) {
        Some(day) => period_from_weekday_at(anchor, day, interval, at),
        None if rule == "StartOfTheMonth" => period_from_month_at(anchor, interval, at),
        None => period_at(anchor, interval, at),
    }
}

const WEEKDAYS: [&str; 7] = [
    "EverySunday",
    "EveryMonday",
    "EveryTuesday",
    "EveryWednesday",
    "EveryThursday",
    "EveryFriday",
    "EverySaturday",
];
