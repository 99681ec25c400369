//! Charges of plans and add-ons, carried for the callers.

use super::packages::{find, parse_key};
use crate::app::{App, ok};
use crate::context::{By, Caller, Ids, Query, ToRead, WithQuery};
use crate::cursor::{List, cut};
use crate::error::ApiError;
use crate::mapping::package as mapping;
use axum::extract::State;
use axum::response::Response;
use stipend_core::catalog::PackageKind;
use stipend_wire::charge::Charge;
use stipend_wire::query::PageQuery;
use stipend_wire::{ErrorBody, Page};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_plan_charges))
        .routes(routes!(list_plan_overage_charges))
        .routes(routes!(list_addon_charges))
}

/// The rows in the order in which they were set: the first has the greatest place.
fn list(
    app: &App,
    caller: &Caller,
    (kind, id): (PackageKind, &str),
    is_overage: bool,
    query: &PageQuery,
) -> Result<Response, ApiError> {
    let key = parse_key(kind, id)?;
    let list = List::new(caller.env, &format!("{key}/charges/{is_overage}"));
    let page = list.page(query.after.as_deref(), query.before.as_deref())?;
    let catalog = app.engine().catalog(caller.env);
    let rows = mapping::charges_to_wire(caller.env, find(&catalog, &key)?, is_overage);
    let items = (0..u64::MAX).rev().zip(rows).collect();
    let (data, pagination) = cut(&list, items, &page, query.limit.0 as usize);
    Ok(ok(&Page { data, pagination }))
}

/// List the charges of a plan
///
/// Of its draft where there is one, else of its published version.
#[utoipa::path(get, path = "/api/v1/plans/{id}/charges", tag = "Plans",
    params(("id" = String, Path), PageQuery),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Page<Charge>), (status = "default", body = ErrorBody)))]
async fn list_plan_charges(
    State(app): State<App>,
    caller: By<ToRead, WithQuery>,
    Ids(id): Ids<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    list(&app, &caller, (PackageKind::Plan, &id), false, &query)
}

/// List the overage charges of a plan
///
/// Of its draft where there is one, else of its published version.
#[utoipa::path(get, path = "/api/v1/plans/{id}/overage-charges", tag = "Plans",
    params(("id" = String, Path), PageQuery),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Page<Charge>), (status = "default", body = ErrorBody)))]
async fn list_plan_overage_charges(
    State(app): State<App>,
    caller: By<ToRead, WithQuery>,
    Ids(id): Ids<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    list(&app, &caller, (PackageKind::Plan, &id), true, &query)
}

/// List the charges of an add-on
///
/// Of its draft where there is one, else of its published version.
#[utoipa::path(get, path = "/api/v1/addons/{id}/charges", tag = "Add-ons",
    params(("id" = String, Path), PageQuery),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Page<Charge>), (status = "default", body = ErrorBody)))]
async fn list_addon_charges(
    State(app): State<App>,
    caller: By<ToRead, WithQuery>,
    Ids(id): Ids<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    list(&app, &caller, (PackageKind::Addon, &id), false, &query)
}
