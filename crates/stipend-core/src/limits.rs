//! The named limits of the domain. What is above one is refused with a clear error.

/// Grants in one pool from which something may be drawn, now or later: those with something left or
/// held, the recurring ones of the running periods and the scheduled ones.
pub const POOL_GRANTS_MAX: usize = 1_000;

/// Grants in one pool, those included that are used up and have not ended.
pub const POOL_GRANTS_ALL_MAX: usize = 20_000;

/// Open reservations in one pool.
pub const POOL_RESERVATIONS_MAX: usize = 1_000;

/// How far ahead a reservation may end: 24 hours.
pub const RESERVATION_SECONDS_MAX: i64 = 24 * 60 * 60;

/// Add-ons on one subscription.
pub const SUBSCRIPTION_ADDONS_MAX: usize = 100;

/// Credit overrides on one subscription.
pub const SUBSCRIPTION_OVERRIDES_MAX: usize = 100;

/// Features whose units are bought on one subscription.
pub const SUBSCRIPTION_QUANTITIES_MAX: usize = 100;

/// Instants of a customer that are looked at for one list of what is coming.
pub const UPCOMING_INSTANTS_MAX: usize = 1_000;

/// Instants of a customer that are looked at for one preview of what begins later.
pub const PREVIEW_INSTANTS_MAX: usize = 1_000;

/// Instants of a customer that are looked at for one forecast.
pub const FORECAST_INSTANTS_MAX: usize = 1_000;

/// How far ahead a forecast looks: two years.
pub const FORECAST_HORIZON_SECONDS: i64 = 2 * 366 * 24 * 60 * 60;

/// Subscriptions of one customer, ended ones included.
pub const CUSTOMER_SUBSCRIPTIONS_MAX: usize = 1_000;

/// Pools of one customer: credit types × resources.
pub const CUSTOMER_POOLS_MAX: usize = 1_000;

/// Resources of one customer.
pub const CUSTOMER_RESOURCES_MAX: usize = 1_000;

/// Features that one customer may have had promotional entitlements of.
pub const CUSTOMER_PROMOTIONS_MAX: usize = 1_000;

/// The accepted age of a reported event: 35 days (`behaviour.md` §0.11).
pub const EVENT_AGE_MAX_SECONDS: i64 = 35 * 24 * 60 * 60;

/// How far ahead of the server's clock a reported event may be (`behaviour.md` §0.11).
pub const EVENT_AHEAD_MAX_SECONDS: i64 = 5 * 60;

/// Characters of a cost formula.
pub const FORMULA_LENGTH_MAX: usize = 1_000;

/// Parentheses inside one another in a cost formula, those of functions included.
pub const FORMULA_DEPTH_MAX: usize = 32;

/// Numbers, texts, dimensions, operators and functions in a cost formula together.
pub const FORMULA_NODES_MAX: usize = 256;

/// Different dimensions that a cost formula reads.
pub const FORMULA_DIMENSIONS_MAX: usize = 32;

/// Decimal places of a number in a cost formula. They are twice those of an amount: a rate for one
/// byte may be far below what can be charged.
pub const FORMULA_DECIMALS_MAX: usize = 18;

/// How far before [`crate::Timestamp::MAX`] whatever chooses an instant to go on from has to stay, so
/// that periods still fit behind it: two years.
pub const TIME_MARGIN_SECONDS: i64 = 2 * 366 * 24 * 60 * 60;

/// How many features a customer can have used, resources counted apart.
pub const CUSTOMER_METERS_MAX: usize = 4_000;

/// How many different values are told apart in a usage period.
pub const USAGE_VALUES_MAX: usize = 10_000;

/// For how many runs of draws it is remembered which grants paid for the usage of a feature.
pub const USAGE_RUNS_MAX: usize = 64;
