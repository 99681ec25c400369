//! Meters: which events count as usage of a feature, and how they become a number
//! (`behaviour.md` §1.3, §0.20).

use super::Document;
use crate::Amount;
use crate::customer::DimensionValue;

/// The field that stands for the name of an event; filters can ask for it.
pub const EVENT_NAME_FIELD: &str = "eventName";

/// How events become a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aggregation {
    /// How many there were.
    Count,
    /// The sum of a field.
    Sum(String),
    /// The greatest value of a field.
    Max(String),
    /// The least value of a field.
    Min(String),
    /// The mean of a field.
    Avg(String),
    /// How many different values of a field there were.
    Unique(String),
}

impl Aggregation {
    /// The field that it is taken of; none for a count.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Count => None,
            Self::Sum(field)
            | Self::Max(field)
            | Self::Min(field)
            | Self::Avg(field)
            | Self::Unique(field) => Some(field),
        }
    }

    /// Whether it can be priced at a fixed rate: it never falls when an event is added. The least
    /// value and the mean can, and are refused when they are mapped to credits
    /// (`behaviour.md` §0.20).
    #[must_use]
    pub fn only_grows(&self) -> bool {
        !matches!(self, Self::Min(_) | Self::Avg(_))
    }
}

/// How a field of an event is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// It is the value.
    Equals,
    /// It is another value, or it is not there.
    NotEquals,
    /// It is a number above the value.
    GreaterThan,
    /// It is a number, the value or above it.
    GreaterThanOrEqual,
    /// It is a number below the value.
    LessThan,
    /// It is a number, the value or below it.
    LessThanOrEqual,
    /// It is not there.
    IsNull,
    /// It is there.
    IsNotNull,
    /// Its text has the value in it.
    Contains,
    /// Its text begins with the value.
    StartsWith,
    /// Its text ends with the value.
    EndsWith,
    /// It is one of the values.
    In,
}

/// A comparison of one field of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The field.
    pub field: String,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what: one value, several for [`Comparison::In`], none for the questions whether it is
    /// there.
    pub values: Vec<String>,
}

/// What counts as usage of a feature.
///
/// # Examples
///
/// ```
/// use stipend_core::Amount;
/// use stipend_core::catalog::{Aggregation, Comparison, Condition, Document, Meter};
/// use stipend_core::customer::DimensionValue;
/// let meter = Meter {
///     aggregation: Aggregation::Sum("tokens".to_owned()),
///     filters: vec![vec![Condition {
///         field: "model".to_owned(),
///         comparison: Comparison::StartsWith,
///         values: vec!["large".to_owned()],
///     }]],
///     document: Document(String::new()),
/// };
/// let large = DimensionValue::Text("large-2".to_owned());
/// assert!(meter.matches(|field| (field == "model").then_some(&large)));
/// assert!(!meter.matches(|_| None));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meter {
    /// How events become a number.
    pub aggregation: Aggregation,
    /// Which events count: those that meet all conditions of any filter. Without filters all do.
    pub filters: Vec<Vec<Condition>>,
    /// The definition as the caller wrote it.
    pub document: Document,
}

impl Meter {
    /// Whether an event counts, whose fields `lookup` gives.
    pub fn matches<'a>(&self, lookup: impl Fn(&str) -> Option<&'a DimensionValue>) -> bool {
        let mut filters = self.filters.iter();
        self.filters.is_empty()
            || filters.any(|conditions| {
                conditions.iter().all(|condition| condition.holds(lookup(&condition.field)))
            })
    }
}

impl Condition {
    /// Whether it holds for the value of its field.
    #[must_use]
    pub fn holds(&self, found: Option<&DimensionValue>) -> bool {
        let first = self.values.first().map_or("", String::as_str);
        match self.comparison {
            Comparison::IsNull => found.is_none(),
            Comparison::IsNotNull => found.is_some(),
            Comparison::NotEquals => !found.is_some_and(|found| is_value(found, first)),
            Comparison::Equals => found.is_some_and(|found| is_value(found, first)),
            Comparison::In => {
                found.is_some_and(|found| self.values.iter().any(|value| is_value(found, value)))
            }
            Comparison::GreaterThan => compare(found, first, |one, other| one > other),
            Comparison::GreaterThanOrEqual => compare(found, first, |one, other| one >= other),
            Comparison::LessThan => compare(found, first, |one, other| one < other),
            Comparison::LessThanOrEqual => compare(found, first, |one, other| one <= other),
            Comparison::Contains => has_text(found, |text| text.contains(first)),
            Comparison::StartsWith => has_text(found, |text| text.starts_with(first)),
            Comparison::EndsWith => has_text(found, |text| text.ends_with(first)),
        }
    }
}

