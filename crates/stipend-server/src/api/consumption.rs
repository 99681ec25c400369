//! Consuming credits.

use super::bulk::{Bulk, partial};
use super::refusals::refuse;
use crate::app::{App, data};
use crate::context::{Body, BulkBody, By, Caller, Room, ToUse};
use crate::error::ApiError;
use crate::mapping::instant;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use stipend_core::Timestamp;
use stipend_core::customer::{self, ConsumeRequest};
use stipend_engine::cipher::DecisionPlace;
use stipend_engine::{Command, ConsumeItem, Consumed as Done, Key, Reply};
use stipend_store::Seq;
use stipend_wire::consumption::{
    Consume, ConsumeAccepted, ConsumeBatch, Consumed, CreditBalance, DimensionValue, Dimensions,
};
use stipend_wire::{Data, Decimal, ErrorBody, ErrorCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(consume)).routes(routes!(consume_async))
}

fn item(caller: &Caller, body: Consume) -> ConsumeItem {
    let request = ConsumeRequest {
        currency: body.currency_id,
        resource: body.resource_id,
        amount: body.amount.0,
        strict: body.strict.unwrap_or(false),
        event_id: Some(body.idempotency_key.0.clone()),
        reported_at: body.created_at,
        dimensions: body.dimensions.map(dimensions).unwrap_or_default(),
    };
    let customer = body.customer_id;
    let key = &body.idempotency_key.0;
    let key = Key::of_consumption(caller.env, customer.as_str(), &request, key);
    ConsumeItem { customer, request, key }
}

pub(super) fn dimensions(dimensions: Dimensions) -> Vec<(String, customer::DimensionValue)> {
    let values = dimensions.0.into_iter().map(|(name, value)| {
        let value = match value {
            DimensionValue::Text(text) => customer::DimensionValue::Text(text),
            DimensionValue::Bool(flag) => customer::DimensionValue::Flag(flag),
            DimensionValue::Number(number) => customer::DimensionValue::Number(number),
        };
        (name, value)
    });
    values.collect()
}

/// Consume credits
///
/// Draws the pool in burn order and answers the balance afterwards; durable before the answer.
/// What the grants cannot cover becomes overdraft, unless `strict` is true: then nothing is
/// consumed and the answer is 402. The same `idempotencyKey` again gives the first answer.
#[utoipa::path(post, path = "/api/v1/credits/consumption", tag = "Credits",
    request_body = Consume,
    security(("apiKey" = ["usage"])),
    responses((status = 200, body = Data<Consumed>), (status = "default", body = ErrorBody)))]
async fn consume(
    State(app): State<App>,
    caller: By<ToUse>,
    _: Room,
    body: Body,
) -> Result<Response, ApiError> {
    let item = item(&caller, body.read::<Consume>()?);
    let shown = item.clone();
    let reply = app.submit(&caller, Command::Consume(vec![item]), None, None).await;
    let reply = reply.map_err(|refusal| refuse(&app, &caller, &shown, refusal))?;
    let Reply::Consumed(mut results) = reply else {
        return Err(ApiError::new(ErrorCode::Internal, "something went wrong on the server"));
    };
    match results.pop() {
        Some(Done::Done { at, seq, consumption, .. }) => {
            Ok(data(answer(&app, &shown, (at, seq), &consumption)))
        }
        Some(Done::Stored(seq)) => {
            let engine = std::sync::Arc::clone(app.shared_engine());
            let stored = app.read(move || Ok(engine.stored_consumption(seq)?)).await?;
            Ok(data(answer(&app, &shown, (stored.0, seq), &stored.1)))
        }
        None => Err(ApiError::new(ErrorCode::Internal, "something went wrong on the server")),
    }
}

fn answer(
    app: &App,
    item: &ConsumeItem,
    (at, seq): (Timestamp, Seq),
    done: &customer::Consumption,
) -> Consumed {
    let currency_id = item.request.currency.to_string();
    Consumed {
        amount: Decimal(done.amount),
        currency_id: currency_id.clone(),
        customer_id: item.customer.to_string(),
        timestamp: instant(done.reported_at.unwrap_or(at)),
        credit: Some(CreditBalance {
            currency_id,
            current_usage: Decimal(done.current_usage),
            timestamp: instant(at),
            usage_limit: Decimal(done.usage_limit),
            usage_period_end: done.period_end.map(instant),
        }),
        decision_id: Some(app.engine().cipher().decision_id(DecisionPlace::Row(seq))),
        resource_id: item.request.resource.as_ref().map(ToString::to_string),
    }
}

/// Consume credits in bulk
///
/// Up to 1,000 consumptions, all or none: applied and durable before the answer. With the header
/// `Stipend-Batch: partial` the sound ones are applied and the others listed.
#[utoipa::path(post, path = "/api/v1/credits/consumption/async", tag = "Credits",
    request_body = ConsumeBatch,
    security(("apiKey" = ["usage"])),
    responses((status = 200, body = Data<ConsumeAccepted>),
        (status = "default", body = ErrorBody)))]
async fn consume_async(
    State(app): State<App>,
    caller: By<ToUse>,
    headers: HeaderMap,
    _: Room,
    BulkBody(body): BulkBody,
) -> Result<Response, ApiError> {
    let is_partial = partial(&headers)?;
    let batch = body.read::<ConsumeBatch>()?.consumptions;
    let bulk = Bulk::of(is_partial, batch, |_, consume| match consume.strict {
        Some(true) => Err(ApiError::not_supported("/strict", "strict consumption in bulk")),
        _ => Ok(item(&caller, consume)),
    });
    let applied = bulk.apply(&app, &caller).await?;
    let cipher = app.engine().cipher();
    let decision = |(_, _, done): (usize, &ConsumeItem, &Done)| {
        let (Done::Done { seq, .. } | Done::Stored(seq)) = done;
        cipher.decision_id(DecisionPlace::Row(*seq))
    };
    let decision_ids: Vec<_> = applied.iter().map(decision).collect();
    Ok(data(ConsumeAccepted {
        accepted: decision_ids.len(),
        errors: applied.is_partial.then_some(applied.errors),
        decision_ids: Some(decision_ids),
    }))
}
