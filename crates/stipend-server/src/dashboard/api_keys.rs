//! Environment › API keys: which there are, and making another one.

use super::field::{Choice, add_page};
use super::form::Form;
use super::layout::Section;
use super::ui::{Head, empty, primary, table, time};
use super::visit::{Posted, Visit};
use crate::app::App;
use crate::ids::secret_key;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use stipend_engine::{ApiKey, Command, PRODUCTION, Rights};

const LIST: &str = "/api-keys";
const NEW: &str = "/api-keys/new";
const TITLE: &str = "Add API key";
const SECTION: Section = Section::ApiKeys;

/// The name of the field about rights, and the value that adds them.
const RIGHTS: &str = "rights";
const MANAGES: &str = "environments";

pub(super) fn router() -> Router<App> {
    Router::new().route(LIST, get(list).post(create)).route(NEW, get(new))
}

fn rights(key: &ApiKey) -> &'static str {
    if key.rights.manages_environments {
        "Everything here, and managing environments"
    } else {
        "Everything here"
    }
}

async fn list(visit: Visit) -> Response {
    let keys = visit.app.engine().api_keys(visit.env());
    let add = primary(&visit.path(NEW), "+ Add API key");
    let head = html! {
        th scope="col" { "Key" } th scope="col" { "What it may do" } th scope="col" { "Made" }
    };
    let rows = html! {
        @for key in keys.iter().rev() {
            tr {
                th scope="row" { code { "…" (key.hint) } }
                td { (rights(key)) }
                td { (time(key.created_at)) }
            }
        }
    };
    let body = html! {
        (Head { actions: add.clone(), ..Head::new("API keys") })
        p.lead {
            "Secret keys with which your servers reach this environment, and no other. Only the last \
             characters are known here."
        }
        @if keys.is_empty() {
            (empty("No API key yet", "Make one: without a key nothing can call the API here.", &add))
        } @else {
            (table("API keys", &head, &rows))
        }
    };
    visit.page(SECTION, "API keys", &body)
}

fn new_page(visit: &Visit, form: &Form) -> Markup {
    let fields = html! {
        p.prose {
            "The key opens " strong { (visit.environment.name) } ". It is shown once, on the next \
             page."
        }
        // Keys that manage environments are keys of production, as the API has it.
        @if visit.env() == PRODUCTION {
            (Choice {
                form,
                name: RIGHTS,
                label: "What it may do",
                options: vec![
                    ("", "Everything in this environment", Markup::default()),
                    (MANAGES, "Also manage environments",
                        html! { "List, make and change all environments over the API." }),
                ],
            })
        }
    };
    add_page(visit, (LIST, "API keys"), TITLE, form, fields)
}

async fn new(visit: Visit) -> Response {
    let body = new_page(&visit, &Form::default());
    visit.page(SECTION, TITLE, &body)
}

async fn create(posted: Posted) -> Response {
    let Posted { visit, form } = posted;
    let secret = secret_key(visit.app.random());
    let manages_environments = visit.env() == PRODUCTION && form.get(RIGHTS) == MANAGES;
    let key = ApiKey { rights: Rights { manages_environments }, ..ApiKey::new(&secret) };
    match visit.run(Command::CreateKey(key)).await {
        Ok(_) => visit.made_key(&visit.path(LIST), "The API key was added.", secret),
        Err(trouble) => {
            let body = new_page(&visit, &form.with(trouble));
            visit.refused(SECTION, TITLE, &body)
        }
    }
}
