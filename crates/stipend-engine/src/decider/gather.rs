//! How long a batch waits for those who were answered just now.
//!
//! Who waits for each answer before asking again misses the commit that begins with the answers: so
//! two halves of the callers would take turns for ever, each waiting for the other's sync. A batch
//! that could be sealed therefore waits for a part of the last commit's time, until about as many
//! have come as were there before. Where they do not come back, it soon waits no longer.

use std::time::Duration;

/// The shortest commit after which waiting is worth anything.
const COMMIT_MIN: Duration = Duration::from_micros(200);

/// The longest wait.
const WAIT_MAX: Duration = Duration::from_millis(2);

/// A wait is at most one part of the commit's time in two to the power of this.
const THRIFT_MIN: u32 = 2;

/// And at least so small a part, which is next to nothing.
const THRIFT_MAX: u32 = 8;

/// After so many commits it is tried again whether waiting pays.
const COMMITS_UNTIL_TRIAL: u32 = 256;

#[derive(Debug)]
pub(crate) struct Gather {
    thrift: u32,
    commits: u32,
    running: Option<Running>,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    until: Duration,
    goal: usize,
}

impl Default for Gather {
    fn default() -> Self {
        Self { thrift: THRIFT_MIN, commits: 0, running: None }
    }
}

impl Gather {
    /// Notes a commit that took so long and answered so many, while so many more were decided.
    pub(crate) fn begin(&mut self, now: Duration, took: Duration, answered: usize, decided: usize) {
        self.commits += 1;
        if self.commits == COMMITS_UNTIL_TRIAL {
            (self.commits, self.thrift) = (0, THRIFT_MIN);
        }
        let there = answered + decided;
        let wait = (took / (1 << self.thrift)).min(WAIT_MAX);
        let is_worth_it = took >= COMMIT_MIN && there > 1;
        let goal = there - there / 8;
        self.running = is_worth_it.then_some(Running { until: now + wait, goal });
    }

    /// How long a batch with so many answers waits still; not at all where nothing is given.
    pub(crate) fn left(&mut self, now: Duration, decided: usize) -> Option<Duration> {
        let Running { until, goal } = self.running?;
        if decided >= goal {
            self.running = None;
            self.thrift = (self.thrift - 1).max(THRIFT_MIN);
            return None;
        }
        let left = until.saturating_sub(now);
        if left.is_zero() {
            self.end();
            return None;
        }
        Some(left)
    }

    /// Forgets the last commit: the next batch is on its way.
    pub(crate) fn stop(&mut self) {
        self.running = None;
    }

    /// Waits no longer: they did not come.
    pub(crate) fn end(&mut self) {
        if self.running.take().is_some() {
            self.thrift = (self.thrift + 1).min(THRIFT_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_batch_waits_for_a_part_of_a_commit_until_as_many_are_there_as_before() {
        let mut gather = Gather::default();
        assert_eq!(gather.left(MS, 1), None, "nothing was committed yet");
        gather.begin(10 * MS, 4 * MS, 32, 32);
        assert_eq!(gather.left(10 * MS, 32), Some(MS));
        assert_eq!(gather.left(10 * MS + MS / 2, 55), Some(MS / 2));
        assert_eq!(gather.left(10 * MS + MS / 2, 56), None);
        gather.begin(20 * MS, 4 * MS, 56, 8);
        assert_eq!(gather.left(21 * MS, 8), None, "the time is over");
        gather.begin(30 * MS, 100 * MS, 60, 4);
        assert_eq!(gather.left(30 * MS, 4), Some(WAIT_MAX));
    }

    #[test]
    fn nobody_waits_for_one_who_is_alone_or_after_a_quick_commit() {
        let mut gather = Gather::default();
        gather.begin(10 * MS, 4 * MS, 1, 0);
        assert_eq!(gather.left(10 * MS, 1), None);
        gather.begin(20 * MS, MS / 10, 32, 32);
        assert_eq!(gather.left(20 * MS, 32), None);
    }

    #[test]
    fn where_they_do_not_come_back_hardly_any_time_is_lost_and_it_is_tried_again_later() {
        let mut gather = Gather::default();
        let waits: Vec<Duration> = (0..COMMITS_UNTIL_TRIAL)
            .map(|_| {
                gather.begin(MS, 4 * MS, 3, 3);
                let wait = gather.left(MS, 3).unwrap_or_default();
                gather.end();
                wait
            })
            .collect();
        assert_eq!(waits[..3], [MS, MS / 2, MS / 4]);
        assert!(waits[10..255].iter().all(|wait| *wait < MS / 50), "{waits:?}");
        assert_eq!(waits[255], MS, "a trial");
    }
}
