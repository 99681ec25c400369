//! The published customers by their slots, which are dense: an array that grows without moving,
//! read without a lock and without a hash.

use crate::account::Account;
use arc_swap::ArcSwapOption;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// Slots of the first part; each further part doubles what there is.
const FIRST_BITS: u32 = 10;
/// Enough parts for every slot of 32 bits.
const PARTS: usize = (33 - FIRST_BITS) as usize;

type Part = Box<[ArcSwapOption<Account>]>;

#[derive(Debug)]
pub(crate) struct Slots {
    parts: [OnceLock<Part>; PARTS],
    count: AtomicUsize,
}

/// In which part a slot stands, and where there.
fn place(slot: u32) -> (usize, usize) {
    let shifted = u64::from(slot) + (1 << FIRST_BITS);
    let bits = shifted.ilog2();
    let part = (bits - FIRST_BITS) as usize;
    (part, usize::try_from(shifted - (1 << bits)).expect("a slot has 32 bits"))
}

impl Slots {
    pub(crate) fn new() -> Self {
        Self { parts: std::array::from_fn(|_| OnceLock::new()), count: AtomicUsize::new(0) }
    }

    pub(crate) fn get(&self, slot: u32) -> Option<Arc<Account>> {
        let (part, place) = place(slot);
        self.parts[part].get()?[place].load_full()
    }

    /// Puts an account into its slot.
    pub(crate) fn put(&self, slot: u32, account: Arc<Account>) {
        let (part, place) = place(slot);
        let part = self.parts[part].get_or_init(|| {
            let size = 1 << (part + FIRST_BITS as usize);
            std::iter::repeat_with(ArcSwapOption::empty).take(size).collect()
        });
        let before = part[place].swap(Some(account));
        if before.is_none() {
            self.count.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// What stands in the slots, in their order.
    pub(crate) fn all(&self) -> impl Iterator<Item = Arc<Account>> {
        let parts = self.parts.iter().filter_map(OnceLock::get);
        parts.flatten().filter_map(ArcSwapOption::load_full)
    }

    /// How many are taken.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_has_a_place_of_its_own() {
        let check = |slot, expected| assert_eq!(place(slot), expected, "slot {slot}");
        check(0, (0, 0));
        check(1_023, (0, 1_023));
        check(1_024, (1, 0));
        check(3_071, (1, 2_047));
        check(3_072, (2, 0));
        check(u32::MAX, (22, 1_023));
    }
}
