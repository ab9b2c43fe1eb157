//! Fingerprints of states: 64 bits each. That two of ten million states share one is less likely than one in a hundred
//! thousand.

use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::ops::BitXor;

/// Builds [`Folding`].
pub type Fast = BuildHasherDefault<Folding>;

/// The number of a value.
pub fn of(value: &impl Hash) -> u64 {
    let mut hasher = Folding::default();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Multiplies each word into the sum of those before it, and folds the product.
#[derive(Clone, Copy)]
pub struct Folding(u64);

impl Default for Folding {
    fn default() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }
}

impl Folding {
    fn fold(&mut self, word: u64) {
        let product = (u128::from(self.0 ^ word) * 0xd6e8_feb8_6659_fd93).to_le_bytes();
        let halves = product.as_chunks().0.iter().copied().map(u64::from_le_bytes);
        self.0 = halves.fold(0, BitXor::bitxor).wrapping_add(0xe703_7ed1_a0b4_28db).rotate_left(23);
    }
}

impl Hasher for Folding {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.fold(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, word: u8) {
        self.fold(u64::from(word));
    }

    fn write_i8(&mut self, word: i8) {
        self.fold(u64::from(word.cast_unsigned()));
    }

    fn write_u32(&mut self, word: u32) {
        self.fold(u64::from(word));
    }

    fn write_u64(&mut self, word: u64) {
        self.fold(word);
    }

    fn write_usize(&mut self, word: usize) {
        self.fold(word as u64);
    }

    fn write_isize(&mut self, word: isize) {
        self.fold(word.cast_unsigned() as u64);
    }

    fn finish(&self) -> u64 {
        let mut last = *self;
        last.fold(0x2545_f491_4f6c_dd1d);
        last.0
    }
}
