//! Environments, and the clocks of sandboxes.

use crate::app::{App, data, ok};
use crate::context::{Body, By, Caller, Ids, ToManage, ToRead};
use crate::error::ApiError;
use crate::ids::secret_key;
use crate::mapping::environment as mapping;
use axum::extract::State;
use axum::response::Response;
use stipend_core::EnvId;
use stipend_core::catalog::CatalogCommand;
use stipend_engine::{ApiKey, Command};
use stipend_wire::environment::{
    CreateEnvironment, Environment, SetTestClock, TestClock, UpdateEnvironment,
};
use stipend_wire::{Data, ErrorBody, ErrorCode, Page, Pagination};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_environments, create_environment))
        .routes(routes!(update_environment))
        .routes(routes!(get_test_clock, set_test_clock, release_test_clock))
}

fn check_right(caller: &Caller) -> Result<(), ApiError> {
    if caller.credentials.rights.manages_environments {
        return Ok(());
    }
    let message = "this API key does not manage environments; use the key of production";
    Err(ApiError::new(ErrorCode::MissingRight, message))
}

/// List environments
#[utoipa::path(get, path = "/api/v1/environments", tag = "Environments",
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Page<Environment>), (status = "default", body = ErrorBody)))]
async fn list_environments(
    State(app): State<App>,
    caller: By<ToRead>,
) -> Result<Response, ApiError> {
    check_right(&caller)?;
    let environments = app.engine().environments();
    let data = environments.iter().map(|found| mapping::to_wire(found, None)).collect();
    Ok(ok(&Page { data, pagination: Pagination { next: None, prev: None } }))
}

/// Create an environment
///
/// Its first API key is in the answer, and nowhere else: keep it. It needs a key that manages
/// environments.
#[utoipa::path(post, path = "/api/v1/environments", tag = "Environments",
    request_body = CreateEnvironment,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Environment>), (status = "default", body = ErrorBody)))]
async fn create_environment(
    State(app): State<App>,
    caller: By<ToManage>,
    body: Body,
) -> Result<Response, ApiError> {
    check_right(&caller)?;
    let asked = body.read::<CreateEnvironment>()?;
    let secret = secret_key(app.random());
    let command = Command::CreateEnvironment {
        kind: mapping::kind_from_wire(asked.r#type),
        settings: mapping::new_settings(&asked)?,
        name: asked.name.0,
        key: ApiKey::new(&secret),
    };
    let render = move |outcome: &stipend_engine::Outcome<'_>| {
        let made = outcome.environment.expect("the command is about an environment");
        mapping::to_wire(made, Some(secret))
    };
    app.answer((caller.env, caller.actor()), command, render).await
}

/// Update an environment
///
/// Subscriptions keep the time zone and the alignment that they began with; proration holds from
/// now on.
#[utoipa::path(patch, path = "/api/v1/environments/{id}", tag = "Environments",
    params(("id" = String, Path)), request_body = UpdateEnvironment,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<Environment>), (status = "default", body = ErrorBody)))]
async fn update_environment(
    State(app): State<App>,
    caller: By<ToManage>,
    Ids(id): Ids<String>,
    body: Body,
) -> Result<Response, ApiError> {
    check_right(&caller)?;
    let found = id.parse().ok().and_then(|number| app.engine().environment(EnvId(number)));
    let found = found.ok_or_else(|| {
        let shown: String = id.chars().take(255).collect();
        ApiError::new(ErrorCode::NotFound, format!("there is no environment {shown}"))
    })?;
    let asked = body.read::<UpdateEnvironment>()?;
    let patch = mapping::changed_settings(asked)?;
    let command = Command::Catalog(CatalogCommand::UpdateSettings(patch));
    let manager = caller.managing(found.id);
    app.mutate(&manager, &body, command, move |outcome| {
        let settings = &outcome.catalog.settings;
        mapping::with_settings(&found, settings)
    })
    .await
}

/// Get the clock
///
/// What time it is in the environment of the key, and whether it stands still.
#[utoipa::path(get, path = "/api/v1/test-clock", tag = "Environments",
    security(("apiKey" = ["read"])),
    responses((status = 200, body = Data<TestClock>), (status = "default", body = ErrorBody)))]
async fn get_test_clock(State(app): State<App>, caller: By<ToRead>) -> Result<Response, ApiError> {
    let environment = app.engine().environment(caller.env).expect("keys open what exists");
    Ok(data(mapping::clock_to_wire(&environment, app.engine().now(caller.env))))
}

/// Freeze or advance the clock
///
/// The first time it stands still at the instant, afterwards it goes on to it; everything due up to
/// then is done, each at its own instant, before the answer comes. Any distance is fine, backwards
/// is not: only while the environment has no customer may the first instant lie in the past. For
/// sandboxes only.
#[utoipa::path(put, path = "/api/v1/test-clock", tag = "Environments",
    request_body = SetTestClock,
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<TestClock>), (status = "default", body = ErrorBody)))]
async fn set_test_clock(
    State(app): State<App>,
    caller: By<ToManage>,
    body: Body,
) -> Result<Response, ApiError> {
    let at = body.read::<SetTestClock>()?.now;
    app.answer((caller.env, caller.actor()), Command::FreezeClock(at), render_clock).await
}

/// Release the clock
///
/// It goes on by the time of the server, where that is not in its past; everything due up to then
/// is done before the answer comes.
#[utoipa::path(delete, path = "/api/v1/test-clock", tag = "Environments",
    security(("apiKey" = ["manage"])),
    responses((status = 200, body = Data<TestClock>), (status = "default", body = ErrorBody)))]
async fn release_test_clock(
    State(app): State<App>,
    caller: By<ToManage>,
    body: Body,
) -> Result<Response, ApiError> {
    body.read_nothing()?;
    app.answer((caller.env, caller.actor()), Command::ReleaseClock, render_clock).await
}

fn render_clock(outcome: &stipend_engine::Outcome<'_>) -> TestClock {
    let environment = outcome.environment.expect("the command is about an environment");
    mapping::clock_to_wire(environment, outcome.now)
}
