//! The Entitlements section of a plan or add-on: list, add, edit, remove, reorder.

use super::entitlement_form::{self as sheet, Adding};
use super::{Kind, above, edit_draft, edit_shown, find, path_of};
use crate::dashboard::failure::Failure;
use crate::dashboard::field::token;
use crate::dashboard::form::{Form, Trouble};
use crate::dashboard::seen;
use crate::dashboard::ui::{Head, Tone, badge, empty, isolated, primary, table};
use crate::dashboard::visit::{Posted, Visit};
use crate::dashboard::words;
use crate::mapping::entitlement as mapping;
use axum::response::{Html, IntoResponse, Response};
use maud::{Markup, html};
use stipend_core::catalog::{
    Catalog, DraftEdit, Entitlement, EntitlementPatch, Package, PackageKind, PackageVersion, Target,
};
use stipend_core::{Amount, CurrencyId, FeatureId};
use stipend_wire::entitlement::UpdateEntitlement;

/// The entitlements in the order in which they are shown.
pub(in crate::dashboard) fn ordered(version: &PackageVersion) -> Vec<&Entitlement> {
    let mut all: Vec<&Entitlement> = version.entitlements.iter().collect();
    all.sort_by_key(|entitlement| (entitlement.order.is_none(), entitlement.order));
    all
}

fn target_path(visit: &Visit, package: &Package, target: &Target) -> String {
    let (kind, id) = match target {
        Target::Credit(id) => ("credit", id.as_str()),
        Target::Feature(id) => ("feature", id.as_str()),
    };
    format!("{}/entitlements/{kind}/{id}", path_of(visit, &package.key))
}

/// The id of a row, to which one comes back when it was moved.
fn row_id(place: usize) -> String {
    format!("entitlement-{place}")
}

/// The section's table, with what can be done where it can be.
pub(super) fn list(
    visit: &Visit,
    catalog: &Catalog,
    package: &Package,
    version: &PackageVersion,
    is_live: bool,
) -> Markup {
    let can_edit = is_live && package.archived_at.is_none();
    let shown = ordered(version);
    if shown.is_empty() {
        let add = primary(&format!("{}/entitlements/new", path_of(visit, &package.key)), "+ Add");
        let text = "Give it credits every month or year, or a feature.";
        return empty("No entitlements yet", text, &if can_edit { add } else { Markup::default() });
    }
    let is_addon = package.key.kind == PackageKind::Addon;
    let head = html! {
        th scope="col" { "What" } th scope="col" { "Gives" }
        @if is_addon { th scope="col" { "Entitlement behavior" } }
        th scope="col" { "Limit" }
        @if can_edit { th scope="col" { span.visually-hidden { "Actions" } } }
    };
    let last = shown.len() - 1;
    let rows = html! {
        @for (place, entitlement) in shown.iter().enumerate() {
            @let name = words::target(catalog, &entitlement.target);
            @let is_credit = matches!(entitlement.target, Target::Credit(_));
            tr id=(row_id(place)) {
                th scope="row" {
                    bdi { (name) } " "
                    (badge(Tone::Quiet, if is_credit { "Credits" } else { "Feature" }))
                }
                td { span.amount { (words::value(catalog, entitlement)) } }
                @if is_addon { td { (words::behavior(entitlement.behavior)) } }
                td.word { (words::enforcement_word(words::enforcement(entitlement))) }
                @if can_edit {
                    td.doing {
                        (row_actions(visit, package, entitlement, &name, (place > 0, place < last)))
                    }
                }
            }
        }
    };
    table("Entitlements", &head, &rows)
}

/// What a version of a plan takes over of the plans below it.
pub(super) fn inherited(visit: &Visit, catalog: &Catalog, version: &PackageVersion) -> Markup {
    let inherited = catalog.inherited_entitlements(version);
    if inherited.is_empty() {
        return Markup::default();
    }
    let head = html! {
        th scope="col" { "What" } th scope="col" { "Gives" } th scope="col" { "Limit" }
        th scope="col" { "From" }
    };
    let rows = html! {
        @for (plan, entitlement) in &inherited {
            @let is_credit = matches!(entitlement.target, Target::Credit(_));
            tr {
                th scope="row" {
                    bdi { (words::target(catalog, &entitlement.target)) } " "
                    (badge(Tone::Quiet, if is_credit { "Credits" } else { "Feature" })) " "
                    (badge(Tone::Quiet, "Inherited"))
                }
                td { span.amount { (words::value(catalog, entitlement)) } }
                td.word { (words::enforcement_word(words::enforcement(entitlement))) }
                td { a href=(path_of(visit, plan)) { (words::package(catalog, plan)) } }
            }
        }
    };
    html! {
        h3 { "Inherited" }
        p.quiet {
            "From the plans below it, under “Everything included in”, at their published versions: what \
             this plan has itself stands in their place."
        }
        (table("Inherited entitlements", &head, &rows))
    }
}

