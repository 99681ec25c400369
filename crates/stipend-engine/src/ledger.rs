//! The ledger of a customer: the entries of its pools as events, newest first. Rows are found by
//! walking the chains of the pools.

use crate::account::{Chain, jump_number};
use crate::actor::Actor;
use crate::life::actor_of;
use crate::record::Record;
use crate::reversal::reversal_of;
use std::collections::BTreeSet;
use stipend_core::catalog::Metadata;
use stipend_core::customer::{
    Cause, Draw, Effect, Entry, GrantEnd, HeldDraw, Hold, HoldEnd, HoldEnded, PoolEntry,
};
use stipend_core::{Amount, FeatureId, GrantNo, PoolId, ReservationId, Timestamp};
use stipend_store::{Page, Reader, Row, Seq, StoreError};

/// What kind of change an event is, in the contract's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventType {
    /// A grant came into force.
    Granted,
    /// A grant ended at its time.
    Expired,
    /// A grant or the overdraft was drawn.
    Consumed,
    /// A grant was ended or lowered before its time.
    Voided,
    /// Consumption was taken off a grant or the overdraft.
    TransferSource,
    /// Consumption was put on a grant.
    TransferTarget,
    /// A part of a grant was reserved.
    Reserved,
    /// A reservation was released: what was not consumed of a grant is its own again.
    ReservationReleased,
    /// A reservation expired: what it held of a grant is its own again.
    ReservationExpired,
}

/// One event of the ledger. The amounts of all events of a pool add up to its balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEvent {
    /// Its place; newer events have greater ones.
    pub cursor: Cursor,
    /// The pool.
    pub pool: PoolId,
    /// When it happened.
    pub at: Timestamp,
    /// What it is.
    pub event_type: EventType,
    /// Its signed effect on the balance.
    pub amount: Amount,
    /// The grant, or the overdraft's number.
    pub grant: GrantNo,
    /// Whether that is the overdraft's.
    pub is_of_overdraft: bool,
    /// The caller's id of the consumption.
    pub event_id: Option<String>,
    /// The feature whose usage it pays for.
    pub feature: Option<FeatureId>,
    /// The reservation that it is about.
    pub reservation: Option<Box<ReservationFacts>>,
    /// The reversal that it is a part of.
    pub reversal: Option<Box<ReversalFacts>>,
    /// The position of the reversal of what it is a part of, where there is one; a page tells it.
    pub reversed_by: Option<Seq>,
    /// Whether it is a part of a consumption or of what a caller did to a reservation: then its
    /// decision can be told.
    pub is_decided: bool,
    /// Who has done it; a page tells it, and not where it was not recorded.
    pub by: Option<Actor>,
}

/// What an event says of a reversal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReversalFacts {
    /// The position of the consumption.
    pub of: Seq,
    /// Why it was reversed.
    pub reason: Option<String>,
}

/// What an event says of a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservationFacts {
    /// The reservation.
    pub id: ReservationId,
    /// The caller's own data, where the reservation was made.
    pub metadata: Metadata,
    /// What of the grant was given back before what was consumed was taken, at the end of the
    /// reservation.
    pub returned: Option<Amount>,
    /// What was consumed of the grant, at the end of the reservation.
    pub consumed: Option<Amount>,
}

impl ReservationFacts {
    fn about(id: &ReservationId) -> Self {
        Self { id: id.clone(), metadata: Metadata::new(), returned: None, consumed: None }
    }
}

/// The place of an event: its row, and its number in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// The position of the row.
    pub seq: Seq,
    /// Its number among the events of the row.
    pub index: u32,
}

/// Which events to list.
#[derive(Clone, Debug)]
pub struct LedgerQuery<'a> {
    /// The pools, with their chains.
    pub pools: Vec<(PoolId, &'a Chain)>,
    /// Only these; all where absent.
    pub types: Option<BTreeSet<EventType>>,
    /// Only what is about that reservation; all where absent.
    pub reservation: Option<ReservationId>,
    /// Older rows have nothing to say.
    pub not_before: Seq,
    /// Where to begin.
    pub page: Page<Cursor>,
    /// How many at most.
    pub limit: usize,
}

