//! One reconcile as the operator does it: decide, write the Secret, write the status.

use mtls_operator::api::MtlsIdentityStatus;
use mtls_operator::operator::identity::observed::ObservedSecret;
use mtls_operator::operator::identity::secret_metadata::{LeafAnnotations, SecretMetadata};
use mtls_operator::operator::identity::status::{before, identity_status};
use mtls_operator::pki::Validity;
use mtls_operator::plan::identity::decide::{Decision, Plan, decide};
use mtls_operator::plan::identity::profile::{IdentitySpecHash, ProfileHash};
use mtls_operator::plan::identity::signer::NotReady;
use mtls_operator::plan::identity::spec::IdentitySpec;
use mtls_operator::plan::identity::world::{OwnedSecret, SecretState, StoredLeaf, World};

use super::{Objects, Stored};

impl Objects {
    fn decide(&self, spec: &IdentitySpec, found: &ObservedSecret) -> Decision {
        let signer = self.signer().cloned();
        let world = World {
            spec,
            authorization: self.authorization(spec),
            signer: signer.ok_or_else(|| NotReady("there is no signer".into())),
            secret: found.state.clone(),
            before: before(&self.identity),
            stalls_at: self.stalls_at,
        };
        decide(&world, self.now)
    }

    fn status(&self, spec: &IdentitySpec, decision: &Decision, found: &ObservedSecret) -> MtlsIdentityStatus {
        let mut status = identity_status(&self.identity, spec, decision, found, self.now);
        // What a leaf that was read says, without a certificate to read it from.
        if let (SecretState::Held(OwnedSecret { leaf: Ok(leaf), .. }), Some(_)) =
            (&found.state, &found.annotations)
        {
            let time = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
            status.serial = Some(leaf.serial.clone());
            status.not_before = Some(time(leaf.window.not_before));
            status.not_after = Some(time(leaf.window.not_after));
            status.authority_key_id = Some(leaf.key_id.clone());
        }
        status
    }

    /// Whether a reconcile would write something, sentences apart.
    pub fn would_write(&self) -> bool {
        let spec = self.spec();
        let found = self.observe(&spec, self.authorization(&spec).as_ref());
        let decision = self.decide(&spec, &found);
        let after = without_sentences(self.status(&spec, &decision, &found));
        let recorded = self.identity.status.clone().map(without_sentences);
        decision.plan != Plan::Keep || recorded.as_ref() != Some(&after)
    }

    /// One reconcile, as the operator does it.
    pub fn reconcile(&mut self) {
        let spec = self.spec();
        let mut found = self.observe(&spec, self.authorization(&spec).as_ref());
        match self.decide(&spec, &found).plan {
            Plan::Keep => {}
            Plan::Issue { .. } => found = self.issue(&spec, found.revision + 1),
            Plan::Refresh { over } => {
                assert_eq!(Some(over), self.secret.as_ref().map(Stored::version));
                found = self.refresh(&spec, &found);
            }
        }
        let decision = self.decide(&spec, &found);
        self.identity.status = Some(self.status(&spec, &decision, &found));
        self.identity.metadata.resource_version = Some(self.next_version());
    }

    fn issue(&mut self, spec: &IdentitySpec, revision: i64) -> ObservedSecret {
        let signer = self.signer.clone().unwrap();
        let authorization = self.authorization(spec).unwrap();
        let window = Validity::leaf(self.now, authorization.leaf().unwrap().ttl, signer.window);
        let version = self.next_version();
        let leaf = StoredLeaf {
            serial: format!("{:x}", self.counter),
            window,
            key_id: signer.key_id,
            issued_at: self.now,
        };
        let annotations = LeafAnnotations {
            serial: leaf.serial.clone(),
            not_after: window.not_after,
            authority_key_id: leaf.key_id.clone(),
            profile: Some(authorization.profile.to_string()),
            trust: Some(signer.trust.clone()),
            issued_at: self.now,
            revision,
            renew_request: spec.renew_request.clone(),
        };
        let mut metadata = SecretMetadata::of(spec, &annotations).metadata(spec);
        metadata.resource_version = Some(version);
        let issued_for = IdentitySpecHash::of(spec);
        let secret = Stored { metadata, leaf, trust: signer.trust, is_sound: true, issued_for };
        self.written(secret, annotations)
    }

    fn refresh(&mut self, spec: &IdentitySpec, found: &ObservedSecret) -> ObservedSecret {
        let mut secret = self.secret.clone().unwrap();
        if let Some(signer) = self.signer() {
            secret.trust.clone_from(&signer.trust);
        }
        let annotations = Self::annotations(&secret);
        let mut metadata = if found.metadata.is_some() {
            SecretMetadata::of(spec, &annotations).metadata(spec)
        } else {
            let mut metadata = secret.metadata.clone();
            let notes = metadata.annotations.get_or_insert_default();
            notes.insert("mtls-operator.dev/trust".into(), secret.trust.clone());
            metadata
        };
        metadata.resource_version = Some(self.next_version());
        secret.metadata = metadata;
        let known = self.written(secret, annotations);
        let SecretState::Held(before) = &found.state else { return known };
        let SecretState::Held(owned) = known.state else { panic!("a refreshed Secret is held") };
        ObservedSecret {
            state: SecretState::Held(OwnedSecret {
                leaf: before.leaf.clone(),
                matches_profile: before.matches_profile,
                ..owned
            }),
            ..known
        }
    }

    /// The answer to a write.
    fn written(&mut self, secret: Stored, annotations: LeafAnnotations) -> ObservedSecret {
        let is_asked = secret.issued_for == IdentitySpecHash::of(&self.spec());
        let owned = OwnedSecret {
            version: secret.version(),
            carries_uid: true,
            leaf: Ok(secret.leaf.clone()),
            profile: annotations.profile.as_deref().and_then(ProfileHash::parse),
            matches_profile: is_asked,
            trust: Some(secret.trust.clone()),
            metadata_is_current: true,
            renew_request: annotations.renew_request.clone(),
        };
        let (revision, metadata) = (annotations.revision, Some(secret.metadata.clone()));
        self.secret = Some(secret);
        let annotations = Some(annotations);
        ObservedSecret { state: SecretState::Held(owned), leaf: None, annotations, metadata, revision }
    }
}

/// A sentence may name what is no reason to write: it is written with the next change.
fn without_sentences(mut status: MtlsIdentityStatus) -> MtlsIdentityStatus {
    status.conditions.iter_mut().for_each(|condition| condition.message.clear());
    status
}
