//! Product catalog › Products.

use super::failure::Failure;
use super::field::{Choice, Dangerous, Sheet, tick};
use super::form::{Form, Trouble};
use super::layout::Section;
use super::metadata;
use super::object::Object;
use super::repeat::reshaped;
use super::shelf::{Shelf, Thing, was};
use super::ui::{Tone, badge, button, empty, facts, id, optional, table, time};
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

const ARCHIVE: &str = "Archive product";
const SHELF: Shelf = Shelf {
    section: Section::Products,
    list: "/products",
    new: "/new-product",
    names: ("product", "products"),
    prefix: "product-",
    lead: "What you sell. Plans and add-ons belong to a product; a customer holds one plan of it.",
    next: "Make the first one, then give it a plan.",
};

impl Thing for Product {
    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn is_archived(&self) -> bool {
        self.archived_at.is_some()
    }
}

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/products", get(list).post(create))
        .route(SHELF.new, get(new))
        .route("/products/{id}", get(show).post(update))
        .route("/products/{id}/edit", get(edit))
        .route("/products/{id}/archive", get(ask_archive).post(archive))
        .route("/products/{id}/unarchive", post(unarchive))
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
    let catalog = visit.catalog();
    SHELF.page(&visit, catalog.products.values(), |all| rows(&visit, &catalog, all))
}

fn rows(visit: &Visit, catalog: &Catalog, shown: &[&Product]) -> Markup {
    let head = html! {
        th scope="col" { "Name" } th scope="col" { "Id" } th.num scope="col" { "Plans" }
        th.num scope="col" { "Add-ons" } th scope="col" { "Made" }
    };
    let rows = html! {
        @for &product in shown {
            tr {
                th scope="row" { a href=(SHELF.path_of(visit, product)) { (product.name) } }
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
    let path = SHELF.path_of(&visit, product);
    let archive = button(&format!("{path}/archive"), "Archive");
    let body = html! {
        (SHELF.head(&visit, product, &archive))
        @if product.is_archived() { p.notice { "It takes no new subscriptions. Present ones go on." } }
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
        (metadata::shown(&product.metadata))
    };
    Ok(visit.page(SHELF.section, &product.name, &body))
}

/// The plans or add-ons of a product.
fn section(visit: &Visit, catalog: &Catalog, product: &Product, kind: PackageKind) -> Markup {
    let (title, list, new, one) = match kind {
        PackageKind::Plan => ("Plans", "/plans", "/new-plan", "plan"),
        PackageKind::Addon => ("Add-ons", "/addons", "/new-addon", "add-on"),
    };
    let packages: Vec<_> = packages_of(catalog, product, kind).collect();
    let new = visit.path(&format!("{new}?productId={}", product.id));
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
    html! {
        (SHELF.fields(form, is_new))
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
        (metadata::fields(form))
    }
}

fn object(form: &Form) -> Object {
    let object = Object::new()
        .text("displayName", form.get("displayName"))
        .flag("multipleSubscriptions", form.is_on("multipleSubscriptions"));
    metadata::with(object, form)
}

async fn new(visit: Visit) -> Response {
    let form = Form::default();
    SHELF.new_page(&visit, &form, fields(&form, true))
}

async fn create(posted: Posted) -> Response {
    let Posted { visit, form } = posted;
    let form = match reshaped(form, &[metadata::KEYS]) {
        Ok(form) => return SHELF.new_page(&visit, &form, fields(&form, true)),
        Err(form) => form,
    };
    let created = async {
        let object = object(&form)
            .text("id", form.get("id"))
            .text_if("description", form.get("description"));
        let new = mapping::new_from_wire(object.read::<CreateProduct>()?);
        let path = visit.path(&format!("{}/{}", SHELF.list, new.id));
        let done = visit.change(CatalogCommand::CreateProduct(new)).await;
        done.map_err(|trouble| trouble.or_at("id"))?;
        Ok::<_, Trouble>(path)
    };
    match created.await {
        Ok(path) => visit.done(&path, was(form.get("displayName"), "added")),
        Err(trouble) => {
            let trouble = metadata::placed(trouble, &form);
            let form = form.with(trouble);
            SHELF.new_refused(&visit, &form, fields(&form, true))
        }
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
    let said = [
        ("id", product.id.to_string()),
        ("displayName", product.name.clone()),
        ("description", product.description.clone().unwrap_or_default()),
        ("multipleSubscriptions", several.to_owned()),
        ("usageResetCutoffRule/behavior", reset.to_owned()),
    ];
    let form = Form::filled(said.into_iter().chain(metadata::filled(&product.metadata)));
    Ok(SHELF.edit_page(&visit, product, &form, fields(&form, false)))
}

async fn update(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let catalog = visit.catalog();
    let product = &*find(&visit, &catalog)?;
    let form = match reshaped(form, &[metadata::KEYS]) {
        Ok(form) => return Ok(SHELF.edit_page(&visit, product, &form, fields(&form, false))),
        Err(form) => form,
    };
    let updated = async {
        let rule = Object::new().text("behavior", form.get("usageResetCutoffRule/behavior"));
        let object = object(&form)
            .text_or_null("description", form.get("description"))
            .object("usageResetCutoffRule", &rule);
        let patch = mapping::patch_from_wire(object.read::<UpdateProduct>()?);
        visit.change(CatalogCommand::UpdateProduct(product.id.clone(), patch)).await
    };
    match updated.await {
        Ok(()) => Ok(visit.done(&SHELF.path_of(&visit, product), "The product was saved.")),
        Err(trouble) => {
            let trouble = metadata::placed(trouble, &form);
            let form = form.with(trouble);
            Ok(SHELF.edit_refused(&visit, product, &form, fields(&form, false)))
        }
    }
}

fn archive_page(visit: &Visit, product: &Product, form: &Form) -> Markup {
    let path = SHELF.path_of(visit, product);
    html! {
        (SHELF.head_below(visit, product, ARCHIVE))
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
    Ok(visit.page(SHELF.section, ARCHIVE, &body))
}

async fn archive(posted: Posted) -> Result<Response, Failure> {
    let Posted { visit, form } = posted;
    let catalog = visit.catalog();
    let product = &*find(&visit, &catalog)?;
    match visit.change(CatalogCommand::ArchiveProduct(product.id.clone())).await {
        Ok(()) => Ok(visit.done(&visit.path(SHELF.list), was(&product.name, "archived"))),
        Err(trouble) => {
            let body = archive_page(&visit, product, &form.with(trouble));
            Ok(visit.refused(SHELF.section, ARCHIVE, &body))
        }
    }
}

async fn unarchive(posted: Posted) -> Result<Response, Failure> {
    let visit = posted.visit;
    let catalog = visit.catalog();
    let product = &*find(&visit, &catalog)?;
    let outcome = visit.change(CatalogCommand::UnarchiveProduct(product.id.clone())).await;
    let message = was(&product.name, "restored");
    Ok(visit.tried(&SHELF.path_of(&visit, product), outcome, message))
}
