//! How values become bytes: a version byte, then numbered fields.
//!
//! A record is a sequence of (field number, value), ended by a 0; a choice is the number of its
//! variant and what that holds. Numbers are never used again for something else. Whatever a
//! reader does not know — a version, a field, a variant — is refused, never skipped: a ledger
//! that is read in part is read wrongly. An absent `Option` is not written, so a field that is
//! added later is an `Option`, or one whose default is not written (`or default`).
//!
//! The bytes of a value are always the same: integers have one shortest form, and maps and sets
//! are written and accepted in order only. Reading never panics, never recurses deeper than
//! [`DEPTH_MAX`], and allocates in proportion to the bytes that are there, whatever these claim.
//!
//! # Examples
//!
//! ```
//! use stipend_store::codec::{from_bytes, to_bytes};
//! use stipend_store::{choice, record};
//!
//! #[derive(Debug, PartialEq)]
//! struct Coffee { sugar: Option<u32>, size: Size }
//! #[derive(Debug, PartialEq)]
//! enum Size { Small, Other(u32), Mixed { milk: u32, water: u32 } }
//!
//! record!(Coffee { 1 => sugar, 2 => size });
//! choice!(Size { 1 => Small, 2 => Other(u32), 3 => Mixed { 1 => milk, 2 => water } });
//!
//! let coffee = Coffee { sugar: None, size: Size::Mixed { milk: 1, water: 300 } };
//! let bytes = to_bytes(&coffee);
//! assert_eq!(bytes, [1, 2, 3, 1, 1, 2, 172, 2, 0, 0]);
//! assert_eq!(from_bytes(&bytes), Ok(coffee));
//! ```

mod catalog;
mod customer;
mod domain;
mod macros;
mod values;
mod wire;

#[doc(hidden)]
pub use macros::{ascending, field, is_default, or_default, required};
pub use wire::{Reader, Writer};

pub use crate::{choice, newtype, record, text_id};

/// The first byte of everything that [`to_bytes`] writes.
pub const VERSION: u8 = 1;

/// How deep records, choices and newtypes may lie inside each other; no type can contain itself
/// without being one of these.
pub const DEPTH_MAX: u32 = 256;

/// A value that can be written.
pub trait Encode {
    /// Writes the value.
    fn encode(&self, writer: &mut Writer);

    /// Whether the value is left out where it is a field: an absent `Option`.
    fn is_omitted(&self) -> bool {
        false
    }

    /// Writes the value of a field that is not omitted: an `Option` without its mark.
    fn encode_field(&self, writer: &mut Writer) {
        self.encode(writer);
    }
}

/// A value that can be read.
pub trait Decode: Sized {
    /// Reads what [`Encode::encode`] wrote.
    ///
    /// # Errors
    /// Any [`CodecError`] but [`CodecError::Version`] and [`CodecError::Trailing`].
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError>;

    /// The value of a field that is not there; `None` where the field is mandatory.
    fn omitted() -> Option<Self> {
        None
    }

    /// Reads what [`Encode::encode_field`] wrote.
    ///
    /// # Errors
    /// As [`Decode::decode`].
    fn decode_field(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        Self::decode(reader)
    }
}

/// Why bytes are not a value of the wanted type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// They were written by another version of the codec.
    #[error("version {0} of the codec is not known, only {VERSION}")]
    Version(u8),
    /// They end within the value.
    #[error("the bytes end within a value")]
    Ended,
    /// They go on after the value.
    #[error("{0} bytes follow the value")]
    Trailing(usize),
    /// A field that this version does not know.
    #[error("{record} has no field {number}")]
    UnknownField {
        /// The record's type.
        record: &'static str,
        /// The number of the field.
        number: u64,
    },
    /// A field that is there twice.
    #[error("field {field} of {record} is repeated")]
    RepeatedField {
        /// The record's type.
        record: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A field that must be there and is not.
    #[error("field {field} of {record} is missing")]
    MissingField {
        /// The record's type.
        record: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A variant that this version does not know.
    #[error("{choice} has no variant {number}")]
    UnknownVariant {
        /// The choice's type.
        choice: &'static str,
        /// The number of the variant.
        number: u64,
    },
    /// The bytes of a value are not of its form.
    #[error("not {0}")]
    Invalid(&'static str),
    /// Values lie more than [`DEPTH_MAX`] deep.
    #[error("values lie more than {DEPTH_MAX} deep")]
    TooDeep,
}

/// The bytes of a value, with the version in front.
#[must_use]
pub fn to_bytes<T: Encode + ?Sized>(value: &T) -> Vec<u8> {
    gather(|writer| {
        writer.byte(VERSION);
        value.encode(writer);
    })
}

/// What is written, as part of something else: without a version of its own.
#[must_use]
pub fn gather(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    // What is kept is exactly as long as it is; the room to write in is used again.
    let mut writer = Writer::reusing(SCRATCH.take());
    write(&mut writer);
    let room = writer.into_bytes();
    let bytes = room.as_slice().to_vec();
    if room.capacity() <= SCRATCH_MAX {
        SCRATCH.set(room);
    }
    bytes
}

/// The largest room that is kept for later values.
const SCRATCH_MAX: usize = 1 << 20;

thread_local! {
    static SCRATCH: std::cell::Cell<Vec<u8>> = const { std::cell::Cell::new(Vec::new()) };
}

/// The value that [`to_bytes`] made these bytes of.
///
/// # Errors
/// Any [`CodecError`].
pub fn from_bytes<T: Decode>(bytes: &[u8]) -> Result<T, CodecError> {
    let mut reader = Reader::new(bytes);
    let version = reader.byte()?;
    if version != VERSION {
        return Err(CodecError::Version(version));
    }
    let value = T::decode(&mut reader)?;
    match reader.left() {
        0 => Ok(value),
        left => Err(CodecError::Trailing(left)),
    }
}
