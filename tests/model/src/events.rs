//! What can happen, and how it is told.

use std::fmt;

use crate::pki::RootId;

/// A process of the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaId(pub u8);

impl ReplicaId {
    /// Its place among the replicas.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "replica {}", char::from(b'A' + self.0))
    }
}

/// How a write goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// At once.
    Prompt,
    /// It is under way for some time.
    Slow,
    /// At once, and the process is killed before it has the answer.
    Last,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Time passes.
    Tick,
    /// A replica reads the root Secret and will sign with it.
    Read(ReplicaId),
    /// A replica looks at the authority, and does what follows.
    Pass(ReplicaId, Write),
    /// A replica looks at an identity, and does what follows.
    Reconcile(ReplicaId, u8, Write),
    /// A replica is killed and started anew.
    Crash(ReplicaId),
    /// A slow write of a leaf Secret arrives.
    Land(u8),
    /// A slow write of the root Secret arrives.
    LandRoot,
    /// A watch of a replica ends.
    Interrupt(ReplicaId),
    /// It begins again, with a list.
    Resume(ReplicaId),
    /// A clock steps ahead, or back.
    StepClock(ReplicaId),
    /// People ask for a rotation.
    Ask,
    /// People ask for a longer lifetime of leaves.
    Lengthen,
    /// A leaf Secret is deleted.
    Delete(u8),
    /// A leaf Secret cannot be written any more.
    Stick(u8),
    /// People pause an identity.
    Pause(u8),
    /// People distrust a root.
    Distrust(RootId),
    /// People provide a CA.
    Provide,
    /// People provide none any more.
    Unprovide,
    /// People take a backup of the root Secret.
    Backup,
    /// People put the backup in the place of the root Secret.
    Restore,
    /// The root Secret is deleted.
    DeleteRoot,
    /// People put the lost root Secret back.
    Mend,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tick => write!(f, "a tick passes"),
            Self::Read(who) => write!(f, "{who} reads the root Secret"),
            Self::Pass(who, write) => write!(f, "{who} looks at the authority{}", suffix(*write)),
            Self::Reconcile(who, of, write) => write!(f, "{who} looks at workload {of}{}", suffix(*write)),
            Self::Crash(who) => write!(f, "{who} is killed and starts anew"),
            Self::Land(of) => write!(f, "the write of workload {of}'s Secret arrives"),
            Self::LandRoot => write!(f, "the write of the root Secret arrives"),
            Self::Interrupt(who) => write!(f, "the watch of {who} is interrupted"),
            Self::Resume(who) => write!(f, "{who} lists Secrets anew"),
            Self::StepClock(who) => write!(f, "the clock of {who} steps"),
            Self::Ask => write!(f, "people ask for a rotation"),
            Self::Lengthen => write!(f, "people ask for a longer lifetime of leaves"),
            Self::Delete(of) => write!(f, "workload {of}'s Secret is deleted"),
            Self::Stick(of) => write!(f, "workload {of}'s Secret cannot be written any more"),
            Self::Pause(of) => write!(f, "people pause workload {of}"),
            Self::Distrust(root) => write!(f, "people distrust root {root}"),
            Self::Provide => write!(f, "people provide a CA"),
            Self::Unprovide => write!(f, "people provide no CA any more"),
            Self::Backup => write!(f, "people take a backup of the root Secret"),
            Self::Restore => write!(f, "people put the backup in the place of the root Secret"),
            Self::DeleteRoot => write!(f, "the root Secret is deleted"),
            Self::Mend => write!(f, "people put the lost root Secret back"),
        }
    }
}

const fn suffix(write: Write) -> &'static str {
    match write {
        Write::Prompt => "",
        Write::Slow => "; its write is slow",
        Write::Last => ", and is killed after its write",
    }
}
