//! Work in the background: the import of subscriptions, and how a task stands.

use std::collections::BTreeSet;

use stipend_core::{CustomerId, PackageId, ResourceId, SubscriptionId, Timestamp};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, Schema};

use crate::charge::BillingPeriod;
use crate::error::{ErrorCode, WireError};
use crate::json::{ITEMS_MAX, Json};
use crate::read::{Component, Field, FromJson, NonEmpty};
use crate::subscription::{Addons, ChargeQuantityInput};
use crate::text::{Key, Line, Metadata};

wire_enum! {
    /// What a task does.
    pub enum TaskType {
        /// It moves subscriptions to the latest version of a plan or an add-on.
        MigrateSubscriptions = "MIGRATE_SUBSCRIPTIONS",
        /// It imports subscriptions.
        ImportSubscriptions = "IMPORT_SUBSCRIPTIONS",
    }

    /// How a task stands.
    pub enum TaskStatus {
        /// It is at work.
        InProgress = "IN_PROGRESS",
        /// It is done, without a failure.
        Completed = "COMPLETED",
        /// It is done, and some items failed.
        CompletedWithErrors = "COMPLETED_WITH_ERRORS",
    }
}

/// The subscriptions of an import: 1 to 1000, each id once, so that a failure names one item.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedSubscriptions(pub Vec<ImportedSubscription>);

impl FromJson for ImportedSubscriptions {
    fn from_json(json: Json<'_>) -> Result<Self, WireError> {
        let NonEmpty(subscriptions) = NonEmpty::<ImportedSubscription>::from_json(json)?;
        let mut seen = BTreeSet::new();
        for (index, subscription) in subscriptions.iter().enumerate() {
            if !seen.insert(&subscription.id) {
                let message = "has the id of another one on the list";
                return Err(WireError::here(ErrorCode::DuplicateItem, message).under(index));
            }
        }
        Ok(Self(subscriptions))
    }

    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new()
            .items(ImportedSubscription::schema())
            .min_items(Some(1))
            .max_items(Some(ITEMS_MAX))
            .into()
    }

    fn components(out: &mut Vec<Component>) {
        ImportedSubscription::components(out);
    }
}

request! {
    /// Subscriptions that were kept elsewhere until now.
    pub struct ImportSubscriptions {
        /// The subscriptions.
        pub subscriptions: ImportedSubscriptions,
        /// The integration they come from. Accepted and not kept.
        pub integration_id: Field<Key>,
    }

    /// A subscription that was kept elsewhere until now.
    pub struct ImportedSubscription {
        /// The subscription's id.
        pub id: SubscriptionId,
        /// The customer.
        pub customer_id: CustomerId,
        /// The plan.
        pub plan_id: PackageId,
        /// The add-ons.
        pub addons: Option<Addons>,
        /// The id at the billing provider. Kept and returned, not acted on.
        pub billing_id: Field<Line>,
        /// The billing period.
        pub billing_period: Option<BillingPeriod>,
        /// Quantities bought in advance.
        pub charges: Option<Vec<ChargeQuantityInput>>,
        /// When it ends.
        pub end_date: Field<Timestamp>,
        /// Texts of your own.
        pub metadata: Option<Metadata>,
        /// The resource it is for.
        pub resource_id: Field<ResourceId>,
        /// When it began; now where this is not given.
        pub start_date: Option<Timestamp>,
    }
}

response! {
    /// That a task was begun.
    #[derive(PartialEq, Eq)]
    pub struct TaskStarted {
        /// The task's id.
        pub task_id: String,
    }

    /// Work in the background (an addition of this server).
    #[derive(PartialEq, Eq)]
    pub struct Task {
        /// The id.
        pub id: String,
        /// What it does.
        pub r#type: TaskType,
        /// How it stands.
        pub status: TaskStatus,
        /// When it was begun.
        pub created_at: String,
        /// When it was done; `null` while it is at work.
        pub finished_at: Option<String>,
        /// How many items are done, failed ones included.
        pub processed: u64,
        /// The items that failed, and why.
        pub failures: Vec<TaskFailure>,
    }

    /// Why one item of a task failed.
    #[derive(PartialEq, Eq)]
    pub struct TaskFailure {
        /// The id of the item.
        pub id: String,
        /// One sentence for a human.
        pub message: String,
    }
}
