//! The use of credits over time, by feature and dimensions: exact, to the microsecond of the
//! range's ends, as of one position of the journal.
//!
//! Use counts at the time of its event, a refund (less usage was reported) below zero at its own,
//! and a reversal takes away where the consumption counted. So the points of a series add up to
//! its total, and all series of a pool over all time to what the pool's consumptions, releases,
//! refunds and reversals took of it together; a step may lie below zero. An event is what one
//! report, event, consumption or release told: in a series it counts once, however many pools and
//! features it took from, and a reversal leaves it counted.
//!
//! Most of a long chain of rows is rolled up ([`Roller`]): sums for each quarter of an hour,
//! feature and combination of dimensions. A query adds to them the rows that are not rolled up
//! yet, and those of the quarters that the range cuts. A dimension with too many values is in no
//! sum; what is grouped by it is read row by row. Nothing is written here: what is rolled up is
//! made from the journal and may be lost.

mod cell;
mod fact;
mod nearby;
mod query;
mod roll;
mod roller;

pub use cell::RollLimits;
pub use query::series;
pub use roll::{roll_up, verify_rolls};
pub use roller::{Roller, RollerThread};

use crate::account::Chain;
use std::collections::BTreeMap;
use stipend_core::{Amount, FeatureId, PoolId, Timestamp, Zone};
use stipend_store::Seq;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct SeriesQuery<'a> {
    /// The pools, with their chains: one of a customer, or all that it has for a resource.
    pub pools: Vec<(PoolId, &'a Chain)>,
    /// What was written behind this position does not count.
    pub as_of: Seq,
    /// The first instant.
    pub start: Timestamp,
    /// The first instant behind.
    pub end: Timestamp,
    /// The length of a step.
    pub step: Step,
    /// Whether there is a series for each feature.
    pub by_feature: bool,
    /// There is a series for each combination of these dimensions.
    pub dimensions: Vec<String>,
}

/// The length of the steps of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Hours, of UTC.
    Hour,
    /// Calendar days of the zone, of UTC where there is none: 23 or 25 hours where its clocks
    /// change.
    Day(Option<Zone>),
}

/// What a series is of: the feature, and the values of the dimensions in the order of the query.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeriesKey {
    /// The feature.
    pub feature: Option<FeatureId>,
    /// The dimensions that the use has, with their values.
    pub tags: Vec<(String, String)>,
}

/// What was used, and by how many different events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// How much.
    pub amount: Amount,
    /// How many events.
    pub events: u64,
}

/// A series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// All of it.
    pub total: Used,
    /// The steps in which something was used or given back, by their beginnings.
    pub points: BTreeMap<Timestamp, Used>,
}

/// What became of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The series.
    All(BTreeMap<SeriesKey, Series>),
    /// More rows or cells would have to be read than may be.
    TooMany {
        /// The dimension with too many values that makes rows be read.
        dimension: Option<String>,
    },
}

/// The steps of time, with the day that was asked for last.
#[derive(Debug)]
struct Steps<'a> {
    step: &'a Step,
    day: (Timestamp, Timestamp),
}

impl<'a> Steps<'a> {
    fn new(step: &'a Step) -> Self {
        Self { step, day: (Timestamp::EPOCH, Timestamp::EPOCH) }
    }

    /// The beginning of the step that an instant lies in.
    fn beginning(&mut self, at: Timestamp) -> Timestamp {
        let floor = |seconds: i64| {
            let micros = seconds * 1_000_000;
            Timestamp::from_micros(at.micros().div_euclid(micros) * micros)
        };
        match self.step {
            Step::Hour => floor(60 * 60),
            Step::Day(None) => floor(24 * 60 * 60),
            Step::Day(Some(zone)) => {
                if at < self.day.0 || at >= self.day.1 {
                    self.day = zone.day_of(at);
                }
                self.day.0
            }
        }
    }
}
