//! Subscriptions: what a customer has agreed to, pinned to versions.

use super::subscribe::SubscriptionPatch;
use crate::Amount;
use crate::catalog::{Behavior, Extras, Metadata, PackageKey, Pricing, TrialEnd};
use crate::id::{
    CurrencyId, CustomerId, FeatureId, PackageId, ProductId, ResourceId, SubscriptionId,
    SubscriptionNo,
};
use crate::period::{Anchor, Cadence, Period, boundary, period_at};
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

/// How many units of a feature were bought, seats for instance: it is the plan's usage limit of
/// the feature for this subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureQuantity {
    /// The feature.
    pub feature: FeatureId,
    /// How many units.
    pub quantity: u32,
}

/// Why a subscription ended, or will end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionEndReason {
    /// Someone cancelled it at once.
    Immediate,
    /// Its customer was archived.
    CustomerArchived,
    /// Someone had cancelled it for a later time, which came.
    Scheduled,
    /// Another plan of the product took its place.
    PlanChanged,
    /// Its trial was over and was not to be continued.
    TrialEnded,
    /// It was a trial, and another plan was paid for.
    TrialConverted,
    /// Someone had cancelled it for a later time, which came, and wanted no free plan to follow.
    Revoked,
}

/// The trial that a subscription begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The first instant behind it.
    pub ends_at: Timestamp,
    /// What follows it.
    pub end: TrialEnd,
    /// Whether it is behind: it was converted, or came to its end.
    pub is_over: bool,
}

/// What is to be done with a subscription later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaterChange {
    /// Change it so.
    Update(Box<SubscriptionPatch>),
    /// Move it to the latest versions of its plan and add-ons.
    Migrate,
}

/// A change that waits for its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledChange {
    /// When it is done.
    pub at: Timestamp,
    /// What is done.
    pub change: LaterChange,
    /// Why it could not be done, where its time came and the catalog no longer allowed it.
    pub failed: Option<String>,
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
    /// Units of features that were bought.
    pub quantities: Vec<FeatureQuantity>,
    /// The resource whose pools it fills; `None` is the customer itself.
    pub resource: Option<ResourceId>,
    /// Who pays, where it is someone else.
    pub paying_customer: Option<CustomerId>,
    /// How long a billing period is.
    pub billing_period: BillingPeriod,
    /// From where periods are counted. It may lie ahead: what is before it is a shorter period
    /// of its own.
    pub anchor: Anchor,
    /// How often the anchor was moved.
    pub epoch: u32,
    /// Since when the anchor holds.
    pub epoch_start: Timestamp,
    /// When it began, or will begin.
    pub started_at: Timestamp,
    /// Whether it has begun.
    pub has_begun: bool,
    /// Whether it is to count periods from its beginning, whatever it takes the place of.
    pub new_anchor: bool,
    /// The subscription whose running grants it goes on with, where they were left in force.
    pub continues: Option<SubscriptionNo>,
    /// The trial that it began with.
    pub trial: Option<Trial>,
    /// When it is to end, where that is known.
    pub ends: Option<SubscriptionEnd>,
    /// How it ended.
    pub ended: Option<SubscriptionEnd>,
    /// What is to be done with it later, in the order in which it is due.
    pub scheduled: Vec<ScheduledChange>,
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
    pub k: i32,
    /// The part that the next issuance in it gets.
    pub next_part: u32,
    /// The credits a whole period at which it stands in that period.
    pub level: Amount,
    /// How they meet the plan's in that period.
    pub behavior: Behavior,
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
    /// The package whose voided grants it was consumed of: it counts when that package gives less or
    /// something takes its place. `None` for what found no room.
    pub voided_of: Option<PackageKey>,
}

