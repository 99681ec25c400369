//! The style of the page, and the module with the element.

use crate::app::App;
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::LazyLock;

const STYLE: &str = include_str!("assets/credit-balance.css");
const MODULE: &str = include_str!("assets/credit-balance.js");

/// The style, named by its content.
pub(super) static STYLE_PATH: LazyLock<String> =
    LazyLock::new(|| format!("/embed/style/credit-balance-{}.css", &digest(STYLE)));

/// The tag of the module, whose address never changes.
static MODULE_TAG: LazyLock<HeaderValue> = LazyLock::new(|| {
    let tag = format!("\"{}\"", digest(MODULE));
    HeaderValue::try_from(tag).expect("digits are plain ASCII")
});

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/embed/style/{name}", get(style))
        .route("/embed/credit-balance.js", get(module))
}

fn digest(content: &str) -> String {
    blake3::hash(content.as_bytes()).to_hex()[..16].to_owned()
}

const NO_SNIFF: (HeaderName, &str) = (header::X_CONTENT_TYPE_OPTIONS, "nosniff");

async fn style(Path(name): Path<String>) -> Response {
    if STYLE_PATH.rsplit('/').next() != Some(name.as_str()) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        NO_SNIFF,
    ];
    (headers, STYLE).into_response()
}

/// The module is the same for everyone and has no secrets, so every site may load it; browsers ask
/// for modules of other sites in that way only.
async fn module(headers: HeaderMap) -> Response {
    let own = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=600"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
        NO_SNIFF,
    ];
    let tag = [(header::ETAG, MODULE_TAG.clone())];
    let asked = headers.get_all(header::IF_NONE_MATCH).iter().any(has_tag);
    if asked {
        return (StatusCode::NOT_MODIFIED, own, tag).into_response();
    }
    (own, tag, MODULE).into_response()
}

/// Whether a list of tags has the module's; proxies that compress mark it as weak.
fn has_tag(tags: &HeaderValue) -> bool {
    let tags = tags.to_str().unwrap_or_default();
    let mut tags = tags.split(',').map(|tag| tag.trim().trim_start_matches("W/"));
    tags.any(|tag| tag == "*" || tag.as_bytes() == MODULE_TAG.as_bytes())
}
