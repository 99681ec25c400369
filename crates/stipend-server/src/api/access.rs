//! May this customer do this now? What may it do at all?

use super::explain::forecast;
use crate::app::{App, data};
use crate::context::{By, Caller, Ids, Query, ToCheck, WithQuery};
use crate::error::ApiError;
use crate::mapping::access as mapping;
use crate::mapping::decision::{Asked, of_check, of_feature_check};
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use stipend_core::customer::{
    CreditCheck, Denial, FeatureCheck, FeatureQuestion, check_credit, check_feature,
};
use stipend_core::{Catalog, CurrencyId, Customer, CustomerId, FeatureId, ResourceId, Timestamp};
use stipend_engine::{Access, Found};
use stipend_wire::access::{EffectiveEntitlement, EffectiveEntitlements};
use stipend_wire::query::{CheckQuery, EntitlementsQuery};
use stipend_wire::{Data, ErrorBody};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_customer_entitlements))
        .routes(routes!(check_entitlement))
}

/// List what a customer is entitled to
///
/// The features and credits of the customer, or of one of its resources, from all sources together:
/// subscriptions with their add-ons, and promotional entitlements. Each is told as a check would
/// that requests nothing.
#[utoipa::path(get, path = "/api/v1/customers/{id}/entitlements", tag = "Customers",
    params(("id" = String, Path), EntitlementsQuery),
    security(("apiKey" = ["check"])),
    responses((status = 200, body = Data<EffectiveEntitlements>),
        (status = "default", body = ErrorBody)))]
async fn list_customer_entitlements(
    State(app): State<App>,
    caller: By<ToCheck, WithQuery>,
    Ids(id): Ids<String>,
    Query(query): Query<EntitlementsQuery>,
) -> Result<Response, ApiError> {
    let now = app.engine().now(caller.env);
    let (found, catalog) = find_with_catalog(&app, &caller, &id, now)?;
    let customer = found.as_ref().map(|account| &account.customer);
    let scope = match query.resource_id.as_deref().map(ResourceId::parse) {
        None => mapping::Scope::Customer,
        Some(Ok(resource)) => mapping::Scope::Resource(resource),
        Some(Err(_)) => mapping::Scope::Nothing,
    };
    Ok(data(mapping::effective_to_wire(customer, &catalog, &scope, now)))
}

/// Check an entitlement
///
/// By `currencyId`: whether the pool has what `requestedUsage` asks for, or anything at all.
///
/// By `featureId`: whether the feature is entitled, `requestedUsage` fits below its limit, and all
/// `requestedValues` are allowed. Where its usage is paid in credits, the pool must have what the
/// requested usage costs; where a formula prices it, each unit is taken at the rate's own amount and
/// the answer says `isEstimate`.
///
/// With `forecast=true`, which goes with `currencyId`, the answer says when the credits run out.
///
/// The answer is 200 for every denial. A check reads memory only, unless it forecasts, and never
/// changes anything, unless it reserves.
///
/// With `reserveAmount` and `reservationId` it reserves so many credits, or is denied and reserves
/// nothing: both in one step, and never more than there is, whatever is soft. The same reservation
/// again gets the first answer; other parameters under its id are a conflict. A key with the scope
/// `read` cannot reserve.
#[utoipa::path(get, path = "/api/v1/customers/{id}/entitlements/check", tag = "Customers",
    params(("id" = String, Path), CheckQuery),
    security(("apiKey" = ["check"])),
    responses((status = 200, body = Data<EffectiveEntitlement>),
        (status = "default", body = ErrorBody)))]
