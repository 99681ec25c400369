//! Entries: what happened to a customer, with every number resolved.
//!
//! A command's effect on one pool is one entry, a consumption with its draws inside. Folding
//! an entry never looks at the catalog and never decides again, so a journal keeps its meaning
//! when rules change.

use super::grant::Grant;
use super::hold::Hold;
use super::pool::{Overdraft, PoolBalance};
use super::promotion::Promotion;
use super::subscription::{CarriedConsumption, SubscriptionTerms};
use super::usage::{MeterOpened, UsageEntry};
use super::{Profile, Resource};
use crate::Amount;
use crate::catalog::{Behavior, PackageKey};
use crate::id::{
    CurrencyId, FeatureId, GrantNo, MeterId, PoolId, ReservationId, ResourceId, SubscriptionNo,
};
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
    /// Usage of a feature is counted from now on.
    MeterOpened(MeterOpened),
    /// Usage of a feature was reported.
    Usage(UsageEntry),
    /// The promotion of a feature is now this; it takes the place of one that was there.
    Promotion(Box<Promotion>),
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
    /// Credits were reserved.
    Reservation,
    /// A reservation was ended by its caller.
    Release(Release),
    /// A reservation got more time or credits.
    Extension,
    /// A consumption was reversed.
    Reversal(Reversal),
}

/// A reversal as it was asked for, and the balance that was answered. What came back is the sum
/// of its entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reversal {
    /// The position of the consumption's entry in the journal.
    pub of: u64,
    /// How much was consumed then.
    pub amount: Amount,
    /// The caller's own id of the reversal.
    pub idempotency_key: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The meter whose usage was paid for.
    pub meter: Option<MeterId>,
    /// What is taken off the draws that the meter remembers.
    pub runs: Vec<Draw>,
    /// Σ amount of the live grants afterwards.
    pub usage_limit: Amount,
    /// What of it was used, with the overdraft, afterwards.
    pub current_usage: Amount,
    /// The end of the running period.
    pub period_end: Option<Timestamp>,
}

/// The end of a reservation as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The reservation.
    pub reservation: ReservationId,
    /// What was consumed; what is above the reservation is drawn besides.
    pub consumed: Amount,
    /// What had been overdrawn before it, and not for usage of features; zero where it does not
    /// overdraw.
    pub owed: Amount,
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
    /// What had been overdrawn before it, and not for usage of features.
    pub owed: Amount,
    /// The usage that it pays for, or gives back credits of; none where credits were consumed
    /// directly.
    pub priced: Option<Priced>,
}

/// Usage of a feature, as a mapping turned it into credits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    /// What counts the usage.
    pub meter: MeterId,
    /// The feature.
    pub feature: FeatureId,
    /// The subscription whose mapping was taken.
    pub subscription: SubscriptionNo,
    /// Its plan, an ancestor of the plan or an add-on, which has the mapping.
    pub package: PackageKey,
    /// The version of it.
    pub version: u32,
    /// The transformed units, below zero where credits are given back; none where a formula says
    /// the cost.
    pub units: Option<Amount>,
    /// Credits for one unit.
    pub rate: Amount,
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
    /// What of it had been taken for usage of features.
    pub metered: Amount,
}

/// Consumption that was put on a grant, or given back to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The grant.
    pub grant: GrantNo,
    /// The amount, above zero.
    pub amount: Amount,
    /// Whether it was consumed in the running month.
    pub is_recent: bool,
}

/// Consumption of a subscription that found no room in a cadence, or that stays with what was voided;
/// it replaces what was remembered before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The subscription.
    pub subscription: SubscriptionNo,
    /// What is remembered.
    pub carried: CarriedConsumption,
    /// The package whose voided grants it was consumed of; `None` for what found no room.
    pub voided_of: Option<PackageKey>,
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

/// What a reservation holds of a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldDraw {
    /// The reservation.
    pub reservation: ReservationId,
    /// The grant and how much.
    pub draw: Draw,
}

/// A reservation that got more time or credits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldExtended {
    /// The reservation.
    pub reservation: ReservationId,
    /// Its end from now on.
    pub expires_at: Timestamp,
    /// Its amount from now on.
    pub amount: Amount,
    /// What is held in addition.
    pub draws: Vec<Draw>,
}

/// How a reservation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldEnd {
    /// Its caller ended it.
    Released,
    /// Its time was over.
    Expired,
}

/// What became of what a reservation held of one grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldPart {
    /// The grant.
    pub grant: GrantNo,
    /// How much of it was held.
    pub held: Amount,
    /// What of that was consumed; the rest is returned.
    pub consumed: Amount,
    /// How the grant had ended before, where it had: then what is returned ends at once.
    pub lapsed: Option<GrantEnd>,
}

