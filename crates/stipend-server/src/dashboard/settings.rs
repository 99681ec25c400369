//! Environment › Settings and clock.

use super::customer::instant_of;
use super::environments::{clock, kind, settings_fields, settings_object, zone};
use super::field::{Field, Sheet, one_button, summary, token};
use super::form::{Form, Trouble};
use super::layout::Section;
use super::object::Object;
use super::ui::{Head, button, facts, time};
use super::visit::{Posted, Visit};
use super::words;
use crate::app::App;
use crate::mapping::environment as mapping;
use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use stipend_core::Timestamp;
use stipend_core::catalog::CatalogCommand;
use stipend_core::period::{Anchor, Interval, boundary};
use stipend_engine::{Command, EnvironmentKind};
use stipend_wire::environment::{SetTestClock, UpdateEnvironment};

const HERE: &str = "/settings";
const EDIT: &str = "/settings/edit";
const CLOCK: &str = "/settings/clock";
const RELEASE: &str = "/settings/clock/release";
const SECTION: Section = Section::Settings;

/// The name of the clock's field, as the request has it.
const NOW: &str = "now";
/// The name of the buttons that advance by a step.
const STEP: &str = "step";
/// The name of the field that says from when on.
const FROM: &str = "from";

pub(super) fn router() -> Router<App> {
    Router::new()
        .route(HERE, get(show).post(update))
        .route(EDIT, get(edit))
        .route(CLOCK, post(set_clock))
        .route(RELEASE, post(release_clock))
}

fn page(visit: &Visit, form: &Form) -> Markup {
    let environment = &visit.environment;
    let settings = &environment.catalog.settings;
    html! {
        (Head {
            beside: kind(environment),
            actions: button(&visit.path(EDIT), "Edit"),
            ..Head::new(&environment.name)
        })
        (facts(&[
            ("Time zone", html! { (zone(environment)) }),
            ("Periods begin", html! { (words::alignment(settings.alignment)) }),
            ("A period that is cut short grants", html! { (words::proration(settings.proration)) }),
            ("API keys", html! { (visit.app.engine().api_keys(visit.env()).len()) }),
            ("Made", time(environment.created_at)),
        ]))
        section #clock {
            h2 { "Test clock" }
            @if environment.kind == EnvironmentKind::Sandbox {
                (test_clock(visit, form))
            } @else {
                (summary(form))
                p.prose {
                    "Production lives on the wall clock: what real customers have cannot be brought \
                     forward. To see what time will do, freeze the clock of a sandbox."
                }
            }
        }
    }
}

fn test_clock(visit: &Visit, form: &Form) -> Markup {
    let action = visit.path(CLOCK);
    let is_frozen = visit.environment.frozen_at.is_some();
    let step = |value: &str, text: &str| {
        html! { button.button type="submit" name=(STEP) value=(value) formnovalidate { (text) } }
    };
    html! {
        (facts(&[
            ("Clock", clock(&visit.environment)),
            ("Now", time(visit.now())),
        ]))
        p.prose {
            @if is_frozen {
                "Time stands still here. Advance it, and everything due by then is done, each at its \
                 own instant."
            } @else {
                "Time runs with the wall clock. Freeze it at an instant to see what time will do. It \
                 runs forward only."
            }
        }
        form.sheet method="post" action=(action) {
            (token(visit))
            input type="hidden" name=(FROM) value=(visit.now());
            (summary(form))
            (Field::instant(form, NOW, if is_frozen { "Advance to" } else { "Freeze at" }).hint("In UTC."))
            div.actions {
                button.button.primary type="submit" { @if is_frozen { "Advance" } @else { "Freeze" } }
                (step("day", "+1 day"))
                (step("month", "+1 month"))
            }
        }
        @if is_frozen {
            p { (one_button(visit, &visit.path(RELEASE), "Return to the wall clock")) }
        }
    }
}

async fn show(visit: Visit) -> Response {
    let body = page(&visit, &Form::default());
    visit.page(SECTION, "Settings and clock", &body)
}

/// The instant that a form asks for: one that was typed, or a step of the environment's calendar
/// from the now that its page showed, so that it is the same instant however often it is sent.
fn asked_instant(visit: &Visit, form: &Form) -> Result<Timestamp, Trouble> {
    let interval = match form.get(STEP) {
        "day" => Interval::Days(1),
        "month" => Interval::Months(1),
        _ => {
            let object = Object::new().text(NOW, &instant_of(form.get(NOW)));
            return Ok(object.read::<SetTestClock>()?.now);
        }
    };
    let at = Timestamp::parse(form.get(FROM)).unwrap_or_else(|_| visit.now());
    let zone = visit.environment.catalog.settings.zone.clone();
    Ok(boundary(&Anchor { at, zone }, interval, 1))
}

async fn set_clock(posted: Posted) -> Response {
    let Posted { visit, form } = posted;
    let done = async {
        let at = asked_instant(&visit, &form)?;
        visit.run(Command::FreezeClock(at)).await?;
        Ok(at)
    };
    answer(&visit, &form, done.await.map(|at| format!("The clock stands at {at}.")))
}

async fn release_clock(posted: Posted) -> Response {
    let Posted { visit, form } = posted;
    let done = visit.run(Command::ReleaseClock).await;
    answer(&visit, &form, done.map(|_| "The clock goes with the wall clock again.".to_owned()))
}

fn answer(visit: &Visit, form: &Form, outcome: Result<String, Trouble>) -> Response {
    match outcome {
        Ok(message) => visit.done(&visit.path(HERE), message),
        Err(trouble) => {
            let form = form.clone().with(trouble.or_at(NOW));
            visit.refused(SECTION, "Settings and clock", &page(visit, &form))
        }
    }
}

fn edit_page(visit: &Visit, form: &Form) -> Markup {
    let fields = html! {
        (settings_fields(form))
        p.hint {
            "Subscriptions keep the time zone and the beginning of periods that they began with. What \
             a shortened period grants holds from now on."
        }
    };
    html! {
        (Head {
            above: &[(visit.path(HERE), &visit.environment.name)],
            ..Head::new("Edit settings")
        })
        (Sheet {
            visit,
            action: &visit.path(HERE),
            form,
            fields,
            submit: "Save",
            cancel: Some(&visit.path(HERE)),
        })
    }
}

async fn edit(visit: Visit) -> Response {
    let shown = mapping::to_wire(&visit.environment, None);
    let form = Form::filled([
        ("timeZone", shown.time_zone.unwrap_or_default()),
        ("periodAlignment", shown.period_alignment.as_str().to_owned()),
        ("creditProration", shown.credit_proration.as_str().to_owned()),
    ]);
    let body = edit_page(&visit, &form);
    visit.page(SECTION, "Edit settings", &body)
}

async fn update(posted: Posted) -> Response {
    let Posted { visit, form } = posted;
    let updated = async {
        let asked = settings_object(&form).read::<UpdateEnvironment>()?;
        let patch = mapping::changed_settings(asked)?;
        visit.change(CatalogCommand::UpdateSettings(patch)).await
    };
    match updated.await {
        Ok(()) => visit.done(&visit.path(HERE), "The settings were saved."),
        Err(trouble) => {
            let body = edit_page(&visit, &form.with(trouble));
            visit.refused(SECTION, "Edit settings", &body)
        }
    }
}
