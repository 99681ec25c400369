//! Environment › API keys: which there are and were, making another one, revoking one.

use super::failure::Failure;
use super::field::{Choice, Dangerous, Field, Sheet, add_page};
use super::form::{Form, Trouble};
use super::layout::Section;
use super::once;
use super::ui::{Head, Tone, badge, empty, facts, primary, table, time};
use super::visit::{Posted, Visit};
use super::who::{called, who};
use crate::app::App;
use crate::ids::secret_key;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use stipend_engine::limits::API_KEY_NAME_MAX;
use stipend_engine::{ApiKey, Command, KeyNo, PRODUCTION, Rights, Scope};

const LIST: &str = "/api-keys";
const NEW: &str = "/api-keys/new";
const TITLE: &str = "Add API key";
const REVOKE: &str = "Revoke API key";
const SECTION: Section = Section::ApiKeys;

/// The name of the field about the scope, and the value that adds rights to it.
const SCOPE: &str = "scope";
const MANAGES: &str = "environments";

pub(super) fn router() -> Router<App> {
    Router::new()
        .route(LIST, get(list).post(create))
        .route(NEW, get(new))
        .route("/api-keys/{key}/revoke", get(ask_revoke).post(revoke))
}

/// What a key may be used for, as people read it.
pub(super) const fn allowed(scope: Scope, rights: Rights) -> &'static str {
    match scope {
        Scope::Full if rights.manages_environments => "Everything, and managing environments",
        Scope::Full => "Everything",
        Scope::Read => "Reading and checks",
        Scope::Usage => "Checks, reservations and usage",
    }
}

async fn list(visit: Visit) -> Response {
    let mut keys = visit.app.engine().api_keys(visit.env());
    // Newest first, and what opens nothing any more behind what does.
    keys.sort_by_key(|key| (!key.is_live(), std::cmp::Reverse(key.number)));
    let add = primary(&visit.path(NEW), "+ Add API key");
    let head = html! {
        th scope="col" { "Key" } th scope="col" { "What it may do" } th scope="col" { "Created" }
        th scope="col" { "Created by" } th scope="col" { "State" }
        th scope="col" { span.visually-hidden { "Actions" } }
    };
    let rows = html! { @for key in &keys { (row(&visit, key)) } };
    let body = html! {
        (Head { actions: add.clone(), ..Head::new("API keys") })
        p.lead {
            "Secret keys with which your servers reach this environment, and no other. Only the last \
             characters are known here. To replace a key, add a second one, put it into use, then \
             revoke the first."
        }
        @if keys.is_empty() {
            (empty("No API key yet", "Make one: without a key nothing can call the API here.", &add))
        } @else {
            (table("API keys", &head, &rows))
        }
    };
    visit.page(SECTION, "API keys", &body)
}

fn row(visit: &Visit, key: &ApiKey) -> Markup {
    html! {
        tr {
            th scope="row" { span.breaks { (called(key)) } }
            td { (allowed(key.scope, key.rights)) }
            td { (time(key.created_at)) }
            td { (who(&visit.app, key.created_by.as_ref())) }
            td {
                @match key.revoked_at {
                    None => (badge(Tone::Good, "Active")),
                    Some(at) => {
                        (badge(Tone::Quiet, "Revoked"))
                        span.under { (time(at)) " by " (who(&visit.app, key.revoked_by.as_ref())) }
                    }
                }
            }
            td.doing {
                @if key.is_live() {
                    a.button.small.danger href=(visit.path(&format!("{LIST}/{}/revoke", key.number.0))) {
                        "Revoke…"
                    }
                }
            }
        }
    }
}

fn new_page(visit: &Visit, form: &Form) -> Markup {
    let mut options = vec![
        ("full", "Full", html! { "Everything in this environment. For a server that you trust." }),
        ("read", "Read", html! { "Reads and checks; changes nothing. For reports and support." }),
        (
            "usage",
            "Usage",
            html! {
                "Checks, reserves, reports usage and consumes credits; reads nothing else. For what is \
                 gated and metered."
            },
        ),
    ];
    // Keys that manage environments are keys of production, as the API has it.
    if visit.env() == PRODUCTION {
        let means = html! { "As Full, and lists, makes and changes all environments." };
        options.push((MANAGES, "Full, with environments", means));
    }
    let length = u32::try_from(API_KEY_NAME_MAX).unwrap_or(u32::MAX);
    let fields = html! {
        p.prose {
            "The key opens " strong { (visit.environment.name) } ". It is shown once, on the next \
             page."
        }
        (once::field(form))
        (Field::text(form, "name", "Name").max(length)
            .hint("Where it is used, such as “checkout service”. It may be left out."))
        (Choice { form, name: SCOPE, label: "What it may do", options })
    };
    add_page(visit, (LIST, "API keys"), TITLE, form, fields)
}

