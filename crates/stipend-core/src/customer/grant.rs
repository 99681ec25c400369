//! Grants: blocks of credits.

use crate::Amount;
use crate::catalog::{Behavior, Metadata, PackageKey};
use crate::id::{GrantNo, SubscriptionNo};
use crate::period::{Anchor, Cadence, period_at};
use crate::shared::{Shared, clone_fields, share};
use crate::time::Timestamp;
use std::sync::Arc;

/// What a grant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GrantKind {
    /// Recurring credits of a plan or add-on.
    Recurring,
    /// Bought.
    Paid,
    /// Given away.
    Promotional,
}

/// What was paid for a grant, in whole units of a currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// How much.
    pub amount: Amount,
    /// Of which currency, as an ISO 4217 code in lower case.
    pub currency: String,
}

/// Where recurring credits come from. Subscription, package, epoch, cadence, `k` and `part`
/// with the pool's credit type are the key of the grant: it is issued at most once
/// (`behaviour.md` §0.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecurringSource {
    /// The subscription.
    pub subscription: SubscriptionNo,
    /// The plan or add-on.
    pub package: PackageKey,
    /// The version of it that the subscription had.
    pub version: u32,
    /// Credits for one instance.
    pub unit_amount: Amount,
    /// How many instances.
    pub quantity: u32,
    /// How many units of the feature that multiplies them, where one does.
    pub units: Option<u32>,
    /// What it would be for a whole period; the grant is less where it was prorated.
    pub whole: Amount,
    /// How they met the plan's.
    pub behavior: Behavior,
    /// From where its periods are counted.
    pub anchor: Anchor,
    /// The anchor epoch: how often the anchor was moved before.
    pub epoch: u32,
    /// How often they are granted.
    pub cadence: Cadence,
    /// The period, counted from the anchor; −1 for what lies before it.
    pub k: i32,
    /// 0 for what is issued at the start of the period, then one more for each issuance in it.
    pub part: u32,
}

/// The state of a grant, as the contract names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantStatus {
    /// Not effective yet.
    Scheduled,
    /// Effective.
    Active,
    /// Over at its time.
    Expired,
    /// Ended before its time.
    Voided,
}

/// What was drawn from a yearly grant in the running month of its anchor. A monthly grant that
/// takes its place carries only that over (`behaviour.md` §0.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MonthDraws {
    /// How much.
    pub amount: Amount,
    /// The end of the month, with which it is forgotten.
    pub until: Timestamp,
}

/// A block of credits in a pool.
#[derive(Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its number among its customer's grants.
    pub no: GrantNo,
    /// What it is.
    pub kind: GrantKind,
    /// Its credits; a partial void lowers them.
    pub amount: Amount,
    /// Its credits when it was issued.
    pub original: Amount,
    /// What was drawn from it.
    pub consumed: Amount,
    /// What open reservations hold of it.
    pub held: Amount,
    /// 0–100; lower is drawn first.
    pub priority: u8,
    /// The first instant at which it can be drawn.
    pub effective_at: Timestamp,
    /// The first instant at which it no longer can; never, where `None`.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed other than by being drawn.
    pub updated_at: Timestamp,
    /// When it was voided.
    pub voided_at: Option<Timestamp>,
    /// Its name for people.
    pub name: Arc<str>,
    /// Why it was given.
    pub comment: Option<Arc<str>>,
    /// The caller's own data.
    pub metadata: Metadata,
    /// What was paid for it.
    pub cost: Option<Shared<Cost>>,
    /// Where it comes from, for recurring ones.
    pub source: Option<Shared<RecurringSource>>,
    /// What was drawn in the running month, for yearly ones.
    pub this_month: Option<MonthDraws>,
}

impl Clone for Grant {
    fn clone(&self) -> Self {
        Self {
            name: Arc::clone(&self.name),
            comment: self.comment.clone(),
            metadata: self.metadata.clone(),
            cost: self.cost.clone(),
            source: self.source.clone(),
            ..*self
        }
    }

    fn clone_from(&mut self, other: &Self) {
        share(&mut self.name, &other.name);
        match (&mut self.comment, &other.comment) {
            (Some(comment), Some(other)) => share(comment, other),
            (comment, other) => comment.clone_from(other),
        }
        if self.metadata != other.metadata {
            self.metadata.clone_from(&other.metadata);
        }
        clone_fields!(self from other, but name, comment, metadata;
            copied no, kind, amount, original, consumed, held, priority, effective_at, expires_at,
            created_at, updated_at, voided_at, this_month;
            cloned cost, source);
    }
}

