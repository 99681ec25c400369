//! The API from outside: requests go into the whole router, in process, over a real store, and
//! nothing is looked at but statuses, headers and bodies. No test waits for time to pass.

mod access;
mod answers;
mod auth;
mod bad_input;
mod bad_input_bodies;
mod bad_input_queries;
mod bad_input_rows;
mod bad_input_scopes;
mod bad_input_sockets;
mod bad_input_texts;
mod browser;
mod coverage;
mod dashboard;
mod dashboard_catalog;
mod dashboard_credits;
mod dashboard_customers;
mod dashboard_environment;
mod dashboard_recent;
mod decisions;
mod embed;
mod errors;
mod failing_store;
mod idempotency;
mod overload;
mod requests;
mod reservations;
mod scopes;
mod sign_in;
mod snapshots;
mod starting;
mod support;
mod telling;
mod time;
mod usage;
mod world;
