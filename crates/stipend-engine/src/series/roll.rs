//! Rolling up the rows of a pool, and checking what was rolled up.

use crate::account::Chain;
use crate::ledger::{Walk, pool_entry, seek_number};
use crate::load::damaged;
use crate::record::hash_rows;
use crate::series::cell::{RollLimits, Rolled, Rolling};
use crate::series::fact::fact_of;
use crate::series::nearby::Nearby;
use stipend_core::PoolId;
use stipend_store::codec::{from_bytes, to_bytes};
use stipend_store::{Reader, Roll, RollHead, Rolls, Row, Seq, StoreError};

/// What a roll-up knows the row by that it ends with.
fn mark_of(row: &Row) -> [u8; 32] {
    hash_rows(&[0; 32], std::slice::from_ref(row))
}

/// The chain of roll-ups of a pool. One that was made from another journal (a backup was put
/// back, say) is dropped.
///
/// # Errors
/// What reading fails with.
pub(crate) fn heads_of(
    reader: &dyn Reader,
    rolls: &dyn Rolls,
    pool: PoolId,
) -> Result<Vec<RollHead>, StoreError> {
    let heads = rolls.heads(pool.0)?;
    let Some(last) = heads.last() else { return Ok(heads) };
    let row = reader.row(last.upto)?;
    if row.is_some_and(|row| row.pool == pool.0 && mark_of(&row) == last.mark) {
        return Ok(heads);
    }
    tracing::warn!(pool = pool.0, "the roll-ups of a pool are not of this journal");
    rolls.forget(pool.0)?;
    Ok(Vec::new())
}

/// The sums of a roll-up, where they are there.
pub(crate) fn rolled_at(rolls: &dyn Rolls, head: &RollHead) -> Result<Option<Rolled>, StoreError> {
    let Some(body) = rolls.body(head.pool, head.upto)? else { return Ok(None) };
    let unreadable = |error| damaged(format!("the roll-up of pool {}: {error}", head.pool));
    from_bytes(&body).map(Some).map_err(unreadable)
}

/// Sums up the rows of a pool behind a position, from an upper one on down.
fn fold(
    reader: &dyn Reader,
    (after, upto): (Seq, Seq),
    mut rolling: Rolling,
) -> Result<Rolled, StoreError> {
    let reader = &Nearby::new(reader);
    let mut walk = Walk { reader, next: upto, skips_usage: false };
    while walk.next > after
        && let Some((row, entry)) = walk.step()?
    {
        if let Some(fact) = fact_of(reader, &row, &entry)? {
            rolling.take((entry.at, row.seq), fact);
        }
    }
    if walk.next != after {
        return Err(damaged(format!("row {upto}: no row {after} of its pool is before it")));
    }
    Ok(rolling.finish())
}

/// Rolls up the oldest rows of a pool that are not yet, where there are enough of them; answers
/// the number of the row up to which all are.
///
/// # Errors
/// What reading the journal, and reading and writing roll-ups, fails with.
pub fn roll_up(
    reader: &dyn Reader,
    rolls: &dyn Rolls,
    (pool, chain): (PoolId, &Chain),
    limits: &RollLimits,
) -> Result<u64, StoreError> {
    let heads = heads_of(reader, rolls, pool)?;
    let (after, number) = heads.last().map_or((0, 0), |head| (head.upto, head.number));
    let length = reader.row(chain.last)?.map_or(0, |row| row.pool_seq);
    if length < number.saturating_add(limits.rows_min) {
        return Ok(number);
    }
    let wanted = length.min(number + limits.rows_max);
    let Some(row) = seek_number(reader, chain, wanted)?.filter(|row| row.seq > after) else {
        return Ok(number);
    };
    let rolled = fold(reader, (after, row.seq), Rolling::new(*limits))?;
    // Rows without any use are rolled up too, with nothing in them.
    let (first, last) = rolled.range().unwrap_or((i64::MAX, i64::MIN));
    let (mark, number) = (mark_of(&row), row.pool_seq);
    let head = RollHead { pool: pool.0, after, upto: row.seq, number, mark, first, last };
    rolls.add(&Roll { head, body: to_bytes(&rolled) })?;
    Ok(number)
}

/// Verifies that roll-ups say what the rows of their pools say; answers how many there are.
///
/// # Errors
/// [`StoreError::Damaged`] naming the first pool whose roll-ups differ, and what reading fails
/// with.
pub fn verify_rolls(reader: &dyn Reader, rolls: &dyn Rolls) -> Result<usize, StoreError> {
    let mut count = 0;
    for pool in rolls.pools()? {
        let (mut after, mut number) = (0, 0);
        for head in rolls.heads(pool)? {
            let differs = || {
                damaged(format!(
                    "the roll-up of pool {pool} up to row {} differs from the journal; roll-ups \
                     can be removed, and are made anew",
                    head.upto
                ))
            };
            let (row, _) = pool_entry(reader, head.upto).map_err(|_| differs())?;
            let is_at_its_place = head.after == after && head.number > number;
            let is_of_row = row.pool == pool && row.pool_seq == head.number;
            if !is_at_its_place || !is_of_row || mark_of(&row) != head.mark {
                return Err(differs());
            }
            let stored = rolled_at(rolls, &head)?.ok_or_else(differs)?;
            let folded = fold(reader, (after, head.upto), Rolling::without(&stored.dropped))?;
            let (first, last) = folded.range().unwrap_or((i64::MAX, i64::MIN));
            if folded != stored || (head.first, head.last) != (first, last) {
                return Err(differs());
            }
            (after, number) = (head.upto, head.number);
            count += 1;
        }
    }
    Ok(count)
}
