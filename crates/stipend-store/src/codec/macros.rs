//! The declarations: one line says how a type is written, read and refused.

use super::{CodecError, Decode, Reader};

/// Whether numbers are given from 1 on and none twice; checked when a declaration is compiled.
#[doc(hidden)]
#[must_use]
pub const fn ascending(numbers: &[u64]) -> bool {
    let mut last = 0;
    let mut index = 0;
    while index < numbers.len() {
        if numbers[index] <= last {
            return false;
        }
        last = numbers[index];
        index += 1;
    }
    true
}

/// Reads a field into its place, once.
#[doc(hidden)]
pub fn field<T: Decode>(
    place: &mut Option<T>,
    reader: &mut Reader<'_>,
    record: &'static str,
    field: &'static str,
) -> Result<(), CodecError> {
    if place.is_some() {
        return Err(CodecError::RepeatedField { record, field });
    }
    *place = Some(T::decode_field(reader)?);
    Ok(())
}

/// The value that was read for a field, or what its absence means.
#[doc(hidden)]
pub fn required<T: Decode>(
    place: Option<T>,
    record: &'static str,
    field: &'static str,
) -> Result<T, CodecError> {
    place.or_else(T::omitted).ok_or(CodecError::MissingField { record, field })
}

/// Whether a field that is declared `or default` need not be written.
#[doc(hidden)]
#[must_use]
pub fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The value of a field that is declared `or default`: a default is never written.
#[doc(hidden)]
pub fn or_default<T: Default + PartialEq>(
    place: Option<T>,
    field: &'static str,
) -> Result<T, CodecError> {
    match place {
        Some(value) if is_default(&value) => Err(CodecError::Invalid(field)),
        place => Ok(place.unwrap_or_default()),
    }
}

/// Declares how a struct with named, visible fields is written: `record!(Type { 1 => a, 2 => b })`.
///
/// All fields are named, with numbers that grow and are never used again for something else. An
/// `Option` that is `None` is not written, and neither is the default of a field that is declared
/// `or default`, as one that came later is. See [`crate::codec`].
#[macro_export]
macro_rules! record {
    ($name:ty { $($number:literal => $field:ident $(or $default:ident)?),* $(,)? }) => {
        const _: () = assert!(
            $crate::codec::ascending(&[$($number),*]),
            concat!("the field numbers of ", stringify!($name), " must ascend from 1"),
        );

        impl $crate::codec::Encode for $name {
            fn encode(&self, writer: &mut $crate::codec::Writer) {
                let Self { $($field),* } = self;
                $crate::record!(@write writer, $($number => $field $(or $default)?),*);
            }
        }

        impl $crate::codec::Decode for $name {
            fn decode(
                reader: &mut $crate::codec::Reader<'_>,
            ) -> Result<Self, $crate::codec::CodecError> {
                reader.nested(|reader| {
                    $crate::record!(
                        @read reader,
                        stringify!($name),
                        $($number => $field $(or $default)?),*
                    );
                    Ok(Self { $($field),* })
                })
            }
        }
    };
    (@write $writer:ident, $($number:literal => $field:ident $(or $default:ident)?),*) => {
        $(if !$crate::record!(@omits $field $($default)?) {
            $writer.u64($number);
            $crate::codec::Encode::encode_field($field, $writer);
        })*
        $writer.u64(0);
    };
    (@omits $field:ident) => { $crate::codec::Encode::is_omitted($field) };
    (@omits $field:ident default) => { $crate::codec::is_default($field) };
    (@required $field:ident, $record:ident) => {
        $crate::codec::required($field, $record, stringify!($field))?
    };
    (@required $field:ident, $record:ident, default) => {
        $crate::codec::or_default(
            $field,
            concat!("a value other than the default of ", stringify!($field)),
        )?
    };
    (@read $reader:ident, $record:expr, $(
        $number:literal => $field:ident $(or $default:ident)?
    ),*) => {
        let record = $record;
        $(let mut $field = None;)*
        loop {
            match $reader.u64()? {
                0 => break,
                $($number => {
                    $crate::codec::field(&mut $field, $reader, record, stringify!($field))?;
                })*
                number => {
                    return Err($crate::codec::CodecError::UnknownField { record, number });
                }
            }
        }
        $(let $field = $crate::record!(@required $field, record $(, $default)?);)*
    };
}

