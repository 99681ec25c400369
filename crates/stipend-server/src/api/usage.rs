//! Reporting usage and events, what they would cost, and the history of usage.

use super::bulk::{Applied, Bulk, partial};
use super::consumption::dimensions;
use crate::app::{App, data, ok};
use crate::context::{Body, BulkBody, By, Caller, Ids, Query, ToCheck, ToRead, ToUse, WithQuery};
use crate::error::ApiError;
use crate::mapping::usage as mapping;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use std::sync::Arc;
use stipend_core::customer::{
    Estimate as Cost, EventRequest, UsageRequest, estimate_event, estimate_usage, usage_standing,
};
use stipend_core::{Catalog, Customer, FeatureId, ResourceId, Timestamp};
use stipend_engine::usage::{
    MeterHistory, meter_history, stored_missing_dimensions, stored_report,
};
use stipend_engine::{Key, Refusal, Remember, Report, ReportItem, Reported};
use stipend_wire::event::{
    Estimate, EstimateEvent, EstimateUsage, EventWarning, EventsAccepted, ReportEvent, ReportEvents,
};
use stipend_wire::query::UsageHistoryQuery;
use stipend_wire::usage::{
    ReportUsage, ReportUsages, UpdateBehavior, UsageHistory, UsageReported, UsagesReported,
};
use stipend_wire::{BatchData, Data, ErrorBody, ErrorCode, ItemError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(report_usage))
        .routes(routes!(report_usage_v2))
        .routes(routes!(estimate_usage_cost))
        .routes(routes!(usage_history))
        .routes(routes!(report_events))
        .routes(routes!(estimate_event_cost))
}

fn usage_item(caller: &Caller, canonical: &str, place: usize, body: ReportUsage) -> ReportItem {
    let event_id = body.idempotency_key.map(|key| key.0);
    let request = UsageRequest {
        feature: body.feature_id,
        resource: body.resource_id.into_option(),
        value: body.value.0,
        is_set: body.update_behavior == Some(UpdateBehavior::Set),
        event_id: event_id.clone(),
        reported_at: body.created_at,
        dimensions: body.dimensions.map(dimensions).unwrap_or_default(),
    };
    let customer = body.customer_id;
    let remember = match event_id {
        Some(key) => Remember::Key(Key::of_usage(caller.env, customer.as_str(), &request, &key)),
        None => caller.remember_report(canonical, place),
    };
    ReportItem { customer, report: Report::Usage(request), remember }
}

fn event_item(caller: &Caller, body: ReportEvent) -> ReportItem {
    let key = body.idempotency_key.0;
    let request = EventRequest {
        name: body.event_name.0,
        resource: body.resource_id.into_option(),
        event_id: Some(key.clone()),
        reported_at: body.timestamp,
        dimensions: body.dimensions.map(dimensions).unwrap_or_default(),
    };
    let customer = body.customer_id;
    let key = Key::of_event(caller.env, customer.as_str(), &request, &key);
    ReportItem { customer, report: Report::Event(request), remember: Remember::Key(key) }
}

async fn report(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    body: &Body,
) -> Result<(Vec<mapping::Recorded>, Vec<ItemError>), ApiError> {
    let is_partial = partial(headers)?;
    let batch = body.read::<ReportUsages>()?.usages;
    let canonical = body.canonical();
    let item = |place, usage| Ok(usage_item(caller, &canonical, place, usage));
    let applied = Bulk::of(is_partial, batch, item).apply(app, caller).await?;
    let mut recorded = Vec::with_capacity(applied.iter().len());
    for (_, item, reported) in applied.iter() {
        recorded.push(look_up(app, item, reported).await?);
    }
    Ok((recorded, applied.errors))
}

/// What was recorded of a report, now or before.
async fn look_up(
    app: &App,
    item: &ReportItem,
    reported: &Reported,
) -> Result<mapping::Recorded, ApiError> {
    let (record, is_replay) = match reported {
        Reported::Done { is_replay, recorded } => {
            (recorded.usages().into_iter().next(), *is_replay)
        }
        Reported::Stored(seq) => {
            let (reader, seq) = (Arc::clone(app.engine().shared_reader()), *seq);
            let record = app.read(move || Ok(stored_report(reader.as_ref(), seq)?)).await?;
            (record, true)
        }
    };
    let Report::Usage(request) = &item.report else {
        unreachable!("events are answered by their number")
    };
    let record = record
        .ok_or_else(|| ApiError::new(ErrorCode::Internal, "something went wrong on the server"))?;
    Ok(mapping::Recorded {
        customer: item.customer.clone(),
        request: request.clone(),
        record,
        is_replay,
    })
}

