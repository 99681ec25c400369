//! The published customers by their slots, which are dense: an array that grows without moving,
//! read without a lock and without a hash.
//!
//! A customer is kept **decoded** or **packed**. What is decoded counts; a packed one counts where
//! none is decoded. The committer alone puts decoded ones in, the [`Keeper`] alone takes them out,
//! after it has packed them, and the keeper alone replaces what is packed. So whoever finds nothing
//! decoded finds a packed customer that is as new, or newer.

use crate::account::Account;
use crate::limits::SEGMENT_SLOTS;
use crate::packed::{Held, Packed, Packer, Place, SLOTS, place_of, unpack};
use arc_swap::ArcSwapOption;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// Segments of the first part; each further part doubles what there is.
const FIRST_BITS: u32 = 4;
/// Enough parts for every slot of 32 bits, 64 slots a segment.
const PARTS: usize = (27 - FIRST_BITS) as usize;

#[derive(Debug)]
struct Segment {
    decoded: [ArcSwapOption<Account>; SLOTS],
    packed: ArcSwapOption<Packed>,
    /// The slots that were asked for since the keeper last came by.
    asked: AtomicU64,
    /// The packed ones that were asked for more than once.
    wanted: AtomicU64,
}

impl Segment {
    fn new() -> Self {
        Self {
            decoded: std::array::from_fn(|_| ArcSwapOption::empty()),
            packed: ArcSwapOption::empty(),
            asked: AtomicU64::new(0),
            wanted: AtomicU64::new(0),
        }
    }

    /// Notes that a slot was asked for. Mostly that is known, and nothing is written.
    fn ask(&self, place: usize, is_packed: bool) {
        let bit = 1 << place;
        if self.asked.load(Ordering::Relaxed) & bit == 0 {
            self.asked.fetch_or(bit, Ordering::Relaxed);
        } else if is_packed && self.wanted.load(Ordering::Relaxed) & bit == 0 {
            self.wanted.fetch_or(bit, Ordering::Relaxed);
        }
    }

    fn find(&self, place: usize) -> Option<Held> {
        loop {
            if let Some(account) = self.decoded[place].load_full() {
                return Some(Held::Decoded(account));
            }
            let packed = self.packed.load();
            match packed.as_ref().map(|packed| packed.at(place)) {
                None | Some(Place::Free) => return None,
                Some(Place::Packed(_)) => {
                    return packed.as_ref().map(|packed| Held::Packed(Arc::clone(packed), place));
                }
                // It was decoded and the segment packed anew in between: there it is now.
                Some(Place::Decoded) => {}
            }
        }
    }
}

#[derive(Debug)]
pub(crate) struct Slots {
    parts: [OnceLock<Box<[Segment]>>; PARTS],
}

/// In which part a segment stands, and where there.
fn place(segment: u32) -> (usize, usize) {
    let shifted = u64::from(segment) + (1 << FIRST_BITS);
    let bits = shifted.ilog2();
    let part = (bits - FIRST_BITS) as usize;
    (part, usize::try_from(shifted - (1 << bits)).expect("a segment has 26 bits"))
}

impl Slots {
    pub(crate) fn new() -> Self {
        Self { parts: std::array::from_fn(|_| OnceLock::new()) }
    }

    fn segment(&self, segment: u32) -> Option<&Segment> {
        let (part, place) = place(segment);
        self.parts[part].get().map(|part| &part[place])
    }

    fn make_segment(&self, segment: u32) -> &Segment {
        let (part, place) = place(segment);
        let part = self.parts[part].get_or_init(|| {
            let size = 1 << (part + FIRST_BITS as usize);
            std::iter::repeat_with(Segment::new).take(size).collect()
        });
        &part[place]
    }

    /// What stands in a slot; it counts as asked for.
    pub(crate) fn get(&self, slot: u32) -> Option<Arc<Account>> {
        let segment = self.segment(slot / SEGMENT_SLOTS)?;
        let held = segment.find(place_of(slot))?;
        segment.ask(place_of(slot), matches!(held, Held::Packed(..)));
        Some(held.account())
    }

    /// What stands in a slot, as it is kept.
    pub(crate) fn held(&self, slot: u32) -> Option<Held> {
        self.segment(slot / SEGMENT_SLOTS)?.find(place_of(slot))
    }

