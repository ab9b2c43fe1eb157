//! Chance that can be repeated: `SplitMix64`. The same seed gives the same.

#[path = "seed.rs"]
mod seed;

pub use seed::SEED;

/// Dice.
pub struct Dice(u64);

impl Dice {
    /// Dice of this run, for the part of it that has this number.
    pub fn of(part: u64) -> Self {
        let mut dice = Self(*SEED);
        dice.0 = dice.roll().wrapping_add(part);
        dice
    }

    /// A number from 0 up to below this.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
