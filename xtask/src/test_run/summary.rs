//! Counting tests: from the closing lines of the test runners to one line of ours.

use std::fmt;

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
}

impl Tally {
    pub(super) fn one_failed() -> Self {
        Self { passed: 0, failed: 1 }
    }

    pub(super) fn one_passed() -> Self {
        Self { passed: 1, failed: 0 }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self { passed: self.passed + other.passed, failed: self.failed + other.failed }
    }

    /// A runner that ended badly without naming a failed test failed in itself; one that ended
    /// well without having run anything counts for nothing.
    pub(super) fn with_exit(self, success: bool) -> Self {
        if success || self.failed > 0 { self } else { Self { failed: 1, ..self } }
    }

    /// Reads the closing lines of a runner. `cargo test` closes each of its binaries, and node
    /// gives each count a line; the others close once, and what looks like their last line before that is a test's own output.
    pub(super) fn parse(runner: Runner, output: &str) -> Self {
        let mut closing = output.lines().filter_map(|line| closing_line(runner, line));
        match runner {
            Runner::CargoTest | Runner::Node => closing.fold(Self::default(), Self::plus),
            Runner::Nextest | Runner::Pytest => closing.next_back().unwrap_or_default(),
        }
    }
}

/// Whose output it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runner {
    CargoTest,
    Nextest,
    Node,
    Pytest,
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed", self.passed, self.failed)
    }
}

fn closing_line(runner: Runner, line: &str) -> Option<Tally> {
    let line = line.trim();
    let counts = match runner {
        // test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; …
        Runner::CargoTest => line.strip_prefix("test result: ")?.split_once(". ")?.1,
        // Summary [   0.004s] 12 tests run: 11 passed (1 slow), 1 failed, 0 skipped
        Runner::Nextest => line.strip_prefix("Summary [")?.split_once("run: ")?.1,
        Runner::Node => return node_line(line),
        // ==== 1 failed, 12 passed, 1 error in 3.21s ====
        Runner::Pytest => line.trim_matches(['=', ' ']).split_once(" in ")?.0,
    };
    let counts: Vec<(u64, &str)> = counts.split([',', ';']).filter_map(count_and_word).collect();
    let sum_of = |words: &[&str]| {
        counts.iter().filter(|(_, word)| words.contains(word)).map(|(count, _)| count).sum()
    };
    let known = ["passed", "failed", "error", "errors", "timed"];
    counts.iter().any(|(_, word)| known.contains(word)).then(|| Tally {
        passed: sum_of(&["passed"]),
        failed: sum_of(&["failed", "error", "errors", "timed"]),
    })
}

/// Node closes with a line for each count: `ℹ pass 12`, `ℹ fail 1`, `ℹ cancelled 0`.
fn node_line(line: &str) -> Option<Tally> {
    let (word, count) = line.strip_prefix("ℹ ")?.split_once(' ')?;
    let count = count.parse().ok()?;
    match word {
        "pass" => Some(Tally { passed: count, failed: 0 }),
        "fail" | "cancelled" => Some(Tally { passed: 0, failed: count }),
        _ => None,
    }
}

/// `12 passed` and `2 timed out`; anything behind the first word is of no interest.
fn count_and_word(item: &str) -> Option<(u64, &str)> {
    let mut words = item.split_whitespace();
    Some((words.next()?.parse().ok()?, words.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(runner: Runner, output: &str, passed: u64, failed: u64) {
        assert_eq!(Tally::parse(runner, output), Tally { passed, failed }, "{output}");
    }

    #[test]
    fn closing_lines_of_cargo_test_add_up() {
        let line = "test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; \
                    finished in 0.00s\n";
        check(Runner::CargoTest, line, 5, 0);
        check(Runner::CargoTest, &line.repeat(3), 15, 0);
        let failed = "test result: FAILED. 4 passed; 2 failed; 1 ignored; finished in 0.00s";
        check(Runner::CargoTest, failed, 4, 2);
    }

    #[test]
    fn closing_lines_of_nextest_are_read() {
        for (line, passed, failed) in [
            ("     Summary [   0.004s] 12 tests run: 12 passed, 0 skipped", 12, 0),
            ("Summary [ 1.0s] 9/12 tests run: 7 passed (1 slow), 1 failed, 1 timed out", 7, 2),
            ("     Summary [   0.004s] 1 test run: 1 passed, 3 skipped", 1, 0),
        ] {
            check(Runner::Nextest, line, passed, failed);
        }
    }

    #[test]
    fn closing_lines_of_pytest_are_read() {
        for (line, passed, failed) in [
            ("=================== 12 passed in 3.21s ====================", 12, 0),
            ("== 1 failed, 12 passed, 1 skipped, 2 errors in 63.21s (0:01:03) ==", 12, 3),
            ("12 passed in 0.10s", 12, 0),
            ("1 error in 0.10s", 0, 1),
        ] {
            check(Runner::Pytest, line, passed, failed);
        }
    }

    #[test]
    fn closing_lines_of_node_are_read() {
        let closing = "✔ a screen is light (1.5ms)\nℹ tests 9\nℹ suites 0\nℹ pass 6\nℹ fail 2\n\
                       ℹ cancelled 1\nℹ skipped 0\nℹ todo 0\nℹ duration_ms 19511.258\n";
        check(Runner::Node, closing, 6, 3);
        check(Runner::Node, "ℹ pass\nℹ a test says pass 5\n", 0, 0);
    }

    #[test]
    fn output_of_a_test_is_not_taken_for_the_closing_line() {
        let output = "test result: FAILED. 0 passed; 1 failed\n\
                      Summary [ 1.0s] 3 tests run: 2 passed, 1 failed\n";
        check(Runner::Nextest, output, 2, 1);
        check(
            Runner::Pytest,
            "1 failed in the past\n== 4 passed in 1.00s ==\n3 things in 2s\n",
            4,
            0,
        );
        check(Runner::CargoTest, "    Finished `dev` profile in 0.10s\ntest a ... ok\n", 0, 0);
    }

    #[test]
    fn a_runner_that_ends_badly_counts_as_a_failure() {
        assert_eq!(Tally::default().with_exit(false), Tally::one_failed());
        let some = Tally { passed: 3, failed: 2 };
        assert_eq!(some.with_exit(false), some);
        assert_eq!(Tally::one_passed().with_exit(true), Tally::one_passed());
    }

    #[test]
    fn the_summary_line_has_the_agreed_form() {
        assert_eq!(Tally { passed: 12, failed: 0 }.to_string(), "12 passed, 0 failed");
    }
}
