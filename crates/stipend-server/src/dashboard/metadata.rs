//! Metadata: texts of somebody's own, each below a key, in forms and on pages.

use super::field::Field;
use super::form::{Form, Trouble};
use super::object::Object;
use super::repeat::Repeat;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// The metadata that a form was made of. Fields of one line cannot hold every value, and what somebody
/// else has written meanwhile is not to be taken back by whoever changes a name.
const SEEN: &str = "metadata/seen";

/// The lines of a form.
pub(super) const KEYS: Repeat =
    Repeat { name: "metadata", one: "key", columns: &["metadata/key", "metadata/value"] };

/// The fields of metadata.
pub(super) fn fields(form: &Form) -> Markup {
    html! {
        fieldset.lines {
            legend { "Metadata" }
            input type="hidden" name=(SEEN) value=(form.get(SEEN));
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
    let seen = serde_json::to_string(metadata).expect("texts are plain JSON");
    let lines = metadata.iter().flat_map(|(key, value)| {
        [("metadata/key", key.clone()), ("metadata/value", value.clone())]
    });
    std::iter::once((SEEN, seen)).chain(lines)
}

/// Metadata as the request has it: nothing where the lines are as they were shown. A value that was
/// not touched stays as it was, line breaks and all.
pub(super) fn with(object: Object, form: &Form) -> Object {
    let seen: BTreeMap<String, String> = serde_json::from_str(form.get(SEEN)).unwrap_or_default();
    let was = |key: &str, value: &str| {
        let seen = seen.get(key).map(String::as_str);
        seen.filter(|seen| in_one_line(seen) == in_one_line(value))
    };
    let places = KEYS.filled(form).into_iter();
    let lines: Vec<(&str, &str)> = places
        .map(|place| (form.nth("metadata/key", place), form.nth("metadata/value", place)))
        .collect();
    let keys: BTreeMap<&str, &str> = lines.iter().copied().collect();
    let is_as_seen = lines.len() == seen.len()
        && keys.len() == seen.len()
        && keys.iter().all(|(key, value)| was(key, value).is_some());
    if is_as_seen {
        return object;
    }
    let metadata = lines.into_iter().fold(Object::new(), |metadata, (key, value)| {
        metadata.text(key, was(key, value).unwrap_or(value))
    });
    object.object("metadata", &metadata)
}

/// A text as a field of one line sends it.
fn in_one_line(text: &str) -> String {
    text.replace(['\r', '\n'], "").trim().to_owned()
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
