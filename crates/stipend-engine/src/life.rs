//! The life of a customer: what happened to it, its subscriptions and its grants, without plain
//! use, with who has done it.

use crate::account::{Account, Chain};
use crate::actor::Actor;
use crate::ledger::{Walk, seek_position};
use crate::record::Record;
use stipend_core::Timestamp;
use stipend_core::customer::{Entry, PoolEntry};
use stipend_store::{Reader, Row, Seq, StoreError};

/// Something that happened in a customer's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lived<T> {
    /// Its position.
    pub seq: Seq,
    /// When, as the environment's clock had it.
    pub at: Timestamp,
    /// Who has done it; not recorded where absent.
    pub by: Option<Actor>,
    /// What.
    pub what: T,
}

/// What happened to some pools before a position, or up to now where it is 0, newest first: the rows
/// that tell of the life of grants, without consumption and reservations.
///
/// # Errors
/// What reading fails with.
pub fn life_page(
    reader: &dyn Reader,
    chains: &[&Chain],
    before: Seq,
    wanted: usize,
) -> Result<Vec<Lived<PoolEntry>>, StoreError> {
    let mut heads = Vec::new();
    for chain in chains {
        let next = match before {
            0 => chain.life,
            _ => seek_position(reader, chain, before - 1)?.map_or(0, |row| row.seq),
        };
        let mut walk = Walk { reader, next, skips_usage: true };
        if let Some(head) = walk.step()? {
            heads.push((head, walk));
        }
    }
    let mut found = Vec::new();
    while found.len() < wanted {
        let newest = heads.iter().enumerate().max_by_key(|(_, ((row, _), _))| row.seq);
        let Some(index) = newest.map(|(index, _)| index) else { break };
        let (head, walk) = &mut heads[index];
        let (row, entry) = match walk.step()? {
            Some(older) => std::mem::replace(head, older),
            None => heads.swap_remove(index).0,
        };
        let by = actor_of(&row)?;
        found.push(Lived { seq: row.seq, at: entry.at, by, what: entry });
    }
    Ok(found)
}

/// What happened to a customer itself before a position, or up to now where it is 0, newest first:
/// its profile, its resources, subscriptions and promotional entitlements.
///
/// # Errors
/// What reading fails with.
pub fn own_page(
    reader: &dyn Reader,
    account: &Account,
    before: Seq,
    wanted: usize,
) -> Result<Vec<Lived<Entry>>, StoreError> {
    let (mut next, mut found) = (account.own, Vec::new());
    while next > 0 && found.len() < wanted {
        let damaged = |why: &str| StoreError::Damaged(format!("row {next}: {why}"));
        let row = reader.row(next)?.ok_or_else(|| damaged("it is missing"))?;
        let (Record::Customer(what), by) = Record::decode_signed(&row)? else {
            return Err(damaged("it is about no customer"));
        };
        if row.prev >= next {
            return Err(damaged("its pointer leads forward"));
        }
        if before == 0 || row.seq < before {
            found.push(Lived { seq: row.seq, at: Timestamp::from_micros(row.at), by, what });
        }
        next = row.prev;
    }
    Ok(found)
}

/// Who has done what a row tells; not recorded where absent.
///
/// # Errors
/// [`StoreError::Damaged`] where it cannot be read.
pub fn actor_of(row: &Row) -> Result<Option<Actor>, StoreError> {
    Record::decode_signed(row).map(|(_, by)| by)
}
