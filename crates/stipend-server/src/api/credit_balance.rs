//! Tokens with which browsers see the credits of one customer.

use crate::app::{App, data};
use crate::context::{Body, By, Ids, ToRead};
use crate::embed::{Maker, Pass, token_to_wire};
use crate::error::ApiError;
use crate::mapping::credit_balance::Scope;
use axum::extract::State;
use axum::response::Response;
use stipend_wire::credit_balance::{CreateCreditBalanceToken, CreditBalanceToken};
use stipend_wire::number::TOKEN_SECONDS_DEFAULT;
use stipend_wire::{Data, ErrorBody, ErrorCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create_credit_balance_token))
}

/// Make a token for the credits of a customer
///
/// With it a browser sees the balance, use and grants of this customer, and nothing else: put `url`
/// into a frame, or give the token to the element `<stipend-credit-balance>`. It is good for a
/// quarter of an hour where nothing else is said, and for a day at most. Nothing is kept of it: it
/// ends by itself, when the customer is archived, and with the API key that made it. The body may be
/// left out.
#[utoipa::path(post, path = "/api/v1/customers/{id}/credit-balance-tokens", tag = "Embedding",
    params(("id" = String, Path)), request_body = CreateCreditBalanceToken,
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Data<CreditBalanceToken>),
        (status = "default", body = ErrorBody)))]
async fn create_credit_balance_token(
    State(app): State<App>,
    caller: By<ToRead>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let asked = body.read_optional::<CreateCreditBalanceToken>()?;
    let found = app.current(&caller, &id, app.engine().now(caller.env))?;
    let customer = &found.customer;
    if customer.profile.archived_at.is_some() {
        let message = format!("the customer {} is archived", customer.profile.id);
        return Err(ApiError::new(ErrorCode::CustomerArchived, message));
    }
    if let Some(currency) = &asked.currency_id
        && !app.engine().catalog(caller.env).credit_types.contains_key(currency)
    {
        let message = format!("there is no credit type {currency}");
        return Err(ApiError::new(ErrorCode::CurrencyNotFound, message));
    }
    if let Some(resource) = &asked.resource_id
        && customer.find_resource(resource).is_none()
    {
        let message = format!("the customer has no resource {resource}");
        return Err(ApiError::new(ErrorCode::ResourceNotFound, message));
    }
    let seconds = asked.expires_in_seconds.map_or(TOKEN_SECONDS_DEFAULT, |seconds| seconds.0);
    let pass = Pass {
        env: caller.env,
        customer: customer.slot,
        scope: Scope { currency: asked.currency_id, resource: asked.resource_id },
        expires_at: app.engine().wall_now().plus_seconds(seconds.into()),
        maker: Maker::key(&caller.key_digest()),
    };
    Ok(data(token_to_wire(&pass, app.engine().token_signer())))
}