async fn check_entitlement(
    State(app): State<App>,
    caller: By<ToCheck, WithQuery>,
    Ids(id): Ids<String>,
    Query(query): Query<CheckQuery>,
) -> Result<Response, ApiError> {
    query.check_subject()?;
    if let Some(reservation) = query.reservation()? {
        caller.check_access(Access::Usage)?;
        // What most checks do not need is kept out of their future, which is moved about.
        let reserve = super::reservations::reserve(&app, &caller, &id, &query, reservation);
        return Box::pin(reserve).await;
    }
    let now = app.engine().now(caller.env);
    let (found, catalog) = find_with_catalog(&app, &caller, &id, now)?;
    let customer = found.as_ref().map(|account| &account.customer);
    if let Some(asked) = &query.feature_id {
        let check = customer.map_or_else(
            || FeatureCheck::denied(Denial::CustomerNotFound),
            |customer| check_by_feature(customer, &catalog, asked, &query, now),
        );
        let mut told = mapping::feature_to_wire(&catalog, asked, &check);
        let decision = of_feature_check(asked_of(id, query), &check, customer, now);
        told.decision_id = Some(app.keep(caller.env, decision));
        return Ok(data(EffectiveEntitlement::Feature(told)));
    }
    let asked = query.currency_id.as_deref().unwrap_or_default();
    let check = customer.map_or_else(
        || CreditCheck::denied(Denial::CustomerNotFound, now),
        |customer| check(customer, &catalog, asked, &query, now),
    );
    let mut told = mapping::check_to_wire(&catalog, asked, &check);
    if query.forecast == Some(true)
        && let Some(found) = &found
        && let Some(pool) = check.pool.and_then(|pool| found.customer.pool(pool))
    {
        let forecast = Box::pin(forecast(&app, &caller, (found, &catalog), pool, now));
        told.forecast = Some(forecast.await?.into());
    }
    let decision = of_check(asked_of(id, query), &check, customer, now);
    told.decision_id = Some(app.keep(caller.env, decision));
    Ok(data(EffectiveEntitlement::Credit(told)))
}

/// What a check was asked, for its decision.
pub(super) fn asked_of(customer: String, query: CheckQuery) -> Asked {
    Asked {
        customer,
        resource: query.resource_id,
        feature: query.feature_id,
        currency: query.currency_id,
        requested: query.requested_usage,
    }
}

/// The customer first, then the catalog: so the catalog is never older than the versions that
/// the customer's subscriptions pin.
///
/// # Errors
/// `overloaded` where the customer is far behind.
pub(super) fn find_with_catalog(
    app: &App,
    caller: &Caller,
    id: &str,
    now: Timestamp,
) -> Result<(Option<Found>, Arc<Catalog>), ApiError> {
    let found = match CustomerId::parse(id) {
        Ok(id) => app.engine().find_current(caller.env, &id, now)?,
        Err(_) => None,
    };
    Ok((found, app.engine().catalog(caller.env)))
}

/// What is no id of its kind names nothing, and the denial says what was not found.
pub(super) fn check(
    customer: &Customer,
    catalog: &Catalog,
    asked: &str,
    query: &CheckQuery,
    now: Timestamp,
) -> CreditCheck {
    let resource = match query.resource_id.as_deref().map(ResourceId::parse) {
        None => None,
        Some(Ok(resource)) => Some(resource),
        Some(Err(_)) => return CreditCheck::denied(Denial::CustomerResourceNotFound, now),
    };
    let Ok(currency) = CurrencyId::parse(asked) else {
        return CreditCheck::denied(Denial::EntitlementNotFound, now);
    };
    let requested = query.requested_usage;
    check_credit(customer, catalog, &currency, resource.as_ref(), requested, now)
}

/// As [`check`], for a feature.
fn check_by_feature(
    customer: &Customer,
    catalog: &Catalog,
    asked: &str,
    query: &CheckQuery,
    now: Timestamp,
) -> FeatureCheck {
    let resource = match query.resource_id.as_deref().map(ResourceId::parse) {
        None => None,
        Some(Ok(resource)) => Some(resource),
        // An archived customer is told so, whatever else was asked.
        Some(Err(_)) if customer.profile.archived_at.is_some() => None,
        Some(Err(_)) => return FeatureCheck::denied(Denial::CustomerResourceNotFound),
    };
    let spent = mapping::spent_budgets(customer);
    let values = query.requested_values.0.iter().flatten();
    let values: Vec<&str> = values.map(String::as_str).collect();
    let question = FeatureQuestion {
        resource: resource.as_ref(),
        usage: query.requested_usage,
        values: &values,
        spent: &spent,
    };
    match FeatureId::parse(asked) {
        Ok(feature) => check_feature(customer, catalog, &feature, &question, now),
        Err(_) if customer.profile.archived_at.is_some() => {
            FeatureCheck::denied(Denial::CustomerIsArchived)
        }
        Err(_) => FeatureCheck::denied(Denial::FeatureNotFound),
    }
}
