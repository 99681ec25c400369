//! Recovery: images, then the tail of the journal folded over them.

use crate::account::{Account, RowDraft};
use crate::batch::Tip;
use crate::limits::{READ_ROWS, SEGMENT_SLOTS};
use crate::progress::{LoadProgress, LoadStage};
use crate::published::Publication;
use crate::realm::Realm;
use crate::record::{Header, KIND_HEADER, Record};
use std::collections::BTreeMap;
use std::sync::Arc;
use stipend_core::customer::Entry;
use stipend_core::{Customer, Slot, Timestamp};
use stipend_store::codec::from_bytes;
use stipend_store::{Reader, Row, Seq, StoreError};

/// The state that a journal folds to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) realm: Realm,
    pub(crate) accounts: BTreeMap<u32, Account>,
}

/// The state with where the journal ends.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) state: State,
    pub(crate) tip: Tip,
    pub(crate) now: Timestamp,
    /// Segments whose image lags, each with the position of its first change since.
    pub(crate) lagging: BTreeMap<u32, Seq>,
}

pub(crate) fn damaged(why: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged(why.to_string())
}

impl State {
    /// Folds a row and compares it with what its entry alone makes of it.
    pub(crate) fn fold(&mut self, row: &Row) -> Result<(), StoreError> {
        match Record::decode(row)? {
            Record::Header(_) | Record::Remembered(_) => Ok(()),
            Record::Realm(change) => {
                self.realm.apply(&change);
                Ok(())
            }
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
        let draft = RowDraft { seq: row.seq, at: row.at, key: row.key, body: row.body.clone() };
        let folded = account.append(entry, draft);
        if folded == *row {
            return Ok(());
        }
        Err(damaged(format!("row {}: its columns contradict its entry", row.seq)))
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

    pub(crate) fn into_publication(self, now: Timestamp, last: Seq) -> Publication {
        let mut publication =
            Publication { realm: Some(Arc::new(self.realm)), now, last, ..Publication::default() };
        for (slot, account) in self.accounts {
            let env = account.customer.profile.env;
            publication.customers.push(((env, account.customer.profile.id.clone()), slot));
            for subscription in &account.customer.subscriptions {
                publication.subscriptions.push(((env, subscription.terms.id.clone()), slot));
            }
            publication.accounts.push((slot, Arc::new(account)));
        }
        publication
    }
}

/// The segment whose image a row belongs to.
fn segment_of(row: &Row) -> u32 {
    row.slot / SEGMENT_SLOTS
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

    /// The next batch: its header and its rows.
    pub(crate) fn next_batch(&mut self) -> Result<Option<(Header, Vec<Row>)>, StoreError> {
        let Some(first) = self.take_row()? else { return Ok(None) };
        if first.kind != KIND_HEADER {
            return Err(damaged(format!("row {}: a batch begins without header", first.seq)));
        }
        let Record::Header(header) = Record::decode(&first)? else {
            return Err(damaged(format!("row {}: not a header", first.seq)));
        };
        let mut rows = Vec::new();
        for _ in 0..header.rows {
            let row = self.take_row()?;
            rows.push(row.ok_or_else(|| damaged(format!("batch {} is cut", header.number)))?);
        }
        self.check(&first, &header, &rows)?;
        self.header = Some(header.clone());
        Ok(Some((header, rows)))
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

fn read_header(reader: &dyn Reader, seq: Seq) -> Result<Header, StoreError> {
    let row = reader.row(seq)?.ok_or_else(|| damaged(format!("row {seq} is missing")))?;
    match Record::decode(&row)? {
        Record::Header(header) => Ok(header),
        _ => Err(damaged(format!("row {seq} is not a header"))),
    }
}

/// Reads images and the tail behind them. Rows that an image already has are skipped for it.
pub(crate) fn load(reader: &dyn Reader, progress: &LoadProgress) -> Result<Loaded, StoreError> {
    let mut state = State::default();
    let last = reader.last()?;
    let mut as_of: BTreeMap<u32, Seq> = BTreeMap::new();
    let images = reader.images()?;
    progress.begin(LoadStage::Images, images.len() as u64);
    for image in images {
        if image.as_of > last {
            return Err(damaged(format!(
                "the image of segment {} is ahead of the journal",
                image.segment
            )));
        }
        state.read_image(image.segment, &image.body)?;
        as_of.insert(image.segment, image.as_of);
        progress.advance(1);
    }
    let tip_at = reader.last_header()?;
    if tip_at == 0 {
        if last > 0 || !as_of.is_empty() {
            return Err(damaged("there are rows and no header"));
        }
        let tip = Tip { number: 0, last: 0, hash: [0; 32] };
        return Ok(Loaded { state, tip, now: Timestamp::EPOCH, lagging: BTreeMap::new() });
    }
    let tip = read_header(reader, tip_at)?;
    if tip_at + u64::from(tip.rows) != last {
        return Err(damaged(format!("batch {} is cut", tip.number)));
    }
    if tip.replay_after > last {
        return Err(damaged(format!("the tail of batch {} is ahead of the journal", tip.number)));
    }
    let (from, before) = tail_start(reader, tip.replay_after)?;
    progress.begin(LoadStage::Journal, last + 1 - from);
    let mut walk = Walk::new(reader, from, before)?;
    let mut lagging = BTreeMap::new();
    while let Some((_, rows)) = walk.next_batch()? {
        for row in rows.iter().filter(|row| row.kind != KIND_HEADER) {
            let segment = segment_of(row);
            if as_of.get(&segment).is_some_and(|as_of| *as_of >= row.seq) {
                continue;
            }
            if !matches!(row.kind, crate::record::KIND_REMEMBERED) {
                lagging.entry(segment).or_insert(row.seq);
            }
            state.fold(row)?;
        }
        progress.advance(rows.len() as u64 + 1);
    }
    let end = Tip { number: tip.number, last, hash: tip.hash };
    Ok(Loaded { state, tip: end, now: Timestamp::from_micros(tip.now), lagging })
}

/// The start of the batch in which the first row to replay stands, and the header before it.
fn tail_start(reader: &dyn Reader, replay_after: Seq) -> Result<(Seq, Option<Header>), StoreError> {
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
