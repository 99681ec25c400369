//! The fields of forms: a label, a control, a hint, and what is wrong right beside it.

use super::form::{Form, TOKEN_FIELD};
use super::ui::{Head, isolated};
use super::visit::Visit;
use maud::{Markup, Render, html};

/// A form that is posted to an address.
pub(super) struct Sheet<'a> {
    /// Who looks at it.
    pub(super) visit: &'a Visit,
    /// Where it is sent.
    pub(super) action: &'a str,
    /// What was typed, and what is wrong with it.
    pub(super) form: &'a Form,
    /// Its fields.
    pub(super) fields: Markup,
    /// What its button says.
    pub(super) submit: &'a str,
    /// Where one goes instead.
    pub(super) cancel: Option<&'a str>,
}

impl Sheet<'_> {
    fn with_button(&self, class: &str) -> Markup {
        html! {
            form.sheet method="post" action=(self.action) {
                (token(self.visit))
                (summary(self.form))
                (self.fields)
                div.actions {
                    button class=(class) type="submit" { (self.submit) }
                    @if let Some(cancel) = self.cancel { a.button href=(cancel) { "Cancel" } }
                }
            }
        }
    }
}

impl Render for Sheet<'_> {
    fn render(&self) -> Markup {
        self.with_button("button primary")
    }
}

/// A form whose button ends something or takes it away.
pub(super) struct Dangerous<'a>(pub(super) Sheet<'a>);

impl Render for Dangerous<'_> {
    fn render(&self) -> Markup {
        self.0.with_button("button danger")
    }
}

/// The page on which something is added to a list: sent to the list, which one goes back to.
pub(super) fn add_page(
    visit: &Visit,
    (list, name): (&str, &str),
    title: &str,
    form: &Form,
    fields: Markup,
) -> Markup {
    let list = visit.path(list);
    html! {
        (Head { above: &[(list.clone(), name)], ..Head::new(title) })
        (Sheet { visit, action: &list, form, fields, submit: "Add", cancel: Some(&list) })
    }
}

/// The session's token, which every form carries.
pub(super) fn token(visit: &Visit) -> Markup {
    html! { input type="hidden" name=(TOKEN_FIELD) value=(visit.session.token); }
}

/// What is wrong with a form, above it; the field says it again.
pub(super) fn summary(form: &Form) -> Markup {
    let Some(trouble) = form.trouble() else { return Markup::default() };
    html! {
        div.trouble role="alert" {
            p { strong { "That was not saved." } " " (trouble.message) }
            @if let Some(field) = &trouble.field {
                p { a href=(format!("#{}", control_id(field))) { "Go to the field" } }
            }
        }
    }
}

/// A form of one button, for what needs no fields.
pub(super) fn one_button(visit: &Visit, action: &str, text: &str) -> Markup {
    html! {
        form.inline method="post" action=(action) {
            (token(visit))
            button.button type="submit" { (text) }
        }
    }
}

/// The id of the control of a field.
fn control_id(name: &str) -> String {
    format!("f-{}", name.replace('/', "-"))
}

/// What a control is.
#[derive(Clone, Debug)]
enum Control<'a> {
    Line { kind: &'a str, mode: Option<&'a str> },
    Lines,
    Select(Vec<(String, String)>),
}

/// One labelled control.
#[derive(Clone, Debug)]
pub(super) struct Field<'a> {
    form: &'a Form,
    name: &'a str,
    label: &'a str,
    control: Control<'a>,
    hint: Option<String>,
    is_required: bool,
    is_fixed: bool,
    length_max: Option<u32>,
    slug_of: Option<(&'a str, &'a str)>,
    complete: Option<&'a str>,
    place: Option<usize>,
}

impl<'a> Field<'a> {
    fn new(form: &'a Form, name: &'a str, label: &'a str, control: Control<'a>) -> Self {
        Self {
            form,
            name,
            label,
            control,
            hint: None,
            is_required: false,
            is_fixed: false,
            length_max: None,
            slug_of: None,
            complete: None,
            place: None,
        }
    }

    /// One line of text.
    pub(super) fn text(form: &'a Form, name: &'a str, label: &'a str) -> Self {
        Self::new(form, name, label, Control::Line { kind: "text", mode: None })
    }

    /// A password.
    pub(super) fn password(form: &'a Form, name: &'a str, label: &'a str) -> Self {
        Self::new(form, name, label, Control::Line { kind: "password", mode: None })
    }

    /// A number as people write it.
    pub(super) fn number(form: &'a Form, name: &'a str, label: &'a str) -> Self {
        Self::new(form, name, label, Control::Line { kind: "text", mode: Some("decimal") })
    }

    /// A date with a time, in UTC.
    pub(super) fn instant(form: &'a Form, name: &'a str, label: &'a str) -> Self {
        Self::new(form, name, label, Control::Line { kind: "datetime-local", mode: None })
    }

    /// Several lines of text.
    pub(super) fn lines(form: &'a Form, name: &'a str, label: &'a str) -> Self {
        Self::new(form, name, label, Control::Lines)
    }

    /// One of a list of values, each with its name.
    pub(super) fn select<V: Into<String>, N: Into<String>>(
        form: &'a Form,
        name: &'a str,
        label: &'a str,
        options: impl IntoIterator<Item = (V, N)>,
    ) -> Self {
        let options =
            options.into_iter().map(|(value, name)| (value.into(), name.into())).collect();
        Self::new(form, name, label, Control::Select(options))
    }

    /// It has to be filled in.
    pub(super) fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    /// It is shown and cannot be changed.
    pub(super) fn fixed(mut self) -> Self {
        self.is_fixed = true;
        self
    }

