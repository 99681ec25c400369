//! What changed between two states of something, line by line.

/// What became of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It was not there.
    Added(String),
    /// What it was, and what it is.
    Changed(String, String),
    /// It is not there any more.
    Removed(String),
}

/// A name and what is said of it.
pub(super) type Line = (String, String);

/// The lines that differ, by their names.
pub(super) fn compare(before: &[Line], after: &[Line]) -> Vec<(String, Change)> {
    let find = |lines: &[Line], name: &str| {
        lines.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone())
    };
    let mut changes = Vec::new();
    for (name, value) in after {
        match find(before, name) {
            None => changes.push((name.clone(), Change::Added(value.clone()))),
            Some(old) if old != *value => {
                changes.push((name.clone(), Change::Changed(old, value.clone())));
            }
            Some(_) => {}
        }
    }
    let gone = before.iter().filter(|(name, _)| find(after, name).is_none());
    changes.extend(gone.map(|(name, value)| (name.clone(), Change::Removed(value.clone()))));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_compared_by_their_names() {
        let line = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let before = [line("same", "1"), line("other", "1"), line("gone", "1")];
        let after = [line("new", "2"), line("same", "1"), line("other", "2")];
        let expected = [
            ("new".to_owned(), Change::Added("2".to_owned())),
            ("other".to_owned(), Change::Changed("1".to_owned(), "2".to_owned())),
            ("gone".to_owned(), Change::Removed("1".to_owned())),
        ];
        assert_eq!(compare(&before, &after), expected);
        assert_eq!(compare(&after, &after), []);
    }
}
