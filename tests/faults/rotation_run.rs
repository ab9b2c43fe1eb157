//! A mesh whose root rotates: what it has become in the end, and whether its consumers could talk all the while.

use http::Request;
use jiff::SignedDuration;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, ListParams};
use kube::client::Body;
use mtls_operator::api::authority::Phase;
use mtls_operator::api::conditions::find;
use mtls_operator::pki::{Fingerprint, TrustBundle};
use serde_json::json;
use test_support::cluster::TestCluster;
use test_support::consumer_cache::{ConsumerCache, Snapshot};
use test_support::namespace::TestNamespace;
use test_support::objects::{note, ready_of, value};
use test_support::rng::SEED;
use test_support::root_writes::RootWrites;

use crate::delayed_write::DelayedWrite;
use crate::history::{History, judge};
use crate::operator_process::OperatorProcess;

/// `rotation.propagation` of the authority.
const PROPAGATION: SignedDuration = SignedDuration::from_secs(10);
/// Seconds that a write can be on its way: W of the protocol, a third of `propagation`.
const LATE: usize = 3;
/// Seconds after which a rotation has failed. It takes a hundred in calm weather.
pub const AT_MOST: usize = 1000;
/// Changes of the root Secret: created, announced, switched, dropped. A fifth would be another root.
const CHANGES: usize = 4;
const IDENTITIES: [&str; 3] = ["a", "b", "c"];

/// An authority with a few identities in a namespace of their own.
pub struct RotationRun<'a> {
    /// The namespace.
    pub namespace: String,
    authority: String,
    memory: ConsumerCache,
    /// What was written since it was applied, counted.
    root_writes: RootWrites<'a>,
    /// What was written, version by version.
    pub history: History,
}

impl<'a> RotationRun<'a> {
    /// A mesh as people apply it. Nobody has issued anything yet.
    pub async fn apply(cluster: &'a TestCluster) -> Self {
        let namespace = cluster.namespace().await;
        let authority = namespace.unique("swift");
        let history = History::begin(&namespace, format!("mtls-authority-{authority}")).await;
        let spec = json!({
            "root": { "ttl": "1h" }, "leaf": { "ttl": "1m", "maxTTL": "1m" },
            "rotation": { "propagation": "10s", "spreadOver": "0s" },
            "trustBundle": { "namespaces": { "matchLabels": { "kubernetes.io/metadata.name": namespace.name } } },
        });
        namespace.create_authority(&authority, spec).await;
        for name in IDENTITIES {
            namespace.create(name, json!({ "authorityRef": { "name": authority } })).await;
        }
        let (memory, root_writes) = (ConsumerCache::new(PROPAGATION), RootWrites::open(cluster));
        Self { namespace: namespace.name, authority, memory, root_writes, history }
    }

    /// Lives on until every identity is issued, and the trust bundle published.
    pub async fn issued(&mut self, life: &OperatorProcess) {
        let bundle = self.bundle();
        let are_issued = async |life: &OperatorProcess| {
            let identities = life.namespace.identities().list(&ListParams::default()).await.unwrap();
            let is_published = published(&life.namespace, &bundle).await.is_some();
            let are_issued = identities.iter().all(|identity| ready_of(identity).1 == "Issued");
            (are_issued && is_published).then_some(())
        };
        self.until("every identity to be issued and the bundle published", life, are_issued).await;
    }

    /// Lives on until a change of the root is held on its way.
    pub async fn held(&mut self, life: &OperatorProcess) -> DelayedWrite {
        self.until("a change of the root", life, async |life| life.wire.held()).await
    }

    /// Lives on until the root is in this phase.
    pub async fn reaches(&mut self, life: &OperatorProcess, phase: Phase) {
        let name = self.root_secret();
        let is_reached = async |life: &OperatorProcess| {
            let root = life.namespace.system_secrets().get(&name).await.unwrap();
            (note(&root, "phase").as_deref() == Some(phase.as_str())).then_some(())
        };
        self.until(phase.as_str(), life, is_reached).await;
    }

    /// Lives on until it leads.
    pub async fn led(&mut self, life: &OperatorProcess) {
        self.until("it to lead", life, async |life| life.leads().then_some(())).await;
    }

    /// Lives on until there is an answer.
    async fn until<T>(
        &mut self,
        what: &str,
        life: &OperatorProcess,
        ask: impl AsyncFn(&OperatorProcess) -> Option<T>,
    ) -> T {
        for _ in 0..AT_MOST {
            self.second(life).await;
            if let Some(answer) = ask(life).await {
                return answer;
            }
        }
        panic!("waited in vain for {what}");
    }

    /// People ask for another root.
    pub async fn ask(&self, namespace: &TestNamespace) {
        let annotations = json!({ "mtls-operator.dev/rotate": "1" });
        let patch = json!({ "metadata": { "annotations": annotations } });
        namespace.patch_authority(&self.authority, patch).await.unwrap();
    }

    /// Lives on until the rotation has ended as it should, or it is clear that it has not.
    pub async fn rotated(&mut self, life: &OperatorProcess, mut late: Option<Request<Body>>) -> EndState {
        // One look decides: what follows a change may be on its way a moment later.
        let mut picture = self.picture(&life.namespace).await;
        for second in 0..AT_MOST {
            self.second(life).await;
            if second == LATE
                && let Some(late) = late.take()
            {
                life.wire.deliver(late).await;
            }
            if self.is_stable(&life.namespace).await {
                picture = self.picture(&life.namespace).await;
            }
            if picture == EndState::expected() {
                break;
            }
        }
        picture
    }

