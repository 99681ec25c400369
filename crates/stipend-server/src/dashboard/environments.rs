//! Environment › All environments: the list, and making one.

use super::field::{Choice, Field, add_page};
use super::form::{Form, Trouble};
use super::layout::Section;
use super::object::Object;
use super::once;
use super::ui::{Head, Tone, badge, primary, table, time};
use super::visit::{Posted, Visit};
use crate::app::App;
use crate::ids::secret_key;
use crate::mapping::environment as mapping;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use stipend_engine::{ApiKey, Command, Environment, EnvironmentKind};
use stipend_wire::environment::{CreateEnvironment, EnvironmentName};

const LIST: &str = "/environments";
const NEW: &str = "/environments/new";
const TITLE: &str = "Add environment";
const SECTION: Section = Section::Environments;

pub(super) fn router() -> Router<App> {
    Router::new().route(LIST, get(list).post(create)).route(NEW, get(new))
}

/// The address of the page of an environment, seen from any other.
fn path_of(name: &str) -> String {
    format!("/e/{name}/settings")
}

/// What an environment is for, as a word.
pub(super) fn kind(environment: &Environment) -> Markup {
    match environment.kind {
        EnvironmentKind::Production => badge(Tone::Good, "Production"),
        EnvironmentKind::Sandbox => badge(Tone::Warning, "Sandbox"),
    }
}

/// Where its clock stands.
pub(super) fn clock(environment: &Environment) -> Markup {
    match environment.frozen_at {
        None => html! { "Wall clock" },
        Some(at) => html! { "Frozen at " (time(at)) },
    }
}

/// The name of its time zone.
pub(super) fn zone(environment: &Environment) -> String {
    let zone = environment.catalog.settings.zone.as_ref();
    zone.map_or_else(|| "UTC".to_owned(), ToString::to_string)
}

async fn list(visit: Visit) -> Response {
    let engine = visit.app.engine();
    let head = html! {
        th scope="col" { "Name" } th scope="col" { "Kind" } th scope="col" { "Time zone" }
        th scope="col" { "Clock" } th.num scope="col" { "API keys" } th scope="col" { "Made" }
    };
    let rows = html! {
        @for environment in engine.environments() {
            tr {
                th scope="row" { a href=(path_of(&environment.name)) { (environment.name) } }
                td { (kind(&environment)) }
                td { (zone(&environment)) }
                td { (clock(&environment)) }
                td.num { (engine.api_keys(environment.id).len()) }
                td { (time(environment.created_at)) }
            }
        }
    };
    let body = html! {
        (Head { actions: primary(&visit.path(NEW), "+ Add environment"), ..Head::new("Environments") })
        p.lead {
            "Each has its own catalog, customers and API keys; nothing refers across. Try things out \
             in a sandbox: its clock can be set."
        }
        (table("Environments", &head, &rows))
    };
    visit.page(SECTION, "Environments", &body)
}

/// What all environments can be set to, as their fields.
pub(super) fn settings_fields(form: &Form) -> Markup {
    html! {
        (Field::text(form, "timeZone", "Time zone").max(64).hint(
            "What days and months are counted in, such as Europe/Berlin. Empty: UTC."))
        (Choice {
            form,
            name: "periodAlignment",
            label: "Periods begin",
            options: vec![
                ("SUBSCRIPTION_START", "With each subscription",
                    html! { "A month lasts from the day of the start to the same day of the next." }),
                ("START_OF_MONTH", "On the first of the month",
                    html! { "The first period is cut short." }),
            ],
        })
        (Choice {
            form,
            name: "creditProration",
            label: "A period that is cut short grants",
            options: vec![
                ("NONE", "All of its credits", Markup::default()),
                ("PRORATE", "The share that fits its length", Markup::default()),
            ],
        })
    }
}

/// What [`settings_fields`] says, as the request says it.
pub(super) fn settings_object(form: &Form) -> Object {
    Object::new()
        .text_or_null("timeZone", form.get("timeZone").trim())
        .text_if("periodAlignment", form.get("periodAlignment"))
        .text_if("creditProration", form.get("creditProration"))
}

fn new_page(visit: &Visit, form: &Form) -> Markup {
    let length_max = u32::try_from(EnvironmentName::LENGTH_MAX).unwrap_or(u32::MAX);
    let fields = html! {
        (once::field(form))
        (Field::text(form, "name", "Name").required().max(length_max).hint(
            "Lower-case letters, digits and hyphens. It stands in addresses."))
        (Choice {
            form,
            name: "type",
            label: "What it is for",
            options: vec![
                ("SANDBOX", "Sandbox",
                    html! { "Trying things out. Its clock can be frozen and advanced." }),
                ("PRODUCTION", "Production",
                    html! { "Real customers. It lives on the wall clock." }),
            ],
        })
        (settings_fields(form))
        p.hint { "Its first API key is shown once, on the next page." }
    };
    add_page(visit, (LIST, "Environments"), TITLE, form, fields)
}

async fn new(visit: Visit) -> Response {
    let body = new_page(&visit, &once::noted(&visit, Form::default()));
    visit.page(SECTION, TITLE, &body)
}

async fn create(posted: Posted) -> Response {
    let Posted { visit, form } = posted;
    let secret = secret_key(visit.app.random());
    let created = async {
        let object = settings_object(&form).text("name", form.get("name"));
        let object = object.text_if("type", form.get("type"));
        let asked = object.read::<CreateEnvironment>()?;
        let name = asked.name.0.clone();
        let command = Command::CreateEnvironment {
            kind: mapping::kind_from_wire(asked.r#type),
            settings: mapping::new_settings(&asked)?,
            name: asked.name.0,
            key: ApiKey::new(&secret),
        };
        let done = once::run(&visit, &["dashboard/environment"], &form, command).await;
        Ok::<_, Trouble>((name, done.map_err(|trouble| trouble.or_at("name"))?))
    };
    match created.await {
        Ok((name, true)) => visit.made_key(&path_of(&name), format!("{name} was added."), secret),
        Ok((name, false)) => {
            visit.made_before(&path_of(&name), format!("This form has added {name} before."))
        }
        Err(trouble) => {
            let form = form.clone().with(trouble);
            visit.refused(SECTION, TITLE, &new_page(&visit, &form))
        }
    }
}
