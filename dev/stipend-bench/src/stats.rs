//! What is made of measurements: medians, spreads, percentiles, ratios within one round.

use std::time::Duration;

/// What one round of one contender gave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Round {
    /// What was done in it.
    pub(crate) operations: u64,
    /// How long it took.
    pub(crate) took: Duration,
    /// How long each took, in microseconds; empty where nobody looked.
    pub(crate) latencies: Vec<u32>,
}

impl Round {
    /// Operations a second.
    pub(crate) fn rate(&self) -> f64 {
        ratio(to_float(self.operations), self.took.as_secs_f64())
    }
}

/// A count as a number that can be divided; exact below 2⁵³.
pub(crate) fn to_float(count: u64) -> f64 {
    count as f64
}

/// One divided by the other; 0 where that means nothing.
pub(crate) fn ratio(one: f64, other: f64) -> f64 {
    if other > 0.0 { one / other } else { 0.0 }
}

/// Microseconds, for a list of latencies.
pub(crate) fn micros(took: Duration) -> u32 {
    u32::try_from(took.as_micros()).unwrap_or(u32::MAX)
}

/// The middle value; between the two in the middle where their number is even.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.get(sorted.len() / 2), sorted.len() % 2) {
        (None, _) => 0.0,
        (Some(middle), 1) => *middle,
        (Some(upper), _) => f64::midpoint(sorted[sorted.len() / 2 - 1], *upper),
    }
}

/// The distance between the least and the greatest value, as a share of the median.
pub(crate) fn spread(values: &[f64]) -> f64 {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if values.is_empty() { 0.0 } else { ratio(greatest - least, median(values)) }
}

/// The value that so many of a hundred are not above.
pub(crate) fn percentile(values: &mut [u32], percent: usize) -> u32 {
    values.sort_unstable();
    let place = (values.len() * percent).div_ceil(100).saturating_sub(1);
    values.get(place).copied().unwrap_or(0)
}

/// A percentile over all rounds, in milliseconds.
pub(crate) fn percentile_ms(rounds: &[Round], percent: usize) -> f64 {
    let mut all: Vec<u32> =
        rounds.iter().flat_map(|round| round.latencies.iter().copied()).collect();
    f64::from(percentile(&mut all, percent)) / 1_000.0
}

/// The rates of rounds.
pub(crate) fn rates(rounds: &[Round]) -> Vec<f64> {
    rounds.iter().map(Round::rate).collect()
}

/// The median of the ratios between neighbours in time: the n-th round of one and the n-th of the
/// other, so that a machine that slows down in between slows both.
pub(crate) fn paired_ratio(one: &[f64], other: &[f64]) -> f64 {
    let pairs: Vec<f64> = one.iter().zip(other).map(|(one, other)| ratio(*one, *other)).collect();
    median(&pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_lies_between_the_two_in_the_middle() {
        let check = |values: &[f64], expected: f64| {
            assert!((median(values) - expected).abs() < 1e-9, "{values:?}");
        };
        check(&[], 0.0);
        check(&[7.0], 7.0);
        check(&[9.0, 1.0], 5.0);
        check(&[9.0, 1.0, 2.0], 2.0);
        check(&[1.0, 100.0, 2.0, 3.0], 2.5);
    }

    #[test]
    fn the_spread_is_the_range_as_a_share_of_the_median() {
        let check = |values: &[f64], expected: f64| {
            assert!((spread(values) - expected).abs() < 1e-9, "{values:?}");
        };
        check(&[], 0.0);
        check(&[5.0, 5.0, 5.0], 0.0);
        check(&[90.0, 100.0, 120.0], 0.3);
        check(&[0.0, 0.0], 0.0);
    }

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let check = |percent, expected| {
            let mut values: Vec<u32> = (1..=200).rev().collect();
            assert_eq!(percentile(&mut values, percent), expected, "p{percent}");
        };
        check(1, 2);
        check(50, 100);
        check(99, 198);
        check(100, 200);
        assert_eq!(percentile(&mut [], 99), 0);
    }

    #[test]
    fn ratios_are_taken_within_a_round_and_not_between_medians() {
        // The machine was ten times slower in the second round: that changes no ratio.
        let ratio = paired_ratio(&[200.0, 20.0, 220.0], &[100.0, 10.0, 100.0]);
        assert!((ratio - 2.0).abs() < 1e-9, "{ratio}");
    }
}
