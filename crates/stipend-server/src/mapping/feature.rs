//! Features.

use super::instant;
use stipend_core::catalog::{
    Document, EnumValue, Feature, FeaturePatch, FeatureStatus, FeatureType, MeterType, NewFeature,
    RoundUnits, UnitTransformation,
};
use stipend_wire::opaque::Checked;
use stipend_wire::{Decimal, Opaque, feature as wire};

pub(crate) fn new_from_wire(body: wire::CreateFeature) -> NewFeature {
    let transformation = body.unit_transformation.into_option();
    NewFeature {
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
        meter: body.meter.map(meter_from_wire),
        metadata: body.metadata.map(|map| map.0).unwrap_or_default(),
    }
}

pub(crate) fn patch_from_wire(body: wire::UpdateFeature) -> FeaturePatch {
    let transformation = body.unit_transformation.map(|kept| transformation_from_wire(kept.value));
    FeaturePatch {
        name: body.display_name.map(|name| name.0),
        description: body.description.map(|text| text.0),
        units: body.feature_units.map(|text| text.0),
        units_plural: body.feature_units_plural.map(|text| text.0),
        enum_values: body.enum_configuration.map(values_from_wire),
        unit_transformation: transformation.into_change(),
        meter: body.meter.map(meter_from_wire),
        metadata: body.metadata.map(|map| map.0),
    }
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

fn meter_from_wire(meter: Checked<wire::MeterInput>) -> Document {
    Document(meter.text.into_string())
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
        meter: feature.meter.as_ref().map(|meter| Opaque::from_stored(meter.0.clone())),
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
