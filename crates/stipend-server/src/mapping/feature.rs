//! Features.

use super::instant;
use stipend_core::catalog::{
    Aggregation, Comparison, Condition, Document, EnumValue, Feature, FeaturePatch, FeatureStatus,
    FeatureType, Meter, MeterType, NewFeature, RoundUnits, UnitTransformation,
};
use stipend_wire::opaque::Checked;
use stipend_wire::{Decimal, ErrorCode, Opaque, WireError, feature as wire};

pub(crate) fn new_from_wire(body: wire::CreateFeature) -> Result<NewFeature, WireError> {
    let transformation = body.unit_transformation.into_option();
    Ok(NewFeature {
        id: body.id,
        name: body.display_name.0,
        description: body.description.and_then(|text| filled(text.0)),
        feature_type: match body.feature_type {
            wire::FeatureType::Boolean => FeatureType::Boolean,
            wire::FeatureType::Number => FeatureType::Number,
            wire::FeatureType::Enum => FeatureType::Enum,
        },
        meter_type: match body.meter_type {
            None | Some(wire::MeterType::None) => MeterType::None,
            Some(wire::MeterType::Fluctuating) => MeterType::Fluctuating,
            Some(wire::MeterType::Incremental) => MeterType::Incremental,
        },
        status: match body.feature_status {
            Some(wire::FeatureStatus::New) => FeatureStatus::New,
            Some(wire::FeatureStatus::Suspended) => FeatureStatus::Suspended,
            None | Some(wire::FeatureStatus::Active) => FeatureStatus::Active,
        },
        units: body.feature_units.and_then(|text| filled(text.0)),
        units_plural: body.feature_units_plural.and_then(|text| filled(text.0)),
        enum_values: body.enum_configuration.map(values_from_wire),
        unit_transformation: transformation.map(|kept| transformation_from_wire(kept.value)),
        meter: body.meter.map(meter_from_wire).transpose()?,
        metadata: body.metadata.map(|map| map.0).unwrap_or_default(),
    })
}

pub(crate) fn patch_from_wire(body: wire::UpdateFeature) -> Result<FeaturePatch, WireError> {
    let transformation = body.unit_transformation.map(|kept| transformation_from_wire(kept.value));
    Ok(FeaturePatch {
        name: body.display_name.map(|name| name.0),
        description: body.description.map(|text| text.0),
        units: body.feature_units.map(|text| text.0),
        units_plural: body.feature_units_plural.map(|text| text.0),
        enum_values: body.enum_configuration.map(values_from_wire),
        unit_transformation: transformation.into_change(),
        meter: body.meter.map(meter_from_wire).transpose()?,
        metadata: body.metadata.map(|map| map.0),
    })
}

