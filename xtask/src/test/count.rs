//! Counts of tests, read from what test runners print. Called by the parts.

/// How many tests came out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) passed: u64,
    pub(super) failed: u64,
    /// Ignored, skipped, or to be written.
    pub(super) ignored: u64,
}

impl Count {
    pub(super) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }

    /// A runner that failed without a failed test still failed: it did not compile, or it crashed.
    pub(super) fn with_status(mut self, success: bool) -> Self {
        if !success && self.failed == 0 {
            self.failed = 1;
        }
        self
    }
}

/// The counts in a line of libtest's, or of wasm-bindgen's: `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
pub(super) fn test_result(line: &str) -> Option<Count> {
    // A status that was overwritten in place comes before it on the same line.
    let line = line.rsplit('\r').next().unwrap_or(line).trim_start();
    let counts = line.strip_prefix("test result: ")?;
    Some(Count {
        passed: number_before(counts, " passed")?,
        failed: number_before(counts, " failed")?,
        ignored: number_before(counts, " ignored").unwrap_or(0),
    })
}

/// Whether a runner says that its tests begin now: `running 41 tests`.
pub(super) fn begins(line: &str) -> bool {
    let line = line.rsplit('\r').next().unwrap_or(line).trim();
    line.starts_with("running ") && (line.ends_with(" tests") || line.ends_with(" test"))
}

/// The counts at the end of TAP from `node --test`: `# pass 3`, `# fail 0`, `# cancelled 0`, `# skipped 0`, `# todo 0`.
pub(super) fn tap(report: &str) -> Option<Count> {
    // A subtest's lines are indented, so that only the totals match; a test's own output may look alike, but comes first.
    let total = |name: &str| {
        let lines = report.lines().rev();
        lines
            .filter_map(|line| line.strip_prefix("# ")?.strip_prefix(name)?.trim().parse::<u64>().ok())
            .next()
    };
    Some(Count {
        passed: total("pass ")?,
        // Cancelled: its parent ended, or its file did, before it.
        failed: total("fail ")? + total("cancelled ").unwrap_or(0),
        ignored: total("skipped ").unwrap_or(0) + total("todo ").unwrap_or(0),
    })
}

fn number_before(text: &str, word: &str) -> Option<u64> {
    let before = text.get(..text.find(word)?)?;
    before
        .rsplit(|character: char| !character.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_line_is_counted() {
        let line = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.05s";
        assert_eq!(
            test_result(line),
            Some(Count {
                passed: 12,
                failed: 0,
                ignored: 1
            })
        );
        let line = "Loading scripts...\r  \rtest result: FAILED. 40 passed; 2 failed; 0 ignored; 0 filtered out";
        assert_eq!(
            test_result(line),
            Some(Count {
                passed: 40,
                failed: 2,
                ignored: 0
            })
        );
    }

    #[test]
    fn other_lines_are_not() {
        assert_eq!(test_result("test proto::opens ... ok"), None);
        assert_eq!(test_result("the words test result: ok. 1 passed; 0 failed"), None);
        assert_eq!(test_result("test result: "), None);
        assert!(begins("running 41 tests") && begins("running 1 test") && !begins("Running tests/web_window.rs"));
    }

    #[test]
    fn tap_totals_are_counted() {
        let report = "TAP version 13\n# Subtest: page\n    # pass 9\nok 1 - page\n1..1\n# tests 6\n# suites 0\n# pass 3\n\
                      # fail 1\n# cancelled 1\n# skipped 1\n# todo 0\n# duration_ms 71.5\n";
        assert_eq!(
            tap(report),
            Some(Count {
                passed: 3,
                failed: 2,
                ignored: 1
            })
        );
        assert_eq!(tap("TAP version 13\n"), None);
    }

    #[test]
    fn a_bad_status_is_a_failure() {
        assert_eq!(Count::default().with_status(false).failed, 1);
        assert_eq!(
            Count {
                failed: 2,
                ..Count::default()
            }
            .with_status(false)
            .failed,
            2
        );
        assert_eq!(
            Count {
                passed: 1,
                ..Count::default()
            }
            .with_status(true)
            .failed,
            0
        );
    }
}
