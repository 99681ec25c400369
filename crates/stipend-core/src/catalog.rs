//! The product catalog: products, credit types, features, plans and add-ons with their versions.
//!
//! Source of the rules: `behaviour.md` §1.1–§1.8 and §0.18.

mod command;
mod decide;
mod draft;
mod meter;
mod package;
mod publish;
mod reset;
mod settings;
mod state;

pub use command::{
    CatalogCommand, CreditTypePatch, DraftEdit, EntitlementPatch, FeaturePatch, FeatureTermsPatch,
    NewCreditType, NewEntitlement, NewFeature, NewPackage, NewProduct, PackagePatch, ProductPatch,
};
pub use decide::{CatalogRejection, decide};
pub use meter::{Aggregation, Comparison, Condition, EVENT_NAME_FIELD, Meter};
pub use package::{
    AddonTerms, Behavior, ChargeRow, Charges, CreditRate, CreditTerms, Enforcement, Entitlement,
    EntitlementTerms, FeatureTerms, Package, PackageDetails, PackageKey, PackageKind,
    PackageVersion, PlanTerms, Pricing, Target, TrialBudget, TrialConfig, TrialEnd, TrialUnit,
    VersionStatus, Widget,
};
pub use publish::Migration;
pub use reset::{Reset, ResetPatch, ResetPeriod};
pub use settings::{Alignment, CreditProration, Settings, SettingsPatch};
pub use state::{Catalog, CatalogChange};

use crate::Amount;
use crate::id::{CurrencyId, FeatureId, PackageId, ProductId};
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// Free-form text by key, as callers attach it to anything.
pub type Metadata = BTreeMap<String, String>;

/// A JSON value that the domain carries for its callers and never looks into.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Document(pub String);

/// What else the contract carries of an object, by its keys there.
pub type Extras = BTreeMap<String, Document>;

/// Changes of [`Extras`]: a value replaces, `None` clears, what is not named stays.
pub type ExtrasPatch = BTreeMap<String, Option<Document>>;

/// Applies changes to what is carried.
pub fn patch_extras(extras: &mut Extras, patch: &ExtrasPatch) {
    for (key, change) in patch {
        match change {
            Some(value) => extras.insert(key.clone(), value.clone()),
            None => extras.remove(key),
        };
    }
}

/// When the usage of a subscription starts anew as it changes plans (`behaviour.md` §0.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageReset {
    /// At every change; the default.
    Always,
    /// At no change: consumption moves along.
    Never,
    /// Only where the billing anchor changed.
    BillingPeriodChange,
}

/// What a new customer of the product starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartSetup {
    /// The customer picks a plan.
    PlanSelection,
    /// A trial.
    TrialPeriod,
    /// A free plan.
    FreePlan,
}

/// What follows the end of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndSetup {
    /// A free plan: the subscription goes on with it.
    DowngradeToFree,
    /// Nothing.
    CancelSubscription,
}

/// When a cancellation without a time of its own takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancellationTime {
    /// At the end of the billing period.
    EndOfBillingPeriod,
    /// At once.
    Immediate,
    /// On a date that the caller names.
    SpecificDate,
}

/// The customer journey of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductSettings {
    /// When a cancellation takes effect.
    pub cancellation_time: CancellationTime,
    /// What follows the end.
    pub end_setup: EndSetup,
    /// What a new customer starts with.
    pub start_setup: StartSetup,
    /// The free plan for [`EndSetup::DowngradeToFree`].
    pub downgrade_plan: Option<PackageId>,
    /// Whether money is prorated when a period is cut short.
    pub prorate_at_end: Option<bool>,
    /// The plan for [`StartSetup::PlanSelection`].
    pub start_plan: Option<PackageId>,
}

/// A product: what plans and add-ons belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// Its name for people.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// The caller's own data.
    pub metadata: Metadata,
    /// Whether a customer may hold several subscriptions of it.
    pub multiple_subscriptions: bool,
    /// Since when it takes no new subscriptions.
    pub archived_at: Option<Timestamp>,
    /// The customer journey, once it was set.
    pub settings: Option<ProductSettings>,
    /// What a plan change does to usage.
    pub usage_reset: UsageReset,
    /// Whether anyone ever subscribed to it; then `multiple_subscriptions` is fixed.
    pub subscribed: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// The words for one and for several of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Units {
    /// One.
    pub singular: String,
    /// Several.
    pub plural: String,
}

/// A credit type: what pools are counted in. On the wire it is a custom currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditType {
    /// Its id.
    pub id: CurrencyId,
    /// Its name for people.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// A short sign for it.
    pub symbol: Option<String>,
    /// What one and several of it are called.
    pub units: Option<Units>,
    /// The caller's own data.
    pub metadata: Metadata,
    /// Since when it takes no new grants and no new entitlements.
    pub archived_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What values a feature takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeatureType {
    /// On or off.
    Boolean,
    /// A number.
    Number,
    /// One of named values.
    Enum,
}

/// How a feature's usage is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeterType {
    /// Not at all: the plan carries the value.
    None,
    /// A level that goes up and down, such as seats.
    Fluctuating,
    /// A counter that may start anew every period.
    Incremental,
}

/// Whether a feature can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeatureStatus {
    /// Made, and usable.
    New,
    /// Archived: nothing new may entitle it.
    Suspended,
    /// Usable.
    Active,
}

/// One value of a feature of type [`FeatureType::Enum`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnumValue {
    /// The value.
    pub value: String,
    /// Its name for people.
    pub name: String,
}

/// Which way a division of units is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoundUnits {
    /// Up.
    Up,
    /// Down.
    Down,
}

/// How reported units become the units that are shown and priced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitTransformation {
    /// What the reported number is divided by.
    pub divide: Amount,
    /// Which way the quotient is rounded.
    pub round: RoundUnits,
    /// What one unit is called.
    pub units: Option<String>,
    /// What several are called.
    pub units_plural: Option<String>,
}

impl UnitTransformation {
    /// The units of a reported number; `None` where that is above [`Amount::MAX`].
    #[must_use]
    pub fn units_of(&self, reported: Amount) -> Option<Amount> {
        reported.count_of(self.divide, self.round == RoundUnits::Up)
    }
}

/// A feature: what entitlements of type FEATURE limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Its id.
    pub id: FeatureId,
    /// Its name for people.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// What values it takes; fixed.
    pub feature_type: FeatureType,
    /// How usage is counted; fixed.
    pub meter_type: MeterType,
    /// Whether it can be used.
    pub status: FeatureStatus,
    /// What one unit is called.
    pub units: Option<String>,
    /// What several are called.
    pub units_plural: Option<String>,
    /// The values, where it is of type [`FeatureType::Enum`].
    pub enum_values: Option<Vec<EnumValue>>,
    /// How reported units are transformed.
    pub unit_transformation: Option<UnitTransformation>,
    /// Which events are its usage; without one it is reported as a number.
    pub meter: Option<Meter>,
    /// The caller's own data.
    pub metadata: Metadata,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