/// A subscription: what was agreed, and how far it has been carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// What was agreed.
    pub terms: SubscriptionTerms,
    /// How far grants have been issued.
    pub issued: Vec<Issued>,
    /// Consumption without room, at most one for each credit type and cadence; beside it, for each
    /// package, what was consumed of grants that somebody has voided.
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
    /// Whether it gives anything: it has begun and is not over.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.has_begun && self.ended.is_none()
    }

    /// Whether it will begin.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        !self.has_begun && self.ended.is_none()
    }

    /// The trial that is running, or that it will begin with.
    #[must_use]
    pub fn running_trial(&self) -> Option<Trial> {
        self.trial.filter(|trial| !trial.is_over && self.ended.is_none())
    }

    /// The window of that cadence in which the instant lies. What lies before the anchor is one
    /// window, which begins with the epoch.
    #[must_use]
    pub fn period_at(&self, cadence: Cadence, at: Timestamp) -> Period {
        if at < self.anchor.at {
            return Period { k: -1, start: self.epoch_start, end: self.anchor.at };
        }
        period_at(&self.anchor, cadence, at)
    }

    /// The billing period in which the instant lies: while a trial runs, the trial.
    #[must_use]
    pub fn billing_period_at(&self, at: Timestamp) -> Period {
        if let Some(trial) = self.running_trial() {
            return Period { k: 0, start: self.started_at, end: trial.ends_at };
        }
        let cadence = match self.billing_period {
            BillingPeriod::Monthly => Cadence::Month,
            BillingPeriod::Annually => Cadence::Year,
        };
        self.period_at(cadence, at)
    }

    /// The end of what is issued for a window: no grant outlives the trial.
    pub(super) fn clip(&self, end: Timestamp) -> Timestamp {
        self.running_trial().map_or(end, |trial| end.min(trial.ends_at))
    }

    /// When something is to be done with it that is not the end of a period.
    pub(super) fn next_event(&self) -> Option<Timestamp> {
        let trial = self.running_trial().map(|trial| trial.ends_at);
        let ends = self.ends.map(|end| end.at);
        let scheduled = self.scheduled.iter().filter(|change| change.failed.is_none());
        scheduled.map(|change| change.at).chain(trial).chain(ends).min()
    }
}

impl Subscription {
    /// Consumption that found no room and still counts at that instant.
    #[must_use]
    pub fn carried_at(&self, currency: &CurrencyId, at: Timestamp) -> Amount {
        self.all_carried(currency, at).map(|carried| carried.counted_at(at)).sum()
    }

    /// What is remembered of a credit type and still counts at that instant, by cadence.
    pub(super) fn all_carried(
        &self,
        currency: &CurrencyId,
        at: Timestamp,
    ) -> impl Iterator<Item = CarriedConsumption> {
        let cadences = [Cadence::Month, Cadence::Year].into_iter();
        cadences.filter_map(move |cadence| self.find_carried(currency, cadence, at))
    }

    /// What is remembered of a credit type and cadence and still counts at that instant.
    pub(super) fn find_carried(
        &self,
        currency: &CurrencyId,
        cadence: Cadence,
        at: Timestamp,
    ) -> Option<CarriedConsumption> {
        self.find_remembered(currency, cadence, None, at)
    }

    /// As [`Subscription::find_carried`], of what was consumed of voided grants of a package where one
    /// is named.
    pub(super) fn find_remembered(
        &self,
        currency: &CurrencyId,
        cadence: Cadence,
        voided_of: Option<&PackageKey>,
        at: Timestamp,
    ) -> Option<CarriedConsumption> {
        let mut carried = self.carried.iter().filter(|carried| carried.currency == *currency);
        let is_it = |one: &&CarriedIn| {
            one.carried.cadence == cadence && one.voided_of.as_ref() == voided_of
        };
        let found = carried.find(is_it)?.carried;
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
        boundary(&self.terms.anchor, issued.cadence, issued.k + 1)
    }

    /// When something is due next; never for a subscription that has ended.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        if self.terms.ended.is_some() {
            return None;
        }
        if !self.terms.has_begun {
            return Some(self.terms.started_at);
        }
        let periods = self.issued.iter().map(|issued| self.issued_until(issued));
        periods.chain(self.terms.next_event()).min()
    }
}