/// The events that lacked dimensions, now or when they were first taken.
async fn warnings(app: &App, events: &Applied<ReportItem>) -> Result<Vec<EventWarning>, ApiError> {
    let (mut warnings, mut stored) = (Vec::new(), Vec::new());
    for (index, _, reported) in events.iter() {
        match reported {
            Reported::Done { recorded, .. } => {
                let missing_dimensions = recorded.missing_dimensions().to_vec();
                warnings.push(EventWarning { index, missing_dimensions });
            }
            Reported::Stored(seq) => stored.push((index, *seq)),
        }
    }
    if !stored.is_empty() {
        let reader = Arc::clone(app.engine().shared_reader());
        let read = move |(index, seq)| {
            let missing_dimensions = stored_missing_dimensions(reader.as_ref(), seq)?;
            Ok(EventWarning { index, missing_dimensions })
        };
        let read_all = move || stored.into_iter().map(read).collect::<Result<Vec<_>, ApiError>>();
        warnings.extend(app.read(read_all).await?);
        warnings.sort_by_key(|warning| warning.index);
    }
    warnings.retain(|warning| !warning.missing_dimensions.is_empty());
    Ok(warnings)
}

/// Report usage
///
/// Up to 100 reports, all or none: counted and durable before the answer. `DELTA` adds to the usage
/// of the feature, `SET` is the usage from now on. Where the customer's plan or add-on says what
/// usage costs, it is taken from the pool; less usage gives back exactly what had been drawn. With
/// the header `Stipend-Batch: partial` the sound ones are applied and the others listed. Reports
/// without an `idempotencyKey` are counted once for the header `Idempotency-Key`.
#[utoipa::path(post, path = "/api/v1/usage", tag = "Usage", request_body = ReportUsages,
    security(("apiKey" = ["usage"])),
    responses((status = 200, body = BatchData<Vec<UsageReported>>),
        (status = "default", body = ErrorBody)))]
async fn report_usage(
    State(app): State<App>,
    caller: By<ToUse>,
    headers: HeaderMap,
    BulkBody(body): BulkBody,
) -> Result<Response, ApiError> {
    let (recorded, errors) = report(&app, &caller, &headers, &body).await?;
    let (env, cipher) = (caller.env, app.engine().cipher());
    let data = recorded.iter().map(|record| mapping::reported(env, cipher, record)).collect();
    Ok(ok(&BatchData::<Vec<UsageReported>> { data, errors }))
}

/// Report usage, with each balance once
///
/// As `POST /api/v1/usage`, and one operation with it: the same `idempotencyKey` is the same
/// report. The balance of each pool that pays for the usage is answered once.
#[utoipa::path(post, path = "/api/v2/usage", tag = "Usage", request_body = ReportUsages,
    security(("apiKey" = ["usage"])),
    responses((status = 200, body = BatchData<UsagesReported>),
        (status = "default", body = ErrorBody)))]
async fn report_usage_v2(
    State(app): State<App>,
    caller: By<ToUse>,
    headers: HeaderMap,
    BulkBody(body): BulkBody,
) -> Result<Response, ApiError> {
    let (recorded, errors) = report(&app, &caller, &headers, &body).await?;
    let data = mapping::reported_with_balances(caller.env, app.engine().cipher(), &recorded);
    Ok(ok(&BatchData { data, errors }))
}

/// Report events
///
/// Up to 1,000 events, all or none: every feature whose meter takes an event counts it, and what it
/// costs is taken from the pool, before the answer. An event that no meter takes is accepted. With
/// the header `Stipend-Batch: partial` the sound ones are applied and the others listed.
#[utoipa::path(post, path = "/api/v1/events", tag = "Usage", request_body = ReportEvents,
    security(("apiKey" = ["usage"])),
    responses((status = 200, body = Data<EventsAccepted>),
        (status = "default", body = ErrorBody)))]
async fn report_events(
    State(app): State<App>,
    caller: By<ToUse>,
    headers: HeaderMap,
    BulkBody(body): BulkBody,
) -> Result<Response, ApiError> {
    let is_partial = partial(&headers)?;
    let batch = body.read::<ReportEvents>()?.events;
    let item = |_, event| Ok(event_item(&caller, event));
    let applied = Bulk::of(is_partial, batch, item).apply(&app, &caller).await?;
    let warnings = warnings(&app, &applied).await?;
    let accepted = applied.iter().len();
    Ok(data(EventsAccepted {
        accepted,
        errors: applied.is_partial.then_some(applied.errors),
        warnings: (!warnings.is_empty()).then_some(warnings),
    }))
}

/// Estimate what usage costs
///
/// What a report would take of the credits, by the very decision of `POST /api/v1/usage`. Nothing
/// is recorded.
#[utoipa::path(post, path = "/api/v1/usage/estimate", tag = "Usage", request_body = EstimateUsage,
    security(("apiKey" = ["check"])),
    responses((status = 200, body = Data<Estimate>), (status = "default", body = ErrorBody)))]
