//! What a billing provider would tell of a customer. There is none, so the lists are empty
//! (`behaviour.md` §0.15).

use crate::app::{App, data, ok};
use crate::context::{By, Ids, Query, ToRead, WithQuery};
use crate::cursor::{List, Made, cut};
use crate::error::ApiError;
use axum::extract::State;
use axum::response::Response;
use stipend_wire::billing::{Contract, Invoice};
use stipend_wire::query::InvoicesQuery;
use stipend_wire::{Data, ErrorBody, Page};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_invoices)).routes(routes!(list_contracts))
}

/// List a customer's invoices
///
/// Always empty: there is no billing provider.
#[utoipa::path(get, path = "/api/v1/customers/{id}/invoices", tag = "Customers",
    params(("id" = String, Path), InvoicesQuery),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Page<Invoice>), (status = "default", body = ErrorBody)))]
async fn list_invoices(
    State(app): State<App>,
    caller: By<ToRead, WithQuery>,
    Ids(id): Ids<String>,
    Query(query): Query<InvoicesQuery>,
) -> Result<Response, ApiError> {
    let found = app.current(&caller, &id, app.engine().now(caller.env))?;
    let list = List::new(caller.env, &format!("invoices/{}", found.customer.slot.0));
    let page = list.page::<Made>(query.after.as_deref(), query.before.as_deref())?;
    let (data, pagination) = cut(&list, Vec::new(), &page, query.limit.0 as usize);
    Ok(ok(&Page::<Invoice> { data, pagination }))
}

/// List a customer's contracts
///
/// Always empty: there are no contracts.
#[utoipa::path(get, path = "/api/v1/customers/{id}/contracts", tag = "Customers",
    params(("id" = String, Path)),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Data<Vec<Contract>>), (status = "default", body = ErrorBody)))]
async fn list_contracts(
    State(app): State<App>,
    caller: By<ToRead>,
    Ids(id): Ids<String>,
) -> Result<Response, ApiError> {
    app.current(&caller, &id, app.engine().now(caller.env))?;
    Ok(data(Vec::<Contract>::new()))
}
