//! The primitive forms: what every value is finally made of.

use super::{CodecError, DEPTH_MAX};

/// Collects the bytes of a value.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Writes into this room, whatever stands in it.
    pub(crate) fn reusing(mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        Self { bytes }
    }

    /// Has room for so many bytes, and makes more where more are written.
    #[must_use]
    pub fn with_room(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes) }
    }

    /// The bytes written so far.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// How many bytes were written so far.
    #[must_use]
    pub fn written(&self) -> usize {
        self.bytes.len()
    }

    /// One byte as it is.
    pub fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// An unsigned integer, seven bits a byte, the lowest first.
    #[inline]
    pub fn u64(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push((value & 0x7f) as u8);
    }

    /// A signed integer, zigzagged so that small magnitudes are short.
    pub fn i64(&mut self, value: i64) {
        self.u64((value << 1 ^ value >> 63).cast_unsigned());
    }

    /// An unsigned integer of up to 128 bits, in the same form as [`Writer::u64`].
    pub fn u128(&mut self, mut value: u128) {
        if let Ok(short) = u64::try_from(value) {
            self.u64(short);
            return;
        }
        while value >= 0x80 {
            self.bytes.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push((value & 0x7f) as u8);
    }

    /// A signed integer of up to 128 bits, in the same form as [`Writer::i64`].
    pub fn i128(&mut self, value: i128) {
        match i64::try_from(value) {
            Ok(short) => self.i64(short),
            Err(_) => self.u128((value << 1 ^ value >> 127).cast_unsigned()),
        }
    }

    /// How many values or bytes follow.
    pub fn count(&mut self, count: usize) {
        self.u64(count as u64);
    }

    /// A count and so many bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.raw(bytes);
    }

    /// Bytes whose number the reader knows.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
}

/// Seven bits each: the tenth byte would be the first that 64 bits may not hold.
const SHORT_BYTES: usize = 9;

const NOT_SHORTEST: CodecError = CodecError::Invalid("the shortest form of an integer");

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// Takes a value's bytes apart.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    depth: u32,
}

impl<'a> Reader<'a> {
    /// Reads from the start of these bytes.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, depth: 0 }
    }

    /// How many bytes are left.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.rest.len()
    }

    /// One byte.
    ///
    /// # Errors
    /// [`CodecError::Ended`].
    pub fn byte(&mut self) -> Result<u8, CodecError> {
        let (first, rest) = self.rest.split_first().ok_or(CodecError::Ended)?;
        self.rest = rest;
        Ok(*first)
    }

    /// What [`Writer::u64`] wrote.
    ///
    /// # Errors
    /// [`CodecError::Ended`], or [`CodecError::Invalid`] where it is too large or not in its
    /// shortest form.
    #[inline]
    pub fn u64(&mut self) -> Result<u64, CodecError> {
        match self.rest {
            [first, rest @ ..] if *first < 0x80 => {
                self.rest = rest;
                Ok((*first).into())
            }
            _ => self.u64_of_many_bytes(),
        }
    }

    fn u64_of_many_bytes(&mut self) -> Result<u64, CodecError> {
        match self.short()? {
            Some(value) => Ok(value),
            None => {
                self.u128()?.try_into().map_err(|_| CodecError::Invalid("an integer of 64 bits"))
            }
        }
    }

    /// What [`Writer::i64`] wrote.
    ///
    /// # Errors
    /// As [`Reader::u64`].
    pub fn i64(&mut self) -> Result<i64, CodecError> {
        self.u64().map(unzigzag)
    }

    /// What [`Writer::u128`] wrote.
    ///
    /// # Errors
    /// As [`Reader::u64`].
    pub fn u128(&mut self) -> Result<u128, CodecError> {
        if let Some(value) = self.short()? {
            return Ok(value.into());
        }
        let mut value = 0;
        let mut shift = 0;
        loop {
            let byte = self.byte()?;
            let bits = u128::from(byte & 0x7f);
            // The nineteenth byte holds the last two of the 128 bits.
            if shift > 126 || (shift == 126 && bits > 3) {
                return Err(CodecError::Invalid("an integer of 128 bits"));
            }
            value |= bits << shift;
            if byte == 0 {
                return Err(NOT_SHORTEST);
            }
            if byte < 0x80 {
                return Ok(value);
            }
            shift += 7;
        }
    }

    /// An integer that fits into so many bytes that 64 bits hold it whatever they are, as nearly
    /// every one does. A longer one is left where it stands: to be added up in 128 bits, which
    /// takes several times as long.
    fn short(&mut self) -> Result<Option<u64>, CodecError> {
        let mut value = 0;
        for (index, byte) in self.rest.iter().take(SHORT_BYTES).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if *byte < 0x80 {
                if *byte == 0 && index > 0 {
                    return Err(NOT_SHORTEST);
                }
                self.rest = &self.rest[index + 1..];
                return Ok(Some(value));
            }
        }
        if self.rest.len() < SHORT_BYTES { Err(CodecError::Ended) } else { Ok(None) }
    }

    /// What [`Writer::i128`] wrote.
    ///
    /// # Errors
    /// As [`Reader::u64`].
    pub fn i128(&mut self) -> Result<i128, CodecError> {
        if let Some(short) = self.short()? {
            return Ok(unzigzag(short).into());
        }
        let value = self.u128()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// A count of values that take at least a byte each: never more than there are bytes left.
    ///
    /// # Errors
    /// [`CodecError::Ended`] where it promises more, else as [`Reader::u64`].
    pub fn count(&mut self) -> Result<usize, CodecError> {
        let count = self.u64()?;
        usize::try_from(count).ok().filter(|count| *count <= self.left()).ok_or(CodecError::Ended)
    }

    /// What [`Writer::bytes`] wrote.
    ///
    /// # Errors
    /// As [`Reader::count`].
    pub fn bytes(&mut self) -> Result<&'a [u8], CodecError> {
        let count = self.count()?;
        self.raw(count)
    }

    /// So many bytes.
    ///
    /// # Errors
    /// [`CodecError::Ended`].
    pub fn raw(&mut self, count: usize) -> Result<&'a [u8], CodecError> {
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or(CodecError::Ended)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// A text.
    ///
    /// # Errors
    /// [`CodecError::Invalid`] where it is not UTF-8, else as [`Reader::count`].
    pub fn text(&mut self) -> Result<&'a str, CodecError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| CodecError::Invalid("a text in UTF-8"))
    }

    /// Room for so many values, but never more memory than there are bytes left: a count is only
    /// a claim.
    #[must_use]
    pub fn room<T>(&self, count: usize) -> Vec<T> {
        Vec::with_capacity(count.min(self.left() / size_of::<T>().max(1)))
    }

    /// Reads a value that lies inside another.
    ///
    /// # Errors
    /// [`CodecError::TooDeep`], or what the reading gives.
    pub fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, CodecError>,
    ) -> Result<T, CodecError> {
        if self.depth == DEPTH_MAX {
            return Err(CodecError::TooDeep);
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }
}
