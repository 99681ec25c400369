//! Pages of the ledger: the chains of several pools merged by position, towards older rows and
//! towards newer ones, and never more rows than a page may read.

use super::{
    Cursor, EventType, LedgerEvent, LedgerPage, LedgerQuery, Walk, events_of, seek_number,
    seek_position,
};
use crate::account::Chain;
use crate::life::actor_of;
use crate::limits::LEDGER_ROWS_MAX;
use crate::reversal::reversal_of;
use std::collections::BTreeSet;
use stipend_core::customer::PoolEntry;
use stipend_store::{Page, Reader, Row, Seq, StoreError};

/// A page of the ledger over some pools. It is shorter than asked for where what is asked for is
/// rare among [`LEDGER_ROWS_MAX`] rows.
///
/// # Errors
/// What reading fails with.
pub fn ledger_page(reader: &dyn Reader, query: &LedgerQuery<'_>) -> Result<LedgerPage, StoreError> {
    ledger_page_within(reader, query, LEDGER_ROWS_MAX)
}

/// As [`ledger_page`], of at most so many rows, besides the few by which its place is found.
///
/// # Errors
/// What reading fails with.
pub fn ledger_page_within(
    reader: &dyn Reader,
    query: &LedgerQuery<'_>,
    rows_max: usize,
) -> Result<LedgerPage, StoreError> {
    let mut page = events_page(reader, query, rows_max)?;
    let mut known: Option<(Seq, Option<Seq>)> = None;
    for event in &mut page.events {
        let seq = event.cursor.seq;
        let is_reversible =
            matches!(event.event_type, EventType::Consumed | EventType::ReservationReleased);
        if event.reversal.is_some() || !event.is_decided || !is_reversible {
            continue;
        }
        // The events of a row stand together, so it is looked up once.
        let reversed_by = match known {
            Some((known, reversal)) if known == seq => reversal,
            _ => reversal_of(reader, seq)?,
        };
        known = Some((seq, reversed_by));
        event.reversed_by = reversed_by;
    }
    Ok(page)
}

fn events_page(
    reader: &dyn Reader,
    query: &LedgerQuery<'_>,
    rows_max: usize,
) -> Result<LedgerPage, StoreError> {
    if query.types.as_ref().is_some_and(BTreeSet::is_empty) {
        let (has_older, has_newer) = (false, false);
        return Ok(LedgerPage { events: Vec::new(), has_older, has_newer, stopped_at: None });
    }
    let wanted = query.limit + 1;
    // Behind the last event of a row that was read, or before the first of one that was not.
    let place = |seq| Cursor { seq, index: u32::MAX };
    match query.page {
        Page::First | Page::After(_) => {
            let (mut events, stopped_at) = older(reader, query, wanted, rows_max)?;
            let has_older = events.len() > query.limit || stopped_at.is_some();
            events.truncate(query.limit);
            let (has_newer, stopped_at) = (query.page != Page::First, stopped_at.map(place));
            Ok(LedgerPage { events, has_older, has_newer, stopped_at })
        }
        Page::Before(cursor) => {
            let (mut events, stopped_at) = newer(reader, query, cursor, wanted, rows_max)?;
            let has_newer = events.len() > query.limit || stopped_at.is_some();
            events.truncate(query.limit);
            events.reverse();
            let (has_older, stopped_at) = (true, stopped_at.map(place));
            Ok(LedgerPage { events, has_older, has_newer, stopped_at })
        }
    }
}

/// Whether rows of consumption and reservations can be passed over.
fn skips_usage(query: &LedgerQuery<'_>) -> bool {
    let of_usage = [
        EventType::Consumed,
        EventType::Reserved,
        EventType::ReservationReleased,
        EventType::ReservationExpired,
    ];
    let lists = |types: &BTreeSet<_>| of_usage.iter().any(|of_usage| types.contains(of_usage));
    query.reservation.is_none() && query.types.as_ref().is_some_and(|types| !lists(types))
}

fn is_listed(query: &LedgerQuery<'_>, event: &LedgerEvent) -> bool {
    let reservation = event.reservation.as_ref().map(|facts| &facts.id);
    query.types.as_ref().is_none_or(|types| types.contains(&event.event_type))
        && query.reservation.as_ref().is_none_or(|wanted| Some(wanted) == reservation)
}

/// The events of a row that are asked for, newest first, with who has done them.
fn listed(
    query: &LedgerQuery<'_>,
    row: &Row,
    entry: &PoolEntry,
    is_here: impl Fn(&LedgerEvent) -> bool,
) -> Result<Vec<LedgerEvent>, StoreError> {
    let events = events_of(row.seq, entry).into_iter().rev();
    let mut events: Vec<_> =
        events.filter(|event| is_here(event) && is_listed(query, event)).collect();
    if !events.is_empty() {
        let by = actor_of(row)?;
        events.iter_mut().for_each(|event| event.by.clone_from(&by));
    }
    Ok(events)
}

