//! What an observation of a Secret depends on, and what it finds.
//!
//! Values only: they are made from metadata, from the content of a Secret that was read, or from the answer to a write.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::secret_metadata::LeafAnnotations;
use crate::api::identity::{MtlsIdentity, MtlsIdentityStatus};
use crate::pki::{Leaf, TrustBundle};
use crate::plan::identity::signer::Rollout;
use crate::plan::identity::spec::IdentitySpec;
use crate::plan::identity::world::{Authorization, SecretState};

/// What a Secret was found to be, and what a patch of it needs to know.
#[derive(Clone, Debug)]
pub struct ObservedSecret {
    /// For the decision.
    pub state: SecretState,
    /// The leaf, where it was read or has just been issued.
    pub leaf: Option<Leaf>,
    /// What its annotations should say, where it is held and sound.
    pub annotations: Option<LeafAnnotations>,
    /// Its metadata, where it was read.
    pub metadata: Option<ObjectMeta>,
    /// Issuances so far.
    pub revision: i64,
}

impl ObservedSecret {
    /// There is no Secret, or none that is this identity's.
    #[must_use]
    pub fn without_leaf(state: SecretState, revision: i64) -> Self {
        Self { state, leaf: None, annotations: None, metadata: None, revision }
    }
}

/// What an observation depends on.
#[derive(Clone, Copy)]
pub struct ObserveInput<'a> {
    /// The identity.
    pub identity: &'a MtlsIdentity,
    /// Its spec.
    pub spec: &'a IdentitySpec,
    /// What its authority allows, where there is one.
    pub authorization: Option<&'a Authorization>,
    /// The root that signs, where one does.
    pub root: Option<RootInput<'a>>,
}

/// What an observation needs of the root that signs.
#[derive(Clone, Copy)]
pub struct RootInput<'a> {
    /// The trust bundle in force.
    pub bundle: &'a TrustBundle,
    /// Hash of it.
    pub trust: &'a str,
    /// What a rotation has changed last.
    pub rotation: &'a Rollout,
}

impl<'a> ObserveInput<'a> {
    /// Hash of the bundle that was in force before.
    #[must_use]
    pub fn former_trust(&self) -> Option<&'a str> {
        self.root?.rotation.former_trust.as_deref()
    }

    /// The version of the Secret that was written or verified last, if that was for the spec as it is.
    #[must_use]
    pub fn verified_version(&self) -> Option<&'a str> {
        let status = self.identity.status.as_ref()?;
        let is_current = status.observed_generation == self.identity.metadata.generation;
        status.secret.as_ref().filter(|_| is_current).map(|secret| secret.resource_version.as_str())
    }

    /// Issuances so far, as status counts them.
    #[must_use]
    pub fn recorded_revision(&self) -> i64 {
        self.status().and_then(|status| status.revision).unwrap_or(0)
    }

    /// Status, where there is one.
    #[must_use]
    pub fn status(&self) -> Option<&'a MtlsIdentityStatus> {
        self.identity.status.as_ref()
    }
}
