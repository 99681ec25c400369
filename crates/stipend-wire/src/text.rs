//! Strings on the wire: ids, names, free texts, metadata.

use std::borrow::Cow;
use std::collections::BTreeMap;

use stipend_core::id::ID_LENGTH_MAX;
use stipend_core::{
    CurrencyId, CustomerId, FeatureId, PackageId, ProductId, ResourceId, SubscriptionId,
};
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

use crate::error::{ErrorCode, WireError};
use crate::json::Json;
use crate::read::{FromJson, read_map, wrong_type};
use crate::schema::string;

/// How many metadata keys an object may have.
pub const METADATA_KEYS_MAX: usize = 50;
/// The longest metadata key, in characters.
pub const METADATA_KEY_LENGTH_MAX: usize = 40;
/// The longest metadata value, in characters.
pub const METADATA_VALUE_LENGTH_MAX: usize = 500;

/// What a kind of string allows.
struct Rule {
    length_max: usize,
    may_be_blank: bool,
    may_have_lines: bool,
}

/// The text in the composed form (NFC), in which a name has one spelling however it was typed.
///
/// Ids, keys and metadata are not taken through here: they belong to machines, which compare bytes.
#[must_use]
pub fn composed(text: &str) -> Cow<'_, str> {
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => Cow::Borrowed(text),
        IsNormalized::No | IsNormalized::Maybe => Cow::Owned(text.nfc().collect()),
    }
}

fn read_text(json: Json<'_>, rule: &Rule) -> Result<String, WireError> {
    check_text(read_string(json)?, rule)
}

/// As [`read_text`], composed before its length is looked at.
fn read_name(json: Json<'_>, rule: &Rule) -> Result<String, WireError> {
    let text = read_string(json)?;
    check_text(composed(&text), rule)
}

fn read_string(json: Json<'_>) -> Result<Cow<'_, str>, WireError> {
    match json {
        Json::String(text) => Ok(text),
        other => Err(wrong_type("a string", &other)),
    }
}

fn check_text(text: Cow<'_, str>, rule: &Rule) -> Result<String, WireError> {
    let refuse = |message: &str| Err(WireError::here(ErrorCode::InvalidString, message));
    if !rule.may_be_blank && text.trim().is_empty() {
        return refuse("must not be blank");
    }
    if !rule.may_have_lines && text.contains(['\t', '\n', '\r']) {
        return refuse("must be one line, without tabs");
    }
    if text.chars().count() > rule.length_max {
        let message = format!("has more than {} characters", rule.length_max);
        return Err(WireError::here(ErrorCode::TooLong, message));
    }
    Ok(text.into_owned())
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident($length:literal, $blank:literal, $lines:literal) by $read:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub String);

        impl FromJson for $name {
            fn from_json(json: Json<'_>) -> Result<Self, WireError> {
                let rule =
                    Rule { length_max: $length, may_be_blank: $blank, may_have_lines: $lines };
                $read(json, &rule).map(Self)
            }

            fn schema() -> RefOr<Schema> {
                let length_min = if $blank { None } else { Some(1) };
                string($length).min_length(length_min).into()
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }
    )*};
}

texts! {
    /// A name for humans: one line of 1 to 255 characters, not blank; kept in the composed form.
    Name(255, false, false) by read_name;
    /// What machines compare, byte by byte: an idempotency key, the name of an event or of one of
    /// its fields; 1 to 255 characters, not blank.
    Key(255, false, false) by read_text;
    /// One line of up to 500 characters, which may be empty.
    Line(500, true, false) by read_text;
    /// Why somebody did something: one line of up to 200 characters, which may be empty.
    Reason(200, true, false) by read_text;
    /// Free text of up to 5000 characters, with line breaks and tabs.
    FreeText(5000, true, true) by read_text;
}

/// An e-mail address, checked only for what every address has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(pub String);

impl FromJson for Email {
    fn from_json(json: Json<'_>) -> Result<Self, WireError> {
        let text =
            read_text(json, &Rule { length_max: 254, may_be_blank: false, may_have_lines: false })?;
        let is_address = match text.split_once('@') {
            Some((local, domain)) => {
                !local.is_empty() && !domain.is_empty() && !domain.contains('@')
            }
            None => false,
        };
        if is_address && !text.contains(char::is_whitespace) {
            return Ok(Self(text));
        }
        Err(WireError::here(ErrorCode::InvalidValue, "must be an e-mail address"))
    }

    fn schema() -> RefOr<Schema> {
        string(254).into()
    }
}

macro_rules! ids {
    ($($name:ident)*) => {$(
        impl FromJson for $name {
            fn from_json(json: Json<'_>) -> Result<Self, WireError> {
                match json {
                    Json::String(text) => $name::parse(&text).map_err(|error| {
                        WireError::here(ErrorCode::InvalidId, format!("is not an id; {error}"))
                    }),
                    other => Err(wrong_type("a string", &other)),
                }
            }

            fn schema() -> RefOr<Schema> {
                string(ID_LENGTH_MAX).min_length(Some(1)).into()
            }
        }
    )*};
}

ids! { CurrencyId CustomerId FeatureId PackageId ProductId ResourceId SubscriptionId }

/// Texts of the caller's own: up to 50 keys of 40 characters, values of 500.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata(pub BTreeMap<String, String>);

impl FromJson for Metadata {
    fn from_json(json: Json<'_>) -> Result<Self, WireError> {
        const RULE: Rule = Rule {
            length_max: METADATA_VALUE_LENGTH_MAX,
            may_be_blank: true,
            may_have_lines: true,
        };
        read_map(json, METADATA_KEYS_MAX, METADATA_KEY_LENGTH_MAX, |value| read_text(value, &RULE))
            .map(Self)
    }

    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .additional_properties(Some(string(METADATA_VALUE_LENGTH_MAX)))
            .into()
    }
}
