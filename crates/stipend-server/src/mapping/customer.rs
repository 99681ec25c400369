//! Customers and their resources.

use super::instant;
use stipend_core::catalog::{Document, Extras, ExtrasPatch};
use stipend_core::customer::{CustomerPatch, NewCustomer, Profile, Resource};
use stipend_wire::customer as wire;
use stipend_wire::{Field, Opaque};

/// The keys of the contract that are carried and not looked into, apart from `null`s.
fn set(patch: &mut ExtrasPatch, key: &str, value: Field<String>) {
    match value {
        Field::Absent => {}
        Field::Null => drop(patch.insert(key.to_owned(), None)),
        Field::Value(json) => drop(patch.insert(key.to_owned(), Some(Document(json)))),
    }
}

fn text(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

fn present(patch: ExtrasPatch) -> Extras {
    patch.into_iter().filter_map(|(key, value)| value.map(|value| (key, value))).collect()
}

pub(crate) fn new_from_wire(body: wire::CreateCustomer) -> NewCustomer {
    let mut extras = ExtrasPatch::new();
    let optional = |value: Option<Opaque>| {
        value.map_or(Field::Absent, |value| Field::Value(value.into_string()))
    };
    set(&mut extras, "billingCurrency", body.billing_currency.map(|code| text(code.0)));
    set(&mut extras, "billingId", body.billing_id.map(|line| text(&line.0)));
    set(&mut extras, "couponId", body.coupon_id.map(|id| text(&id.0)));
    let method = body.default_payment_method.map(|method| method.text.into_string());
    set(&mut extras, "defaultPaymentMethod", method);
    set(&mut extras, "integrations", optional(body.integrations.map(|list| list.text)));
    set(&mut extras, "language", body.language.map(|line| text(&line.0)));
    set(&mut extras, "passthrough", optional(body.passthrough.map(|object| object.text)));
    set(&mut extras, "timezone", body.timezone.map(|line| text(&line.0)));
    NewCustomer {
        id: body.id,
        name: body.name.into_option().map(|name| name.0),
        email: body.email.into_option().map(|email| email.0),
        metadata: body.metadata.map(|map| map.0).unwrap_or_default(),
        extras: present(extras),
    }
}

pub(crate) fn patch_from_wire(body: wire::UpdateCustomer) -> CustomerPatch {
    let mut extras = ExtrasPatch::new();
    let optional = |value: Option<Opaque>| {
        value.map_or(Field::Absent, |value| Field::Value(value.into_string()))
    };
    set(&mut extras, "billingCurrency", body.billing_currency.map(|code| text(code.0)));
    set(&mut extras, "billingId", body.billing_id.map(|line| text(&line.0)));
    set(&mut extras, "couponId", body.coupon_id.map(|id| text(&id.0)));
    set(&mut extras, "integrations", optional(body.integrations.map(|list| list.text)));
    set(&mut extras, "language", body.language.map(|line| text(&line.0)));
    set(&mut extras, "passthrough", optional(body.passthrough.map(|object| object.text)));
    set(&mut extras, "timezone", body.timezone.map(|line| text(&line.0)));
    CustomerPatch {
        name: body.name.map(|name| name.0).into_change(),
        email: body.email.map(|email| email.0).into_change(),
        metadata: body.metadata.map(|map| map.0),
        extras,
    }
}

pub(crate) fn to_wire(profile: &Profile) -> wire::Customer {
    let opaque =
        |key: &str| profile.extras.get(key).map(|document| Opaque::from_stored(document.0.clone()));
    let string = |key: &str| {
        let document = profile.extras.get(key)?;
        serde_json::from_str::<String>(&document.0).ok()
    };
    wire::Customer {
        id: profile.id.to_string(),
        archived_at: profile.archived_at.map(instant),
        created_at: instant(profile.created_at),
        updated_at: instant(profile.updated_at),
        billing_currency: string("billingCurrency"),
        billing_id: string("billingId"),
        coupon_id: string("couponId"),
        default_payment_method: opaque("defaultPaymentMethod"),
        email: profile.email.clone(),
        integrations: opaque("integrations"),
        language: string("language"),
        metadata: Some(profile.metadata.clone()),
        name: profile.name.clone(),
        passthrough: opaque("passthrough"),
        timezone: string("timezone"),
    }
}

pub(crate) fn resource_to_wire(resource: &Resource) -> wire::Resource {
    wire::Resource {
        id: resource.id.to_string(),
        created_at: instant(resource.created_at),
        updated_at: instant(resource.created_at),
    }
}
