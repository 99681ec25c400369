//! Strict reading of query strings.
//!
//! A parameter may stand once, apart from lists, which take both forms that clients use:
//! `status=DRAFT,PUBLISHED` and `status=DRAFT&status=PUBLISHED`.

use std::borrow::Cow;
use stipend_core::{Amount, Timestamp};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn, ParameterStyle};
use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Required, Schema};

use crate::charge::PricingType;
use crate::currency::CurrencyStatus;
use crate::error::{ErrorCode, WireError};
use crate::feature::{FeatureStatus, FeatureType, MeterType};
use crate::number::parse_instant;
use crate::package::PackageStatus;
use crate::product::ProductStatus;
use crate::read::WireEnum;
use crate::schema::enumeration;
use crate::subscription::SubscriptionStatus;

/// How many parameters one query may have.
pub const PARAMETERS_MAX: usize = 100;
/// The items on a page where `limit` is not given.
pub const LIMIT_DEFAULT: u32 = 20;
/// The instants of a subscription's future that are listed where `count` is not given.
pub const UPCOMING_COUNT_DEFAULT: u32 = 12;
/// The most items on a page, and the most instants of a subscription's future.
pub const LIMIT_MAX: u32 = 100;
/// The longest value of one parameter, in characters.
pub const VALUE_LENGTH_MAX: usize = 2_000;

/// Reads a query string (without its `?`) as exactly what `T` takes.
///
/// # Errors
/// All of them have status 400: `unknown_parameter`, `duplicate_parameter`,
/// `missing_parameter`, `invalid_limit`, `invalid_parameter`.
pub fn parse_query<T: FromQuery>(query: &str) -> Result<T, WireError> {
    let parameters = Parameters::parse(query)?;
    parameters.check_known::<T>()?;
    T::from_query(&parameters)
}

/// The decoded parameters of one query.
pub struct Parameters<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

fn refuse(code: ErrorCode, name: &str, message: &str) -> WireError {
    WireError::new(code, format!("the query parameter `{name}` {message}")).with_param(name)
}

impl<'a> Parameters<'a> {
    fn parse(query: &'a str) -> Result<Self, WireError> {
        let mut pairs = Vec::new();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            if pairs.len() == PARAMETERS_MAX {
                let message = format!("the query has more than {PARAMETERS_MAX} parameters");
                return Err(WireError::new(ErrorCode::InvalidParameter, message));
            }
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let decoded = decode(name).zip(decode(value));
            let Some((name, value)) = decoded else {
                let message = "the query has a percent-encoding that is not UTF-8 text";
                return Err(WireError::new(ErrorCode::InvalidParameter, message));
            };
            if name.bytes().chain(value.bytes()).any(|byte| byte.is_ascii_control()) {
                let message = "the query has a control character";
                return Err(WireError::new(ErrorCode::InvalidParameter, message));
            }
            if value.len() > VALUE_LENGTH_MAX && value.chars().count() > VALUE_LENGTH_MAX {
                return Err(refuse(ErrorCode::InvalidParameter, &name, "is too long"));
            }
            pairs.push((name, value));
        }
        Ok(Self { pairs })
    }

    fn check_known<T: FromQuery>(&self) -> Result<(), WireError> {
        match self.pairs.iter().find(|(name, _)| !T::takes(name)) {
            None => Ok(()),
            Some((name, _)) => {
                let known = T::names();
                let list = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let message = format!("is not one of this operation's: {list}");
                Err(refuse(ErrorCode::UnknownParameter, name, &message))
            }
        }
    }

    /// The value of a parameter that may stand once; a blank one counts as not given.
    fn single(&self, name: &str) -> Result<Option<&str>, WireError> {
        let mut values = self.pairs.iter().filter(|(key, _)| key == name);
        let first = values.next();
        if values.next().is_some() {
            return Err(refuse(ErrorCode::DuplicateParameter, name, "is given twice"));
        }
        Ok(first.map(|(_, value)| value.as_ref()).filter(|value| !value.is_empty()))
    }

    /// A whole number from 1 to [`LIMIT_MAX`]; a blank one is none.
    fn bounded(&self, name: &str, default: u32, refusal: ErrorCode) -> Result<u32, WireError> {
        let is_there = self.pairs.iter().any(|(key, _)| key == name);
        match self.single(name)?.map(u32::from_text) {
            None if !is_there => Ok(default),
            Some(Some(number @ 1..=LIMIT_MAX)) => Ok(number),
            _ => {
                let message = format!("must be a whole number from 1 to {LIMIT_MAX}");
                Err(refuse(refusal, name, &message))
            }
        }
    }

    /// All values of a list parameter, in both of its forms.
    fn list(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.pairs.iter().filter(move |(key, _)| key == name);
        values.flat_map(|(_, value)| value.split(',')).filter(|item| !item.is_empty())
    }
}