async fn new(visit: Visit) -> Response {
    let body = new_page(&visit, &once::noted(&visit, Form::parse(b"scope=full")));
    visit.page(SECTION, TITLE, &body)
}

async fn create(posted: Posted) -> Response {
    let Posted { visit, form } = posted;
    let secret = secret_key(visit.app.random());
    let asked = form.get(SCOPE);
    let manages_environments = visit.env() == PRODUCTION && asked == MANAGES;
    // A right beyond the environment is no scope, and given in production alone.
    let scope = if asked == MANAGES { Some(Scope::Full) } else { Scope::parse(asked) };
    let Some(scope) = scope else {
        let trouble = Trouble::at(SCOPE, "Choose what the key may do.");
        let body = new_page(&visit, &form.with(trouble));
        return visit.refused(SECTION, TITLE, &body);
    };
    let name = form.get("name").trim().to_owned();
    let rights = Rights { manages_environments };
    let key = ApiKey { name, scope, rights, ..ApiKey::new(&secret) };
    match once::run(&visit, &["dashboard/api-key"], &form, Command::CreateKey(key)).await {
        Ok(true) => visit.made_key(&visit.path(LIST), "The API key was added.", secret),
        Ok(false) => {
            visit.made_before(&visit.path(LIST), "This form has added its API key before.")
        }
        Err(trouble) => {
            let body = new_page(&visit, &form.with(trouble));
            visit.refused(SECTION, TITLE, &body)
        }
    }
}

/// The key that the address names, of this environment.
fn find(visit: &Visit) -> Result<ApiKey, Failure> {
    let number = visit.param("key").parse().map_err(|_| Failure::NotFound)?;
    let found = visit.app.engine().find_key(KeyNo(number));
    found.filter(|key| key.env == visit.env()).ok_or(Failure::NotFound)
}

fn revoke_page(visit: &Visit, key: &ApiKey, form: &Form) -> Markup {
    let back = visit.path(LIST);
    let others = visit.app.engine().api_keys(visit.env());
    let is_last = !others.iter().any(|other| other.is_live() && other.number != key.number);
    let above = [(back.clone(), "API keys")];
    html! {
        (Head { above: &above, ..Head::new(REVOKE) })
        p.prose {
            "Whoever still uses it gets 401 from now on. It cannot be undone; what was done with it \
             stays done, and it stays in the list."
        }
        @if is_last {
            p.prose {
                strong { "It is the last key of this environment: " }
                "nothing can call the API here until another one is added."
            }
        }
        (facts(&[
            ("Key", called(key)),
            ("What it may do", html! { (allowed(key.scope, key.rights)) }),
            ("Created", html! { (time(key.created_at)) " by "
                (who(&visit.app, key.created_by.as_ref())) }),
        ]))
        (Dangerous(Sheet {
            visit,
            action: &visit.path(&format!("{LIST}/{}/revoke", key.number.0)),
            form,
            fields: Markup::default(),
            submit: "Revoke it",
            cancel: Some(&back),
        }))
    }
}

async fn ask_revoke(visit: Visit) -> Result<Response, Failure> {
    let key = find(&visit)?;
    if !key.is_live() {
        return Ok(visit.go(&visit.path(LIST)));
    }
    Ok(visit.page(SECTION, REVOKE, &revoke_page(&visit, &key, &Form::default())))
}

async fn revoke(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let key = find(&visit)?;
    match visit.run(Command::RevokeKey(key.number)).await {
        Ok(_) => Ok(visit.done(&visit.path(LIST), "The API key was revoked.")),
        Err(trouble) => {
            let body = revoke_page(&visit, &key, &form.with(trouble));
            Ok(visit.refused(SECTION, REVOKE, &body))
        }
    }
}