/// A page of events, newest first, and whether there are more on either side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerPage {
    /// The events.
    pub events: Vec<LedgerEvent>,
    /// Whether there are older ones.
    pub has_older: bool,
    /// Whether there are newer ones.
    pub has_newer: bool,
}

/// The events of an entry, in the order in which they happened.
#[must_use]
pub fn events_of(seq: Seq, entry: &PoolEntry) -> Vec<LedgerEvent> {
    let (event_id, released) = match &entry.cause {
        Cause::Consumption(consumption) => (consumption.event_id.clone(), None),
        Cause::Release(release) => (None, Some(&release.reservation)),
        Cause::Grant
        | Cause::Void
        | Cause::Due
        | Cause::Subscription(_)
        | Cause::Reservation
        | Cause::Extension
        | Cause::Reversal(_) => (None, None),
    };
    let feature = entry.priced().map(|priced| &priced.feature);
    // What a release consumes beyond the reservation is about the reservation too.
    let released = |event_type| released.filter(|_| event_type == EventType::Consumed);
    let about = |event_type| released(event_type).map(|id| ReservationFacts::about(id).into());
    let reversal = match &entry.cause {
        Cause::Reversal(reversal) => {
            let reason = reversal.reason.clone();
            Some(Box::new(ReversalFacts { of: reversal.of, reason }))
        }
        _ => None,
    };
    let is_decided = crate::decision::is_told(entry);
    let facts = entry.effects.iter().flat_map(|effect| {
        let held = reservation_facts_of(effect);
        let plain = if held.is_empty() { facts_of(effect) } else { Vec::new() };
        let all = held.into_iter().chain(plain.into_iter().map(move |fact| (fact, None)));
        all.map(move |(fact, held)| (fact, held, is_of_overdraft(effect, fact.1)))
    });
    facts
        .enumerate()
        .map(|(index, ((event_type, grant, amount), reservation, is_of_overdraft))| LedgerEvent {
            cursor: Cursor { seq, index: u32::try_from(index).unwrap_or(u32::MAX) },
            pool: entry.pool,
            at: entry.at,
            event_type,
            amount,
            grant,
            is_of_overdraft,
            event_id: event_id.clone(),
            reversal: reversal.clone(),
            reversed_by: None,
            is_decided,
            by: None,
            feature: feature.cloned(),
            reservation: reservation.or_else(|| about(event_type)),
        })
        .collect()
}

type Fact = (EventType, GrantNo, Amount);

/// Whether a number that an effect names is that of the overdraft.
fn is_of_overdraft(effect: &Effect, no: GrantNo) -> bool {
    match effect {
        Effect::Overdrawn(_) | Effect::OverdraftRefunded(_) => true,
        Effect::Settled(settled) => settled.overdraft == no,
        _ => false,
    }
}

/// What an effect says in the ledger of a reservation.
fn reservation_facts_of(effect: &Effect) -> Vec<(Fact, Option<Box<ReservationFacts>>)> {
    let reserved = |id: &ReservationId, draws: &[Draw], metadata: &Metadata| {
        let facts = ReservationFacts { metadata: metadata.clone(), ..ReservationFacts::about(id) };
        let of = |draw: &Draw| {
            ((EventType::Reserved, draw.grant, -draw.amount), Some(facts.clone().into()))
        };
        draws.iter().map(of).collect()
    };
    let moved = |event_type, HeldDraw { reservation, draw }: &HeldDraw| {
        let facts = ReservationFacts::about(reservation);
        vec![((event_type, draw.grant, effect.delta()), Some(facts.into()))]
    };
    match effect {
        Effect::Reserved(hold) => reserved(&hold.id, &hold.draws, &hold.metadata),
        Effect::HoldExtended(extended) => {
            reserved(&extended.reservation, &extended.draws, &Metadata::new())
        }
        Effect::HoldEnded(ended) => end_facts_of(ended),
        Effect::HoldMovedOut(held) => moved(EventType::TransferSource, held),
        Effect::HoldMovedIn(held) => moved(EventType::TransferTarget, held),
        _ => Vec::new(),
    }
}

