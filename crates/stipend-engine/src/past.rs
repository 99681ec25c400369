//! What has left its pool: the grants and overdrafts that have ended, and what a grant was like that
//! an old entry names.

use crate::account::Chain;
use crate::ledger::{LedgerEvent, Walk, seek_position};
use crate::limits::PAST_ROWS_MAX;
use std::collections::{BTreeMap, BTreeSet};
use stipend_core::customer::{Effect, Grant};
use stipend_core::{Customer, GrantNo, PoolId, Timestamp};
use stipend_store::{Reader, Seq, StoreError};

/// A grant or overdraft that has left its pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndedRecord {
    /// A grant as it ended.
    Grant(Box<stipend_core::customer::Grant>),
    /// An overdraft that was settled, and when.
    Overdraft(stipend_core::customer::Overdraft, Timestamp),
}

/// What has left a pool, newest end first, and from which number on that is all, where the life of
/// the pool has more than `rows_max` rows. Consumption is skipped. Of a grant that ended while it
/// was held, the last record counts; the pool has it as long as it is held.
///
/// # Errors
/// What reading fails with.
pub fn ended_records(
    reader: &dyn Reader,
    chain: &Chain,
    rows_max: usize,
) -> Result<(Vec<EndedRecord>, Option<GrantNo>), StoreError> {
    let mut walk = Walk { reader, next: chain.last, skips_usage: true };
    let mut records = Vec::new();
    let mut seen = BTreeSet::new();
    // Numbers grow, and nothing ends before it begins.
    let mut first = GrantNo(u32::MAX);
    for _ in 0..rows_max {
        if walk.next == 0 {
            return Ok((records, None));
        }
        let Some((_, entry)) = walk.read_one()? else { continue };
        for effect in entry.effects.into_iter().rev() {
            match effect {
                Effect::Ended(ended) if seen.insert(ended.grant.no) => {
                    records.push(EndedRecord::Grant(Box::new(ended.grant)));
                }
                Effect::OverdraftClosed(overdraft) => {
                    records.push(EndedRecord::Overdraft(overdraft, entry.at));
                }
                Effect::Granted(grant) | Effect::Scheduled(grant) => first = first.min(grant.no),
                _ => {}
            }
        }
    }
    Ok((records, (walk.next != 0).then_some(first)))
}

/// What became of one grant or overdraft that has left its pool; nothing where that is not told in
/// the rows of the pool's life that may be read, of which those that were are taken off.
///
/// # Errors
/// What reading fails with.
pub fn find_ended(
    reader: &dyn Reader,
    chain: &Chain,
    no: GrantNo,
    rows_left: &mut usize,
) -> Result<Option<EndedRecord>, StoreError> {
    let mut walk = Walk { reader, next: chain.last, skips_usage: true };
    while walk.next != 0 && *rows_left > 0 {
        *rows_left -= 1;
        let Some((_, entry)) = walk.read_one()? else { continue };
        for effect in entry.effects.into_iter().rev() {
            match effect {
                Effect::Ended(ended) if ended.grant.no == no => {
                    return Ok(Some(EndedRecord::Grant(Box::new(ended.grant))));
                }
                Effect::OverdraftClosed(overdraft) if overdraft.no == no => {
                    return Ok(Some(EndedRecord::Overdraft(overdraft, entry.at)));
                }
                Effect::Granted(grant) | Effect::Scheduled(grant) if grant.no == no => {
                    return Ok(None);
                }
                _ => {}
            }
        }
    }
    Ok(None)
}

/// What grants were like that have ended, from the life of their pool at a position and before it:
/// as they ended, where that is told there, else as they came to be. Those whose telling stands
/// more than so many rows before are left out; rows of plain use do not count.
///
/// # Errors
/// What reading fails with.
pub fn past_grants(
    reader: &dyn Reader,
    chain: &Chain,
    position: Seq,
    mut missing: BTreeSet<GrantNo>,
    rows_max: usize,
) -> Result<BTreeMap<GrantNo, Grant>, StoreError> {
    let mut found = BTreeMap::new();
    if missing.is_empty() {
        return Ok(found);
    }
    let next = seek_position(reader, chain, position)?.map_or(0, |row| row.seq);
    let mut walk = Walk { reader, next, skips_usage: true };
    for _ in 0..rows_max {
        let Some((_, entry)) = walk.step()? else { break };
        for effect in entry.effects.into_iter().rev() {
            let grant = match effect {
                Effect::Granted(grant) | Effect::Scheduled(grant) => grant,
                Effect::Ended(ended) => ended.grant,
                _ => continue,
            };
            if missing.remove(&grant.no) {
                found.insert(grant.no, grant);
            }
        }
        if missing.is_empty() {
            break;
        }
    }
    Ok(found)
}

/// What the grants were like that events of the ledger name and the customer no longer has, as far
/// as the journal has them near before.
///
/// # Errors
/// What reading fails with.
pub fn grants_of_events(
    reader: &dyn Reader,
    customer: &Customer,
    chains: &[Chain],
    events: &[LedgerEvent],
) -> Result<BTreeMap<GrantNo, Grant>, StoreError> {
    let named = events.iter().filter(|event| !event.is_of_overdraft);
    let named = named.map(|event| (event.pool, event.cursor.seq, event.grant));
    gone_grants(reader, customer, chains, named)
}

/// As [`grants_of_events`], of grants that something at a position names.
///
/// # Errors
/// What reading fails with.
pub fn gone_grants(
    reader: &dyn Reader,
    customer: &Customer,
    chains: &[Chain],
    named: impl IntoIterator<Item = (PoolId, Seq, GrantNo)>,
) -> Result<BTreeMap<GrantNo, Grant>, StoreError> {
    let mut asked: BTreeMap<PoolId, (Seq, BTreeSet<GrantNo>)> = BTreeMap::new();
    for (id, seq, no) in named {
        let is_there = customer.pool(id).is_some_and(|pool| {
            pool.find_present(no).is_some()
                || pool.overdraft.is_some_and(|overdraft| overdraft.no == no)
        });
        if !is_there {
            let (newest, missing) = asked.entry(id).or_default();
            *newest = seq.max(*newest);
            missing.insert(no);
        }
    }
    let mut found = BTreeMap::new();
    for (pool, (newest, missing)) in asked {
        let Some(chain) = chains.get(usize::from(pool.number())) else { continue };
        found.extend(past_grants(reader, chain, newest, missing, PAST_ROWS_MAX)?);
    }
    Ok(found)
}
