//! What an admission policy has changed in a Secret on its way into the API server.
//!
//! Writing it again would store the same again, so status reports it instead.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::secret_metadata::SecretMetadata;
use crate::api::names::label;
use crate::plan::identity::spec::IdentitySpec;

/// Whether the watch of leaf Secrets sees an object with this metadata.
#[must_use]
pub fn is_watched(metadata: &ObjectMeta) -> bool {
    let labels = metadata.labels.as_ref();
    labels.and_then(|labels| labels.get(label::MANAGED_BY)).is_some_and(|manager| manager == label::MANAGER)
}

/// What of a Secret was stored otherwise than it was sent, in a sentence.
#[must_use]
pub fn altered(spec: &IdentitySpec, stored: &ObjectMeta) -> Option<String> {
    let fields = SecretMetadata::lasting(spec).differing(stored);
    if fields.is_empty() {
        return None;
    }
    let verb = if fields.len() == 1 { "was" } else { "were" };
    let consequence = if is_watched(stored) {
        ""
    } else {
        "; without that label a change of the Secret is noticed only within minutes, and rotations of the root wait for it"
    };
    Some(format!(
        "{} of Secret {}/{} {verb} changed on the way into the API server, probably by an admission policy: exempt the \
         Secret from it{consequence}",
        fields.join(", "),
        spec.namespace,
        spec.secret.name,
    ))
}
