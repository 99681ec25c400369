//! Why something was decided as it was.

use crate::app::{App, data};
use crate::context::{By, Ids, ToRead};
use crate::error::ApiError;
use crate::mapping::decision::{Lookups, actor, of_row, to_wire};
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use stipend_core::EnvId;
use stipend_engine::Actor;
use stipend_engine::cipher::DecisionPlace;
use stipend_wire::decision::Decision;
use stipend_wire::{Data, ErrorBody, ErrorCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_decision))
}

/// Get a decision
///
/// How a check, a consumption, a reservation or a refusal came about: the subscription and the price
/// that counted, the grants in burn order with the rule that put each before the next, the limit that
/// was reached, and who has done it. What was consumed or reserved is told for ever, from the journal; checks and
/// refusals wrote nothing and are told while they are among the last few thousand of this server.
#[utoipa::path(get, path = "/api/v1/decisions/{id}", tag = "Decisions",
    params(("id" = String, Path)),
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Data<Decision>), (status = "default", body = ErrorBody)))]
async fn get_decision(
    State(app): State<App>,
    caller: By<ToRead>,
    Ids(id): Ids<String>,
) -> Result<Response, ApiError> {
    let (decision, _) = find(&app, caller.env, id).await?;
    Ok(data(decision))
}

/// The decision with that id, and who has done it where it wrote something.
///
/// # Errors
/// `decision_not_found`, or `decision_gone` where its record is not kept any more.
pub(crate) async fn find(
    app: &App,
    env: EnvId,
    id: String,
) -> Result<(Decision, Option<Actor>), ApiError> {
    let not_found = || {
        let shown: String = id.chars().take(255).collect();
        ApiError::new(ErrorCode::DecisionNotFound, format!("there is no decision {shown}"))
    };
    let place = app.engine().cipher().find_decision(&id).ok_or_else(not_found)?;
    let (facts, grants, by) = match place {
        DecisionPlace::Kept { start, number } => {
            let kept = app.decisions().find(env, start, number);
            let kept = kept.ok_or_else(|| {
                let message = "the decision was made, but its record is not kept any more";
                ApiError::new(ErrorCode::DecisionGone, message)
            })?;
            let account = app.engine().account(kept.slot());
            let grants = account.map(|account| kept.grants_of(&account.customer));
            (kept, grants.unwrap_or_default(), None)
        }
        DecisionPlace::Row(seq) => {
            let engine = Arc::clone(app.shared_engine());
            let decided = app.read(move || Ok(engine.decided(env, seq)?)).await?;
            let decided = decided.ok_or_else(not_found)?;
            (of_row(&decided), decided.grants, decided.by)
        }
    };
    let catalog = app.engine().catalog(env);
    let told = by.as_ref().map(|by| actor(app.engine(), by));
    let lookups =
        Lookups { catalog: &catalog, cipher: app.engine().cipher(), grants: &grants, by: told };
    Ok((to_wire(id, &facts, lookups), by))
}
