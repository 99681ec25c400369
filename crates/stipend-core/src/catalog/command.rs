//! What can be asked of the catalog.
//!
//! In a patch, an outer `None` leaves a field as it is; `Some(None)` clears one that may be
//! empty.

use super::{
    Behavior, Charges, Enforcement, EntitlementTerms, EnumValue, FeatureStatus, FeatureType,
    Metadata, Meter, MeterType, Migration, PackageKey, PackageVersion, Pricing, ProductSettings,
    ResetPatch, Settings, SettingsPatch, Target, TrialConfig, UnitTransformation, Units,
    UsageReset, Widget,
};
use crate::Amount;
use crate::id::{CurrencyId, FeatureId, PackageId, ProductId};
use crate::period::Cadence;
use std::sync::Arc;

/// A command to the catalog of one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CatalogCommand {
    /// Makes a product.
    CreateProduct(NewProduct),
    /// Changes a product.
    UpdateProduct(ProductId, ProductPatch),
    /// Archives a product with its plans and add-ons.
    ArchiveProduct(ProductId),
    /// Takes that back.
    UnarchiveProduct(ProductId),
    /// Copies a product with its plans, add-ons and settings.
    DuplicateProduct {
        /// The product to copy.
        source: ProductId,
        /// The id of the copy; the copied packages are called `<target>-<id>`.
        target: ProductId,
        /// The name of the copy; the source's where absent.
        name: Option<String>,
        /// The description of the copy; the source's where absent.
        description: Option<Option<String>>,
    },
    /// Makes a credit type.
    CreateCreditType(NewCreditType),
    /// Changes a credit type.
    UpdateCreditType(CurrencyId, CreditTypePatch),
    /// Archives a credit type that no active package refers to.
    ArchiveCreditType(CurrencyId),
    /// Takes that back.
    UnarchiveCreditType(CurrencyId),
    /// Makes a feature.
    CreateFeature(Box<NewFeature>),
    /// Changes a feature.
    UpdateFeature(FeatureId, Box<FeaturePatch>),
    /// Archives a feature: nothing new may entitle it.
    ArchiveFeature(FeatureId),
    /// Takes that back.
    UnarchiveFeature(FeatureId),
    /// Makes a plan or add-on, as a draft.
    CreatePackage(NewPackage),
    /// Changes the draft of a plan or add-on.
    UpdatePackage(PackageKey, Box<PackagePatch>),
    /// Archives a plan or add-on: no new subscription may take it.
    ArchivePackage(PackageKey),
    /// Opens a draft of a published plan or add-on.
    OpenDraft(PackageKey),
    /// Drops the draft.
    DiscardDraft(PackageKey),
    /// Publishes the draft.
    Publish(PackageKey, Migration),
    /// Adds entitlements to the draft, all or none.
    AddEntitlements(PackageKey, Vec<NewEntitlement>),
    /// Changes an entitlement of the draft.
    UpdateEntitlement(PackageKey, Target, EntitlementPatch),
    /// Removes an entitlement from the draft.
    RemoveEntitlement(PackageKey, Target),
    /// Edits the draft, which is opened where there is none: all edits or none.
    EditDraft(PackageKey, Vec<DraftEdit>),
    /// Does a command to a plan or add-on where what is shown of it, its draft or else its latest
    /// published version, is still what somebody has seen.
    IfUnchanged(PackageKey, Arc<PackageVersion>, Box<CatalogCommand>),
    /// Sets how the environment counts and prorates.
    Set(Settings),
    /// Changes some of that and leaves the rest.
    UpdateSettings(SettingsPatch),
    /// Notes that someone subscribed to these versions; the engine's own command.
    NoteSubscribed {
        /// The product, plan and add-on versions of the subscription.
        product: ProductId,
        /// The packages with the versions that the subscription pins.
        versions: Vec<(PackageKey, u32)>,
    },
}

impl CatalogCommand {
    /// What it publishes, and for whom.
    #[must_use]
    pub fn publishes(&self) -> Option<(&PackageKey, Migration)> {
        match self {
            Self::Publish(package, migration) => Some((package, *migration)),
            Self::IfUnchanged(_, _, command) => command.publishes(),
            _ => None,
        }
    }
}

/// An edit of a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DraftEdit {
    /// Changes the plan or add-on itself.
    Package(Box<PackagePatch>),
    /// Adds entitlements.
    Add(Vec<NewEntitlement>),
    /// Changes an entitlement.
    Entitlement(Target, Box<EntitlementPatch>),
    /// Removes an entitlement.
    Remove(Target),
}

/// A product to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewProduct {
    /// Its id.
    pub id: ProductId,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// The caller's own data.
    pub metadata: Metadata,
    /// Whether a customer may hold several subscriptions of it.
    pub multiple_subscriptions: bool,
}

/// Changes of a product.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProductPatch {
    /// Its name.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<Option<String>>,
    /// The caller's own data, replaced whole.
    pub metadata: Option<Metadata>,
    /// Whether a customer may hold several subscriptions of it.
    pub multiple_subscriptions: Option<bool>,
    /// The customer journey.
    pub settings: Option<ProductSettings>,
    /// What a plan change does to usage.
    pub usage_reset: Option<UsageReset>,
}

/// A credit type to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCreditType {
    /// Its id.
    pub id: CurrencyId,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// A short sign for it.
    pub symbol: Option<String>,
    /// What one and several are called.
    pub units: Option<Units>,
    /// The caller's own data.
    pub metadata: Metadata,
}

