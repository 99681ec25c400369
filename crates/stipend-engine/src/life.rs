//! The life of pools: what happened to their grants, without plain use.

use crate::account::Chain;
use crate::ledger::{Walk, seek_position};
use stipend_core::customer::PoolEntry;
use stipend_store::{Reader, Seq, StoreError};

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
) -> Result<Vec<(Seq, PoolEntry)>, StoreError> {
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
        match walk.step()? {
            Some(older) => {
                let (row, entry) = std::mem::replace(head, older);
                found.push((row.seq, entry));
            }
            None => {
                let ((row, entry), _) = heads.swap_remove(index);
                found.push((row.seq, entry));
            }
        }
    }
    Ok(found)
}
