//! What changed between two states of something, line by line.

use super::ui::time;
use maud::{Markup, Render, html};
use std::fmt::Display;
use stipend_core::Timestamp;

/// What is said of something. Instants that are read alike may differ by less than a minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// In words.
    Text(String),
    /// By an instant.
    Time(Timestamp),
}

impl From<&str> for Said {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Said {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Said {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Timestamp> for Said {
    fn from(at: Timestamp) -> Self {
        Self::Time(at)
    }
}

impl Render for Said {
    fn render(&self) -> Markup {
        match self {
            Self::Text(text) => html! { (text) },
            Self::Time(at) => time(*at),
        }
    }
}

/// What became of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It was not there.
    Added(Said),
    /// What it was, and what it is.
    Changed(Said, Said),
    /// It is not there any more.
    Removed(Said),
}

/// A line of what something says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// What it is about: lines of two states that have the same are about the same.
    key: String,
    /// Its name: several things may have the same.
    pub(super) name: String,
    /// What is said.
    pub(super) value: Said,
}

impl Line {
    /// A line whose name says what it is about.
    pub(super) fn new(name: impl Into<String>, value: impl Into<Said>) -> Self {
        let name = name.into();
        Self { key: name.clone(), name, value: value.into() }
    }

    /// The same line about something that is known by an id, whatever its name is.
    pub(super) fn about(self, kind: &str, id: impl Display) -> Self {
        Self { key: format!("{kind}/{id}"), ..self }
    }
}

/// The lines that differ, with their names; each is compared with the one about the same.
pub(super) fn compare(before: &[Line], after: &[Line]) -> Vec<(String, Change)> {
    let find = |lines: &[Line], line: &Line| {
        let found = lines.iter().find(|other| other.key == line.key);
        found.map(|found| found.value.clone())
    };
    let mut changes = Vec::new();
    for line in after {
        let value = line.value.clone();
        match find(before, line) {
            None => changes.push((line.name.clone(), Change::Added(value))),
            Some(old) if old != value => {
                changes.push((line.name.clone(), Change::Changed(old, value)));
            }
            Some(_) => {}
        }
    }
    let gone = before.iter().filter(|line| find(after, line).is_none());
    changes.extend(gone.map(|line| (line.name.clone(), Change::Removed(line.value.clone()))));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(before: &[Line], after: &[Line]) -> Vec<(String, Change)> {
        assert_eq!(compare(after, after), []);
        compare(before, after)
    }

    #[test]
    fn lines_are_compared_by_what_they_are_about() {
        let line = Line::new;
        let before = [line("same", "1"), line("other", "1"), line("gone", "1")];
        let after = [line("new", "2"), line("same", "1"), line("other", "2")];
        let expected = [
            ("new".to_owned(), Change::Added("2".into())),
            ("other".to_owned(), Change::Changed("1".into(), "2".into())),
            ("gone".to_owned(), Change::Removed("1".into())),
        ];
        assert_eq!(changes(&before, &after), expected);
    }

    #[test]
    fn things_of_one_name_are_told_apart() {
        let line = |id: &str, value: &str| Line::new("Price: Overage", value).about("price", id);
        let before = [line("a", "1"), line("b", "2")];
        let after = [line("b", "2"), line("a", "3")];
        let changed = ("Price: Overage".to_owned(), Change::Changed("1".into(), "3".into()));
        assert_eq!(changes(&before, &after), [changed]);
        let removed = ("Price: Overage".to_owned(), Change::Removed("1".into()));
        assert_eq!(changes(&before, &after[..1]), [removed]);
    }
}
