//! Products.

use crate::app::{App, ok};
use crate::context::{Body, By, Ids, Query, ToManage, ToRead, WithQuery};
use crate::cursor::{List, cut};
use crate::error::ApiError;
use crate::mapping::product as mapping;
use axum::extract::State;
use axum::response::Response;
use stipend_core::ProductId;
use stipend_core::catalog::CatalogCommand;
use stipend_engine::{Command, Outcome};
use stipend_wire::product::{CreateProduct, DuplicateProduct, Product, UpdateProduct};
use stipend_wire::query::ProductsQuery;
use stipend_wire::{Data, ErrorBody, ErrorCode, Page};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_products, create_product))
        .routes(routes!(update_product))
        .routes(routes!(archive_product))
        .routes(routes!(unarchive_product))
        .routes(routes!(duplicate_product))
}

/// The id in a path; one that is none of this kind leads to nothing.
fn parse_id(id: &str) -> Result<ProductId, ApiError> {
    ProductId::parse(id)
        .map_err(|_| ApiError::new(ErrorCode::ProductNotFound, "there is no product with this id"))
}

fn render(id: ProductId) -> impl FnOnce(&Outcome<'_>) -> Product + Send + 'static {
    move |outcome| mapping::to_wire(&outcome.catalog.products[&id])
}

/// List products
///
/// Newest first; archived ones too, unless `status` says otherwise.
#[utoipa::path(get, path = "/api/v1/products", tag = "Products", params(ProductsQuery),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Page<Product>), (status = "default", body = ErrorBody)))]
async fn list_products(
    State(app): State<App>,
    caller: By<ToRead, WithQuery>,
    Query(query): Query<ProductsQuery>,
) -> Result<Response, ApiError> {
    let list = List::new(caller.env, "products");
    let page = list.page(query.after.as_deref(), query.before.as_deref())?;
    let catalog = app.engine().catalog(caller.env);
    let listed = catalog.products.values().filter(|product| {
        let is_named = query.id.as_ref().is_none_or(|id| product.id.as_str() == id);
        let has_status =
            query.status.is_empty() || query.status.contains(&mapping::status(product));
        is_named && has_status && query.created_at.contains(product.created_at)
    });
    let items = listed
        .map(|product| ((product.created_at, product.id.to_string()), mapping::to_wire(product)))
        .collect();
    let (data, pagination) = cut(&list, items, &page, query.limit.0 as usize);
    Ok(ok(&Page { data, pagination }))
}

/// Create a product
#[utoipa::path(post, path = "/api/v1/products", tag = "Products", request_body = CreateProduct,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Product>), (status = "default", body = ErrorBody)))]
async fn create_product(
    State(app): State<App>,
    caller: By<ToManage>,
    body: Body,
) -> Result<Response, ApiError> {
    let new = mapping::new_from_wire(body.read::<CreateProduct>()?);
    let render = render(new.id.clone());
    let command = Command::Catalog(CatalogCommand::CreateProduct(new));
    app.mutate(&caller, &body, command, render).await
}

/// Update a product
///
/// Only what is sent changes; `metadata` is replaced whole.
#[utoipa::path(patch, path = "/api/v1/products/{id}", tag = "Products",
    params(("id" = String, Path)), request_body = UpdateProduct,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Product>), (status = "default", body = ErrorBody)))]
async fn update_product(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    let patch = mapping::patch_from_wire(body.read::<UpdateProduct>()?);
    let command = Command::Catalog(CatalogCommand::UpdateProduct(id.clone(), patch));
    app.mutate(&caller, &body, command, render(id)).await
}

/// Archive a product
///
/// Its plans and add-ons are archived with it; present subscriptions stay.
#[utoipa::path(post, path = "/api/v1/products/{id}/archive", tag = "Products",
    params(("id" = String, Path)),
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Product>), (status = "default", body = ErrorBody)))]
async fn archive_product(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    body.read_nothing()?;
    let command = Command::Catalog(CatalogCommand::ArchiveProduct(id.clone()));
    app.mutate(&caller, &body, command, render(id)).await
}

/// Restore a product
///
/// The plans and add-ons that were archived with it come back too.
#[utoipa::path(post, path = "/api/v1/products/{id}/unarchive", tag = "Products",
    params(("id" = String, Path)),
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Product>), (status = "default", body = ErrorBody)))]
async fn unarchive_product(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    body.read_nothing()?;
    let command = Command::Catalog(CatalogCommand::UnarchiveProduct(id.clone()));
    app.mutate(&caller, &body, command, render(id)).await
}

/// Copy a product
///
/// With its plans, add-ons and settings. A copied plan or add-on is called `<targetId>-<id>`.
#[utoipa::path(post, path = "/api/v1/products/{id}/duplicate", tag = "Products",
    params(("id" = String, Path)), request_body = DuplicateProduct,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Product>), (status = "default", body = ErrorBody)))]
async fn duplicate_product(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let source = parse_id(&id)?;
    let copy = body.read::<DuplicateProduct>()?;
    let target = copy.target_id;
    let command = Command::Catalog(CatalogCommand::DuplicateProduct {
        source,
        target: target.clone(),
        name: copy.display_name.map(|name| name.0),
        description: copy.description.map(|text| text.0).into_change(),
    });
    app.mutate(&caller, &body, command, render(target)).await
}
