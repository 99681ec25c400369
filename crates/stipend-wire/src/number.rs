//! Numbers and instants on the wire. No number goes through a float, in either direction.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use stipend_core::{Amount, AmountError, Timestamp};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::error::{ErrorCode, WireError};
use crate::json::Json;
use crate::read::{FromJson, wrong_type};

/// A number in a response: written as a JSON number with all its digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(pub Amount);

impl From<Amount> for Decimal {
    fn from(amount: Amount) -> Self {
        Self(amount)
    }
}

impl From<u32> for Decimal {
    fn from(count: u32) -> Self {
        Self(Amount::whole(i64::from(count)))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Parts of one.
const NANO: i128 = 1_000_000_000;

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let nano = self.0.nano();
        if nano % NANO == 0
            && let Ok(whole) = i64::try_from(nano / NANO)
        {
            return serializer.serialize_i64(whole);
        }
        let text = self.0.to_string();
        RawValue::from_string(text).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

fn number_schema() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Number)
}

impl PartialSchema for Decimal {
    fn schema() -> RefOr<Schema> {
        number_schema().description(Some("An exact decimal number.")).into()
    }
}

impl ToSchema for Decimal {
    fn name() -> std::borrow::Cow<'static, str> {
        "Decimal".into()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Precision {
    Exact,
    Rounded,
}

fn read_amount(json: &Json<'_>, precision: Precision) -> Result<Amount, WireError> {
    let (Json::Number(text) | Json::String(text)) = json else {
        return Err(wrong_type("a number", json));
    };
    let amount = match precision {
        Precision::Exact => Amount::parse_exact(text),
        Precision::Rounded => Amount::parse_rounded(text),
    };
    amount.map_err(|error| {
        let (code, message) = match error {
            AmountError::Malformed => (ErrorCode::InvalidNumber, "is not a decimal number".into()),
            AmountError::TooLong => {
                (ErrorCode::InvalidNumber, "is a number of more than 40 characters".into())
            }
            AmountError::TooManyDecimals => {
                (ErrorCode::TooManyDecimals, "has more than 9 decimal places".into())
            }
            AmountError::TooLarge => {
                (ErrorCode::AmountTooLarge, format!("must be at most {}", Amount::MAX))
            }
        };
        WireError::here(code, message)
    })
}

fn positive(amount: Amount) -> Result<Amount, WireError> {
    if amount.is_positive() {
        return Ok(amount);
    }
    Err(WireError::here(ErrorCode::MustBePositive, "must be above zero"))
}

fn not_negative(amount: Amount) -> Result<Amount, WireError> {
    if amount.is_negative() {
        return Err(WireError::here(ErrorCode::MustNotBeNegative, "must not be below zero"));
    }
    Ok(amount)
}

macro_rules! amount_types {
    ($($(#[$doc:meta])* $name:ident: $precision:ident, $bound:expr, $schema:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Amount);

        impl FromJson for $name {
            fn from_json(json: Json<'_>) -> Result<Self, WireError> {
                read_amount(&json, Precision::$precision).and_then($bound).map(Self)
            }

            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }

        impl From<$name> for Amount {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    )*};
}

amount_types! {
    /// An amount of the catalog, taken exactly; zero or more.
    ExactAmount: Exact, not_negative, number_schema().minimum(Some(0));
    /// An amount to be granted, taken exactly; above zero.
    PositiveAmount: Exact, positive, number_schema().exclusive_minimum(Some(0));
    /// A reported amount: rounded once, half to even, at 9 decimal places; above zero after it.
    ReportedAmount: Rounded, positive, number_schema().exclusive_minimum(Some(0));
    /// A reported amount that may be zero.
    ReportedAmountOrZero: Rounded, not_negative, number_schema().minimum(Some(0));
    /// A reported value of any sign, rounded once, half to even, at 9 decimal places.
    ReportedValue: Rounded, Ok, number_schema();
    /// A number of any sign, taken exactly, such as a place in an order.
    SignedNumber: Exact, Ok, number_schema();
}

fn read_integer(json: &Json<'_>, min: i128, max: i128) -> Result<i128, WireError> {
    let (nano, one) = (read_amount(json, Precision::Exact)?.nano(), Amount::whole(1).nano());
    let (code, message) = match nano / one {
        _ if nano % one != 0 => (ErrorCode::InvalidNumber, "must be a whole number".to_owned()),
        number if (min..=max).contains(&number) => return Ok(number),
        ..=0 if min == 1 => (ErrorCode::MustBePositive, "must be at least 1".to_owned()),
        _ => (ErrorCode::InvalidValue, format!("must be from {min} to {max}")),
    };
    Err(WireError::here(code, message))
}

/// The longest that a reservation may last from now, in seconds: a day.
pub const RESERVATION_SECONDS_MAX: u32 = 86_400;

/// How long a reservation lasts where its caller does not say, in seconds: an hour.
pub const RESERVATION_SECONDS_DEFAULT: u32 = 3_600;

/// The longest that a token of a customer's credits is good, in seconds: a day.
pub const TOKEN_SECONDS_MAX: u32 = 86_400;

/// How long it is good where its maker does not say, in seconds: a quarter of an hour.
pub const TOKEN_SECONDS_DEFAULT: u32 = 900;

/// The greatest count of anything.
const COUNT_MAX: u32 = 999_999;

macro_rules! integers {
    ($($(#[$doc:meta])* $name:ident($inner:ty): $min:literal to $max:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl FromJson for $name {
            fn from_json(json: Json<'_>) -> Result<Self, WireError> {
                let number = read_integer(&json, $min, i128::from($max))?;
                let bounded = <$inner>::try_from(number).expect("it lies within the bounds");
                Ok(Self(bounded))
            }

            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::Integer)
                    .minimum(Some($min))
                    .maximum(Some($max))
                    .into()
            }
        }
    )*};
}

integers! {
    /// A count: a whole number from 1 to 999 999.
    Count(u32): 1 to COUNT_MAX;
    /// A count that may be zero: a whole number from 0 to 999 999.
    CountOrZero(u32): 0 to COUNT_MAX;
    /// How long a reservation lasts: 1 to 86 400 seconds, which is a day.
    ReservationSeconds(u32): 1 to RESERVATION_SECONDS_MAX;
    /// How long a token is good: 1 to 86 400 seconds, which is a day.
    TokenSeconds(u32): 1 to TOKEN_SECONDS_MAX;
    /// A grant's priority: a whole number from 0 to 100, lower drawn first.
    Priority(u8): 0 to 100_u8;
}

/// Reads an RFC 3339 date-time, and nothing that merely resembles one.
pub(crate) fn parse_instant(text: &str) -> Option<Timestamp> {
    let is_plain = |byte: u8| byte.is_ascii_digit() || b"TtZz+-:.".contains(&byte);
    if text.bytes().all(is_plain) { Timestamp::parse(text).ok() } else { None }
}

impl FromJson for Timestamp {
    fn from_json(json: Json<'_>) -> Result<Self, WireError> {
        let instant = match &json {
            Json::String(text) => parse_instant(text),
            Json::Null => return Err(wrong_type("a date-time", &json)),
            _ => None,
        };
        instant.ok_or_else(|| {
            let message = "must be an RFC 3339 date-time with an offset, between 1970 and 9999, \
                           such as 2026-01-31T09:30:00Z";
            WireError::here(ErrorCode::InvalidTimestamp, message)
        })
    }

    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .into()
    }
}
