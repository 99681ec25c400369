//! The engine's time: the wall clock's, never before what was seen, and not after a jump that
//! nobody confirmed.

use crate::clock::Clock;
use crate::limits::{CLOCK_CONFIRM_MICROS, CLOCK_JUMP_MICROS, CLOCK_LAG_WARN_SECONDS};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use stipend_core::Timestamp;

/// Both clocks at one moment, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// The wall clock.
    pub(crate) wall: i64,
    /// The time that has passed since some instant.
    pub(crate) passed: i64,
}

impl Sample {
    fn of(clock: &dyn Clock) -> Self {
        let passed = i64::try_from(clock.monotonic().as_micros()).unwrap_or(i64::MAX);
        Self { wall: clock.now().micros(), passed }
    }

    fn offset(self) -> i64 {
        self.wall.saturating_sub(self.passed)
    }

    /// What the wall clock says, or, where it is far ahead of the trusted offset, what it would
    /// say without the jump.
    fn reading(self, trusted: i64) -> i64 {
        if self.offset().saturating_sub(trusted) > CLOCK_JUMP_MICROS {
            trusted.saturating_add(self.passed)
        } else {
            self.wall
        }
    }
}

/// Decides whether a wall clock that has jumped ahead is believed: a second sample, taken a while
/// after the first, has to say the same. Going back needs no confirmation, since the engine's
/// time does not follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WallGuard {
    /// What the wall clock is ahead of the time that has passed, as last believed.
    trusted: i64,
    /// The first sample of a jump.
    doubted: Option<Sample>,
}

impl WallGuard {
    pub(crate) fn new(first: Sample) -> Self {
        Self { trusted: first.offset(), doubted: None }
    }

    /// Looks at a sample; answers the instant at which a jump needs another one.
    pub(crate) fn look(&mut self, sample: Sample) -> Option<i64> {
        if sample.offset().saturating_sub(self.trusted) <= CLOCK_JUMP_MICROS {
            *self = Self::new(sample);
            return None;
        }
        let first = self.doubted.filter(|first| {
            first.offset().abs_diff(sample.offset()) <= CLOCK_JUMP_MICROS.unsigned_abs()
        });
        let first = first.unwrap_or(sample);
        let rest = CLOCK_CONFIRM_MICROS - sample.passed.saturating_sub(first.passed);
        if rest <= 0 {
            *self = Self::new(sample);
            return None;
        }
        self.doubted = Some(first);
        Some(sample.wall.saturating_add(rest))
    }
}

/// The engine's time on the wall clock, read by everyone without a lock.
#[derive(Debug)]
pub(crate) struct WallTime {
    clock: Arc<dyn Clock>,
    trusted: AtomicI64,
    high: AtomicI64,
}

impl WallTime {
    /// Begins with the time of the last commit. What the clock says at the start is believed: a
    /// jump before it cannot be told from downtime.
    pub(crate) fn new(clock: Arc<dyn Clock>, committed: Timestamp) -> (Self, WallGuard) {
        let guard = WallGuard::new(Sample::of(clock.as_ref()));
        let (trusted, high) = (AtomicI64::new(guard.trusted), AtomicI64::new(committed.micros()));
        (Self { clock, trusted, high }, guard)
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// The present instant: never before one that was answered.
    pub(crate) fn now(&self) -> Timestamp {
        self.at(Sample::of(self.clock()))
    }

    fn at(&self, sample: Sample) -> Timestamp {
        let reading = sample.reading(self.trusted.load(Ordering::Acquire));
        let high = self.high.load(Ordering::Acquire);
        if reading <= high {
            return Timestamp::from_micros(high);
        }
        Timestamp::from_micros(reading.max(self.high.fetch_max(reading, Ordering::AcqRel)))
    }

    /// Seconds that the wall clock is behind the engine's time.
    pub(crate) fn lag_seconds(&self) -> i64 {
        self.lag_of(self.clock.now().micros())
    }

    fn lag_of(&self, wall: i64) -> i64 {
        (self.high.load(Ordering::Acquire).saturating_sub(wall) / 1_000_000).max(0)
    }
}

/// The decider's look at the time: it alone believes jumps.
#[derive(Debug)]
pub(crate) struct WallWatch {
    pub(crate) time: Arc<WallTime>,
    guard: WallGuard,
    has_warned: bool,
    /// When a jump needs another sample.
    pub(crate) confirm_at: Option<Timestamp>,
}

impl WallWatch {
    pub(crate) fn new(time: Arc<WallTime>, guard: WallGuard) -> Self {
        Self { time, guard, has_warned: false, confirm_at: None }
    }

    /// The present instant, after a look at both clocks.
    pub(crate) fn look(&mut self) -> Timestamp {
        let sample = Sample::of(self.time.clock());
        let was_doubted = self.confirm_at.is_some();
        self.confirm_at = self.guard.look(sample).map(Timestamp::from_micros);
        self.time.trusted.store(self.guard.trusted, Ordering::Release);
        if self.confirm_at.is_some() && !was_doubted {
            tracing::warn!("the clock has jumped ahead; waiting until it says so again");
        }
        let lag_seconds = self.time.lag_of(sample.wall);
        let lags = lag_seconds > CLOCK_LAG_WARN_SECONDS;
        if lags && !self.has_warned {
            tracing::warn!(lag_seconds, "the clock ran backwards; time stands still until then");
        }
        self.has_warned = lags || (self.has_warned && lag_seconds > 0);
        self.time.at(sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;
    const HOUR: i64 = 3_600 * SECOND;
    const YEAR: i64 = 365 * 24 * HOUR;

    /// Samples as (wall, passed), and after each what the time is and when it is looked at again.
    fn check(label: &str, steps: &[((i64, i64), i64, Option<i64>)]) {
        let mut guard = WallGuard::new(Sample { wall: 0, passed: 0 });
        for (step, ((wall, passed), reading, again)) in steps.iter().enumerate() {
            let sample = Sample { wall: *wall, passed: *passed };
            assert_eq!(guard.look(sample), *again, "{label}, step {step}");
            assert_eq!(sample.reading(guard.trusted), *reading, "{label}, step {step}");
        }
    }

    #[test]
    fn a_jump_ahead_needs_a_second_sample() {
        let jumped = YEAR + 2 * SECOND;
        check("steady", &[((SECOND, SECOND), SECOND, None), ((YEAR, YEAR), YEAR, None)]);
        check("an hour is no jump", &[((HOUR, 0), HOUR, None), ((HOUR, HOUR), HOUR, None)]);
        check("back", &[((-HOUR * 9, SECOND), -HOUR * 9, None)]);
        check(
            "confirmed",
            &[
                ((jumped, 2 * SECOND), 2 * SECOND, Some(jumped + SECOND)),
                ((jumped, 2 * SECOND), 2 * SECOND, Some(jumped + SECOND)),
                ((jumped + SECOND, 3 * SECOND), jumped + SECOND, None),
            ],
        );
        check(
            "taken back",
            &[
                ((jumped, 2 * SECOND), 2 * SECOND, Some(jumped + SECOND)),
                ((3 * SECOND, 3 * SECOND), 3 * SECOND, None),
                ((YEAR, 4 * SECOND), 4 * SECOND, Some(YEAR + SECOND)),
            ],
        );
        check(
            "another jump is doubted anew",
            &[
                ((YEAR, 0), 0, Some(YEAR + SECOND)),
                ((9 * YEAR, 2 * SECOND), 2 * SECOND, Some(9 * YEAR + SECOND)),
                ((9 * YEAR, 3 * SECOND), 9 * YEAR, None),
            ],
        );
    }
}
