//! The domain of Stipend, pure: amounts, periods, the catalog, entitlement maths, grants, burn
//! order, overdraft.
#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

pub mod amount;
pub mod catalog;
pub mod customer;
pub mod examples;
pub mod formula;
pub mod id;
pub mod limits;
pub mod period;
mod shared;
pub mod time;
pub mod zone;

pub use amount::{Amount, AmountError};
pub use catalog::{Catalog, PackageKey, PackageKind};
pub use customer::Customer;
pub use formula::{Formula, FormulaError};
pub use id::{
    CurrencyId, CustomerId, EnvId, FeatureId, GrantNo, IdError, MeterId, PackageId, PoolId,
    ProductId, ReservationId, ResourceId, Slot, SubscriptionId, SubscriptionNo,
};
pub use period::{Anchor, Cadence, Interval, Period};
pub use shared::Shared;
pub use time::{Timestamp, TimestampError};
pub use zone::{Zone, ZoneError};
