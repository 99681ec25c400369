//! Usage events: what was reported lately in the environment, newest first.

use super::customer::{counted, pager};
use super::failure::Failure;
use super::layout::Section;
use super::ui::{Head, amount, button, empty, grouped, table, time};
use super::visit::Visit;
use super::words;
use crate::app::App;
use crate::cursor::List;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use stipend_core::catalog::Catalog;
use stipend_core::customer::{Cause, PoolEntry, UsageBehavior, UsageEntry};
use stipend_core::{Amount, PoolId};
use stipend_engine::cipher::DecisionPlace;
use stipend_engine::recent::{Bounds, Recent, Report, Reported, reported};
use stipend_engine::{Found, UsageRecord};
use stipend_store::{Page, Seq};

const HERE: &str = "/usage-events";
const TITLE: &str = "Usage events";
const SECTION: Section = Section::UsageEvents;

/// Events on a page.
const EVENTS_MAX: usize = 50;
/// Rows of the journal that are looked at for a page: those of other environments are among them.
const ROWS_MAX: usize = 5_000;

pub(super) fn router() -> Router<App> {
    Router::new().route(HERE, get(show))
}

/// The row before which a page begins, and the address of the next one.
pub(super) fn asked_before(visit: &Visit, list: &List) -> Result<Option<Seq>, Failure> {
    let after = Some(visit.query().get("after")).filter(|cursor| !cursor.is_empty());
    Ok(match list.page::<Seq>(after, None)? {
        Page::After(before) => Some(before),
        Page::First | Page::Before(_) => None,
    })
}

/// The way to what is older, and to the newest where this is not it.
pub(super) fn around<T>(
    visit: &Visit,
    here: &str,
    list: &List,
    recent: &Recent<T>,
    is_full: bool,
) -> Markup {
    let path = visit.path(here);
    let older = recent.older.map(|before| format!("{path}?after={}", list.cursor(&before)));
    let is_first = visit.query().get("after").is_empty();
    html! {
        @if !is_first { p { (button(&path, "Newest")) } }
        (pager(None, older.as_deref(), if is_full { "Older" } else { "Look further" }))
    }
}

async fn show(visit: Visit) -> Result<Response, Failure> {
    let list = List::new(visit.env(), "dashboard/usage-events");
    let before = asked_before(&visit, &list)?;
    let (engine, env) = (Arc::clone(visit.app.shared_engine()), visit.env());
    let read = move || {
        let bounds = Bounds { before, found_max: EVENTS_MAX, rows_max: ROWS_MAX };
        // The same few customers report again and again, and packed ones are decoded for it.
        let known = RefCell::new(BTreeMap::new());
        let is_here = |slot| {
            let look = |found: Found| found.customer.profile.env == env;
            let mut known = known.borrow_mut();
            *known.entry(slot).or_insert_with(|| engine.account(slot).is_some_and(look))
        };
        Ok(reported(engine.reader(), bounds, is_here)?)
    };
    let recent = visit.app.read(read).await?;
    let catalog = visit.catalog();
    let is_full = recent.found.len() == EVENTS_MAX;
    let body = html! {
        (Head::new(TITLE))
        p.lead {
            "What was reported lately: usage, events that a meter took, and credits that were consumed \
             directly or of a reservation. What was refused, or no meter took, is not among them."
        }
        @if !recent.found.is_empty() {
            (rows(&visit, &catalog, &recent.found))
        } @else if recent.older.is_some() {
            (empty("Nothing here lately", "The newest part of the journal is about other things. It \
                goes on below.", &Markup::default()))
        } @else {
            (empty("Nothing was reported yet", "Usage that your servers report, and credits that they \
                consume, stand here at once.", &button(&visit.path("/api-keys"), "API keys")))
        }
        @if !is_full && recent.older.is_some() {
            p.quiet {
                "Looked at " (counted(recent.looked)) " entries of the journal, of all environments and \
                 about all things."
            }
        }
        (around(&visit, HERE, &list, &recent, is_full))
    };
    Ok(visit.page(SECTION, TITLE, &body))
}