/// What a reservation gave back, and what of it ended at once with a grant that had ended before.
fn end_facts_of(ended: &HoldEnded) -> Vec<(Fact, Option<Box<ReservationFacts>>)> {
    let event_type = match ended.how {
        HoldEnd::Released => EventType::ReservationReleased,
        HoldEnd::Expired => EventType::ReservationExpired,
    };
    let mut events = Vec::new();
    for part in &ended.parts {
        let facts = ReservationFacts {
            returned: Some(part.held),
            consumed: Some(part.consumed),
            ..ReservationFacts::about(&ended.hold.id)
        };
        events.push(((event_type, part.grant, part.returned()), Some(facts.into())));
        if let Some(end) = part.lapsed.filter(|_| part.returned().is_positive()) {
            let end = event_of_end(end);
            let facts = ReservationFacts::about(&ended.hold.id);
            events.push(((end, part.grant, -part.returned()), Some(facts.into())));
        }
    }
    events
}

fn event_of_end(end: GrantEnd) -> EventType {
    match end {
        GrantEnd::Expired => EventType::Expired,
        GrantEnd::Voided => EventType::Voided,
    }
}

/// What an effect says in the ledger; marks say nothing, and a grant that ends with nothing left
/// has nothing to say.
fn facts_of(effect: &Effect) -> Vec<Fact> {
    let delta = effect.delta();
    match effect {
        Effect::Granted(grant) => vec![(EventType::Granted, grant.no, delta)],
        Effect::Activated(draw) => vec![(EventType::Granted, draw.grant, delta)],
        Effect::Drawn(draw) | Effect::Overdrawn(draw) | Effect::OverdraftRefunded(draw) => {
            vec![(EventType::Consumed, draw.grant, delta)]
        }
        Effect::Refunded(moved) => vec![(EventType::Consumed, moved.grant, delta)],
        Effect::Ended(ended) if ended.amount.is_zero() => Vec::new(),
        Effect::Ended(ended) => {
            vec![(event_of_end(ended.end), ended.grant.no, delta)]
        }
        Effect::Reduced(draw) => vec![(EventType::Voided, draw.grant, delta)],
        Effect::MovedOut(draw) => vec![(EventType::TransferSource, draw.grant, delta)],
        Effect::MovedIn(draw) => vec![(EventType::TransferTarget, draw.grant, delta)],
        Effect::Settled(settled) => vec![
            (EventType::TransferSource, settled.overdraft, settled.amount),
            (EventType::TransferTarget, settled.grant, -settled.amount),
        ],
        Effect::Scheduled(_)
        | Effect::OverdraftClosed(_)
        | Effect::Carried(_)
        | Effect::Closed(_)
        | Effect::Opened(_)
        | Effect::Reserved(_)
        | Effect::HoldExtended(_)
        | Effect::HoldEnded(_)
        | Effect::HoldMovedOut(_)
        | Effect::HoldMovedIn(_) => Vec::new(),
    }
}

/// The entry of a row that is one of a pool.
///
/// # Errors
/// [`StoreError::Damaged`] where the row is missing or something else.
pub fn pool_entry(reader: &dyn Reader, seq: Seq) -> Result<(Row, PoolEntry), StoreError> {
    let damaged = |why: &str| StoreError::Damaged(format!("row {seq}: {why}"));
    let row = reader.row(seq)?.ok_or_else(|| damaged("it is missing"))?;
    match Record::decode(&row)? {
        Record::Customer(Entry::Pool(entry)) => Ok((row, entry)),
        _ => Err(damaged("a pool's chain leads to it, and it is no entry of a pool")),
    }
}

/// Walks the rows of a pool from newer to older.
pub(crate) struct Walk<'a> {
    pub(crate) reader: &'a dyn Reader,
    pub(crate) next: Seq,
    pub(crate) skips_usage: bool,
}

