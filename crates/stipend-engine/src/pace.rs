//! How fast the credits of a pool are used.

use crate::account::Chain;
use crate::ledger::pool_entry;
use crate::limits::PACE_ROWS_MAX;
use stipend_core::customer::{Cause, Pace, PoolEntry};
use stipend_core::{Amount, Timestamp};
use stipend_store::{Reader, StoreError};

/// What an entry used: below zero for what was given back, nothing where it is about something
/// else.
#[must_use]
pub fn used_by(entry: &PoolEntry) -> Amount {
    match &entry.cause {
        Cause::Consumption(consumption) => consumption.amount,
        Cause::Release(release) => release.consumed,
        Cause::Reversal(_) => -entry.delta(),
        _ => Amount::ZERO,
    }
}

/// The pace over each of these numbers of seconds before `now`, in the same order; the numbers
/// grow. A reversal counts where the consumption does. Where more than [`PACE_ROWS_MAX`] rows
/// would be read, the pace is that of the time that the newest of them cover.
///
/// # Errors
/// What reading fails with.
pub fn paces(
    reader: &dyn Reader,
    chain: &Chain,
    seconds: &[i64],
    now: Timestamp,
) -> Result<Vec<Pace>, StoreError> {
    let zero = |seconds: &i64| Pace { used: Amount::ZERO, seconds: *seconds };
    let mut paces: Vec<Pace> = seconds.iter().map(zero).collect();
    let Some(longest) = seconds.last() else { return Ok(paces) };
    let mut at = chain.last;
    for read in 0.. {
        if at == 0 {
            break;
        }
        let (row, entry) = pool_entry(reader, at)?;
        if entry.at <= now.plus_seconds(-longest) {
            break;
        }
        if read == PACE_ROWS_MAX {
            let covered = ((now.micros() - entry.at.micros()) / 1_000_000).max(1);
            paces.iter_mut().for_each(|pace| pace.seconds = pace.seconds.min(covered));
            break;
        }
        at = row.prev;
        let used = used_by(&entry);
        if used.is_zero() {
            continue;
        }
        let counted_at = match &entry.cause {
            Cause::Reversal(reversal) => pool_entry(reader, reversal.of)?.1.at,
            _ => entry.at,
        };
        for (pace, seconds) in paces.iter_mut().zip(seconds) {
            if counted_at > now.plus_seconds(-seconds) {
                pace.used += used;
            }
        }
    }
    Ok(paces)
}
