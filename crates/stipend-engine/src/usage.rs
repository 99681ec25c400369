//! What was counted: reports by their positions, and the history of a meter. Rows are found by
//! walking the meter's own chain.

use crate::account::Chain;
use crate::command::UsageRecord;
use crate::record::{KIND_REMEMBERED, Record};
use stipend_core::Timestamp;
use stipend_core::customer::{Entry, PoolEntry, UsageEntry};
use stipend_store::{Reader, Row, Seq, StoreError};

/// How many entries of a meter one history reads at most.
pub const HISTORY_ROWS_MAX: usize = 20_000;

fn usage_entry(reader: &dyn Reader, seq: Seq) -> Result<(Row, UsageEntry), StoreError> {
    let damaged = |why: &str| StoreError::Damaged(format!("row {seq}: {why}"));
    let row = reader.row(seq)?.ok_or_else(|| damaged("it is missing"))?;
    match Record::decode(&row)? {
        Record::Customer(Entry::Usage(entry)) => Ok((row, entry)),
        _ => Err(damaged("a meter's chain leads to it, and it is no entry of a meter")),
    }
}

/// The report whose first row stands at a position, with what it took of pools; `None` for an
/// event that no meter took.
///
/// # Errors
/// [`StoreError::Damaged`] where the row is something else, and what reading fails with.
pub fn stored_report(reader: &dyn Reader, seq: Seq) -> Result<Option<UsageRecord>, StoreError> {
    let row = reader.row(seq)?;
    if row.is_some_and(|row| row.kind == KIND_REMEMBERED) {
        return Ok(None);
    }
    let (_, usage) = usage_entry(reader, seq)?;
    let paid: Vec<PoolEntry> =
        paid_for(reader, seq, &usage)?.into_iter().map(|(_, entry)| entry).collect();
    Ok(Some(UsageRecord { seq, usage, paid }))
}

/// The dimensions that formulas did not find for the report or event whose first row stands at a
/// position.
///
/// # Errors
/// [`StoreError::Damaged`] where the row is something else, and what reading fails with.
pub fn stored_missing_dimensions(reader: &dyn Reader, seq: Seq) -> Result<Vec<String>, StoreError> {
    if reader.row(seq)?.is_some_and(|row| row.kind == KIND_REMEMBERED) {
        return Ok(Vec::new());
    }
    Ok(usage_entry(reader, seq)?.1.missing_dimensions)
}

/// What the usage that stands at a position took of pools, with the positions of it.
pub(crate) fn paid_for(
    reader: &dyn Reader,
    seq: Seq,
    usage: &UsageEntry,
) -> Result<Vec<(Seq, PoolEntry)>, StoreError> {
    let mut paid = Vec::new();
    let mut next = seq + 1;
    // What usage takes of pools stands right behind it.
    while let Some(row) = reader.row(next)? {
        match Record::decode(&row)? {
            Record::Customer(Entry::Pool(entry)) if pays_for(&entry, usage) => {
                paid.push((next, entry));
            }
            Record::Customer(Entry::PoolOpened(_)) => {}
            _ => break,
        }
        next += 1;
    }
    Ok(paid)
}

fn pays_for(entry: &PoolEntry, usage: &UsageEntry) -> bool {
    entry.priced().is_some_and(|priced| priced.meter == usage.meter)
}

/// A part of a meter's history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MeterHistory {
    /// The last entry before it.
    pub before: Option<UsageEntry>,
    /// The entries in it, oldest first.
    pub entries: Vec<UsageEntry>,
    /// The first entry behind it.
    pub after: Option<UsageEntry>,
    /// Whether there are more than are read.
    pub is_cut: bool,
}

/// The entries of a meter from `start` on and before `end`.
///
/// # Errors
/// What reading fails with.
pub fn meter_history(
    reader: &dyn Reader,
    chain: &Chain,
    start: Timestamp,
    end: Timestamp,
) -> Result<MeterHistory, StoreError> {
    let mut history = MeterHistory::default();
    let mut at = chain.last;
    while at != 0 {
        let (row, entry) = usage_entry(reader, at)?;
        if entry.at >= end {
            // A row that the skip pointer leads to is never newer than the one before it.
            let jump = if row.jump == 0 { None } else { Some(usage_entry(reader, row.jump)?.1) };
            at = if jump.is_some_and(|jump| jump.at >= end) { row.jump } else { row.prev };
            history.after = Some(entry);
            continue;
        }
        if entry.at < start {
            history.before = Some(entry);
            break;
        }
        if history.entries.len() == HISTORY_ROWS_MAX {
            history.is_cut = true;
            break;
        }
        history.entries.push(entry);
        at = row.prev;
    }
    history.entries.reverse();
    Ok(history)
}
