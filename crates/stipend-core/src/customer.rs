//! A customer with everything that is decided together: resources, subscriptions and pools.
//!
//! The aggregate is a fold of its entries: [`Customer::apply`] is the only way it changes.

mod apply;
mod change;
mod check;
mod consume;
mod decide;
mod due;
mod entry;
mod explain;
mod grant;
mod granting;
mod level;
mod life;
mod pins;
mod pool;
mod reallocate;
mod resolve;
mod revise;
mod subscribe;
mod subscription;
mod takeover;
mod upcoming;

pub use check::{CreditCheck, Denial, check_credit};
pub use consume::ConsumeRequest;
pub use decide::{
    CustomerCommand, CustomerPatch, CustomerRejection, Decision, NewCustomer, decide,
};
pub use due::roll_forward;
pub use entry::{
    Carried, Cause, Closed, Consumption, DimensionValue, Draw, Effect, Ended, Entry, GrantEnd,
    Moved, Opened, PoolEntry, PoolOpened, Settled,
};
pub use explain::{Explanation, SubscriptionPart, explain};
pub use grant::{
    BurnKey, Cost, Grant, GrantKind, GrantStatus, MonthDraws, PRIORITY_DEFAULT, RecurringSource,
};
pub use granting::NewGrant;
pub use pool::{Overdraft, Pool, Spread};
pub use resolve::{Origin, Share, Standing, resolve, usage_limit};
pub use revise::{CancelTime, SubscriptionCommand};
pub use subscribe::{ProvisionRequest, Schedule, SubscriptionPatch, TrialRequest};
pub use subscription::{
    AddonPin, BillingPeriod, CarriedConsumption, CarriedIn, CreditOverride, FeatureQuantity,
    Issued, LaterChange, PlanPin, ScheduledChange, Subscription, SubscriptionEnd,
    SubscriptionEndReason, SubscriptionTerms, Trial,
};
pub use upcoming::{Coming, ComingChange, upcoming};

use crate::catalog::{Extras, Metadata};
use crate::id::{CurrencyId, CustomerId, EnvId, GrantNo, PoolId, ResourceId, Slot, SubscriptionNo};
use crate::time::Timestamp;

/// What is known of a customer apart from what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The environment it lives in.
    pub env: EnvId,
    /// Its id.
    pub id: CustomerId,
    /// Its name.
    pub name: Option<String>,
    /// Its e-mail address.
    pub email: Option<String>,
    /// The caller's own data.
    pub metadata: Metadata,
    /// What else the contract carries: billing ids, language, integrations and so on.
    pub extras: Extras,
    /// Since when it is archived.
    pub archived_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its profile was last changed.
    pub updated_at: Timestamp,
}

/// A part of a customer with pools of its own: a workspace, a site, a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its id, unique among the customer's.
    pub id: ResourceId,
    /// When it was first named.
    pub created_at: Timestamp,
}

/// The aggregate: a customer and all that is decided together with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// Its dense number.
    pub slot: Slot,
    /// What is known of it.
    pub profile: Profile,
    /// Its resources, oldest first.
    pub resources: Vec<Resource>,
    /// Its subscriptions by number, ended ones included.
    pub subscriptions: Vec<Subscription>,
    /// Its pools by number.
    pub pools: Vec<Pool>,
    /// The number that its next grant gets.
    pub next_grant: GrantNo,
    /// When something is due next: an expiry, a scheduled grant, the end of a period.
    pub next_due: Option<Timestamp>,
}

impl Customer {
    /// A customer that has nothing yet.
    #[must_use]
    pub fn new(slot: Slot, profile: Profile) -> Self {
        Self {
            slot,
            profile,
            resources: Vec::new(),
            subscriptions: Vec::new(),
            pools: Vec::new(),
            next_grant: GrantNo(1),
            next_due: None,
        }
    }

    /// The pool of that credit type and resource; a resource matches exactly (`behaviour.md`
    /// §2.12).
    #[must_use]
    pub fn find_pool(&self, currency: &CurrencyId, resource: Option<&ResourceId>) -> Option<&Pool> {
        self.pools
            .iter()
            .find(|pool| pool.currency == *currency && pool.resource.as_ref() == resource)
    }

    /// The pool with that id.
    #[must_use]
    pub fn pool(&self, id: PoolId) -> Option<&Pool> {
        self.pools.get(usize::from(id.number())).filter(|pool| pool.id == id)
    }

    /// The subscription with that number.
    #[must_use]
    pub fn subscription(&self, number: SubscriptionNo) -> Option<&Subscription> {
        self.subscriptions.get(usize::try_from(number.0).ok()?)
    }

    /// The resource with that id.
    #[must_use]
    pub fn find_resource(&self, id: &ResourceId) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.id == *id)
    }
}
