//! The world at one moment. Every time in it is counted from that moment, so that moments from which the same follows are
//! one state.

use mtls_operator::api::authority::Phase;

use crate::ca::Ca;
use crate::consumers::Consumers;
use crate::events::ReplicaId;
use crate::evidence::Status;
use crate::pki::{Chain, Pki, RootId, Roots};
use crate::time::Ticks;

/// A leaf in a Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Leaf {
    /// Its chain.
    pub chain: Chain,
    /// When it was issued; 0 once it has ended.
    pub issued: Ticks,
    /// When it ends; -1 once it has ended.
    pub end: Ticks,
}

/// The Secret of an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Secret {
    /// Its leaf.
    pub leaf: Leaf,
    /// Its trust bundle.
    pub bundle: Roots,
}

/// A write that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InFlight<T> {
    /// What is written.
    pub content: T,
    /// For how long it may still arrive.
    pub left: Ticks,
}

/// An identity and its Secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Workload {
    /// The Secret.
    pub secret: Option<Secret>,
    /// A write of it that is under way, and still names its version.
    pub in_flight: Option<InFlight<Secret>>,
    /// What status says of the leaf, in a scope in which that can be something else than what the Secret says.
    pub status: Option<Status>,
    /// Whether the Secret cannot be written any more.
    pub is_stuck: bool,
    /// Whether the identity is paused.
    pub is_paused: bool,
    /// For each replica: whether its watch was interrupted when the Secret was last changed by something else.
    pub is_unseen_by: [bool; 2],
}

/// What a replica knows of the root Secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum View {
    /// Nothing: it signs nothing.
    #[default]
    Unknown,
    /// What it is.
    Current,
    /// What it was, and since when it is something else. The replica had confirmed it just before.
    Former(Ca, Ticks),
}

/// The state of the roots that an observation speaks of.
pub type Subject = (Phase, Roots, RootId);

/// A process of the operator: all of it is lost in a crash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Replica {
    /// The root it signs with.
    pub view: View,
    /// For how long no Secret was seen behind, in which state of the roots.
    pub quiet: Option<(Subject, Ticks)>,
    /// Whether its clock is ahead.
    pub is_ahead: bool,
    /// While its watch of Secrets is interrupted: whether it has missed something.
    pub missed: Option<bool>,
}

/// A promise that was broken. The numbers are those of docs/development.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Broken {
    /// Two workloads cannot shake hands.
    I2,
    /// A leaf reaches outside its signer.
    I8,
    /// A leaf of a former root appears later than F + W after the switch.
    I9,
    /// A lost root is silently replaced.
    I11,
    /// A trust bundle in force accepts what is made with the key of a distrusted root.
    Distrust,
    /// The rotation does not come to its end though nothing goes wrong any more.
    Liveness,
}

/// The world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The root Secret.
    pub ca: Option<Ca>,
    /// A write of it that is under way, and still names its version.
    pub root_in_flight: Option<InFlight<Ca>>,
    /// The signer that the authority's status names.
    pub recorded: Option<RootId>,
    /// For how long the present signer has signed.
    pub switched: Ticks,
    /// The newest root that has signed a leaf.
    pub newest: Option<RootId>,
    /// All certificates.
    pub pki: Pki,
    /// Identities.
    pub workloads: Vec<Workload>,
    /// Processes.
    pub replicas: [Replica; 2],
    /// What consumers may hold beyond what is in the Secrets.
    pub consumers: Consumers,
    /// How often people have asked for a rotation.
    pub asked: u8,
    /// Every root that was ever stored, where roots are distrusted: people can name it, and its key may be stolen.
    pub stored: Roots,
    /// The roots that people distrust.
    pub named: Roots,
    /// What the authority's status adds to them.
    pub taken: Roots,
    /// The CA that people provide.
    pub provided: Option<RootId>,
    /// Whether they have provided one.
    pub has_provided: bool,
    /// The longest lifetime of leaves that people want.
    pub longest: Ticks,
    /// A backup of the root Secret.
    pub backup: Option<Ca>,
    /// The root Secret that people have lost.
    pub lost: Option<Ca>,
    /// Whether the signer has expired, so that handshakes fail.
    pub is_excused: bool,
    /// A promise that the last event broke.
    pub broken: Option<Broken>,
}

impl State {
    /// The same, with workloads sorted and unused roots removed, so that states that behave alike are equal.
    #[must_use]
    pub fn canonical(mut self) -> Self {
        self.workloads.sort_unstable();
        while self.pki.made().checked_sub(1).is_some_and(|last| !self.names(last)) {
            self.pki.unmake();
            self.stored = self.stored.without(self.pki.made());
        }
        self
    }

    /// Whether anything is left of a root. One that was never stored is as if it had not been made.
    fn names(&self, root: RootId) -> bool {
        let flights = self.root_in_flight.iter().map(|flight| &flight.content);
        let views = self.replicas.iter().filter_map(|replica| replica.view.of(None));
        let copies = self.ca.iter().chain(&self.backup).chain(&self.lost).chain(flights).chain(views);
        let certified =
            |ca: &Ca| ca.retiring.iter().flatten().fold(ca.certified, |all, one| all.union(one.certified));
        let known = |ca: &Ca| ca.all().union(ca.former.roots()).union(ca.former_trust.unwrap_or_default());
        let is_in = |ca: &Ca| known(ca).union(certified(ca)).contain(root);
        let flying =
            self.workloads.iter().filter_map(|workload| workload.in_flight.map(|flight| flight.content));
        let mut secrets = self.workloads.iter().filter_map(|workload| workload.secret).chain(flying);
        let in_secrets =
            secrets.any(|secret| secret.bundle.contain(root) || secret.leaf.chain.signer == root);
        let in_memory = self.consumers.bundles().any(|bundle| bundle.contain(root))
            || self.consumers.leaves().any(|presented| presented.chain.signer == root);
        let in_statuses = self.newest.max(self.recorded) >= Some(root) || self.distrusted().contain(root);
        let in_statuses = in_statuses || self.provided == Some(root);
        in_statuses || in_secrets || in_memory || copies.into_iter().any(is_in)
    }

    /// What is distrusted, by people or by status.
    #[must_use]
    pub const fn distrusted(&self) -> Roots {
        self.named.union(self.taken)
    }

    /// A number for it.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        crate::fingerprint::of(self)
    }

    /// A replica is killed and starts again.
    pub fn crash(&mut self, id: ReplicaId) {
        self.replica(id).die();
        self.list_secrets(id);
    }

    /// A replica lists Secrets again.
    pub fn list_secrets(&mut self, ReplicaId(place): ReplicaId) {
        for workload in &mut self.workloads {
            workload.is_unseen_by[usize::from(place)] = false;
        }
    }
}

impl Replica {
    /// It is killed and starts again. What Secrets say of it is in [`State::crash`].
    fn die(&mut self) {
        *self = Self { is_ahead: self.is_ahead, ..Self::default() };
    }
}
