//! Entries: what happened to a customer, with every number resolved.
//!
//! A command's effect on one pool is one entry, a consumption with its draws inside. Folding
//! an entry never looks at the catalog and never decides again, so a journal keeps its meaning
//! when rules change.

use super::grant::Grant;
use super::pool::Overdraft;
use super::subscription::{CarriedConsumption, SubscriptionTerms};
use super::{Profile, Resource};
use crate::Amount;
use crate::catalog::{Behavior, PackageKey};
use crate::id::{CurrencyId, GrantNo, PoolId, ResourceId, SubscriptionNo};
use crate::period::Cadence;
use crate::time::Timestamp;

/// One thing that happened to a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The customer is now this; the first one makes it.
    Profile(Profile),
    /// A resource was named for the first time.
    Resource(Resource),
    /// A subscription is now agreed like this; a new number makes it.
    Subscription(Box<SubscriptionTerms>),
    /// A pool came to be.
    PoolOpened(PoolOpened),
    /// A pool changed.
    Pool(PoolEntry),
}

/// A pool that came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolOpened {
    /// Its id.
    pub pool: PoolId,
    /// What it is counted in.
    pub currency: CurrencyId,
    /// The resource it belongs to.
    pub resource: Option<ResourceId>,
}

/// A change of one pool by one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolEntry {
    /// The pool.
    pub pool: PoolId,
    /// When it took effect; never before the pool's previous entry.
    pub at: Timestamp,
    /// Why.
    pub cause: Cause,
    /// What changed, in order.
    pub effects: Vec<Effect>,
}

/// Why a pool changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Credits were consumed.
    Consumption(Consumption),
    /// A caller granted credits.
    Grant,
    /// A caller voided a grant.
    Void,
    /// Its time had come: expiries, scheduled grants, the end of a period.
    Due,
    /// A subscription was made, changed or ended.
    Subscription(SubscriptionNo),
}

/// A consumption as it was asked for, and the balance that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumption {
    /// How much was consumed.
    pub amount: Amount,
    /// The caller's own id of what happened: its idempotency key.
    pub event_id: Option<String>,
    /// When the caller says it happened, for reports.
    pub reported_at: Option<Timestamp>,
    /// What the caller says about it.
    pub dimensions: Vec<(String, DimensionValue)>,
    /// Σ amount of the live grants afterwards.
    pub usage_limit: Amount,
    /// What of it was used, with the overdraft, afterwards.
    pub current_usage: Amount,
    /// The end of the running period.
    pub period_end: Option<Timestamp>,
}

/// The value of a dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DimensionValue {
    /// Text.
    Text(String),
    /// A number.
    Number(Amount),
    /// True or false.
    Flag(bool),
}

/// An amount of one grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// The grant.
    pub grant: GrantNo,
    /// The amount, above zero.
    pub amount: Amount,
}

/// How a grant ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantEnd {
    /// At its time.
    Expired,
    /// Before its time.
    Voided,
}

/// A grant that left the pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The grant as it ended, for whoever looks at it later.
    pub grant: Grant,
    /// What the pool lost by it: what was unused, nothing for a grant that was only scheduled.
    pub amount: Amount,
    /// How it ended.
    pub end: GrantEnd,
}

/// Overdraft that a grant settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The overdraft's number.
    pub overdraft: GrantNo,
    /// The grant that took it over as consumption.
    pub grant: GrantNo,
    /// How much.
    pub amount: Amount,
}

/// Consumption that was put on a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The grant.
    pub grant: GrantNo,
    /// The amount, above zero.
    pub amount: Amount,
    /// Whether it was consumed in the running month.
    pub is_recent: bool,
}

/// Consumption of a subscription that found no room in a cadence; it replaces what was remembered
/// before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The subscription.
    pub subscription: SubscriptionNo,
    /// What is remembered.
    pub carried: CarriedConsumption,
}

/// An item of a subscription whose last period is over and which grants no further one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The subscription.
    pub subscription: SubscriptionNo,
    /// The plan or add-on.
    pub package: PackageKey,
    /// The cadence.
    pub cadence: Cadence,
}

/// An item of a subscription that stands at another level than its grants say: it is followed from
/// a period on without having granted in it, or was lowered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The subscription.
    pub subscription: SubscriptionNo,
    /// The plan or add-on.
    pub package: PackageKey,
    /// The cadence.
    pub cadence: Cadence,
    /// The period.
    pub k: i32,
    /// The credits a whole period at which it stands from now on.
    pub level: Amount,
    /// How they meet the plan's.
    pub behavior: Behavior,
}

/// One change of a pool. Its effect on the balance is [`Effect::delta`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A grant came into force: its amount is gained.
    Granted(Grant),
    /// A grant was made that comes into force later; a mark.
    Scheduled(Grant),
    /// A scheduled grant came into force: its amount is gained.
    Activated(Draw),
    /// A grant was drawn.
    Drawn(Draw),
    /// The overdraft grew; the first time makes it.
    Overdrawn(Draw),
    /// A grant left the pool: what was unused is lost.
    Ended(Ended),
    /// A grant's amount was lowered by so much.
    Reduced(Draw),
    /// Consumption was taken off a grant.
    MovedOut(Draw),
    /// Consumption was put on a grant.
    MovedIn(Moved),
    /// A grant took over overdraft as consumption; the balance stays.
    Settled(Settled),
    /// The overdraft was settled whole; a mark with the record as it ended.
    OverdraftClosed(Overdraft),
    /// Consumption without room is remembered; a mark.
    Carried(Carried),
    /// An item grants no further period; a mark.
    Closed(Closed),
    /// An item is followed at a level; a mark.
    Opened(Opened),
}

impl Effect {
    /// What it adds to the pool's balance, below zero for what it takes (`behaviour.md` §0.16).
    #[must_use]
    pub fn delta(&self) -> Amount {
        match self {
            Self::Granted(grant) => grant.amount,
            Self::Activated(draw) | Self::MovedOut(draw) => draw.amount,
            Self::Drawn(draw) | Self::Overdrawn(draw) | Self::Reduced(draw) => -draw.amount,
            Self::MovedIn(moved) => -moved.amount,
            Self::Ended(ended) => -ended.amount,
            Self::Scheduled(_)
            | Self::Settled(_)
            | Self::OverdraftClosed(_)
            | Self::Carried(_)
            | Self::Closed(_)
            | Self::Opened(_) => Amount::ZERO,
        }
    }
}

impl PoolEntry {
    /// What the entry adds to the pool's balance.
    #[must_use]
    pub fn delta(&self) -> Amount {
        self.effects.iter().map(Effect::delta).sum()
    }

    /// Whether it is a consumption.
    #[must_use]
    pub fn is_consumption(&self) -> bool {
        matches!(self.cause, Cause::Consumption(_))
    }
}
