//! Random numbers that can be repeated: `SplitMix64`. The same seed gives the same.
//!
//! The seed is fixed, so that every run draws the same; a run says which it was.

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

/// Whether this is the seed of every run that asks for no other. How often something is drawn can be required of it alone.
#[must_use]
pub fn is_usual_seed() -> bool {
    *SEED == FIXED
}

/// Random numbers from a seed.
pub struct SeededRng(u64);

impl SeededRng {
    /// Those of this run, for the part of it that has this number.
    pub fn of(part: u64) -> Self {
        let mut rng = Self(*SEED);
        rng.0 = rng.next().wrapping_add(part);
        rng
    }

    /// Those of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One of these.
    pub fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        let at = self.below(u64::try_from(all.len()).unwrap());
        all[usize::try_from(at).unwrap()]
    }

    /// Up to so many of these, each once.
    pub fn some_of(&mut self, most: u64, all: &[&str]) -> Vec<String> {
        let mut found: Vec<String> = (0..self.below(most + 1)).map(|_| self.one_of(all).to_owned()).collect();
        found.sort();
        found.dedup();
        found
    }

    /// A number from 0 up to below this.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
