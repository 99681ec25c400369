//! The credits of a customer on the pages of whoever runs the server: a page without scripts for a
//! frame, the element `<stipend-credit-balance>`, and the data of both. A token that the API makes
//! for one customer opens them, for a while; `docs/embed.md` tells how.

mod assets;
mod origins;
mod page;
mod token;

pub(crate) use origins::Origins;
pub use origins::{EMBED_ORIGINS_MAX, EmbedOrigin};
pub(crate) use token::{Maker, Pass};

use crate::app::{App, data};
use crate::context::{Query, refuse_key_in_query};
use crate::error::ApiError;
use crate::mapping::{credit_balance as mapping, instant};
use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, header};
use axum::response::Response;
use std::sync::Arc;
use std::time::Duration;
use stipend_engine::{Found, Signer};
use stipend_wire::credit_balance::{CreditBalanceToken, CreditBalances, Token};
use stipend_wire::query::NoQuery;
use stipend_wire::{Data, ErrorBody, ErrorCode};
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// How long browsers may keep that a site may ask.
const PREFLIGHT_AGE: Duration = Duration::from_secs(600);

/// The operation of it that belongs to the API's description.
pub(crate) fn described() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_credit_balances))
}

/// Everything that is embedded. Other sites may read the data where they are named, refusals too,
/// so these headers are put around everything else.
pub(crate) fn router(app: &App) -> Router<App> {
    let origins = Arc::clone(app.embed_origins());
    let allowed = AllowOrigin::predicate(move |origin, _| origins.allow(origin));
    let cors = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET])
        .allow_headers([header::AUTHORIZATION])
        .expose_headers([HeaderName::from_static("x-request-id"), header::RETRY_AFTER])
        .max_age(PREFLIGHT_AGE);
    let (data, _) = described().split_for_parts();
    data.layer(cors).merge(page::router()).merge(assets::router())
}

/// A token as the contract has it.
pub(crate) fn token_to_wire(pass: &Pass, signer: &Signer) -> CreditBalanceToken {
    let token = pass.seal(signer);
    CreditBalanceToken {
        url: format!("/embed/credit-balance?token={token}"),
        token: Token(token),
        expires_at: instant(pass.expires_at),
    }
}

/// A customer whose credits are looked at with a token.
#[derive(Clone, Debug)]
struct Guest {
    pass: Pass,
    found: Found,
}

impl Guest {
    /// Whom a token opens; nobody where it is wrong, over, or of a customer that is archived. What
    /// of it is the case is not told.
    fn admit(app: &App, token: &str) -> Option<Self> {
        let engine = app.engine();
        let pass = Pass::open(engine.token_signer(), token)?;
        if !pass.holds(engine, engine.wall_now()) {
            return None;
        }
        let found = engine.account(pass.customer)?;
        let profile = &found.customer.profile;
        let is_there = profile.env == pass.env && profile.archived_at.is_none();
        is_there.then_some(Self { pass, found })
    }

    /// What it sees.
    ///
    /// # Errors
    /// `overloaded`: what is to come is worked out off the threads that serve requests.
    async fn balances(self, app: &App) -> Result<CreditBalances, ApiError> {
        let Self { pass, found } = self;
        let engine = Arc::clone(app.shared_engine());
        let told = app.read(move || {
            let now = engine.now(pass.env);
            let found = engine.rolled(found, now)?;
            let catalog = engine.catalog(pass.env);
            Ok(mapping::to_wire(&found.customer, &catalog, &pass.scope, now, pass.expires_at))
        });
        told.await
    }
}

impl FromRequestParts<App> for Guest {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        refuse_key_in_query(parts.uri.query().unwrap_or_default())?;
        let token = bearer(&parts.headers);
        token.and_then(|token| Self::admit(app, token)).ok_or_else(|| {
            let message = "the token of the customer's credits is missing or not valid any more; \
                           let your server make a new one";
            ApiError::new(ErrorCode::Unauthenticated, message)
        })
    }
}

/// The token in the one header `Authorization: Bearer …`.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut found = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(only), None) = (found.next(), found.next()) else { return None };
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// Get the credits of a customer with its token
///
/// For browsers: the token goes into the header `Authorization: Bearer …`. Pages of the sites that
/// the server was told with `--embed-origins` may ask. The amounts are texts, since numbers of
/// browsers are floats.
#[utoipa::path(get, path = "/embed/credit-balance.json", tag = "Embedding",
    security(("creditBalanceToken" = [])),
    responses((status = 200, body = Data<CreditBalances>), (status = "default", body = ErrorBody)))]
async fn get_credit_balances(
    State(app): State<App>,
    guest: Guest,
    _query: Query<NoQuery>,
) -> Result<Response, ApiError> {
    Ok(data(guest.balances(&app).await?))
}
