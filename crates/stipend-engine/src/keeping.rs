//! The thread that packs customers nobody asks for.

use crate::limits::REST_SECONDS;
use crate::published::Published;
use crate::slots::Keeper;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// When customers are packed: kept in memory as in an image, which takes a fifth of what a decoded
/// one takes. Whoever asks for a packed one waits some microseconds longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// When nobody has asked for them for so many seconds, or up to twice as long.
    AfterSeconds(u64),
    /// With every commit that changes them; for tests.
    AtOnce,
}

impl Default for Rest {
    fn default() -> Self {
        Self::AfterSeconds(REST_SECONDS)
    }
}

/// Looks through all customers once in so many seconds, a part each second, until `stop` is
/// closed.
pub(crate) fn keep(published: &Published, seconds: u64, stop: &Receiver<()>) {
    let mut keeper = Keeper::default();
    let share = u32::try_from(seconds.max(1)).unwrap_or(u32::MAX);
    while stop.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
        published.tidy(&mut keeper, share);
    }
}
