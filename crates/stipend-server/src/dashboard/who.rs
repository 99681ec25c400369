//! Who had something done, as people read it.

use crate::app::App;
use maud::{Markup, html};
use stipend_engine::{Actor, ApiKey};

/// Who it was; what is older than the recording of it says so.
pub(super) fn who(app: &App, by: Option<&Actor>) -> Markup {
    match by {
        None => html! { span.quiet { "Not recorded" } },
        Some(Actor::System) => html! { "Time" },
        Some(Actor::Host) => html! { "The server’s settings or command line" },
        Some(Actor::Operator(name)) => html! { (name) },
        Some(Actor::Key(number)) => match app.engine().find_key(*number) {
            Some(key) => html! { "API key " (called(&key)) },
            None => html! { "API key no. " (number.0) },
        },
    }
}

/// A key as people call it.
pub(super) fn called(key: &ApiKey) -> Markup {
    html! {
        @if !key.name.is_empty() { strong { (key.name) } " " }
        code { "…" (key.hint) }
    }
}
