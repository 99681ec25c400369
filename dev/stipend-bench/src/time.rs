//! The time of measurements, and the clock of an engine whose months pass when they are told to.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use stipend_core::Timestamp;
use stipend_engine::{Alarm, Clock, Ring, SystemClock};

/// The present instant, for measuring.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures the machine's own time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The clock of the machine, moved on by what has been skipped.
#[derive(Debug, Default)]
pub(crate) struct ShiftedClock {
    skipped_seconds: AtomicU64,
    rings: Mutex<Vec<Ring>>,
}

impl ShiftedClock {
    /// Lets so many whole seconds pass at once, on the wall clock and on the monotonic one.
    pub(crate) fn skip(&self, by: Duration) {
        self.skipped_seconds.fetch_add(by.as_secs(), Ordering::AcqRel);
        self.rings.lock().expect("nobody panics with it").clear();
    }

    fn skipped(&self) -> Duration {
        Duration::from_secs(self.skipped_seconds.load(Ordering::Acquire))
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        let seconds = i64::try_from(self.skipped().as_secs()).unwrap_or(i64::MAX);
        SystemClock.now().plus_seconds(seconds)
    }

    fn monotonic(&self) -> Duration {
        SystemClock.monotonic() + self.skipped()
    }

    /// Rings when time is skipped; what falls due on its own is noticed with the next command,
    /// and nothing here falls due within a run.
    fn alarm(&self, _: Timestamp) -> Alarm {
        let (ring, alarm) = Alarm::with_ring();
        self.rings.lock().expect("nobody panics with it").push(ring);
        alarm
    }
}
