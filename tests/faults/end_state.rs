//! The state in which a rotation ends: of the root Secret, the authority, its identities and its published bundle.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::Api;
use mtls_operator::api::conditions::find;
use mtls_operator::pki::{Fingerprint, TrustBundle};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use test_support::namespace::TestNamespace;
use test_support::objects::{note, ready_of, value};

/// Changes of the root Secret: created, announced, switched, dropped. A fifth would be another root.
pub const CHANGES: usize = 4;
/// Names of the identities.
pub const IDENTITIES: [&str; 3] = ["a", "b", "c"];

/// What a rotation has come to.
#[derive(Debug, PartialEq, Eq)]
pub struct EndState {
    /// Phase, as the root Secret says it.
    phase: String,
    /// Keys of the root Secret.
    keys: Vec<String>,
    /// How often the root Secret was changed.
    changes: usize,
    /// Reasons of `Ready`, `Rotating`, `Published` and `Stalled` of the authority.
    conditions: [Option<String>; 4],
    /// The roots in the authority's status: whether each is the one that signs.
    roots: Vec<bool>,
    identities: Vec<IdentityState>,
    /// The roots in the published trust bundle: whether each is the one that signs.
    published: Option<Vec<bool>>,
}

/// An identity after the rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityState {
    /// Reason of `Ready`.
    reason: String,
    /// Whether its leaf is signed by the root that signs now.
    is_of_signer: bool,
    /// How many roots it trusts.
    trusted: usize,
}

impl EndState {
    /// The state of an authority whose root Secret was changed so often.
    pub async fn observed(namespace: &TestNamespace, authority: &str, changes: usize) -> Self {
        let root = namespace.system_secrets().get(&root_secret(authority)).await.unwrap();
        let status = namespace.authorities().get(authority).await.unwrap().status.unwrap();
        let condition = |kind| find(&status.conditions, kind).map(|found| found.reason.clone());
        let signer = Fingerprint::of(&first_certificate(&value(&root, "tls.crt"))).to_string();
        Self {
            phase: note(&root, "phase").unwrap_or_default(),
            keys: root.data.unwrap_or_default().into_keys().collect(),
            changes,
            conditions: ["Ready", "Rotating", "Published", "Stalled"].map(condition),
            roots: status.roots.iter().map(|root| root.fingerprint == signer).collect(),
            identities: identities(namespace, &status.roots[0].key_id).await,
            published: published_roots(namespace, authority, &signer).await,
        }
    }

    /// The end of a rotation in which nothing went wrong.
    pub fn expected() -> Self {
        let issued = IdentityState { reason: "Issued".into(), is_of_signer: true, trusted: 1 };
        Self {
            phase: "Stable".into(),
            keys: ["ca.crt", "cross.crt", "evidence.key", "tls.crt", "tls.key"].map(str::to_owned).into(),
            changes: CHANGES,
            conditions: [Some("Ready"), Some("Stable"), Some("Published"), None]
                .map(|reason| reason.map(str::to_owned)),
            roots: vec![true],
            identities: vec![issued; IDENTITIES.len()],
            published: Some(vec![true]),
        }
    }
}

/// Name of the root Secret of an authority.
pub fn root_secret(authority: &str) -> String {
    format!("mtls-authority-{authority}")
}

/// Name of the published trust bundle of an authority.
pub fn bundle_name(authority: &str) -> String {
    format!("{authority}-trust-bundle")
}

/// The published trust bundle of an authority, if there is one.
pub async fn published(namespace: &TestNamespace, authority: &str) -> Option<String> {
    let config_maps: Api<ConfigMap> = Api::namespaced(namespace.client.clone(), &namespace.name);
    config_maps.get_opt(&bundle_name(authority)).await.unwrap()?.data?.remove("ca.crt")
}

/// The roots in the published trust bundle, if there is one: whether each is the one that signs.
async fn published_roots(namespace: &TestNamespace, authority: &str, signer: &str) -> Option<Vec<bool>> {
    let bundle = published(namespace, authority).await?;
    let bundle = TrustBundle::from_pem(bundle.as_bytes()).unwrap();
    Some(bundle.fingerprints().map(|root| root.to_string() == signer).collect())
}

async fn identities(namespace: &TestNamespace, signer: &str) -> Vec<IdentityState> {
    let mut states = Vec::new();
    for name in IDENTITIES {
        let reason = ready_of(&namespace.identities().get(name).await.unwrap()).1;
        let secret = namespace.secret(&format!("{name}-mtls")).await;
        let is_of_signer = note(&secret, "authority-key-id").as_deref() == Some(signer);
        let trusted = TrustBundle::from_pem(&value(&secret, "ca.crt")).unwrap().fingerprints().count();
        states.push(IdentityState { reason, is_of_signer, trusted });
    }
    states
}

fn first_certificate(pem: &[u8]) -> Vec<u8> {
    CertificateDer::from_pem_slice(pem).unwrap().to_vec()
}
