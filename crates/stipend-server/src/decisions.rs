//! The decisions that wrote nothing, kept in memory for a while: the last ones that let nothing
//! through, and, apart from these, the last ones that did. Each place has a lock of its own, so nobody
//! waits unless the ring goes around while one decision is put down.

use crate::mapping::decision::Facts;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use stipend_core::EnvId;
use stipend_engine::cipher::DecisionPlace;

/// Denials and refusals that are kept.
const DENIED_KEPT: usize = 4_096;
/// Granting checks that are kept.
const GRANTED_KEPT: usize = 1_024;

/// Draws that are kept of each: a pool can have a thousand grants, and memory is bounded.
const DRAWS_KEPT_MAX: usize = 100;

/// A decision that is kept. It gets its id when it is told.
#[derive(Debug)]
struct Kept {
    env: EnvId,
    number: u64,
    facts: Facts,
}

/// The last decisions of one kind, in a ring.
#[derive(Debug)]
struct Ring {
    slots: Box<[Mutex<Option<Kept>>]>,
    next: AtomicU64,
}

impl Ring {
    fn new(size: usize) -> Self {
        let slots = (0..size).map(|_| Mutex::default()).collect();
        Self { slots, next: AtomicU64::new(0) }
    }

    fn slot(&self, number: u64) -> MutexGuard<'_, Option<Kept>> {
        let place = usize::try_from(number % self.slots.len() as u64).expect("below a size");
        self.slots[place].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, env: EnvId, facts: Facts) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let kept = Kept { env, number, facts };
        let before = self.slot(number).replace(kept);
        // The lock is free before the texts of the old one are given back.
        drop(before);
        number
    }

    fn find(&self, env: EnvId, number: u64) -> Option<Facts> {
        let slot = self.slot(number);
        let kept = slot.as_ref()?;
        (kept.number == number && kept.env == env).then(|| kept.facts.clone())
    }
}

/// The decisions that are kept.
#[derive(Debug)]
pub(crate) struct Decisions {
    /// What tells this run from others.
    start: u64,
    denied: Ring,
    granted: Ring,
}

impl Decisions {
    pub(crate) fn new(start: u64) -> Self {
        Self { start, denied: Ring::new(DENIED_KEPT), granted: Ring::new(GRANTED_KEPT) }
    }

    /// Keeps a decision for a while; answers by what it is found.
    pub(crate) fn keep(&self, env: EnvId, mut facts: Facts) -> DecisionPlace {
        facts.shorten(DRAWS_KEPT_MAX);
        let is_granted = facts.is_granted();
        let ring = if is_granted { &self.granted } else { &self.denied };
        let number = ring.keep(env, facts) << 1 | u64::from(is_granted);
        DecisionPlace::Kept { start: self.start, number }
    }

    /// A decision of an environment, where it is still kept.
    pub(crate) fn find(&self, env: EnvId, start: u64, number: u64) -> Option<Facts> {
        let ring = if number & 1 == 1 { &self.granted } else { &self.denied };
        (start == self.start).then(|| ring.find(env, number >> 1)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::decision::Asked;

    #[test]
    fn a_ring_keeps_the_last_ones_for_their_environment() {
        let ring = Ring::new(3);
        let numbers: Vec<u64> = (0..5).map(|_| ring.keep(EnvId(1), example())).collect();
        let kept: Vec<bool> =
            numbers.iter().map(|number| ring.find(EnvId(1), *number).is_some()).collect();
        assert_eq!(kept, [false, false, true, true, true]);
        assert!(ring.find(EnvId(2), numbers[4]).is_none(), "another environment's");
        assert!(ring.find(EnvId(1), 5).is_none(), "not made yet");
    }

    #[test]
    fn another_run_keeps_nothing_of_this_one() {
        let (one, other) = (Decisions::new(1), Decisions::new(2));
        let DecisionPlace::Kept { start, number } = one.keep(EnvId(1), example()) else {
            panic!("it is kept in memory")
        };
        other.keep(EnvId(1), example());
        assert!(one.find(EnvId(1), start, number).is_some());
        assert!(other.find(EnvId(1), start, number).is_none());
    }

    /// Thousands are kept, and a caller may ask for something as long as an address.
    #[test]
    fn of_what_was_asked_no_more_is_kept_than_is_told() {
        let long = || Some("ä".repeat(15_000));
        let asked = Asked {
            customer: "ä".repeat(15_000),
            resource: long(),
            feature: long(),
            currency: long(),
            ..Asked::default()
        };
        let decisions = Decisions::new(1);
        let kind = stipend_wire::decision::DecisionKind::Check;
        let facts = Facts::new(kind, asked, stipend_core::Timestamp::EPOCH);
        let DecisionPlace::Kept { start, number } = decisions.keep(EnvId(1), facts) else {
            panic!("it is kept in memory")
        };
        let kept = format!("{:?}", decisions.find(EnvId(1), start, number).expect("it is kept"));
        assert_eq!(kept.matches('ä').count(), 4 * 255);
    }

    fn example() -> Facts {
        let kind = stipend_wire::decision::DecisionKind::Check;
        Facts::new(kind, Asked::default(), stipend_core::Timestamp::EPOCH)
    }
}
