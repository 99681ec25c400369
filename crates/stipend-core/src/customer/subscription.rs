//! Subscriptions: what a customer has agreed to, pinned to versions.

use crate::Amount;
use crate::catalog::{Extras, Metadata, PackageKey, Pricing};
use crate::id::{
    CurrencyId, CustomerId, PackageId, ProductId, ResourceId, SubscriptionId, SubscriptionNo,
};
use crate::period::{Cadence, Period, boundary, period_at};
use crate::time::Timestamp;

/// How long a billing period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BillingPeriod {
    /// A month.
    Monthly,
    /// A year.
    Annually,
}

/// The plan of a subscription, with the versions that hold for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanPin {
    /// The plan.
    pub plan: PackageId,
    /// Its version.
    pub version: u32,
    /// The plans it inherits from, nearest first, each with its version.
    pub ancestors: Vec<(PackageId, u32)>,
}

/// An add-on of a subscription, with the version that holds for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddonPin {
    /// The add-on.
    pub addon: PackageId,
    /// Its version.
    pub version: u32,
    /// How many instances.
    pub quantity: u32,
}

/// An amount agreed for one subscription: it replaces the plan's credit entitlement, or stands
/// for it where the plan has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditOverride {
    /// The credit type.
    pub currency: CurrencyId,
    /// Credits a period.
    pub amount: Amount,
    /// How often.
    pub cadence: Cadence,
    /// Whether checks grant beyond the balance.
    pub soft_limit: Option<bool>,
}

/// Why a subscription ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionEndReason {
    /// Someone cancelled it.
    Immediate,
    /// Its customer was archived.
    CustomerArchived,
}

/// The end of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscriptionEnd {
    /// The first instant at which it gives nothing.
    pub at: Timestamp,
    /// Why.
    pub reason: SubscriptionEndReason,
}

/// What was agreed. It changes as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionTerms {
    /// Its number among the customer's.
    pub number: SubscriptionNo,
    /// Its id.
    pub id: SubscriptionId,
    /// The product.
    pub product: ProductId,
    /// The plan.
    pub plan: PlanPin,
    /// How the plan is paid for.
    pub pricing: Pricing,
    /// The add-ons.
    pub addons: Vec<AddonPin>,
    /// Amounts agreed for this subscription.
    pub overrides: Vec<CreditOverride>,
    /// The resource whose pools it fills; `None` is the customer itself.
    pub resource: Option<ResourceId>,
    /// Who pays, where it is someone else.
    pub paying_customer: Option<CustomerId>,
    /// How long a billing period is.
    pub billing_period: BillingPeriod,
    /// From where periods are counted.
    pub anchor: Timestamp,
    /// How often the anchor was moved.
    pub epoch: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// How it ended.
    pub ended: Option<SubscriptionEnd>,
    /// The caller's own data.
    pub metadata: Metadata,
    /// What else the contract carries: coupons, billing information and so on.
    pub extras: Extras,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// How far the grants of one item have been issued: the last period and the next part in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The plan or add-on.
    pub package: PackageKey,
    /// The credit type.
    pub currency: CurrencyId,
    /// The anchor epoch.
    pub epoch: u32,
    /// The cadence.
    pub cadence: Cadence,
    /// The last period that was granted.
    pub k: u32,
    /// The part that the next issuance in it gets.
    pub next_part: u32,
}

/// Consumption that found no room after a change; it counts at the next change in the period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CarriedConsumption {
    /// The cadence of the period in which it counts.
    pub cadence: Cadence,
    /// How much.
    pub amount: Amount,
    /// The end of the period, with which it is forgotten.
    pub until: Timestamp,
    /// What of a year's consumption is counted in the running month instead.
    pub lent: Amount,
    /// The end of that month, with which it counts in the year again.
    pub lent_until: Timestamp,
}

/// Carried consumption of one credit type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarriedIn {
    /// The credit type.
    pub currency: CurrencyId,
    /// What is remembered.
    pub carried: CarriedConsumption,
}

/// A subscription: what was agreed, and how far it has been carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// What was agreed.
    pub terms: SubscriptionTerms,
    /// How far grants have been issued.
    pub issued: Vec<Issued>,
    /// Consumption without room, at most one for each credit type and cadence.
    pub carried: Vec<CarriedIn>,
}

impl CarriedConsumption {
    /// What of it counts in its own period at that instant.
    pub(super) fn counted_at(&self, at: Timestamp) -> Amount {
        let lent = if at < self.lent_until { self.lent } else { Amount::ZERO };
        self.amount - lent
    }
}

impl SubscriptionTerms {
    /// Whether it gives anything.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.ended.is_none()
    }

    /// The window of that cadence in which the instant lies.
    #[must_use]
    pub fn period_at(&self, cadence: Cadence, at: Timestamp) -> Period {
        period_at(self.anchor, cadence, at)
    }

    /// The billing period in which the instant lies.
    #[must_use]
    pub fn billing_period_at(&self, at: Timestamp) -> Period {
        let cadence = match self.billing_period {
            BillingPeriod::Monthly => Cadence::Month,
            BillingPeriod::Annually => Cadence::Year,
        };
        self.period_at(cadence, at)
    }
}

impl Subscription {
    /// Consumption that found no room and still counts at that instant.
    #[must_use]
    pub fn carried_at(&self, currency: &CurrencyId, at: Timestamp) -> Amount {
        [Cadence::Month, Cadence::Year]
            .into_iter()
            .filter_map(|cadence| self.find_carried(currency, cadence, at))
            .map(|carried| carried.counted_at(at))
            .sum()
    }

    /// What is remembered of a credit type and cadence and still counts at that instant.
    pub(super) fn find_carried(
        &self,
        currency: &CurrencyId,
        cadence: Cadence,
        at: Timestamp,
    ) -> Option<CarriedConsumption> {
        let mut carried = self.carried.iter().filter(|carried| carried.currency == *currency);
        let found = carried.find(|carried| carried.carried.cadence == cadence)?.carried;
        (at < found.until).then_some(found)
    }

    /// How far an item was issued.
    pub(super) fn find_issued(
        &self,
        package: &PackageKey,
        currency: &CurrencyId,
        cadence: Cadence,
    ) -> Option<&Issued> {
        self.issued.iter().find(|issued| {
            issued.package == *package
                && issued.currency == *currency
                && issued.cadence == cadence
                && issued.epoch == self.terms.epoch
        })
    }

    /// When the last issued period of an item ends.
    pub(super) fn issued_until(&self, issued: &Issued) -> Timestamp {
        boundary(self.terms.anchor, issued.cadence, issued.k + 1)
    }

    /// When a period ends next; never for a subscription that has ended.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        if !self.terms.is_active() {
            return None;
        }
        self.issued.iter().map(|issued| self.issued_until(issued)).min()
    }
}
