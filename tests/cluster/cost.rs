//! Writes are counted: two for an issuance and for a renewal, none for what is settled.

use devcluster::audit::{self, Event};
use futures::future::join_all;
use serde_json::json;
use test_support::cluster::TestCluster;
use test_support::installation::SYSTEM;
use test_support::namespace::TestNamespace;
use test_support::wait::until;

/// The audit log, from a moment on.
struct Account<'a> {
    cluster: &'a TestCluster,
    since: u64,
}

impl<'a> Account<'a> {
    /// Opens one once the operator issues: before that, statuses say that the authority is not ready.
    async fn open_in_service(cluster: &'a TestCluster) -> Self {
        let earlier = cluster.namespace().await;
        earlier.create("earlier", json!({})).await;
        earlier.ready("earlier").await;
        Self::open(cluster)
    }

    fn open(cluster: &'a TestCluster) -> Self {
        let log = cluster.control_plane().audit_log();
        Self { cluster, since: audit::end(&log).unwrap() }
    }

    /// The requests of the operator since then.
    fn requests(&self) -> Vec<Event> {
        let log = self.cluster.control_plane().audit_log();
        let user = format!("system:serviceaccount:{SYSTEM}:mtls-operator");
        audit::read(&log, self.since).unwrap().into_iter().filter(|event| event.user == user).collect()
    }

    /// What the operator wrote in a namespace since then.
    fn writes(&self, namespace: &str) -> Vec<String> {
        let is_ours = |event: &&Event| event.is_mutating() && event.namespace == namespace;
        self.requests().iter().filter(is_ours).map(described).collect()
    }

    /// The same, once these are at least so many, and once another identity has been served after them.
    async fn settled_writes(&self, namespace: &TestNamespace, at_least: usize) -> Vec<String> {
        let counted = || async { (self.writes(&namespace.name).len() >= at_least).then_some(()) };
        until("the writes to be in the audit log", counted).await;
        let later = self.cluster.namespace().await;
        later.create("later", json!({})).await;
        later.ready("later").await;
        self.writes(&namespace.name)
    }
}

fn described(event: &Event) -> String {
    let Event { verb, resource, subresource, code, .. } = event;
    format!("{verb} {resource}/{subresource} {code}")
}

const RENEWAL: [&str; 2] = ["patch secrets/ 200", "patch mtlsidentities/status 200"];

#[tokio::test]
async fn an_issuance_costs_two_writes() {
    let cluster = TestCluster::shared();
    let namespace = cluster.namespace().await;
    let account = Account::open_in_service(cluster).await;
    namespace.create("cart", json!({})).await;
    namespace.ready("cart").await;
    let writes = account.settled_writes(&namespace, 2).await;
    assert_eq!(writes, ["create secrets/ 201", "patch mtlsidentities/status 200"]);
}

#[tokio::test]
async fn a_renewal_costs_two_writes() {
    let cluster = TestCluster::shared();
    let namespace = cluster.namespace().await;
    let issuance = Account::open_in_service(cluster).await;
    namespace.create("cart", json!({})).await;
    namespace.ready("cart").await;
    // The log is written after the answer: what of the issuance is not in it yet would be counted below.
    issuance.settled_writes(&namespace, 2).await;
    let settled = Account::open(cluster);
    assert!(settled.settled_writes(&namespace, 0).await.is_empty(), "a settled identity costs nothing");
    let request = json!({ "metadata": { "annotations": { "mtls-operator.dev/renew": "now" } } });
    let account = Account::open(cluster);
    namespace.patch("cart", request).await.unwrap();
    assert_eq!(account.settled_writes(&namespace, 2).await, RENEWAL);
}

#[tokio::test]
async fn fifty_identities_cost_a_hundred_writes_and_a_restart_of_the_operator_none() {
    let cluster = TestCluster::new(&[]);
    let namespace = cluster.namespace().await;
    let account = Account::open_in_service(&cluster).await;
    let names: Vec<String> = (0..50).map(|number| format!("cart-{number}")).collect();
    join_all(names.iter().map(|name| namespace.create(name, json!({})))).await;
    for name in &names {
        namespace.ready(name).await;
    }
    let writes = account.settled_writes(&namespace, 100).await;
    assert_eq!(writes.len(), 100, "{writes:?}");
    cluster.stop_operator();
    let account = Account::open(&cluster);
    cluster.start_operator();
    let writes = account.settled_writes(&namespace, 0).await;
    assert!(writes.is_empty(), "{writes:?}");
    let reads = |event: &&Event| {
        event.verb == "get" && event.resource == "secrets" && event.namespace == namespace.name
    };
    let reads: Vec<String> = account.requests().iter().filter(reads).map(described).collect();
    assert!(reads.is_empty(), "{reads:?}");
    let elsewhere: Vec<String> =
        account.requests().iter().filter(|event| is_unaccounted(event)).map(described).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

/// Writes that are neither of a test namespace nor counted apart (the Lease, the counts of an authority).
fn is_unaccounted(event: &Event) -> bool {
    let is_apart = event.resource == "leases" || event.resource == "mtlsauthorities";
    event.is_mutating() && !is_apart && !event.namespace.starts_with("test-")
}
