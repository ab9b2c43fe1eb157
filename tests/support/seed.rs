//! The seed of everything that a test draws at random.
//!
//! It is fixed, so that every run draws the same; a run says which it was.

use std::sync::LazyLock;

/// The seed where none is asked for.
const FIXED: u64 = 1;

/// The seed of this run, which is printed once. `MTLS_SEED` asks for another one.
pub static SEED: LazyLock<u64> = LazyLock::new(|| {
    let asked = std::env::var("MTLS_SEED").ok();
    let seed = asked.map_or(FIXED, |number| number.parse().unwrap());
    eprintln!("The seed of this run: MTLS_SEED={seed}");
    seed
});
