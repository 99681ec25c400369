//! How a consumption came about, read back from the journal: whenever it is asked, the same is
//! told.

use crate::actor::Actor;
use crate::engine::{Engine, Found};
use crate::limits::DECISION_ROWS_MAX;
use crate::past::past_grants;
use crate::record::Record;
use crate::reversal::reversal_of;
use std::collections::{BTreeMap, BTreeSet};
use stipend_core::customer::{
    Cause, Effect, Entry, Grant, Hold, HoldExtended, PoolEntry, UsageEntry,
};
use stipend_core::{Amount, EnvId, GrantNo, Slot};
use stipend_store::{Seq, StoreError};

/// Rows before a payment among which the usage stands that it is for.
const PAYMENTS_MAX: u64 = 64;

/// A consumption, a report of usage with what it took of pools, or what happened to a reservation.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The customer, as it is now.
    pub account: Found,
    /// The usage that was paid for.
    pub usage: Option<UsageEntry>,
    /// What was taken, pool by pool.
    pub paid: Vec<PoolEntry>,
    /// The grants that gave it, as they are now or were when they came to be; without those that
    /// came to be too long before.
    pub grants: BTreeMap<GrantNo, Grant>,
    /// The position of its reversal, where there is one.
    pub reversed_by: Option<Seq>,
    /// Who has done it; not recorded where absent.
    pub by: Option<Actor>,
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
        let (record, by) = Record::decode_signed(&row)?;
        let (usage, paid) = match record {
            Record::Customer(Entry::Usage(usage)) => {
                let paid = crate::usage::paid_for(self.reader(), seq, &usage)?;
                (Some(usage), paid)
            }
            Record::Customer(Entry::Pool(entry)) if is_told(&entry) => {
                (self.paid_usage(seq, &entry)?, vec![(seq, entry)])
            }
            _ => return Ok(None),
        };
        let mut reversed_by = None;
        for (seq, _) in &paid {
            reversed_by = reversed_by.or(reversal_of(self.reader(), *seq)?);
        }
        let paid = paid.into_iter().map(|(_, entry)| entry).collect();
        let grants = BTreeMap::new();
        let mut decided = Decided { account, usage, paid, grants, reversed_by, by };
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
        let mut missing: BTreeSet<GrantNo> = drawn(entry).map(|(no, _)| no).collect();
        if let Some(pool) = decided.account.customer.pool(entry.pool) {
            for no in &missing {
                let found = pool.find_grant(*no);
                decided.grants.extend(found.map(|grant| (*no, grant.clone())));
            }
            missing.retain(|no| !decided.grants.contains_key(no));
        }
        // What a grant is like is said where it came to be, before it was drawn: so the walk begins
        // at the decision, however long ago that was.
        let chain = &decided.account.chains[usize::from(entry.pool.number())];
        let past = past_grants(self.reader(), chain, seq, missing, DECISION_ROWS_MAX)?;
        decided.grants.extend(past);
        Ok(())
    }
}

/// Whether an entry is a consumption, or what a caller did to a reservation.
pub(crate) fn is_told(entry: &PoolEntry) -> bool {
    let of_reservation =
        matches!(entry.cause, Cause::Reservation | Cause::Extension | Cause::Release(_));
    of_reservation || entry.is_consumption()
}

/// What an entry took of grants or holds of them, in burn order, or gave back to them.
pub fn drawn(entry: &PoolEntry) -> impl Iterator<Item = (GrantNo, Amount)> {
    entry.effects.iter().flat_map(|effect| match effect {
        Effect::Drawn(draw) => vec![(draw.grant, draw.amount)],
        Effect::Refunded(moved) => vec![(moved.grant, -moved.amount)],
        Effect::Reserved(Hold { draws, .. }) | Effect::HoldExtended(HoldExtended { draws, .. }) => {
            draws.iter().map(|draw| (draw.grant, draw.amount)).collect()
        }
        Effect::HoldEnded(ended) => {
            let consumed = ended.parts.iter().filter(|part| part.consumed.is_positive());
            consumed.map(|part| (part.grant, part.consumed)).collect()
        }
        _ => Vec::new(),
    })
}
