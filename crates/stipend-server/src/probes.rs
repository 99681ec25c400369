//! What machines ask about the server: is it alive, is it ready, how is it doing.

use crate::app::App;
use crate::error::ApiError;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use stipend_engine::LoadProgress;
use stipend_wire::ErrorCode;

/// Where the server says whether it should get traffic.
pub(crate) const READY: &str = "/readyz";

/// Where the metrics are.
pub(crate) const METRICS: &str = "/metrics";

/// The probes and the API's description; they need no key.
pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/livez", get(|| async { "ok\n" }))
        .route(READY, get(ready))
        .route("/version", get(|| async { concat!(env!("CARGO_PKG_VERSION"), "\n") }))
        .route(METRICS, get(metrics))
        .route("/openapi.json", get(openapi))
}

/// Who watches asks often, so the log has what changed and not each answer.
async fn ready(State(app): State<App>) -> Response {
    let unready = app.unready();
    if app.changes_readiness(unready) {
        match unready {
            None => tracing::info!("ready again"),
            Some(reason) => tracing::warn!(reason, "not ready"),
        }
    }
    match unready {
        None => "ready\n".into_response(),
        Some(reason) => {
            let body = serde_json::json!({ "ready": false, "reasons": [reason] });
            (StatusCode::SERVICE_UNAVAILABLE, axum::Json(body)).into_response()
        }
    }
}

/// What is answered before there is an application.
pub(crate) fn while_loading(path: &str, progress: &LoadProgress) -> Response {
    match path {
        "/healthz" | "/livez" => "ok\n".into_response(),
        READY => {
            let body = loading(progress.stage().as_str(), progress.done(), progress.total());
            let later = [(header::RETRY_AFTER, HeaderValue::from_static("1"))];
            (StatusCode::SERVICE_UNAVAILABLE, later, axum::Json(body)).into_response()
        }
        _ => ApiError::new(ErrorCode::Unavailable, "the server is starting").into_response(),
    }
}

fn loading(stage: &str, done: u64, total: u64) -> serde_json::Value {
    let reasons = ["the state is being loaded"];
    let loading = serde_json::json!({ "stage": stage, "done": done, "total": total });
    serde_json::json!({ "ready": false, "reasons": reasons, "loading": loading })
}

async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], crate::openapi::document()).into_response()
}

async fn metrics(State(app): State<App>) -> Response {
    let mut registry = Registry::with_prefix("stipend");
    let gauges = [
        ("customers", "Customers over all environments", app.engine().customers_count() as u64),
        ("queue_commands", "Commands that wait to be decided", app.engine().queue_length() as u64),
        ("refused_commands", "Commands refused since the start", app.refused()),
        ("journal_position", "Position of the last durable row", app.engine().last_position()),
    ];
    for (name, help, value) in gauges {
        let gauge: Gauge = Gauge::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    }
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = encode(&mut text, &registry);
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}
