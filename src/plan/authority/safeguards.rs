//! The safeguards of a rotation, one by one. All of them hold, always: a set that lacks one can be built only with the
//! feature `weakened`, with which tests show that each is needed.

/// A rule that keeps a rotation from breaking a connection, or from never ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Safeguard {
    /// The next root signs only while no consumer is observed without it.
    Gate,
    /// The next root signs only after consumers have had `propagation` to load it.
    Wait,
    /// The signer certifies the root that follows it.
    CrossCertificates,
    /// Cross-certificates outlive the rotation that they were made in.
    LastingCrosses,
    /// The switch is made in the end, whatever is still behind.
    ForcedSwitch,
    /// A former root stays trusted as long as a leaf of it is seen.
    DrainSight,
    /// A former root stays trusted as long as a leaf of it can exist, seen or not.
    DrainBound,
    /// That bound counts the leaves of a replica whose view of the root is old, and whose write is slow.
    LateLeaves,
    /// A longer lifetime of leaves is recorded before the first such leaf is signed.
    RecordedLifetime,
}

/// The safeguards that hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Safeguards {
    /// One bit for each that does not.
    lacking: u16,
}

impl Safeguards {
    /// All of them.
    pub const ALL: Self = Self { lacking: 0 };

    /// Whether this one holds.
    #[must_use]
    pub const fn hold(self, safeguard: Safeguard) -> bool {
        self.lacking & (1 << safeguard as u16) == 0
    }

    /// The others, without this one.
    #[cfg(feature = "weakened")]
    #[must_use]
    pub const fn without(self, safeguard: Safeguard) -> Self {
        Self { lacking: self.lacking | 1 << safeguard as u16 }
    }
}

impl Default for Safeguards {
    fn default() -> Self {
        Self::ALL
    }
}
