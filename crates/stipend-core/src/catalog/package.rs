//! Plans and add-ons: versions, entitlements, charges.

use super::{Document, Metadata, Reset};
use crate::Amount;
use crate::customer::BillingPeriod;
use crate::formula::Formula;
use crate::id::{CurrencyId, FeatureId, PackageId, ProductId};
use crate::period::Cadence;
use crate::time::Timestamp;
use std::fmt;
use std::sync::Arc;

/// Whether a package is a plan or an add-on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PackageKind {
    /// The base of a subscription.
    Plan,
    /// An addition to a plan.
    Addon,
}

/// A package by kind and id; plans and add-ons have name spaces of their own.
///
/// The order (plans first, then by id) is the order in which parts are shown and tied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageKey {
    /// Plan or add-on.
    pub kind: PackageKind,
    /// Its id.
    pub id: PackageId,
}

impl PackageKey {
    /// The plan with that id.
    #[must_use]
    pub fn plan(id: PackageId) -> Self {
        Self { kind: PackageKind::Plan, id }
    }

    /// The add-on with that id.
    #[must_use]
    pub fn addon(id: PackageId) -> Self {
        Self { kind: PackageKind::Addon, id }
    }
}

impl fmt::Display for PackageKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            PackageKind::Plan => write!(formatter, "plan {}", self.id),
            PackageKind::Addon => write!(formatter, "add-on {}", self.id),
        }
    }
}

/// How an add-on's entitlement meets the plan's (`seed.md`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behavior {
    /// On top of the plan's; the default.
    #[default]
    Increment,
    /// Instead of the plan's.
    Override,
}

/// A place of the vendor's widgets where an entitlement is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Widget {
    /// The pricing table.
    Paywall,
    /// The customer's portal.
    CustomerPortal,
    /// The checkout.
    Checkout,
}

/// What an entitlement is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A feature.
    Feature(FeatureId),
    /// A credit type.
    Credit(CurrencyId),
}

/// What happens beyond a limit or a balance (`behaviour.md` §0.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Enforcement {
    /// Checks grant beyond it, and reported usage goes on.
    Soft,
    /// Checks deny beyond it; what is reported all the same is recorded.
    Hard,
    /// Checks deny beyond it, and what is reported beyond it is refused as a whole.
    Strict,
}

impl Enforcement {
    /// What is meant where both may be said: the enforcement itself wins over whether the limit is
    /// soft, and without either it is hard.
    #[must_use]
    pub fn of(stated: Option<Self>, soft_limit: Option<bool>) -> Self {
        let otherwise = if soft_limit == Some(true) { Self::Soft } else { Self::Hard };
        stated.unwrap_or(otherwise)
    }
}

/// What an entitlement gives of a feature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeatureTerms {
    /// The greatest usage; `None` where none is set.
    pub usage_limit: Option<Amount>,
    /// Whether there is no limit at all.
    pub unlimited: Option<bool>,
    /// Whether the limit may be passed.
    pub soft_limit: Option<bool>,
    /// What happens beyond the limit; it wins over `soft_limit`.
    pub enforcement: Option<Enforcement>,
    /// The values that are allowed.
    pub enum_values: Option<Vec<String>>,
    /// When usage starts anew.
    pub reset: Option<Reset>,
}

/// What an entitlement gives of a credit type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditTerms {
    /// Credits a period for one instance; `None` until a subscription supplies it.
    pub amount: Option<Amount>,
    /// How often they are granted.
    pub cadence: Cadence,
    /// Whether checks grant beyond the balance.
    pub soft_limit: Option<bool>,
    /// What happens beyond the balance; it wins over `soft_limit`.
    pub enforcement: Option<Enforcement>,
    /// The feature whose usage limit multiplies the amount, seats for instance (`behaviour.md`
    /// §2.7).
    pub per_unit_of: Option<FeatureId>,
}

/// What an entitlement gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntitlementTerms {
    /// A limit of a feature.
    Feature(FeatureTerms),
    /// Recurring credits.
    Credit(CreditTerms),
}

/// One thing that a package gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entitlement {
    /// What it is for; a package has at most one entitlement for each.
    pub target: Target,
    /// What it gives.
    pub terms: EntitlementTerms,
    /// How it meets the plan's, on an add-on.
    pub behavior: Behavior,
    /// Whether it gives anything at all.
    pub granted: bool,
    /// Whether its value is supplied per subscription.
    pub custom: Option<bool>,
    /// A description.
    pub description: Option<String>,
    /// The name that widgets show instead of the target's.
    pub name_override: Option<String>,
    /// Where it is not shown.
    pub hidden_from: Vec<Widget>,
    /// Its place among the others where they are shown.
    pub order: Option<Amount>,
    /// When it was added to the package.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Entitlement {
    /// The feature and terms, where it limits one.
    #[must_use]
    pub fn feature(&self) -> Option<(&FeatureId, &FeatureTerms)> {
        match (&self.target, &self.terms) {
            (Target::Feature(feature), EntitlementTerms::Feature(terms)) => Some((feature, terms)),
            _ => None,
        }
    }

    /// The credit type and terms, where it gives credits.
    #[must_use]
    pub fn credit(&self) -> Option<(&CurrencyId, &CreditTerms)> {
        match (&self.target, &self.terms) {
            (Target::Credit(currency), EntitlementTerms::Credit(terms)) => Some((currency, terms)),
            _ => None,
        }
    }
}

/// How a package is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pricing {
    /// Not at all.
    Free,
    /// By its charges.
    Paid,
    /// By agreement.
    Custom,
}

/// One row of a package's pricing, carried for the callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeRow {
    /// When it was set.
    pub created_at: Timestamp,
    /// The row as the contract shows it, without id and creation time.
    pub row: Document,
}