/// Undoes percent-encoding, once; `+` is a blank. Most texts are as they were sent.
fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.bytes().any(|byte| matches!(byte, b'+' | b'%')) {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// The whole query of one operation.
pub trait FromQuery: Sized {
    /// Every parameter name, for messages.
    fn names() -> Vec<String>;

    /// Whether that is the name of a parameter. It is asked of every request, so it makes no texts.
    fn takes(parameter: &str) -> bool;

    /// Takes the parameters.
    ///
    /// # Errors
    /// The first fault.
    fn from_query(parameters: &Parameters<'_>) -> Result<Self, WireError>;
}

/// One parameter of a query.
pub trait FromParameter: Sized {
    /// The names it takes, for the field of that name.
    fn names(name: &str) -> Vec<String> {
        vec![name.to_owned()]
    }

    /// Whether `parameter` is one of [`FromParameter::names`].
    fn takes(name: &str, parameter: &str) -> bool {
        name == parameter
    }

    /// Takes its value.
    ///
    /// # Errors
    /// Where it is malformed, given twice, or missing and required.
    fn from_parameters(parameters: &Parameters<'_>, name: &str) -> Result<Self, WireError>;

    /// Its schema.
    fn schema() -> RefOr<Schema>;

    /// Whether it must be given.
    fn is_required() -> bool {
        false
    }
}

/// A value that a single query parameter can carry.
pub trait FromText: Sized {
    /// What is due, for messages.
    const EXPECTED: &'static str;

    /// Reads it, `None` where it is something else.
    fn from_text(text: &str) -> Option<Self>;

    /// Its schema.
    fn text_schema() -> RefOr<Schema>;
}

fn read_text<T: FromText>(name: &str, text: &str) -> Result<T, WireError> {
    T::from_text(text).ok_or_else(|| {
        refuse(ErrorCode::InvalidParameter, name, &format!("must be {}", T::EXPECTED))
    })
}

impl FromText for String {
    const EXPECTED: &'static str = "a text";

    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }

    fn text_schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).into()
    }
}

impl FromText for Timestamp {
    const EXPECTED: &'static str = "an RFC 3339 date-time with an offset, between 1970 and 9999";

    fn from_text(text: &str) -> Option<Self> {
        // A plus sign that was not percent-encoded arrives as a blank.
        parse_instant(&text.replace(' ', "+"))
    }

    fn text_schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .into()
    }
}

/// A number, zero or more; rounded once, half to even, as a reported amount is, so that a check of
/// a figure and its consumption mean the same.
impl FromText for Amount {
    const EXPECTED: &'static str = "a number of at most 40 characters, zero or more";

    fn from_text(text: &str) -> Option<Self> {
        Self::parse_rounded(text).ok().filter(|amount| !amount.is_negative())
    }

    fn text_schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Number).minimum(Some(0)).into()
    }
}

impl FromText for bool {
    const EXPECTED: &'static str = "`true` or `false`";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn text_schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Boolean).into()
    }
}

