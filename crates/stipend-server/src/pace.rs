//! How many commands may be under way, so that nobody who is let in waits too long.
//!
//! A fixed number says nothing about time: it is too many where the disk is slow. So the waiting is
//! watched. Where even the luckiest command of an interval waited longer than the target, a queue
//! stands that only makes everybody wait, and as many are let in as were answered in that time
//! (Little's law). Where one came through quickly, the queue was a burst, and more are let in again.
//! Only single commands are evidence: a bulk request takes long for its own sake.

use std::time::Duration;

/// What nobody should have to wait longer than.
const TARGET: Duration = Duration::from_millis(50);
/// How long the waiting is watched before anything is concluded.
const INTERVAL: Duration = Duration::from_millis(100);
/// So many are always let in: a commit carries them together, however long it takes. Four bulk
/// requests of a thousand items are among them, which never say how long anybody waits and would
/// be refused long after a slow moment.
const FLOOR: usize = 256;

/// The rule, without a clock and without a lock.
#[derive(Debug)]
pub(crate) struct Pace {
    most: usize,
    limit: usize,
    began: Option<Duration>,
    answered: usize,
    least: Option<Duration>,
}

impl Pace {
    /// Lets in so many at most, and at first.
    pub(crate) const fn new(most: usize) -> Self {
        Self { most, limit: most, began: None, answered: 0, least: None }
    }

    /// How many places may be taken.
    pub(crate) const fn limit(&self) -> usize {
        self.limit
    }

    /// Notes that a command of so many places was answered at `now`, after it had waited so long.
    pub(crate) fn answered(&mut self, now: Duration, places: usize, waited: Duration) {
        self.answered += places;
        if places == 1 {
            self.least = Some(self.least.map_or(waited, |least| least.min(waited)));
        }
        let took = now.saturating_sub(*self.began.get_or_insert(now));
        if took < INTERVAL {
            return;
        }
        self.limit = if self.least.is_some_and(|least| least > TARGET) {
            let within_target = self.answered as u128 * TARGET.as_micros() / took.as_micros();
            usize::try_from(within_target).unwrap_or(usize::MAX).max(FLOOR).min(self.limit)
        } else {
            self.limit + (self.limit / 4).max(1)
        };
        self.limit = self.limit.min(self.most);
        (self.began, self.answered, self.least) = (Some(now), 0, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::ITEMS_PER_PLACE;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn nothing_is_concluded_from_the_time_before_the_first_command() {
        let mut pace = Pace::new(2_048);
        pace.answered(Duration::from_secs(9_999), 1, 400 * MS);
        assert_eq!(pace.limit(), 2_048);
    }

    /// So many intervals in each of which so many commands are answered after that wait.
    fn run(pace: &mut Pace, now: &mut Duration, intervals: u32, answers: u32, waited: Duration) {
        for _ in 0..intervals * answers {
            *now += INTERVAL / answers;
            pace.answered(*now, 1, waited);
        }
    }

    #[test]
    fn a_standing_queue_is_cut_to_what_is_answered_in_the_time_that_may_be_waited() {
        let check = |answers: u32, waited: Duration, expected: usize| {
            let (mut pace, mut now) = (Pace::new(2_048), Duration::ZERO);
            run(&mut pace, &mut now, 3, answers, waited);
            assert_eq!(pace.limit(), expected, "{answers} answers in each interval, {waited:?}");
        };
        check(1_000, 10 * MS, 2_048);
        check(1_000, TARGET, 2_048);
        check(1_000, TARGET + MS, 500);
        check(1_000, 400 * MS, 500);
        check(800, 400 * MS, 400);
        // As many as one commit carries are let in on the slowest disk.
        check(10, 400 * MS, FLOOR);
    }

    #[test]
    fn four_bulk_requests_are_let_in_however_slow_it_was() {
        let (mut pace, mut now) = (Pace::new(2_048), Duration::ZERO);
        run(&mut pace, &mut now, 9, 10, 400 * MS);
        assert!(pace.limit() >= 4 * 1_000_usize.div_ceil(ITEMS_PER_PLACE), "{}", pace.limit());
    }

    #[test]
    fn a_burst_is_no_standing_queue() {
        let (mut pace, mut now) = (Pace::new(2_048), Duration::ZERO);
        for _ in 0..100 {
            run(&mut pace, &mut now, 1, 10, 300 * MS);
            pace.answered(now, 1, 5 * MS);
        }
        run(&mut pace, &mut now, 1, 1, 5 * MS);
        let after_pause = pace.limit();
        run(&mut pace, &mut now, 20, 10, 5 * MS);
        assert!(after_pause >= FLOOR);
        assert_eq!(pace.limit(), 2_048);
    }

    #[test]
    fn more_are_let_in_again_when_the_queue_is_gone() {
        let (mut pace, mut now) = (Pace::new(2_048), Duration::ZERO);
        run(&mut pace, &mut now, 5, 600, 400 * MS);
        assert_eq!(pace.limit(), 300);
        let mut before = pace.limit();
        for _ in 0..14 {
            run(&mut pace, &mut now, 1, 200, 20 * MS);
            assert!(pace.limit() > before || pace.limit() == 2_048);
            before = pace.limit();
        }
        assert_eq!(before, 2_048, "within one and a half seconds");
    }

    #[test]
    fn bulk_requests_are_no_evidence_of_a_queue() {
        let (mut pace, mut now) = (Pace::new(2_048), Duration::ZERO);
        for _ in 0..20 {
            now += INTERVAL;
            pace.answered(now, 63, 200 * MS);
        }
        assert_eq!(pace.limit(), 2_048);
    }

    #[test]
    fn the_hard_bound_is_never_passed() {
        let (mut pace, mut now) = (Pace::new(8), Duration::ZERO);
        run(&mut pace, &mut now, 5, 10, 400 * MS);
        assert_eq!(pace.limit(), 8);
        run(&mut pace, &mut now, 5, 10, MS);
        assert_eq!(pace.limit(), 8);
    }
}