/// The empty text stands for none, as it clears in a patch.
fn filled(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn values_from_wire(values: Vec<wire::EnumValueInput>) -> Vec<EnumValue> {
    let values = values.into_iter();
    values.map(|value| EnumValue { value: value.value.0, name: value.display_name.0 }).collect()
}

/// Units are rounded up where the caller does not say: a part of a unit is a unit.
fn transformation_from_wire(input: wire::UnitTransformationInput) -> UnitTransformation {
    UnitTransformation {
        divide: input.divide.0,
        round: match input.round {
            None | Some(wire::Rounding::Up) => RoundUnits::Up,
            Some(wire::Rounding::Down) => RoundUnits::Down,
        },
        units: input.feature_units.map(|text| text.0),
        units_plural: input.feature_units_plural.map(|text| text.0),
    }
}

/// The meter as it is acted on, beside the text that is echoed.
///
/// # Errors
/// `invalid_value` where an aggregation lacks the field it is taken of, or a comparison what it
/// compares with.
fn meter_from_wire(meter: Checked<wire::MeterInput>) -> Result<Meter, WireError> {
    let document = Document(meter.text.into_string());
    let wire::MeterInput { aggregation, filters } = meter.value;
    let filters = filters.0.into_iter().enumerate().map(|(at, filter)| {
        let conditions = filter.conditions.0.into_iter().enumerate();
        conditions
            .map(|(of, condition)| {
                condition_from_wire(condition, &format!("/meter/filters/{at}/conditions/{of}"))
            })
            .collect()
    });
    Ok(Meter {
        aggregation: aggregation_from_wire(aggregation)?,
        filters: filters.collect::<Result<_, _>>()?,
        document,
    })
}

fn aggregation_from_wire(input: wire::AggregationInput) -> Result<Aggregation, WireError> {
    let named = |of: fn(String) -> Aggregation| match input.field.map(|field| field.0) {
        Some(field) if !field.is_empty() => Ok(of(field)),
        _ => Err(missing("/meter/aggregation/field", "the field it is taken of")),
    };
    match input.function {
        wire::AggregationFunction::Count => Ok(Aggregation::Count),
        wire::AggregationFunction::Sum => named(Aggregation::Sum),
        wire::AggregationFunction::Max => named(Aggregation::Max),
        wire::AggregationFunction::Min => named(Aggregation::Min),
        wire::AggregationFunction::Avg => named(Aggregation::Avg),
        wire::AggregationFunction::Unique => named(Aggregation::Unique),
    }
}

fn condition_from_wire(input: wire::MeterCondition, at: &str) -> Result<Condition, WireError> {
    use wire::ConditionOperation as Operation;
    let one = input.value.into_iter().map(|value| value.0);
    let several = input.values.into_iter().flat_map(|values| values.0).map(|value| value.0);
    let values: Vec<String> = one.chain(several).collect();
    let comparison = match input.operation {
        Operation::Equals => Comparison::Equals,
        Operation::NotEquals => Comparison::NotEquals,
        Operation::GreaterThan => Comparison::GreaterThan,
        Operation::GreaterThanOrEqual => Comparison::GreaterThanOrEqual,
        Operation::LessThan => Comparison::LessThan,
        Operation::LessThanOrEqual => Comparison::LessThanOrEqual,
        Operation::IsNull => Comparison::IsNull,
        Operation::IsNotNull => Comparison::IsNotNull,
        Operation::Contains => Comparison::Contains,
        Operation::StartsWith => Comparison::StartsWith,
        Operation::EndsWith => Comparison::EndsWith,
        Operation::In => Comparison::In,
    };
    let needs_none = matches!(comparison, Comparison::IsNull | Comparison::IsNotNull);
    if values.is_empty() && !needs_none {
        return Err(missing(&format!("{at}/value"), "what the field is compared with"));
    }
    Ok(Condition { field: input.field.0, comparison, values })
}

fn missing(pointer: &str, what: &str) -> WireError {
    let message = format!("`{pointer}` is missing: {what}");
    WireError::new(ErrorCode::MissingField, message).with_param(pointer)
}

pub(crate) fn to_wire(feature: &Feature) -> wire::Feature {
    wire::Feature {
        id: feature.id.to_string(),
        created_at: instant(feature.created_at),
        description: feature.description.clone(),
        display_name: feature.name.clone(),
        enum_configuration: feature.enum_values.as_ref().map(|values| {
            let to_wire = |value: &EnumValue| wire::EnumValue {
                display_name: value.name.clone(),
                value: value.value.clone(),
            };
            values.iter().map(to_wire).collect()
        }),
        feature_status: status(feature),
        feature_type: feature_type(feature),
        feature_units: feature.units.clone(),
        feature_units_plural: feature.units_plural.clone(),
        metadata: feature.metadata.clone(),
        meter_type: meter_type(feature),
        unit_transformation: feature.unit_transformation.as_ref().map(transformation_to_wire),
        updated_at: instant(feature.updated_at),
        meter: feature.meter.as_ref().map(|meter| Opaque::from_stored(meter.document.0.clone())),
    }
}

pub(crate) fn status(feature: &Feature) -> wire::FeatureStatus {
    match feature.status {
        FeatureStatus::New => wire::FeatureStatus::New,
        FeatureStatus::Suspended => wire::FeatureStatus::Suspended,
        FeatureStatus::Active => wire::FeatureStatus::Active,
    }
}

pub(crate) fn feature_type(feature: &Feature) -> wire::FeatureType {
    match feature.feature_type {
        FeatureType::Boolean => wire::FeatureType::Boolean,
        FeatureType::Number => wire::FeatureType::Number,
        FeatureType::Enum => wire::FeatureType::Enum,
    }
}

pub(crate) fn meter_type(feature: &Feature) -> wire::MeterType {
    match feature.meter_type {
        MeterType::None => wire::MeterType::None,
        MeterType::Fluctuating => wire::MeterType::Fluctuating,
        MeterType::Incremental => wire::MeterType::Incremental,
    }
}

fn transformation_to_wire(transformation: &UnitTransformation) -> wire::UnitTransformation {
    wire::UnitTransformation {
        divide: Decimal(transformation.divide),
        feature_units: transformation.units.clone(),
        feature_units_plural: transformation.units_plural.clone(),
        round: match transformation.round {
            RoundUnits::Up => wire::Rounding::Up,
            RoundUnits::Down => wire::Rounding::Down,
        },
    }
}
