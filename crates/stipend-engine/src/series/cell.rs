//! The sums of a roll-up: a cell for each quarter of an hour, feature and combination of
//! dimensions.
//!
//! A dimension with too many values is left out of the cells, and named: what is grouped by it is
//! read from the rows.

use crate::series::fact::{Fact, Place, Tally};
use std::collections::{BTreeMap, BTreeSet};
use stipend_core::{Amount, FeatureId, Timestamp};
use stipend_store::record;

/// The length of the step of a cell, in microseconds: a quarter of an hour, at whose bounds the
/// days of every time zone begin.
pub(crate) const QUARTER: i64 = 15 * 60 * 1_000_000;

/// The longest value of a dimension that cells hold, in bytes.
const VALUE_BYTES_MAX: usize = 255;

/// The quarter of an hour of an instant.
pub(crate) const fn quarter_of(at: Timestamp) -> i64 {
    at.micros().div_euclid(QUARTER)
}

/// The first instant of a quarter of an hour.
pub(crate) fn start_of(quarter: i64) -> Timestamp {
    Timestamp::from_micros(quarter.saturating_mul(QUARTER))
}

/// How large roll-ups are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RollLimits {
    /// So many rows that are not rolled up yet are worth a roll-up.
    pub rows_min: u64,
    /// The most rows of one roll-up.
    pub rows_max: u64,
    /// The most cells of one, unless the features alone have more.
    pub cells_max: usize,
    /// The most values that a dimension of one may have.
    pub values_max: usize,
}

/// The cells of some rows, as they are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rolled {
    /// The features.
    pub(crate) features: Vec<FeatureId>,
    /// The combinations of dimensions.
    pub(crate) tags: Vec<Vec<(String, String)>>,
    /// The dimensions that are left out.
    pub(crate) dropped: Vec<String>,
    /// The cells.
    pub(crate) cells: Vec<Cell>,
    /// The rows that count in another quarter than they stand in, with the one they count in.
    pub(crate) late: Vec<Place>,
}

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) quarter: i64,
    /// The place of the feature, from 1; 0 for none.
    pub(crate) feature: u32,
    /// The place of the combination of dimensions.
    pub(crate) tags: u32,
    pub(crate) used: Amount,
    pub(crate) by_both: u64,
    pub(crate) by_feature: u64,
    pub(crate) by_pool: u64,
    pub(crate) events: u64,
}

record!(Rolled { 1 => features, 2 => tags, 3 => dropped, 4 => cells, 5 => late });
record!(Cell {
    1 => quarter, 2 => feature, 3 => tags, 4 => used, 5 => by_both, 6 => by_feature, 7 => by_pool,
    8 => events
});

impl Rolled {
    /// Whether the cells do not tell these dimensions apart; the first of them.
    pub(crate) fn lacks<'a>(&self, dimensions: &'a [String]) -> Option<&'a String> {
        dimensions.iter().find(|name| self.dropped.contains(name))
    }

    /// The fact that a cell is.
    pub(crate) fn fact(&self, cell: &Cell) -> Option<Fact> {
        let feature = match cell.feature {
            0 => None,
            place => Some(self.features.get(place as usize - 1)?.clone()),
        };
        let dimensions = self.tags.get(cell.tags as usize)?.clone();
        let Cell { used, by_both, by_feature, by_pool, events, .. } = *cell;
        let tally = Tally { used, by_both, by_feature, by_pool, events };
        Some(Fact { at: start_of(cell.quarter), feature, dimensions, tally })
    }

    /// The first and the last quarter that it has something in.
    pub(crate) fn range(&self) -> Option<(i64, i64)> {
        Some((self.cells.first()?.quarter, self.cells.last()?.quarter))
    }
}

type Tags = Vec<(String, String)>;

/// Sums up facts.
#[derive(Debug)]
pub(crate) struct Rolling {
    cells: BTreeMap<(i64, Option<FeatureId>, Tags), Tally>,
    late: Vec<Place>,
    /// The values of the dimensions that are not left out.
    values: BTreeMap<String, BTreeSet<String>>,
    dropped: BTreeSet<String>,
    /// No further dimensions are left out without.
    limits: Option<RollLimits>,
}

impl Rolling {
    /// Leaves dimensions out where there is too much of them.
    pub(crate) fn new(limits: RollLimits) -> Self {
        Self { limits: Some(limits), ..Self::without(&[]) }
    }

    /// Leaves these dimensions out and no others.
    pub(crate) fn without(dropped: &[String]) -> Self {
        Self {
            cells: BTreeMap::new(),
            late: Vec::new(),
            values: BTreeMap::new(),
            dropped: dropped.iter().cloned().collect(),
            limits: None,
        }
    }

    /// Takes what the row at a position says that stands at an instant.
    pub(crate) fn take(&mut self, (stands, seq): (Timestamp, u64), fact: Fact) {
        let quarter = quarter_of(fact.at);
        if quarter_of(stands) != quarter {
            self.late.push((quarter, seq));
        }
        let Fact { feature, mut dimensions, tally, .. } = fact;
        if let Some(limits) = self.limits {
            dimensions.iter().for_each(|(name, value)| self.meet(name, value, &limits));
        }
        dimensions.retain(|(name, _)| !self.dropped.contains(name));
        self.cells.entry((quarter, feature, dimensions)).or_default().add(&tally);
        while self.limits.is_some_and(|limits| self.cells.len() > limits.cells_max) {
            let most = self.values.iter().max_by_key(|(_, values)| values.len());
            let Some(name) = most.map(|(name, _)| name.clone()) else { break };
            self.drop_dimension(&name);
        }
    }

    fn meet(&mut self, name: &str, value: &str, limits: &RollLimits) {
        if self.dropped.contains(name) {
            return;
        }
        let values = match self.values.get_mut(name) {
            Some(values) => values,
            None => self.values.entry(name.to_owned()).or_default(),
        };
        if !values.contains(value) {
            values.insert(value.to_owned());
            if value.len() > VALUE_BYTES_MAX || values.len() > limits.values_max {
                self.drop_dimension(name);
            }
        }
    }

    fn drop_dimension(&mut self, name: &str) {
        self.values.remove(name);
        self.dropped.insert(name.to_owned());
        for ((quarter, feature, mut tags), tally) in std::mem::take(&mut self.cells) {
            tags.retain(|(other, _)| other != name);
            self.cells.entry((quarter, feature, tags)).or_default().add(&tally);
        }
    }

    /// The sums, always the same for the same facts in whatever order.
    pub(crate) fn finish(mut self) -> Rolled {
        self.late.sort_unstable();
        let mut features: Vec<FeatureId> =
            self.cells.keys().filter_map(|(_, feature, _)| feature.clone()).collect();
        features.sort();
        features.dedup();
        let mut tags: Vec<Tags> = self.cells.keys().map(|(_, _, tags)| tags.clone()).collect();
        tags.sort();
        tags.dedup();
        let place = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let cells = self.cells.into_iter().map(|((quarter, feature, of), tally)| {
            let feature = feature.and_then(|feature| features.binary_search(&feature).ok());
            let Tally { used, by_both, by_feature, by_pool, events } = tally;
            Cell {
                quarter,
                feature: feature.map_or(0, |found| place(found) + 1),
                tags: place(tags.binary_search(&of).unwrap_or(0)),
                used,
                by_both,
                by_feature,
                by_pool,
                events,
            }
        });
        let cells = cells.collect();
        let dropped = self.dropped.into_iter().collect();
        Rolled { features, tags, dropped, cells, late: self.late }
    }
}
