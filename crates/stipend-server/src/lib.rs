//! The HTTP face of Stipend: routes, extraction, mapping, probes, shutdown.
//!
//! Handlers extract, call the engine and map; rules live in `stipend-core`. The public contract
//! is `stipend-wire`.
#![deny(missing_docs)]

mod admission;
mod api;
pub mod app;
mod context;
mod cursor;
mod dashboard;
mod decisions;
mod embed;
mod error;
mod front;
pub mod ids;
mod limits;
mod mapping;
pub mod openapi;
mod pace;
mod patience;
mod probes;
mod proxies;
mod request_id;
pub mod serve;

pub use app::App;
pub use dashboard::new_password;
pub use embed::{EMBED_ORIGINS_MAX, EmbedOrigin};
pub use error::ApiError;
pub use front::Front;
pub use limits::Limits;
pub use proxies::TrustedProxy;
