//! What a test leaves to `make proof`: a line `SKIP <count> …` that no test harness swallows, and `make test` repeats.

use std::io::Write as _;

/// Says that so many of these are not run.
pub fn not_run(count: impl std::fmt::Display + Copy, what: &str) {
    let mut visible = std::io::stderr();
    let _ = writeln!(visible, "SKIP {count} {what}, which make proof runs");
}
