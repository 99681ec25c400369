//! The named limits of the engine.

/// Commands that may wait for the decider; beyond that they are refused at once.
pub const QUEUE_COMMANDS_MAX: usize = 16_384;

/// Usages in one commit.
pub const BATCH_ROWS_MAX: usize = 4_096;

/// Encoded bytes after which a batch takes nothing more.
pub const BATCH_BYTES_MAX: usize = 1 << 20;

/// Customers in one packed image.
pub const SEGMENT_SLOTS: u32 = 64;

/// The first slot of a customer: segment 0 is the realm's.
pub const SLOT_FIRST: u32 = SEGMENT_SLOTS;

/// Image bytes that a commit may write for each byte of its own rows.
pub const FLUSH_RATIO: usize = 2;

/// Unused flushing budget that is kept for later commits.
pub const FLUSH_BUDGET_MAX: usize = 4 << 20;

/// Rows that may have to be replayed at start before flushing is forced.
pub const TAIL_ROWS_MAX: u64 = 1_000_000;

/// Rows read at once in recovery and verification.
pub const READ_ROWS: usize = 4_096;

/// For how long idempotency keys are remembered: 35 days (`behaviour.md` §0.10).
pub const KEY_RETENTION_SECONDS: i64 = 35 * 24 * 60 * 60;

/// For how long a request without a key is recognised when it is retried (`behaviour.md` §0.10).
pub const RETRY_WINDOW_SECONDS: i64 = 10 * 60;
