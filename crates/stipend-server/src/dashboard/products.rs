//! Product catalog › Products.

use super::failure::Failure;
use super::field::{Choice, Dangerous, Field, Sheet, add_page, one_button, tick};
use super::form::{Form, Trouble};
use super::layout::Section;
use super::object::Object;
use super::ui::{
    Head, Tone, badge, button, empty, facts, id, isolated, optional, primary, table, tabs, time,
};
use super::visit::{Posted, Visit};
use crate::app::App;
use crate::mapping::product as mapping;
use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use std::sync::Arc;
use stipend_core::ProductId;
use stipend_core::catalog::{Catalog, CatalogCommand, Package, PackageKind, Product, UsageReset};
use stipend_wire::product::{CreateProduct, UpdateProduct};

const LIST: &str = "/products";
const SECTION: Section = Section::Products;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/products", get(list).post(create))
        .route("/products/new", get(new))
        .route("/products/{id}", get(show).post(update))
        .route("/products/{id}/edit", get(edit))
        .route("/products/{id}/archive", get(ask_archive).post(archive))
        .route("/products/{id}/unarchive", post(unarchive))
}

fn path_of(visit: &Visit, product: &Product) -> String {
    visit.path(&format!("{LIST}/{}", product.id))
}

fn find(visit: &Visit, catalog: &Catalog) -> Result<Arc<Product>, Failure> {
    let id = ProductId::parse(visit.param("id")).map_err(|_| Failure::NotFound)?;
    catalog.products.get(&id).cloned().ok_or(Failure::NotFound)
}

fn packages_of<'a>(
    catalog: &'a Catalog,
    product: &'a Product,
    kind: PackageKind,
) -> impl Iterator<Item = &'a Arc<Package>> {
    let of_kind = catalog.packages_of(kind).into_iter();
    of_kind.filter(|package| package.product == product.id && package.archived_at.is_none())
}

async fn list(visit: Visit) -> Response {
    let is_archive = visit.query().get("status") == "archived";
    let catalog = visit.catalog();
    let mut all: Vec<&Product> = catalog.products.values().map(Arc::as_ref).collect();
    all.sort_by_key(|product| product.name.to_lowercase());
    let archived = all.iter().filter(|product| product.archived_at.is_some()).count();
    let active = all.len() - archived;
    all.retain(|product| product.archived_at.is_some() == is_archive);
    let add = primary(&visit.path("/products/new"), "+ Add product");
    let body = html! {
        (Head { actions: add.clone(), ..Head::new("Products") })
        p.lead { "What you sell. Plans and add-ons belong to a product; a customer holds one plan of it." }
        (tabs(&visit.path(LIST), is_archive, active, archived))
        @if !all.is_empty() {
            (rows(&visit, &catalog, &all))
        } @else if is_archive {
            (empty("Nothing is archived", "Archived products can be restored from here.",
                &Markup::default()))
        } @else {
            (empty("No products yet", "Make the first one, then give it a plan.", &add))
        }
    };
    visit.page(SECTION, "Products", &body)
}

fn rows(visit: &Visit, catalog: &Catalog, shown: &[&Product]) -> Markup {
    let head = html! {
        th scope="col" { "Name" } th scope="col" { "Id" } th.num scope="col" { "Plans" }
        th.num scope="col" { "Add-ons" } th scope="col" { "Made" }
    };
    let rows = html! {
        @for product in shown {
            tr {
                th scope="row" { a href=(path_of(visit, product)) { (product.name) } }
                td { (id(product.id.as_str())) }
                td.num { (packages_of(catalog, product, PackageKind::Plan).count()) }
                td.num { (packages_of(catalog, product, PackageKind::Addon).count()) }
                td { (time(product.created_at)) }
            }
        }
    };
    table("Products", &head, &rows)
}

pub(super) const fn reset_words(reset: UsageReset) -> &'static str {
    match reset {
        UsageReset::Always => "Always",
        UsageReset::Never => "Never",
        UsageReset::BillingPeriodChange => "When the billing cycle starts anew",
    }
}

