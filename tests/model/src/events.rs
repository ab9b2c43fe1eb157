//! The events of the model, and how a trace prints them.

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
    /// A replica reconciles the authority.
    Pass(ReplicaId, Write),
    /// A replica reconciles an identity.
    Reconcile(ReplicaId, u8, Write),
    /// A replica is killed and started again.
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
            Self::Read(id) => write!(f, "{id} reads the root Secret"),
            Self::Pass(id, write) => write!(f, "{id} reconciles the authority{}", suffix(*write)),
            Self::Reconcile(id, of, write) => write!(f, "{id} reconciles workload {of}{}", suffix(*write)),
            Self::Crash(id) => write!(f, "{id} is killed and starts again"),
            Self::Land(of) => write!(f, "the write of workload {of}'s Secret arrives"),
            Self::LandRoot => write!(f, "the write of the root Secret arrives"),
            Self::Interrupt(id) => write!(f, "the watch of {id} is interrupted"),
            Self::Resume(id) => write!(f, "{id} lists Secrets again"),
            Self::StepClock(id) => write!(f, "the clock of {id} steps"),
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
