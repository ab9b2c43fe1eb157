//! What a run explores: how large the world is, what may go wrong in it, and which rules are broken on purpose.

use mtls_operator::plan::authority::safeguards::Safeguards;

use crate::mutation::Mutations;
use crate::time::{FAR, LEAF, Ticks};

/// What the second replica does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondReplica {
    /// There is none.
    Absent,
    /// It reads the root and signs, as one does that was leader a moment ago.
    Signs,
    /// It does everything that the first one does: nothing rests on the election.
    Leads,
}

/// Clocks of replicas, each at most S from any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clocks {
    /// They agree.
    Agree,
    /// The second replica's is ahead.
    SecondAhead,
    /// The second replica's is behind.
    SecondBehind,
    /// They step ahead and back.
    Step,
}

/// The bounds of an exploration.
#[derive(Clone, Copy, Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a thing that may go wrong, or not, with every other"
)]
pub struct Scope {
    /// Identities.
    pub workloads: usize,
    /// How often people ask for a rotation.
    pub rotations: u8,
    /// The second replica.
    pub second: SecondReplica,
    /// Writes of leaves that are under way at a time.
    pub max_in_flight: usize,
    /// Whether writes of the root Secret may be under way for long.
    pub slow_root_writes: bool,
    /// Clocks of replicas.
    pub clocks: Clocks,
    /// Whether leaf Secrets are deleted.
    pub deletions: bool,
    /// Whether the root Secret is deleted, and an old version of it restored.
    pub restores: bool,
    /// Whether the status of an identity is written after its Secret, unless the replica is killed in between; else both
    /// are written at once.
    pub status_lags: bool,
    /// Whether a Secret may become unwritable.
    pub stuck: bool,
    /// Whether an identity may be paused.
    pub paused: bool,
    /// Whether watches are interrupted, so that states between are never seen.
    pub interruptions: bool,
    /// Whether people ask for a longer lifetime of leaves.
    pub longer_leaves: bool,
    /// How many roots people distrust, whichever and whenever.
    pub distrusts: u8,
    /// Whether people may provide a CA, and withdraw it.
    pub provides: bool,
    /// Whether there is no root at first.
    pub begins_empty: bool,
    /// Lifetime of leaves.
    pub leaf: Ticks,
    /// When the first root ends.
    pub first_end: Ticks,
    /// Roots that can be made: fewer than a state has room for, so that what is cut is counted.
    pub roots: u8,
    /// `root.renewBefore`.
    pub margin: Ticks,
    /// `rotation.spreadOver`.
    pub spread: Ticks,
    /// Whether consumers keep a leaf that they have loaded until it ends.
    pub keepers: bool,
    /// Whether a consumer has loaded its trust bundle once and for all. One cross-certificate keeps it connected through one rotation.
    pub never_reloads: bool,
    /// The safeguards that hold.
    pub safeguards: Safeguards,
    /// What is broken around them.
    pub mutations: Mutations,
}

impl Scope {
    /// Two workloads, one rotation, a second replica that signs, writes that are late.
    pub const PLAIN: Self = Self {
        workloads: 2,
        rotations: 1,
        second: SecondReplica::Signs,
        max_in_flight: 1,
        slow_root_writes: false,
        clocks: Clocks::Agree,
        deletions: false,
        restores: false,
        status_lags: false,
        stuck: false,
        paused: false,
        interruptions: false,
        longer_leaves: false,
        distrusts: 0,
        provides: false,
        begins_empty: false,
        leaf: LEAF,
        first_end: FAR,
        roots: 7,
        margin: 1,
        spread: 0,
        keepers: true,
        never_reloads: true,
        safeguards: Safeguards::ALL,
        mutations: Mutations::NONE,
    };

    /// The same with one replica, and no write that is late.
    pub const ALONE: Self = Self { second: SecondReplica::Absent, max_in_flight: 0, ..Self::PLAIN };
}