/// Changes of a credit type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreditTypePatch {
    /// Its name.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<Option<String>>,
    /// A short sign for it.
    pub symbol: Option<Option<String>>,
    /// What one and several are called.
    pub units: Option<Units>,
    /// The caller's own data, replaced whole.
    pub metadata: Option<Metadata>,
}

/// A feature to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFeature {
    /// Its id.
    pub id: FeatureId,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// What values it takes.
    pub feature_type: FeatureType,
    /// How usage is counted.
    pub meter_type: MeterType,
    /// Whether it can be used.
    pub status: FeatureStatus,
    /// What one unit is called.
    pub units: Option<String>,
    /// What several are called.
    pub units_plural: Option<String>,
    /// The values of an enumeration.
    pub enum_values: Option<Vec<EnumValue>>,
    /// How reported units are transformed.
    pub unit_transformation: Option<UnitTransformation>,
    /// Its meter.
    pub meter: Option<Meter>,
    /// The caller's own data.
    pub metadata: Metadata,
}

/// Changes of a feature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeaturePatch {
    /// Its name.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// What one unit is called.
    pub units: Option<String>,
    /// What several are called.
    pub units_plural: Option<String>,
    /// The values of an enumeration.
    pub enum_values: Option<Vec<EnumValue>>,
    /// How reported units are transformed.
    pub unit_transformation: Option<Option<UnitTransformation>>,
    /// Its meter.
    pub meter: Option<Meter>,
    /// The caller's own data, replaced whole.
    pub metadata: Option<Metadata>,
}

/// A plan or add-on to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPackage {
    /// Its kind and id.
    pub key: PackageKey,
    /// The product it belongs to.
    pub product: ProductId,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// Its id at the billing provider.
    pub billing_id: Option<String>,
    /// How it is paid for.
    pub pricing: Option<Pricing>,
    /// The caller's own data.
    pub metadata: Metadata,
    /// The plan it inherits from; plans only.
    pub parent: Option<PackageId>,
    /// The trial it starts with; plans only.
    pub trial: Option<TrialConfig>,
    /// The most instances in one subscription; add-ons only.
    pub max_quantity: Option<u32>,
}

/// Changes of a draft. Fields of the other kind are left alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackagePatch {
    /// Its name.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<Option<String>>,
    /// Its id at the billing provider.
    pub billing_id: Option<Option<String>>,
    /// The caller's own data, replaced whole.
    pub metadata: Option<Metadata>,
    /// The pricing, replaced whole, with its type.
    pub charges: Option<(Pricing, Charges)>,
    /// The plan it inherits from.
    pub parent: Option<Option<PackageId>>,
    /// The add-ons that may be bought with it.
    pub compatible_addons: Option<Option<Vec<PackageId>>>,
    /// The trial it starts with.
    pub trial: Option<Option<TrialConfig>>,
    /// The most instances in one subscription.
    pub max_quantity: Option<Option<u32>>,
    /// Add-ons that must be on the subscription too.
    pub dependencies: Option<Option<Vec<PackageId>>>,
}

/// An entitlement to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntitlement {
    /// What it is for.
    pub target: Target,
    /// What it gives.
    pub terms: EntitlementTerms,
    /// How it meets the plan's.
    pub behavior: Behavior,
    /// Whether it gives anything.
    pub granted: bool,
    /// Whether its value is supplied per subscription.
    pub custom: Option<bool>,
    /// A description.
    pub description: Option<String>,
    /// The name shown instead of the target's.
    pub name_override: Option<String>,
    /// Where it is not shown.
    pub hidden_from: Vec<Widget>,
    /// Its place among the others.
    pub order: Option<Amount>,
}

/// Changes of what an entitlement gives of a feature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeatureTermsPatch {
    /// The greatest usage.
    pub usage_limit: Option<Option<Amount>>,
    /// Whether there is no limit at all.
    pub unlimited: Option<bool>,
    /// Whether the limit may be passed.
    pub soft_limit: Option<bool>,
    /// What happens beyond the limit.
    pub enforcement: Option<Enforcement>,
    /// The values that are allowed.
    pub enum_values: Option<Vec<String>>,
    /// When usage starts anew.
    pub reset: ResetPatch,
}

/// Changes of an entitlement. What it is for cannot change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntitlementPatch {
    /// The terms of a feature entitlement; `None` for one of a credit type.
    pub feature: Option<FeatureTermsPatch>,
    /// Credits a period.
    pub amount: Option<Amount>,
    /// How often credits are granted.
    pub cadence: Option<Cadence>,
    /// Whether checks grant beyond the balance.
    pub soft_limit: Option<bool>,
    /// What happens beyond the balance.
    pub enforcement: Option<Enforcement>,
    /// The feature whose usage limit multiplies the amount.
    pub per_unit_of: Option<Option<FeatureId>>,
    /// How it meets the plan's.
    pub behavior: Option<Behavior>,
    /// Whether it gives anything.
    pub granted: Option<bool>,
    /// Whether its value is supplied per subscription.
    pub custom: Option<bool>,
    /// A description.
    pub description: Option<String>,
    /// The name shown instead of the target's.
    pub name_override: Option<String>,
    /// Where it is not shown.
    pub hidden_from: Option<Vec<Widget>>,
    /// Its place among the others.
    pub order: Option<Amount>,
}
