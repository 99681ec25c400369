//! A customer with everything that is decided together: resources, subscriptions and pools.
//!
//! The aggregate is a fold of its entries: [`Customer::apply`] is the only way it changes.

mod apply;
mod archive;
mod change;
mod check;
mod check_feature;
mod claim;
mod consume;
mod counting;
mod decide;
mod due;
mod entry;
mod estimate;
mod explain;
mod feature;
mod forecast;
mod grant;
mod granting;
mod hold;
mod issue;
mod level;
mod life;
mod live;
mod mapping;
mod memory;
mod pins;
mod pool;
mod pricing;
mod promotion;
mod reallocate;
mod refund;
mod report;
mod resolve;
mod reverse;
mod revise;
mod subscribe;
mod subscription;
mod takeover;
mod upcoming;
mod usage;
mod voided;

pub use check::{CreditCheck, Denial, check_credit, enforcement_of_currency};
pub use check_feature::{
    FeatureCheck, FeatureCredits, FeatureQuestion, check_feature, entitled_features,
};
pub use consume::ConsumeRequest;
pub use counting::{UsageStanding, usage_standing};
pub use decide::{
    CustomerCommand, CustomerPatch, CustomerRejection, Decision, NewCustomer, decide,
    decide_consumption, decide_event, decide_usage,
};
pub use due::{roll_forward, roll_forward_within};
pub use entry::{
    Carried, Cause, Closed, Consumption, DimensionValue, Draw, Effect, Ended, Entry, GrantEnd,
    HeldDraw, HoldEnd, HoldEnded, HoldExtended, HoldPart, Moved, Opened, PoolEntry, PoolOpened,
    Priced, Release, Reversal, Settled,
};
pub use estimate::{
    CurrencyCost, Estimate, FeatureCost, estimate_event, estimate_usage, refused_event,
    refused_usage,
};
pub use explain::{Explanation, SubscriptionPart, explain};
pub use feature::{
    FeatureAccess, FeatureOrigin, FeatureShare, FeatureSource, feature_access, feature_sources,
    usage_period_at,
};
pub use forecast::{Flow, Forecast, Pace, flows, forecast};
pub use grant::{
    BurnKey, BurnRule, Cost, Grant, GrantKind, GrantStatus, MonthDraws, PRIORITY_DEFAULT,
    RecurringSource,
};
pub use granting::NewGrant;
pub use hold::{ExtendRequest, Hold, HoldTerm, ReleaseRequest, ReserveRequest};
pub use live::{LiveGrants, LiveIter};
pub use mapping::{Mapping, mapping_of};
pub use pool::{Overdraft, Pool, PoolBalance, Spread};
pub use promotion::{NewPromotion, Promotion, PromotionFault, PromotionPeriod};
pub use report::{EventRequest, UsageRequest};
pub use resolve::{Origin, Share, Standing, resolve, usage_limit};
pub use reverse::ReverseRequest;
pub use revise::{CancelTime, SubscriptionCommand};
pub use subscribe::{ProvisionRequest, Schedule, SubscriptionPatch, TrialRequest};
pub use subscription::{
    AddonPin, BillingPeriod, CarriedConsumption, CarriedIn, CreditOverride, FeatureQuantity,
    Issued, LaterChange, PlanPin, ScheduledChange, Subscription, SubscriptionEnd,
    SubscriptionEndReason, SubscriptionTerms, Trial,
};
pub use upcoming::{Coming, ComingChange, upcoming, upcoming_of};
pub use usage::{
    Aggregate, DrawRun, FeatureUsage, MeterOpened, UsageBehavior, UsageEntry, UsagePin,
    UsageResetReason, UsageRestart,
};

use crate::catalog::{Extras, Metadata};
use crate::id::{
    CurrencyId, CustomerId, EnvId, FeatureId, GrantNo, MeterId, PoolId, ResourceId, Slot,
    SubscriptionNo,
};
use crate::shared::{Shared, clone_fields};
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
#[derive(Debug, PartialEq, Eq)]
pub struct Customer {
    /// Its dense number.
    pub slot: Slot,
    /// What is known of it.
    pub profile: Shared<Profile>,
    /// Its resources, oldest first.
    pub resources: Vec<Resource>,
    /// Its subscriptions by number, ended ones included.
    pub subscriptions: Shared<Vec<Subscription>>,
    /// Its pools by number.
    pub pools: Vec<Pool>,
    /// The number that its next grant gets.
    pub next_grant: GrantNo,
    /// What it has of features on top of its subscriptions, by number.
    pub promotions: Vec<Promotion>,
    /// When something is due next: an expiry, a scheduled grant, the end of a period.
    pub next_due: Option<Timestamp>,
    /// What it has used of features, by the meters' numbers.
    pub usages: Vec<FeatureUsage>,
}

impl Clone for Customer {
    fn clone(&self) -> Self {
        Self {
            profile: self.profile.clone(),
            resources: self.resources.clone(),
            subscriptions: self.subscriptions.clone(),
            pools: self.pools.clone(),
            promotions: self.promotions.clone(),
            usages: self.usages.clone(),
            ..*self
        }
    }

    /// In the room of an earlier copy of the same customer, nothing is asked for and nothing
    /// counted: what the two share already stays as it is.
    fn clone_from(&mut self, other: &Self) {
        clone_fields!(self from other;
            copied slot, next_grant, next_due;
            cloned profile, resources, subscriptions, pools, promotions, usages);
    }
}

impl Customer {
    /// A customer that has nothing yet.
    #[must_use]
    pub fn new(slot: Slot, profile: Profile) -> Self {
        Self {
            slot,
            profile: profile.into(),
            resources: Vec::new(),
            subscriptions: Shared::default(),
            pools: Vec::new(),
            next_grant: GrantNo(1),
            promotions: Vec::new(),
            next_due: None,
            usages: Vec::new(),
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

    /// What it has used of that feature; a resource matches exactly.
    #[must_use]
    pub fn find_usage(
        &self,
        feature: &FeatureId,
        resource: Option<&ResourceId>,
    ) -> Option<&FeatureUsage> {
        self.usages
            .iter()
            .find(|usage| usage.feature == *feature && usage.resource.as_ref() == resource)
    }

    /// The usage that the meter counts.
    #[must_use]
    pub fn usage(&self, meter: MeterId) -> Option<&FeatureUsage> {
        self.usages.get(usize::from(meter.number())).filter(|usage| usage.meter == meter)
    }

    /// The subscription with that number.
    #[must_use]
    pub fn subscription(&self, number: SubscriptionNo) -> Option<&Subscription> {
        self.subscriptions.get(usize::try_from(number.0).ok()?)
    }

    /// What it has of a feature on top of its subscriptions, over and taken back included.
    #[must_use]
    pub fn promotion(&self, feature: &FeatureId) -> Option<&Promotion> {
        self.promotions.iter().find(|promotion| promotion.feature == *feature)
    }

    /// The resource with that id.
    #[must_use]
    pub fn find_resource(&self, id: &ResourceId) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.id == *id)
    }
}