/// A number is its value however it is written; a flag is `true` or `false`.
fn is_value(found: &DimensionValue, value: &str) -> bool {
    match found {
        DimensionValue::Text(text) => text == value,
        DimensionValue::Number(number) => {
            Amount::parse_rounded(value).is_ok_and(|value| value == *number)
        }
        DimensionValue::Flag(flag) => value == if *flag { "true" } else { "false" },
    }
}

fn compare(
    found: Option<&DimensionValue>,
    value: &str,
    holds: impl Fn(Amount, Amount) -> bool,
) -> bool {
    match (found, Amount::parse_rounded(value)) {
        (Some(DimensionValue::Number(number)), Ok(value)) => holds(*number, value),
        _ => false,
    }
}

fn has_text(found: Option<&DimensionValue>, holds: impl Fn(&str) -> bool) -> bool {
    match found {
        Some(DimensionValue::Text(text)) => holds(text),
        Some(DimensionValue::Number(number)) => holds(&number.to_string()),
        Some(DimensionValue::Flag(_)) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_hold_as_their_comparison_says() {
        let number = |text: &str| DimensionValue::Number(Amount::parse_exact(text).unwrap());
        let text = |text: &str| DimensionValue::Text(text.to_owned());
        let check = |comparison, values: &[&str], found: Option<DimensionValue>, holds: bool| {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            let condition = Condition { field: "f".to_owned(), comparison, values };
            assert_eq!(condition.holds(found.as_ref()), holds, "{condition:?} {found:?}");
        };
        check(Comparison::Equals, &["a"], Some(text("a")), true);
        check(Comparison::Equals, &["a"], Some(text("A")), false);
        check(Comparison::Equals, &["1.50"], Some(number("1.5")), true);
        check(Comparison::Equals, &["true"], Some(DimensionValue::Flag(true)), true);
        check(Comparison::Equals, &["a"], None, false);
        check(Comparison::NotEquals, &["a"], Some(text("b")), true);
        check(Comparison::NotEquals, &["a"], None, true);
        check(Comparison::NotEquals, &["1"], Some(number("1")), false);
        check(Comparison::GreaterThan, &["10"], Some(number("10")), false);
        check(Comparison::GreaterThan, &["10"], Some(number("10.1")), true);
        check(Comparison::GreaterThanOrEqual, &["10"], Some(number("10")), true);
        check(Comparison::LessThan, &["10"], Some(number("9")), true);
        check(Comparison::LessThanOrEqual, &["10"], Some(number("11")), false);
        check(Comparison::LessThan, &["b"], Some(text("a")), false);
        check(Comparison::IsNull, &[], None, true);
        check(Comparison::IsNull, &[], Some(text("")), false);
        check(Comparison::IsNotNull, &[], Some(text("")), true);
        check(Comparison::Contains, &["ell"], Some(text("hello")), true);
        check(Comparison::StartsWith, &["he"], Some(text("hello")), true);
        check(Comparison::EndsWith, &["lo"], Some(text("hello")), true);
        check(Comparison::EndsWith, &["lo"], Some(DimensionValue::Flag(true)), false);
        check(Comparison::In, &["a", "2"], Some(number("2")), true);
        check(Comparison::In, &["a", "2"], Some(text("c")), false);
    }

    #[test]
    fn an_event_counts_that_meets_all_conditions_of_any_filter() {
        let is = |field: &str, value: &str| Condition {
            field: field.to_owned(),
            comparison: Comparison::Equals,
            values: vec![value.to_owned()],
        };
        let filters = vec![vec![is("a", "1"), is("b", "2")], vec![is("c", "3")]];
        let check = |pairs: &[(&str, i64)], counts: bool| {
            let values: Vec<_> = pairs
                .iter()
                .map(|(field, value)| (*field, DimensionValue::Number(Amount::whole(*value))))
                .collect();
            let meter = Meter {
                aggregation: Aggregation::Count,
                filters: filters.clone(),
                document: Document(String::new()),
            };
            let lookup = |field: &str| {
                values.iter().find(|(found, _)| *found == field).map(|(_, value)| value)
            };
            assert_eq!(meter.matches(lookup), counts, "{pairs:?}");
        };
        check(&[("a", 1)], false);
        check(&[("a", 1), ("b", 2)], true);
        check(&[("c", 3)], true);
        check(&[("c", 4)], false);
    }
}
