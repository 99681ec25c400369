//! Consumption of credits, at once or queued.

use std::collections::BTreeMap;

use stipend_core::{Amount, CurrencyId, CustomerId, ResourceId, Timestamp};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};

use crate::error::{ErrorCode, WireError};
use crate::json::Json;
use crate::number::{Decimal, ReportedAmount, ReportedValue};
use crate::opaque::Opaque;
use crate::read::{Batch, FromJson, read_map, wrong_type};
use crate::text::Key;

/// What a use of credits was for, as the caller sees it: texts, numbers and booleans by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dimensions(pub BTreeMap<String, DimensionValue>);

/// The value of one dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DimensionValue {
    /// A text.
    Text(String),
    /// A number, rounded once, half to even, at 9 decimal places.
    Number(Amount),
    /// `true` or `false`.
    Bool(bool),
}

impl Dimensions {
    /// How many there may be.
    pub const KEYS_MAX: usize = 100;
    /// The longest name, in characters.
    pub const KEY_LENGTH_MAX: usize = 255;
    /// The longest text value, in characters.
    pub const VALUE_LENGTH_MAX: usize = 1_000;

    /// The canonical JSON text.
    #[must_use]
    pub fn to_json(&self) -> Opaque {
        let fields = self.0.iter().map(|(key, value)| {
            let value = match value {
                DimensionValue::Text(text) => Json::String(text.into()),
                DimensionValue::Number(number) => Json::Number(number.to_string().into()),
                DimensionValue::Bool(value) => Json::Bool(*value),
            };
            (key.into(), value)
        });
        Opaque::of(&Json::Object(fields.collect()))
    }
}

fn read_dimension(json: Json<'_>) -> Result<DimensionValue, WireError> {
    match json {
        Json::String(text) if text.chars().count() > Dimensions::VALUE_LENGTH_MAX => {
            let message = format!("has more than {} characters", Dimensions::VALUE_LENGTH_MAX);
            Err(WireError::here(ErrorCode::TooLong, message))
        }
        Json::String(text) => Ok(DimensionValue::Text(text.into_owned())),
        // Meters count it and formulas price it, so it is read as every reported value is.
        number @ Json::Number(_) => {
            ReportedValue::from_json(number).map(|value| DimensionValue::Number(value.0))
        }
        Json::Bool(value) => Ok(DimensionValue::Bool(value)),
        other => Err(wrong_type("a string, a number or a boolean", &other)),
    }
}

impl FromJson for Dimensions {
    fn from_json(json: Json<'_>) -> Result<Self, WireError> {
        read_map(json, Self::KEYS_MAX, Self::KEY_LENGTH_MAX, read_dimension).map(Self)
    }

    fn schema() -> RefOr<Schema> {
        let one = |kind: Type| ObjectBuilder::new().schema_type(kind);
        let value: Schema = OneOfBuilder::new()
            .item(one(Type::String))
            .item(one(Type::Number))
            .item(one(Type::Boolean))
            .into();
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .additional_properties(Some(RefOr::T(value)))
            .into()
    }
}

request! {
    /// Credits that were used.
    pub struct Consume {
        /// How many; above zero after one rounding to 9 decimal places.
        pub amount: ReportedAmount,
        /// The credit type.
        pub currency_id: CurrencyId,
        /// The customer.
        pub customer_id: CustomerId,
        /// Your name for this use; the same one again has no second effect.
        pub idempotency_key: Key,
        /// When it happened; now where this is not given.
        pub created_at: Option<Timestamp>,
        /// What it was for.
        pub dimensions: Option<Dimensions>,
        /// The resource that used them; the customer as a whole where this is not given.
        pub resource_id: Option<ResourceId>,
        /// Whether to refuse the whole use, with 402, where the balance does not cover it
        /// (an addition of this server).
        pub strict: Option<bool>,
    }

    /// Up to 1000 uses of credits.
    pub struct ConsumeBatch {
        /// The uses.
        pub consumptions: Batch<Consume>,
    }
}

response! {
    /// A use of credits that was recorded.
    pub struct Consumed {
        /// How many were used.
        pub amount: Decimal,
        /// The credit type.
        pub currency_id: String,
        /// The customer.
        pub customer_id: String,
        /// When it happened.
        pub timestamp: String,
    }
    optional {
        /// The balance after it.
        pub credit: CreditBalance,
        /// The record of how it was decided (an addition of this server).
        pub decision_id: String,
        /// The resource that used them.
        pub resource_id: String,
    }

    /// The balance of a pool; `usageLimit − currentUsage` is what is left.
    pub struct CreditBalance {
        /// The credit type.
        pub currency_id: String,
        /// All that is used, overdraft and open reservations included.
        pub current_usage: Decimal,
        /// The version of these figures: the later one is the truer one.
        pub timestamp: String,
        /// All that is granted.
        pub usage_limit: Decimal,
    }
    optional {
        /// When recurring credits are granted again.
        pub usage_period_end: String,
    }

    /// That a batch was taken.
    pub struct ConsumeAccepted {
        /// How many of its uses were applied, repeated ones included.
        pub accepted: usize,
    }
    optional {
        /// The records of how they were decided, in their order (an addition of this server).
        pub decision_ids: Vec<String>,
        /// The uses that were refused, where the caller asked for the good ones to be applied.
        pub errors: Vec<crate::error::ItemError>,
    }
}
