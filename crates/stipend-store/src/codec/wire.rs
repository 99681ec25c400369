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
        self.u128((value << 1 ^ value >> 127).cast_unsigned());
    }

    /// How many values or bytes follow.
    pub fn count(&mut self, count: usize) {
        self.u128(count as u128);
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
    pub fn u64(&mut self) -> Result<u64, CodecError> {
        self.u128()?.try_into().map_err(|_| CodecError::Invalid("an integer of 64 bits"))
    }

    /// What [`Writer::i64`] wrote.
    ///
    /// # Errors
    /// As [`Reader::u64`].
    pub fn i64(&mut self) -> Result<i64, CodecError> {
        self.i128()?.try_into().map_err(|_| CodecError::Invalid("an integer of 64 bits"))
    }

    /// What [`Writer::u128`] wrote.
    ///
    /// # Errors
    /// As [`Reader::u64`].
    pub fn u128(&mut self) -> Result<u128, CodecError> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(u128::from(first));
        }
        let mut value = u128::from(first & 0x7f);
        let mut shift = 7;
        loop {
            let byte = self.byte()?;
            let bits = u128::from(byte & 0x7f);
            // The nineteenth byte holds the last two of the 128 bits.
            if shift > 126 || (shift == 126 && bits > 3) {
                return Err(CodecError::Invalid("an integer of 128 bits"));
            }
            value |= bits << shift;
            if byte == 0 {
                return Err(CodecError::Invalid("the shortest form of an integer"));
            }
            if byte < 0x80 {
                return Ok(value);
            }
            shift += 7;
        }
    }

    /// What [`Writer::i128`] wrote.
    ///
    /// # Errors
    /// As [`Reader::u64`].
    pub fn i128(&mut self) -> Result<i128, CodecError> {
        let value = self.u128()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// A count of values that take at least a byte each: never more than there are bytes left.
    ///
    /// # Errors
    /// [`CodecError::Ended`] where it promises more, else as [`Reader::u64`].
    pub fn count(&mut self) -> Result<usize, CodecError> {
        let count = self.u128()?;
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
