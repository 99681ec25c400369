//! The API's own description, made from the same code that serves it.

use crate::app::App;
use utoipa::OpenApi;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa_axum::router::OpenApiRouter;

#[derive(OpenApi)]
#[openapi(info(
    title = "Stipend",
    description = "Credit entitlements and usage credits. Wire-compatible with Stigg's REST API.",
    license(name = "MIT OR Apache-2.0")
))]
struct Described;

/// The routes of the API with their description.
pub(crate) fn described() -> OpenApiRouter<App> {
    let mut description = Described::openapi();
    let components = description.components.get_or_insert_default();
    let key = ApiKeyValue::with_description("X-API-KEY", "A secret API key of an environment.");
    components.add_security_scheme("apiKey", SecurityScheme::ApiKey(ApiKey::Header(key)));
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    let token = token.description(Some("A token of the credits of one customer."));
    components.add_security_scheme("creditBalanceToken", SecurityScheme::Http(token.build()));
    description.security = Some(vec![SecurityRequirement::new("apiKey", Vec::<String>::new())]);
    OpenApiRouter::with_openapi(description).merge(crate::api::router())
}

/// The document, as `/openapi.json` serves it and the repository keeps it.
///
/// # Panics
/// Never: the description is plain JSON.
#[must_use]
pub fn document() -> String {
    let whole = described().merge(crate::embed::described());
    let (_, description) = whole.split_for_parts();
    let mut text = description.to_pretty_json().expect("the description is plain JSON");
    text.push('\n');
    text
}
