//! One identity, its Secret and its authority as objects: decision and index see the same, and reconciles are carried out as
//! the operator carries them out. No key and no certificate is made: a leaf is what its Secret says of it.

mod observe;
mod reconcile;

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use mtls_operator::api::{MtlsAuthority, MtlsAuthoritySpec, MtlsIdentity, MtlsIdentitySpec};
use mtls_operator::operator::index::identity::ParsedIdentity;
use mtls_operator::operator::index::issuer::{AuthorityEntry, IssuerEntry};
use mtls_operator::operator::index::leaf_secret::SecretEntry;
use mtls_operator::operator::scheduler::requeue::{Requeue, next_reconcile};
use mtls_operator::operator::scheduler::requeue_inputs::RequeueInputs;
use mtls_operator::pki::{Authority, RootAlgorithm, TrustBundle, Validity};
use mtls_operator::plan::authority::spec::AuthoritySpec;
use mtls_operator::plan::identity::policy::{authorize, permission, retained};
use mtls_operator::plan::identity::profile::{AuthoritySpecHash, IdentitySpecHash, ProfileHash};
use mtls_operator::plan::identity::signer::{Rollout, Signer};
use mtls_operator::plan::identity::spec::IdentitySpec;
use mtls_operator::plan::identity::world::{Authorization, StoredLeaf};
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
    /// From when on a refusal needs manual action.
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
}

impl Stored {
    fn entry(&self) -> SecretEntry {
        SecretEntry::of(&(&self.metadata).into(), "orders".into())
    }

    pub fn version(&self) -> String {
        self.metadata.resource_version.clone().unwrap()
    }
}
