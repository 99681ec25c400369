//! The named limits of the engine.

use crate::series::RollLimits;
use stipend_core::limits::{EVENT_AGE_MAX_SECONDS, EVENT_AHEAD_MAX_SECONDS};

/// Commands that may wait for the decider; beyond that they are refused at once.
pub const QUEUE_COMMANDS_MAX: usize = 16_384;

/// Commands that are taken out of the queue together, to look at their customers side by side: so
/// many that the waits for memory overlap, so few that what was looked at is still near.
pub const AHEAD_COMMANDS_MAX: usize = 16;

/// Usages in one commit.
pub const BATCH_ROWS_MAX: usize = 4_096;

/// Rows or answers after which a batch is committed where the committer has nothing to do, though
/// commands wait: deciding and committing go on side by side. Smaller batches would copy customers
/// and sync more often.
pub const BATCH_ROWS_ENOUGH: usize = 1_024;

/// Encoded bytes after which a batch takes nothing more.
pub const BATCH_BYTES_MAX: usize = 1 << 20;

/// Rows of the life of a pool that are read for one reversal.
pub const REVERSAL_ROWS_MAX: usize = 10_000;

/// Rows of the life of a pool before a decision among which the grants are looked for that gave
/// what it took.
pub const DECISION_ROWS_MAX: usize = 10_000;

/// Rows of the life of a pool among which the grants are looked for that a page of its ledger names
/// and that have ended.
pub const PAST_ROWS_MAX: usize = 2_000;

/// Rows of its pools that are read for one page of a ledger or of reservations that have ended. A page
/// is shorter where what is asked for is rare among them, and one that finds nothing is taken for the
/// last by clients that ask until nothing comes: so it reads on for about a second.
pub const LEDGER_ROWS_MAX: usize = 200_000;

/// Rows of the life of a pool that are read for a list of its grants, or to find one that has left it.
pub const ENDED_ROWS_MAX: usize = 50_000;

/// Rows of a pool that are read for its pace.
pub const PACE_ROWS_MAX: usize = 50_000;

/// Rows that are read for one report of the use of credits, besides what is rolled up.
pub const SERIES_ROWS_MAX: usize = 200_000;

/// Cells of roll-ups that are read for one report of the use of credits.
pub const SERIES_CELLS_MAX: usize = 4_000_000;

/// How large roll-ups of the use of credits are. What is not rolled up yet is read row by row, so
/// the least number of rows lies well below [`SERIES_ROWS_MAX`].
pub const ROLL_LIMITS: RollLimits =
    RollLimits { rows_min: 50_000, rows_max: 100_000, cells_max: 50_000, values_max: 1_000 };

/// One of so many new rows is looked at to find the pools that are worth a roll-up.
pub const ROLL_SAMPLE: u64 = 64;

/// Customers in one packed image.
pub const SEGMENT_SLOTS: u32 = 64;

/// The first slot of a customer: segment 0 is the realm's.
pub const SLOT_FIRST: u32 = SEGMENT_SLOTS;

/// Rows that may have to be replayed at start before flushing is forced.
pub const TAIL_ROWS_MAX: u64 = 750_000;

/// Rows of a journal that is short.
pub const SHORT_JOURNAL_ROWS: u64 = 10_000;

/// Rows read at once in recovery and verification: few enough for their memory to be used again
/// rather than given back to the system, which clears it before it gives any.
pub const READ_ROWS: usize = 512;

/// For how much longer than its request is accepted an idempotency key is remembered: one day.
pub const KEY_SPARE_SECONDS: i64 = 24 * 60 * 60;

/// For how long idempotency keys are remembered: for as long as the same request can be accepted
/// (`behaviour.md` §0.10), which is the accepted age of an event that was reported as early as one
/// may be, and some more.
pub const KEY_RETENTION_SECONDS: i64 =
    EVENT_AGE_MAX_SECONDS + EVENT_AHEAD_MAX_SECONDS + KEY_SPARE_SECONDS;

