//! What a test reads of objects, and what can be wrong with them.

use k8s_openapi::api::core::v1::Secret;
use kube::Resource;
use mtls_operator::api::MtlsIdentity;
use mtls_operator::api::conditions::find;
use mtls_operator::plan::identity::world::LeafDefect;

/// Every defect of a leaf.
pub const LEAF_DEFECTS: [LeafDefect; 6] = [
    LeafDefect::CertificateUnreadable,
    LeafDefect::KeyUnreadable,
    LeafDefect::KeyMismatch,
    LeafDefect::Untrusted,
    LeafDefect::Unsound,
    LeafDefect::NotYetValid,
];

/// Status, reason and message of an identity's `Ready` condition.
pub fn ready_of(identity: &MtlsIdentity) -> (String, String, String) {
    let conditions = identity.status.as_ref().map_or(&[][..], |status| &status.conditions);
    find(conditions, "Ready")
        .map_or_else(Default::default, |c| (c.status.clone(), c.reason.clone(), c.message.clone()))
}

/// Whether an identity is `Stalled`.
pub fn is_stalled(identity: &MtlsIdentity) -> bool {
    let conditions = identity.status.as_ref().map_or(&[][..], |status| &status.conditions);
    find(conditions, "Stalled").is_some_and(|condition| condition.status == "True")
}

/// One value of a Secret.
pub fn value(secret: &Secret, key: &str) -> Vec<u8> {
    secret.data.as_ref().and_then(|data| data.get(key)).map(|value| value.0.clone()).unwrap_or_default()
}

/// One annotation of an object.
pub fn note<K: Resource>(object: &K, key: &str) -> Option<String> {
    object.meta().annotations.as_ref()?.get(&format!("mtls-operator.dev/{key}")).cloned()
}
