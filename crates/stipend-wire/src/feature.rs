//! Features.

use stipend_core::{Amount, FeatureId};

use crate::entitlement::MetadataMap;
use crate::error::{ErrorCode, WireError};
use crate::number::{Decimal, PositiveAmount};
use crate::opaque::{Checked, Opaque};
use crate::read::{Field, UpTo, check_distinct};
use crate::text::{FreeText, Key, Line, Metadata, Name};

/// How many filters a meter may have, and how many conditions a filter.
pub const FILTERS_MAX: usize = 50;
/// How many values a condition may have.
pub const VALUES_MAX: usize = 100;

wire_enum! {
    /// The state of a feature.
    pub enum FeatureStatus {
        /// It is new, and usable.
        New = "NEW",
        /// It is archived.
        Suspended = "SUSPENDED",
        /// It is in use.
        Active = "ACTIVE",
    }

    /// What a feature is.
    pub enum FeatureType {
        /// On or off.
        Boolean = "BOOLEAN",
        /// A quantity or a limit.
        Number = "NUMBER",
        /// One of a set of values.
        Enum = "ENUM",
    }

    /// How a feature is used.
    pub enum MeterType {
        /// It is not used up; the plan carries its value.
        None = "None",
        /// A level that goes up and down, such as seats.
        Fluctuating = "FLUCTUATING",
        /// A counter that goes up and is reset.
        Incremental = "INCREMENTAL",
    }

    /// How events become a number.
    pub enum AggregationFunction {
        /// The sum of a field.
        Sum = "SUM",
        /// Its greatest value.
        Max = "MAX",
        /// Its least value.
        Min = "MIN",
        /// Its mean.
        Avg = "AVG",
        /// The number of events.
        Count = "COUNT",
        /// The number of different values of a field.
        Unique = "UNIQUE",
    }

    /// How a field of an event is compared.
    pub enum ConditionOperation {
        /// It is the value.
        Equals = "EQUALS",
        /// It is another value.
        NotEquals = "NOT_EQUALS",
        /// It is greater.
        GreaterThan = "GREATER_THAN",
        /// It is greater or equal.
        GreaterThanOrEqual = "GREATER_THAN_OR_EQUAL",
        /// It is less.
        LessThan = "LESS_THAN",
        /// It is less or equal.
        LessThanOrEqual = "LESS_THAN_OR_EQUAL",
        /// It is not there.
        IsNull = "IS_NULL",
        /// It is there.
        IsNotNull = "IS_NOT_NULL",
        /// It has the value in it.
        Contains = "CONTAINS",
        /// It begins with the value.
        StartsWith = "STARTS_WITH",
        /// It ends with the value.
        EndsWith = "ENDS_WITH",
        /// It is one of the values.
        In = "IN",
    }

    /// How a transformed number is rounded.
    pub enum Rounding {
        /// Up.
        Up = "UP",
        /// Down.
        Down = "DOWN",
    }
}

request! {
    /// A new feature.
    pub struct CreateFeature {
        /// The id, chosen by you.
        pub id: FeatureId,
        /// The name.
        pub display_name: Name,
        /// What it is.
        pub feature_type: FeatureType,
        /// A description.
        pub description: Option<FreeText>,
        /// The values of an ENUM feature.
        pub enum_configuration: Option<Vec<EnumValueInput>>,
        /// The state; ACTIVE where this is not given.
        pub feature_status: Option<FeatureStatus>,
        /// The name of one unit.
        pub feature_units: Option<Line>,
        /// The name of several units.
        pub feature_units_plural: Option<Line>,
        /// Texts of your own.
        pub metadata: Option<Metadata>,
        /// How events become usage.
        pub meter: Option<Checked<MeterInput>>,
        /// How it is used.
        pub meter_type: Option<MeterType>,
        /// How usage is converted.
        pub unit_transformation: Field<Checked<UnitTransformationInput>>,
    }
    checked by check_created;

    /// A change of a feature; what is left out stays as it is.
    pub struct UpdateFeature {
        /// A description.
        pub description: Option<FreeText>,
        /// The name.
        pub display_name: Option<Name>,
        /// The values of an ENUM feature.
        pub enum_configuration: Option<Vec<EnumValueInput>>,
        /// The name of one unit.
        pub feature_units: Option<Line>,
        /// The name of several units.
        pub feature_units_plural: Option<Line>,
        /// Texts of your own, replacing all that were there.
        pub metadata: Option<Metadata>,
        /// How events become usage.
        pub meter: Option<Checked<MeterInput>>,
        /// How usage is converted.
        pub unit_transformation: Field<Checked<UnitTransformationInput>>,
    }
    checked by check_updated;

    /// One value of an ENUM feature.
    pub struct EnumValueInput {
        /// Its name.
        pub display_name: Name,
        /// The value.
        pub value: Key,
    }

    /// How events become usage.
    pub struct MeterInput {
        /// How they become a number.
        pub aggregation: AggregationInput,
        /// Which events count: those that meet one of the filters; all, where there is none.
        pub filters: UpTo<MeterFilter, FILTERS_MAX>,
    }

    /// How events become a number.
    pub struct AggregationInput {
        /// The function.
        pub function: AggregationFunction,
        /// The dimension it is taken of; needed for all but `COUNT`.
        pub field: Option<Key>,
    }
    checked by check_aggregation;

    /// Conditions that must all be met.
    pub struct MeterFilter {
        /// The conditions.
        pub conditions: UpTo<MeterCondition, FILTERS_MAX>,
    }

    /// A comparison of one field of an event.
    pub struct MeterCondition {
        /// The field: `eventName`, or a dimension.
        pub field: Key,
        /// How it is compared.
        pub operation: ConditionOperation,
        /// With this value; needed unless it is `IN`, `IS_NULL` or `IS_NOT_NULL`.
        pub value: Option<Line>,
        /// With one of these values, for `IN`.
        pub values: Option<UpTo<Line, VALUES_MAX>>,
    }
    checked by check_condition;

    /// How usage is converted: divided, then rounded.
    pub struct UnitTransformationInput {
        /// The divisor.
        pub divide: PositiveAmount,
        /// The name of one converted unit.
        pub feature_units: Option<Line>,
        /// The name of several converted units.
        pub feature_units_plural: Option<Line>,
        /// How it is rounded.
        pub round: Option<Rounding>,
    }
}

