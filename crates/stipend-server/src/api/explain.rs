//! Where a balance comes from.

use crate::app::{App, data};
use crate::context::{By, Caller, Ids, Query, ToRead, WithQuery};
use crate::error::ApiError;
use crate::mapping::explain as mapping;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use stipend_core::customer::{Pace, Pool, explain, flows};
use stipend_core::{Catalog, CurrencyId, EnvId, PoolId, ResourceId, Timestamp};
use stipend_engine::Found;
use stipend_engine::pace::paces;
use stipend_wire::credit_usage::Forecast;
use stipend_wire::explain::CreditExplanation;
use stipend_wire::query::ExplainQuery;
use stipend_wire::{Data, ErrorBody, ErrorCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(explain_credits))
}

/// Explain a balance
///
/// For each subscription what its plan and each add-on give, and what an override displaced and
/// why; every live grant in burn order; overdraft; and the sum, which equals what a check says.
#[utoipa::path(get, path = "/api/v1/customers/{id}/credits/explain", tag = "Customers",
    params(("id" = String, Path), ExplainQuery),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Data<CreditExplanation>),
        (status = "default", body = ErrorBody)))]
async fn explain_credits(
    State(app): State<App>,
    caller: By<ToRead, WithQuery>,
    Ids(id): Ids<String>,
    Query(query): Query<ExplainQuery>,
) -> Result<Response, ApiError> {
    let now = app.engine().now(caller.env);
    let found = app.current(&caller, &id, now)?;
    let catalog = app.engine().catalog(caller.env);
    let asked = &query.currency_id.0;
    let currency = CurrencyId::parse(asked).ok();
    let currency = currency.filter(|currency| catalog.credit_types.contains_key(currency));
    let currency = currency.ok_or_else(|| {
        let shown: String = asked.chars().take(255).collect();
        ApiError::new(ErrorCode::CurrencyNotFound, format!("there is no credit type {shown}"))
    })?;
    let resource = query.resource_id.as_deref().map(ResourceId::parse).transpose().ok();
    let resource = resource.filter(|resource| {
        resource.as_ref().is_none_or(|resource| found.customer.find_resource(resource).is_some())
    });
    let resource = resource.ok_or_else(|| {
        ApiError::new(ErrorCode::ResourceNotFound, "the customer has no such resource")
    })?;
    let explanation = explain(&found.customer, &catalog, &currency, resource.as_ref(), now);
    let shown = mapping::Shown {
        customer: &found.customer,
        cipher: app.engine().cipher(),
        currency: &currency,
        resource: resource.as_ref(),
        now,
    };
    let mut told = mapping::to_wire(&shown, &explanation);
    if let Some(pool) = &explanation.pool {
        told.forecast = Some(forecast(&app, &caller, (&found, &catalog), pool, now).await?);
    }
    Ok(data(told))
}

/// When a pool of a customer runs out, at the paces of the last day and of the last week.
pub(super) async fn forecast(
    app: &App,
    caller: &Caller,
    (found, catalog): (&Found, &Catalog),
    pool: &Pool,
    now: Timestamp,
) -> Result<Forecast, ApiError> {
    let paces = read_paces(app, caller.env, found, pool.id, now).await?;
    let coming = flows(&found.customer, catalog, pool.id, now);
    Ok(mapping::forecast_to_wire(pool, &coming, &paces, now))
}

/// The paces of the last day and of the last week. A pool that is opened by what is due has no
/// rows yet.
pub(crate) async fn read_paces(
    app: &App,
    env: EnvId,
    found: &Found,
    pool: PoolId,
    now: Timestamp,
) -> Result<Vec<Pace>, ApiError> {
    let id = found.customer.profile.id.clone();
    let engine = Arc::clone(app.shared_engine());
    let read = move || {
        let account = engine.find_customer(env, &id);
        let chain = account
            .as_ref()
            .and_then(|account| account.chains.get(usize::from(pool.number())).cloned());
        Ok(paces(engine.reader(), &chain.unwrap_or_default(), &mapping::PACE_SECONDS, now)?)
    };
    app.read(read).await
}