impl Walk<'_> {
    pub(crate) fn step(&mut self) -> Result<Option<(Row, PoolEntry)>, StoreError> {
        while self.next != 0 {
            let (row, entry) = pool_entry(self.reader, self.next)?;
            self.next = if self.skips_usage { row.life } else { row.prev };
            if !(self.skips_usage && entry.is_usage()) {
                return Ok(Some((row, entry)));
            }
        }
        Ok(None)
    }
}

/// The newest row of a pool that `is_reached` accepts; acceptance never ends towards older
/// rows. Skip pointers make it logarithmic in the length of the chain.
fn seek(
    reader: &dyn Reader,
    chain: &Chain,
    is_reached: impl Fn(&Row) -> bool,
    may_jump: impl Fn(&Row) -> bool,
) -> Result<Option<Row>, StoreError> {
    let mut at = chain.last;
    while at != 0 {
        let (row, _) = pool_entry(reader, at)?;
        if is_reached(&row) {
            return Ok(Some(row));
        }
        at = if may_jump(&row) { row.jump } else { row.prev };
    }
    Ok(None)
}

/// The newest row of a pool at a position or before it.
pub(crate) fn seek_position(
    reader: &dyn Reader,
    chain: &Chain,
    position: Seq,
) -> Result<Option<Row>, StoreError> {
    seek(reader, chain, |row| row.seq <= position, |row| row.jump >= position)
}

pub(crate) fn seek_number(
    reader: &dyn Reader,
    chain: &Chain,
    number: u64,
) -> Result<Option<Row>, StoreError> {
    let jumps = |row: &Row| jump_number(row.pool_seq) >= number;
    seek(reader, chain, |row| row.pool_seq <= number, jumps)
}

