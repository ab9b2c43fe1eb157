//! What the programs came to: counts, what was skipped and why, and how long each took.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use crate::schedule::Ended;

/// Counts over all programs that have ended.
#[derive(Debug, Default)]
pub struct Report {
    passed: usize,
    failed: usize,
    ignored: usize,
    skipped: BTreeSet<String>,
    times: Vec<(Duration, String)>,
    red: Vec<String>,
}

impl Report {
    /// Prints the output of a program and counts it.
    pub fn add(&mut self, ended: &Ended) {
        println!("=== {} ({:.1} s)\n{}", ended.name, ended.took.as_secs_f32(), ended.output);
        for line in ended.output.lines() {
            if let Some(counts) = line.strip_prefix("test result:") {
                self.passed += before(counts, " passed");
                self.failed += before(counts, " failed");
                self.ignored += before(counts, " ignored");
            }
            if let Some(at) = line.find("SKIP ") {
                self.skipped.insert(line[at..].to_owned());
            }
        }
        if !ended.is_green {
            self.red.push(ended.name.clone());
        }
        self.times.push((ended.took, ended.name.clone()));
    }

    /// Whether every program passed.
    pub fn is_green(&self) -> bool {
        self.red.is_empty()
    }
}

/// The number before these words.
fn before(counts: &str, words: &str) -> usize {
    let number = counts.split_once(words).and_then(|(start, _)| start.rsplit(' ').next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut times = self.times.clone();
        times.sort_unstable_by(|a, b| b.cmp(a));
        writeln!(f, "The ten programs that took longest, in seconds:")?;
        for (took, name) in times.iter().take(10) {
            writeln!(f, "{:>8.1} {name}", took.as_secs_f32())?;
        }
        self.skipped.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        self.red.iter().try_for_each(|name| writeln!(f, "FAILED {name}"))?;
        writeln!(f, "{} passed, {} failed, {} ignored", self.passed, self.failed, self.ignored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(is_green: bool, output: &str) -> Ended {
        Ended { name: "a".into(), is_green, output: output.into(), took: Duration::from_secs(1) }
    }

    #[test]
    fn counts_add_up_and_what_was_skipped_is_said_once() {
        let mut report = Report::default();
        let line =
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s\n";
        report.add(&ended(true, &format!("SKIP a node: not root\n{line}")));
        report.add(&ended(true, &format!("test x ... SKIP a node: not root\n{line}")));
        let text = report.to_string();
        assert!(text.ends_with("6 passed, 0 failed, 2 ignored\n"), "{text}");
        assert_eq!(text.matches("SKIP").count(), 1, "{text}");
    }

    #[test]
    fn a_program_that_dies_without_a_result_is_red() {
        let mut report = Report::default();
        report.add(&ended(false, "killed"));
        assert!(!report.is_green());
        assert!(report.to_string().contains("FAILED a"));
    }
}
