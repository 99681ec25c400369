//! Promotional entitlements: a feature that a customer has on top of every subscription
//! (`behaviour.md` §1.12).

use super::Customer;
use super::decide::{CustomerRejection, Decision, check_limit};
use super::entry::Entry;
use crate::Amount;
use crate::catalog::{Catalog, Feature, FeatureStatus, FeatureTerms, FeatureType};
use crate::id::FeatureId;
use crate::limits::CUSTOMER_PROMOTIONS_MAX;
use crate::period::{Anchor, Interval, boundary};
use crate::time::Timestamp;

/// How long a promotion lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromotionPeriod {
    /// Seven days.
    OneWeek,
    /// A month.
    OneMonth,
    /// Six months.
    SixMonths,
    /// A year.
    OneYear,
    /// For ever.
    Lifetime,
    /// Until an instant that was named.
    Custom,
}

impl PromotionPeriod {
    fn interval(self) -> Option<Interval> {
        match self {
            Self::OneWeek => Some(Interval::Weeks(1)),
            Self::OneMonth => Some(Interval::Months(1)),
            Self::SixMonths => Some(Interval::Months(6)),
            Self::OneYear => Some(Interval::Months(12)),
            Self::Lifetime | Self::Custom => None,
        }
    }
}

/// A promotion to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPromotion {
    /// The feature.
    pub feature: FeatureId,
    /// What it gives of it.
    pub terms: FeatureTerms,
    /// Whether the customer sees it.
    pub is_visible: bool,
    /// How long it lasts.
    pub period: PromotionPeriod,
    /// Until when, where the period is [`PromotionPeriod::Custom`].
    pub ends_at: Option<Timestamp>,
}

/// What a customer has of a feature on top of its subscriptions, for each of its resources too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promotion {
    /// Its number among the customer's, in the order of their making.
    pub number: u32,
    /// The feature; a customer has one promotion of each.
    pub feature: FeatureId,
    /// What it gives of it.
    pub terms: FeatureTerms,
    /// Whether the customer sees it.
    pub is_visible: bool,
    /// How long it was to last.
    pub period: PromotionPeriod,
    /// Since when it gives, and from where its periods of usage are counted.
    pub anchor: Anchor,
    /// The first instant at which it gives no more; never where `None`.
    pub ends_at: Option<Timestamp>,
    /// Since when it is taken back.
    pub revoked_at: Option<Timestamp>,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Promotion {
    /// Whether it gives anything at that instant.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.is_running(now)
    }

    /// Whether it would give something, had it not been taken back.
    #[must_use]
    pub fn is_revoked(&self, now: Timestamp) -> bool {
        self.revoked_at.is_some() && self.is_running(now)
    }

    fn is_running(&self, now: Timestamp) -> bool {
        self.ends_at.is_none_or(|end| now < end)
    }
}

/// What a promotion gives that a feature of its type does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PromotionFault {
    /// Only numbers have a limit, or none.
    #[error("gives a usage limit, which only a feature of type NUMBER has")]
    Limit,
    /// A limit is never below zero.
    #[error("gives a usage limit below 0")]
    LimitBelowZero,
    /// A limit and none at once.
    #[error("gives a usage limit and unlimited usage; send one of them")]
    LimitAndUnlimited,
    /// Only named values can be allowed.
    #[error("gives enum values, which only a feature of type ENUM has")]
    Values,
    /// Named values are given one by one.
    #[error("gives no enum values; send at least one of those of the feature")]
    NoValues,
    /// A value that the feature does not have.
    #[error("gives the enum value {0}, which the feature does not have")]
    UnknownValue(String),
}

/// Whether a feature has what is to be given of it.
fn check_terms(feature: &Feature, terms: &FeatureTerms) -> Result<(), PromotionFault> {
    let is_unlimited = terms.unlimited == Some(true);
    let values = terms.enum_values.as_deref().unwrap_or_default();
    if feature.feature_type != FeatureType::Number && (terms.usage_limit.is_some() || is_unlimited)
    {
        return Err(PromotionFault::Limit);
    }
    if terms.usage_limit.is_some_and(Amount::is_negative) {
        return Err(PromotionFault::LimitBelowZero);
    }
    if terms.usage_limit.is_some() && is_unlimited {
        return Err(PromotionFault::LimitAndUnlimited);
    }
    if feature.feature_type != FeatureType::Enum {
        return if values.is_empty() { Ok(()) } else { Err(PromotionFault::Values) };
    }
    if values.is_empty() {
        return Err(PromotionFault::NoValues);
    }
    let known = feature.enum_values.as_deref().unwrap_or_default();
    let is_unknown = |value: &&String| known.iter().all(|known| known.value != **value);
    match values.iter().find(is_unknown) {
        Some(unknown) => Err(PromotionFault::UnknownValue(unknown.clone())),
        None => Ok(()),
    }
}

/// Gives all or none; one of a feature that has one takes its place.
pub(super) fn grant(
    customer: &Customer,
    catalog: &Catalog,
    new: &[NewPromotion],
    now: Timestamp,
) -> Result<Decision, CustomerRejection> {
    let first = customer.promotions.last().map_or(0, |last| last.number + 1);
    let mut features = customer.promotions.len();
    let mut entries = Vec::with_capacity(new.len());
    for (number, new) in (first..).zip(new) {
        let known = catalog.features.get(&new.feature);
        let feature = known.ok_or(CustomerRejection::FeatureNotFound(new.feature.clone()))?;
        if feature.status == FeatureStatus::Suspended {
            return Err(CustomerRejection::FeatureArchived(new.feature.clone()));
        }
        let anchor = Anchor { at: now, zone: catalog.settings.zone.clone() };
        let ends_at = match new.period.interval() {
            Some(interval) => Some(boundary(&anchor, interval, 1)),
            None => new.ends_at,
        };
        if ends_at.is_some_and(|end| end <= now) {
            return Err(CustomerRejection::InvalidPromotionEnd);
        }
        check_terms(feature, &new.terms).map_err(|fault| CustomerRejection::PromotionMisfits {
            feature: new.feature.clone(),
            fault,
        })?;
        if customer.promotion(&new.feature).is_none() {
            check_limit(features, CUSTOMER_PROMOTIONS_MAX, "promotional entitlements")?;
            features += 1;
        }
        entries.push(Entry::Promotion(Box::new(Promotion {
            number,
            feature: new.feature.clone(),
            terms: new.terms.clone(),
            is_visible: new.is_visible,
            period: new.period,
            anchor,
            ends_at,
            revoked_at: None,
            updated_at: now,
        })));
    }
    Ok(Decision { entries, ..Decision::default() })
}

/// Takes a promotion back. What is over already stays as it is.
pub(super) fn revoke(
    customer: &Customer,
    feature: &FeatureId,
    now: Timestamp,
) -> Result<Decision, CustomerRejection> {
    let found = customer.promotion(feature);
    let found = found.ok_or(CustomerRejection::PromotionNotFound(feature.clone()))?;
    if !found.is_active(now) {
        return Ok(Decision::default());
    }
    let revoked = Promotion { revoked_at: Some(now), updated_at: now, ..found.clone() };
    let entries = vec![Entry::Promotion(Box::new(revoked))];
    Ok(Decision { entries, ..Decision::default() })
}
