//! Everything that a decision on a root depends on: gathered first, then decided on without IO.

use super::ca_state::RootSecret;
use super::evidence::Evidence;
use super::rotation_inputs::RotationInputs;
use crate::plan::unread_spec::Unread;

/// An authority and everything that a decision on its root depends on.
#[derive(Clone, Debug)]
pub struct RootWorld {
    /// Name of the root Secret, for sentences.
    pub secret_name: String,
    /// The root Secret.
    pub secret: RootSecret,
    /// What a rotation depends on.
    pub inputs: RotationInputs,
    /// What shows that a root existed which the root Secret does not hold.
    pub evidence: Option<Evidence>,
    /// Whether its loss is accepted.
    pub acceptance: LossAcceptance,
    /// What of the spec cannot be read.
    pub unread: Unread,
    /// Why the clock cannot be relied on, if it cannot: a sentence.
    pub clock: Option<String>,
}

/// Whether the loss of a root is accepted, by the annotation `accept-root-loss`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LossAcceptance {
    /// The annotation is not set.
    NotAsked,
    /// Not of this root, or nothing is left of it: a sentence.
    Refused(String),
    /// Its certificate was found, and can stay trusted.
    Found,
    /// There was no root: one is made, and nothing else is trusted.
    NoneLost,
}
