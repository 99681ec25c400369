//! Forms that count once, however often they are sent: by two clicks, or again after an answer was lost.
//! A hidden field has an id that no other form has; together with who it is for, it is the key under
//! which the command is remembered.

use super::form::{Form, TOKEN_FIELD, Trouble};
use super::visit::Visit;
use crate::ids::random_id;
use maud::{Markup, html};
use stipend_engine::{Command, Key, Operation};

/// The name of the hidden field.
pub(super) const ONCE: &str = "once";
/// The name of the button that was pressed, which says nothing about what is asked for.
const BUTTON: &str = "do";

/// A form that nobody has filled in yet, with an id of its own.
pub(super) fn noted(visit: &Visit, form: Form) -> Form {
    form.plus(ONCE, &random_id(visit.app.random()))
}

/// The field that carries the id.
pub(super) fn field(form: &Form) -> Markup {
    html! { input type="hidden" name=(ONCE) value=(form.get(ONCE)); }
}

/// Does what a form asks for, unless that form has done it before; answers whether it did it now.
/// `what` says what the form is, and what it is about.
///
/// # Errors
/// The command's refusal; where the form has done something else before, that it has.
pub(super) async fn run(
    visit: &Visit,
    what: &[&str],
    form: &Form,
    command: Command,
) -> Result<bool, Trouble> {
    if !form.is_on(ONCE) {
        // It is none of our pages', and nothing tells it from another one.
        return visit.run(command).await.map(|_| true);
    }
    let parts: Vec<&str> = what.iter().copied().chain([form.get(ONCE)]).collect();
    let meaning = form.encoded_but(&[TOKEN_FIELD, BUTTON]);
    let key = Key::new(visit.env(), Operation::Request, &parts, meaning.as_bytes());
    Ok(visit.app.run_once((visit.env(), visit.actor()), key, command).await?)
}
