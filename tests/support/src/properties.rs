//! How properties are tested: over cases that are drawn from the seed of the run.
//!
//! A case that fails is kept in `tests/regressions`, is to be committed, and comes first in every later run.

use proptest::test_runner::{Config, FileFailurePersistence, RngSeed};

use crate::REPOSITORY;
use crate::rng::SEED;

/// A property over so many cases, in the test program of this name (`CARGO_CRATE_NAME`), under which failing cases are kept.
pub fn cases(program: &str, cases: u32) -> Config {
    // proptest takes a path that lives as long as the program; there is one for each property.
    let kept = format!("{REPOSITORY}/tests/regressions/{program}.txt").leak();
    Config {
        cases,
        rng_seed: RngSeed::Fixed(*SEED),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(kept))),
        ..Config::default()
    }
}
