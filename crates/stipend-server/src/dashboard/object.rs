//! A form as the request that the API would take: the same reading, so the same rules and words.

use super::form::Trouble;
use serde_json::value::RawValue;
use stipend_wire::{FromJson, json};

/// An object of JSON that is being written.
#[derive(Clone, Debug, Default)]
pub(super) struct Object(String);

impl Object {
    /// The empty object.
    pub(super) fn new() -> Self {
        Self::default()
    }

    fn raw(mut self, name: &str, json: &str) -> Self {
        let separator = if self.0.is_empty() { "" } else { "," };
        self.0.push_str(&format!("{separator}{}:{json}", quoted(name)));
        self
    }

    /// A text, also where it is empty.
    pub(super) fn text(self, name: &str, text: &str) -> Self {
        self.raw(name, &quoted(text))
    }

    /// A text, unless it is empty.
    pub(super) fn text_if(self, name: &str, text: &str) -> Self {
        if text.is_empty() { self } else { self.text(name, text) }
    }

    /// A text, or null where it is empty.
    pub(super) fn text_or_null(self, name: &str, text: &str) -> Self {
        if text.is_empty() { self.raw(name, "null") } else { self.text(name, text) }
    }

    /// A number as somebody typed it: the marks between thousands do not count.
    pub(super) fn number(self, name: &str, typed: &str) -> Self {
        let plain: String =
            typed.chars().filter(|typed| !" ,_\u{a0}\u{202f}".contains(*typed)).collect();
        let is_number = plain.starts_with(|first: char| first.is_ascii_digit() || first == '-')
            && serde_json::from_str::<&RawValue>(&plain).is_ok();
        if is_number { self.raw(name, &plain) } else { self.text(name, typed) }
    }

    /// A number, unless nothing was typed.
    pub(super) fn number_if(self, name: &str, typed: &str) -> Self {
        if typed.trim().is_empty() { self } else { self.number(name, typed) }
    }

    /// A number, or null where nothing was typed.
    pub(super) fn number_or_null(self, name: &str, typed: &str) -> Self {
        if typed.trim().is_empty() { self.raw(name, "null") } else { self.number(name, typed) }
    }

    /// Yes or no.
    pub(super) fn flag(self, name: &str, is_on: bool) -> Self {
        self.raw(name, if is_on { "true" } else { "false" })
    }

    /// A list of texts.
    pub(super) fn texts<T: AsRef<str>>(
        self,
        name: &str,
        texts: impl IntoIterator<Item = T>,
    ) -> Self {
        let texts: Vec<String> = texts.into_iter().map(|text| quoted(text.as_ref())).collect();
        self.raw(name, &format!("[{}]", texts.join(",")))
    }

    /// An object.
    pub(super) fn object(self, name: &str, object: &Self) -> Self {
        self.raw(name, &object.json())
    }

    /// A value of a request that was taken before and is kept as it was.
    pub(super) fn kept(self, name: &str, json: Option<&RawValue>) -> Self {
        match json {
            Some(json) => self.raw(name, json.get()),
            None => self,
        }
    }

    /// A text, where there is one.
    pub(super) fn text_of(self, name: &str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    /// A list of objects.
    pub(super) fn objects(self, name: &str, objects: &[Self]) -> Self {
        let objects: Vec<String> = objects.iter().map(Self::json).collect();
        self.raw(name, &format!("[{}]", objects.join(",")))
    }

    fn json(&self) -> String {
        format!("{{{}}}", self.0)
    }

    /// Reads it as a request of the API.
    ///
    /// # Errors
    /// What the API would say of it, at the field that it is about.
    pub(super) fn read<T: FromJson>(&self) -> Result<T, Trouble> {
        Ok(json::parse_body(self.json().as_bytes())?)
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