    /// Puts an account into its slot; gives the one that was decoded there.
    pub(crate) fn put(&self, slot: u32, account: Arc<Account>) -> Option<Arc<Account>> {
        let segment = self.make_segment(slot / SEGMENT_SLOTS);
        let before = segment.decoded[place_of(slot)].swap(Some(account));
        segment.ask(place_of(slot), false);
        before
    }

    /// Puts a packed segment where nothing is yet.
    pub(crate) fn fill(&self, segment: u32, packed: Packed) {
        self.make_segment(segment).packed.store(Some(Arc::new(packed)));
    }

    /// What stands in the slots, in their order.
    pub(crate) fn all(&self) -> impl Iterator<Item = Arc<Account>> {
        let parts = self.parts.iter().filter_map(OnceLock::get);
        let segments = parts.flat_map(|part| part.iter());
        let found = segments.flat_map(|segment| (0..SLOTS).map(|place| segment.find(place)));
        found.flatten().map(Held::account)
    }
}

/// Packs what nobody asks for, and keeps decoded what is asked for. There is one keeper, or none.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    /// The segment that it looks at next.
    next: u32,
}

impl Keeper {
    /// Looks at so many of `count` segments in turn and packs what nobody asked for since it last
    /// came by; answers how many customers it packed.
    pub(crate) fn pass(&mut self, slots: &Slots, count: u32, segments: u32) -> usize {
        let mut packed = 0;
        for _ in 0..segments.min(count) {
            self.next = if self.next < count { self.next } else { 0 };
            if let Some(segment) = slots.segment(self.next) {
                segment.wanted.store(0, Ordering::Relaxed);
                let asked = segment.asked.swap(0, Ordering::Relaxed);
                packed += pack(segment, |place| asked & (1 << place) == 0);
            }
            self.next += 1;
        }
        packed
    }

    /// Packs the segment of a slot, whoever asked for it.
    pub(crate) fn pack_at_once(slots: &Slots, slot: u32) {
        if let Some(segment) = slots.segment(slot / SEGMENT_SLOTS) {
            pack(segment, |_| true);
        }
    }

    /// Decodes what was asked for more than once, of so many segments.
    pub(crate) fn decode_wanted(slots: &Slots, count: u32) {
        for segment in (0..count).map_while(|number| slots.segment(number)) {
            if segment.wanted.load(Ordering::Relaxed) == 0 {
                continue;
            }
            let wanted = segment.wanted.swap(0, Ordering::Relaxed);
            for place in (0..SLOTS).filter(|place| wanted & (1 << place) != 0) {
                decode(segment, place);
            }
        }
    }
}

/// Packs the decoded customers of a segment for which that is wanted.
fn pack(segment: &Segment, is_idle: impl Fn(usize) -> bool) -> usize {
    let decoded: [_; SLOTS] = std::array::from_fn(|place| segment.decoded[place].load_full());
    let idle = |place: usize| decoded[place].as_ref().filter(|_| is_idle(place));
    if (0..SLOTS).all(|place| idle(place).is_none()) {
        return 0;
    }
    let before = segment.packed.load_full();
    let mut packer = Packer::new();
    for (place, account) in decoded.iter().enumerate() {
        let known = before.as_ref().map_or(Place::Free, |before| before.at(place));
        match (idle(place), account) {
            (Some(account), _) => packer.pack(place, account),
            (None, Some(_)) => packer.keep(place, &Place::Decoded),
            (None, None) => packer.keep(place, &known),
        }
    }
    segment.packed.store(Some(Arc::new(packer.finish())));
    let mut packed = 0;
    for place in 0..SLOTS {
        let Some(account) = idle(place) else { continue };
        // Where another was published since, that one stays.
        let found = segment.decoded[place].compare_and_swap(account, None);
        packed += usize::from(found.as_ref().is_some_and(|found| Arc::ptr_eq(found, account)));
    }
    packed
}

