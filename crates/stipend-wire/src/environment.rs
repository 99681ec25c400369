//! Environments, and the clocks that tests set in them. Both are additions of this server.

use std::fmt;

use serde::Serialize;
use stipend_core::Timestamp;
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::error::{ErrorCode, WireError};
use crate::json::Json;
use crate::read::{Field, FromJson, wrong_type};
use crate::schema::string;

wire_enum! {
    /// What an environment is for.
    pub enum EnvironmentType {
        /// Real customers; its clock cannot be set.
        Production = "PRODUCTION",
        /// Trying things out.
        Sandbox = "SANDBOX",
    }

    /// What monthly and yearly periods are counted from.
    pub enum PeriodAlignment {
        /// The start of each subscription.
        SubscriptionStart = "SUBSCRIPTION_START",
        /// The first day of the month.
        StartOfMonth = "START_OF_MONTH",
    }

    /// What a period that is cut short grants.
    pub enum CreditProration {
        /// All of its credits.
        None = "NONE",
        /// The share of its credits that fits its length.
        Prorate = "PRORATE",
    }
}

impl EnvironmentType {
    /// What an environment is for where its creation does not say.
    pub const DEFAULT: Self = Self::Sandbox;
}

impl PeriodAlignment {
    /// How periods are aligned where the creation of the environment does not say.
    pub const DEFAULT: Self = Self::SubscriptionStart;
}

impl CreditProration {
    /// What holds where the creation of the environment does not say.
    pub const DEFAULT: Self = Self::None;
}

/// The name of an environment: lower-case letters, digits and hyphens, no hyphen first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvironmentName(pub String);

impl EnvironmentName {
    /// The longest name, in characters.
    pub const LENGTH_MAX: usize = 64;
}

impl FromJson for EnvironmentName {
    fn from_json(json: Json<'_>) -> Result<Self, WireError> {
        let Json::String(text) = json else { return Err(wrong_type("a string", &json)) };
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let begins_well = text.bytes().next().is_some_and(is_plain);
        if !begins_well || !text.bytes().all(|byte| is_plain(byte) || byte == b'-') {
            let message = "must be lower-case letters, digits and hyphens, without a hyphen first";
            return Err(WireError::here(ErrorCode::InvalidValue, message));
        }
        if text.len() > Self::LENGTH_MAX {
            let message = format!("has more than {} characters", Self::LENGTH_MAX);
            return Err(WireError::here(ErrorCode::TooLong, message));
        }
        Ok(Self(text.into_owned()))
    }

    fn schema() -> RefOr<Schema> {
        string(Self::LENGTH_MAX).min_length(Some(1)).pattern(Some("^[a-z0-9][a-z0-9-]*$")).into()
    }
}

/// A text that could name a time zone, such as `Europe/Berlin`; whether one has this name is for
/// the holder of the time zone database to say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeZoneName(pub String);

impl TimeZoneName {
    /// The longest name, in characters.
    pub const LENGTH_MAX: usize = 64;
}

impl FromJson for TimeZoneName {
    fn from_json(json: Json<'_>) -> Result<Self, WireError> {
        let Json::String(text) = json else { return Err(wrong_type("a string", &json)) };
        let is_due = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte);
        let begins_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
        if begins_well && text.len() <= Self::LENGTH_MAX && text.bytes().all(is_due) {
            return Ok(Self(text.into_owned()));
        }
        let message = "must be a time zone of the IANA database, such as `Europe/Berlin`";
        Err(WireError::here(ErrorCode::UnknownTimeZone, message))
    }

    fn schema() -> RefOr<Schema> {
        string(Self::LENGTH_MAX).min_length(Some(1)).into()
    }
}

request! {
    /// A new environment.
    pub struct CreateEnvironment {
        /// The name, chosen by you.
        pub name: EnvironmentName,
        /// What it is for; `SANDBOX` where this is not given.
        pub r#type: Option<EnvironmentType>,
        /// The time zone that periods are counted in, by its IANA name; `null` for UTC.
        pub time_zone: Field<TimeZoneName>,
        /// What periods are counted from; `SUBSCRIPTION_START` where this is not given.
        pub period_alignment: Option<PeriodAlignment>,
        /// What a period that is cut short grants; `NONE` where this is not given.
        pub credit_proration: Option<CreditProration>,
    }

    /// A change of an environment; what is left out stays as it is.
    pub struct UpdateEnvironment {
        /// What periods are counted from.
        pub period_alignment: Option<PeriodAlignment>,
        /// What a period that is cut short grants.
        pub credit_proration: Option<CreditProration>,
        /// The time zone that periods are counted in, by its IANA name; `null` for UTC.
        pub time_zone: Field<TimeZoneName>,
    }

    /// The instant that a test clock is to show.
    pub struct SetTestClock {
        /// The instant; not before the one it shows.
        pub now: Timestamp,
    }
}

/// An API key in full, which is shown once and never printed.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ApiKey(pub String);

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey(…)")
    }
}

response! {
    /// An environment: everything lives in exactly one, and nothing refers across.
    #[derive(PartialEq, Eq)]
    pub struct Environment {
        /// The id.
        pub id: String,
        /// The name.
        pub name: String,
        /// What it is for.
        pub r#type: EnvironmentType,
        /// The time zone that periods are counted in; `null` for UTC.
        pub time_zone: Option<String>,
        /// What periods are counted from.
        pub period_alignment: PeriodAlignment,
        /// What a period that is cut short grants.
        pub credit_proration: CreditProration,
        /// When it was made.
        pub created_at: String,
    }
    optional {
        /// Its first API key; only in the answer to its creation.
        pub api_key: ApiKey,
    }

    /// The clock of an environment.
    #[derive(PartialEq, Eq)]
    pub struct TestClock {
        /// The instant that it shows.
        pub now: String,
        /// Whether it was set and stands still; else it is the server's.
        pub frozen: bool,
    }
}
