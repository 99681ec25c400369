//! The public contract of Stipend: what the REST API reads and answers, and nothing else.
//!
//! It holds the request types with their strict readers, the response types, the error codes
//! and the `OpenAPI` schemas of all of them. It must never know the engine: no rule about
//! credits lives here, only what a well-formed request looks like. Field names, enums and
//! nullability follow `wire.md`; what a malformed request gets follows `bad-input.md`.
//!
//! Entry points: [`json::parse_body`] for bodies, [`query::parse_query`] for query strings,
//! the response struct of each resource module, and [`error::ErrorBody`].
#![deny(missing_docs)]

#[macro_use]
mod macros;

pub mod access;
pub mod auto_recharge;
pub mod billing;
pub mod charge;
pub mod consumption;
pub mod credit_balance;
pub mod credit_usage;
pub mod currency;
pub mod customer;
pub mod decision;
pub mod entitlement;
pub mod envelope;
pub mod environment;
pub mod error;
pub mod event;
pub mod explain;
pub mod feature;
pub mod grant;
pub mod json;
pub mod ledger;
pub mod money;
pub mod number;
pub mod opaque;
pub mod package;
pub mod preview;
pub mod product;
pub mod promotional;
pub mod query;
pub mod read;
pub mod reservation;
pub mod reversal;
mod schema;
pub mod subscription;
pub mod subscription_change;
pub mod task;
pub mod text;
pub mod upcoming;
pub mod usage;

pub use envelope::{BatchData, Data, Page, Pagination};
pub use error::{ErrorBody, ErrorCode, ItemError, WireError};
pub use json::parse_body;
pub use number::Decimal;
pub use opaque::Opaque;
pub use query::parse_query;
pub use read::{Field, FromJson, Nullable};
