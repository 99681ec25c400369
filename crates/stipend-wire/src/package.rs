//! Plans and add-ons.

use stipend_core::{PackageId, ProductId};

use crate::charge::{ChargesInput, MoneyBudget, PricingType};
use crate::entitlement::{EntitlementReference, MetadataMap};
use crate::number::{Count, CountOrZero};
use crate::opaque::{Checked, Opaque};
use crate::read::Field;
use crate::text::{FreeText, Line, Metadata, Name};

wire_enum! {
    /// The state of a plan or an add-on.
    pub enum PackageStatus {
        /// It can be edited, but not sold.
        Draft = "DRAFT",
        /// It can be sold, but not edited.
        Published = "PUBLISHED",
        /// It serves those who have it and takes no others.
        Archived = "ARCHIVED",
    }

    /// Whom a new version is for.
    pub enum MigrationType {
        /// Present subscriptions stay on their version.
        NewCustomers = "NEW_CUSTOMERS",
        /// Present subscriptions move to the new version at once.
        AllCustomers = "ALL_CUSTOMERS",
    }

    /// The unit of a trial's length.
    pub enum TrialUnits {
        /// Days.
        Day = "DAY",
        /// Months.
        Month = "MONTH",
    }

    /// What follows a trial.
    pub enum TrialEndBehavior {
        /// The subscription goes on as a paid one.
        ConvertToPaid = "CONVERT_TO_PAID",
        /// The subscription ends.
        CancelSubscription = "CANCEL_SUBSCRIPTION",
    }
}

request! {
    /// A new add-on, as a draft.
    pub struct CreateAddon {
        /// The id, chosen by you; unique among add-ons.
        pub id: PackageId,
        /// The name.
        pub display_name: Name,
        /// The product it belongs to.
        pub product_id: ProductId,
        /// The id at the billing provider. Kept and returned, not acted on.
        pub billing_id: Field<Line>,
        /// A description.
        pub description: Field<FreeText>,
        /// How many of it one subscription may have; `null` for any number.
        pub max_quantity: Field<Count>,
        /// Texts of your own.
        pub metadata: Option<Metadata>,
        /// How it is priced.
        pub pricing_type: Field<PricingType>,
        /// The state it begins in: only `DRAFT` is taken here. It is published with `POST
        /// …/publish` and archived with `POST …/archive`.
        pub status: Option<PackageStatus>,
    }

    /// A change of an add-on's draft; what is left out stays as it is.
    pub struct UpdateAddon {
        /// The id at the billing provider. Kept and returned, not acted on.
        pub billing_id: Field<Line>,
        /// The whole pricing, replacing what was there.
        pub charges: Option<ChargesInput>,
        /// Add-ons that must be on a subscription together with this one.
        pub dependencies: Field<Vec<PackageId>>,
        /// A description.
        pub description: Field<FreeText>,
        /// The name.
        pub display_name: Option<Name>,
        /// How many of it one subscription may have; `null` for any number.
        pub max_quantity: Field<Count>,
        /// Texts of your own.
        pub metadata: Option<Metadata>,
        /// The state: only `DRAFT` is taken here. It is published with `POST …/publish` and
        /// archived with `POST …/archive`.
        pub status: Option<PackageStatus>,
    }

    /// A new plan, as a draft.
    pub struct CreatePlan {
        /// The id, chosen by you; unique among plans.
        pub id: PackageId,
        /// The name.
        pub display_name: Name,
        /// The product it belongs to.
        pub product_id: ProductId,
        /// The id at the billing provider. Kept and returned, not acted on.
        pub billing_id: Field<Line>,
        /// The trial that a subscription begins with.
        pub default_trial_config: Field<Checked<TrialConfigInput>>,
        /// A description.
        pub description: Field<FreeText>,
        /// Texts of your own.
        pub metadata: Option<Metadata>,
        /// The plan whose entitlements it inherits.
        pub parent_plan_id: Field<PackageId>,
        /// How it is priced.
        pub pricing_type: Field<PricingType>,
        /// The state it begins in: only `DRAFT` is taken here. It is published with `POST
        /// …/publish` and archived with `POST …/archive`.
        pub status: Option<PackageStatus>,
    }

    /// A change of a plan's draft; what is left out stays as it is.
    pub struct UpdatePlan {
        /// The id at the billing provider. Kept and returned, not acted on.
        pub billing_id: Field<Line>,
        /// The whole pricing, replacing what was there.
        pub charges: Option<ChargesInput>,
        /// The add-ons that may be added to it; `null` for not decided.
        pub compatible_addon_ids: Field<Vec<PackageId>>,
        /// The trial that a subscription begins with.
        pub default_trial_config: Field<Checked<TrialConfigInput>>,
        /// A description.
        pub description: Field<FreeText>,
        /// The name.
        pub display_name: Option<Name>,
        /// Texts of your own.
        pub metadata: Option<Metadata>,
        /// The plan whose entitlements it inherits.
        pub parent_plan_id: Field<PackageId>,
    }

    /// The trial that a plan's subscriptions begin with.
    pub struct TrialConfigInput {
        /// How long it is, in `units`; 0 for no trial.
        pub duration: CountOrZero,
        /// The unit of `duration`.
        pub units: TrialUnits,
        /// What may be spent in the trial. Kept and returned, not acted on.
        pub budget: Field<MoneyBudget>,
        /// What follows it.
        pub trial_end_behavior: Field<TrialEndBehavior>,
    }

    /// Publishes the draft.
    pub struct PublishPackage {
        /// Whom the new version is for.
        pub migration_type: MigrationType,
    }
}