    /// What to know before it is filled in.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The most characters.
    pub(super) fn max(mut self, length: u32) -> Self {
        self.length_max = Some(length);
        self
    }

    /// An id that the script makes of a name while it is typed, unless somebody chose one.
    pub(super) fn slug_of(mut self, name: &'a str, prefix: &'a str) -> Self {
        self.slug_of = Some((name, prefix));
        self
    }

    /// It is the one at that place of several lines.
    pub(super) fn at(mut self, place: usize) -> Self {
        self.place = Some(place);
        self
    }

    /// What a trouble calls it.
    fn full_name(&self) -> String {
        self.place.map_or_else(|| self.name.to_owned(), |place| format!("{}/{place}", self.name))
    }

    fn id(&self) -> String {
        control_id(&self.full_name())
    }

    fn trouble(&self) -> Option<&'a str> {
        self.form.trouble_at(&self.full_name())
    }

    fn value(&self) -> &'a str {
        self.form.nth(self.name, self.place.unwrap_or(0))
    }

    /// What browsers may fill in.
    pub(super) fn complete(mut self, complete: &'a str) -> Self {
        self.complete = Some(complete);
        self
    }

    fn control(&self, described_by: Option<&str>) -> Markup {
        let id = self.id();
        // What was typed as a password is never sent back.
        let is_secret = matches!(self.control, Control::Line { kind: "password", .. });
        let value = if is_secret { "" } else { self.value() };
        let invalid = self.trouble().map(|_| "true");
        let focused = self.form.is_focused(&self.full_name());
        let source = self.slug_of.map(|(name, _)| control_id(name));
        let prefix = self.slug_of.map(|(_, prefix)| prefix);
        match &self.control {
            Control::Line { kind, mode } => html! {
                input id=(id) type=(kind) name=(self.name) value=(value) inputmode=[*mode]
                    required[self.is_required] readonly[self.is_fixed] maxlength=[self.length_max]
                    autocomplete=(self.complete.unwrap_or("off")) aria-invalid=[invalid]
                    aria-describedby=[described_by] data-slug-of=[source] data-slug-prefix=[prefix]
                    autofocus[focused];
            },
            Control::Lines => html! {
                textarea id=(id) name=(self.name) rows="3" required[self.is_required]
                    maxlength=[self.length_max] aria-invalid=[invalid]
                    aria-describedby=[described_by] { "\n" (value) }
            },
            Control::Select(options) => html! {
                select id=(id) name=(self.name) required[self.is_required] aria-invalid=[invalid]
                    aria-describedby=[described_by] autofocus[focused] {
                    @for (option, name) in options {
                        option value=(option) selected[option == value] { (isolated(name)) }
                    }
                }
            },
        }
    }
}

impl Render for Field<'_> {
    fn render(&self) -> Markup {
        let id = self.id();
        let trouble = self.trouble();
        let (hint_id, trouble_id) = (format!("{id}-hint"), format!("{id}-trouble"));
        let hint = self.hint.as_ref().map(|_| hint_id.as_str());
        let described = [trouble.map(|_| trouble_id.as_str()), hint];
        let described = described.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let described = (!described.is_empty()).then_some(described);
        html! {
            div.field {
                label for=(id) {
                    bdi { (self.label) }
                    @if !self.is_required && !self.is_fixed { " " span.quiet { "(optional)" } }
                }
                (self.control(described.as_deref()))
                @if let Some(trouble) = trouble {
                    p.field-trouble id=(trouble_id) { (trouble) }
                }
                @if let Some(hint) = &self.hint { p.hint id=(hint_id) { (hint) } }
            }
        }
    }
}

/// One of a few values, each with a line that says what it means.
pub(super) struct Choice<'a> {
    /// What was chosen.
    pub(super) form: &'a Form,
    /// The name of the field.
    pub(super) name: &'a str,
    /// What is chosen between.
    pub(super) label: &'a str,
    /// Values, names, and what they mean.
    pub(super) options: Vec<(&'a str, &'a str, Markup)>,
}

impl Render for Choice<'_> {
    fn render(&self) -> Markup {
        let (id, chosen) = (control_id(self.name), self.form.get(self.name));
        let none = !self.options.iter().any(|(value, ..)| *value == chosen);
        html! {
            fieldset.choice id=(id) {
                legend { (self.label) }
                @for (index, (value, name, meaning)) in self.options.iter().enumerate() {
                    @let is_on = *value == chosen || none && index == 0;
                    label.option {
                        input type="radio" name=(self.name) value=(value) checked[is_on];
                        span {
                            span.option-name { (name) }
                            @if !meaning.0.is_empty() { span.hint { (meaning) } }
                        }
                    }
                }
                @if let Some(trouble) = self.form.trouble_at(self.name) {
                    p.field-trouble { (trouble) }
                }
            }
        }
    }
}

/// A box to tick.
pub(super) fn tick(form: &Form, name: &str, label: &str, hint: &str) -> Markup {
    let id = control_id(name);
    let hint_id = format!("{id}-hint");
    html! {
        div.field.tick {
            label for=(id) {
                input id=(id) type="checkbox" name=(name) value="on" checked[form.is_on(name)]
                    aria-describedby=[(!hint.is_empty()).then_some(&hint_id)];
                span { (label) }
            }
            @if let Some(trouble) = form.trouble_at(name) { p.field-trouble { (trouble) } }
            @if !hint.is_empty() { p.hint id=(hint_id) { (hint) } }
        }
    }
}
