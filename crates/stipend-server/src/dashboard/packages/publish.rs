//! Drafts: opening, discarding, and publishing after a review of what changed.

use super::{Kind, above, find, path_of};
use crate::dashboard::compare::{Change, compare};
use crate::dashboard::failure::Failure;
use crate::dashboard::field::{Choice, Dangerous, Sheet};
use crate::dashboard::form::Form;
use crate::dashboard::object::Object;
use crate::dashboard::ui::{Head, button, isolated, table};
use crate::dashboard::visit::{Posted, Visit};
use crate::dashboard::words;
use crate::mapping::package as mapping;
use axum::response::Response;
use maud::{Markup, html};
use std::sync::Arc;
use stipend_core::catalog::{Catalog, CatalogCommand, Package};
use stipend_wire::package::PublishPackage;

/// What a draft changes, line by line.
fn changes(catalog: &Catalog, package: &Package) -> Vec<(String, Change)> {
    let Some(draft) = &package.draft else { return Vec::new() };
    let after = words::lines(catalog, draft);
    let before = package.latest().map(|latest| words::lines(catalog, latest)).unwrap_or_default();
    compare(&before, &after)
}

fn changes_table(changes: &[(String, Change)]) -> Markup {
    let head = html! {
        th scope="col" { "What" } th scope="col" { "Change" } th scope="col" { "Before" }
        th scope="col" { "After" }
    };
    let none = || html! { span.quiet { "—" } };
    let rows = html! {
        @for (name, change) in changes {
            @let (word, tone, before, after) = match change {
                Change::Added(after) => ("Added", "added", none(), html! { (after) }),
                Change::Changed(before, after) => {
                    ("Changed", "changed", html! { (before) }, html! { (after) })
                }
                Change::Removed(before) => ("Removed", "removed", html! { (before) }, none()),
            };
            tr {
                th scope="row" { (name) }
                td { span.change data-change=(tone) { (word) } }
                td { (before) }
                td { (after) }
            }
        }
    };
    table("What changes", &head, &rows)
}

/// How many subscriptions have an earlier version.
async fn reached(visit: &Visit, package: &Package) -> Result<u64, Failure> {
    let engine = Arc::clone(visit.app.shared_engine());
    let (env, key) = (visit.env(), package.key.clone());
    Ok(visit.app.read(move || Ok(engine.subscriptions_with(env, &key))).await?)
}

fn review_page(visit: &Visit, package: &Package, reached: u64, form: &Form) -> Markup {
    let catalog = visit.catalog();
    let path = path_of(visit, &package.key);
    let title = format!("Publish {}", isolated(&package.shown().name));
    let changes = changes(&catalog, package);
    let is_first = package.latest().is_none();
    let subscriptions = match reached {
        0 => "No subscription has it yet.".to_owned(),
        1 => "One subscription has it and moves to the new version now.".to_owned(),
        many => format!("{many} subscriptions have it and move to the new version now."),
    };
    let fields = html! {
        @if is_first {
            input type="hidden" name="migrationType" value="NEW_CUSTOMERS";
            p { "It can be subscribed to as soon as it is published. What is published stays as it is; a later change is a new version." }
        } @else {
            (Choice {
                form,
                name: "migrationType",
                label: "Whom the new version is for",
                options: vec![
                    ("NEW_CUSTOMERS", "New customers",
                        html! { "Those who have it stay on their version." }),
                    ("ALL_CUSTOMERS", "All customers", html! {
                        (subscriptions) " More credits come at once; fewer credits, or another behavior, come \
                         with the next period. Prices of present subscriptions do not change."
                    }),
                ],
            })
        }
    };
    html! {
        (Head { above: &above(visit, package), ..Head::new(&title) })
        section {
            h2 { @if is_first { "What is published" } @else { "What changes" } }
            @if changes.is_empty() {
                p { "The draft says what the published version says." }
            } @else {
                (changes_table(&changes))
            }
        }
        section {
            h2 { "Publish" }
            (Sheet {
                visit,
                action: &format!("{path}/publish"),
                form,
                fields,
                submit: "Publish",
                cancel: Some(&path),
            })
        }
    }
}

fn no_draft(visit: &Visit, package: &Package) -> Response {
    let path = path_of(visit, &package.key);
    visit.done(&path, "There is no draft to publish.")
}

pub(super) async fn review(visit: Visit) -> Result<Response, Failure> {
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    if package.draft.is_none() {
        return Ok(no_draft(&visit, package));
    }
    let reached = reached(&visit, package).await?;
    let body = review_page(&visit, package, reached, &Form::default());
    Ok(visit.page(Kind::of(package.key.kind).section, "Publish", &body))
}

pub(super) async fn publish(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    if package.draft.is_none() {
        return Ok(no_draft(&visit, package));
    }
    let published = async {
        let object = Object::new().text("migrationType", form.get("migrationType"));
        let migration = mapping::migration_from_wire(&object.read::<PublishPackage>()?);
        visit.change(CatalogCommand::Publish(package.key.clone(), migration)).await
    };
    match published.await {
        Ok(()) => {
            let name = &package.shown().name;
            Ok(visit
                .done(&path_of(&visit, &package.key), format!("{} was published.", isolated(name))))
        }
        Err(trouble) => {
            let reached = reached(&visit, package).await?;
            let body = review_page(&visit, package, reached, &form.with(trouble));
            Ok(visit.refused(Kind::of(package.key.kind).section, "Publish", &body))
        }
    }
}

pub(super) async fn open_draft(posted: Posted) -> Result<Response, Failure> {
    let visit = posted.visit;
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let outcome = visit.change(CatalogCommand::OpenDraft(package.key.clone())).await;
    let message = "A draft was opened.";
    Ok(visit.tried(&path_of(&visit, &package.key), outcome, message))
}

pub(super) async fn ask_discard(visit: Visit) -> Result<Response, Failure> {
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let path = path_of(&visit, &package.key);
    let changes = changes(&catalog, package);
    let body = html! {
        (Head { above: &above(&visit, package), ..Head::new("Discard the draft") })
        @if changes.is_empty() {
            p { "The draft says what the published version says." }
        } @else {
            p { "These changes are lost:" }
            (changes_table(&changes))
        }
        @if package.draft.is_some() && package.latest().is_some() {
            (Dangerous(Sheet {
                visit: &visit,
                action: &format!("{path}/discard"),
                form: &Form::default(),
                fields: Markup::default(),
                submit: "Discard the draft",
                cancel: Some(&path),
            }))
        } @else {
            p { (button(&path, "Back")) }
        }
    };
    Ok(visit.page(Kind::of(package.key.kind).section, "Discard the draft", &body))
}

pub(super) async fn discard(posted: Posted) -> Result<Response, Failure> {
    let visit = posted.visit;
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let done = visit.change(CatalogCommand::DiscardDraft(package.key.clone())).await;
    let outcome = done;
    let message = "The draft was discarded.";
    Ok(visit.tried(&path_of(&visit, &package.key), outcome, message))
}
