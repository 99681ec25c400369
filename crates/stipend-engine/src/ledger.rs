//! The ledger of a customer: the entries of its pools as events, newest first. Rows are found by
//! walking the chains of the pools.

mod ended;
mod paging;

use crate::account::{Chain, jump_number};
use crate::actor::Actor;
use crate::record::Record;
use std::collections::BTreeSet;
use stipend_core::catalog::Metadata;
use stipend_core::customer::{
    Cause, Draw, Effect, Entry, GrantEnd, HeldDraw, HoldEnd, HoldEnded, PoolEntry,
};
use stipend_core::{Amount, FeatureId, GrantNo, PoolId, ReservationId, Timestamp};
use stipend_store::{Page, Reader, Row, Seq, StoreError};

pub use ended::{EndedReservation, ended_reservations, reservations_ended_after};
pub use paging::{ledger_page, ledger_page_within};

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
    /// Where the next page in the same direction goes on, where this one has fewer events than were
    /// asked for because it read as many rows as one page may.
    pub stopped_at: Option<Cursor>,
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
            if let Some(found) = self.read_one()? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Reads the next row, which there must be; gives nothing where it is passed over.
    pub(crate) fn read_one(&mut self) -> Result<Option<(Row, PoolEntry)>, StoreError> {
        let (row, entry) = pool_entry(self.reader, self.next)?;
        self.next = if self.skips_usage { row.life } else { row.prev };
        let is_shown = !(self.skips_usage && entry.is_usage());
        Ok(is_shown.then_some((row, entry)))
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
