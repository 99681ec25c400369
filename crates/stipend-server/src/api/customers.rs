//! Customers and their resources.

use crate::app::{App, data, ok};
use crate::context::{Body, By, Ids, Query, ToManage, ToRead, WithQuery};
use crate::cursor::{List, cut};
use crate::error::ApiError;
use crate::mapping::customer as mapping;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use stipend_core::customer::CustomerCommand;
use stipend_core::{CustomerId, Slot, Timestamp};
use stipend_engine::{Command, Outcome};
use stipend_store::{CreatedRange, CustomerFilter, Page as StorePage};
use stipend_wire::customer::{CreateCustomer, Customer, Resource, UpdateCustomer};
use stipend_wire::query::{CustomersQuery, InstantRange, PageQuery};
use stipend_wire::text::composed;
use stipend_wire::{Data, ErrorBody, Page};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_customers, create_customer))
        .routes(routes!(get_customer, update_customer))
        .routes(routes!(archive_customer))
        .routes(routes!(unarchive_customer))
        .routes(routes!(list_resources))
}

pub(super) fn parse_id(id: &str) -> Result<CustomerId, ApiError> {
    CustomerId::parse(id).map_err(|_| crate::app::customer_not_found(id))
}

/// The customer after a command that was about one.
fn render(outcome: &Outcome<'_>) -> Customer {
    let account = outcome.account.expect("the command is about a customer");
    mapping::to_wire(&account.customer.profile)
}

/// The half-open range that a filter on creation times means, in whole microseconds.
pub(super) fn created_range(range: &InstantRange) -> CreatedRange {
    let from = range.gte.map(Timestamp::micros).into_iter();
    let from = from.chain(range.gt.map(|at| at.micros() + 1)).max();
    let until = range.lt.map(Timestamp::micros).into_iter();
    let until = until.chain(range.lte.map(|at| at.micros() + 1)).min();
    CreatedRange { from, until }
}

/// List customers
///
/// Newest first; archived ones are left out.
#[utoipa::path(get, path = "/api/v1/customers", tag = "Customers", params(CustomersQuery),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Page<Customer>), (status = "default", body = ErrorBody)))]
async fn list_customers(
    State(app): State<App>,
    caller: By<ToRead, WithQuery>,
    Query(query): Query<CustomersQuery>,
) -> Result<Response, ApiError> {
    let list = List::new(caller.env, "customers");
    let page: StorePage<u64> = list.page(query.after.as_deref(), query.before.as_deref())?;
    let filter = CustomerFilter {
        env: caller.env.0,
        created: created_range(&query.created_at),
        // Names are kept in the composed form, so they are looked for in it.
        name: query.name.map(|name| composed(&name).into_owned()),
        email: query.email,
    };
    let slot = |place: u64| u32::try_from(place).unwrap_or(u32::MAX);
    let limit = query.limit.0 as usize;
    let store_page = match page {
        StorePage::First => StorePage::First,
        StorePage::After(place) => StorePage::After(slot(place)),
        StorePage::Before(place) => StorePage::Before(slot(place)),
    };
    let reader = Arc::clone(app.engine().shared_reader());
    let listed = app.read(move || Ok(reader.list_customers(&filter, store_page, limit + 1)?));
    let mut slots = listed.await?;
    let has_more = super::cut_surplus(&mut slots, limit, &page);
    let places: Vec<u64> = slots.iter().map(|slot| u64::from(*slot)).collect();
    let pagination = list.pagination(&page, places.first(), places.last(), has_more);
    let accounts = slots.into_iter().filter_map(|slot| app.engine().account(Slot(slot)));
    let data = accounts.map(|account| mapping::to_wire(&account.customer.profile)).collect();
    Ok(ok(&Page { data, pagination }))
}

/// Create a customer
#[utoipa::path(post, path = "/api/v1/customers", tag = "Customers",
    request_body = CreateCustomer,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Customer>), (status = "default", body = ErrorBody)))]
async fn create_customer(
    State(app): State<App>,
    caller: By<ToManage>,
    body: Body,
) -> Result<Response, ApiError> {
    let new = mapping::new_from_wire(body.read::<CreateCustomer>()?);
    app.mutate(&caller, &body, Command::CreateCustomer(new), render).await
}

/// Get a customer
#[utoipa::path(get, path = "/api/v1/customers/{id}", tag = "Customers",
    params(("id" = String, Path)),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Data<Customer>), (status = "default", body = ErrorBody)))]
async fn get_customer(
    State(app): State<App>,
    caller: By<ToRead>,
    Ids(id): Ids<String>,
) -> Result<Response, ApiError> {
    let found = app.current(&caller, &id, app.engine().now(caller.env))?;
    Ok(data(mapping::to_wire(&found.customer.profile)))
}

/// Update a customer
///
/// Only what is sent changes; `metadata` is replaced whole.
#[utoipa::path(patch, path = "/api/v1/customers/{id}", tag = "Customers",
    params(("id" = String, Path)), request_body = UpdateCustomer,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Customer>), (status = "default", body = ErrorBody)))]
async fn update_customer(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    let patch = mapping::patch_from_wire(body.read::<UpdateCustomer>()?);
    let command = Command::Customer(id, CustomerCommand::Update(patch));
    app.mutate(&caller, &body, command, render).await
}

/// Archive a customer
///
/// Its subscriptions end at once; its credits stay as they are. What says who it is, is forgotten,
/// for good: `name`, `email`, `defaultPaymentMethod`, `integrations` and `passthrough`, and of its
/// subscriptions `billingInformation` and `salesforceId`. Ids, `billingId`, `billingCurrency`,
/// `couponId`, `language`, `timezone`, `metadata`, and what grants and usage say stay: clear your
/// own texts before. The journal keeps what was written before, as do copies of it: the activity
/// on the dashboard still shows it to who may see it.
#[utoipa::path(post, path = "/api/v1/customers/{id}/archive", tag = "Customers",
    params(("id" = String, Path)),
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Customer>), (status = "default", body = ErrorBody)))]
async fn archive_customer(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    body.read_nothing()?;
    let command = Command::Customer(id, CustomerCommand::Archive);
    app.mutate(&caller, &body, command, render).await
}

/// Restore a customer
///
/// Subscriptions that ended with the archiving stay ended.
#[utoipa::path(post, path = "/api/v1/customers/{id}/unarchive", tag = "Customers",
    params(("id" = String, Path)),
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Customer>), (status = "default", body = ErrorBody)))]
async fn unarchive_customer(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    body.read_nothing()?;
    let command = Command::Customer(id, CustomerCommand::Unarchive);
    app.mutate(&caller, &body, command, render).await
}

/// List a customer's resources
///
/// A resource comes to be when a subscription or a grant first names it.
#[utoipa::path(get, path = "/api/v1/customers/{id}/resources", tag = "Customers",
    params(("id" = String, Path), PageQuery),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Page<Resource>), (status = "default", body = ErrorBody)))]
async fn list_resources(
    State(app): State<App>,
    caller: By<ToRead, WithQuery>,
    Ids(id): Ids<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    let found = app.current(&caller, &id, app.engine().now(caller.env))?;
    let list = List::new(caller.env, &format!("resources/{}", found.customer.slot.0));
    let page = list.page(query.after.as_deref(), query.before.as_deref())?;
    let items = found.customer.resources.iter();
    let items = items
        .map(|resource| {
            let place = (resource.created_at, resource.id.to_string());
            (place, mapping::resource_to_wire(resource))
        })
        .collect();
    let (data, pagination) = cut(&list, items, &page, query.limit.0 as usize);
    Ok(ok(&Page::<Resource> { data, pagination }))
}
