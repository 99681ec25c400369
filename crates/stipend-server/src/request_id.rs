//! Every answer carries the id of its request, and every refusal has the contract's body.

use crate::error::ApiError;
use crate::ids::Random;
use crate::probes;
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use axum::response::Response;
use std::sync::atomic::{AtomicU64, Ordering};
use stipend_engine::cipher::uuid_text;
use stipend_wire::ErrorCode;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Where the ids of requests come from: a random start and a count, mixed. They are no secrets, so
/// the system need not be asked for randomness with each request.
#[derive(Debug)]
pub(crate) struct Ids {
    start: [u64; 2],
    count: AtomicU64,
}

impl Ids {
    pub(crate) fn new(random: &dyn Random) -> Self {
        let (mut left, mut right) = ([0; 8], [0; 8]);
        random.fill(&mut left);
        random.fill(&mut right);
        Self {
            start: [u64::from_le_bytes(left), u64::from_le_bytes(right)],
            count: AtomicU64::new(0),
        }
    }

    fn next(&self) -> HeaderValue {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let [left, right] = self.start;
        let halves = [mix(left ^ count), mix(right.wrapping_add(count))];
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&halves[0].to_le_bytes());
        bytes[8..].copy_from_slice(&halves[1].to_le_bytes());
        HeaderValue::try_from(uuid_text(bytes, 4)).expect("a UUID is visible ASCII")
    }
}

/// The last steps of splitmix64: one to one, so that equal ids need equal counts.
fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// What is kept of a request until it is answered.
#[derive(Debug)]
pub(crate) struct Asked {
    id: HeaderValue,
    method: Method,
    uri: Uri,
}

impl Asked {
    /// Takes the caller's id where it sent a sound one.
    pub(crate) fn of<B>(request: &Request<B>, ids: &Ids) -> Self {
        let is_sound = |id: &&HeaderValue| (1..=128).contains(&id.len()) && id.to_str().is_ok();
        let sent = request.headers().get(REQUEST_ID).filter(is_sound);
        let id = sent.map_or_else(|| ids.next(), HeaderValue::clone);
        Self { id, method: request.method().clone(), uri: request.uri().clone() }
    }

    /// Writes refusals into the contract's body, those of the framework too, and logs what failed.
    /// That the server is not ready is an answer, and logged where it changes.
    pub(crate) fn finish(self, response: Response) -> Response {
        let response = self.written(response);
        let is_of_probe = self.uri.path() == probes::READY;
        if response.status().is_server_error() && !is_of_probe {
            let id = self.id.to_str().unwrap_or_default();
            tracing::error!(request.id = id, method = %self.method, path = self.uri.path(),
                status = response.status().as_u16(), "request failed");
        }
        self.named(response)
    }

    /// As [`Asked::finish`], for an answer before the state is there. Nothing failed then, and who
    /// watches a start asks often: the log says when loading begins and when it ends.
    pub(crate) fn put_off(self, response: Response) -> Response {
        let response = self.written(response);
        self.named(response)
    }

    /// The answer with the id of its request.
    fn named(self, mut response: Response) -> Response {
        response.headers_mut().insert(REQUEST_ID, self.id);
        response
    }

    fn written(&self, mut response: Response) -> Response {
        let (is_head, is_connect) = (self.method == Method::HEAD, self.method == Method::CONNECT);
        let status = response.status();
        if status.is_client_error() || status.is_server_error() {
            let id = self.id.to_str().unwrap_or_default();
            if let Some(error) = response.extensions_mut().remove::<ApiError>() {
                response = in_place_of(&response, error.render(id));
            } else if let Some(error) = of_framework(&response, is_connect).filter(|_| !is_head) {
                response = in_place_of(&response, error.render(id));
                if is_connect {
                    // Nothing here is a proxy: there is no method for what is named.
                    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(""));
                }
            }
        }
        response
    }
}

/// A refusal with its body, and with what else the answer says that it stands for: which methods
/// there are, where it is refused for its method, and which sites may read it.
fn in_place_of(answer: &Response, mut refusal: Response) -> Response {
    let is_method = refusal.status() == StatusCode::METHOD_NOT_ALLOWED;
    for (name, value) in answer.headers() {
        let of_body = [header::CONTENT_TYPE, header::CONTENT_LENGTH].contains(name);
        let of_method = name == header::ALLOW && !is_method;
        if !of_body && !of_method && !refusal.headers().contains_key(name) {
            refusal.headers_mut().append(name, value.clone());
        }
    }
    refusal
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
        StatusCode::METHOD_NOT_ALLOWED if !is_page(response) => {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::SystemRandom;
    use std::collections::HashSet;

    #[test]
    fn ids_of_requests_differ() {
        let (one, other) = (Ids::new(&SystemRandom), Ids::new(&SystemRandom));
        let ids: HashSet<_> = (0..1_000).flat_map(|_| [one.next(), other.next()]).collect();
        assert_eq!(ids.len(), 2_000);
    }
}