/// The events behind the cursor, newest first: the chains of the pools merged by position. Where
/// they have more rows than are read, the newest that was not read.
fn older(
    reader: &dyn Reader,
    query: &LedgerQuery<'_>,
    wanted: usize,
    rows_max: usize,
) -> Result<(Vec<LedgerEvent>, Option<Seq>), StoreError> {
    let after = match query.page {
        Page::After(cursor) => Some(cursor),
        Page::First | Page::Before(_) => None,
    };
    let mut walks = Vec::new();
    for (_, chain) in &query.pools {
        let next = match after {
            Some(cursor) => seek_position(reader, chain, cursor.seq)?.map_or(0, |row| row.seq),
            None => chain.last,
        };
        walks.push(Walk { reader, next, skips_usage: skips_usage(query) });
    }
    let first = query.not_before.max(1);
    let mut events = Vec::new();
    for rows in 0.. {
        let newest = walks.iter_mut().max_by_key(|walk| walk.next);
        let Some(walk) = newest.filter(|walk| walk.next >= first) else { break };
        if events.len() >= wanted {
            break;
        }
        if rows == rows_max {
            return Ok((events, Some(walk.next)));
        }
        if let Some((row, entry)) = walk.read_one()? {
            let behind = |event: &LedgerEvent| after.is_none_or(|cursor| event.cursor < cursor);
            events.extend(listed(query, &row, &entry, behind)?);
        }
    }
    events.truncate(wanted);
    Ok((events, None))
}

/// The events before the cursor, oldest first. Where a pool has more rows than are read, the row up
/// to which all of them were.
fn newer(
    reader: &dyn Reader,
    query: &LedgerQuery<'_>,
    cursor: Cursor,
    wanted: usize,
    rows_max: usize,
) -> Result<(Vec<LedgerEvent>, Option<Seq>), StoreError> {
    let skips_usage = skips_usage(query);
    // The row of the cursor may have more.
    let bounds = Upwards { after: cursor.seq.saturating_sub(1), skips_usage, wanted, rows_max };
    let chains: Vec<&Chain> = query.pools.iter().map(|(_, chain)| *chain).collect();
    let place = |event: &LedgerEvent| event.cursor;
    upwards(reader, &chains, bounds, place, |row, entry| {
        listed(query, row, entry, |event| event.cursor > cursor)
    })
}

/// How far it is walked from older rows to newer ones.
#[derive(Clone, Copy)]
pub(super) struct Upwards {
    /// Behind this position.
    pub(super) after: Seq,
    /// Whether rows of consumption are passed over.
    pub(super) skips_usage: bool,
    /// Until there are so many.
    pub(super) wanted: usize,
    /// At most so many rows.
    pub(super) rows_max: usize,
}

/// What `find` makes of the rows of some pools behind a position, oldest first; it gives what is in a
/// row newest first. Where a pool has more rows than are read, the row up to which all of them were.
pub(super) fn upwards<T>(
    reader: &dyn Reader,
    chains: &[&Chain],
    bounds: Upwards,
    place: impl Fn(&T) -> Cursor,
    find: impl Fn(&Row, &PoolEntry) -> Result<Vec<T>, StoreError>,
) -> Result<(Vec<T>, Option<Seq>), StoreError> {
    // The first row may be one of which nothing is wanted any more.
    let rows_max = (bounds.rows_max / chains.len().max(1)).max(2);
    let mut all = Vec::new();
    let mut reached: Option<Seq> = None;
    for chain in chains {
        let (found, stopped) = upwards_in(reader, chain, Upwards { rows_max, ..bounds }, &find)?;
        all.extend(found);
        reached = [reached, stopped].into_iter().flatten().min();
    }
    // Behind where one pool was left, something of it may be missing.
    all.retain(|one| reached.is_none_or(|reached| place(one).seq <= reached));
    all.sort_by_key(place);
    let is_full = all.len() >= bounds.wanted;
    all.truncate(bounds.wanted);
    Ok((all, reached.filter(|_| !is_full)))
}

/// As [`upwards`] in one pool. It is read in windows of rows, each twice as wide as the last, until
/// there are enough.
fn upwards_in<T>(
    reader: &dyn Reader,
    chain: &Chain,
    Upwards { after, skips_usage, wanted, rows_max }: Upwards,
    find: impl Fn(&Row, &PoolEntry) -> Result<Vec<T>, StoreError>,
) -> Result<(Vec<T>, Option<Seq>), StoreError> {
    let below = seek_position(reader, chain, after)?;
    let (mut from, mut reached) = below.map_or((0, 0), |row| (row.pool_seq, row.seq));
    let mut window = wanted.min(rows_max) as u64;
    let mut rows = rows_max;
    let mut found = Vec::new();
    loop {
        let Some(top) = seek_number(reader, chain, from + window)? else { break };
        let walk = Walk { reader, next: top.seq, skips_usage };
        let Some(more) = read_window(walk, from, &mut rows, &find)? else {
            return Ok((found, Some(reached)));
        };
        found.extend(more);
        if top.seq == chain.last || found.len() >= wanted {
            break;
        }
        reached = top.seq;
        if rows == 0 {
            return Ok((found, Some(reached)));
        }
        from += window;
        window *= 2;
        // Where rows are passed over, how many a window has is not known before.
        if !skips_usage {
            window = window.min(rows as u64);
        }
    }
    found.truncate(wanted);
    Ok((found, None))
}

/// What is found in the rows of a walk down to those numbered beyond `from`, oldest first; nothing
/// where there are more of them than are left to be read.
fn read_window<T>(
    mut walk: Walk<'_>,
    from: u64,
    rows: &mut usize,
    find: impl Fn(&Row, &PoolEntry) -> Result<Vec<T>, StoreError>,
) -> Result<Option<Vec<T>>, StoreError> {
    let mut found = Vec::new();
    while let Some((row, entry)) = walk.step()? {
        if row.pool_seq <= from {
            break;
        }
        if *rows == 0 {
            return Ok(None);
        }
        *rows -= 1;
        found.extend(find(&row, &entry)?);
    }
    found.reverse();
    Ok(Some(found))
}
