//! Rounds that alternate between contenders, so that a machine that slows down slows all.

use crate::stats::{Round, median, paired_ratio, rates, spread};
use anyhow::Result;
use std::time::Duration;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Rounds of each contender.
    pub(crate) rounds: usize,
    /// The length of a round.
    pub(crate) window: Duration,
}

/// Something that can be loaded for a while.
pub(crate) trait Contender {
    /// Its name in the ratios.
    fn name(&self) -> &'static str;

    /// Loads it for that long.
    ///
    /// # Errors
    /// Where it answers anything but success.
    fn round(&mut self, window: Duration) -> Result<Round>;
}

impl<C: Contender> Contender for &mut C {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn round(&mut self, window: Duration) -> Result<Round> {
        (**self).round(window)
    }
}

/// The rounds of one contender.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) name: &'static str,
    pub(crate) rounds: Vec<Round>,
}

impl Outcome {
    pub(crate) fn median(&self) -> f64 {
        median(&rates(&self.rounds))
    }

    pub(crate) fn spread(&self) -> f64 {
        spread(&rates(&self.rounds))
    }

    /// How many times faster than another, round by round.
    pub(crate) fn ratio_to(&self, other: &Self) -> f64 {
        paired_ratio(&rates(&self.rounds), &rates(&other.rounds))
    }
}

/// Runs the contenders in turn, after one short round of each that does not count.
pub(crate) fn alternate(
    contenders: &mut [Box<dyn Contender + '_>],
    plan: Plan,
) -> Result<Vec<Outcome>> {
    for contender in &mut *contenders {
        contender.round(plan.window / 4)?;
    }
    let mut outcomes: Vec<Outcome> = contenders
        .iter()
        .map(|contender| Outcome { name: contender.name(), rounds: Vec::new() })
        .collect();
    for _ in 0..plan.rounds {
        for (contender, outcome) in contenders.iter_mut().zip(&mut outcomes) {
            outcome.rounds.push(contender.round(plan.window)?);
        }
    }
    Ok(outcomes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    struct Noting<'a>(&'static str, &'a RefCell<Vec<&'static str>>);

    impl Contender for Noting<'_> {
        fn name(&self) -> &'static str {
            self.0
        }

        fn round(&mut self, window: Duration) -> Result<Round> {
            self.1.borrow_mut().push(self.0);
            Ok(Round { operations: 10, took: window, latencies: Vec::new() })
        }
    }

    #[test]
    fn contenders_take_turns_and_the_first_round_of_each_does_not_count() {
        let order = RefCell::default();
        let plan = Plan { rounds: 2, window: Duration::from_secs(1) };
        let mut contenders: Vec<Box<dyn Contender + '_>> =
            vec![Box::new(Noting("a", &order)), Box::new(Noting("b", &order))];
        let outcomes = alternate(&mut contenders, plan).expect("they do not fail");
        drop(contenders);
        assert_eq!(order.into_inner(), ["a", "b", "a", "b", "a", "b"]);
        assert_eq!(outcomes.len(), 2);
        assert!(outcomes.iter().all(|outcome| outcome.rounds.len() == 2));
        assert!((outcomes[0].median() - 10.0).abs() < 1e-9);
    }
}
