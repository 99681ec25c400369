//! How a ledger is kept: the storage contract and what goes with it.
//!
//! - [`contract`]: what every store promises ([`Store`], [`Reader`]) and the rows it keeps.
//! - [`memory`]: [`MemoryStore`], the store of the simulator and the tests, whose operations can
//!   be paused and made to fail.
//! - [`codec`]: how entries and images become bytes, and how bytes of an unknown shape are
//!   refused.
//! - [`rolls`]: what every keeper of roll-ups promises ([`Rolls`]), and the one in memory.
//! - `conformance` (feature `conformance`): the suite that every store passes.
//!
//! This crate must never know the domain's rules: it carries what was decided, it decides
//! nothing. It reads no clock, and it logs nothing: what an operator should know is returned.
#![deny(missing_docs)]

pub mod codec;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod contract;
pub mod memory;
pub mod rolls;

pub use contract::{
    Batch, CatalogRow, CreatedRange, CustomerFilter, CustomerRow, FailureWatch, ImageRow, OnceRow,
    Page, PoolRow, Reader, Row, Seq, Store, StoreError, SubscriptionFilter, SubscriptionRef,
    SubscriptionRow,
};
pub use memory::MemoryStore;
pub use rolls::{MemoryRolls, Roll, RollHead, Rolls};
