//! Reading a journal: batches in order, and the state that they fold to.

use crate::account::{Account, RowDraft};
use crate::limits::READ_ROWS;
use crate::realm::{Realm, RealmChange};
use crate::record::{Header, KIND_HEADER, Record};
use std::collections::BTreeMap;
use stipend_core::customer::Entry;
use stipend_core::{Customer, Slot};
use stipend_store::codec::from_bytes;
use stipend_store::{Reader, Row, Seq, StoreError};

/// The state that a journal folds to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) realm: Realm,
    pub(crate) accounts: BTreeMap<u32, Account>,
}

pub(crate) fn damaged(why: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged(why.to_string())
}

impl State {
    /// Folds a row and compares it with what its entry alone makes of it.
    pub(crate) fn fold(&mut self, row: &Row) -> Result<(), StoreError> {
        match Record::decode(row)? {
            Record::Header(_) | Record::Remembered(_) => Ok(()),
            Record::Realm(change) => fold_change(&mut self.realm, row, &change),
            Record::Customer(entry) => self.fold_customer(row, &entry),
        }
    }

    fn fold_customer(&mut self, row: &Row, entry: &Entry) -> Result<(), StoreError> {
        if let Entry::Profile(profile) = entry {
            self.accounts
                .entry(row.slot)
                .or_insert_with(|| Account::new(Customer::new(Slot(row.slot), profile.clone())));
        }
        let account = self.accounts.get_mut(&row.slot);
        let account = account.ok_or_else(|| damaged(format!("row {}: no customer", row.seq)))?;
        fold_entry(account, row.clone(), entry)
    }

    pub(crate) fn read_image(&mut self, segment: u32, body: &[u8]) -> Result<(), StoreError> {
        let unreadable = |error| damaged(format!("image of segment {segment}: {error}"));
        if segment == 0 {
            self.realm = from_bytes(body).map_err(unreadable)?;
            return Ok(());
        }
        let accounts: Vec<Account> = from_bytes(body).map_err(unreadable)?;
        for account in accounts {
            self.accounts.insert(account.customer.slot.0, account);
        }
        Ok(())
    }
}

/// Folds a change of the realm, and looks whether its row leads to the one before.
pub(crate) fn fold_change(
    realm: &mut Realm,
    row: &Row,
    change: &RealmChange,
) -> Result<(), StoreError> {
    let before = realm.append(row.seq, change);
    if before == row.prev {
        return Ok(());
    }
    Err(damaged(format!("row {}: it does not lead to the change before it", row.seq)))
}

/// Folds the entry of a row into its customer, and compares the row with what its entry alone
/// makes of it.
pub(crate) fn fold_entry(
    account: &mut Account,
    mut row: Row,
    entry: &Entry,
) -> Result<(), StoreError> {
    let body = std::mem::take(&mut row.body);
    let draft = RowDraft { seq: row.seq, at: row.at, key: row.key, body };
    let mut folded = account.append(entry, draft);
    folded.body = Vec::new();
    if folded == row {
        return Ok(());
    }
    Err(damaged(format!("row {}: its columns contradict its entry", row.seq)))
}

/// Reads headers and rows in order, checking that batches follow each other without gap.
pub(crate) struct Walk<'a> {
    reader: &'a dyn Reader,
    next: Seq,
    last: Seq,
    rows: std::collections::VecDeque<Row>,
    header: Option<Header>,
}

impl<'a> Walk<'a> {
    /// Walks from the batch that begins at `next`; `before` is the header of the one before.
    pub(crate) fn new(
        reader: &'a dyn Reader,
        next: Seq,
        before: Option<Header>,
    ) -> Result<Self, StoreError> {
        let last = reader.last()?;
        let rows = std::collections::VecDeque::new();
        Ok(Self { reader, next, last, rows, header: before })
    }

    fn take_row(&mut self) -> Result<Option<Row>, StoreError> {
        if self.rows.is_empty() && self.next <= self.last {
            self.rows = self.reader.rows(self.next, READ_ROWS)?.into();
        }
        let Some(row) = self.rows.pop_front() else {
            if self.next <= self.last {
                return Err(damaged(format!("row {} is missing", self.next)));
            }
            return Ok(None);
        };
        if row.seq != self.next {
            return Err(damaged(format!("row {} is missing", self.next)));
        }
        self.next += 1;
        Ok(Some(row))
    }

    /// The next batch: its header, and its rows in the place of what stands in `rows`, which is
    /// used again and again.
    pub(crate) fn next_batch(&mut self, rows: &mut Vec<Row>) -> Result<Option<Header>, StoreError> {
        let Some(first) = self.take_row()? else { return Ok(None) };
        if first.kind != KIND_HEADER {
            return Err(damaged(format!("row {}: a batch begins without header", first.seq)));
        }
        let Record::Header(header) = Record::decode(&first)? else {
            return Err(damaged(format!("row {}: not a header", first.seq)));
        };
        rows.clear();
        for _ in 0..header.rows {
            let row = self.take_row()?;
            rows.push(row.ok_or_else(|| damaged(format!("batch {} is cut", header.number)))?);
        }
        self.check(&first, &header, rows)?;
        self.header = Some(header.clone());
        Ok(Some(header))
    }

    fn check(&self, first: &Row, header: &Header, rows: &[Row]) -> Result<(), StoreError> {
        let before = self.header.as_ref();
        let number = before.map_or(0, |before| before.number) + 1;
        let hash = before.map_or([0; 32], |before| before.hash);
        let now = before.map_or(0, |before| before.now);
        if header.number != number || first.amount != i128::from(number) {
            return Err(damaged(format!("batch {} stands where {number} should", header.number)));
        }
        if *first != header.to_row(first.seq) {
            return Err(damaged(format!("row {}: its columns contradict its header", first.seq)));
        }
        if header.before != hash || header.hash != header.hash_over(rows) {
            return Err(damaged(format!("batch {number} does not match its hash")));
        }
        if header.now < now {
            return Err(damaged(format!("batch {number} runs back in time")));
        }
        Ok(())
    }
}

pub(crate) fn read_header(reader: &dyn Reader, seq: Seq) -> Result<Header, StoreError> {
    let row = reader.row(seq)?.ok_or_else(|| damaged(format!("row {seq} is missing")))?;
    match Record::decode(&row)? {
        Record::Header(header) => Ok(header),
        _ => Err(damaged(format!("row {seq} is not a header"))),
    }
}

/// The start of the batch in which the first row to replay stands, and the header before it.
pub(crate) fn tail_start(
    reader: &dyn Reader,
    replay_after: Seq,
) -> Result<(Seq, Option<Header>), StoreError> {
    let mut at = replay_after + 1;
    loop {
        match reader.row(at)? {
            None if at > reader.last()? => break,
            None => return Err(damaged(format!("row {at} is missing"))),
            Some(row) if row.kind == KIND_HEADER => break,
            Some(_) => at -= 1,
        }
    }
    if at == 1 {
        return Ok((1, None));
    }
    let mut before = at - 1;
    while let Some(row) = reader.row(before)? {
        if row.kind == KIND_HEADER {
            return Ok((at, Some(read_header(reader, before)?)));
        }
        before -= 1;
    }
    Err(damaged(format!("row {before} is missing")))
}
