//! Other writers of a leaf Secret, and how often the operator repairs what they write.

mod admission_policies;
mod overwriting;
mod takeover;

use jiff::SignedDuration;
use test_support::in_memory::harness::Harness;

pub const SECOND: SignedDuration = SignedDuration::from_secs(1);

pub fn revision(harness: &Harness, name: &str) -> i64 {
    harness.identity(name).status.unwrap().revision.unwrap()
}

/// Time passes, second by second, while the operator works. Returns every call that it made.
pub async fn pass(harness: &mut Harness, seconds: u32) -> Vec<String> {
    let mut asked = Vec::new();
    for _ in 0..seconds {
        harness.advance(SECOND);
        harness.watch();
        harness.work().await;
        asked.extend(harness.asked());
    }
    asked
}

pub fn count(calls: &[String], line: &str) -> usize {
    calls.iter().filter(|call| call.starts_with(line)).count()
}