/// The keys of the burn order, first to last; never-expiring grants come last, and the number
/// makes the order total.
pub type BurnKey = (u8, Timestamp, bool, Timestamp, Timestamp, GrantNo);

/// The key of the burn order that put one grant before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BurnRule {
    /// A lower number.
    Priority,
    /// A sooner expiry.
    Expiry,
    /// Promotional before the others.
    Promotional,
    /// In force earlier.
    Effective,
    /// Made earlier.
    Created,
    /// Made first of several that are alike.
    Number,
}

/// The default priority of every kind of grant (`behaviour.md` §0.8).
pub const PRIORITY_DEFAULT: u8 = 50;

impl Grant {
    /// What can still be drawn from it.
    #[must_use]
    pub fn remaining(&self) -> Amount {
        self.amount - self.consumed - self.held
    }

    /// Its place in the burn order: priority, expiry, promotional first, effective time,
    /// creation time, number (`behaviour.md` §0.8).
    #[must_use]
    pub fn burn_key(&self) -> BurnKey {
        let never = Timestamp::from_micros(i64::MAX);
        (
            self.priority,
            self.expires_at.unwrap_or(never),
            self.kind != GrantKind::Promotional,
            self.effective_at,
            self.created_at,
            self.no,
        )
    }

    /// What puts it before another grant, or that one before it.
    #[must_use]
    pub fn burn_rule(&self, other: &Self) -> BurnRule {
        let (one, two) = (self.burn_key(), other.burn_key());
        let rules = [
            (one.0 != two.0, BurnRule::Priority),
            (one.1 != two.1, BurnRule::Expiry),
            (one.2 != two.2, BurnRule::Promotional),
            (one.3 != two.3, BurnRule::Effective),
            (one.4 != two.4, BurnRule::Created),
        ];
        rules.iter().find(|(differs, _)| *differs).map_or(BurnRule::Number, |(_, rule)| *rule)
    }

    /// Whether it can be drawn at that instant, which is half-open in both its limits.
    #[must_use]
    pub fn is_effective(&self, at: Timestamp) -> bool {
        self.effective_at <= at && self.expires_at.is_none_or(|end| at < end)
    }

    /// Its state at that instant, for a grant that stands in a pool or was taken out of it.
    #[must_use]
    pub fn status(&self, at: Timestamp) -> GrantStatus {
        if self.voided_at.is_some() {
            GrantStatus::Voided
        } else if self.expires_at.is_some_and(|end| end <= at) {
            GrantStatus::Expired
        } else if self.effective_at > at {
            GrantStatus::Scheduled
        } else {
            GrantStatus::Active
        }
    }

    /// What of its consumption counts in the month in which the instant lies: for a monthly grant
    /// all of it.
    pub(super) fn recent_at(&self, at: Timestamp) -> Amount {
        let is_yearly = self.source.as_ref().is_some_and(|source| source.cadence == Cadence::Year);
        let this_month = self.this_month.filter(|month| at < month.until);
        if is_yearly {
            this_month.map_or(Amount::ZERO, |month| month.amount)
        } else {
            self.consumed
        }
    }

    /// Notes consumption of a yearly grant in the running month; less of it below zero.
    pub(super) fn note_recent(&mut self, amount: Amount, at: Timestamp) {
        let Some(source) = self.source.as_ref().filter(|source| source.cadence == Cadence::Year)
        else {
            return;
        };
        let until = match self.this_month {
            Some(month) if at < month.until => month.until,
            _ => period_at(&source.anchor, Cadence::Month, at).end,
        };
        let amount = (self.recent_at(at) + amount).or_zero();
        self.this_month = Some(MonthDraws { amount, until });
    }

    /// Invariants 2 and 11: what was used and what is held lie between nothing and the grant's
    /// amount.
    pub(super) fn assert_bounds(&self) {
        assert!(
            !self.consumed.is_negative()
                && !self.held.is_negative()
                && self.consumed + self.held <= self.amount,
            "grant {:?} used {} and holds {} of {}",
            self.no,
            self.consumed,
            self.held,
            self.amount
        );
    }
}
