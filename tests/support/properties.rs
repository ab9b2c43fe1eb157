//! How properties are tested: over cases that are drawn from the seed of the run.
//!
//! A case that fails is kept in `tests/regressions`, is to be committed, and comes first in every later run.

#[path = "seed.rs"]
mod seed;

use proptest::test_runner::{Config, FileFailurePersistence, RngSeed};

/// Where this program keeps the cases that failed.
const KEPT: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/regressions/", env!("CARGO_CRATE_NAME"), ".txt");

/// A property over so many cases.
pub fn cases(cases: u32) -> Config {
    let kept = FileFailurePersistence::Direct(KEPT);
    Config {
        cases,
        rng_seed: RngSeed::Fixed(*seed::SEED),
        failure_persistence: Some(Box::new(kept)),
        ..Config::default()
    }
}