fn rows(visit: &Visit, catalog: &Catalog, shown: &[Reported]) -> Markup {
    let head = html! {
        th scope="col" { "When" } th scope="col" { "Customer" } th scope="col" { "What" }
        th.num scope="col" { "Amount" } th.num scope="col" { "Credits taken" }
        th scope="col" { span.visually-hidden { "Explanation" } }
    };
    let rows = html! {
        @for event in shown {
            @if let Some(found) = visit.app.engine().account(event.slot) {
                (row(visit, catalog, event, &found))
            }
        }
    };
    table(TITLE, &head, &rows)
}

fn row(visit: &Visit, catalog: &Catalog, event: &Reported, found: &Found) -> Markup {
    let profile = &found.customer.profile;
    let customer = visit.path(&format!("/customers/{}", profile.id));
    let name = profile.name.as_deref().unwrap_or(profile.id.as_str());
    let decision = visit.app.engine().cipher().decision_id(DecisionPlace::Row(event.seq));
    let at = match &event.report {
        Report::Usage(record) => record.usage.at,
        Report::Consumption(entry) => entry.at,
    };
    html! {
        tr {
            th scope="row" { (time(at)) }
            td { a href=(customer) { (name) } }
            @match &event.report {
                Report::Usage(record) => (usage(catalog, found, record)),
                Report::Consumption(entry) => (consumption(catalog, found, entry)),
            }
            td.doing {
                a href=(format!("{customer}/decisions/{decision}")) {
                    "Why" span.visually-hidden { " this use of " (name) }
                }
            }
        }
    }
}

/// The cells of usage and events.
fn usage(catalog: &Catalog, found: &Found, record: &UsageRecord) -> Markup {
    let entry = &record.usage;
    let feature = found.customer.usage(entry.meter);
    html! {
        td {
            @if let Some(counted) = feature {
                (words::feature(catalog, &counted.feature))
                @if let Some(resource) = &counted.resource { span.under { (resource) } }
            }
            @if let Some(name) = &entry.event_name { span.under { "event " (name) } }
            @if let Some(id) = &entry.event_id { span.under { code { (id) } } }
        }
        td.num { (reported_amount(entry)) }
        td.num {
            @if record.paid.is_empty() { span.quiet { "—" } }
            @for entry in &record.paid { (taken(catalog, found, entry.pool, entry.consumed())) }
        }
    }
}

fn reported_amount(entry: &UsageEntry) -> Markup {
    html! {
        @match entry.behavior {
            UsageBehavior::Set => { "set to " (amount(entry.reported)) }
            UsageBehavior::Delta | UsageBehavior::Event => (amount(entry.reported)),
        }
        span.under { "in all " (grouped(entry.value)) }
    }
}

/// The cells of credits that were consumed directly.
fn consumption(catalog: &Catalog, found: &Found, entry: &PoolEntry) -> Markup {
    let pool = found.customer.pool(entry.pool);
    let (id, reservation) = match &entry.cause {
        Cause::Consumption(consumption) => (consumption.event_id.as_deref(), None),
        Cause::Release(release) => (None, Some(&release.reservation)),
        _ => (None, None),
    };
    html! {
        td {
            @if let Some(pool) = pool {
                (words::currency(catalog, &pool.currency))
                @if let Some(resource) = &pool.resource { span.under { (resource) } }
            }
            @if let Some(id) = id { span.under { code { (id) } } }
            @if let Some(id) = reservation { span.under { "reservation " code { (id) } } }
        }
        td.num { (amount(entry.consumed())) }
        td.num { (taken(catalog, found, entry.pool, entry.consumed())) }
    }
}

/// How many credits of a pool were taken; below zero where some came back.
fn taken(catalog: &Catalog, found: &Found, pool: PoolId, credits: Amount) -> Markup {
    let pool = found.customer.pool(pool);
    html! {
        div {
            (amount(credits))
            @if let Some(pool) = pool {
                " " span.quiet { (words::currency(catalog, &pool.currency)) }
            }
        }
    }
}
