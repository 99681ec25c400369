//! From the wire to the domain and back: the one place where both spellings appear.

pub(crate) mod access;
pub(crate) mod credit_balance;
pub(crate) mod currency;
pub(crate) mod customer;
pub(crate) mod decision;
pub(crate) mod entitlement;
pub(crate) mod environment;
pub(crate) mod explain;
pub(crate) mod feature;
pub(crate) mod grant;
pub(crate) mod package;
pub(crate) mod preview;
pub(crate) mod product;
pub(crate) mod promotion;
pub(crate) mod reservation;
pub(crate) mod subscription;
pub(crate) mod upcoming;
pub(crate) mod usage;

use stipend_core::Timestamp;

/// An instant as the contract spells it.
pub(crate) fn instant(at: Timestamp) -> String {
    at.to_string()
}