async fn show(visit: Visit) -> Result<Response, Failure> {
    let catalog = visit.catalog();
    let product = &*find(&visit, &catalog)?;
    let path = path_of(&visit, product);
    let is_archived = product.archived_at.is_some();
    let body = html! {
        (Head {
            above: &[(visit.path(LIST), "Products")],
            beside: html! { @if is_archived { (badge(Tone::Quiet, "Archived")) } },
            actions: html! {
                (button(&format!("{path}/edit"), "Edit"))
                @if is_archived {
                    (one_button(&visit, &format!("{path}/unarchive"), "Restore"))
                } @else {
                    (button(&format!("{path}/archive"), "Archive"))
                }
            },
            ..Head::new(&product.name)
        })
        @if is_archived { p.notice { "It takes no new subscriptions. Present ones go on." } }
        (facts(&[
            ("Id", id(product.id.as_str())),
            ("Several subscriptions", html! {
                @if product.multiple_subscriptions { "Yes" } @else { "No" }
            }),
            ("A plan change resets usage", html! { (reset_words(product.usage_reset)) }),
            ("Made", time(product.created_at)),
        ]))
        @if product.description.is_some() {
            p.prose { (optional(product.description.as_deref())) }
        }
        (section(&visit, &catalog, product, PackageKind::Plan))
        (section(&visit, &catalog, product, PackageKind::Addon))
    };
    Ok(visit.page(SECTION, &product.name, &body))
}

/// The plans or add-ons of a product.
fn section(visit: &Visit, catalog: &Catalog, product: &Product, kind: PackageKind) -> Markup {
    let (title, list, one) = match kind {
        PackageKind::Plan => ("Plans", "/plans", "plan"),
        PackageKind::Addon => ("Add-ons", "/addons", "add-on"),
    };
    let packages: Vec<_> = packages_of(catalog, product, kind).collect();
    let new = visit.path(&format!("{list}/new?productId={}", product.id));
    let text = match kind {
        PackageKind::Plan => "A plan is what a customer subscribes to.",
        PackageKind::Addon => "An add-on is what a customer buys on top of a plan.",
    };
    let add = format!("+ Add {one}");
    html! {
        section {
            div.section-head {
                h2 { (title) }
                @if !packages.is_empty() { (button(&new, &add)) }
            }
            @if packages.is_empty() {
                (empty(&format!("No {one}s yet"), text, &button(&new, &add)))
            } @else {
                ul.links {
                    @for package in packages {
                        li {
                            a href=(visit.path(&format!("{list}/{}", package.key.id))) {
                                (package.shown().name)
                            }
                            " " @if package.draft.is_some() { (badge(Tone::Warning, "Draft")) }
                        }
                    }
                }
            }
        }
    }
}

fn fields(form: &Form, is_new: bool) -> Markup {
    let id = Field::text(form, "id", "Id").max(255);
    let id = if is_new {
        id.required()
            .slug_of("displayName", "product-")
            .hint("What your code calls it. It cannot be changed later.")
    } else {
        id.fixed().hint("It cannot be changed.")
    };
    html! {
        (Field::text(form, "displayName", "Name").required().max(255))
        (id)
        (Field::lines(form, "description", "Description").max(5000))
        (tick(form, "multipleSubscriptions", "A customer may hold several subscriptions",
            "Fixed once somebody has subscribed."))
        @if !is_new {
            (Choice {
                form,
                name: "usageResetCutoffRule/behavior",
                label: "When a customer changes the plan, what was used",
                options: vec![
                    ("ALWAYS_RESET", "Starts anew",
                        html! { "The new plan gives all its credits at once." }),
                    ("NEVER_RESET", "Stays used",
                        html! { "What was used of the old plan counts for the new one." }),
                    ("BILLING_PERIOD_CHANGE", "Starts anew with a new billing cycle",
                        html! { "It stays used where the cycle goes on." }),
                ],
            })
        }
    }
}

fn object(form: &Form) -> Object {
    Object::new()
        .text("displayName", form.get("displayName"))
        .flag("multipleSubscriptions", form.is_on("multipleSubscriptions"))
}

fn new_page(visit: &Visit, form: &Form) -> Markup {
    add_page(visit, (LIST, "Products"), "Add product", form, fields(form, true))
}

async fn new(visit: Visit) -> Response {
    visit.page(SECTION, "Add product", &new_page(&visit, &Form::default()))
}

