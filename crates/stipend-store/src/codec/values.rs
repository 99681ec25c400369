//! How the values of the standard library are written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{CodecError, Decode, Encode, Reader, Writer};

macro_rules! integer {
    ($($type:ty as $form:ident),+) => {$(
        impl Encode for $type {
            fn encode(&self, writer: &mut Writer) {
                writer.$form((*self).into());
            }
        }

        impl Decode for $type {
            fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
                reader.$form()?.try_into().map_err(|_| {
                    CodecError::Invalid(concat!("an integer of type ", stringify!($type)))
                })
            }
        }
    )+};
}

integer!(u8 as byte, u16 as u64, u32 as u64, u64 as u64, u128 as u128);
integer!(i8 as i64, i16 as i64, i32 as i64, i64 as i64, i128 as i128);

impl Encode for bool {
    fn encode(&self, writer: &mut Writer) {
        writer.byte((*self).into());
    }
}

impl Decode for bool {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        match reader.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(CodecError::Invalid("a truth value")),
        }
    }
}

impl Encode for str {
    fn encode(&self, writer: &mut Writer) {
        writer.bytes(self.as_bytes());
    }
}

impl Encode for String {
    fn encode(&self, writer: &mut Writer) {
        self.as_str().encode(writer);
    }
}

impl Decode for String {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        reader.text().map(str::to_owned)
    }
}

impl Decode for Arc<str> {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        reader.text().map(Into::into)
    }
}

impl Decode for Box<str> {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        reader.text().map(Into::into)
    }
}

impl<T: Decode> Decode for Arc<[T]> {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        Vec::decode(reader).map(Into::into)
    }
}

impl<T: Decode> Decode for Box<[T]> {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        Vec::decode(reader).map(Into::into)
    }
}

impl<T: Encode + ?Sized> Encode for Arc<T> {
    fn encode(&self, writer: &mut Writer) {
        self.as_ref().encode(writer);
    }
}

impl<T: Decode> Decode for Arc<T> {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        T::decode(reader).map(Self::new)
    }
}

impl<T: Encode + ?Sized> Encode for Box<T> {
    fn encode(&self, writer: &mut Writer) {
        self.as_ref().encode(writer);
    }
}

impl<T: Decode> Decode for Box<T> {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        T::decode(reader).map(Self::new)
    }
}

impl<const N: usize> Encode for [u8; N] {
    fn encode(&self, writer: &mut Writer) {
        writer.raw(self);
    }
}

impl<const N: usize> Decode for [u8; N] {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        reader.raw(N)?.try_into().map_err(|_| CodecError::Ended)
    }
}

/// Elsewhere than as a field: 0, or 1 and the value.
impl<T: Encode> Encode for Option<T> {
    fn encode(&self, writer: &mut Writer) {
        writer.byte(self.is_some().into());
        self.encode_field(writer);
    }

    fn is_omitted(&self) -> bool {
        self.is_none()
    }

    fn encode_field(&self, writer: &mut Writer) {
        if let Some(value) = self {
            value.encode(writer);
        }
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        if bool::decode(reader)? { Self::decode_field(reader) } else { Ok(None) }
    }

    fn omitted() -> Option<Self> {
        Some(None)
    }

    fn decode_field(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        T::decode(reader).map(Some)
    }
}

impl<T: Encode> Encode for [T] {
    fn encode(&self, writer: &mut Writer) {
        writer.count(self.len());
        for value in self {
            value.encode(writer);
        }
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode(&self, writer: &mut Writer) {
        self.as_slice().encode(writer);
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let count = reader.count()?;
        let mut values = reader.room(count);
        for _ in 0..count {
            values.push(T::decode(reader)?);
        }
        Ok(values)
    }
}

impl<T: Encode> Encode for BTreeSet<T> {
    fn encode(&self, writer: &mut Writer) {
        writer.count(self.len());
        for value in self {
            value.encode(writer);
        }
    }
}

impl<T: Decode + Ord> Decode for BTreeSet<T> {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let mut values = Self::new();
        for _ in 0..reader.count()? {
            let value = T::decode(reader)?;
            if values.last().is_some_and(|last| *last >= value) {
                return Err(CodecError::Invalid("a set in order"));
            }
            values.insert(value);
        }
        Ok(values)
    }
}

impl<K: Encode, V: Encode> Encode for BTreeMap<K, V> {
    fn encode(&self, writer: &mut Writer) {
        writer.count(self.len());
        for (key, value) in self {
            key.encode(writer);
            value.encode(writer);
        }
    }
}

impl<K: Decode + Ord, V: Decode> Decode for BTreeMap<K, V> {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let mut entries = Self::new();
        for _ in 0..reader.count()? {
            let key = K::decode(reader)?;
            if entries.last_key_value().is_some_and(|(last, _)| *last >= key) {
                return Err(CodecError::Invalid("a map in order"));
            }
            entries.insert(key, V::decode(reader)?);
        }
        Ok(entries)
    }
}

macro_rules! tuple {
    ($($name:ident $index:tt),+) => {
        impl<$($name: Encode),+> Encode for ($($name,)+) {
            fn encode(&self, writer: &mut Writer) {
                $(self.$index.encode(writer);)+
            }
        }

        impl<$($name: Decode),+> Decode for ($($name,)+) {
            fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
                Ok(($($name::decode(reader)?,)+))
            }
        }
    };
}

tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
