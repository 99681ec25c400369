//! The stylesheet, the script and the sign: part of the binary, named by their content, so that
//! browsers may keep them for ever.

use crate::app::App;
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::LazyLock;

/// One file that pages refer to.
pub(super) struct Asset {
    /// Its path, with the hash of its content.
    pub(super) path: String,
    content_type: &'static str,
    content: &'static str,
}

impl Asset {
    fn new(name: &str, extension: &str, content_type: &'static str, content: &'static str) -> Self {
        let hash = blake3::hash(content.as_bytes()).to_hex();
        let path = format!("/assets/{name}-{}.{extension}", &hash[..16]);
        Self { path, content_type, content }
    }
}

/// The look of every page.
pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let content = include_str!("assets/stipend.css");
    Asset::new("stipend", "css", "text/css; charset=utf-8", content)
});

/// What makes pages smoother; none needs it.
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let content = include_str!("assets/stipend.js");
    Asset::new("stipend", "js", "text/javascript; charset=utf-8", content)
});

/// The sign in the browser's tab.
pub(super) static SIGN: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("sign", "svg", "image/svg+xml", include_str!("assets/sign.svg")));

pub(super) fn router() -> Router<App> {
    Router::new().route("/assets/{name}", get(serve))
}

async fn serve(Path(name): Path<String>) -> Response {
    let path = format!("/assets/{name}");
    let assets: [&Asset; 3] = [&STYLE, &SCRIPT, &SIGN];
    let Some(asset) = assets.into_iter().find(|asset| asset.path == path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
    ];
    (headers, asset.content).into_response()
}
