//! Values that are kept and echoed but not acted on.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use stipend_core::Amount;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::error::WireError;
use crate::json::Json;
use crate::read::{Component, FromJson, wrong_type};

/// A JSON value as canonical text: keys sorted, no spaces, numbers without an exponent.
///
/// Two spellings of one value have one text, so it can stand in the fingerprint of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opaque(String);

impl Opaque {
    /// The canonical text of a parsed value.
    #[must_use]
    pub fn of(json: &Json<'_>) -> Self {
        let mut text = String::new();
        write(json, &mut text);
        Self(text)
    }

    /// Takes a text that was made by [`Opaque::as_str`] and stored.
    #[must_use]
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The canonical text.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

fn write(json: &Json<'_>, out: &mut String) {
    match json {
        Json::Null => out.push_str("null"),
        Json::Bool(true) => out.push_str("true"),
        Json::Bool(false) => out.push_str("false"),
        Json::Number(text) => match Amount::parse_exact(text) {
            Ok(amount) => out.push_str(&amount.to_string()),
            Err(_) => out.push_str(text),
        },
        Json::String(text) => write_string(text, out),
        Json::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Json::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by(|left, right| left.0.cmp(&right.0));
            out.push('{');
            for (index, (key, value)) in fields.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
    }
}

fn write_string(text: &str, out: &mut String) {
    out.push_str(&serde_json::to_string(text).expect("a string is always JSON"));
}

impl Serialize for Opaque {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.clone())
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}

impl PartialSchema for Opaque {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().description(Some("Kept and echoed as it was given.")).into()
    }
}

impl ToSchema for Opaque {
    fn name() -> std::borrow::Cow<'static, str> {
        "Opaque".into()
    }
}

macro_rules! opaque_kinds {
    ($($(#[$doc:meta])* $name:ident, $kind:ident, $expected:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(pub Opaque);

        impl FromJson for $name {
            fn from_json(json: Json<'_>) -> Result<Self, WireError> {
                match &json {
                    Json::$kind(_) => Ok(Self(Opaque::of(&json))),
                    other => Err(wrong_type($expected, other)),
                }
            }

            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new().schema_type(Type::$kind).into()
            }
        }
    )*};
}

opaque_kinds! {
    /// An object that is kept whole.
    OpaqueObject, Object, "an object";
    /// A list that is kept whole.
    OpaqueList, Array, "an array";
}

/// A value that is read as a `T`, so that it is sound, and kept as text, to be echoed.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked<T> {
    /// The canonical text of the value.
    pub text: Opaque,
    /// The value.
    pub value: T,
}

impl<T: FromJson> FromJson for Checked<T> {
    fn from_json(json: Json<'_>) -> Result<Self, WireError> {
        let text = Opaque::of(&json);
        T::from_json(json).map(|value| Self { text, value })
    }

    fn schema() -> RefOr<Schema> {
        T::schema()
    }

    fn components(out: &mut Vec<Component>) {
        T::components(out);
    }
}
