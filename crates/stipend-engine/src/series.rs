//! The use of credits over time, by feature and dimensions. Nothing is kept for it: the chains of
//! the pools are walked over the range, and skip pointers find its far end.
//!
//! Use counts at the time of its event, a refund (less usage was reported) at its own, and a
//! reversal takes away where the consumption counted.

use crate::account::Chain;
use crate::ledger::pool_entry;
use crate::limits::SERIES_ROWS_MAX;
use crate::pace::used_by;
use crate::walk::{LifeWalk, Pages};
use std::collections::{BTreeMap, BTreeSet};
use stipend_core::customer::{Cause, DimensionValue, PoolEntry};
use stipend_core::limits::EVENT_AGE_MAX_SECONDS;
use stipend_core::{Amount, FeatureId, Timestamp};
use stipend_store::{Reader, Row, Seq, StoreError};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct SeriesQuery<'a> {
    /// The chains of the pools.
    pub chains: Vec<&'a Chain>,
    /// The first instant.
    pub start: Timestamp,
    /// The first instant behind.
    pub end: Timestamp,
    /// The length of a step, in seconds.
    pub step: i64,
    /// Whether there is a series for each feature.
    pub by_feature: bool,
    /// There is a series for each combination of these dimensions.
    pub dimensions: Vec<String>,
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
    /// Which events.
    pub events: BTreeSet<Event>,
}

/// An event: by the caller's id of it, or by the row that tells it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// By the caller's id.
    Id(String),
    /// By the position of its row.
    Row(Seq),
}

/// A series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// All of it.
    pub total: Used,
    /// The steps in which something was used or given back, by their beginnings.
    pub points: BTreeMap<Timestamp, Used>,
}

/// The series of a query, or nothing where more than [`SERIES_ROWS_MAX`] rows would be read.
///
/// # Errors
/// What reading fails with.
pub fn series(
    reader: &dyn Reader,
    query: &SeriesQuery<'_>,
) -> Result<Option<BTreeMap<SeriesKey, Series>>, StoreError> {
    let mut build = Build { reader, query, series: BTreeMap::new(), rows: 0 };
    for chain in &query.chains {
        build.add(chain)?;
    }
    Ok((build.rows <= SERIES_ROWS_MAX).then_some(build.series))
}

struct Build<'a> {
    reader: &'a dyn Reader,
    query: &'a SeriesQuery<'a>,
    series: BTreeMap<SeriesKey, Series>,
    rows: usize,
}

impl Build<'_> {
    /// An event is told at most so much later than it happened, and never before; only reversals
    /// come later still, and they are in the pool's life.
    fn add(&mut self, chain: &Chain) -> Result<(), StoreError> {
        let far = self.query.end.plus_seconds(EVENT_AGE_MAX_SECONDS);
        let mut life = LifeWalk::new(self.reader, chain);
        while self.has_room()
            && let Some((row, entry)) = life.step()?
        {
            if entry.at < far {
                break;
            }
            self.rows += 1;
            self.take(&row, &entry)?;
        }
        let mut pages = Pages::before(self.reader, chain, far)?;
        while self.has_room()
            && let Some((row, entry)) = pages.step()?
        {
            if entry.at < self.query.start {
                break;
            }
            self.rows += 1;
            self.take(&row, &entry)?;
        }
        Ok(())
    }

    fn has_room(&self) -> bool {
        self.rows <= SERIES_ROWS_MAX
    }

    fn take(&mut self, row: &Row, entry: &PoolEntry) -> Result<(), StoreError> {
        let used = used_by(entry);
        match &entry.cause {
            Cause::Consumption(consumption) => {
                let event = match &consumption.event_id {
                    Some(id) => Event::Id(id.clone()),
                    None => Event::Row(row.seq),
                };
                self.note(entry, used, Some(&event));
            }
            Cause::Release(_) if used.is_positive() => {
                self.note(entry, used, Some(&Event::Row(row.seq)));
            }
            Cause::Reversal(reversal) => {
                let (_, consumed) = pool_entry(self.reader, reversal.of)?;
                self.note(&consumed, used, None);
            }
            _ => {}
        }
        Ok(())
    }

    /// Counts where and when an entry belongs.
    fn note(&mut self, entry: &PoolEntry, used: Amount, event: Option<&Event>) {
        let consumption = match &entry.cause {
            Cause::Consumption(consumption) => Some(consumption),
            _ => None,
        };
        let reported = consumption.and_then(|consumption| consumption.reported_at);
        let at = reported.map_or(entry.at, |reported| reported.min(entry.at));
        if at < self.query.start || at >= self.query.end {
            return;
        }
        let priced = consumption.and_then(|consumption| consumption.priced.as_ref());
        let feature = priced.filter(|_| self.query.by_feature).map(|by| by.feature.clone());
        let said = consumption.map(|consumption| consumption.dimensions.as_slice());
        let said = said.unwrap_or_default();
        let tags = self.query.dimensions.iter().filter_map(|name| {
            let (_, value) = said.iter().find(|(said, _)| said == name)?;
            Some((name.clone(), text_of(value)))
        });
        let key = SeriesKey { feature, tags: tags.collect() };
        let step = self.query.step * 1_000_000;
        let begin = Timestamp::from_micros(at.micros().div_euclid(step) * step);
        let series = self.series.entry(key).or_default();
        let point = series.points.entry(begin).or_default();
        for used_in in [&mut series.total, point] {
            used_in.amount += used;
            used_in.events.extend(event.cloned());
        }
    }
}

fn text_of(value: &DimensionValue) -> String {
    match value {
        DimensionValue::Text(text) => text.clone(),
        DimensionValue::Number(number) => number.to_string(),
        DimensionValue::Flag(flag) => flag.to_string(),
    }
}
