//! Which packed images a commit rewrites.
//!
//! Images are written behind the journal, oldest change first, within a budget that grows with
//! the bytes of the commits themselves: so the tail that a start has to replay stays bounded,
//! and no commit pays for a burst.

use crate::limits::{FLUSH_BUDGET_MAX, FLUSH_RATIO, TAIL_ROWS_MAX};
use std::collections::{BTreeMap, BTreeSet};
use stipend_store::Seq;

/// The segments that changed since their image was written.
#[derive(Debug, Default)]
pub(crate) struct Flusher {
    since: BTreeMap<u32, Seq>,
    order: BTreeSet<(Seq, u32)>,
    budget: usize,
}

/// A segment whose image a commit rewrote, with the position of its first change before.
pub(crate) type Flushed = (u32, Seq);

impl Flusher {
    /// Notes that a segment changes at a position.
    pub(crate) fn touch(&mut self, segment: u32, seq: Seq) {
        if let std::collections::btree_map::Entry::Vacant(place) = self.since.entry(segment) {
            place.insert(seq);
            self.order.insert((seq, segment));
        }
    }

    /// Takes segments for a commit of so many bytes, up to the position `last`; `size` says how
    /// large the image of a segment is, by making it.
    pub(crate) fn take(
        &mut self,
        bytes: usize,
        last: Seq,
        mut image: impl FnMut(u32) -> usize,
    ) -> Vec<Flushed> {
        self.budget = (self.budget + bytes * FLUSH_RATIO).min(FLUSH_BUDGET_MAX);
        let mut taken = Vec::new();
        while let Some((seq, segment)) = self.order.first().copied() {
            let is_forced = last.saturating_sub(seq) > TAIL_ROWS_MAX;
            if self.budget == 0 && !is_forced {
                break;
            }
            self.order.remove(&(seq, segment));
            self.since.remove(&segment);
            self.budget = self.budget.saturating_sub(image(segment));
            taken.push((segment, seq));
        }
        taken
    }

    /// Goes back to what is durable up to `last`, after a commit was refused: its changes and
    /// those decided on top of it are forgotten, since their positions will be used again, and
    /// the images that it did not write lag as before.
    pub(crate) fn restore(&mut self, flushed: &[Flushed], last: Seq) {
        for (_, segment) in self.order.split_off(&(last + 1, 0)) {
            self.since.remove(&segment);
        }
        for (segment, seq) in flushed.iter().filter(|(_, seq)| *seq <= last) {
            self.since.insert(*segment, *seq);
            self.order.insert((*seq, *segment));
        }
    }

    /// Behind which position everything has to be replayed; `last` where nothing has.
    pub(crate) fn replay_after(&self, last: Seq) -> Seq {
        self.order.first().map_or(last, |(seq, _)| seq - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_change_is_flushed_first_and_bounds_the_replay() {
        let mut flusher = Flusher::default();
        flusher.touch(3, 10);
        flusher.touch(1, 12);
        flusher.touch(3, 15);
        assert_eq!(flusher.replay_after(20), 9);
        assert_eq!(flusher.take(1, 20, |_| 1_000), [(3, 10)], "the budget was used up");
        assert_eq!(flusher.replay_after(20), 11);
        flusher.restore(&[(3, 10)], 20);
        assert_eq!(flusher.replay_after(20), 9);
        assert_eq!(flusher.take(10_000, 20, |_| 1), [(3, 10), (1, 12)]);
        assert_eq!(flusher.replay_after(20), 20);
    }
    #[test]
    fn a_refused_commit_leaves_no_trace() {
        let mut flusher = Flusher::default();
        flusher.touch(1, 5);
        flusher.touch(2, 12);
        let taken = flusher.take(10_000, 12, |_| 1);
        assert_eq!(taken, [(1, 5), (2, 12)]);
        flusher.touch(1, 15);
        flusher.touch(3, 16);
        flusher.restore(&taken, 10);
        assert_eq!(flusher.replay_after(10), 4, "segment 1 lags as before");
        flusher.touch(3, 11);
        assert_eq!(flusher.take(10_000, 11, |_| 1), [(1, 5), (3, 11)], "positions come again");
    }
}
