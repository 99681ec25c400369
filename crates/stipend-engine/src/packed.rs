//! Customers that nobody asks for, as their images say: the bytes of a segment in one piece, and
//! where each customer stands in them. One is decoded again by whoever asks for it.

use crate::account::Account;
use crate::limits::SEGMENT_SLOTS;
use std::sync::Arc;
use stipend_store::codec::{CodecError, Decode, Encode, Reader, VERSION, Writer, gather};

/// Customers of a segment.
pub(crate) const SLOTS: usize = SEGMENT_SLOTS as usize;

/// Where a slot stands in its segment.
pub(crate) fn place_of(slot: u32) -> usize {
    (slot % SEGMENT_SLOTS) as usize
}

/// The packed customers of one segment.
#[derive(Debug)]
pub(crate) struct Packed {
    bytes: Box<[u8]>,
    /// Where each begins; the last is where all end.
    starts: [u32; SLOTS + 1],
    /// The slots that are taken. One without bytes is kept decoded.
    taken: u64,
}

/// What a segment knows of a slot.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// Nothing.
    Free,
    /// That its customer is kept decoded.
    Decoded,
    /// Its customer.
    Packed(&'a [u8]),
}

impl Packed {
    /// What is known of a slot, by its place in the segment.
    pub(crate) fn at(&self, place: usize) -> Place<'_> {
        let [start, end] = [self.starts[place], self.starts[place + 1]].map(|at| at as usize);
        if start < end {
            return Place::Packed(&self.bytes[start..end]);
        }
        if self.taken & (1 << place) == 0 { Place::Free } else { Place::Decoded }
    }

    /// Takes an image as it is; `see` is shown each customer in it.
    pub(crate) fn from_image(
        segment: u32,
        body: Vec<u8>,
        mut see: impl FnMut(&Account),
    ) -> Result<Self, CodecError> {
        let mut reader = Reader::new(&body);
        let version = reader.byte()?;
        if version != VERSION {
            return Err(CodecError::Version(version));
        }
        let count = reader.count()?;
        let position = |reader: &Reader<'_>| to_u32(body.len() - reader.left());
        let mut starts = [position(&reader); SLOTS + 1];
        let mut taken: u64 = 0;
        for _ in 0..count {
            let start = position(&reader);
            let account = Account::decode(&mut reader)?;
            let slot = account.customer.slot.0;
            let place = place_of(slot);
            if slot / SEGMENT_SLOTS != segment || taken >> place != 0 {
                return Err(CodecError::Invalid("the customers of a segment in order"));
            }
            starts[place] = start;
            starts[place + 1..].fill(position(&reader));
            taken |= 1 << place;
            see(&account);
        }
        match reader.left() {
            0 => Ok(Self { bytes: body.into(), starts, taken }),
            left => Err(CodecError::Trailing(left)),
        }
    }

    /// A segment of what is known of its slots.
    pub(crate) fn of(places: &[Place<'_>; SLOTS]) -> Self {
        let length = |place: &Place<'_>| match place {
            Place::Free | Place::Decoded => 0,
            Place::Packed(bytes) => bytes.len(),
        };
        let writer = Writer::with_room(places.iter().map(length).sum());
        let mut packer = Packer { writer, ..Packer::new() };
        for (place, known) in places.iter().enumerate() {
            packer.keep(place, known);
        }
        packer.finish()
    }

    /// How many slots are taken.
    pub(crate) fn count(&self) -> usize {
        self.taken.count_ones() as usize
    }
}

fn to_u32(length: usize) -> u32 {
    u32::try_from(length).expect("images have less than 4 GiB")
}

/// The customer that was packed.
pub(crate) fn unpack(bytes: &[u8]) -> Account {
    let account = Account::decode(&mut Reader::new(bytes));
    account.expect("only what can be decoded is packed")
}

/// A segment that is being packed, slot after slot.
#[derive(Debug)]
pub(crate) struct Packer {
    writer: Writer,
    starts: [u32; SLOTS + 1],
    taken: u64,
}

/// The bytes of a customer alone, which is in no segment yet.
pub(crate) fn pack_alone(account: &Account) -> Box<[u8]> {
    gather(|writer| account.encode(writer)).into()
}

impl Packer {
    pub(crate) fn new() -> Self {
        Self { writer: Writer::default(), starts: [0; SLOTS + 1], taken: 0 }
    }

    /// Packs a customer that is kept decoded until now.
    pub(crate) fn pack(&mut self, place: usize, account: &Account) {
        account.encode(&mut self.writer);
        self.take(place);
    }

    /// Takes over what is known of a slot.
    pub(crate) fn keep(&mut self, place: usize, known: &Place<'_>) {
        match known {
            Place::Free => self.starts[place + 1] = self.starts[place],
            Place::Decoded => self.take(place),
            Place::Packed(bytes) => {
                self.writer.raw(bytes);
                self.take(place);
            }
        }
    }

    fn take(&mut self, place: usize) {
        self.taken |= 1 << place;
        self.starts[place + 1] = to_u32(self.writer.written());
    }

    pub(crate) fn finish(self) -> Packed {
        let Self { writer, starts, taken } = self;
        Packed { bytes: writer.into_bytes().into(), starts, taken }
    }
}

/// A customer in the form in which it is kept.
#[derive(Debug)]
pub(crate) enum Held {
    /// Decoded.
    Decoded(Arc<Account>),
    /// In this place of a packed segment.
    Packed(Arc<Packed>, usize),
}

impl Held {
    /// The customer.
    pub(crate) fn account(self) -> Arc<Account> {
        match self {
            Self::Decoded(account) => account,
            Self::Packed(packed, place) => Arc::new(unpack(bytes_at(&packed, place))),
        }
    }
}

fn bytes_at(packed: &Packed, place: usize) -> &[u8] {
    match packed.at(place) {
        Place::Packed(bytes) => bytes,
        Place::Free | Place::Decoded => unreachable!("it was found there"),
    }
}

/// The same bytes whichever way it is kept.
impl Encode for Held {
    fn encode(&self, writer: &mut Writer) {
        match self {
            Self::Decoded(account) => account.encode(writer),
            Self::Packed(packed, place) => writer.raw(bytes_at(packed, *place)),
        }
    }
}