impl FromText for u32 {
    const EXPECTED: &'static str = "a whole number, zero or more";

    fn from_text(text: &str) -> Option<Self> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        if is_plain { text.parse().ok() } else { None }
    }

    fn text_schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).into()
    }
}

impl<T: FromText> FromParameter for Option<T> {
    fn from_parameters(parameters: &Parameters<'_>, name: &str) -> Result<Self, WireError> {
        parameters.single(name)?.map(|text| read_text(name, text)).transpose()
    }

    fn schema() -> RefOr<Schema> {
        T::text_schema()
    }
}

/// A parameter that must be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed<T>(pub T);

impl<T: FromText> FromParameter for Needed<T> {
    fn from_parameters(parameters: &Parameters<'_>, name: &str) -> Result<Self, WireError> {
        match parameters.single(name)? {
            Some(text) => read_text(name, text).map(Self),
            None => Err(refuse(ErrorCode::MissingParameter, name, "is missing, and required")),
        }
    }

    fn schema() -> RefOr<Schema> {
        T::text_schema()
    }

    fn is_required() -> bool {
        true
    }
}

/// A list of fixed spellings; empty where it is not given.
impl<T: WireEnum> FromParameter for Vec<T> {
    fn from_parameters(parameters: &Parameters<'_>, name: &str) -> Result<Self, WireError> {
        let mut values = Vec::new();
        for text in parameters.list(name) {
            let message = || format!("must be a list of {}", T::TEXTS.join(", "));
            values.push(
                T::find(text)
                    .ok_or_else(|| refuse(ErrorCode::InvalidParameter, name, &message()))?,
            );
        }
        Ok(values)
    }

    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new().items(enumeration(T::TEXTS, "One of the values.")).into()
    }
}

/// A list of free texts; `None` where it is not given, and a blank one counts as not given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts(pub Option<Vec<String>>);

impl FromParameter for Texts {
    fn from_parameters(parameters: &Parameters<'_>, name: &str) -> Result<Self, WireError> {
        let texts: Vec<String> = parameters.list(name).map(str::to_owned).collect();
        Ok(Self((!texts.is_empty()).then_some(texts)))
    }

    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new().items(String::text_schema()).into()
    }
}

/// How many items a page has: 1 to [`LIMIT_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub u32);

/// How many instants of a subscription's future are listed: 1 to [`LIMIT_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpcomingCount(pub u32);

macro_rules! bounded {
    ($($name:ident: $default:ident, $refusal:ident;)*) => {$(
        impl FromParameter for $name {
            fn from_parameters(parameters: &Parameters<'_>, name: &str) -> Result<Self, WireError> {
                parameters.bounded(name, $default, ErrorCode::$refusal).map(Self)
            }

            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::Integer)
                    .minimum(Some(1))
                    .maximum(Some(LIMIT_MAX))
                    .default(Some($default.into()))
                    .into()
            }
        }
    )*};
}

bounded! {
    Limit: LIMIT_DEFAULT, InvalidLimit;
    UpcomingCount: UPCOMING_COUNT_DEFAULT, InvalidParameter;
}

/// A range of instants: `createdAt[gt]`, `[gte]`, `[lt]`, `[lte]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InstantRange {
    /// Later than.
    pub gt: Option<Timestamp>,
    /// At or later than.
    pub gte: Option<Timestamp>,
    /// Earlier than.
    pub lt: Option<Timestamp>,
    /// At or earlier than.
    pub lte: Option<Timestamp>,
}

impl InstantRange {
    const BOUNDS: [&str; 4] = ["gt", "gte", "lt", "lte"];

    /// Whether the instant lies in it.
    #[must_use]
    pub fn contains(&self, instant: Timestamp) -> bool {
        self.gt.is_none_or(|bound| instant > bound)
            && self.gte.is_none_or(|bound| instant >= bound)
            && self.lt.is_none_or(|bound| instant < bound)
            && self.lte.is_none_or(|bound| instant <= bound)
    }
}

