//! The explanation of a balance: where each credit came from, in a sum that adds up.
//!
//! It is an addition of this server (`GET /api/v1/customers/{id}/credits/explain`).

use crate::credit_usage::Forecast;
use crate::entitlement::{Behavior, Cadence};
use crate::grant::{GrantSource, GrantType};
use crate::number::Decimal;

wire_enum! {
    /// The kind of a package.
    pub enum PackageType {
        /// A plan.
        Plan = "PLAN",
        /// An add-on.
        Addon = "ADDON",
    }

    /// How a part came to a subscription.
    pub enum PartOrigin {
        /// From its plan.
        Plan = "PLAN",
        /// From a plan that its plan inherits from.
        ParentPlan = "PARENT_PLAN",
        /// From an add-on.
        Addon = "ADDON",
        /// From an amount agreed for this subscription.
        SubscriptionOverride = "SUBSCRIPTION_OVERRIDE",
    }

    /// What becomes of a part.
    pub enum PartStanding {
        /// It is granted.
        Grants = "GRANTS",
        /// An override replaces it.
        Displaced = "DISPLACED",
        /// It gives nothing by itself.
        NotGranted = "NOT_GRANTED",
    }
}

response! {
    /// Why a balance is what it is.
    pub struct CreditExplanation {
        /// The customer.
        pub customer_id: String,
        /// The credit type.
        pub currency_id: String,
        /// The resource; `null` for the customer as a whole.
        pub resource_id: Option<String>,
        /// The instant that all figures are for.
        pub as_of: String,
        /// What each subscription grants in its running period, and why.
        pub subscriptions: Vec<SubscriptionExplanation>,
        /// The grants that can be used, in the order in which they are drawn. Of those that are used up
        /// the latest, where there are more than a thousand in all.
        pub grants: Vec<GrantExplanation>,
        /// The grants whose time has not come, in the order in which they would be drawn.
        pub scheduled_grants: Vec<GrantExplanation>,
        /// What was used beyond all grants.
        pub overdraft: Decimal,
        /// What is on hold.
        pub reserved: Decimal,
        /// The sum of the grants that can be used.
        pub total_granted: Decimal,
        /// All that is used, overdraft and open reservations included.
        pub total_used: Decimal,
        /// What is left: `totalGranted − totalUsed`.
        pub balance: Decimal,
        /// The same in one sentence.
        pub statement: String,
    }
    optional {
        /// How long it will last.
        pub forecast: Forecast,
    }

    /// What one subscription grants in its running period.
    pub struct SubscriptionExplanation {
        /// The subscription.
        pub subscription_id: String,
        /// Its plan.
        pub plan_id: String,
        /// What it grants altogether.
        pub total: Decimal,
        /// What that is made of.
        pub parts: Vec<PartExplanation>,
        /// Use of this period that no grant has room for; it counts at the next change.
        pub carried_consumption: Decimal,
    }

    /// One plan's or add-on's part in what a subscription grants.
    pub struct PartExplanation {
        /// The plan or add-on.
        pub package_id: String,
        /// Which of both.
        pub package_type: PackageType,
        /// Its version.
        pub version: u32,
        /// How it came to the subscription.
        pub origin: PartOrigin,
        /// How it combines with the others.
        pub behavior: Behavior,
        /// How often it is granted.
        pub cadence: Cadence,
        /// Credits for one of it; `null` where the amount is left open.
        pub unit_amount: Option<Decimal>,
        /// How many of it there are.
        pub quantity: u32,
        /// How many units of the feature that multiplies it, seats for instance; `null` where none
        /// does.
        pub units: Option<u32>,
        /// `unitAmount × quantity`, and × `units` where there are any.
        pub amount: Decimal,
        /// What becomes of it.
        pub standing: PartStanding,
        /// Why, in one sentence.
        pub reason: Option<String>,
        /// The add-on whose override replaces it.
        pub displaced_by: Option<String>,
    }

    /// One grant, at its place in the order of drawing.
    pub struct GrantExplanation {
        /// Its place, from 1.
        pub order: u32,
        /// The grant's id.
        pub id: String,
        /// The kind of grant.
        pub grant_type: GrantType,
        /// Its name.
        pub display_name: String,
        /// How many credits it holds.
        pub amount: Decimal,
        /// How many were granted at first.
        pub original_amount: Decimal,
        /// How many were used.
        pub consumed_amount: Decimal,
        /// How many are on hold.
        pub reserved: Decimal,
        /// How many are left.
        pub remaining: Decimal,
        /// 0 to 100, lower is drawn first.
        pub priority: u8,
        /// When it can be used from.
        pub effective_at: String,
        /// When it ends; `null` for never.
        pub expire_at: Option<String>,
        /// What it came from.
        pub source_type: Option<GrantSource>,
        /// The subscription it came from.
        pub subscription_id: Option<String>,
        /// The plan or add-on it came from.
        pub package_id: Option<String>,
    }
}