/// A page of the ledger over some pools.
///
/// # Errors
/// What reading fails with.
pub fn ledger_page(reader: &dyn Reader, query: &LedgerQuery<'_>) -> Result<LedgerPage, StoreError> {
    let mut page = events_page(reader, query)?;
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

fn events_page(reader: &dyn Reader, query: &LedgerQuery<'_>) -> Result<LedgerPage, StoreError> {
    if query.types.as_ref().is_some_and(BTreeSet::is_empty) {
        return Ok(LedgerPage { events: Vec::new(), has_older: false, has_newer: false });
    }
    let wanted = query.limit + 1;
    match query.page {
        Page::First | Page::After(_) => {
            let mut events = older(reader, query, wanted)?;
            let has_older = events.len() > query.limit;
            events.truncate(query.limit);
            Ok(LedgerPage { events, has_older, has_newer: query.page != Page::First })
        }
        Page::Before(cursor) => {
            let mut events = newer(reader, query, cursor, wanted)?;
            let has_newer = events.len() > query.limit;
            events.truncate(query.limit);
            events.reverse();
            Ok(LedgerPage { events, has_older: true, has_newer })
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

/// The events behind the cursor, newest first: the chains of the pools merged by position.
fn older(
    reader: &dyn Reader,
    query: &LedgerQuery<'_>,
    wanted: usize,
) -> Result<Vec<LedgerEvent>, StoreError> {
    let after = match query.page {
        Page::After(cursor) => Some(cursor),
        Page::First | Page::Before(_) => None,
    };
    let mut heads = Vec::new();
    for (_, chain) in &query.pools {
        let next = match after {
            Some(cursor) => seek_position(reader, chain, cursor.seq)?.map_or(0, |row| row.seq),
            None => chain.last,
        };
        let mut walk = Walk { reader, next, skips_usage: skips_usage(query) };
        if let Some(head) = walk.step()? {
            heads.push((head, walk));
        }
    }
    let mut events = Vec::new();
    while events.len() < wanted && !heads.is_empty() {
        let newest = (0..heads.len()).max_by_key(|place| heads[*place].0.0.seq).unwrap_or(0);
        let ((row, entry), walk) = &mut heads[newest];
        let behind = |event: &LedgerEvent| after.is_none_or(|cursor| event.cursor < cursor);
        events.extend(listed(query, row, entry, behind)?);
        match walk.step()?.filter(|(row, _)| row.seq >= query.not_before) {
            Some(head) => heads[newest].0 = head,
            None => drop(heads.swap_remove(newest)),
        }
    }
    events.truncate(wanted);
    Ok(events)
}

/// The events before the cursor, oldest first. Each pool is read in windows of rows upwards from
/// the cursor, each twice as wide as the last, until there are enough.
fn newer(
    reader: &dyn Reader,
    query: &LedgerQuery<'_>,
    cursor: Cursor,
    wanted: usize,
) -> Result<Vec<LedgerEvent>, StoreError> {
    let mut events = Vec::new();
    for (_, chain) in &query.pools {
        let below = seek_position(reader, chain, cursor.seq.saturating_sub(1))?;
        let mut from = below.map_or(0, |row| row.pool_seq);
        let mut window = wanted as u64;
        let mut found = Vec::new();
        loop {
            let (more, is_whole) = read_window(reader, query, chain, from, window, cursor)?;
            found.extend(more);
            if is_whole || found.len() >= wanted {
                events.extend(found.into_iter().take(wanted));
                break;
            }
            from += window;
            window *= 2;
        }
    }
    events.sort_by_key(|event| event.cursor);
    events.truncate(wanted);
    Ok(events)
}

/// The events of the pool's rows numbered `(from, from + window]` that lie before the cursor,
/// oldest first, and whether that reaches the end of the chain.
fn read_window(
    reader: &dyn Reader,
    query: &LedgerQuery<'_>,
    chain: &Chain,
    from: u64,
    window: u64,
    cursor: Cursor,
) -> Result<(Vec<LedgerEvent>, bool), StoreError> {
    let Some(top) = seek_number(reader, chain, from + window)? else {
        return Ok((Vec::new(), true));
    };
    let is_whole = top.seq == chain.last;
    let mut walk = Walk { reader, next: top.seq, skips_usage: skips_usage(query) };
    let mut events = Vec::new();
    while let Some((row, entry)) = walk.step()? {
        if row.pool_seq <= from {
            break;
        }
        events.extend(listed(query, &row, &entry, |event| event.cursor > cursor)?);
    }
    events.reverse();
    Ok((events, is_whole))
}

/// A reservation that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedReservation {
    /// The position of the row that ended it.
    pub seq: Seq,
    /// The pool.
    pub pool: PoolId,
    /// When it ended.
    pub at: Timestamp,
    /// The reservation as it was.
    pub hold: Hold,
    /// What was consumed by its release, beyond it included; nothing where it expired.
    pub consumed: Option<Amount>,
}

/// The reservations of some pools that ended between two positions, both excluded, newest end
/// first, and how far back it was looked: to the older position, or to where `rows` rows were
/// read.
///
/// # Errors
/// What reading fails with.
pub fn ended_reservations(
    reader: &dyn Reader,
    chains: &[&Chain],
    (after, before): (Seq, Seq),
    wanted: usize,
    rows: usize,
) -> Result<(Vec<EndedReservation>, Seq), StoreError> {
    let mut heads = Vec::new();
    for chain in chains {
        let next = seek_position(reader, chain, before.saturating_sub(1))?.map_or(0, |row| row.seq);
        heads.push(Walk { reader, next, skips_usage: false });
    }
    let mut found = Vec::new();
    for _ in 0..rows {
        let Some(walk) = heads.iter_mut().max_by_key(|walk| walk.next) else { break };
        if walk.next <= after || found.len() >= wanted {
            break;
        }
        if let Some((row, entry)) = walk.step()? {
            found.extend(ended_in(row.seq, entry));
        }
    }
    let reached = heads.iter().map(|walk| walk.next).max().unwrap_or(0);
    Ok((found, reached.max(after)))
}

fn ended_in(seq: Seq, entry: PoolEntry) -> Option<EndedReservation> {
    let consumed = match &entry.cause {
        Cause::Release(release) => Some(release.consumed),
        _ => None,
    };
    let PoolEntry { pool, at, effects, .. } = entry;
    effects.into_iter().find_map(|effect| match effect {
        Effect::HoldEnded(ended) => {
            Some(EndedReservation { seq, pool, at, hold: ended.hold, consumed })
        }
        _ => None,
    })
}