response! {
    /// An add-on: its draft where there is one, else its published version.
    pub struct Addon {
        /// The id.
        pub id: String,
        /// The id at the billing provider.
        pub billing_id: Option<String>,
        /// When it was made.
        pub created_at: String,
        /// Add-ons that must be on a subscription together with this one.
        pub dependencies: Option<Vec<String>>,
        /// A description.
        pub description: Option<String>,
        /// The name.
        pub display_name: String,
        /// What it grants.
        pub entitlements: Vec<EntitlementReference>,
        /// Whether this is the latest version.
        pub is_latest: Option<bool>,
        /// How many of it one subscription may have.
        pub max_quantity: Option<u32>,
        /// Texts of your own.
        pub metadata: MetadataMap,
        /// How it is priced.
        pub pricing_type: Option<PricingType>,
        /// The product it belongs to.
        pub product_id: String,
        /// The state of this version.
        pub status: PackageStatus,
        /// When it was last changed.
        pub updated_at: String,
        /// The number of this version, from 1.
        pub version_number: u32,
    }

    /// A plan: its draft where there is one, else its published version.
    pub struct Plan {
        /// The id.
        pub id: String,
        /// The id at the billing provider.
        pub billing_id: Option<String>,
        /// The add-ons that may be added to it.
        pub compatible_addon_ids: Option<Vec<String>>,
        /// When it was made.
        pub created_at: String,
        /// The trial that a subscription begins with, see `TrialConfigInput`.
        pub default_trial_config: Option<Opaque>,
        /// A description.
        pub description: Option<String>,
        /// The name.
        pub display_name: String,
        /// What it grants by itself, without what it inherits.
        pub entitlements: Vec<EntitlementReference>,
        /// Whether this is the latest version.
        pub is_latest: Option<bool>,
        /// Texts of your own.
        pub metadata: MetadataMap,
        /// The plan whose entitlements it inherits.
        pub parent_plan_id: Option<String>,
        /// How it is priced.
        pub pricing_type: Option<PricingType>,
        /// The product it belongs to.
        pub product_id: String,
        /// The state of this version.
        pub status: PackageStatus,
        /// When it was last changed.
        pub updated_at: String,
        /// The number of this version, from 1.
        pub version_number: u32,
    }

    /// What a publication started.
    pub struct Published {
        /// The id of the work that goes on, or `null` where all is done.
        pub task_id: Option<String>,
    }
}
