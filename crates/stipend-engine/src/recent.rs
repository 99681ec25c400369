//! The journal from its end backwards, over all customers: what was reported lately, and what was
//! changed. Changes are few among many reports, so each leads to the one before, and nothing else is
//! read to find them. Every walk has a bound, and says how much it looked at and where the next one
//! goes on.

use crate::account::{KIND_CONSUMPTION, KIND_RELEASE, KIND_USAGE};
use crate::actor::Actor;
use crate::command::UsageRecord;
use crate::realm::RealmChange;
use crate::record::{KIND_REALM, Record};
use crate::usage::stored_report;
use stipend_core::customer::{Entry, PoolEntry};
use stipend_core::{Slot, Timestamp};
use stipend_store::{Reader, Row, Seq, StoreError};

/// Rows that are read at once.
const ROWS_READ: usize = 500;

/// How far a walk goes.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// It begins before this row, of changes before this change; at the end of the journal where
    /// absent.
    pub before: Option<Seq>,
    /// How many things it finds at most.
    pub found_max: usize,
    /// How many rows it looks at at most: of changes, only those of changes count.
    pub rows_max: usize,
}

/// What a walk found, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recent<T> {
    /// It.
    pub found: Vec<T>,
    /// The row before which the journal goes on; nothing where it was read to its beginning.
    pub older: Option<Seq>,
    /// How many rows were looked at.
    pub looked: usize,
    /// When the oldest of them was written, as its clock had it.
    pub reached: Option<Timestamp>,
}

/// A row of the journal that a walk was looking for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// Its position, which its decision is found by.
    pub seq: Seq,
    /// The customer.
    pub slot: Slot,
    /// What was reported.
    pub report: Report,
}

/// What was reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// Usage of a feature, or an event that its meter took, with what it took of pools.
    Usage(UsageRecord),
    /// Credits were consumed directly, or of a reservation.
    Consumption(PoolEntry),
}

/// A change of environments, keys or catalogs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Its position.
    pub seq: Seq,
    /// When, as the environment's clock had it.
    pub at: Timestamp,
    /// Who has done it; not recorded where absent.
    pub by: Option<Actor>,
    /// The change.
    pub change: RealmChange,
}

/// Walks back, and finds what `find` makes of the rows.
fn walk<T>(
    reader: &dyn Reader,
    bounds: Bounds,
    mut find: impl FnMut(&Row) -> Result<Option<T>, StoreError>,
) -> Result<Recent<T>, StoreError> {
    let end = reader.last()?.saturating_add(1);
    let mut end = bounds.before.map_or(end, |before| before.min(end));
    let (mut found, mut looked, mut reached) = (Vec::new(), 0, None);
    while end > 1 && found.len() < bounds.found_max && looked < bounds.rows_max {
        let limit = ROWS_READ.min(bounds.rows_max - looked);
        let start = end.saturating_sub(limit as Seq).max(1);
        let rows = reader.rows(start, usize::try_from(end - start).unwrap_or(limit))?;
        for row in rows.iter().rev() {
            looked += 1;
            end = row.seq;
            reached = Some(Timestamp::from_micros(row.at));
            found.extend(find(row)?);
            if found.len() == bounds.found_max {
                break;
            }
        }
        if rows.is_empty() {
            return Err(StoreError::Damaged(format!("row {start} is missing")));
        }
    }
    Ok(Recent { found, older: (end > 1).then_some(end), looked, reached })
}

/// What was reported lately for customers that are wanted: usage, events that a meter took, and
/// credits that were consumed directly or of a reservation.
///
/// # Errors
/// What reading fails with.
pub fn reported(
    reader: &dyn Reader,
    bounds: Bounds,
    is_wanted: impl Fn(Slot) -> bool,
) -> Result<Recent<Reported>, StoreError> {
    walk(reader, bounds, |row| {
        let slot = Slot(row.slot);
        let is_report = [KIND_USAGE, KIND_CONSUMPTION, KIND_RELEASE].contains(&row.kind);
        if !is_report || !is_wanted(slot) {
            return Ok(None);
        }
        let report = match Record::decode(row)? {
            Record::Customer(Entry::Usage(_)) => stored_report(reader, row.seq)?.map(Report::Usage),
            // What usage took of pools is told with it.
            Record::Customer(Entry::Pool(entry))
                if entry.priced().is_none() && entry.is_reversible() =>
            {
                Some(Report::Consumption(entry))
            }
            _ => None,
        };
        Ok(report.map(|report| Reported { seq: row.seq, slot, report }))
    })
}

/// What was changed lately that is wanted: environments, keys, clocks, catalogs, tasks, operators.
/// `newest` is the last change that there is ([`Engine::last_change`](crate::Engine::last_change)).
/// Nothing is answered where no change stands at the row before which it is to begin: walks go on
/// before changes alone, and to look for the one that is next would have no bound.
///
/// # Errors
/// What reading fails with.
pub fn changed(
    reader: &dyn Reader,
    newest: Seq,
    bounds: Bounds,
    is_wanted: impl Fn(&RealmChange) -> bool,
) -> Result<Option<Recent<Changed>>, StoreError> {
    let mut recent = Recent { found: Vec::new(), older: None, looked: 0, reached: None };
    let mut next = newest;
    if let Some(before) = bounds.before {
        match reader.row(before)?.filter(|row| row.kind == KIND_REALM) {
            Some(row) => next = row.prev,
            None => return Ok(None),
        }
    }
    while next > 0 && recent.found.len() < bounds.found_max && recent.looked < bounds.rows_max {
        let row = change_row(reader, next)?;
        let (seq, at) = (row.seq, Timestamp::from_micros(row.at));
        (recent.looked, recent.reached) = (recent.looked + 1, Some(at));
        if let (Record::Realm(change), by) = Record::decode_signed(&row)?
            && is_wanted(&change)
        {
            recent.found.push(Changed { seq, at, by, change });
        }
        next = row.prev;
        recent.older = (next > 0).then_some(seq);
    }
    Ok(Some(recent))
}

