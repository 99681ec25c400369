//! Reservations that have ended, as the chains of their pools tell it.

use super::paging::{Upwards, upwards};
use super::{Cursor, Walk, seek_position};
use crate::account::Chain;
use stipend_core::customer::{Cause, Effect, Hold, PoolEntry};
use stipend_core::{Amount, PoolId, Timestamp};
use stipend_store::{Reader, Seq, StoreError};

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

/// The reservations of some pools that ended behind a position, first end first, and the position up
/// to which it was looked where that need not be the end of the pools: where there were enough, or
/// `rows` rows were read.
///
/// # Errors
/// What reading fails with.
pub fn reservations_ended_after(
    reader: &dyn Reader,
    chains: &[&Chain],
    after: Seq,
    wanted: usize,
    rows: usize,
) -> Result<(Vec<EndedReservation>, Option<Seq>), StoreError> {
    let bounds = Upwards { after, skips_usage: false, wanted, rows_max: rows };
    let place = |ended: &EndedReservation| Cursor { seq: ended.seq, index: 0 };
    let (found, stopped) = upwards(reader, chains, bounds, place, |row, entry| {
        Ok(ended_in(row.seq, entry.clone()).into_iter().collect())
    })?;
    let last = found.last().filter(|_| found.len() >= wanted).map(|ended| ended.seq);
    Ok((found, stopped.or(last)))
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
