//! Lines of fields of which a form has as many as somebody wants. Buttons of the form add and drop
//! them: what is sent by one of those is shown again with a line more or less, and saved by nothing.

use super::form::Form;
use maud::{Markup, html};

/// The fields of buttons that add a line, and that drop one.
const MORE: &str = "_more";
const LESS: &str = "_less";

/// What a form has several lines of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repeat {
    /// Its name among the form's fields.
    pub(super) name: &'static str,
    /// What one line is.
    pub(super) one: &'static str,
    /// The fields of one line.
    pub(super) columns: &'static [&'static str],
}

impl Repeat {
    /// How many lines a form has.
    pub(super) fn count(&self, form: &Form) -> usize {
        let counts = self.columns.iter().map(|column| form.all(column).count());
        counts.max().unwrap_or(0)
    }

    /// The places of the lines in which something is filled in.
    pub(super) fn filled(&self, form: &Form) -> Vec<usize> {
        let has = |place: &usize| {
            self.columns.iter().any(|column| !form.nth(column, *place).trim().is_empty())
        };
        (0..self.count(form)).filter(has).collect()
    }

    /// The lines with their buttons; `fields` are those of the line at a place.
    pub(super) fn show(&self, form: &Form, fields: impl Fn(usize) -> Markup) -> Markup {
        let Self { name, one, .. } = self;
        let more = format!("+ Add {one}");
        html! {
            @for place in 0..self.count(form) {
                div.line {
                    (fields(place))
                    button.button.small type="submit" formnovalidate name=(LESS)
                        value=(format!("{name}/{place}"))
                        aria-label=(format!("Remove {one} {}", place + 1)) { "Remove" }
                }
            }
            div {
                button.button.small type="submit" formnovalidate name=(MORE) value=(name)
                    autofocus[form.is_focused(&after_less(name))] { (more) }
            }
            @if let Some(trouble) = form.trouble_at(name) {
                p.field-trouble id=(format!("f-{name}")) { (trouble) }
            }
        }
    }
}

/// The button that the Enter key presses: without it, it would be the first one that drops a line.
pub(super) fn on_enter() -> Markup {
    html! { button type="submit" hidden { "Save" } }
}

/// The form with a line more or less, where the button that was pressed asks for that. `Err` is the
/// form as it was: it is to be saved.
pub(super) fn reshaped(form: Form, all: &[Repeat]) -> Result<Form, Form> {
    let (more, less) = (form.get(MORE).to_owned(), form.get(LESS).to_owned());
    for repeat in all {
        if more == repeat.name {
            return Ok(with_line(form, repeat));
        }
        let place = less.strip_prefix(repeat.name).and_then(|rest| rest.strip_prefix('/'));
        if let Some(place) = place.and_then(|place| place.parse().ok()) {
            let form = repeat.columns.iter().fold(form, |form, column| form.without(column, place));
            return Ok(form.focused(after_less(repeat.name)));
        }
    }
    Err(form)
}

/// Where typing goes on when a line is gone: at the button that adds one.
fn after_less(name: &str) -> String {
    format!("{MORE}/{name}")
}

fn with_line(form: Form, repeat: &Repeat) -> Form {
    let place = repeat.count(&form);
    let form = repeat.columns.iter().fold(form, |form, column| form.plus(column, ""));
    let first = repeat.columns.first().copied().unwrap_or_default();
    form.focused(format!("{first}/{place}"))
}
