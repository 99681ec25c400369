//! The embedded store: the storage contract on one SQLite database in one directory.
//!
//! [`SqliteStore::open`] is the entry. The directory holds `stipend.db` with its `-wal` and
//! `-shm`, the file `LOCK` that keeps a second process out, and the file `MARK` with the number
//! of the last acknowledged batch; beside them [`SqliteRolls`] keeps `series.db`, which may be
//! removed. [`Looked`] reads it all without changing a byte, [`back_up`] copies the database, also
//! while it is written, and [`Restore`] puts a copy back. The tables and the views for people's SQL are in
//! `src/schema/`; `v_ledger`, `v_customer` and `v_subscription` are public, the tables are not.
//!
//! Amounts stand in the journal as integers of 10⁻⁹ where these fit 64 bits, else as the decimal
//! text of the same integer; both are exact, and the views show both as plain decimals.
//!
//! This crate must never know what a row means, only how it is kept: not the domain's rules, not
//! the codec. It reads no clock and makes no random bytes, and it logs nothing: what an operator
//! should know is returned in [`Opened`] or in the error.
#![deny(missing_docs)]

mod checkpoint;
mod copy;
mod directory;
mod error;
mod insert;
mod listing;
mod mark;
mod reader;
mod rolls;
mod schema;
mod still;
mod store;
mod value;
mod wal;

pub use copy::{Restore, Restored, back_up};
pub use directory::{Exposed, exposed};
pub use rolls::SqliteRolls;
pub use still::Looked;
pub use store::{Opened, Options, SqliteStore};
