//! What a reconcile observes of the Secret: from its metadata alone where that is enough, else from its content.

use mtls_operator::operator::identity::from_metadata::from_metadata;
use mtls_operator::operator::identity::observed::{ObserveInput, ObservedSecret, RootInput};
use mtls_operator::operator::identity::secret_metadata::{LeafAnnotations, SecretMetadata};
use mtls_operator::plan::identity::profile::{IdentitySpecHash, ProfileHash};
use mtls_operator::plan::identity::spec::IdentitySpec;
use mtls_operator::plan::identity::world::{Authorization, LeafDefect, OwnedSecret, SecretState};

use super::{BUNDLE, Objects, Stored};

impl Objects {
    pub(super) fn observe(
        &self,
        spec: &IdentitySpec,
        authorization: Option<&Authorization>,
    ) -> ObservedSecret {
        let root = self.signer().map(|signer| RootInput {
            bundle: &BUNDLE,
            trust: &signer.trust,
            rotation: &signer.rotation,
        });
        let input = ObserveInput { identity: &self.identity, spec, authorization, root };
        let Some(secret) = &self.secret else {
            return ObservedSecret::without_leaf(SecretState::Absent, input.recorded_revision());
        };
        from_metadata(&input, &secret.entry()).unwrap_or_else(|| self.read(secret, &input))
    }

    /// What the content of the Secret shows to a reconcile that reads it.
    fn read(&self, secret: &Stored, input: &ObserveInput<'_>) -> ObservedSecret {
        let note = |key: &str| secret.metadata.annotations.as_ref().unwrap().get(key).cloned();
        let signer = self.signer();
        let is_known =
            secret.is_sound && signer.is_none_or(|signer| signer.rotation.is_known(&secret.leaf.key_id));
        let is_trust_known = signer.is_none_or(|signer| {
            secret.trust == signer.trust || Some(&secret.trust) == signer.rotation.former_trust.as_ref()
        });
        // Without an authority the leaf is taken for what it is.
        let is_as_asked =
            input.authorization.is_none() || secret.issued_for == IdentitySpecHash::of(input.spec);
        let annotations = Self::annotations(secret);
        let is_current = SecretMetadata::of(input.spec, &annotations).patch(&secret.metadata).is_empty();
        let is_trust_noted = signer.is_none()
            || !is_trust_known
            || note("mtls-operator.dev/trust").as_ref() == Some(&secret.trust);
        let owned = OwnedSecret {
            version: secret.version(),
            carries_uid: true,
            leaf: if is_known { Ok(secret.leaf.clone()) } else { Err(LeafDefect::Untrusted) },
            profile: note("mtls-operator.dev/profile").as_deref().and_then(ProfileHash::parse),
            matches_profile: is_known && is_as_asked,
            trust: is_trust_known.then(|| secret.trust.clone()),
            metadata_is_current: input.verified_version() == Some(&*secret.version())
                || if is_known { is_current } else { is_trust_noted },
            renew_request: note("mtls-operator.dev/renew-request"),
        };
        let revision = note("mtls-operator.dev/revision").and_then(|text| text.parse().ok()).unwrap_or(0);
        let annotations = is_known.then_some(annotations);
        let metadata = Some(secret.metadata.clone());
        ObservedSecret { state: SecretState::Held(owned), leaf: None, annotations, metadata, revision }
    }

    pub(super) fn annotations(secret: &Stored) -> LeafAnnotations {
        let note = |key: &str| secret.metadata.annotations.as_ref().unwrap().get(key).cloned();
        LeafAnnotations {
            serial: secret.leaf.serial.clone(),
            not_after: secret.leaf.window.not_after,
            authority_key_id: secret.leaf.key_id.clone(),
            profile: note("mtls-operator.dev/profile"),
            trust: Some(secret.trust.clone()),
            issued_at: secret.leaf.issued_at,
            revision: note("mtls-operator.dev/revision").and_then(|text| text.parse().ok()).unwrap_or(0),
            renew_request: note("mtls-operator.dev/renew-request"),
        }
    }
}
