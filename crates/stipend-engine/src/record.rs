//! What a journal row says, by its kind.

use crate::account::kind_of;
use crate::actor::{Actor, Signed};
use crate::realm::RealmChange;
use stipend_core::customer::Entry;
use stipend_store::codec::{CodecError, Decode, from_bytes, to_bytes};
use stipend_store::{Row, Seq, StoreError, record};

/// The kind of a batch header.
pub const KIND_HEADER: u16 = 0;
/// The kind of a change of environments, keys or catalogs.
pub const KIND_REALM: u16 = 1;
/// The kind of a remembered answer.
pub const KIND_REMEMBERED: u16 = 2;

/// The first row of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The batch's number, from 1 without gap.
    pub number: u64,
    /// The effective now of the batch; it never decreases.
    pub now: i64,
    /// How many rows follow.
    pub rows: u32,
    /// The hash of the header before.
    pub before: [u8; 32],
    /// The hash over that, what the header says and the rows.
    pub hash: [u8; 32],
    /// After this batch, replaying what stands behind this position is enough.
    pub replay_after: Seq,
}

/// An answer that is given again when the same request comes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// The HTTP status of the answer.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
}

record!(Header { 1 => number, 2 => now, 3 => rows, 4 => before, 5 => hash, 6 => replay_after });
record!(Remembered { 1 => status, 2 => body });

impl Header {
    /// The hash that it must carry: over the header before, what it says itself, and its rows.
    #[must_use]
    pub fn hash_over(&self, rows: &[Row]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&hash_rows(&self.before, rows));
        hasher.update(&to_bytes(&Self { hash: [0; 32], ..self.clone() }));
        *hasher.finalize().as_bytes()
    }

    /// Its row.
    #[must_use]
    pub fn to_row(&self, seq: Seq) -> Row {
        let row = plain_row(seq, KIND_HEADER, self.now, None, self);
        Row { amount: i128::from(self.number), ..row }
    }
}

/// A decoded row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A batch begins.
    Header(Header),
    /// The realm changed.
    Realm(RealmChange),
    /// An answer is remembered.
    Remembered(Remembered),
    /// Something happened to a customer.
    Customer(Entry),
}

impl Record {
    /// Decodes a row.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where its body is not what its kind says.
    pub fn decode(row: &Row) -> Result<Self, StoreError> {
        Self::decode_signed(row).map(|(record, _)| record)
    }

    /// Decodes a row, with who it says has done it.
    ///
    /// # Errors
    /// As [`Record::decode`].
    pub fn decode_signed(row: &Row) -> Result<(Self, Option<Actor>), StoreError> {
        let damaged = |why: String| StoreError::Damaged(format!("row {}: {why}", row.seq));
        let decoded = match row.kind {
            KIND_HEADER => from_bytes(&row.body).map(|header| (Self::Header(header), None)),
            KIND_REALM => signed(&row.body, Self::Realm),
            KIND_REMEMBERED => from_bytes(&row.body).map(|answer| (Self::Remembered(answer), None)),
            _ => signed(&row.body, Self::Customer),
        };
        let decoded = decoded.map_err(|error| damaged(error.to_string()))?;
        match &decoded.0 {
            Self::Customer(entry) if kind_of(entry) != row.kind => {
                Err(damaged(format!("it has kind {} and says something else", row.kind)))
            }
            _ => Ok(decoded),
        }
    }
}

fn signed<T: Decode>(
    body: &[u8],
    record: impl FnOnce(T) -> Record,
) -> Result<(Record, Option<Actor>), CodecError> {
    let Signed { value, by } = from_bytes(body)?;
    Ok((record(value), by))
}

/// Bytes that are gathered before they are hashed: many at once are hashed several times as fast.
const HASHED_AT_ONCE: usize = 64 << 10;

/// The hash over the header before a batch and its rows, columns included.
#[must_use]
pub fn hash_rows(before: &[u8; 32], rows: &[Row]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let mut bytes = Vec::with_capacity(HASHED_AT_ONCE + 1_024);
    bytes.extend_from_slice(before);
    for row in rows {
        for number in [row.seq, row.pool, row.pool_seq, row.prev, row.jump, row.life] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&row.part.to_le_bytes());
        bytes.extend_from_slice(&row.kind.to_le_bytes());
        bytes.extend_from_slice(&row.at.to_le_bytes());
        bytes.extend_from_slice(&row.slot.to_le_bytes());
        bytes.extend_from_slice(&row.amount.to_le_bytes());
        bytes.extend_from_slice(&row.balance_after.to_le_bytes());
        bytes.extend_from_slice(&row.key.unwrap_or_default());
        bytes.extend_from_slice(&row.body);
        if bytes.len() >= HASHED_AT_ONCE {
            hasher.update(&bytes);
            bytes.clear();
        }
    }
    hasher.update(&bytes);
    *hasher.finalize().as_bytes()
}

/// A row that concerns no customer.
#[must_use]
pub fn plain_row(
    seq: Seq,
    kind: u16,
    at: i64,
    key: Option<[u8; 16]>,
    body: &impl stipend_store::codec::Encode,
) -> Row {
    Row {
        seq,
        part: 0,
        kind,
        at,
        slot: 0,
        pool: 0,
        pool_seq: 0,
        prev: 0,
        jump: 0,
        life: 0,
        amount: 0,
        balance_after: 0,
        key,
        body: to_bytes(body),
    }
}
