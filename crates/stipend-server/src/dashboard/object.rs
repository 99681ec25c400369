//! A form as the request that the API would take: the same reading, so the same rules and words.

use super::form::Trouble;
use serde_json::value::RawValue;
use stipend_wire::{ErrorCode, FromJson, json};

/// Marks that people put between thousands: the comma, and blanks of several widths.
const MARKS: [char; 5] = [',', ' ', '\u{a0}', '\u{2009}', '\u{202f}'];
const HOW_TO_WRITE_NUMBERS: &str =
    "Write a number in digits, with a point before decimals: 1500, 1,500 or 1.5.";

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

    /// A number as somebody typed it: marks between thousands do not count. What is none is handed
    /// on as a text, and refused at its field.
    pub(super) fn number(self, name: &str, typed: &str) -> Self {
        match plain_number(typed.trim()) {
            Some(plain) => self.raw(name, &plain),
            None => self.text(name, typed),
        }
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
        let json = self.json();
        json::parse_body(json.as_bytes()).map_err(|error| {
            let is_misspelled = error.code == ErrorCode::InvalidNumber
                && error.param.as_deref().is_some_and(|place| self.is_text(place));
            let trouble = Trouble::from(error);
            if is_misspelled {
                return Trouble { message: HOW_TO_WRITE_NUMBERS.to_owned(), ..trouble };
            }
            trouble
        })
    }

    /// Whether a text stands at a place, such as a number that is none.
    fn is_text(&self, place: &str) -> bool {
        let all: serde_json::Value = serde_json::from_str(&self.json()).unwrap_or_default();
        all.pointer(place).is_some_and(serde_json::Value::is_string)
    }
}

/// The number as JSON has it; nothing where it is none. A mark that does not stand between thousands
/// may have been meant as the point: `1,5` is one and a half to many people.
fn plain_number(typed: &str) -> Option<String> {
    let end = typed.find(['.', 'e', 'E']).unwrap_or(typed.len());
    let (whole, rest) = typed.split_at(end);
    let plain = match whole.chars().find(|one| MARKS.contains(one)) {
        None => typed.to_owned(),
        Some(mark) => {
            let mut groups = whole.strip_prefix('-').unwrap_or(whole).split(mark);
            let first = groups.next().unwrap_or_default();
            let is_grouped = (1..=3).contains(&first.len())
                && !first.starts_with('0')
                && groups.all(|group| group.len() == 3)
                && !rest.contains(['e', 'E']);
            is_grouped.then(|| whole.replace(mark, "") + rest)?
        }
    };
    let is_number = plain.starts_with(|first: char| first.is_ascii_digit() || first == '-')
        && serde_json::from_str::<&RawValue>(&plain).is_ok();
    is_number.then_some(plain)
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_what_was_typed_and_marks_stand_between_thousands_alone() {
        let check = |typed: &str, expected: &str| {
            let json = Object::new().number("n", typed).json();
            assert_eq!(json, format!("{{\"n\":{expected}}}"), "{typed:?}");
        };
        for (typed, number) in [
            ("1000", "1000"),
            (" 1000 ", "1000"),
            ("0.5", "0.5"),
            ("1.500", "1.500"),
            ("-2", "-2"),
            ("1e3", "1e3"),
            ("1,000", "1000"),
            ("-12,345.678", "-12345.678"),
            ("1,000,000", "1000000"),
            ("1 000 000.5", "1000000.5"),
            ("1\u{a0}000", "1000"),
            ("1\u{202f}000", "1000"),
            ("1\u{2009}000", "1000"),
        ] {
            check(typed, number);
        }
        for typed in [
            "",
            "1,5",
            "1_000",
            "1.000,5",
            "12,34",
            "1,00",
            "1,0000",
            "0,500",
            "1234,567",
            ",100",
            "1,000,",
            "1,,000",
            "1,000 000",
            "1, 000",
            "1 5",
            "1,000.5,0",
            "1,000e3",
            "1.5 000",
            "+1",
            "01",
            "0x10",
            "１０",
            "١",
            "1'000",
            "true",
            "NaN",
            "\u{2212}5",
        ] {
            check(typed, &quoted(typed));
        }
    }
}
