//! What a form was made of, kept in a hidden field of it: what somebody else has changed since is
//! not to be taken back by whoever saves the rest.

use super::form::{Form, Trouble};
use maud::{Markup, html};

const SEEN: &str = "_seen";

/// The form with a note of what it is filled with.
pub(super) fn noted(form: Form) -> Form {
    let seen = form.encoded();
    form.plus(SEEN, &seen)
}

/// The field that carries the note.
pub(super) fn field(form: &Form) -> Markup {
    html! { input type="hidden" name=(SEEN) value=(form.get(SEEN)); }
}

/// What the form was filled with; nothing where it has no note.
pub(super) fn of(form: &Form) -> Option<Form> {
    form.is_on(SEEN).then(|| Form::parse(form.get(SEEN).as_bytes()))
}

/// Why something is not saved of which the form showed an earlier state.
pub(super) fn changed(what: &str) -> String {
    format!(
        "{what} changed after this form was opened, by somebody else or in another window. Nothing \
         was saved: open the form again, and look at what it says now."
    )
}

/// Refuses a form that was filled with something else than it would be filled with now.
pub(super) fn check(form: &Form, now: &Form, what: &str) -> Result<(), Trouble> {
    if form.get(SEEN) == now.encoded() {
        return Ok(());
    }
    Err(Trouble { message: changed(what), field: None })
}
