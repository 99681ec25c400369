//! Queries over usage, and the dimensions that they group by.

use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use super::{
    FromParameter, FromQuery, FromText, InstantRange, Limit, Needed, Parameter, ParameterIn,
    Parameters, Timestamp, WireError, parameter, refuse,
};
use crate::credit_usage::TimeRange;
use crate::error::ErrorCode;
use crate::promotional::PromotionalStatus;
use crate::read::WireEnum;
use crate::schema::enumeration;

/// How many dimensions a report may be grouped by.
pub const GROUP_BY_MAX: usize = 3;

/// The name that groups by feature instead of a dimension.
const BY_FEATURE: &str = "featureId";

query! {
    /// The history of a feature's usage.
    pub struct UsageHistoryQuery {
        /// Where it begins.
        pub start_date: Needed<Timestamp>,
        /// Where it ends; now where this is not given.
        pub end_date: Option<Timestamp>,
        /// One series for each combination of these dimensions, at most 3.
        pub group_by: GroupByDimensions,
        /// Of this resource; of the customer as a whole where this is not given.
        pub resource_id: Option<String>,
    }

    /// The use of credits over time.
    pub struct CreditUsageQuery {
        /// The customer.
        pub customer_id: Needed<String>,
        /// The cursor of the page before this one.
        pub after: Option<String>,
        /// The cursor of the page after this one, to go backwards.
        pub before: Option<String>,
        /// Of this credit type only.
        pub currency_id: Option<String>,
        /// Where it ends; now where this is not given.
        pub end_date: Option<Timestamp>,
        /// One series for each combination of these dimensions, at most 3, and `featureId`; one for
        /// each feature where this is not given.
        pub group_by: GroupBy,
        /// How many series.
        pub limit: Limit,
        /// Of this resource; of the customer as a whole where this is not given.
        pub resource_id: Option<String>,
        /// Where it begins; it wins over `timeRange`.
        pub start_date: Option<Timestamp>,
        /// How far back it goes; `LAST_MONTH` where neither this nor `startDate` is given.
        pub time_range: Option<TimeRange>,
    }

    /// The list of a customer's promotional entitlements.
    pub struct PromotionalsQuery {
        /// The cursor of the page before this one.
        pub after: Option<String>,
        /// The cursor of the page after this one, to go backwards.
        pub before: Option<String>,
        /// When they were given.
        pub created_at: InstantRange,
        /// How many items.
        pub limit: Limit,
        /// In these states only.
        pub status: Vec<PromotionalStatus>,
    }
}

impl UsageHistoryQuery {
    /// The period: from the one instant to before the other.
    ///
    /// # Errors
    /// `invalid_parameter` for an end that is not after the start.
    pub fn period(&self, now: Timestamp) -> Result<(Timestamp, Timestamp), WireError> {
        check_period(self.start_date.0, self.end_date.unwrap_or(now))
    }
}

impl CreditUsageQuery {
    /// The period, from the one instant to before the other. Where no `startDate` is given it goes
    /// back by what `back` makes of the end.
    ///
    /// # Errors
    /// `invalid_parameter` for an end that is not after the start.
    pub fn period(
        &self,
        now: Timestamp,
        back: impl FnOnce(Timestamp, TimeRange) -> Timestamp,
    ) -> Result<(Timestamp, Timestamp), WireError> {
        let end = self.end_date.unwrap_or(now);
        let range = self.time_range.unwrap_or(TimeRange::DEFAULT);
        check_period(self.start_date.unwrap_or_else(|| back(end, range)), end)
    }
}

fn check_period(start: Timestamp, end: Timestamp) -> Result<(Timestamp, Timestamp), WireError> {
    if start < end {
        return Ok((start, end));
    }
    let message = "must lie before the end, which is now where `endDate` is not given";
    Err(refuse(ErrorCode::InvalidParameter, "startDate", message))
}

impl FromText for TimeRange {
    const EXPECTED: &'static str = "one of LAST_DAY, LAST_WEEK, LAST_MONTH and LAST_YEAR";

    fn from_text(text: &str) -> Option<Self> {
        Self::find(text)
    }

    fn text_schema() -> RefOr<Schema> {
        enumeration(Self::TEXTS, "One of the values.")
    }
}

/// The dimensions to group by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupByDimensions(pub Vec<String>);

/// The dimensions to group by, and whether to group by feature too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupBy {
    /// Whether `featureId` is among the names, or no name is given.
    pub by_feature: bool,
    /// The dimensions.
    pub dimensions: Vec<String>,
}

fn is_dimension(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_$-".contains(&byte))
}

/// The names of a list of dimensions, each once, in their order.
fn read_names(parameters: &Parameters<'_>, parameter: &str) -> Result<Vec<String>, WireError> {
    let invalid = |message: &str| refuse(ErrorCode::InvalidParameter, parameter, message);
    let mut names: Vec<String> = Vec::new();
    for name in parameters.list(parameter) {
        if !is_dimension(name) {
            return Err(invalid("must be a list of names of letters, digits, `_`, `$` and `-`"));
        }
        if names.iter().any(|other| other == name) {
            return Err(invalid("names a dimension twice"));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

fn check_count(dimensions: &[String], parameter: &str) -> Result<(), WireError> {
    if dimensions.len() <= GROUP_BY_MAX {
        return Ok(());
    }
    let message = format!("must name at most {GROUP_BY_MAX} dimensions");
    Err(refuse(ErrorCode::InvalidParameter, parameter, &message))
}

impl FromParameter for GroupByDimensions {
    fn from_parameters(parameters: &Parameters<'_>, name: &str) -> Result<Self, WireError> {
        let dimensions = read_names(parameters, name)?;
        check_count(&dimensions, name)?;
        Ok(Self(dimensions))
    }

    fn schema() -> RefOr<Schema> {
        names_schema(GROUP_BY_MAX)
    }
}

impl FromParameter for GroupBy {
    fn from_parameters(parameters: &Parameters<'_>, name: &str) -> Result<Self, WireError> {
        let mut dimensions = read_names(parameters, name)?;
        let is_default = dimensions.is_empty();
        let feature = dimensions.iter().position(|name| name == BY_FEATURE);
        if let Some(at) = feature {
            dimensions.remove(at);
        }
        check_count(&dimensions, name)?;
        Ok(Self { by_feature: is_default || feature.is_some(), dimensions })
    }

    fn schema() -> RefOr<Schema> {
        names_schema(GROUP_BY_MAX + 1)
    }
}

fn names_schema(max: usize) -> RefOr<Schema> {
    let name = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[a-zA-Z0-9_$-]+$"));
    ArrayBuilder::new().items(name).max_items(Some(max)).into()
}
