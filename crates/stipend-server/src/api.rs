//! The routes of the API. Each handler extracts, calls and maps; no rule lives here.

mod products;

use crate::app::App;
use utoipa_axum::router::OpenApiRouter;

/// Every operation of the API, with its documentation.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(products::router())
}
