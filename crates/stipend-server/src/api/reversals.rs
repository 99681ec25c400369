//! Reversing consumptions.

use super::ledger::to_wire;
use crate::app::{App, data};
use crate::context::{Body, By, Ids, ToManage};
use crate::error::ApiError;
use crate::mapping::instant;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use stipend_core::customer::CustomerRejection;
use stipend_engine::ledger::events_of;
use stipend_engine::reversal::Reversible;
use stipend_engine::{Command, Refusal, Reply};
use stipend_store::Seq;
use stipend_wire::consumption::CreditBalance;
use stipend_wire::reversal::{EntryReversed, ReverseEntry};
use stipend_wire::{Data, Decimal, ErrorBody, ErrorCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// How often a reversal is prepared again because its pool has changed meanwhile.
const ATTEMPTS_MAX: usize = 16;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(reverse_entry))
}

fn entry_not_found(id: &str) -> ApiError {
    let shown: String = id.chars().take(255).collect();
    ApiError::new(ErrorCode::EntryNotFound, format!("the ledger has no entry {shown}"))
}

/// Reverse a consumption
///
/// Gives the whole consumption that the entry belongs to back to exactly the grants that it was
/// drawn from, once. What came from a grant that has expired or was voided does not come back;
/// what was overdrawn is taken off the overdraft, or goes back to the grants that settled it; what
/// comes back settles an open overdraft first. Usage stays counted. The same `idempotencyKey` (or
/// again none) gives the first answer, another one 409.
#[utoipa::path(post, path = "/api/v1/credits/ledger/{entryId}/reverse", tag = "Credits",
    params(("entryId" = String, Path)), request_body = ReverseEntry,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<EntryReversed>),
        (status = "default", body = ErrorBody)))]
async fn reverse_entry(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let asked = body.read_optional::<ReverseEntry>()?;
    let place = app.engine().cipher().find_entry(&id).ok_or_else(|| entry_not_found(&id))?;
    let key = asked.idempotency_key.map(|key| key.0);
    let reason = asked.reason.map(|reason| reason.0);
    for _ in 0..ATTEMPTS_MAX {
        let engine = Arc::clone(app.shared_engine());
        let (env, of, named, why) = (caller.env, place.seq, key.clone(), reason.clone());
        let found = app.read(move || Ok(engine.prepare_reversal(env, of, named, why)?)).await?;
        match found {
            Reversible::Missing => return Err(entry_not_found(&id)),
            Reversible::Other => {
                return Err(Refusal::from(CustomerRejection::EntryNotReversible).into());
            }
            Reversible::TooLong => {
                let message = "too much has happened to the pool since for a reversal";
                return Err(ApiError::new(ErrorCode::LimitReached, message));
            }
            Reversible::Reversed(seq) => return answer(&app, &id, seq, Some(&key)).await,
            Reversible::Ready(reversing) => {
                match app.submit(&caller, Command::Reverse(reversing), None, None).await {
                    Ok(Reply::Stored(seq)) => return answer(&app, &id, seq, None).await,
                    Ok(other) => unreachable!("a reversal is answered so, not {other:?}"),
                    Err(Refusal::Moved) => {}
                    Err(refusal) => return Err(refusal.into()),
                }
            }
        }
    }
    Err(Refusal::Moved.into())
}

/// The answer by the row of the reversal. Where it was made before, it must have been under the
/// same key.
async fn answer(
    app: &App,
    id: &str,
    seq: Seq,
    key: Option<&Option<String>>,
) -> Result<Response, ApiError> {
    let engine = Arc::clone(app.shared_engine());
    let reversed = app.read(move || Ok(engine.stored_reversal(seq)?)).await?;
    if key.is_some_and(|key| *key != reversed.reversal.idempotency_key) {
        return Err(Refusal::from(CustomerRejection::AlreadyReversed).into());
    }
    let found = app.engine().account(reversed.slot);
    let found = found.ok_or_else(|| entry_not_found(id))?;
    let cipher = app.engine().cipher();
    let entries = events_of(seq, &reversed.entry);
    let pool = found.customer.pool(reversed.entry.pool).expect("it was reversed in it");
    let reversal = reversed.reversal;
    Ok(data(EntryReversed {
        entry_id: id.to_owned(),
        amount: Decimal(reversed.entry.delta()),
        entries: entries.iter().map(|event| to_wire(&found, cipher, event)).collect(),
        credit: CreditBalance {
            currency_id: pool.currency.to_string(),
            current_usage: Decimal(reversal.current_usage),
            timestamp: instant(reversed.at),
            usage_limit: Decimal(reversal.usage_limit),
            usage_period_end: reversal.period_end.map(instant),
        },
        reason: reversal.reason,
        reversed_at: instant(reversed.at),
    }))
}
