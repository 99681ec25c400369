//! Environment › Activity log: what was changed in the environment, by whom, before and after.

use super::compare::{Change, Line, compare};
use super::customer::counted;
use super::failure::Failure;
use super::layout::Section;
use super::ui::{Head, Tone, badge, empty, table, time};
use super::usage_events::{around, asked_before};
use super::visit::Visit;
use super::who::who;
use crate::app::App;
use crate::cursor::List;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use std::sync::Arc;
use stipend_core::EnvId;
use stipend_core::catalog::Catalog;
use stipend_engine::realm::RealmChange;
use stipend_engine::recent::{Bounds, Changed, Recent, changed};

mod told;

const HERE: &str = "/activity-log";
const TITLE: &str = "Activity log";
const SECTION: Section = Section::ActivityLog;

/// Changes on a page.
const CHANGES_MAX: usize = 25;
/// Changes that are read: what something was before stands in one of the older ones.
const READ_MAX: usize = 200;
/// Changes that are looked at for a page: those of other environments are among them.
const LOOKED_MAX: usize = 2_000;
/// Lines of one change that are shown.
const LINES_MAX: usize = 12;

pub(super) fn router() -> Router<App> {
    Router::new().route(HERE, get(show))
}

/// What a change is about, so that the one before it is found.
fn is_same(one: &RealmChange, other: &RealmChange) -> bool {
    told::subject(one) == told::subject(other)
}

fn is_of(change: &RealmChange, env: EnvId, is_task_here: impl Fn(u64) -> bool) -> bool {
    match change {
        RealmChange::Environment(environment) => environment.id == env,
        RealmChange::ApiKey(key) => key.env == env,
        RealmChange::Catalog(change) => change.env == env,
        RealmChange::Clock(change) => change.env == env,
        RealmChange::TaskBegun(task) => task.env == env,
        RealmChange::TaskEnded(end) => is_task_here(end.id),
        // Whoever signs in sees every environment.
        RealmChange::Operator(_) => true,
    }
}

async fn show(visit: Visit) -> Result<Response, Failure> {
    let list = List::new(visit.env(), "dashboard/activity-log");
    let before = asked_before(&visit, &list)?;
    let (engine, env) = (Arc::clone(visit.app.shared_engine()), visit.env());
    let read = move || {
        let bounds = Bounds { before, found_max: READ_MAX, rows_max: LOOKED_MAX };
        let is_here =
            |change: &RealmChange| is_of(change, env, |id| engine.task(env, id).is_some());
        Ok(changed(engine.reader(), engine.last_change(), bounds, is_here)?)
    };
    let mut recent = visit.app.read(read).await?.ok_or_else(List::foreign)?;
    let whole = recent.clone();
    let is_full = recent.found.len() > CHANGES_MAX;
    recent.found.truncate(CHANGES_MAX);
    if is_full {
        recent.older = recent.found.last().map(|last| last.seq);
    }
    let body = html! {
        (Head::new(TITLE))
        p.lead {
            "What was changed in " strong { (visit.environment.name) } ": catalog, settings, clock, \
             keys. What happened to a customer stands under its Activity."
        }
        @if recent.found.is_empty() {
            (empty("Nothing was changed here", "What was looked at are changes of other environments.",
                &Markup::default()))
        } @else {
            (rows(&visit, &recent.found, &whole))
        }
        @if !is_full && recent.older.is_some() {
            p.quiet {
                "Looked at " (counted(recent.looked)) " changes of all environments"
                @if let Some(reached) = recent.reached { ", back to " (time(reached)) } "."
            }
        }
        (around(&visit, HERE, &list, &recent, is_full))
    };
    Ok(visit.page(SECTION, TITLE, &body))
}

fn rows(visit: &Visit, shown: &[Changed], whole: &Recent<Changed>) -> Markup {
    let catalog = &visit.catalog();
    let head = html! {
        th scope="col" { "When" } th scope="col" { "What" } th scope="col" { "Before and after" }
        th scope="col" { "Who" }
    };
    let rows = html! {
        @for (place, change) in shown.iter().enumerate() {
            @let older = whole.found[place + 1..].iter();
            @let before = older.map(|older| &older.change).find(|older| is_same(older, &change.change));
            (row(visit, catalog, change, before, whole.older.is_none()))
        }
    };
    table(TITLE, &head, &rows)
}

/// A change; `is_whole` says whether the journal was read to its beginning, so that what is not
/// found before was not there.
fn row(
    visit: &Visit,
    catalog: &Catalog,
    change: &Changed,
    before: Option<&RealmChange>,
    is_whole: bool,
) -> Markup {
    let told = told::tell(catalog, &change.change);
    let lines_before = before.map(|before| told::tell(catalog, before).lines);
    let (word, tone) = match before {
        Some(_) => ("Changed", Tone::Quiet),
        None if is_whole => ("Added", Tone::Good),
        None => ("Added or changed", Tone::Quiet),
    };
    html! {
        tr {
            th scope="row" { (time(change.at)) }
            td {
                (told.kind) " " strong { (told.name) } " "
                (badge(told.tone.unwrap_or(tone), told.word.unwrap_or(word)))
            }
            td {
                @match lines_before {
                    Some(before) => (differences(&before, &told.lines)),
                    None => (all(&told.lines)),
                }
            }
            td { (who(&visit.app, change.by.as_ref())) }
        }
    }
}

pub(super) fn differences(before: &[Line], after: &[Line]) -> Markup {
    let changes = compare(before, after);
    html! {
        @for (name, change) in changes.iter().take(LINES_MAX) {
            div {
                span.quiet { (name) ": " }
                @match change {
                    Change::Added(after) => { "— → " bdi { (after) } }
                    Change::Changed(before, after) => { bdi { (before) } " → " bdi { (after) } }
                    Change::Removed(before) => { bdi { (before) } " → —" }
                }
            }
        }
        (more(changes.len()))
        @if changes.is_empty() { span.quiet { "Details that are not shown here" } }
    }
}

fn all(lines: &[Line]) -> Markup {
    html! {
        @for Line { name, value, .. } in lines.iter().take(LINES_MAX) {
            div { span.quiet { (name) ": " } (value) }
        }
        (more(lines.len()))
    }
}

fn more(lines: usize) -> Markup {
    html! {
        @if lines > LINES_MAX { div.quiet { "and " (lines - LINES_MAX) " more" } }
    }
}
