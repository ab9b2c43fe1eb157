//! 64-bit stand-ins for strings that the index only compares.
//!
//! Two strings share one with a probability of 2⁻⁶⁴; a process computes them the same way as long as it lives.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::num::NonZeroU64;

/// A 64-bit stand-in for a string that is only ever compared. An optional one is as small as one.
pub type Digest = NonZeroU64;

/// The stand-in for a string.
#[must_use]
pub fn digest(text: &str) -> Digest {
    NonZeroU64::new(hash_of(text)).unwrap_or(NonZeroU64::MAX)
}

/// The hash of a string.
#[must_use]
pub fn hash_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// A resource version as a number. They count up within one object's life (KEP-5504), so that a late event of
/// an older version can be recognised.
#[must_use]
pub fn version_number(version: &str) -> u64 {
    version.parse().unwrap_or_else(|_| hash_of(version))
}
