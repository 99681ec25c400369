//! Credit types, on the wire called custom currencies.

use super::instant;
use stipend_core::catalog::{
    CreditType, CreditTypePatch, NewCreditType, Package, PackageKind, Units,
};
use stipend_wire::currency as wire;

pub(crate) fn new_from_wire(body: wire::CreateCurrency) -> NewCreditType {
    NewCreditType {
        id: body.id,
        name: body.display_name.0,
        description: body.description.and_then(|text| filled(text.0)),
        symbol: body.symbol.and_then(|text| filled(text.0)),
        units: body.units.map(units_from_wire),
        metadata: body.metadata.map(|map| map.0).unwrap_or_default(),
    }
}

pub(crate) fn patch_from_wire(body: wire::UpdateCurrency) -> CreditTypePatch {
    let description = body.description.map(|text| text.0).into_change();
    let symbol = body.symbol.map(|text| text.0).into_change();
    let metadata = body.metadata.into_change();
    CreditTypePatch {
        name: body.display_name.map(|name| name.0),
        description: description.map(|change| change.and_then(filled)),
        symbol: symbol.map(|change| change.and_then(filled)),
        units: body.units.map(units_from_wire),
        metadata: metadata.map(|change| change.map(|map| map.0).unwrap_or_default()),
    }
}

/// The empty text stands for none (`behaviour.md` §1.2).
fn filled(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn units_from_wire(units: wire::CurrencyUnitsInput) -> Units {
    Units { singular: units.singular.0, plural: units.plural.0 }
}

pub(crate) fn to_wire(currency: &CreditType) -> wire::Currency {
    wire::Currency {
        id: currency.id.to_string(),
        archived_at: currency.archived_at.map(instant),
        created_at: instant(currency.created_at),
        description: currency.description.clone(),
        display_name: currency.name.clone(),
        metadata: currency.metadata.clone(),
        symbol: currency.symbol.clone(),
        units: currency.units.as_ref().map(|units| wire::CurrencyUnits {
            plural: Some(units.plural.clone()),
            singular: Some(units.singular.clone()),
        }),
        updated_at: instant(currency.updated_at),
    }
}

pub(crate) fn status(currency: &CreditType) -> wire::CurrencyStatus {
    match currency.archived_at {
        None => wire::CurrencyStatus::Active,
        Some(_) => wire::CurrencyStatus::Archived,
    }
}

/// A plan or add-on that grants a credit type.
pub(crate) fn entity_to_wire(package: &Package) -> wire::AssociatedEntity {
    let kind = match package.key.kind {
        PackageKind::Plan => "Plan",
        PackageKind::Addon => "Addon",
    };
    wire::AssociatedEntity {
        id: package.key.id.to_string(),
        display_name: package.shown().name.clone(),
        r#type: kind.to_owned(),
    }
}
