//! What pages are made of.

use maud::{Markup, Render, html};
use std::borrow::Cow;
use stipend_core::{Amount, Timestamp};

/// The head of a page: where one is, its title, and what can be done.
pub(super) struct Head<'a> {
    /// The title.
    pub(super) title: &'a str,
    /// The pages above, as addresses and names.
    pub(super) above: &'a [(String, &'a str)],
    /// What stands beside the title: badges, ids.
    pub(super) beside: Markup,
    /// What can be done: links and buttons.
    pub(super) actions: Markup,
}

impl<'a> Head<'a> {
    /// A head with a title alone.
    pub(super) fn new(title: &'a str) -> Self {
        Self { title, above: &[], beside: Markup::default(), actions: Markup::default() }
    }
}

impl Render for Head<'_> {
    fn render(&self) -> Markup {
        html! {
            div.head {
                @if !self.above.is_empty() {
                    nav.above aria-label="Above" {
                        ol { @for (path, name) in self.above { li { a href=(path) { (name) } } } }
                    }
                }
                div.title {
                    h1 { (self.title) }
                    (self.beside)
                    @if !self.actions.0.is_empty() { div.actions { (self.actions) } }
                }
            }
        }
    }
}

/// The digits of an amount, with marks between the thousands.
pub(crate) fn grouped(amount: Amount) -> String {
    let text = amount.to_string();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("\u{2212}", digits),
        None => ("", text.as_str()),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let mut grouped = sign.to_owned();
    for (index, digit) in whole.char_indices() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if !part.is_empty() {
        grouped.push('.');
        grouped.push_str(part);
    }
    grouped
}

/// A name in the midst of a text, where no markup can stand: where it is written from right to
/// left, or turns the direction around, it is put between the marks that keep it to itself.
pub(super) fn isolated(name: &str) -> Cow<'_, str> {
    const FIRST: char = '\u{2068}';
    const LAST: char = '\u{2069}';
    if !name.contains(turns) {
        return Cow::Borrowed(name);
    }
    let mut text = String::from(FIRST);
    let mut open = 1_usize;
    for character in name.chars() {
        match character {
            '\u{2066}'..='\u{2068}' => open += 1,
            // It closes nothing that it has not opened.
            LAST if open == 1 => continue,
            LAST => open -= 1,
            _ => {}
        }
        text.push(character);
    }
    text.extend(std::iter::repeat_n(LAST, open));
    Cow::Owned(text)
}

/// Whether a character is of a script from right to left, or a mark about the direction.
const fn turns(character: char) -> bool {
    matches!(
        character,
        '\u{590}'..='\u{8ff}'
            | '\u{200e}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{fb1d}'..='\u{fdff}'
            | '\u{fe70}'..='\u{fefc}'
            | '\u{10800}'..='\u{10fff}'
            | '\u{1e800}'..='\u{1efff}'
    )
}

/// An amount as it is read.
pub(super) fn amount(amount: Amount) -> Markup {
    html! { span.amount { (grouped(amount)) } }
}

/// An instant as it is read, in UTC.
pub(super) fn time(at: Timestamp) -> Markup {
    let exact = at.to_string();
    let short = exact.get(..16).map_or_else(|| exact.clone(), |short| short.replace('T', " "));
    html! { time datetime=(exact) title=(exact) { (short) } }
}

/// An id, as machines spell it.
pub(super) fn id(id: &str) -> Markup {
    html! { code.id { (id) } }
}

/// The colour of a badge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Nothing special.
    Quiet,
    /// As it should be.
    Good,
    /// Look at it.
    Warning,
}

/// A text that may be missing.
pub(super) fn optional(text: Option<&str>) -> Markup {
    match text {
        Some(text) => html! { (text) },
        None => html! { span.quiet { "—" } },
    }
}

/// The two sides of a list: what is active and what is archived. There is nothing to choose where
/// nothing is archived.
pub(super) fn tabs(path: &str, is_archive: bool, active: usize, archived: usize) -> Markup {
    let current = |on: bool| on.then_some("page");
    html! {
        @if archived > 0 || is_archive {
            nav.tabs aria-label="Active or archived" {
                a href=(path) aria-current=[current(!is_archive)] {
                    "Active " span.count { (active) }
                }
                a href=(format!("{path}?status=archived")) aria-current=[current(is_archive)] {
                    "Archived " span.count { (archived) }
                }
            }
        }
    }
}

/// A short word about the state of something.
pub(super) fn badge(tone: Tone, text: &str) -> Markup {
    let tone = match tone {
        Tone::Quiet => "quiet",
        Tone::Good => "good",
        Tone::Warning => "warning",
    };
    html! { span.badge data-tone=(tone) { (text) } }
}

/// Where a list is empty: what it is for, and what to do next.
pub(super) fn empty(title: &str, text: &str, action: &Markup) -> Markup {
    html! {
        div.empty {
            p.empty-title { (title) }
            p { (text) }
            @if !action.0.is_empty() { p { (action) } }
        }
    }
}

/// A link that looks like the main thing to do.
pub(super) fn primary(path: &str, text: &str) -> Markup {
    html! { a.button.primary href=(path) { (text) } }
}

/// A link that looks like a thing to do.
pub(super) fn button(path: &str, text: &str) -> Markup {
    html! { a.button href=(path) { (text) } }
}

/// A table that can be scrolled sideways where it does not fit.
pub(super) fn table(caption: &str, head: &Markup, rows: &Markup) -> Markup {
    html! {
        div.table tabindex="0" role="region" aria-label=(caption) {
            table {
                caption.visually-hidden { (caption) }
                thead { tr { (head) } }
                tbody { (rows) }
            }
        }
    }
}

/// A list of names with their values.
pub(super) fn facts(facts: &[(&str, Markup)]) -> Markup {
    html! {
        dl.facts {
            @for (name, value) in facts { div { dt { (name) } dd { (value) } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped_by_thousands() {
        let check = |text: &str, expected: &str| {
            let amount = Amount::parse_exact(text).expect("the test writes amounts well");
            assert_eq!(grouped(amount), expected, "{text}");
        };
        check("0", "0");
        check("999", "999");
        check("1000", "1,000");
        check("80000", "80,000");
        check("1234567.5", "1,234,567.5");
        check("-15", "\u{2212}15");
        check("-100000", "\u{2212}100,000");
        check("0.000000001", "0.000000001");
    }

    #[test]
    fn a_time_is_short_to_read_and_exact_to_machines() {
        let at = Timestamp::parse("2026-01-31T09:05:07.25Z").expect("it is an instant");
        let text = time(at).0;
        assert!(text.contains(">2026-01-31 09:05<"), "{text}");
        assert!(text.contains("datetime=\"2026-01-31T09:05:07.250Z\""), "{text}");
    }
}
