//! Roots whose key is stolen. Once people distrust one of them, a leaf that is made with the key is refused before every
//! trust bundle in force, though the public cross-certificate is shown with it; before that it was accepted: in each phase,
//! in each role of the root. The operator runs before the scripted API server of `tests/conversation`.

use std::path::PathBuf;

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::Secret;
use mtls_operator::api::secret::content;
use mtls_operator::operator::authority::root::ca_pem::{next_pem, pem};
use mtls_operator::pki::{
    Authority, AuthorityPem, CommonName, CrossCertificate, KeyAlgorithm, LeafProfile, PrivateKey,
    RootAlgorithm, Serial, SpiffeId, Validity,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::in_memory::harness::{AUTHORITIES, CONFIG_MAPS, NAMESPACE, SECRETS};
use test_support::in_memory::rotation_run::RotationRun;

use crate::question::{Question, Role};
use crate::verifiers::AT_ANY_TIME;

const NAME: &str = "a.orders.svc";
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// The Secret in which people provide a CA.
const OWN: &str = "own-ca";

/// A stolen root: its key, and its public cross-certificate.
struct Stolen {
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
        Authority::load(&self.pem, mesh.harness.hand.now()).unwrap()
    }

    fn fingerprint(&self, mesh: &RotationRun) -> String {
        self.load(mesh).fingerprint().to_string()
    }

    /// Chain and key of a leaf that is made with it now.
    fn leaf(&self, mesh: &RotationRun) -> [String; 2] {
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
        let window = Validity::leaf(mesh.harness.hand.now(), HOUR, stolen.window());
        let leaf = stolen.issue(&profile, key, window, Serial::random().unwrap()).unwrap();
        [leaf.chain_pem.clone(), leaf.key_pem.to_string()]
    }
}

fn root_secret(mesh: &RotationRun) -> Secret {
    let secret = mesh.harness.server.get(SECRETS, "mtls-system", "mtls-authority-mesh").unwrap();
    serde_json::from_value(secret).unwrap()
}

/// A mesh, its stolen roots, and those of them that people distrust.
struct Theft {
    name: &'static str,
    mesh: RotationRun,
    stolen: Vec<Stolen>,
    known: String,
}

impl Theft {
    fn of(name: &'static str, mesh: RotationRun, stolen: Vec<Stolen>) -> Self {
        let known = stolen[0].fingerprint(&mesh);
        Self { name, mesh, stolen, known }
    }

    /// One for each phase and role of the root in it.
    async fn all() -> [Self; 6] {
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
        let ca = Authority::generate("own", RootAlgorithm::EcdsaP256, HOUR, mesh.harness.hand.now()).unwrap();
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

/// Every trust bundle in a Secret or a ConfigMap.
fn bundles(mesh: &RotationRun) -> Vec<String> {
    let config_maps = mesh.harness.server.all(CONFIG_MAPS).into_iter();
    let published = config_maps.map(|map| map["data"]["ca.crt"].as_str().unwrap().to_owned());
    let mut all: Vec<String> = published.chain(["a", "b"].map(|name| mesh.text(name, "ca.crt"))).collect();
    assert!(all.len() > 2, "some are published");
    all.sort_unstable();
    all.dedup();
    all
}

/// The questions to verifiers, and whether they are to accept.
struct Trial {
    folder: TempDir,
    asked: Vec<(Question, bool)>,
}

impl Trial {
    /// Leaves that are made with the stolen keys now, before each stored bundle.
    fn ask(&mut self, theft: &Theft, moment: &str, is_accepted: bool) {
        let made = theft.stolen.iter().map(|stolen| stolen.leaf(&theft.mesh));
        for (number, leaf) in made.enumerate() {
            self.show(theft, &format!("{}-{moment}-{number}", theft.name), &leaf, is_accepted);
        }
    }

    /// The leaf of a workload, which the bundles in force must accept.
    fn ask_workload(&mut self, theft: &Theft) {
        let leaf = ["tls.crt", "tls.key"].map(|key| theft.mesh.text("a", key));
        self.show(theft, &format!("{}-workload", theft.name), &leaf, true);
    }

    fn show(&mut self, theft: &Theft, what: &str, leaf: &[String; 2], is_accepted: bool) {
        let chain = self.write(&format!("{what}-chain.pem"), &leaf[0]);
        let key = self.write(&format!("{what}-key.pem"), &leaf[1]);
        let at = theft.mesh.harness.hand.now();
        for (number, bundle) in bundles(&theft.mesh).iter().enumerate() {
            let trust = self.write(&format!("{what}-trust-{number}.pem"), bundle);
            for role in Role::ALL {
                let (chain, key, trust) = (chain.clone(), key.clone(), trust.clone());
                self.asked.push((Question { chain, key, name: NAME, trust, role, at }, is_accepted));
            }
        }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    }

    /// The verifiers that were asked, and their wrong verdicts.
    fn faults(&self) -> (Vec<String>, Vec<String>) {
        let questions: Vec<Question> = self.asked.iter().map(|(question, _)| question.clone()).collect();
        let (mut asked, mut faults) = (Vec::new(), Vec::new());
        for judge in AT_ANY_TIME.iter().filter_map(|find| find()) {
            let verdicts = judge.judge(&questions);
            asked.push(judge.version());
            for ((question, is_accepted), verdict) in self.asked.iter().zip(verdicts) {
                if verdict.is_ok() != *is_accepted {
                    faults.push(format!("{}: {question}: {verdict:?}", judge.version()));
                }
            }
        }
        (asked, faults)
    }
}

#[tokio::test(start_paused = true)]
async fn once_a_root_is_distrusted_foreign_verifiers_refuse_what_is_made_with_its_key() {
    let mut trial = Trial { folder: tempfile::tempdir().unwrap(), asked: Vec::new() };
    for mut theft in Box::pin(Theft::all()).await {
        trial.ask(&theft, "before", true);
        theft.mesh.distrust(&[&theft.known]);
        theft.mesh.tick(1).await;
        theft.mesh.tick(1).await;
        trial.ask(&theft, "after", false);
        trial.ask_workload(&theft);
    }
    let (asked, faults) = trial.faults();
    println!("{} questions each: {}", trial.asked.len(), asked.join(", "));
    assert!(faults.is_empty(), "{} verdicts are wrong:\n{}", faults.len(), faults.join("\n"));
}
