//! Public ids of grants, ledger entries and decisions: UUIDs that encipher where the thing lives,
//! so that one is found by its id without an index, and nobody can guess another's.

use crate::ledger::Cursor;
use stipend_core::{GrantNo, Slot};
use stipend_store::Seq;

/// Bits of a UUID that are not fixed by its version and variant.
const HALF_BITS: u32 = 61;
const HALF_MASK: u64 = (1 << HALF_BITS) - 1;
const ROUNDS: u8 = 6;

/// What ids of other things than grants have in their left half, which is zero in those.
const TAG_ENTRY: u64 = 1 << 53;
const TAG_ROW: u64 = 2 << 53;
const TAG_KEPT: u64 = 3 << 53;
const START_MASK: u64 = (1 << 53) - 1;

/// Where a decision is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionPlace {
    /// By a row of the journal, for ever.
    Row(Seq),
    /// By a record in memory.
    Kept {
        /// Which run of the engine keeps it.
        start: u64,
        /// Its number.
        number: u64,
    },
}

/// The secret permutation behind the ids of one store.
#[derive(Clone)]
pub struct IdCipher {
    key: [u8; 32],
}

impl std::fmt::Debug for IdCipher {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("IdCipher(***)")
    }
}

impl IdCipher {
    /// The permutation of a store with that secret.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self { key: blake3::derive_key("stipend 2026 grant ids", secret) }
    }

    /// The id of a grant: a UUID of version 8.
    #[must_use]
    pub fn grant_id(&self, slot: Slot, no: GrantNo) -> String {
        // Stream, slot and number fill the right half; the left half is zero and tells, when it
        // is deciphered, that an id was made here.
        self.seal(0, (u64::from(slot.0) << 29) ^ u64::from(no.0))
    }

    /// The grant with that id, where it is one that this store made.
    #[must_use]
    pub fn find_grant(&self, id: &str) -> Option<(Slot, GrantNo)> {
        let (left, right) = self.open(id)?;
        let no = u32::try_from(right & ((1 << 29) - 1)).ok()?;
        let slot = u32::try_from(right >> 29).ok()?;
        (left == 0).then_some((Slot(slot), GrantNo(no)))
    }

    /// The id of an entry of the ledger: of the event with that number of a row of the journal.
    #[must_use]
    pub fn entry_id(&self, place: Cursor) -> String {
        self.seal(TAG_ENTRY | u64::from(place.index), place.seq)
    }

    /// The entry of the ledger with that id.
    #[must_use]
    pub fn find_entry(&self, id: &str) -> Option<Cursor> {
        let (left, seq) = self.open(id)?;
        let index = u32::try_from(left ^ TAG_ENTRY).ok()?;
        Some(Cursor { seq, index })
    }

    /// The id of a decision.
    #[must_use]
    pub fn decision_id(&self, place: DecisionPlace) -> String {
        match place {
            DecisionPlace::Row(seq) => self.seal(TAG_ROW, seq),
            DecisionPlace::Kept { start, number } => {
                self.seal(TAG_KEPT | (start & START_MASK), number)
            }
        }
    }

    /// Where the decision with that id is told.
    #[must_use]
    pub fn find_decision(&self, id: &str) -> Option<DecisionPlace> {
        let (left, right) = self.open(id)?;
        match left & !START_MASK {
            TAG_ROW if left == TAG_ROW => Some(DecisionPlace::Row(right)),
            TAG_KEPT => Some(DecisionPlace::Kept { start: left & START_MASK, number: right }),
            _ => None,
        }
    }

    /// What is in the left half tells what an id is of; all tags differ in their first byte.
    fn seal(&self, left: u64, right: u64) -> String {
        let (mut left, mut right) = (left & HALF_MASK, right & HALF_MASK);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ self.mix(round, right));
        }
        format_uuid(left, right)
    }

    fn open(&self, id: &str) -> Option<(u64, u64)> {
        let (mut left, mut right) = parse_uuid(id)?;
        for round in (0..ROUNDS).rev() {
            (left, right) = (right ^ self.mix(round, left), left);
        }
        Some((left, right))
    }

    fn mix(&self, round: u8, half: u64) -> u64 {
        let mut input = [round; 9];
        input[1..].copy_from_slice(&half.to_le_bytes());
        let hash = blake3::keyed_hash(&self.key, &input);
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&hash.as_bytes()[..8]);
        u64::from_le_bytes(bytes) & HALF_MASK
    }
}

