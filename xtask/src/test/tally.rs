//! How many tests passed and failed, read from what the runners print.
//!
//! Three formats: the summary of cargo-nextest, once a run, the result line of the standard test
//! harness, once a test binary, and the last line of pytest. A line of any other form counts nothing.

use std::fmt;
use std::ops::Add;

/// What the runners call a test that did not pass.
const FAILURES: [&str; 4] = ["failed", "timed out", "exec failed", "error"];

/// A number of passed and of failed tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    pub(crate) const PASSED: Self = Self {
        passed: 1,
        failed: 0,
    };
    pub(crate) const FAILED: Self = Self {
        passed: 0,
        failed: 1,
    };

    /// Reads one line of a runner's output; zero unless it is a summary.
    pub(crate) fn of_line(line: &str) -> Self {
        // Indented, it is what a failed test of nextest has printed: the summary counts that one.
        let of_harness = line.strip_prefix("test result: ");
        let line = line.trim();
        let counts = if let Some(rest) = line.strip_prefix("Summary [") {
            // `5/9 tests run: 4 passed (1 slow), 1 failed, 2 skipped`
            rest.split_once(" run: ")
                .map(|(_, counts)| Self::sum(counts.split(',')))
        } else if let Some(rest) = of_harness {
            // `ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s`
            rest.split_once(". ")
                .map(|(_, counts)| Self::sum(counts.split(';')))
        } else {
            of_pytest(line)
        };
        counts.unwrap_or_default()
    }

    fn sum<'a>(counts: impl Iterator<Item = &'a str>) -> Self {
        counts.map(Self::of_count).fold(Self::default(), Add::add)
    }

    /// Reads `4 passed (1 slow)`, `1 timed out` and the like.
    fn of_count(count: &str) -> Self {
        let Some((number, what)) = count.trim().split_once(' ') else {
            return Self::default();
        };
        let Ok(number) = number.parse() else {
            return Self::default();
        };
        let is = |word: &&str| what.starts_with(*word);
        Self {
            passed: if is(&"passed") { number } else { 0 },
            failed: if FAILURES.iter().any(is) { number } else { 0 },
        }
    }

    /// The tally of a runner that has ended.
    ///
    /// One that failed without a failed test (the code did not compile, a test ended its process)
    /// counts as one failed, so that the sum never says zero after a failure.
    pub(crate) fn at_the_end(self, runner_succeeded: bool) -> Self {
        if runner_succeeded || self.failed > 0 {
            self
        } else {
            Self { failed: 1, ..self }
        }
    }

    pub(crate) fn executed(self) -> u64 {
        self.passed + self.failed
    }

    /// Whether something was tested and nothing failed.
    pub(crate) fn is_good(self) -> bool {
        self.failed == 0 && self.passed > 0
    }
}

/// Reads `1 failed, 2 passed, 1 skipped in 0.12s`; the time is what no other line ends with.
fn of_pytest(line: &str) -> Option<Tally> {
    let (counts, time) = line.trim_matches(['=', ' ']).rsplit_once(" in ")?;
    let seconds = time.split(' ').next()?.strip_suffix('s')?;
    seconds.parse::<f64>().ok()?;
    let counts: Vec<&str> = counts.split(", ").collect();
    let is_count = |count: &&str| {
        count
            .split_once(' ')
            .is_some_and(|(n, _)| n.parse::<u64>().is_ok())
    };
    counts
        .iter()
        .all(is_count)
        .then(|| Tally::sum(counts.into_iter()))
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> (u64, u64) {
        let tally = Tally::of_line(line);
        (tally.passed, tally.failed)
    }

    #[test]
    fn reads_the_summary_of_nextest() {
        let summary = |counts| read(&format!("     Summary [   0.005s] {counts}"));
        assert_eq!(summary("1 test run: 1 passed, 0 skipped"), (1, 0));
        assert_eq!(
            summary("9 tests run: 8 passed (1 slow, 2 leaky), 1 failed, 3 skipped"),
            (8, 1)
        );
        assert_eq!(
            summary("5/9 tests run: 2 passed, 1 exec failed, 2 timed out"),
            (2, 3)
        );
    }

    #[test]
    fn reads_the_result_of_the_standard_harness() {
        let result = |text| read(&format!("test result: {text}; finished in 1.20s"));
        assert_eq!(
            result("ok. 5 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out"),
            (5, 0)
        );
        assert_eq!(
            result("FAILED. 3 passed; 2 failed; 0 ignored; 0 measured"),
            (3, 2)
        );
    }

    #[test]
    fn reads_the_last_line_of_pytest() {
        assert_eq!(read("105 passed in 8.35s"), (105, 0));
        assert_eq!(
            read("== 1 failed, 2 passed, 3 skipped, 1 error in 61.20s (0:01:01) =="),
            (2, 2)
        );
    }

    #[test]
    fn other_lines_count_nothing() {
        let pass = "        PASS [   0.004s] xtask 5 passed";
        for line in [
            "",
            "running 5 tests",
            pass,
            "test result: ok",
            "Summary [x] 5 passed",
            "5 passed in vain",
            "I passed in 5s",
        ] {
            assert_eq!(read(line), (0, 0), "{line}");
        }
    }

    #[test]
    fn a_runner_that_fails_without_a_failed_test_counts_as_one() {
        let three = Tally {
            passed: 3,
            failed: 0,
        };
        assert_eq!(three.at_the_end(true), three);
        assert_eq!(
            three.at_the_end(false),
            Tally {
                passed: 3,
                failed: 1
            }
        );
        let two_failed = Tally {
            passed: 3,
            failed: 2,
        };
        assert_eq!(two_failed.at_the_end(false), two_failed);
    }

    #[test]
    fn no_test_is_not_good() {
        assert!(!Tally::default().is_good());
        assert!(
            !Tally {
                passed: 3,
                failed: 1
            }
            .is_good()
        );
        assert!(
            Tally {
                passed: 3,
                failed: 0
            }
            .is_good()
        );
    }

    #[test]
    fn is_printed_as_the_last_line() {
        assert_eq!(
            (Tally {
                passed: 3,
                failed: 1
            } + Tally {
                passed: 2,
                failed: 0
            })
            .to_string(),
            "5 passed, 1 failed"
        );
    }
}
