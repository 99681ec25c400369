//! Credit types, on the wire called custom currencies.

use crate::app::{App, data, ok};
use crate::context::{Body, By, Ids, Query, ToManage, ToRead, WithQuery};
use crate::cursor::{List, cut};
use crate::error::ApiError;
use crate::mapping::currency as mapping;
use axum::extract::State;
use axum::response::Response;
use stipend_core::CurrencyId;
use stipend_core::catalog::{CatalogCommand, CatalogRejection, Target};
use stipend_engine::{Command, Outcome, Refusal};
use stipend_wire::currency::{
    AssociatedEntity, CreateCurrency, Currency, CurrencyStatus, UpdateCurrency,
};
use stipend_wire::query::CurrenciesQuery;
use stipend_wire::{Data, ErrorBody, ErrorCode, Page};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_currencies, create_currency))
        .routes(routes!(update_currency))
        .routes(routes!(archive_currency))
        .routes(routes!(unarchive_currency))
        .routes(routes!(list_associated_entities))
}

/// The id in a path; one that is none of this kind leads to nothing.
fn parse_id(id: &str) -> Result<CurrencyId, ApiError> {
    CurrencyId::parse(id).map_err(|_| {
        ApiError::new(ErrorCode::CurrencyNotFound, "there is no credit type with this id")
    })
}

fn render(id: CurrencyId) -> impl FnOnce(&Outcome<'_>) -> Currency + Send + 'static {
    move |outcome| mapping::to_wire(&outcome.catalog.credit_types[&id])
}

/// List credit types
///
/// Newest first; only active ones, unless `status` says otherwise.
#[utoipa::path(get, path = "/api/v1/credits/custom-currencies", tag = "Credit types",
    params(CurrenciesQuery),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Page<Currency>), (status = "default", body = ErrorBody)))]
async fn list_currencies(
    State(app): State<App>,
    caller: By<ToRead, WithQuery>,
    Query(query): Query<CurrenciesQuery>,
) -> Result<Response, ApiError> {
    let list = List::new(caller.env, "currencies");
    let page = list.page(query.after.as_deref(), query.before.as_deref())?;
    let wanted = if query.status.is_empty() { vec![CurrencyStatus::Active] } else { query.status };
    let catalog = app.engine().catalog(caller.env);
    let listed = catalog.credit_types.values();
    let items = listed
        .filter(|currency| wanted.contains(&mapping::status(currency)))
        .map(|currency| {
            ((currency.created_at, currency.id.to_string()), mapping::to_wire(currency))
        })
        .collect();
    let (data, pagination) = cut(&list, items, &page, query.limit.0 as usize);
    Ok(ok(&Page { data, pagination }))
}

/// Create a credit type
///
/// It is active at once.
#[utoipa::path(post, path = "/api/v1/credits/custom-currencies", tag = "Credit types",
    request_body = CreateCurrency,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Currency>), (status = "default", body = ErrorBody)))]
async fn create_currency(
    State(app): State<App>,
    caller: By<ToManage>,
    body: Body,
) -> Result<Response, ApiError> {
    let new = mapping::new_from_wire(body.read::<CreateCurrency>()?);
    let render = render(new.id.clone());
    let command = Command::Catalog(CatalogCommand::CreateCreditType(new));
    app.mutate(&caller, &body, command, render).await
}

/// Update a credit type
///
/// Only what is sent changes; the empty text clears `description` and `symbol`, and `metadata`
/// is replaced whole.
#[utoipa::path(patch, path = "/api/v1/credits/custom-currencies/{currencyId}",
    tag = "Credit types", params(("currencyId" = String, Path)), request_body = UpdateCurrency,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Currency>), (status = "default", body = ErrorBody)))]
async fn update_currency(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    let patch = mapping::patch_from_wire(body.read::<UpdateCurrency>()?);
    let command = Command::Catalog(CatalogCommand::UpdateCreditType(id.clone(), patch));
    app.mutate(&caller, &body, command, render(id)).await
}

/// Archive a credit type
///
/// Refused while a plan or an add-on that is not archived grants it. Present pools stay and are
/// used up; nothing new is granted.
#[utoipa::path(post, path = "/api/v1/credits/custom-currencies/{currencyId}/archive",
    tag = "Credit types", params(("currencyId" = String, Path)),
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Currency>), (status = "default", body = ErrorBody)))]
async fn archive_currency(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    body.read_nothing()?;
    let command = Command::Catalog(CatalogCommand::ArchiveCreditType(id.clone()));
    app.mutate(&caller, &body, command, render(id)).await
}

/// Restore a credit type
#[utoipa::path(post, path = "/api/v1/credits/custom-currencies/{currencyId}/unarchive",
    tag = "Credit types", params(("currencyId" = String, Path)),
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Currency>), (status = "default", body = ErrorBody)))]
async fn unarchive_currency(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    body.read_nothing()?;
    let command = Command::Catalog(CatalogCommand::UnarchiveCreditType(id.clone()));
    app.mutate(&caller, &body, command, render(id)).await
}

/// List what grants a credit type
///
/// The plans and add-ons whose draft or published version grants it, and which keep it from being
/// archived.
#[utoipa::path(get, path = "/api/v1/credits/custom-currencies/{currencyId}/associated-entities",
    tag = "Credit types", params(("currencyId" = String, Path)),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Data<Vec<AssociatedEntity>>),
        (status = "default", body = ErrorBody)))]
async fn list_associated_entities(
    State(app): State<App>,
    caller: By<ToRead>,
    Ids(id): Ids<String>,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    let catalog = app.engine().catalog(caller.env);
    if !catalog.credit_types.contains_key(&id) {
        return Err(Refusal::Catalog(CatalogRejection::CurrencyNotFound(id)).into());
    }
    let packages = catalog.packages_using(&Target::Credit(id));
    let entities = packages.into_iter().map(|package| mapping::entity_to_wire(package));
    Ok(data(entities.collect::<Vec<_>>()))
}
