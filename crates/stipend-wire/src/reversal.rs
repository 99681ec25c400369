//! The reversal of a consumption into the very grants that it was drawn from.
//!
//! It is an addition of this server (`POST /api/v1/credits/ledger/{entryId}/reverse`).

use crate::consumption::CreditBalance;
use crate::ledger::LedgerEntry;
use crate::number::Decimal;
use crate::text::{Key, Reason};

request! {
    /// The reversal of a consumption, whole; the body may be left out.
    pub struct ReverseEntry {
        /// Your name for this reversal; the same one again has no second effect.
        pub idempotency_key: Option<Key>,
        /// Why, for the ledger.
        pub reason: Option<Reason>,
    }
}

response! {
    /// A consumption that was reversed.
    pub struct EntryReversed {
        /// The ledger entry that was named.
        pub entry_id: String,
        /// How many credits came back; what was drawn from a grant that is over does not.
        pub amount: Decimal,
        /// The entries of the reversal, one for each grant that gave.
        pub entries: Vec<LedgerEntry>,
        /// The balance after it.
        pub credit: CreditBalance,
        /// Why.
        pub reason: Option<String>,
        /// When it was reversed.
        pub reversed_at: String,
    }
}
