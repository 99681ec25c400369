//! Who had something done, as people read it.

use crate::app::App;
use maud::{Markup, html};
use stipend_engine::{Actor, ApiKey, Engine};

/// Who it was; what is older than the recording of it says so.
pub(super) fn who(app: &App, by: Option<&Actor>) -> Markup {
    match by {
        None => html! { span.quiet { "Not recorded" } },
        Some(Actor::Key(number)) => match app.engine().find_key(*number) {
            Some(key) => html! { "API key " (called(&key)) },
            None => html! { "API key no. " (number.0) },
        },
        Some(by) => html! { (said(app.engine(), by)) },
    }
}

/// Who it was, where there is no markup.
pub(super) fn said(engine: &Engine, by: &Actor) -> String {
    match by {
        Actor::System => "Time".to_owned(),
        Actor::Host => "The server’s settings or command line".to_owned(),
        Actor::Operator(name) => name.clone(),
        Actor::Key(number) => match engine.find_key(*number) {
            Some(key) if key.name.is_empty() => format!("API key …{}", key.hint),
            Some(key) => format!("API key {} …{}", key.name, key.hint),
            None => format!("API key no. {}", number.0),
        },
    }
}

/// A key as people call it.
pub(super) fn called(key: &ApiKey) -> Markup {
    html! {
        @if !key.name.is_empty() { strong { (key.name) } " " }
        code.word { "…" (key.hint) }
    }
}
