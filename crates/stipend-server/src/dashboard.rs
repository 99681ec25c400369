//! The dashboard: the engine's operations as pages for people.
//!
//! A screen reads what is published, shows it, and turns a form into the same request that the API
//! would take; what may be done is decided where the API's commands are decided. Every page works
//! without scripts. How a screen is added stands in `ARCHITECTURE.md`.

mod activity_log;
mod api_keys;
mod assets;
mod common_passwords;
mod compare;
mod credit_types;
mod customer;
mod customers;
mod environments;
mod failure;
mod features;
mod field;
mod form;
mod layout;
mod metadata;
mod object;
mod once;
mod packages;
mod password;
mod products;
mod repeat;
mod security;
mod seen;
mod session;
mod settings;
mod shelf;
mod sign_in;
mod state;
mod throttle;
mod ui;
mod usage_events;
mod visit;
mod what_if;
mod who;
mod words;

pub use password::new_password;
pub(crate) use state::{Dashboard, LinkKind};
pub(crate) use throttle::Peer;
pub(crate) use ui::grouped;
pub(crate) use visit::note_address;

use crate::app::App;
use axum::response::{Redirect, Response};
use axum::routing::get;
use axum::{Router, middleware};
use failure::Failure;
use visit::Visit;

/// Where somebody who signs in arrives.
const HOME: &str = "/products";

/// Everything that people see, to stand beside the API.
pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/", get(home))
        .merge(sign_in::router())
        .nest("/e/{env}", screens())
        .layer(middleware::from_fn(security::guard))
        .merge(assets::router())
        .fallback(failure::nothing_here)
}

/// The screens of one environment.
fn screens() -> Router<App> {
    Router::new()
        .route("/", get(home_of_environment))
        .merge(products::router())
        .merge(packages::router())
        .merge(features::router())
        .merge(credit_types::router())
        .merge(customers::router())
        .merge(customer::router())
        .merge(usage_events::router())
        .merge(settings::router())
        .merge(api_keys::router())
        .merge(environments::router())
        .merge(activity_log::router())
}

async fn home(visit: Visit) -> Redirect {
    Redirect::to(&visit.path(HOME))
}

async fn home_of_environment(visit: Visit) -> Result<Response, Failure> {
    Ok(visit.go(&visit.path(HOME)))
}
