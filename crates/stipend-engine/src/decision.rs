//! How a consumption came about, read back from the journal: whenever it is asked, the same is
//! told.

use crate::engine::{Engine, Found};
use crate::limits::REVERSAL_ROWS_MAX;
use crate::record::Record;
use crate::walk::LifeWalk;
use std::collections::BTreeMap;
use stipend_core::customer::{Cause, Effect, Entry, Grant, PoolEntry, UsageEntry};
use stipend_core::{EnvId, GrantNo, PoolId, Slot};
use stipend_store::{Seq, StoreError};

/// Rows before a payment among which the usage stands that it is for.
const PAYMENTS_MAX: u64 = 64;

/// A consumption, or a report of usage with what it took of pools.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The customer, as it is now.
    pub account: Found,
    /// The usage that was paid for.
    pub usage: Option<UsageEntry>,
    /// What was taken, pool by pool.
    pub paid: Vec<PoolEntry>,
    /// The grants that gave it; what they are now or were at their end.
    pub grants: BTreeMap<GrantNo, Grant>,
}

impl Engine {
    /// What the row at a position tells of a decision in the environment; nothing where it tells
    /// of none.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn decided(&self, env: EnvId, seq: Seq) -> Result<Option<Decided>, StoreError> {
        let Some(row) = self.reader().row(seq)? else { return Ok(None) };
        let account = self.account(Slot(row.slot));
        let Some(account) = account.filter(|account| account.customer.profile.env == env) else {
            return Ok(None);
        };
        let (usage, paid) = match Record::decode(&row)? {
            Record::Customer(Entry::Usage(usage)) => {
                let record = crate::usage::stored_report(self.reader(), seq)?;
                (Some(usage), record.map(|record| record.paid).unwrap_or_default())
            }
            Record::Customer(Entry::Pool(entry)) if entry.is_consumption() => {
                (self.paid_usage(seq, &entry)?, vec![entry])
            }
            _ => return Ok(None),
        };
        let mut decided = Decided { account, usage, paid, grants: BTreeMap::new() };
        for entry in decided.paid.clone() {
            self.find_grants(&mut decided, &entry, seq)?;
        }
        Ok(Some(decided))
    }

    /// The usage that an entry pays for: it stands before it, with other payments between.
    fn paid_usage(&self, seq: Seq, entry: &PoolEntry) -> Result<Option<UsageEntry>, StoreError> {
        let Cause::Consumption(consumption) = &entry.cause else { return Ok(None) };
        let Some(priced) = &consumption.priced else { return Ok(None) };
        for before in (seq.saturating_sub(PAYMENTS_MAX)..seq).rev() {
            let Some(row) = self.reader().row(before)? else { return Ok(None) };
            match Record::decode(&row)? {
                Record::Customer(Entry::Usage(usage)) => {
                    return Ok((usage.meter == priced.meter).then_some(usage));
                }
                Record::Customer(Entry::Pool(_) | Entry::PoolOpened(_)) => {}
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    fn find_grants(
        &self,
        decided: &mut Decided,
        entry: &PoolEntry,
        seq: Seq,
    ) -> Result<(), StoreError> {
        let mut missing: Vec<GrantNo> = drawn(entry).map(|(no, _)| no).collect();
        let pool: PoolId = entry.pool;
        if let Some(pool) = decided.account.customer.pool(pool) {
            for no in &missing {
                let found = pool.find_grant(*no);
                decided.grants.extend(found.map(|grant| (*no, grant.clone())));
            }
            missing.retain(|no| !decided.grants.contains_key(no));
        }
        let chain = &decided.account.chains[usize::from(pool.number())];
        let mut walk = LifeWalk::new(self.reader(), chain);
        for _ in 0..REVERSAL_ROWS_MAX {
            if missing.is_empty() {
                break;
            }
            let Some((row, later)) = walk.step()?.filter(|(row, _)| row.seq > seq) else { break };
            debug_assert!(row.seq > seq, "what ended was drawn before");
            for effect in later.effects {
                if let Effect::Ended(ended) = effect
                    && missing.contains(&ended.grant.no)
                {
                    missing.retain(|no| *no != ended.grant.no);
                    decided.grants.insert(ended.grant.no, ended.grant);
                }
            }
        }
        Ok(())
    }
}

/// What an entry took of grants, in burn order, or gave back to them.
pub fn drawn(entry: &PoolEntry) -> impl Iterator<Item = (GrantNo, stipend_core::Amount)> {
    entry.effects.iter().filter_map(|effect| match effect {
        Effect::Drawn(draw) => Some((draw.grant, draw.amount)),
        Effect::Refunded(moved) => Some((moved.grant, -moved.amount)),
        _ => None,
    })
}
