//! From the wire to the domain and back: the one place where both spellings appear.

pub(crate) mod product;

use stipend_core::Timestamp;

/// An instant as the contract spells it.
pub(crate) fn instant(at: Timestamp) -> String {
    at.to_string()
}