impl FromParameter for InstantRange {
    fn names(name: &str) -> Vec<String> {
        Self::BOUNDS.iter().map(|bound| format!("{name}[{bound}]")).collect()
    }

    fn takes(name: &str, parameter: &str) -> bool {
        let bound = parameter.strip_prefix(name).and_then(|rest| rest.strip_prefix('['));
        bound
            .and_then(|rest| rest.strip_suffix(']'))
            .is_some_and(|bound| Self::BOUNDS.contains(&bound))
    }

    fn from_parameters(parameters: &Parameters<'_>, name: &str) -> Result<Self, WireError> {
        let bound = |bound: &str| Option::from_parameters(parameters, &format!("{name}[{bound}]"));
        Ok(Self { gt: bound("gt")?, gte: bound("gte")?, lt: bound("lt")?, lte: bound("lte")? })
    }

    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new().schema_type(Type::Object);
        let with = |object: ObjectBuilder, bound| object.property(bound, Timestamp::text_schema());
        Self::BOUNDS.into_iter().fold(object, with).into()
    }
}

fn parameter(name: &str, text: &str, schema: RefOr<Schema>, is_required: bool) -> Parameter {
    let builder = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(if is_required { Required::True } else { Required::False })
        .description(Some(text));
    let builder = match &schema {
        RefOr::T(Schema::Array(_)) => {
            builder.style(Some(ParameterStyle::Form)).explode(Some(false))
        }
        RefOr::T(Schema::Object(object)) if !object.properties.is_empty() => {
            builder.style(Some(ParameterStyle::DeepObject)).explode(Some(true))
        }
        _ => builder,
    };
    builder.schema(Some(schema)).build()
}

macro_rules! query {
    ($(
        $(#[doc = $doc:literal])*
        pub struct $name:ident {
            $($(#[doc = $field_doc:literal])* pub $field:ident: $type:ty,)*
        }
    )*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[doc = $field_doc])* pub $field: $type,)*
        }

        impl FromQuery for $name {
            fn names() -> Vec<String> {
                let names: &[Vec<String>] = &[$(<$type>::names(wire_name!($field))),*];
                names.concat()
            }

            fn takes(parameter: &str) -> bool {
                $(<$type>::takes(wire_name!($field), parameter))||*
            }

            fn from_query(parameters: &Parameters<'_>) -> Result<Self, WireError> {
                Ok(Self {
                    $($field: FromParameter::from_parameters(parameters, wire_name!($field))?,)*
                })
            }
        }

        impl utoipa::IntoParams for $name {
            fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                vec![$(parameter(
                    wire_name!($field),
                    concat!($($field_doc, "\n"),*).trim(),
                    <$type as FromParameter>::schema(),
                    <$type as FromParameter>::is_required(),
                )),*]
            }
        }
    )*};
}

/// The query of an operation that takes none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoQuery;

impl FromQuery for NoQuery {
    fn names() -> Vec<String> {
        Vec::new()
    }

    fn takes(_: &str) -> bool {
        false
    }

    fn from_query(_: &Parameters<'_>) -> Result<Self, WireError> {
        Ok(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_takes_the_names_that_it_lists_and_no_others() {
        fn check<T: FromQuery>(others: &[&str]) {
            let names = T::names();
            assert!(names.iter().all(|name| T::takes(name)), "{names:?}");
            assert!(!others.iter().any(|other| T::takes(other)), "{others:?}");
        }
        check::<NoQuery>(&["", "limit"]);
        check::<CheckQuery>(&["", "currencyid", "currencyId ", "currency"]);
        check::<GrantsQuery>(&["createdAt", "createdAt[]", "createdAt[gt", "createdAt[eq]"]);
    }
}

mod billing;
mod lists;
mod reserve;
mod usage;

pub use billing::*;
pub use lists::*;
pub use reserve::*;
pub use usage::*;
