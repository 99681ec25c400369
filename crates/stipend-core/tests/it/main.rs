//! The rules of the domain, topic by topic: tables in, numbers out. The README of the crate
//! says the rules in prose and names these tests.
#![expect(clippy::unwrap_used, reason = "what cannot be read fails its test")]

mod amounts;
mod burn;
mod calendar;
mod catalog;
mod changes;
mod check;
mod due;
mod duplicate;
mod enforcement;
mod everything_model;
mod feature;
mod feature_world;
mod forecast;
mod formula;
mod formula_laws;
mod formula_reference;
mod grants;
mod greed;
mod laws;
mod levels;
mod life;
mod model;
mod periods;
mod promotions;
mod rates;
mod readme;
mod reservations;
mod resolve;
mod reversal;
mod reversal_of_usage;
mod soundness;
mod subscriptions;
mod support;
mod usage;
mod usage_laws;
mod usage_world;
mod used_up;
mod voided;
