//! Environments, their settings and clocks.

use super::instant;
use crate::error::ApiError;
use stipend_core::catalog::{Alignment, CreditProration, Settings, SettingsPatch};
use stipend_core::{Timestamp, Zone};
use stipend_engine::{Environment, EnvironmentClock, EnvironmentKind};
use stipend_wire::environment as wire;
use stipend_wire::{ErrorCode, Field, WireError};

pub(crate) fn kind_from_wire(kind: Option<wire::EnvironmentType>) -> EnvironmentKind {
    match kind.unwrap_or(wire::EnvironmentType::DEFAULT) {
        wire::EnvironmentType::Production => EnvironmentKind::Production,
        wire::EnvironmentType::Sandbox => EnvironmentKind::Sandbox,
    }
}

fn zone(name: &wire::TimeZoneName) -> Result<Zone, ApiError> {
    Zone::parse(&name.0).map_err(|_| {
        let message = format!("{} is not a time zone of the IANA database", name.0);
        WireError::new(ErrorCode::UnknownTimeZone, message).with_param("/timeZone").into()
    })
}

fn alignment(asked: wire::PeriodAlignment) -> Alignment {
    match asked {
        wire::PeriodAlignment::SubscriptionStart => Alignment::SubscriptionStart,
        wire::PeriodAlignment::StartOfMonth => Alignment::StartOfMonth,
    }
}

fn proration(asked: wire::CreditProration) -> CreditProration {
    match asked {
        wire::CreditProration::None => CreditProration::Whole,
        wire::CreditProration::Prorate => CreditProration::Prorate,
    }
}

pub(crate) fn new_settings(asked: &wire::CreateEnvironment) -> Result<Settings, ApiError> {
    let zone = match &asked.time_zone {
        Field::Value(name) => Some(zone(name)?),
        Field::Absent | Field::Null => None,
    };
    Ok(Settings {
        zone,
        alignment: alignment(asked.period_alignment.unwrap_or(wire::PeriodAlignment::DEFAULT)),
        proration: proration(asked.credit_proration.unwrap_or(wire::CreditProration::DEFAULT)),
    })
}

pub(crate) fn changed_settings(asked: wire::UpdateEnvironment) -> Result<SettingsPatch, ApiError> {
    Ok(SettingsPatch {
        zone: match asked.time_zone {
            Field::Absent => None,
            Field::Null => Some(None),
            Field::Value(name) => Some(Some(zone(&name)?)),
        },
        alignment: asked.period_alignment.map(alignment),
        proration: asked.credit_proration.map(proration),
    })
}

/// An environment, with its first key where it has just been made.
pub(crate) fn to_wire(environment: &Environment, key: Option<String>) -> wire::Environment {
    let shown = with_settings(environment, &environment.catalog.settings);
    wire::Environment { api_key: key.map(wire::ApiKey), ..shown }
}

/// An environment with settings that have just been set.
pub(crate) fn with_settings(environment: &Environment, settings: &Settings) -> wire::Environment {
    wire::Environment {
        id: environment.id.0.to_string(),
        name: environment.name.clone(),
        r#type: match environment.kind {
            EnvironmentKind::Production => wire::EnvironmentType::Production,
            EnvironmentKind::Sandbox => wire::EnvironmentType::Sandbox,
        },
        time_zone: settings.zone.as_ref().map(ToString::to_string),
        period_alignment: match settings.alignment {
            Alignment::SubscriptionStart => wire::PeriodAlignment::SubscriptionStart,
            Alignment::StartOfMonth => wire::PeriodAlignment::StartOfMonth,
        },
        credit_proration: match settings.proration {
            CreditProration::Whole => wire::CreditProration::None,
            CreditProration::Prorate => wire::CreditProration::Prorate,
        },
        created_at: instant(environment.created_at),
        api_key: None,
    }
}

pub(crate) fn clock_to_wire(environment: &Environment, now: Timestamp) -> wire::TestClock {
    let frozen = matches!(environment.clock(), EnvironmentClock::Frozen(_));
    wire::TestClock { now: instant(now), frozen }
}