/// Keeps a packed customer decoded from now on.
fn decode(segment: &Segment, place: usize) {
    let packed = segment.packed.load_full();
    if let Some(Place::Packed(bytes)) = packed.as_ref().map(|packed| packed.at(place)) {
        let account = Some(Arc::new(unpack(bytes)));
        // Where one is decoded it is newer, and stays.
        segment.decoded[place].compare_and_swap(&None::<Arc<Account>>, account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stipend_core::catalog::Metadata;
    use stipend_core::customer::Profile;
    use stipend_core::{Customer, CustomerId, EnvId, Slot, Timestamp};

    fn account(slot: u32, name: &str) -> Arc<Account> {
        let profile = Profile {
            env: EnvId(1),
            id: CustomerId::parse(&format!("c{slot}")).expect("an id"),
            name: Some(name.to_owned()),
            email: None,
            metadata: Metadata::new(),
            extras: std::collections::BTreeMap::new(),
            archived_at: None,
            created_at: Timestamp::EPOCH,
            updated_at: Timestamp::EPOCH,
        };
        Arc::new(Account::new(Customer::new(Slot(slot), profile)))
    }

    fn is_packed(slots: &Slots, slot: u32) -> bool {
        matches!(slots.held(slot), Some(Held::Packed(..)))
    }

    fn with(accounts: &[(u32, &str)]) -> Slots {
        let slots = Slots::new();
        for (slot, name) in accounts {
            slots.put(*slot, account(*slot, name));
        }
        slots
    }

    #[test]
    fn every_segment_has_a_place_of_its_own() {
        let check = |slot, expected| assert_eq!(place(slot), expected, "segment {slot}");
        check(0, (0, 0));
        check(15, (0, 15));
        check(16, (1, 0));
        check(47, (1, 31));
        check(48, (2, 0));
        check(u32::MAX / SEGMENT_SLOTS, (22, 15));
    }

    #[test]
    fn who_is_not_asked_for_is_packed_and_is_the_same() {
        let slots = with(&[(64, "a"), (65, "b"), (127, "c"), (128, "d")]);
        let mut keeper = Keeper::default();
        assert_eq!(keeper.pass(&slots, 3, 3), 0, "all were just put there");
        slots.get(65);
        assert_eq!(keeper.pass(&slots, 3, 3), 3);
        for (slot, name) in [(64, "a"), (65, "b"), (127, "c"), (128, "d")] {
            assert_eq!(is_packed(&slots, slot), slot != 65, "{slot}");
            assert_eq!(slots.get(slot), Some(account(slot, name)));
        }
        assert_eq!((slots.get(66), slots.get(4_000)), (None, None));
        assert_eq!(slots.all().count(), 4);
    }

    #[test]
    fn what_is_published_counts_and_what_was_packed_before_does_not() {
        let slots = with(&[(64, "old"), (65, "other")]);
        Keeper::pack_at_once(&slots, 64);
        slots.put(64, account(64, "new"));
        assert_eq!(slots.get(64), Some(account(64, "new")));
        Keeper::pack_at_once(&slots, 65);
        assert!(is_packed(&slots, 64) && is_packed(&slots, 65));
        assert_eq!(slots.get(64), Some(account(64, "new")));
        assert_eq!(slots.get(65), Some(account(65, "other")));
    }

    #[test]
    fn who_is_asked_for_twice_is_decoded_again() {
        let slots = with(&[(64, "a"), (65, "b")]);
        Keeper::pack_at_once(&slots, 64);
        let mut keeper = Keeper::default();
        keeper.pass(&slots, 2, 2);
        slots.get(64);
        slots.get(65);
        Keeper::decode_wanted(&slots, 2);
        assert!(is_packed(&slots, 64) && is_packed(&slots, 65), "once is not enough");
        slots.get(64);
        Keeper::decode_wanted(&slots, 2);
        assert!(!is_packed(&slots, 64) && is_packed(&slots, 65));
        assert_eq!(slots.get(64), Some(account(64, "a")));
    }

    #[test]
    fn readers_see_what_was_published_last_while_it_is_packed_and_decoded() {
        let slots = with(&[(64, "0"), (65, "0")]);
        let number = |slot| {
            let account = slots.get(slot).expect("it is never absent");
            let name = account.customer.profile.name.clone().expect("it has a name");
            name.parse::<u32>().expect("a number")
        };
        let last = AtomicU64::new(0);
        let rounds = 300;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while last.load(Ordering::Acquire) < rounds {
                    Keeper::pack_at_once(&slots, 64);
                    Keeper::decode_wanted(&slots, 2);
                }
            });
            scope.spawn(|| {
                for round in 1..=rounds {
                    slots.put(64, account(64, &round.to_string()));
                    last.store(round, Ordering::Release);
                }
            });
            while last.load(Ordering::Acquire) < rounds {
                let known = last.load(Ordering::Acquire);
                assert!(u64::from(number(64)) >= known, "older than {known}");
                assert_eq!(number(65), 0);
            }
        });
        assert_eq!(u64::from(number(64)), rounds);
    }
}