async fn create(posted: Posted) -> Response {
    let Posted { visit, form } = posted;
    let created = async {
        let object = object(&form)
            .text("id", form.get("id"))
            .text_if("description", form.get("description"));
        let new = mapping::new_from_wire(object.read::<CreateProduct>()?);
        let path = visit.path(&format!("{LIST}/{}", new.id));
        let done = visit.change(CatalogCommand::CreateProduct(new)).await;
        done.map_err(|trouble| trouble.or_at("id"))?;
        Ok::<_, Trouble>(path)
    };
    match created.await {
        Ok(path) => visit.done(&path, format!("{} was added.", isolated(form.get("displayName")))),
        Err(trouble) => {
            visit.refused(SECTION, "Add product", &new_page(&visit, &form.with(trouble)))
        }
    }
}

fn edit_page(visit: &Visit, product: &Product, form: &Form) -> Markup {
    let path = path_of(visit, product);
    html! {
        (Head {
            above: &[(visit.path(LIST), "Products"), (path.clone(), &product.name)],
            ..Head::new("Edit product")
        })
        (Sheet {
            visit,
            action: &path,
            form,
            fields: fields(form, false),
            submit: "Save",
            cancel: Some(&path),
        })
    }
}

async fn edit(visit: Visit) -> Result<Response, Failure> {
    let catalog = visit.catalog();
    let product = &*find(&visit, &catalog)?;
    let reset = match product.usage_reset {
        UsageReset::Always => "ALWAYS_RESET",
        UsageReset::Never => "NEVER_RESET",
        UsageReset::BillingPeriodChange => "BILLING_PERIOD_CHANGE",
    };
    let several = if product.multiple_subscriptions { "on" } else { "" };
    let form = Form::filled([
        ("id", product.id.to_string()),
        ("displayName", product.name.clone()),
        ("description", product.description.clone().unwrap_or_default()),
        ("multipleSubscriptions", several.to_owned()),
        ("usageResetCutoffRule/behavior", reset.to_owned()),
    ]);
    Ok(visit.page(SECTION, "Edit product", &edit_page(&visit, product, &form)))
}

async fn update(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let catalog = visit.catalog();
    let product = &*find(&visit, &catalog)?;
    let updated = async {
        let rule = Object::new().text("behavior", form.get("usageResetCutoffRule/behavior"));
        let object = object(&form)
            .text_or_null("description", form.get("description"))
            .object("usageResetCutoffRule", &rule);
        let patch = mapping::patch_from_wire(object.read::<UpdateProduct>()?);
        visit.change(CatalogCommand::UpdateProduct(product.id.clone(), patch)).await
    };
    match updated.await {
        Ok(()) => Ok(visit.done(&path_of(&visit, product), "The product was saved.")),
        Err(trouble) => {
            let body = edit_page(&visit, product, &form.with(trouble));
            Ok(visit.refused(SECTION, "Edit product", &body))
        }
    }
}

fn archive_page(visit: &Visit, product: &Product, form: &Form) -> Markup {
    let path = path_of(visit, product);
    html! {
        (Head {
            above: &[(visit.path(LIST), "Products"), (path.clone(), &product.name)],
            ..Head::new("Archive product")
        })
        p.prose {
            "Its plans and add-ons are archived with it, and nobody can subscribe to " strong { (product.name) } " any more. "
            "Present subscriptions go on. It can be restored."
        }
        (Dangerous(Sheet {
            visit,
            action: &format!("{path}/archive"),
            form,
            fields: Markup::default(),
            submit: "Archive",
            cancel: Some(&path),
        }))
    }
}

async fn ask_archive(visit: Visit) -> Result<Response, Failure> {
    let catalog = visit.catalog();
    let body = archive_page(&visit, &*find(&visit, &catalog)?, &Form::default());
    Ok(visit.page(SECTION, "Archive product", &body))
}

async fn archive(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let catalog = visit.catalog();
    let product = &*find(&visit, &catalog)?;
    match visit.change(CatalogCommand::ArchiveProduct(product.id.clone())).await {
        Ok(()) => {
            Ok(visit.done(&visit.path(LIST), format!("{} was archived.", isolated(&product.name))))
        }
        Err(trouble) => {
            let body = archive_page(&visit, product, &form.with(trouble));
            Ok(visit.refused(SECTION, "Archive product", &body))
        }
    }
}

async fn unarchive(posted: Posted) -> Result<Response, Failure> {
    let visit = posted.visit;
    let catalog = visit.catalog();
    let product = &*find(&visit, &catalog)?;
    let outcome = visit.change(CatalogCommand::UnarchiveProduct(product.id.clone())).await;
    let message = format!("{} was restored.", isolated(&product.name));
    Ok(visit.tried(&path_of(&visit, product), outcome, message))
}
