pub mod amount;
pub mod id;
pub mod time;

pub use amount::{Amount, AmountError};
pub use id::{
    CurrencyId, CustomerId, EnvId, FeatureId, GrantNo, IdError, PackageId, PoolId, ProductId,
    ResourceId, Slot, SubscriptionId, SubscriptionNo,
};
pub use time::{Timestamp, TimestampError};
