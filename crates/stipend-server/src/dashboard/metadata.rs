//! Metadata: texts of somebody's own, each below a key, in forms and on pages.

use super::field::Field;
use super::form::{Form, Trouble};
use super::object::Object;
use super::repeat::Repeat;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// The lines of a form.
pub(super) const KEYS: Repeat =
    Repeat { name: "metadata", one: "key", columns: &["metadata/key", "metadata/value"] };

/// The fields of metadata.
pub(super) fn fields(form: &Form) -> Markup {
    html! {
        fieldset.lines {
            legend { "Metadata" }
            p.hint { "Texts of your own, each below a key. They mean nothing to the server." }
            (KEYS.show(form, |place| html! {
                (Field::text(form, "metadata/key", "Key").at(place).max(40))
                (Field::text(form, "metadata/value", "Value").at(place).max(500))
            }))
        }
    }
}

/// Metadata as a form has it.
pub(super) fn filled(
    metadata: &BTreeMap<String, String>,
) -> impl Iterator<Item = (&'static str, String)> {
    metadata
        .iter()
        .flat_map(|(key, value)| [("metadata/key", key.clone()), ("metadata/value", value.clone())])
}

/// Metadata as the request has it.
pub(super) fn with(object: Object, form: &Form) -> Object {
    let places = KEYS.filled(form).into_iter();
    let metadata = places.fold(Object::new(), |metadata, place| {
        metadata.text(form.nth("metadata/key", place), form.nth("metadata/value", place))
    });
    object.object("metadata", &metadata)
}

/// A trouble in the request's metadata, at the line of its key.
pub(super) fn placed(mut trouble: Trouble, form: &Form) -> Trouble {
    let Some(field) = trouble.field.as_deref().filter(|field| field.starts_with("metadata")) else {
        return trouble;
    };
    let key = field.strip_prefix("metadata/").map(|key| key.replace("~1", "/").replace("~0", "~"));
    let is_it = |place: &usize| match &key {
        Some(key) => form.nth("metadata/key", *place) == key,
        None => form.nth("metadata/key", *place).trim().is_empty(),
    };
    // Of a key that stands twice, the second one is too much.
    if let Some(place) = KEYS.filled(form).into_iter().rev().find(is_it) {
        trouble.field = Some(format!("metadata/key/{place}"));
    }
    trouble
}

/// Metadata on a page; nothing where there is none.
pub(super) fn shown(metadata: &BTreeMap<String, String>) -> Markup {
    html! {
        @if !metadata.is_empty() {
            section {
                h2 { "Metadata" }
                dl.metadata {
                    @for (key, value) in metadata { div { dt { (key) } dd { (value) } } }
                }
            }
        }
    }
}
