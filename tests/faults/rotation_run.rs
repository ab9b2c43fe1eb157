//! A mesh whose root rotates, second by second, and whether any two of its consumers can shake hands at each.

use http::Request;
use jiff::SignedDuration;
use kube::api::{DeleteParams, ListParams};
use kube::client::Body;
use mtls_operator::api::authority::Phase;
use serde_json::json;
use test_support::cluster::TestCluster;
use test_support::consumer_cache::{ConsumerCache, Snapshot};
use test_support::namespace::TestNamespace;
use test_support::objects::{note, ready_of, value};
use test_support::rng::SEED;
use test_support::root_writes::RootWrites;

use crate::delayed_write::DelayedWrite;
use crate::end_state::{CHANGES, EndState, IDENTITIES, bundle_name, published, root_secret};
use crate::history::{History, judge};
use crate::operator_process::OperatorProcess;

/// `rotation.propagation` of the authority.
const PROPAGATION: SignedDuration = SignedDuration::from_secs(10);
/// Seconds that a write can be on its way: W of the protocol, a third of `propagation`.
const LATE: usize = 3;
/// Seconds after which a rotation has failed. It takes a hundred without faults.
pub const AT_MOST: usize = 1000;

/// An authority with a few identities in a namespace of their own.
pub struct RotationRun<'a> {
    /// The namespace.
    pub namespace: String,
    authority: String,
    memory: ConsumerCache,
    /// The number of writes of the root Secret since it was applied.
    root_writes: RootWrites<'a>,
    /// Every version of its Secrets.
    pub history: History,
}

impl<'a> RotationRun<'a> {
    /// A mesh as people apply it, before anything is issued.
    pub async fn apply(cluster: &'a TestCluster) -> Self {
        let namespace = cluster.namespace().await;
        let authority = namespace.unique("swift");
        let history = History::begin(&namespace, root_secret(&authority)).await;
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

    /// Runs until every identity is issued, and the trust bundle published.
    pub async fn issued(&mut self, operator: &OperatorProcess) {
        let authority = self.authority.clone();
        let are_issued = async |operator: &OperatorProcess| {
            let identities = operator.namespace.identities().list(&ListParams::default()).await.unwrap();
            let is_published = published(&operator.namespace, &authority).await.is_some();
            let are_issued = identities.iter().all(|identity| ready_of(identity).1 == "Issued");
            (are_issued && is_published).then_some(())
        };
        self.until("every identity to be issued and the bundle published", operator, are_issued).await;
    }

    /// Runs until a change of the root is held on its way.
    pub async fn held(&mut self, operator: &OperatorProcess) -> DelayedWrite {
        self.until("a change of the root", operator, async |operator| operator.proxy.held()).await
    }

    /// Runs until the root is in this phase.
    pub async fn reaches(&mut self, operator: &OperatorProcess, phase: Phase) {
        let name = root_secret(&self.authority);
        let is_reached = async |operator: &OperatorProcess| {
            let root = operator.namespace.system_secrets().get(&name).await.unwrap();
            (note(&root, "phase").as_deref() == Some(phase.as_str())).then_some(())
        };
        self.until(phase.as_str(), operator, is_reached).await;
    }

    /// Runs until it leads.
    pub async fn led(&mut self, operator: &OperatorProcess) {
        self.until("it to lead", operator, async |operator| operator.leads().then_some(())).await;
    }

    /// Runs until there is an answer.
    async fn until<T>(
        &mut self,
        what: &str,
        operator: &OperatorProcess,
        ask: impl AsyncFn(&OperatorProcess) -> Option<T>,
    ) -> T {
        for _ in 0..AT_MOST {
            self.second(operator).await;
            if let Some(answer) = ask(operator).await {
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

    /// Runs until the rotation has ended as it should, or it is clear that it has not.
    pub async fn rotated(&mut self, operator: &OperatorProcess, mut late: Option<Request<Body>>) -> EndState {
        // Read at once and again each second: what follows a change may be on its way a moment later.
        let mut end_state = self.end_state(&operator.namespace).await;
        for second in 0..AT_MOST {
            self.second(operator).await;
            if second == LATE
                && let Some(late) = late.take()
            {
                operator.proxy.deliver(late).await;
            }
            if self.is_stable(&operator.namespace).await {
                end_state = self.end_state(&operator.namespace).await;
            }
            if end_state == EndState::expected() {
                break;
            }
        }
        end_state
    }

    /// From now on leaves may expire before they can be renewed.
    pub fn forgive_expiry(&mut self) {
        self.memory.forgive_expiry();
    }

    /// How often the root Secret was changed since it was applied, and how often a change was refused.
    pub async fn root_changes(&self) -> (usize, usize) {
        self.root_writes.root_changes(&self.authority, CHANGES).await
    }

    /// Asserts that no version of its Secrets was worse than the end, and deletes the authority. Returns how many versions
    /// there were.
    pub async fn end(self, cluster: &TestCluster) -> usize {
        let told = self.history.told().await;
        let verdict = judge(&told, self.history.root());
        let namespace = TestNamespace { client: cluster.client().await, name: self.namespace };
        namespace.authorities().delete(&self.authority, &DeleteParams::default()).await.unwrap();
        assert_eq!(verdict, Ok(()), "MTLS_SEED={}", *SEED);
        told.len()
    }

    /// A second passes; then any two consumers can shake hands, and clients that have the published bundle with them.
    pub async fn second(&mut self, operator: &OperatorProcess) {
        operator.second().await;
        let secrets = operator.namespace.secrets().list(&ListParams::default()).await.unwrap();
        for secret in &secrets {
            let text = |key| String::from_utf8(value(secret, key)).unwrap();
            let (chain, key, bundle) = (text("tls.crt"), text("tls.key"), text("ca.crt"));
            let name = secret.metadata.name.as_deref().unwrap_or_default();
            self.memory.saw(name, Snapshot { since: operator.now(), chain, key, bundle });
        }
        if let Some(bundle) = published(&operator.namespace, &self.authority).await {
            self.memory.saw(&bundle_name(&self.authority), Snapshot::of_client(operator.now(), bundle));
        }
        assert_eq!(self.memory.check(operator.now(), true), Ok(()), "MTLS_SEED={}", *SEED);
    }

    async fn end_state(&self, namespace: &TestNamespace) -> EndState {
        EndState::observed(namespace, &self.authority, self.history.root_versions().await).await
    }

    /// Whether the rotation that was asked for has ended.
    pub async fn is_stable(&self, namespace: &TestNamespace) -> bool {
        let root = namespace.system_secrets().get(&root_secret(&self.authority)).await.unwrap();
        note(&root, "phase").as_deref() == Some("Stable") && note(&root, "rotate-request").is_some()
    }
}