fn row_actions(
    visit: &Visit,
    package: &Package,
    entitlement: &Entitlement,
    name: &str,
    (up, down): (bool, bool),
) -> Markup {
    let path = target_path(visit, package, &entitlement.target);
    let turn = |direction: &str, sign: &str, is_possible: bool| {
        html! {
            button.button.small type="submit" name="direction" value=(direction)
                disabled[!is_possible] aria-label=(format!("Move {name} {direction}")) { (sign) }
        }
    };
    html! {
        div.row-actions {
            form.inline method="post" action=(format!("{path}/move")) {
                (token(visit)) (turn("up", "↑", up)) (turn("down", "↓", down))
            }
            a.button.small href=(path) aria-label=(format!("Edit {name}")) { "Edit" }
            form.inline method="post" action=(format!("{path}/remove")) {
                (token(visit))
                button.button.small type="submit" aria-label=(format!("Remove {name}")) { "Remove" }
            }
        }
    }
}

fn title(adding: &Adding) -> &'static str {
    match adding {
        Adding::Credits => "Add credits",
        Adding::ChooseFeature | Adding::Feature(_) => "Add a feature",
    }
}

fn new_page(visit: &Visit, package: &Package, adding: &Adding, form: &Form) -> Markup {
    let catalog = visit.catalog();
    let path = path_of(visit, &package.key);
    let here = |is: bool| is.then_some("page");
    let is_credit = matches!(adding, Adding::Credits);
    html! {
        (Head { above: &above(visit, package), ..Head::new(title(adding)) })
        nav.tabs aria-label="What to add" {
            a href=(format!("{path}/entitlements/new")) aria-current=[here(is_credit)] { "Credits" }
            a href=(format!("{path}/entitlements/new?of=feature")) aria-current=[here(!is_credit)] {
                "Feature"
            }
        }
        @if package.draft.is_none() {
            p.notice { "Adding opens a draft. Customers have the published version until you publish it." }
        }
        (sheet::adding(visit, &catalog, package, adding, form))
    }
}

/// What is to be added, as the address or the form says it.
fn adding(catalog: &Catalog, form: &Form) -> Adding {
    if form.get("of") != "feature" {
        return Adding::Credits;
    }
    let id = FeatureId::parse(form.get("id")).ok();
    let feature = id.and_then(|id| catalog.features.get(&id).cloned());
    feature.map_or(Adding::ChooseFeature, Adding::Feature)
}

pub(super) async fn new(visit: Visit) -> Result<Response, Failure> {
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let adding = adding(&catalog, visit.query());
    let body = new_page(&visit, package, &adding, visit.query());
    Ok(visit.page(Kind::of(package.key.kind).section, title(&adding), &body))
}

/// What the form would mean, as the part of the page that says so.
pub(super) async fn effect(visit: Visit) -> Result<Response, Failure> {
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let effects = sheet::effects(&catalog, &package.key, visit.query(), visit.now());
    let body = html! {
        @for (place, text) in effects { span id=(place) { (text) } }
    };
    Ok(Html(body.into_string()).into_response())
}

pub(super) async fn create(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let adding = adding(&catalog, &form);
    let created = async {
        let new = sheet::read_new(&form)?;
        let name = words::target(&catalog, &new.target);
        let added = edit_draft(&visit, &package.key, vec![DraftEdit::Add(vec![new])]).await;
        added.map_err(|trouble| trouble.or_at("id"))?;
        Ok::<_, Trouble>(name)
    };
    match created.await {
        Ok(name) => {
            let to = format!("{}#entitlements", path_of(&visit, &package.key));
            Ok(visit.done(
                &to,
                format!(
                    "{} was added to the draft. Publish it when it is complete.",
                    isolated(&name)
                ),
            ))
        }
        Err(trouble) => {
            let body = new_page(&visit, package, &adding, &form.with(trouble));
            Ok(visit.refused(Kind::of(package.key.kind).section, title(&adding), &body))
        }
    }
}