/// A row of the chain of changes.
fn change_row(reader: &dyn Reader, seq: Seq) -> Result<Row, StoreError> {
    let damaged = |why: &str| StoreError::Damaged(format!("row {seq}: {why}"));
    let row = reader.row(seq)?.ok_or_else(|| damaged("it is missing"))?;
    match (row.kind, row.prev < seq) {
        (KIND_REALM, true) => Ok(row),
        (KIND_REALM, false) => Err(damaged("its pointer leads forward")),
        _ => Err(damaged("a change leads to it, and it is none")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realm::ClockChange;
    use crate::record::{Header, plain_row};
    use stipend_core::EnvId;
    use stipend_store::{Batch, MemoryStore, Store};

    /// A journal whose first row is a header, and so many changes of clocks of two environments.
    fn journal(changes: u64) -> MemoryStore {
        let header =
            Header { number: 1, now: 0, rows: 0, before: [0; 32], hash: [0; 32], replay_after: 0 };
        let clock = |seq: Seq| {
            let env = EnvId(u32::from(seq.is_multiple_of(2)));
            let change = ClockChange { env, at: Timestamp::EPOCH, frozen_at: None };
            let row = plain_row(seq, KIND_REALM, 0, None, &RealmChange::Clock(change));
            Row { prev: if seq > 2 { seq - 1 } else { 0 }, ..row }
        };
        let rows = std::iter::once(header.to_row(1)).chain((2..=changes + 1).map(clock)).collect();
        let mut store = MemoryStore::default();
        let appended = store.append(&Batch { number: 1, after: 0, rows, ..Batch::default() });
        appended.expect("the memory takes it");
        store
    }

    /// The positions of the changes of one environment, page by page.
    fn pages(changes: u64, found_max: usize, rows_max: usize) -> Vec<Vec<Seq>> {
        let reader = journal(changes).reader();
        let (mut pages, mut before) = (Vec::new(), None);
        loop {
            let bounds = Bounds { before, found_max, rows_max };
            let is_wanted =
                |change: &RealmChange| matches!(change, RealmChange::Clock(one) if one.env.0 == 1);
            let recent = changed(&*reader, changes + 1, bounds, is_wanted);
            let recent = recent.expect("the journal is sound").expect("it begins at a change");
            pages.push(recent.found.iter().map(|found| found.seq).collect());
            before = recent.older;
            if before.is_none() {
                return pages;
            }
        }
    }

    #[test]
    fn walks_find_everything_newest_first_whatever_their_bounds_are() {
        let all: Vec<Seq> = (2..=1_301).filter(|seq| seq % 2 == 0).rev().collect();
        for (found_max, rows_max) in [(10_000, 10_000), (7, 10_000), (10_000, 3), (499, 501)] {
            let pages = pages(1_300, found_max, rows_max);
            assert!(pages.iter().all(|page| page.len() <= found_max.min(rows_max)));
            assert_eq!(pages.concat(), all, "{found_max} of {rows_max} rows");
        }
        let none = Bounds { before: None, found_max: 1, rows_max: 1 };
        let none = changed(&*journal(0).reader(), 0, none, |_| true).expect("it is sound");
        let none = none.expect("it begins at the end");
        assert_eq!((none.found, none.older, none.looked), (Vec::new(), None, 0));
    }

    #[test]
    fn a_walk_says_how_much_it_looked_at() {
        for (found_max, rows_max, looked) in [(10, 1_000, 19), (1_000, 30, 30), (100, 100, 41)] {
            let bounds = Bounds { before: None, found_max, rows_max };
            let is_wanted =
                |change: &RealmChange| matches!(change, RealmChange::Clock(one) if one.env.0 == 1);
            let recent = changed(&*journal(41).reader(), 42, bounds, is_wanted);
            let recent = recent.expect("the journal is sound").expect("it begins at the end");
            assert_eq!((recent.looked, recent.reached), (looked, Some(Timestamp::EPOCH)));
        }
    }

    #[test]
    fn a_walk_begins_before_a_change_and_nowhere_else() {
        let begun = |before: Seq| {
            let bounds = Bounds { before: Some(before), found_max: 1, rows_max: 1 };
            let recent = changed(&*journal(4).reader(), 5, bounds, |_| true);
            recent
                .expect("the journal is sound")
                .map(|recent| (recent.found.first().map(|found| found.seq), recent.older))
        };
        for (before, seq) in [(5, 4), (4, 3), (3, 2)] {
            let older = (seq > 2).then_some(seq);
            assert_eq!(begun(before), Some((Some(seq), older)), "{before}");
        }
        assert_eq!(begun(2), Some((None, None)), "it is the first change");
        for before in [0, 1, 6, Seq::MAX >> 1] {
            assert_eq!(begun(before), None, "no change stands at {before}");
        }
    }

    #[test]
    fn a_chain_that_leads_elsewhere_is_damage() {
        let bounds = Bounds { before: None, found_max: 1, rows_max: 1 };
        for newest in [1, 6] {
            let recent = changed(&*journal(4).reader(), newest, bounds, |_| true);
            assert!(matches!(recent, Err(StoreError::Damaged(_))), "{newest}: {recent:?}");
        }
    }
}
