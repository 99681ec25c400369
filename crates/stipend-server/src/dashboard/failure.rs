//! Pages for what is not there, not allowed, or went wrong.

use super::layout;
use crate::app::App;
use crate::error::ApiError;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;
use stipend_engine::Refusal;
use stipend_wire::ErrorCode;

/// Why there is no page.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nobody is signed in; the address is where they wanted to go, home where there is none.
    SignedOut(Option<String>),
    /// Nothing is there.
    NotFound,
    /// The form did not come from one of our pages.
    Forged,
    /// The form cannot be read.
    Unreadable(&'static str),
    /// The form has more bytes than any of ours.
    TooLarge,
    /// The engine or the store refuses.
    Refused(ApiError),
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Refused(error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::SignedOut(None) => Redirect::to("/signin").into_response(),
            Self::SignedOut(Some(wanted)) => {
                let query = form_urlencoded::Serializer::new(String::new())
                    .append_pair("next", &wanted)
                    .finish();
                Redirect::to(&format!("/signin?{query}")).into_response()
            }
            Self::NotFound => not_found(),
            Self::Forged => page(
                StatusCode::FORBIDDEN,
                "This form is not valid any more",
                "It was opened before you signed in, or it came from another site. Go back, load \
                 the page again, and send it once more. Nothing was changed.",
            ),
            Self::Unreadable(why) => page(StatusCode::BAD_REQUEST, "The form cannot be read", why),
            Self::TooLarge => page(
                StatusCode::PAYLOAD_TOO_LARGE,
                "The form is too large",
                "Nothing in it was looked at, and nothing was changed.",
            ),
            Self::Refused(error) => refused(&error),
        }
    }
}

fn refused(error: &ApiError) -> Response {
    let status = StatusCode::from_u16(error.code().status());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let title = match error.code() {
        ErrorCode::Overloaded => "Too much to do at the moment",
        ErrorCode::Unavailable => "The store is not available",
        _ if status == StatusCode::NOT_FOUND => "There is nothing here",
        _ if status.is_server_error() => "Something went wrong",
        _ => "That was refused",
    };
    let mut response = page(status, title, error.message());
    if let Some(seconds) = error.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn not_found() -> Response {
    page(
        StatusCode::NOT_FOUND,
        "There is nothing here",
        "The address is wrong, or what was here has another id or environment.",
    )
}

fn page(status: StatusCode, title: &str, text: &str) -> Response {
    let body = html! {
        p { (text) }
        p { a.button href="/" { "To the dashboard" } }
    };
    (status, layout::bare(title, &body)).into_response()
}

/// The page in place of what the framework answers to a method that an address does not have.
pub(super) fn wrong_method(answer: &Response) -> Response {
    let mut response = page(
        StatusCode::METHOD_NOT_ALLOWED,
        "There is no page at this address",
        "This address takes forms only, or nothing that was sent so. Nothing was changed.",
    );
    if let Some(allow) = answer.headers().get(header::ALLOW) {
        response.headers_mut().insert(header::ALLOW, allow.clone());
    }
    response
}

/// What no route takes: a page for people, the contract's body for everyone else.
pub(super) async fn nothing_here(State(_): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let wants_page = accept.is_some_and(|accept| accept.contains("text/html"));
    if wants_page && !uri.path().starts_with("/api/") {
        let mut response = not_found();
        super::security::secure(&mut response);
        return response;
    }
    StatusCode::NOT_FOUND.into_response()
}