fn check_created(body: &CreateFeature) -> Result<(), WireError> {
    check_values(body.enum_configuration.as_deref())
}

fn check_updated(body: &UpdateFeature) -> Result<(), WireError> {
    check_values(body.enum_configuration.as_deref())
}

fn check_values(values: Option<&[EnumValueInput]>) -> Result<(), WireError> {
    let values = values.unwrap_or_default().iter().map(|value| &value.value);
    check_distinct(values).map_err(|error| error.under("enumConfiguration"))
}

/// Where a value is not there although another field asks for it.
fn missing(field: &str, because: impl std::fmt::Display) -> WireError {
    let message = format!("is missing, and required where {because}");
    WireError::here(ErrorCode::MissingField, message).under(field)
}

fn check_aggregation(aggregation: &AggregationInput) -> Result<(), WireError> {
    let AggregationInput { function, field } = aggregation;
    if field.is_none() && *function != AggregationFunction::Count {
        return Err(missing("field", format_args!("`function` is {function}")));
    }
    Ok(())
}

fn check_condition(condition: &MeterCondition) -> Result<(), WireError> {
    let operation = condition.operation;
    let has_values = condition.values.as_ref().is_some_and(|values| !values.0.is_empty());
    let needed = match (operation, &condition.value) {
        (ConditionOperation::IsNull | ConditionOperation::IsNotNull, _) => return Ok(()),
        (ConditionOperation::In, None) if !has_values => "values",
        (ConditionOperation::In, _) => return Ok(()),
        (_, Some(value)) => return check_number(operation, value),
        (_, None) => "value",
    };
    Err(missing(needed, format_args!("`operation` is {operation}")))
}

/// Order is that of numbers, so what is compared with has to be one.
fn check_number(operation: ConditionOperation, value: &Line) -> Result<(), WireError> {
    let is_of_order = matches!(
        operation,
        ConditionOperation::GreaterThan
            | ConditionOperation::GreaterThanOrEqual
            | ConditionOperation::LessThan
            | ConditionOperation::LessThanOrEqual
    );
    if is_of_order && Amount::parse_rounded(&value.0).is_err() {
        let message = format!("must be a number where `operation` is {operation}");
        return Err(WireError::here(ErrorCode::InvalidValue, message).under("value"));
    }
    Ok(())
}

response! {
    /// A feature.
    pub struct Feature {
        /// The id.
        pub id: String,
        /// When it was made.
        pub created_at: String,
        /// A description.
        pub description: Option<String>,
        /// The name.
        pub display_name: String,
        /// The values of an ENUM feature.
        pub enum_configuration: Option<Vec<EnumValue>>,
        /// The state.
        pub feature_status: FeatureStatus,
        /// What it is.
        pub feature_type: FeatureType,
        /// The name of one unit.
        pub feature_units: Option<String>,
        /// The name of several units.
        pub feature_units_plural: Option<String>,
        /// Texts of your own.
        pub metadata: MetadataMap,
        /// How it is used.
        pub meter_type: MeterType,
        /// How usage is converted.
        pub unit_transformation: Option<UnitTransformation>,
        /// When it was last changed.
        pub updated_at: String,
    }
    optional {
        /// How events become usage, see `MeterInput`.
        pub meter: Opaque,
    }

    /// One value of an ENUM feature.
    #[derive(PartialEq, Eq)]
    pub struct EnumValue {
        /// Its name.
        pub display_name: String,
        /// The value.
        pub value: String,
    }

    /// How usage is converted: divided, then rounded.
    #[derive(PartialEq, Eq)]
    pub struct UnitTransformation {
        /// The divisor.
        pub divide: Decimal,
        /// The name of one converted unit.
        pub feature_units: Option<String>,
        /// The name of several converted units.
        pub feature_units_plural: Option<String>,
        /// How it is rounded.
        pub round: Rounding,
    }
}