async fn estimate_usage_cost(
    State(app): State<App>,
    caller: By<ToCheck>,
    body: Body,
) -> Result<Response, ApiError> {
    let body: EstimateUsage = body.read()?;
    let request = UsageRequest {
        feature: body.feature_id,
        resource: body.resource_id.into_option(),
        value: body.value.0,
        is_set: body.update_behavior == Some(UpdateBehavior::Set),
        event_id: None,
        reported_at: None,
        dimensions: body.dimensions.map(dimensions).unwrap_or_default(),
    };
    let customer = body.customer_id;
    let cost = estimate(&app, &caller, customer.as_str(), |customer, catalog, now| {
        estimate_usage(customer, catalog, &request, now)
    });
    Ok(data(mapping::estimate(&cost?)))
}

/// Estimate what an event costs
///
/// What an event would take of the credits, by the very decision of `POST /api/v1/events`. Nothing
/// is recorded.
#[utoipa::path(post, path = "/api/v1/events/estimate", tag = "Usage", request_body = EstimateEvent,
    security(("apiKey" = ["check"])),
    responses((status = 200, body = Data<Estimate>), (status = "default", body = ErrorBody)))]
async fn estimate_event_cost(
    State(app): State<App>,
    caller: By<ToCheck>,
    body: Body,
) -> Result<Response, ApiError> {
    let body: EstimateEvent = body.read()?;
    let request = EventRequest {
        name: body.event_name.0,
        resource: body.resource_id.into_option(),
        event_id: None,
        reported_at: None,
        dimensions: body.dimensions.map(dimensions).unwrap_or_default(),
    };
    let customer = body.customer_id;
    let cost = estimate(&app, &caller, customer.as_str(), |customer, catalog, now| {
        estimate_event(customer, catalog, &request, now)
    });
    Ok(data(mapping::estimate(&cost?)))
}

fn estimate(
    app: &App,
    caller: &Caller,
    customer: &str,
    decide: impl FnOnce(
        &Customer,
        &Catalog,
        Timestamp,
    ) -> Result<Cost, stipend_core::customer::CustomerRejection>,
) -> Result<Cost, ApiError> {
    let now = app.engine().now(caller.env);
    // The customer first, so that the catalog has every version that it pins.
    let found = app.current(caller, customer, now)?;
    let catalog = app.engine().catalog(caller.env);
    let cost = decide(&found.customer, &catalog, now);
    cost.map_err(|rejection| Refusal::Customer(rejection).into())
}

/// Get the history of usage
///
/// The usage of a feature after each report or event since `startDate` and before `endDate`, by the
/// time at which it was counted, with the instants at which it started anew. With `groupBy`, one
/// series for each combination of the dimensions: what was used with it since `startDate` or since
/// usage started anew.
#[utoipa::path(get, path = "/api/v1/usage/{customerId}/history/{featureId}", tag = "Usage",
    params(("customerId" = String, Path), ("featureId" = String, Path), UsageHistoryQuery),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Data<UsageHistory>), (status = "default", body = ErrorBody)))]
async fn usage_history(
    State(app): State<App>,
    caller: By<ToRead, WithQuery>,
    Ids((customer, feature)): Ids<(String, String)>,
    Query(query): Query<UsageHistoryQuery>,
) -> Result<Response, ApiError> {
    let now = app.engine().now(caller.env);
    let (start, end) = query.period(now)?;
    let found = app.caught_up(&caller, &customer).await?;
    let catalog = app.engine().catalog(caller.env);
    let id = FeatureId::parse(&feature).ok();
    let known = id.and_then(|id| catalog.features.get(&id)).ok_or_else(|| {
        let shown: String = feature.chars().take(255).collect();
        ApiError::new(ErrorCode::FeatureNotFound, format!("there is no feature {shown}"))
    })?;
    let resource = match query.resource_id.as_deref() {
        None => None,
        Some(text) => Some(find_resource(&found.customer, text)?),
    };
    let standing = usage_standing(&found.customer, &catalog, known, resource.as_ref(), now);
    let usage = found.customer.find_usage(&known.id, resource.as_ref());
    let history = match usage.map(|usage| usize::from(usage.meter.number())) {
        None => MeterHistory::default(),
        Some(number) => {
            let (walked, reader) = (Arc::clone(&found), Arc::clone(app.engine().shared_reader()));
            let chain =
                move || meter_history(reader.as_ref(), &walked.meter_chains[number], start, end);
            app.read(move || Ok(chain()?)).await?
        }
    };
    if history.is_cut {
        let message = "`startDate`: the period has too many reports; ask for a shorter one";
        return Err(ApiError::new(ErrorCode::InvalidParameter, message));
    }
    Ok(data(mapping::history(&history, standing.restart, &query.group_by.0, (start, end))))
}

fn find_resource(customer: &Customer, text: &str) -> Result<ResourceId, ApiError> {
    let found = ResourceId::parse(text).ok().filter(|id| customer.find_resource(id).is_some());
    found.ok_or_else(|| {
        let shown: String = text.chars().take(255).collect();
        let message = format!("the customer has no resource {shown}");
        ApiError::new(ErrorCode::ResourceNotFound, message)
    })
}
