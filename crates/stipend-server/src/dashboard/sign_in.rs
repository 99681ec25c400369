//! Signing in and out.

use super::failure::Failure;
use super::form::Form;
use super::layout;
use super::visit::{Posted, find_session, signed_in, signed_out};
use crate::app::App;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use maud::html;

pub(super) fn router() -> Router<App> {
    Router::new().route("/signin", get(sign_in)).route("/signout", post(sign_out))
}

/// A link with a good token signs in; without one the page says how to get in.
async fn sign_in(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let query = Form::parse(query.unwrap_or_default().as_bytes());
    let token = query.get("token");
    if !token.is_empty() && app.dashboard().take_link(token, app.engine().wall_now()) {
        return Ok(signed_in(&app, &headers, "owner", "/"));
    }
    if find_session(&headers, &app).is_some() {
        return Ok(Redirect::to("/").into_response());
    }
    let body = html! {
        p { "Open the link that the server printed when it started. It signs in once." }
    };
    Ok(layout::bare("Sign in", &body).into_response())
}

async fn sign_out(posted: Posted) -> Response {
    signed_out(&posted.visit)
}