/// Spreads 122 bits around the version and variant of a UUID.
fn format_uuid(left: u64, right: u64) -> String {
    let bits = (u128::from(left) << HALF_BITS) | u128::from(right);
    let (high, middle, low) = (bits >> 74, (bits >> 62) & 0xfff, bits & ((1 << 62) - 1));
    let uuid = (high << 80) | (middle << 64) | low;
    uuid_text(uuid.to_be_bytes(), 8)
}

/// The text of a UUID of a version, with the other bits as given.
#[must_use]
pub fn uuid_text(mut bytes: [u8; 16], version: u8) -> String {
    bytes[6] = (bytes[6] & 0x0f) | (version << 4);
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut text = String::with_capacity(36);
    for (place, byte) in bytes.into_iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(char::from(HEX[usize::from(byte >> 4)]));
        text.push(char::from(HEX[usize::from(byte & 0xf)]));
    }
    text
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn parse_uuid(id: &str) -> Option<(u64, u64)> {
    let is_dashed = id.len() == 36
        && id.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        });
    if !is_dashed {
        return None;
    }
    let uuid = u128::from_str_radix(&id.replace('-', ""), 16).ok()?;
    if (uuid >> 76) & 0xf != 8 || (uuid >> 62) & 0b11 != 0b10 {
        return None;
    }
    let (high, middle, low) = (uuid >> 80, (uuid >> 64) & 0xfff, uuid & ((1 << 62) - 1));
    let bits = (high << 74) | (middle << 62) | low;
    let half = |bits: u128| u64::try_from(bits).ok();
    Some((half(bits >> HALF_BITS)?, half(bits & u128::from(HALF_MASK))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_back_to_its_grant_and_to_no_other() {
        let cipher = IdCipher::new(b"secret");
        for (slot, no) in [(64, 1), (64, 2), (u32::MAX, (1 << 29) - 1), (0, 0)] {
            let id = cipher.grant_id(Slot(slot), GrantNo(no));
            assert_eq!(cipher.find_grant(&id), Some((Slot(slot), GrantNo(no))), "{id}");
            assert_eq!(IdCipher::new(b"other").find_grant(&id), None);
        }
        let id = cipher.grant_id(Slot(64), GrantNo(1));
        assert_eq!((&id[14..15], id.len()), ("8", 36));
        assert_eq!(cipher.find_grant(&id.replace('-', "_")), None);
        assert_eq!(cipher.find_grant("x"), None);
        assert_eq!(cipher.find_grant("182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e"), None);
    }

    #[test]
    fn a_uuid_has_its_version_and_its_dashes() {
        let bytes = std::array::from_fn(|place| u8::try_from(place * 17).expect("it is a byte"));
        assert_eq!(uuid_text(bytes, 4), "00112233-4455-4677-8899-aabbccddeeff");
        assert_eq!(uuid_text([0xff; 16], 8), "ffffffff-ffff-8fff-bfff-ffffffffffff");
    }

    #[test]
    fn ids_of_one_kind_are_none_of_another() {
        let cipher = IdCipher::new(b"secret");
        for (seq, index) in [(1, 0), (u64::MAX >> 4, u32::MAX), (12_345, 7)] {
            let place = Cursor { seq, index };
            let id = cipher.entry_id(place);
            assert_eq!(cipher.find_entry(&id), Some(place), "{id}");
            assert_eq!((cipher.find_grant(&id), cipher.find_decision(&id)), (None, None));
        }
        let kept = DecisionPlace::Kept { start: 1_772_323_200_000_000, number: 9 };
        for place in [DecisionPlace::Row(1), DecisionPlace::Row(u64::MAX >> 4), kept] {
            let id = cipher.decision_id(place);
            assert_eq!(cipher.find_decision(&id), Some(place), "{id}");
            assert_eq!((cipher.find_grant(&id), cipher.find_entry(&id)), (None, None));
        }
        let grant = cipher.grant_id(Slot(64), GrantNo(1));
        assert_eq!((cipher.find_entry(&grant), cipher.find_decision(&grant)), (None, None));
    }
}
