//! One identity, its Secret and its authority as objects: decision and index see the same, and reconciles are carried out as
//! the operator carries them out. No key and no certificate is made: a leaf is what its Secret says to those who read it.

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use mtls_operator::api::{
    MtlsAuthority, MtlsAuthoritySpec, MtlsIdentity, MtlsIdentitySpec, MtlsIdentityStatus,
};
use mtls_operator::operator::identity::from_metadata::from_metadata;
use mtls_operator::operator::identity::observed::{ObserveInput, ObservedSecret, RootInput};
use mtls_operator::operator::identity::secret_metadata::{LeafAnnotations, SecretMetadata};
use mtls_operator::operator::identity::status::{before, identity_status};
use mtls_operator::operator::index::identity::ParsedIdentity;
use mtls_operator::operator::index::issuer::{AuthorityEntry, IssuerEntry};
use mtls_operator::operator::index::leaf_secret::SecretEntry;
use mtls_operator::operator::scheduler::requeue::{Requeue, next_reconcile};
use mtls_operator::operator::scheduler::requeue_inputs::RequeueInputs;
use mtls_operator::pki::{Authority, RootAlgorithm, TrustBundle, Validity};
use mtls_operator::plan::authority::spec::AuthoritySpec;
use mtls_operator::plan::identity::decide::{Decision, Plan, decide};
use mtls_operator::plan::identity::policy::{authorize, permission, retained};
use mtls_operator::plan::identity::profile::{AuthoritySpecHash, IdentitySpecHash, ProfileHash};
use mtls_operator::plan::identity::signer::{NotReady, Rollout, Signer};
use mtls_operator::plan::identity::spec::IdentitySpec;
use mtls_operator::plan::identity::world::{
    Authorization, LeafDefect, OwnedSecret, SecretState, StoredLeaf, World,
};
use mtls_operator::plan::selector::Labels;

use super::model::{DAY, NOW, YEAR};

/// Only its presence counts here: trust bundles are told apart by the hashes that signers name.
static BUNDLE: LazyLock<TrustBundle> = LazyLock::new(|| {
    let pem = Authority::generate("mesh", RootAlgorithm::default(), YEAR, NOW).unwrap();
    TrustBundle::from_pem(&pem.anchors).unwrap()
});

/// A Secret: its metadata, and what is in it.
#[derive(Clone, Debug)]
pub struct Stored {
    pub metadata: ObjectMeta,
    pub leaf: StoredLeaf,
    pub trust: String,
    /// Whether key and certificate belong together.
    pub is_sound: bool,
    /// For which spec the leaf was issued.
    issued_for: IdentitySpecHash,
}

/// Everything that a reconcile of one identity depends on.
#[derive(Clone, Debug)]
pub struct Objects {
    pub identity: MtlsIdentity,
    pub secret: Option<Stored>,
    pub authority: Option<MtlsAuthority>,
    pub signer: Option<Signer>,
    pub now: Timestamp,
    /// From when on a refusal needs a person.
    pub stalls_at: Timestamp,
    /// Counts versions of all objects, and serial numbers.
    pub counter: u64,
}

impl Objects {
    pub fn new() -> Self {
        let mut identity = MtlsIdentity::new("web", MtlsIdentitySpec::default());
        identity.metadata.namespace = Some("orders".into());
        identity.metadata.uid = Some("uid-1".into());
        identity.metadata.generation = Some(1);
        let window = Validity { not_before: NOW - DAY, not_after: NOW + YEAR * 9 };
        let rotation = Rollout { known: vec!["a1".into()], ..Rollout::default() };
        let signer = Signer { key_id: "a1".into(), window, trust: "t1".into(), rotation, halted: None };
        Self {
            identity,
            secret: None,
            authority: Some(MtlsAuthority::new("mesh", MtlsAuthoritySpec::default())),
            signer: Some(signer),
            now: NOW,
            stalls_at: NOW + SignedDuration::from_mins(1),
            counter: 0,
        }
    }

    pub fn spec(&self) -> IdentitySpec {
        IdentitySpec::parse(&self.identity).unwrap()
    }

    /// A version that no object had.
    pub fn next_version(&mut self) -> String {
        self.counter += 1;
        self.counter.to_string()
    }

    /// The signer, which an authority that is gone does not have.
    fn signer(&self) -> Option<&Signer> {
        self.signer.as_ref().filter(|_| self.authority.is_some())
    }

    fn authority_spec(&self) -> Option<AuthoritySpec> {
        self.authority.as_ref().map(|authority| AuthoritySpec::parse(authority).unwrap())
    }

    fn authorization(&self, spec: &IdentitySpec) -> Option<Authorization> {
        let authority = self.authority_spec()?;
        let labels = Labels::new();
        Some(Authorization {
            entitlement: authorize(spec, &authority, &labels),
            retained: retained(spec, &authority, &labels),
            profile: ProfileHash::of(IdentitySpecHash::of(spec), AuthoritySpecHash::of(&authority)),
        })
    }

    /// When the scheduler has it reconciled.
    pub fn requeue(&self) -> Requeue {
        let parsed = ParsedIdentity::from(&self.identity);
        let secret = self.secret.as_ref().map(Stored::entry);
        let spec = self.authority_spec();
        let authority = spec.as_ref().map(|spec| AuthorityEntry {
            epoch: 1,
            profile: AuthoritySpecHash::of(spec),
            signer: self.signer().map(IssuerEntry::from),
        });
        let permission = spec.as_ref().map(|spec| permission(&self.spec(), spec, &Labels::new()));
        let inputs = RequeueInputs {
            secret: secret.as_ref(),
            authority: authority.as_ref(),
            permission,
            stalls_at: self.stalls_at.as_second(),
            now: self.now.as_second(),
        };
        next_reconcile(&parsed.entry, inputs)
    }

    fn observe(&self, spec: &IdentitySpec, authorization: Option<&Authorization>) -> ObservedSecret {
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

    fn annotations(secret: &Stored) -> LeafAnnotations {
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

impl Stored {
    fn entry(&self) -> SecretEntry {
        SecretEntry::of(&(&self.metadata).into(), "orders".into())
    }

    pub fn version(&self) -> String {
        self.metadata.resource_version.clone().unwrap()
    }
}

/// A sentence may name what is no reason to write: it is written with the next change.
fn without_sentences(mut status: MtlsIdentityStatus) -> MtlsIdentityStatus {
    status.conditions.iter_mut().for_each(|condition| condition.message.clear());
    status
}
