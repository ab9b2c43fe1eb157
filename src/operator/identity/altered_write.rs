//! What has become of a Secret on its way into the API server: an admission policy may store it otherwise than it was
//! sent. Writing it again would store the same again, so it is told instead.

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
pub fn altered(asked: &IdentitySpec, stored: &ObjectMeta) -> Option<String> {
    let fields = SecretMetadata::lasting(asked).differing(stored);
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
        asked.namespace,
        asked.secret.name,
    ))
}
