//! Who may use the dashboard.

use std::fmt;
use stipend_core::Timestamp;
use stipend_store::record;

/// Somebody who may use the dashboard. The password is known by its hash only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The name with which they sign in.
    pub name: String,
    /// The hash of their password.
    pub password: PasswordHash,
    /// When they were made, on the wall clock.
    pub created_at: Timestamp,
    /// When the password was last set, on the wall clock.
    pub changed_at: Timestamp,
}

/// The hash of a password by argon2id, with what is needed to make it again.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    /// The memory that it took, in KiB.
    pub memory_kib: u32,
    /// How often the memory was passed.
    pub passes: u32,
    /// How many lanes it had.
    pub lanes: u32,
    /// What was mixed in.
    pub salt: [u8; 16],
    /// The hash.
    pub hash: [u8; 32],
}

/// A hash of a password can be tried out offline, so it is not shown.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PasswordHash(***)")
    }
}

record!(Operator { 1 => name, 2 => password, 3 => created_at, 4 => changed_at });
record!(PasswordHash { 1 => memory_kib, 2 => passes, 3 => lanes, 4 => salt, 5 => hash });
