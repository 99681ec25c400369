//! Drafts: opening, discarding, and publishing after a review of what changed.

use super::{Kind, above, as_shown, find, path_of};
use crate::dashboard::compare::{Change, compare};
use crate::dashboard::failure::Failure;
use crate::dashboard::field::{Choice, Dangerous, Sheet};
use crate::dashboard::form::{Form, Trouble};
use crate::dashboard::object::Object;
use crate::dashboard::ui::{Head, button, isolated, table};
use crate::dashboard::visit::{Posted, Visit};
use crate::dashboard::words;
use crate::mapping::package as mapping;
use axum::response::Response;
use maud::{Markup, html};
use std::sync::Arc;
use stipend_core::catalog::{Catalog, CatalogCommand, Package, PackageVersion};
use stipend_wire::package::PublishPackage;

const DISCARD: &str = "Discard the draft";
/// The field that says which draft was reviewed.
const REVIEWED: &str = "_reviewed";

/// What tells a draft from every other one. It is compared with nothing but what the same server has
/// written into a page, so it may be made of how all parts of a draft are printed.
fn mark(draft: &PackageVersion) -> String {
    blake3::hash(format!("{draft:?}").as_bytes()).to_hex().to_string()
}

fn reviewed(package: &Package) -> Markup {
    let mark = package.draft.as_ref().map(|draft| mark(draft));
    html! { input type="hidden" name=(REVIEWED) value=(mark.unwrap_or_default()); }
}

/// Refuses where the draft has become another one since it was reviewed.
fn check_reviewed(package: &Package, form: &Form) -> Result<(), Trouble> {
    if package.draft.as_ref().is_some_and(|draft| mark(draft) == form.get(REVIEWED)) {
        return Ok(());
    }
    let message = "The draft changed after this page was opened. Nothing was done: look at what it \
                   says now.";
    Err(Trouble { message: message.to_owned(), field: None })
}

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
        (reviewed(package))
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
        check_reviewed(package, &form)?;
        let command = CatalogCommand::Publish(package.key.clone(), migration);
        as_shown(&visit, package, command).await
    };
    match published.await {
        Ok(()) => {
            let name = &package.shown().name;
            Ok(visit
                .done(&path_of(&visit, &package.key), format!("{} was published.", isolated(name))))
        }
        Err(trouble) => {
            // What is there now is what is published when the form is sent again.
            let catalog = visit.catalog();
            let package = &*find(&visit, &catalog)?;
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

fn discard_page(visit: &Visit, package: &Package, form: &Form) -> Markup {
    let path = path_of(visit, &package.key);
    let changes = changes(&visit.catalog(), package);
    html! {
        (Head { above: &above(visit, package), ..Head::new(DISCARD) })
        @if changes.is_empty() {
            p { "The draft says what the published version says." }
        } @else {
            p { "These changes are lost:" }
            (changes_table(&changes))
        }
        @if package.draft.is_some() && package.latest().is_some() {
            (Dangerous(Sheet {
                visit,
                action: &format!("{path}/discard"),
                form,
                fields: reviewed(package),
                submit: DISCARD,
                cancel: Some(&path),
            }))
        } @else {
            p { (button(&path, "Back")) }
        }
    }
}

pub(super) async fn ask_discard(visit: Visit) -> Result<Response, Failure> {
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let body = discard_page(&visit, package, &Form::default());
    Ok(visit.page(Kind::of(package.key.kind).section, DISCARD, &body))
}

pub(super) async fn discard(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let discarded = async {
        check_reviewed(package, &form)?;
        as_shown(&visit, package, CatalogCommand::DiscardDraft(package.key.clone())).await
    };
    match discarded.await {
        Ok(()) => Ok(visit.done(&path_of(&visit, &package.key), "The draft was discarded.")),
        Err(trouble) => {
            let catalog = visit.catalog();
            let package = &*find(&visit, &catalog)?;
            let body = discard_page(&visit, package, &form.with(trouble));
            Ok(visit.refused(Kind::of(package.key.kind).section, DISCARD, &body))
        }
    }
}
