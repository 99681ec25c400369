//! The clock port.

use stipend_core::Timestamp;

/// Tells the time. The engine never asks the operating system itself.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The present instant; it may run backwards, the engine's own time does not.
    fn now(&self) -> Timestamp;
}

/// The wall clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the one place behind the port")]
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let micros = since.map_or(0, |since| since.as_micros());
        Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX)).min(Timestamp::MAX)
    }
}