/// For how long a journal must not use a key twice. It is less than keys are remembered: headers are
/// some time younger than what was decided for their batches, and older versions remembered keys
/// for 35 days sharp.
pub const KEY_AUDIT_SECONDS: i64 = EVENT_AGE_MAX_SECONDS - KEY_SPARE_SECONDS;

const _: () = assert!(
    KEY_RETENTION_SECONDS > EVENT_AGE_MAX_SECONDS + EVENT_AHEAD_MAX_SECONDS,
    "a request that is still accepted must still be recognised"
);

/// For how long a request without a key is recognised when it is retried (`behaviour.md` §0.10).
pub const RETRY_WINDOW_SECONDS: i64 = 10 * 60;

/// Customers for which what is due is done before ordinary commands are looked at again.
pub const SLICE_CUSTOMERS: usize = 256;

/// Time after which such a slice ends, in microseconds.
pub const SLICE_MICROS: u64 = 1_000;

/// Rows of a batch that due work and tasks may fill; the rest is kept for commands.
pub const SLICE_ROWS_MAX: usize = BATCH_ROWS_MAX / 2;

/// Encoded bytes of a batch that due work and tasks may fill.
pub const SLICE_BYTES_MAX: usize = BATCH_BYTES_MAX / 2;

/// Requests that may wait until everything due for their customers or in their environment is done.
pub const PARKED_MAX: usize = 1_024;

/// Instants that are due for the customers of one command and are done with it; where there are
/// more, the command waits until they were done in slices.
pub const COMMAND_INSTANTS_MAX: usize = 256;

/// Instants that are due for a customer and are done on the copy of it that is read; where there are
/// more, who reads has to wait until they were done in slices.
pub const READ_INSTANTS_MAX: usize = 1_000;

/// Seconds until due work is tried again after the store refused to write.
pub const STALL_SECONDS: i64 = 1;

/// Environments of one realm.
pub const ENVIRONMENTS_MAX: usize = 1_000;

/// API keys of one realm.
pub const API_KEYS_MAX: usize = 10_000;
/// Characters of the name of an API key.
pub const API_KEY_NAME_MAX: usize = 100;

/// The longest name of an environment.
pub const ENVIRONMENT_NAME_MAX: usize = 64;

/// Finished tasks that are kept to be looked at.
pub const TASKS_KEPT: usize = 1_000;

/// Failures of one task that are kept with their reasons.
pub const TASK_FAILURES_MAX: usize = 100;

/// How far before [`stipend_core::Timestamp::MAX`] a frozen clock ends, so that periods still
/// fit behind it: two years.
pub const CLOCK_MARGIN_SECONDS: i64 = stipend_core::limits::TIME_MARGIN_SECONDS;

/// A wall clock that is so far ahead of the time that has passed has jumped: one hour.
pub const CLOCK_JUMP_MICROS: i64 = 60 * 60 * 1_000_000;

/// How much later than the first the second sample of a jump is taken: one second.
pub const CLOCK_CONFIRM_MICROS: i64 = 1_000_000;

/// From how far on a clock that went back is warned of.
pub const CLOCK_LAG_WARN_SECONDS: i64 = 1;

/// The gap between the last commit and the start that is worth a warning: one hour.
pub const CLOCK_GAP_WARN_SECONDS: i64 = 60 * 60;

/// Threads that a start reads with at most.
pub const LOAD_THREADS_MAX: usize = 8;

/// Images that a start reads at once on each of them.
pub const LOAD_IMAGES: usize = 16;

/// Rows that a start hands to a folding thread at once.
pub const LOAD_ROWS: usize = 512;

/// Customers that a folding thread keeps decoded.
pub const LOAD_DECODED_MAX: usize = 8_192;

/// Rows in which a start looks for keys at once.
pub const LOAD_KEY_ROWS: usize = 100_000;

/// A customer that nobody asks for is packed after this time, or up to twice as long.
pub const REST_SECONDS: u64 = 300;