/// What usage of a feature costs in credits (`behaviour.md` §0.20, §4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditRate {
    /// The feature.
    pub feature: FeatureId,
    /// The billing period whose price row says it.
    pub billing_period: BillingPeriod,
    /// The credit type that pays for it.
    pub currency: CurrencyId,
    /// Credits for one unit.
    pub amount: Amount,
    /// What one event costs, where it is worked out from the event's dimensions instead.
    pub formula: Option<Formula>,
}

/// The pricing of a package version. Setting it replaces it whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Charges {
    /// The base rows.
    pub rows: Vec<ChargeRow>,
    /// The overage rows.
    pub overage: Vec<ChargeRow>,
    /// What usage of features costs in credits, as the base rows say, in their order.
    pub rates: Vec<CreditRate>,
}

/// In what a trial's length is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrialUnit {
    /// Days.
    Day,
    /// Months.
    Month,
}

/// What follows a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrialEnd {
    /// The subscription goes on, paid.
    ConvertToPaid,
    /// It ends.
    CancelSubscription,
}

/// What may be spent in a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialBudget {
    /// The most.
    pub limit: Amount,
    /// Whether it may be passed.
    pub soft_limit: bool,
}

/// The trial that a plan starts with by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialConfig {
    /// Its length.
    pub duration: Amount,
    /// The unit of the length.
    pub units: TrialUnit,
    /// What may be spent in it.
    pub budget: Option<TrialBudget>,
    /// What follows it.
    pub end: Option<TrialEnd>,
}

/// What only plans have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanTerms {
    /// The plan whose entitlements it inherits.
    pub parent: Option<PackageId>,
    /// The add-ons that may be bought with it; `None` and empty both mean none.
    pub compatible_addons: Option<Vec<PackageId>>,
    /// The trial that it starts with by default.
    pub trial: Option<TrialConfig>,
}

/// What only add-ons have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddonTerms {
    /// The most instances in one subscription; 1 is a single-instance add-on, `None` no bound.
    pub max_quantity: Option<u32>,
    /// Add-ons that must be on the subscription too.
    pub dependencies: Option<Vec<PackageId>>,
}

/// What tells plans and add-ons apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackageDetails {
    /// A plan.
    Plan(PlanTerms),
    /// An add-on.
    Addon(AddonTerms),
}

/// The state of one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionStatus {
    /// Being edited; cannot be subscribed to.
    Draft,
    /// Fixed for ever.
    Published,
}

/// One version of a plan or add-on. Once published it never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageVersion {
    /// Its number, from 1.
    pub version: u32,
    /// Draft or published.
    pub status: VersionStatus,
    /// Since when it is published.
    pub published_at: Option<Timestamp>,
    /// Its name for people.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// Its id at the billing provider.
    pub billing_id: Option<String>,
    /// How it is paid for.
    pub pricing: Option<Pricing>,
    /// The caller's own data.
    pub metadata: Metadata,
    /// What it gives, in the order of their adding.
    pub entitlements: Vec<Entitlement>,
    /// What it costs.
    pub charges: Charges,
    /// What only its kind has.
    pub details: PackageDetails,
    /// When the version was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl PackageVersion {
    /// The entitlement for that target.
    #[must_use]
    pub fn find_entitlement(&self, target: &Target) -> Option<&Entitlement> {
        self.entitlements.iter().find(|entitlement| entitlement.target == *target)
    }

    /// Whether it refers to that target: gives it, or has usage paid with it.
    #[must_use]
    pub fn refers_to(&self, target: &Target) -> bool {
        let is_charged = |rate: &CreditRate| match target {
            Target::Credit(currency) => rate.currency == *currency,
            Target::Feature(_) => false,
        };
        self.find_entitlement(target).is_some() || self.charges.rates.iter().any(is_charged)
    }

    /// What only plans have; empty for an add-on.
    #[must_use]
    pub fn plan_terms(&self) -> Option<&PlanTerms> {
        match &self.details {
            PackageDetails::Plan(terms) => Some(terms),
            PackageDetails::Addon(_) => None,
        }
    }

    /// What only add-ons have; empty for a plan.
    #[must_use]
    pub fn addon_terms(&self) -> Option<&AddonTerms> {
        match &self.details {
            PackageDetails::Addon(terms) => Some(terms),
            PackageDetails::Plan(_) => None,
        }
    }
}

/// A plan or add-on with all its versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its kind and id.
    pub key: PackageKey,
    /// The product it belongs to; fixed.
    pub product: ProductId,
    /// The published versions, oldest first.
    pub published: Vec<Arc<PackageVersion>>,
    /// The version being edited.
    pub draft: Option<Arc<PackageVersion>>,
    /// Since when no new subscription may take it.
    pub archived_at: Option<Timestamp>,
    /// The newest version that anyone ever subscribed to.
    pub subscribed_version: Option<u32>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Package {
    /// The published version that new subscriptions take.
    #[must_use]
    pub fn latest(&self) -> Option<&Arc<PackageVersion>> {
        self.published.last()
    }

    /// What the catalog shows: the draft where there is one, else the latest published version
    /// (`behaviour.md` §0.14).
    #[must_use]
    pub fn shown(&self) -> &Arc<PackageVersion> {
        self.draft
            .as_ref()
            .or_else(|| self.latest())
            .expect("a package has a draft or a published version")
    }

    /// The published version with that number.
    #[must_use]
    pub fn find_version(&self, version: u32) -> Option<&Arc<PackageVersion>> {
        self.published.iter().find(|published| published.version == version)
    }

    /// The number that the next draft gets.
    #[must_use]
    pub fn next_version(&self) -> u32 {
        self.latest().map_or(1, |latest| latest.version + 1)
    }
}