/// A reservation that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldEnded {
    /// The reservation as it was, for whoever looks at it later.
    pub hold: Hold,
    /// How it ended.
    pub how: HoldEnd,
    /// What became of what it held, in burn order.
    pub parts: Vec<HoldPart>,
}

impl HoldPart {
    /// What the grant got back.
    #[must_use]
    pub fn returned(&self) -> Amount {
        self.held - self.consumed
    }
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
    /// A reservation was made: what it holds is used.
    Reserved(Hold),
    /// A reservation got more time or credits: what it holds in addition is used.
    HoldExtended(HoldExtended),
    /// A reservation ended: what live grants got back is gained.
    HoldEnded(HoldEnded),
    /// What a reservation held of a grant was taken off it.
    HoldMovedOut(HeldDraw),
    /// What a reservation holds was put on a grant.
    HoldMovedIn(HeldDraw),
    /// Consumption of a live grant was given back to it.
    Refunded(Moved),
    /// The overdraft was lowered by consumption that was given back.
    OverdraftRefunded(Draw),
}

impl Effect {
    /// What it adds to the pool's balance, below zero for what it takes (`behaviour.md` §0.16).
    #[must_use]
    pub fn delta(&self) -> Amount {
        match self {
            Self::Granted(grant) => grant.amount,
            Self::Activated(draw) | Self::MovedOut(draw) => draw.amount,
            Self::Drawn(draw) | Self::Overdrawn(draw) | Self::Reduced(draw) => -draw.amount,
            Self::OverdraftRefunded(draw) => draw.amount,
            Self::Refunded(moved) => moved.amount,
            Self::MovedIn(moved) => -moved.amount,
            Self::Ended(ended) => -ended.amount,
            Self::Reserved(hold) => -hold.backed(),
            Self::HoldExtended(extended) => {
                -extended.draws.iter().map(|draw| draw.amount).sum::<Amount>()
            }
            Self::HoldEnded(ended) => {
                let live = ended.parts.iter().filter(|part| part.lapsed.is_none());
                live.map(HoldPart::returned).sum()
            }
            Self::HoldMovedOut(moved) => moved.draw.amount,
            Self::HoldMovedIn(moved) => -moved.draw.amount,
            Self::Scheduled(_)
            | Self::Settled(_)
            | Self::OverdraftClosed(_)
            | Self::Carried(_)
            | Self::Closed(_)
            | Self::Opened(_) => Amount::ZERO,
        }
    }
}

impl Cause {
    /// Whether credits are taken for usage of a feature, or such are given back.
    #[must_use]
    pub fn is_metered(&self) -> bool {
        match self {
            Self::Consumption(consumption) => consumption.priced.is_some(),
            Self::Reversal(reversal) => reversal.meter.is_some(),
            _ => false,
        }
    }
}

impl Consumption {
    /// What the pool had afterwards.
    #[must_use]
    pub fn balance(&self) -> PoolBalance {
        let Self { usage_limit, current_usage, period_end, .. } = *self;
        PoolBalance { usage_limit, current_usage, period_end }
    }
}

impl PoolEntry {
    /// What the entry adds to the pool's balance.
    #[must_use]
    pub fn delta(&self) -> Amount {
        self.effects.iter().map(Effect::delta).sum()
    }

    /// Whether it tells nothing of the life of grants: a consumption that gives nothing back, or a
    /// reservation that was made or ended without more.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        !matches!(self.cause, Cause::Reversal(_))
            && self.effects.iter().all(|effect| match effect {
                Effect::HoldEnded(ended) => ended.parts.iter().all(|part| part.lapsed.is_none()),
                Effect::Drawn(_)
                | Effect::Overdrawn(_)
                | Effect::Reserved(_)
                | Effect::HoldExtended(_) => true,
                _ => false,
            })
    }

    /// The usage that it pays for, or gives back credits of.
    #[must_use]
    pub fn priced(&self) -> Option<&Priced> {
        match &self.cause {
            Cause::Consumption(consumption) => consumption.priced.as_ref(),
            _ => None,
        }
    }

    /// How much it consumed, of what was held before too; below zero for a refund.
    #[must_use]
    pub fn consumed(&self) -> Amount {
        match &self.cause {
            Cause::Consumption(consumption) => consumption.amount,
            Cause::Release(release) => release.consumed,
            _ => Amount::ZERO,
        }
    }

    /// Whether it consumed something, which a reversal can give back.
    #[must_use]
    pub fn is_reversible(&self) -> bool {
        self.consumed().is_positive()
    }

    /// What the pool had afterwards, where it is a consumption.
    #[must_use]
    pub fn balance(&self) -> Option<PoolBalance> {
        match &self.cause {
            Cause::Consumption(consumption) => Some(consumption.balance()),
            _ => None,
        }
    }

    /// Whether it is a consumption.
    #[must_use]
    pub fn is_consumption(&self) -> bool {
        matches!(self.cause, Cause::Consumption(_))
    }
}
