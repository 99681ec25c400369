//! What one row of a pool says of the use of credits: how much, when, for what, and whether it
//! tells of an event that no row before it has told of.

use crate::ledger::pool_entry;
use crate::pace::used_by;
use crate::record::Record;
use stipend_core::customer::{Cause, Consumption, DimensionValue, Entry, PoolEntry, UsageEntry};
use stipend_core::{Amount, FeatureId, PoolId, Timestamp};
use stipend_store::{Reader, Row, Seq, StoreError};

/// What was used, and by how many events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// How much.
    pub(crate) used: Amount,
    /// Events, each counted once for every feature and pool that it took from.
    pub(crate) by_both: u64,
    /// Events, each counted once for every feature.
    pub(crate) by_feature: u64,
    /// Events, each counted once for every pool.
    pub(crate) by_pool: u64,
    /// Events.
    pub(crate) events: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.used += other.used;
        self.by_both += other.by_both;
        self.by_feature += other.by_feature;
        self.by_pool += other.by_pool;
        self.events += other.events;
    }
}

/// What a row says of the use of credits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    /// When it counts.
    pub(crate) at: Timestamp,
    /// The feature whose usage it paid for.
    pub(crate) feature: Option<FeatureId>,
    /// What the caller said about it, in the order of the names.
    pub(crate) dimensions: Vec<(String, String)>,
    /// How much it is.
    pub(crate) tally: Tally,
}

/// What a row says, where it is about use at all.
pub(crate) fn fact_of(
    reader: &dyn Reader,
    row: &Row,
    entry: &PoolEntry,
) -> Result<Option<Fact>, StoreError> {
    let used = used_by(entry);
    let once = Tally { used, by_both: 1, by_feature: 1, by_pool: 1, events: 1 };
    let fact = match &entry.cause {
        Cause::Consumption(consumption) => {
            let tally = match &consumption.priced {
                Some(_) => Tally { used, ..tally_of(reader, row, entry, consumption)? },
                None => once,
            };
            Fact { tally, ..place_of(entry) }
        }
        Cause::Release(_) if used.is_positive() => Fact { tally: once, ..place_of(entry) },
        // It was an event of its own and stays one.
        Cause::Reversal(reversal) => {
            let (_, consumed) = pool_entry(reader, reversal.of)?;
            Fact { tally: Tally { used, ..Tally::default() }, ..place_of(&consumed) }
        }
        _ => return Ok(None),
    };
    Ok(Some(fact))
}

/// Where and when an entry belongs: a consumption where its event was, which is never later than
/// itself.
fn place_of(entry: &PoolEntry) -> Fact {
    let tally = Tally::default();
    let Cause::Consumption(consumption) = &entry.cause else {
        return Fact { at: entry.at, feature: None, dimensions: Vec::new(), tally };
    };
    let said = consumption.dimensions.iter();
    let mut dimensions: Vec<_> = said.map(|(name, value)| (name.clone(), text_of(value))).collect();
    dimensions.sort();
    Fact {
        at: consumption.reported_at.map_or(entry.at, |reported| reported.min(entry.at)),
        feature: consumption.priced.as_ref().map(|priced| priced.feature.clone()),
        dimensions,
        tally,
    }
}

/// Whether a row is the first of its event, and the first of it for its feature or its pool.
///
/// The rows of an event stand together: for each feature that of its meter, then those of the
/// pools that pay. So the ones before it tell.
fn tally_of(
    reader: &dyn Reader,
    row: &Row,
    entry: &PoolEntry,
    consumption: &Consumption,
) -> Result<Tally, StoreError> {
    let feature = consumption.priced.as_ref().map(|priced| &priced.feature);
    let earlier = earlier_rows(reader, row, consumption)?;
    let first =
        |is_same: &dyn Fn(&(PoolId, FeatureId)) -> bool| u64::from(!earlier.iter().any(is_same));
    Ok(Tally {
        used: Amount::ZERO,
        by_both: first(&|(pool, other)| *pool == entry.pool && Some(other) == feature),
        by_feature: first(&|(_, other)| Some(other) == feature),
        by_pool: first(&|(pool, _)| *pool == entry.pool),
        events: first(&|_| true),
    })
}

/// The pools and features of the rows of the same event before that row.
fn earlier_rows(
    reader: &dyn Reader,
    row: &Row,
    consumption: &Consumption,
) -> Result<Vec<(PoolId, FeatureId)>, StoreError> {
    let mut earlier = Vec::new();
    // Of the feature that is being read; whether it is of the same event its meter's row says.
    let mut group = Vec::new();
    let mut name = None;
    for seq in (1..row.seq).rev() {
        let Some(before) = reader.row(seq)?.filter(|before| before.slot == row.slot) else { break };
        match Record::decode(&before)? {
            Record::Customer(Entry::Pool(entry)) => match entry.priced() {
                Some(priced) => group.push((entry.pool, priced.feature.clone())),
                None => break,
            },
            Record::Customer(Entry::Usage(usage)) => {
                if name.is_some() && !is_same_event(&usage, name.as_ref(), consumption) {
                    break;
                }
                earlier.append(&mut group);
                // A report is of one feature alone.
                let Some(event) = usage.event_name else { break };
                name = Some(event);
            }
            Record::Customer(Entry::PoolOpened(_) | Entry::MeterOpened(_)) => {}
            _ => break,
        }
    }
    Ok(earlier)
}

fn is_same_event(usage: &UsageEntry, name: Option<&String>, consumption: &Consumption) -> bool {
    usage.event_name.as_ref() == name
        && usage.event_id == consumption.event_id
        && usage.reported_at == consumption.reported_at
        && usage.dimensions == consumption.dimensions
}

fn text_of(value: &DimensionValue) -> String {
    match value {
        DimensionValue::Text(text) => text.clone(),
        DimensionValue::Number(number) => number.to_string(),
        DimensionValue::Flag(flag) => flag.to_string(),
    }
}

/// The position and instant that a fact is found by again.
pub(crate) type Place = (i64, Seq);
