//! Product catalog › Plans and Add-ons: one code for both.

mod details;
mod entitlement_form;
mod entitlements;
mod page;
mod price;
mod publish;

pub(super) use entitlements::ordered;
pub(super) use price::lines as price_lines;

use super::failure::Failure;
use super::form::Trouble;
use super::layout::Section;
use super::ui::{Head, Tone, badge, empty, id, primary, table, tabs, time};
use super::visit::Visit;
use super::words;
use crate::app::App;
use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use std::sync::Arc;
use stipend_core::PackageId;
use stipend_core::catalog::{
    Catalog, CatalogCommand, DraftEdit, Package, PackageKey, PackageKind, Target,
};

/// What tells the screens of plans and add-ons apart.
struct Kind {
    of: PackageKind,
    section: Section,
    /// The address of the list.
    list: &'static str,
    /// The address of the form of a new one; it is none that one of the list could have.
    new: &'static str,
    one: &'static str,
    many: &'static str,
    prefix: &'static str,
    lead: &'static str,
    next: &'static str,
}

const PLANS: Kind = Kind {
    of: PackageKind::Plan,
    section: Section::Plans,
    list: "/plans",
    new: "/new-plan",
    one: "plan",
    many: "Plans",
    prefix: "plan-",
    lead: "What customers subscribe to: the credits and features that every customer of it has.",
    next: "Make one, give it credits in its Entitlements section, and publish it.",
};

const ADDONS: Kind = Kind {
    of: PackageKind::Addon,
    section: Section::Addons,
    list: "/addons",
    new: "/new-addon",
    one: "add-on",
    many: "Add-ons",
    prefix: "addon-",
    lead: "What customers buy on top of their plan: more credits, or a higher tier.",
    next: "Make one, give it credits in its Entitlements section, and publish it. Then name it \
           among the compatible add-ons of a plan.",
};

impl Kind {
    fn of(kind: PackageKind) -> &'static Self {
        match kind {
            PackageKind::Plan => &PLANS,
            PackageKind::Addon => &ADDONS,
        }
    }

    /// The kind that an address is about.
    fn at(visit: &Visit) -> &'static Self {
        let is_addons = [ADDONS.list, ADDONS.new].iter().any(|at| visit.screen().starts_with(at));
        if is_addons { &ADDONS } else { &PLANS }
    }
}

pub(super) fn router() -> Router<App> {
    [&PLANS, &ADDONS].into_iter().fold(Router::new(), |router, kind| {
        let at = |rest: &str| format!("{}{rest}", kind.list);
        router
            .route(&at(""), get(list).post(details::create))
            .route(kind.new, get(details::new))
            .route(&at("/{id}"), get(page::show).post(details::update))
            .route(&at("/{id}/edit"), get(details::edit))
            .route(&at("/{id}/archive"), get(details::ask_archive).post(details::archive))
            .route(&at("/{id}/draft"), post(publish::open_draft))
            .route(&at("/{id}/discard"), get(publish::ask_discard).post(publish::discard))
            .route(&at("/{id}/publish"), get(publish::review).post(publish::publish))
            .route(&at("/{id}/versions/{version}"), get(page::show_version))
            .route(&at("/{id}/price"), get(price::edit).post(price::save))
            .route(&at("/{id}/prices"), post(price::one::create))
            .route(&at("/{id}/prices/new"), get(price::one::new))
            .route(&at("/{id}/prices/{price}"), get(price::one::edit).post(price::one::update))
            .route(&at("/{id}/prices/{price}/remove"), post(price::one::remove))
            .route(&at("/{id}/entitlements"), post(entitlements::create))
            .route(&at("/{id}/entitlements/new"), get(entitlements::new))
            .route(&at("/{id}/entitlements/effect"), get(entitlements::effect))
            .route(
                &at("/{id}/entitlements/{type}/{target}"),
                get(entitlements::edit).post(entitlements::update),
            )
            .route(&at("/{id}/entitlements/{type}/{target}/remove"), post(entitlements::remove))
            .route(&at("/{id}/entitlements/{type}/{target}/move"), post(entitlements::shift))
    })
}

fn path_of(visit: &Visit, key: &PackageKey) -> String {
    visit.path(&format!("{}/{}", Kind::of(key.kind).list, key.id))
}

fn find(visit: &Visit, catalog: &Catalog) -> Result<Arc<Package>, Failure> {
    let id = PackageId::parse(visit.param("id")).map_err(|_| Failure::NotFound)?;
    let key = PackageKey { kind: Kind::at(visit).of, id };
    catalog.packages.get(&key).cloned().ok_or(Failure::NotFound)
}