/// Declares how an enum is written: `choice!(Type { 1 => Plain, 2 => Holding(Payload),
/// 3 => Named { 1 => a, 2 => b } })`.
///
/// Variants hold nothing, one value, or named fields, in any mixture; the numbers grow and are
/// never used again for something else. See [`crate::codec`].
#[macro_export]
macro_rules! choice {
    ($name:ty { $(
        $number:literal => $variant:ident
            $(($payload:ty))?
            $({ $($field_number:literal => $field:ident),+ $(,)? })?
    ),+ $(,)? }) => {
        const _: () = assert!(
            $crate::codec::ascending(&[$($number),+]) $($(
                && $crate::codec::ascending(&[$($field_number),+])
            )?)+,
            concat!("the numbers of ", stringify!($name), " must ascend from 1"),
        );

        impl $crate::codec::Encode for $name {
            fn encode(&self, writer: &mut $crate::codec::Writer) {
                match self {
                    $(Self::$variant
                        $(($crate::choice!(@name $payload, payload)))?
                        $({ $($field),+ })?
                    => {
                        writer.u64($number);
                        $(<$payload as $crate::codec::Encode>::encode(payload, writer);)?
                        $($crate::record!(@write writer, $($field_number => $field),+);)?
                    })+
                }
            }
        }

        impl $crate::codec::Decode for $name {
            fn decode(
                reader: &mut $crate::codec::Reader<'_>,
            ) -> Result<Self, $crate::codec::CodecError> {
                reader.nested(|reader| match reader.u64()? {
                    $($number => {
                        $($crate::record!(
                            @read reader,
                            concat!(stringify!($name), "::", stringify!($variant)),
                            $($field_number => $field),+
                        );)?
                        Ok(Self::$variant
                            $((<$payload as $crate::codec::Decode>::decode(reader)?))?
                            $({ $($field),+ })?
                        )
                    })+
                    number => {
                        let choice = stringify!($name);
                        Err($crate::codec::CodecError::UnknownVariant { choice, number })
                    }
                })
            }
        }
    };
    (@name $payload:ty, $name:ident) => { $name };
}

/// Declares that a tuple struct of one visible field is written as that: `newtype!(EnvId(u32))`.
#[macro_export]
macro_rules! newtype {
    ($($name:ident($inner:ty)),+ $(,)?) => {$(
        impl $crate::codec::Encode for $name {
            fn encode(&self, writer: &mut $crate::codec::Writer) {
                <$inner as $crate::codec::Encode>::encode(&self.0, writer);
            }
        }

        impl $crate::codec::Decode for $name {
            fn decode(
                reader: &mut $crate::codec::Reader<'_>,
            ) -> Result<Self, $crate::codec::CodecError> {
                reader.nested(<$inner as $crate::codec::Decode>::decode).map(Self)
            }
        }
    )+};
}

/// Declares that a type with `as_str` and `parse` is written as its text: `text_id!(CustomerId)`.
#[macro_export]
macro_rules! text_id {
    ($($name:ty),+ $(,)?) => {$(
        impl $crate::codec::Encode for $name {
            fn encode(&self, writer: &mut $crate::codec::Writer) {
                writer.bytes(self.as_str().as_bytes());
            }
        }

        impl $crate::codec::Decode for $name {
            fn decode(
                reader: &mut $crate::codec::Reader<'_>,
            ) -> Result<Self, $crate::codec::CodecError> {
                <$name>::parse(reader.text()?).map_err(|_| {
                    $crate::codec::CodecError::Invalid(concat!("a ", stringify!($name)))
                })
            }
        }
    )+};
}
