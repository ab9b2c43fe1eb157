//! Meshes with stolen roots, one for each phase and role of the root, and leaves that are made with the stolen keys.

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::Secret;
use mtls_operator::api::secret::content;
use mtls_operator::operator::authority::root::ca_pem::{next_pem, pem};
use mtls_operator::pki::{
    Authority, AuthorityPem, CommonName, CrossCertificate, KeyAlgorithm, LeafProfile, PrivateKey,
    RootAlgorithm, Serial, SpiffeId, Validity,
};
use serde_json::{Value, json};
use test_support::in_memory::harness::{AUTHORITIES, NAMESPACE, SECRETS};
use test_support::in_memory::rotation_run::RotationRun;

pub const NAME: &str = "a.orders.svc";
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// The Secret in which people provide a CA.
const OWN: &str = "own-ca";

/// A stolen root: its key, and its public cross-certificate.
pub struct Stolen {
    pem: AuthorityPem,
    cross: Vec<u8>,
}

impl Stolen {
    fn signer(mesh: &RotationRun) -> Self {
        let secret = root_secret(mesh);
        Self { pem: pem(&secret), cross: content(&secret, "cross.crt").to_vec() }
    }

    fn next(mesh: &RotationRun) -> Self {
        let secret = root_secret(mesh);
        let cross = content(&secret, "next-cross.crt").to_vec();
        assert!(!cross.is_empty(), "the signer certifies the next root");
        Self { pem: next_pem(&secret), cross }
    }

    fn load(&self, mesh: &RotationRun) -> Authority {
        Authority::load(&self.pem, mesh.harness.manual_clock.now()).unwrap()
    }

    fn fingerprint(&self, mesh: &RotationRun) -> String {
        self.load(mesh).fingerprint().to_string()
    }

    /// Chain and key of a leaf that is made with it now.
    pub fn leaf(&self, mesh: &RotationRun) -> [String; 2] {
        let stolen = self.load(mesh);
        let cross = CrossCertificate::from_pem(&self.cross, &stolen).unwrap();
        let stolen = stolen.with_rotation(&[], cross.as_ref(), &[]);
        let profile = LeafProfile {
            spiffe_id: SpiffeId::new(&"cluster.local".parse().unwrap(), NAMESPACE, "a"),
            dns_names: vec![NAME.to_owned()],
            ip_addresses: Vec::new(),
            common_name: CommonName::None,
            key_algorithm: KeyAlgorithm::EcdsaP256,
        };
        let key = PrivateKey::generate(profile.key_algorithm).unwrap();
        let window = Validity::leaf(mesh.harness.manual_clock.now(), HOUR, stolen.window());
        let leaf = stolen.issue(&profile, key, window, Serial::random().unwrap()).unwrap();
        [leaf.chain_pem.clone(), leaf.key_pem.to_string()]
    }
}

fn root_secret(mesh: &RotationRun) -> Secret {
    let secret = mesh.harness.server.get(SECRETS, "mtls-system", "mtls-authority-mesh").unwrap();
    serde_json::from_value(secret).unwrap()
}

/// A mesh, its stolen roots, and those of them that people distrust.
pub struct Theft {
    pub name: &'static str,
    pub mesh: RotationRun,
    pub stolen: Vec<Stolen>,
    pub known: String,
}

impl Theft {
    fn of(name: &'static str, mesh: RotationRun, stolen: Vec<Stolen>) -> Self {
        let known = stolen[0].fingerprint(&mesh);
        Self { name, mesh, stolen, known }
    }

    /// One for each phase and role of the root in it.
    pub async fn all() -> [Self; 6] {
        [
            Self::of_the_only_root().await,
            Self::of_the_announced_root().await,
            Self::of_both_roots().await,
            Self::of_the_signer_while_draining().await,
            Self::of_the_retiring_root().await,
            Self::of_the_withdrawn_root().await,
        ]
    }

    async fn of_the_only_root() -> Self {
        let mesh = mesh().await;
        let stolen = vec![Stolen::signer(&mesh)];
        Self::of("stable-signer", mesh, stolen)
    }

    async fn of_the_announced_root() -> Self {
        let mesh = mesh_in("Announced").await;
        let stolen = vec![Stolen::next(&mesh)];
        Self::of("announced-next", mesh, stolen)
    }

    /// Their keys lie in one Secret; people name the signer.
    async fn of_both_roots() -> Self {
        let mesh = mesh_in("Announced").await;
        let stolen = vec![Stolen::signer(&mesh), Stolen::next(&mesh)];
        Self::of("announced-signer", mesh, stolen)
    }

    async fn of_the_signer_while_draining() -> Self {
        let mesh = mesh_in("Draining").await;
        let stolen = vec![Stolen::signer(&mesh)];
        Self::of("draining-signer", mesh, stolen)
    }

    async fn of_the_retiring_root() -> Self {
        let mut mesh = mesh_in("Announced").await;
        let stolen = vec![Stolen::signer(&mesh)];
        mesh.until("Draining", 60, 1).await;
        Self::of("draining-retiring", mesh, stolen)
    }

    /// People provide a CA, and withdraw it before it signs. The signer has certified it.
    async fn of_the_withdrawn_root() -> Self {
        let mut mesh = mesh().await;
        let ca = Authority::generate("own", RootAlgorithm::EcdsaP256, HOUR, mesh.harness.manual_clock.now())
            .unwrap();
        mesh.harness.server.put(SECRETS, &provided(&ca));
        set_root(&mesh, &json!({ "ttl": "1h", "provided": { "secretName": OWN } }));
        mesh.until("Announced", 30, 1).await;
        let stolen = vec![Stolen::next(&mesh)];
        set_root(&mesh, &json!({ "ttl": "1h" }));
        mesh.until("Stable", 30, 1).await;
        Self::of("stable-withdrawn", mesh, stolen)
    }
}

/// A mesh of two identities, and of clients that have a trust bundle alone.
async fn mesh() -> RotationRun {
    let mut spec = RotationRun::swift();
    spec["trustBundle"] = json!({ "namespaces": { "from": "All" } });
    RotationRun::of(&["a", "b"], spec).await
}

/// The same, in this phase of its first rotation.
async fn mesh_in(phase: &str) -> RotationRun {
    let mut mesh = mesh().await;
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    if phase == "Draining" {
        mesh.until(phase, 60, 1).await;
    }
    mesh
}

fn provided(ca: &AuthorityPem) -> Value {
    let text = |octets: &[u8]| k8s_openapi::ByteString(octets.to_vec());
    let data = json!({ "tls.crt": text(&ca.chain), "tls.key": text(&ca.key), "ca.crt": text(&ca.anchors) });
    let consent = json!({ "mtls-operator.dev/provides-for": "mesh" });
    let metadata = json!({ "namespace": "mtls-system", "name": OWN, "annotations": consent });
    json!({ "metadata": metadata, "type": "kubernetes.io/tls", "data": data })
}

fn set_root(mesh: &RotationRun, root: &Value) {
    mesh.harness.server.edit(AUTHORITIES, "", "mesh", |authority| authority["spec"]["root"] = root.clone());
}