/// The pages above a page of a package.
fn above<'a>(visit: &Visit, package: &'a Package) -> [(String, &'a str); 2] {
    let kind = Kind::of(package.key.kind);
    let name = package.shown().name.as_str();
    [(visit.path(kind.list), kind.many), (path_of(visit, &package.key), name)]
}

/// Edits the draft of a package, which is opened where there is none: a published version stays as
/// it is. All edits are made, or none, and then no draft is opened.
async fn edit_draft(visit: &Visit, key: &PackageKey, edits: Vec<DraftEdit>) -> Result<(), Trouble> {
    visit.change(CatalogCommand::EditDraft(key.clone(), edits)).await
}

/// Does what was made of all that is shown of a package, where nobody has changed that since.
async fn as_shown(
    visit: &Visit,
    package: &Package,
    command: CatalogCommand,
) -> Result<(), Trouble> {
    let (key, seen) = (package.key.clone(), Arc::clone(package.shown()));
    visit.change(CatalogCommand::IfUnchanged(key, seen, Box::new(command))).await
}

/// As [`edit_draft`], where the edits replace what is shown.
async fn edit_shown(
    visit: &Visit,
    package: &Package,
    edits: Vec<DraftEdit>,
) -> Result<(), Trouble> {
    as_shown(visit, package, CatalogCommand::EditDraft(package.key.clone(), edits)).await
}

/// The state of a package: badges beside its name.
fn badges(package: &Package) -> Markup {
    html! {
        @if package.archived_at.is_some() {
            (badge(Tone::Quiet, "Archived"))
        } @else {
            @if let Some(latest) = package.latest() {
                (badge(Tone::Good, &format!("Published v{}", latest.version)))
            }
            @if package.draft.is_some() { " " (badge(Tone::Warning, "Draft")) }
        }
    }
}

async fn list(visit: Visit) -> Response {
    let kind = Kind::at(&visit);
    let is_archive = visit.query().get("status") == "archived";
    let catalog = visit.catalog();
    let mut all = catalog.packages_of(kind.of);
    all.sort_by_key(|package| package.shown().name.to_lowercase());
    let archived = all.iter().filter(|package| package.archived_at.is_some()).count();
    let active = all.len() - archived;
    all.retain(|package| package.archived_at.is_some() == is_archive);
    let add = primary(&visit.path(kind.new), &format!("+ Add {}", kind.one));
    let body = html! {
        (Head { actions: add.clone(), ..Head::new(kind.many) })
        p.lead { (kind.lead) }
        (tabs(&visit.path(kind.list), is_archive, active, archived))
        @if !all.is_empty() {
            (rows(&visit, kind, &catalog, &all))
        } @else if is_archive {
            (empty("Nothing is archived", "What is archived takes no new subscriptions.",
                &Markup::default()))
        } @else if catalog.products.is_empty() {
            (empty("A product comes first", "Plans and add-ons belong to a product.",
                &primary(&visit.path("/new-product"), "+ Add product")))
        } @else {
            (empty(&format!("No {}s yet", kind.one), kind.next, &add))
        }
    };
    visit.page(kind.section, kind.many, &body)
}

fn rows(visit: &Visit, kind: &Kind, catalog: &Catalog, shown: &[&Arc<Package>]) -> Markup {
    let is_addon = kind.of == PackageKind::Addon;
    let head = html! {
        th scope="col" { "Name" } th scope="col" { "State" } th scope="col" { "Id" }
        th scope="col" { "Product" }
        @if is_addon { th scope="col" { "Type" } }
        th.num scope="col" { "Entitlements" } th scope="col" { "Changed" }
    };
    let rows = html! {
        @for package in shown {
            @let version = package.shown();
            @let product = catalog.products.get(&package.product);
            tr {
                th scope="row" { a href=(path_of(visit, &package.key)) { (version.name) } }
                td { (badges(package)) }
                td { (id(package.key.id.as_str())) }
                td { @if let Some(product) = product { (product.name) } }
                @if let Some(terms) = version.addon_terms() {
                    td { (words::instances(terms.max_quantity)) }
                }
                td.num { (version.entitlements.len()) }
                td { (time(version.updated_at)) }
            }
        }
    };
    table(kind.many, &head, &rows)
}

/// The plans and add-ons that give something, for the page of that.
pub(super) fn users(visit: &Visit, catalog: &Catalog, target: &Target) -> Markup {
    let users = catalog.packages_using(target);
    let head = html! {
        th scope="col" { "Name" } th scope="col" { "Kind" } th scope="col" { "Gives" }
    };
    let rows = html! {
        @for package in &users {
            @let kind = match package.key.kind {
                PackageKind::Plan => "Plan",
                PackageKind::Addon => "Add-on",
            };
            tr {
                th scope="row" {
                    a href=(path_of(visit, &package.key)) { (package.shown().name) }
                }
                td { (kind) }
                td {
                    @match package.shown().find_entitlement(target) {
                        Some(entitlement) => { (words::value(catalog, entitlement)) }
                        None if package.shown().refers_to(target) => { "Usage is paid with it" }
                        None => { "Only the published version" }
                    }
                }
            }
        }
    };
    if users.is_empty() {
        let text = "Open a plan or an add-on and click + Add in its Entitlements section.";
        return empty("None yet", text, &Markup::default());
    }
    table("Plans and add-ons", &head, &rows)
}
