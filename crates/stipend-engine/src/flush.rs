//! Which packed images a commit rewrites.
//!
//! Images are written behind the journal, oldest change first, evenly over the commits: so the
//! tail that a start has to replay stays bounded, and no commit pays for a burst.

use crate::limits::{SHORT_JOURNAL_ROWS, TAIL_ROWS_MAX};
use std::collections::VecDeque;
use stipend_store::Seq;

/// The segments that changed since their image was written.
#[derive(Debug, Default)]
pub(crate) struct Flusher {
    /// By segment the position of its first change; 0 where its image is current.
    since: Vec<Seq>,
    /// The segments that changed, oldest change first.
    order: VecDeque<(Seq, u32)>,
    /// What is owed to earlier commits, in parts of a segment: less than one.
    owed: u64,
}

/// Into how many stretches the queue is divided to see how fast it has to be written.
const STRETCHES: usize = 32;

/// Parts that a segment is counted in.
const PARTS: u64 = 1 << 20;

/// How many rows may have to be replayed where the journal ends at `last`: an eighth of a short
/// one, for which images cost next to nothing, and half of a long one.
fn longest_tail(last: Seq) -> u64 {
    let long = last.saturating_sub(SHORT_JOURNAL_ROWS) / 2;
    long.max(last / 8).clamp(1, TAIL_ROWS_MAX)
}

/// A segment whose image a commit rewrote, with the position of its first change before.
pub(crate) type Flushed = (u32, Seq);

impl Flusher {
    /// Notes that a segment changes at a position, at or behind every position so far.
    pub(crate) fn touch(&mut self, segment: u32, seq: Seq) {
        let since = self.since_mut(segment);
        if *since == 0 {
            *since = seq;
            self.order.push_back((seq, segment));
        }
    }

    fn since_mut(&mut self, segment: u32) -> &mut Seq {
        let place = segment as usize;
        if self.since.len() <= place {
            self.since.resize(place + 1, 0);
        }
        &mut self.since[place]
    }

    /// Takes segments for a commit of so many rows, up to the position `last`.
    pub(crate) fn take(&mut self, rows: u64, last: Seq) -> Vec<Flushed> {
        let mut taken = Vec::new();
        let longest = longest_tail(last);
        let mut quota = self.quota(rows, last);
        while let Some((seq, segment)) = self.order.front().copied() {
            let is_forced = last.saturating_sub(seq) > longest;
            if quota == 0 && !is_forced {
                break;
            }
            quota = quota.saturating_sub(1);
            self.order.pop_front();
            *self.since_mut(segment) = 0;
            taken.push((segment, seq));
        }
        taken
    }

    /// How many segments a commit writes: none while the tail is short, since the same customers
    /// would only change again; then so many that each that has changed is written before it makes
    /// the tail longer than it may be, evenly over the rows until then. What changed lately has time
    /// left, so under steady changes an image is written about once in a longest tail.
    fn quota(&mut self, rows: u64, last: Seq) -> u64 {
        let Some((oldest, _)) = self.order.front() else { return 0 };
        let longest = longest_tail(last);
        if last.saturating_sub(*oldest) < longest / 2 {
            self.owed = 0;
            return 0;
        }
        let (mut segments, mut room) = (0, 1);
        // The steepest of the ways to the ends of so many stretches of the queue.
        let stretch = self.order.len().div_ceil(STRETCHES);
        for (place, (since, _)) in self.order.iter().enumerate().step_by(stretch) {
            let until = (place + stretch).min(self.order.len()) as u64;
            let left = longest.saturating_sub(last.saturating_sub(*since)).max(1);
            if until * room > segments * left {
                (segments, room) = (until, left);
            }
        }
        let owed = self.owed + PARTS * rows * segments / room;
        self.owed = owed % PARTS;
        owed / PARTS
    }

    /// Goes back to what is durable up to `last`, after a commit was refused: its changes and
    /// those decided on top of it are forgotten, since their positions will be used again, and
    /// the images that it did not write lag as before.
    pub(crate) fn restore(&mut self, flushed: &[Flushed], last: Seq) {
        while let Some((seq, segment)) = self.order.back().copied()
            && seq > last
        {
            self.order.pop_back();
            *self.since_mut(segment) = 0;
        }
        for (segment, seq) in flushed.iter().rev().filter(|(_, seq)| *seq <= last) {
            *self.since_mut(*segment) = *seq;
            self.order.push_front((*seq, *segment));
        }
    }

    /// Behind which position everything has to be replayed; `last` where nothing has.
    pub(crate) fn replay_after(&self, last: Seq) -> Seq {
        self.order.front().map_or(last, |(seq, _)| seq - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_tail_is_left_alone_and_a_long_one_is_flushed_oldest_change_first() {
        let start = 3 * TAIL_ROWS_MAX;
        let mut flusher = Flusher::default();
        flusher.touch(3, start + 10);
        flusher.touch(1, start + 12);
        flusher.touch(3, start + 15);
        assert_eq!(flusher.replay_after(start + 20), start + 9);
        let half = TAIL_ROWS_MAX / 2;
        assert_eq!(flusher.take(4_096, start + half + 9), [], "too early");
        let oldest = (3, start + 10);
        assert_eq!(
            flusher.take(half / 2 + 1, start + half + 10),
            [oldest],
            "half the way, half of it"
        );
        assert_eq!(flusher.replay_after(start + 20), start + 11);
        flusher.restore(&[oldest], start + 20);
        assert_eq!(flusher.replay_after(start + 20), start + 9);
        let end = start + TAIL_ROWS_MAX + 100;
        assert_eq!(flusher.take(1, end), [oldest, (1, start + 12)], "the tail may not be longer");
        assert_eq!(flusher.replay_after(end), end);
    }

    #[test]
    fn the_tail_of_steady_changes_stays_bounded_and_every_commit_pays_about_the_same() {
        let (segments, rows) = (1_500, 1_000);
        let mut flusher = Flusher::default();
        let (mut last, mut most) = (0, 0);
        for commit in 0..6 * TAIL_ROWS_MAX / rows {
            for place in 0..rows {
                let segment = (commit * 7 + place * 13) % segments;
                flusher.touch(u32::try_from(segment).expect("few segments"), last + place + 1);
            }
            last += rows;
            let written = flusher.take(rows, last).len();
            if last > 3 * TAIL_ROWS_MAX {
                most = written.max(most);
            }
            let tail = last - flusher.replay_after(last);
            assert!(tail <= longest_tail(last), "{tail} of {last} rows to replay");
        }
        assert!(most <= 5, "a commit wrote {most} images");
    }

    #[test]
    fn a_refused_commit_leaves_no_trace() {
        let mut flusher = Flusher::default();
        flusher.touch(1, 5);
        flusher.touch(2, 12);
        let taken = flusher.take(24, 24);
        assert_eq!(taken, [(1, 5), (2, 12)]);
        flusher.touch(1, 25);
        flusher.touch(3, 26);
        flusher.restore(&taken, 10);
        assert_eq!(flusher.replay_after(10), 4, "segment 1 lags as before");
        flusher.touch(3, 11);
        assert_eq!(flusher.take(30, 30), [(1, 5), (3, 11)], "positions come again");
    }
}
