//! Every answer carries the id of its request, and every refusal has the contract's body.

use crate::app::App;
use crate::error::ApiError;
use crate::ids::random_id;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use stipend_wire::ErrorCode;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Takes the caller's id where it sent a sound one, and writes refusals into the contract's
/// body, those of the framework too.
pub(crate) async fn attach(State(app): State<App>, request: Request, next: Next) -> Response {
    let sent = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let is_sound = |id: &&str| !id.is_empty() && id.len() <= 128;
    let id = sent.filter(is_sound).map_or_else(|| random_id(app.random()), str::to_owned);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let (is_head, is_connect) = (method == Method::HEAD, method == Method::CONNECT);
    let mut response = next.run(request).await;
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        response = error.render(&id);
    } else if let Some(error) = of_framework(&response, is_connect).filter(|_| !is_head) {
        let allow = response.headers().get(header::ALLOW).cloned();
        response = error.render(&id);
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        } else if is_connect {
            // Nothing here is a proxy: there is no method for what is named.
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(""));
        }
    }
    if response.status().is_server_error() {
        tracing::error!(request.id = %id, %method, path, status = response.status().as_u16(),
            "request failed");
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// What the framework answers by itself.
fn of_framework(response: &Response, is_connect: bool) -> Option<ApiError> {
    let has_body = response.headers().contains_key(header::CONTENT_TYPE);
    match response.status() {
        StatusCode::NOT_FOUND if is_connect => {
            Some(ApiError::new(ErrorCode::MethodNotAllowed, "this is not a proxy"))
        }
        StatusCode::NOT_FOUND if !has_body => {
            Some(ApiError::new(ErrorCode::NotFound, "there is nothing at this path"))
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            Some(ApiError::new(ErrorCode::MethodNotAllowed, "the path has no such method"))
        }
        StatusCode::INTERNAL_SERVER_ERROR if !is_page(response) => {
            Some(ApiError::new(ErrorCode::Internal, "something went wrong on the server"))
        }
        _ => None,
    }
}

/// Whether it is an answer for people.
fn is_page(response: &Response) -> bool {
    let content_type = response.headers().get(header::CONTENT_TYPE);
    content_type.is_some_and(|value| value.as_bytes().starts_with(b"text/html"))
}
