//! What the index keeps of an identity's status: what shows whether it needs a reconcile, and what its object is put together from.
//!
//! Strings that are only compared are digests; times are whole seconds.

use std::num::NonZeroU64;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::digest::{Digest, digest, version_number};
use super::time::Second;
use crate::api::conditions::{READY, STALLED, find};
use crate::api::identity::{MtlsIdentityStatus, SecretReference};
use crate::plan::identity::ready::ReadyReason;

/// What an identity's status says.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordedStatus {
    /// Reason of the `Ready` condition.
    pub reason: Option<ReadyReason>,
    /// Whether `Ready` is true.
    pub is_ready: bool,
    /// Whether this generation needs manual action.
    pub is_stalled: bool,
    /// Version of the Secret that was verified.
    pub secret_version: Option<NonZeroU64>,
    /// Beginning of the leaf.
    pub not_before: Option<Second>,
    /// End of the leaf.
    pub not_after: Option<Second>,
    /// Time of renewal.
    pub renewal: Option<Second>,
    /// Key identifier of the signer.
    pub key_id: Option<Digest>,
    /// Whether there is a proof of that.
    pub has_proof: bool,
    /// Renewal request that was answered.
    pub renew_request: Option<Digest>,
}

/// Whether the generation that a status describes has needed manual action.
#[must_use]
pub fn has_stalled(status: &MtlsIdentityStatus) -> bool {
    find(&status.conditions, STALLED).is_some_and(|condition| {
        condition.status == "True" && condition.observed_generation == status.observed_generation
    })
}

impl RecordedStatus {
    /// Whether the Secret was verified in this version.
    #[must_use]
    pub fn has_verified(&self, version: u64) -> bool {
        self.secret_version.map(NonZeroU64::get) == Some(version)
    }

    /// Whether the leaf that status speaks of has not ended, at this second since 1970.
    #[must_use]
    pub fn has_valid_leaf(&self, now: i64) -> bool {
        self.not_after.is_some_and(|end| end.get() >= now)
    }
}

impl From<&MtlsIdentityStatus> for RecordedStatus {
    fn from(status: &MtlsIdentityStatus) -> Self {
        let ready = find(&status.conditions, READY);
        let seconds = |time: &Option<Time>| time.as_ref().and_then(|time| Second::new(time.0.as_second()));
        let version = |secret: &SecretReference| NonZeroU64::new(version_number(&secret.resource_version));
        Self {
            reason: ready.and_then(|condition| ReadyReason::parse(&condition.reason)),
            is_stalled: has_stalled(status),
            is_ready: ready.is_some_and(|condition| condition.status == "True"),
            secret_version: status.secret.as_ref().and_then(version),
            not_before: seconds(&status.not_before),
            not_after: seconds(&status.not_after),
            renewal: seconds(&status.renewal_time),
            key_id: status.authority_key_id.as_deref().map(digest),
            has_proof: status.proof.is_some(),
            renew_request: status.last_handled_renew.as_deref().map(digest),
        }
    }
}