/// The entitlement that an address names.
fn found<'a>(visit: &Visit, package: &'a Package) -> Result<&'a Entitlement, Failure> {
    let id = visit.param("target");
    let target = match visit.param("type") {
        "credit" => CurrencyId::parse(id).ok().map(Target::Credit),
        "feature" => FeatureId::parse(id).ok().map(Target::Feature),
        _ => None,
    };
    let found = target.and_then(|target| package.shown().find_entitlement(&target));
    found.ok_or(Failure::NotFound)
}

fn edit_page(visit: &Visit, package: &Package, entitlement: &Entitlement, form: &Form) -> Markup {
    let catalog = visit.catalog();
    let name = words::target(&catalog, &entitlement.target);
    let title = format!("Edit {}", isolated(&name));
    let action = target_path(visit, package, &entitlement.target);
    html! {
        (Head { above: &above(visit, package), ..Head::new(&title) })
        @if package.draft.is_none() {
            p.notice { "Saving opens a draft. Customers have the published version until you publish it." }
        }
        (sheet::editing(visit, &catalog, package, entitlement, &action, form))
    }
}

pub(super) async fn edit(visit: Visit) -> Result<Response, Failure> {
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let entitlement = found(&visit, package)?;
    let form = seen::noted(sheet::filled(entitlement));
    let body = edit_page(&visit, package, entitlement, &form);
    Ok(visit.page(Kind::of(package.key.kind).section, "Edit entitlement", &body))
}

pub(super) async fn update(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let entitlement = found(&visit, package)?;
    let updated = async {
        seen::check(&form, &sheet::filled(entitlement), "The entitlement")?;
        let body = sheet::change(&form, entitlement).read::<UpdateEntitlement>()?;
        let patch = mapping::patch_from_wire(body);
        let target = entitlement.target.clone();
        edit_shown(&visit, package, vec![DraftEdit::Entitlement(target, Box::new(patch))]).await
    };
    match updated.await {
        Ok(()) => {
            let to = format!("{}#entitlements", path_of(&visit, &package.key));
            Ok(visit.done(&to, "The draft was saved."))
        }
        Err(trouble) => {
            let body = edit_page(&visit, package, entitlement, &form.with(trouble));
            Ok(visit.refused(Kind::of(package.key.kind).section, "Edit entitlement", &body))
        }
    }
}

pub(super) async fn remove(posted: Posted) -> Result<Response, Failure> {
    let visit = posted.visit;
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let target = found(&visit, package)?.target.clone();
    let name = words::target(&catalog, &target);
    let outcome = edit_draft(&visit, &package.key, vec![DraftEdit::Remove(target)]).await;
    let message = format!("{} was removed from the draft.", isolated(&name));
    Ok(visit.tried(&format!("{}#entitlements", path_of(&visit, &package.key)), outcome, message))
}

/// Moves an entitlement one place up or down: all get the number of their place.
pub(super) async fn shift(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let catalog = visit.catalog();
    let package = &*find(&visit, &catalog)?;
    let target = &found(&visit, package)?.target;
    let mut all = ordered(package.shown());
    let place = all.iter().position(|entitlement| entitlement.target == *target).unwrap_or(0);
    let other = if form.get("direction") == "up" { place.checked_sub(1) } else { Some(place + 1) };
    let other = other.filter(|other| *other < all.len());
    if let Some(other) = other {
        all.swap(place, other);
    }
    let row = row_id(other.unwrap_or(place));
    let numbered = all
        .iter()
        .zip(1_i64..)
        .map(|(entitlement, place)| (entitlement, Some(Amount::whole(place))));
    let edits = numbered.filter(|(entitlement, place)| entitlement.order != *place).map(
        |(entitlement, order)| {
            let patch = EntitlementPatch { order, ..blank_patch(entitlement) };
            DraftEdit::Entitlement(entitlement.target.clone(), Box::new(patch))
        },
    );
    let outcome = edit_shown(&visit, package, edits.collect()).await;
    let message = "The order was changed.";
    Ok(visit.tried(&format!("{}#{row}", path_of(&visit, &package.key)), outcome, message))
}

/// A change of the entitlement's type that changes nothing.
fn blank_patch(entitlement: &Entitlement) -> EntitlementPatch {
    let feature =
        entitlement.feature().map(|_| stipend_core::catalog::FeatureTermsPatch::default());
    EntitlementPatch { feature, ..EntitlementPatch::default() }
}