    /// From now on leaves may expire before they can be renewed.
    pub fn forgive_expiry(&mut self) {
        self.memory.forgive_expiry();
    }

    /// How often the root Secret was changed since it was applied, and how often somebody tried in vain.
    pub async fn root_changes(&self) -> (usize, usize) {
        self.root_writes.root_changes(&self.authority, CHANGES).await
    }

    /// No version of its Secrets was worse than the end. Then people delete the authority, so that nothing of it is heard
    /// again. Returns how many versions there were.
    pub async fn end(self, cluster: &TestCluster) -> usize {
        let told = self.history.told().await;
        let verdict = judge(&told, self.history.root());
        let namespace = TestNamespace { client: cluster.client().await, name: self.namespace };
        namespace.authorities().delete(&self.authority, &DeleteParams::default()).await.unwrap();
        assert_eq!(verdict, Ok(()), "MTLS_SEED={}", *SEED);
        told.len()
    }

    /// A second passes; then any two consumers can shake hands, and clients that have the published bundle with them.
    pub async fn second(&mut self, life: &OperatorProcess) {
        life.second().await;
        let secrets = life.namespace.secrets().list(&ListParams::default()).await.unwrap();
        for secret in &secrets {
            let text = |key| String::from_utf8(value(secret, key)).unwrap();
            let (chain, key, bundle) = (text("tls.crt"), text("tls.key"), text("ca.crt"));
            let name = secret.metadata.name.as_deref().unwrap_or_default();
            self.memory.saw(name, Snapshot { since: life.now(), chain, key, bundle });
        }
        let name = self.bundle();
        if let Some(bundle) = published(&life.namespace, &name).await {
            self.memory.saw(&name, Snapshot::of_client(life.now(), bundle));
        }
        assert_eq!(self.memory.check(life.now(), true), Ok(()), "MTLS_SEED={}", *SEED);
    }

    fn root_secret(&self) -> String {
        format!("mtls-authority-{}", self.authority)
    }

    /// Name of the published trust bundle.
    fn bundle(&self) -> String {
        format!("{}-trust-bundle", self.authority)
    }

    /// Whether the rotation that was asked for has ended.
    pub async fn is_stable(&self, namespace: &TestNamespace) -> bool {
        let root = namespace.system_secrets().get(&self.root_secret()).await.unwrap();
        note(&root, "phase").as_deref() == Some("Stable") && note(&root, "rotate-request").is_some()
    }

    async fn picture(&self, namespace: &TestNamespace) -> EndState {
        let root = namespace.system_secrets().get(&self.root_secret()).await.unwrap();
        let authority = namespace.authorities().get(&self.authority).await.unwrap();
        let status = authority.status.unwrap();
        let condition = |kind| find(&status.conditions, kind).map(|found| found.reason.clone());
        let signer = Fingerprint::of(&first_certificate(&value(&root, "tls.crt"))).to_string();
        EndState {
            phase: note(&root, "phase").unwrap_or_default(),
            keys: root.data.unwrap_or_default().into_keys().collect(),
            changes: self.history.root_versions().await,
            conditions: ["Ready", "Rotating", "Published", "Stalled"].map(condition),
            roots: status.roots.iter().map(|root| root.fingerprint == signer).collect(),
            identities: self.identities(namespace, &status.roots[0].key_id).await,
            published: self.published(namespace, &signer).await,
        }
    }

    /// The roots in the published trust bundle, if there is one: whether each is this one.
    async fn published(&self, namespace: &TestNamespace, signer: &str) -> Option<Vec<bool>> {
        let bundle = published(namespace, &self.bundle()).await?;
        let bundle = TrustBundle::from_pem(bundle.as_bytes()).unwrap();
        Some(bundle.fingerprints().map(|root| root.to_string() == signer).collect())
    }

    async fn identities(&self, namespace: &TestNamespace, signer: &str) -> Vec<IdentityState> {
        let mut standings = Vec::new();
        for name in IDENTITIES {
            let reason = ready_of(&namespace.identities().get(name).await.unwrap()).1;
            let secret = namespace.secret(&format!("{name}-mtls")).await;
            let is_of_signer = note(&secret, "authority-key-id").as_deref() == Some(signer);
            let trusted = TrustBundle::from_pem(&value(&secret, "ca.crt")).unwrap().fingerprints().count();
            standings.push(IdentityState { reason, is_of_signer, trusted });
        }
        standings
    }
}

/// What the published trust bundle of this name holds, if there is one.
async fn published(namespace: &TestNamespace, name: &str) -> Option<String> {
    let config_maps: Api<ConfigMap> = Api::namespaced(namespace.client.clone(), &namespace.name);
    config_maps.get_opt(name).await.unwrap()?.data?.remove("ca.crt")
}

fn first_certificate(pem: &[u8]) -> Vec<u8> {
    use rustls::pki_types::pem::PemObject as _;
    rustls::pki_types::CertificateDer::from_pem_slice(pem).unwrap().to_vec()
}

/// What a rotation comes to.
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

/// How an identity stands.
#[derive(Clone, Debug, PartialEq, Eq)]
struct IdentityState {
    /// Reason of `Ready`.
    reason: String,
    /// Whether its leaf is signed by the root that signs now.
    is_of_signer: bool,
    /// How many roots it trusts.
    trusted: usize,
}

impl EndState {
    /// A rotation that has ended as it should.
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
