//! The clock port: what time it is, how much time has passed, and being woken in time.

use crossbeam_channel::{Receiver, Sender, bounded};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use stipend_core::Timestamp;

/// The longest that an alarm of the system sleeps, so that a wall clock that was set is noticed.
const ALARM_MAX: Duration = Duration::from_secs(60);

/// Tells the time. The engine never asks the operating system itself.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The present instant; it may run backwards, the engine's own time does not.
    fn now(&self) -> Timestamp;

    /// How much time has passed since some instant; it never runs backwards, and nobody sets it.
    fn monotonic(&self) -> Duration;

    /// Rings when the clock reaches the instant. It may ring earlier: who is woken looks again.
    fn alarm(&self, at: Timestamp) -> Alarm;
}

/// What [`Clock::alarm`] answers. It rings once.
#[derive(Clone, Debug)]
pub struct Alarm(Receiver<Instant>);

/// The other end of an alarm: it rings when this is dropped.
#[derive(Debug)]
pub struct Ring {
    _rings_when_dropped: Sender<Instant>,
}

impl Alarm {
    /// An alarm that never rings.
    #[must_use]
    pub fn never() -> Self {
        Self(crossbeam_channel::never())
    }

    /// An alarm that rings after that long.
    #[must_use]
    pub fn after(delay: Duration) -> Self {
        Self(crossbeam_channel::after(delay))
    }

    /// An alarm that rings when its other end is dropped.
    #[must_use]
    pub fn with_ring() -> (Ring, Self) {
        let (sender, receiver) = bounded(0);
        (Ring { _rings_when_dropped: sender }, Self(receiver))
    }

    pub(crate) fn receiver(&self) -> &Receiver<Instant> {
        &self.0
    }
}

/// The clocks of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the one place behind the port")]
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let micros = since.map_or(0, |since| since.as_micros());
        Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX)).min(Timestamp::MAX)
    }

    fn monotonic(&self) -> Duration {
        static FIRST: OnceLock<Instant> = OnceLock::new();
        #[expect(clippy::disallowed_methods, reason = "this is the one place behind the port")]
        let now = Instant::now();
        now.saturating_duration_since(*FIRST.get_or_init(|| now))
    }

    fn alarm(&self, at: Timestamp) -> Alarm {
        let micros = at.micros().saturating_sub(self.now().micros());
        let delay = Duration::from_micros(u64::try_from(micros).unwrap_or(0));
        Alarm::after(delay.min(ALARM_MAX))
    }
}
