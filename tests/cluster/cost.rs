//! Requests are spent like money: two writes for an issuance and for a renewal, none for what is settled.

use devcluster::audit::{self, Event};
use futures::future::join_all;
use serde_json::json;

use crate::stage::{SYSTEM, Scene, Stage, until};

/// The audit log, from a moment on.
struct Account<'a> {
    stage: &'a Stage,
    since: u64,
}

impl<'a> Account<'a> {
    /// Opens one once the operator issues: before that an identity is told that its authority is not ready.
    async fn open_in_service(stage: &'a Stage) -> Self {
        let earlier = stage.scene().await;
        earlier.create("earlier", json!({})).await;
        earlier.ready("earlier").await;
        Self::open(stage)
    }

    fn open(stage: &'a Stage) -> Self {
        let log = stage.cluster.lock().unwrap().audit_log();
        Self { stage, since: audit::end(&log).unwrap() }
    }

    /// What the operator asked for since then.
    fn requests(&self) -> Vec<Event> {
        let log = self.stage.cluster.lock().unwrap().audit_log();
        let user = format!("system:serviceaccount:{SYSTEM}:mtls-operator");
        audit::read(&log, self.since).unwrap().into_iter().filter(|event| event.user == user).collect()
    }

    /// What the operator wrote in a namespace since then.
    fn writes(&self, namespace: &str) -> Vec<String> {
        let is_ours = |event: &&Event| event.is_mutating() && event.namespace == namespace;
        self.requests().iter().filter(is_ours).map(described).collect()
    }

    /// The same, once these are at least so many, and once another identity has been served after them.
    async fn settled_writes(&self, scene: &Scene, at_least: usize) -> Vec<String> {
        let counted = || async { (self.writes(&scene.namespace).len() >= at_least).then_some(()) };
        until("the writes to be in the audit log", counted).await;
        let later = self.stage.scene().await;
        later.create("later", json!({})).await;
        later.ready("later").await;
        self.writes(&scene.namespace)
    }
}

fn described(event: &Event) -> String {
    let Event { verb, resource, subresource, code, .. } = event;
    format!("{verb} {resource}/{subresource} {code}")
}

const RENEWAL: [&str; 2] = ["patch secrets/ 200", "patch mtlsidentities/status 200"];

#[tokio::test]
async fn an_issuance_costs_two_writes() {
    let stage = Stage::shared();
    let scene = stage.scene().await;
    let account = Account::open_in_service(stage).await;
    scene.create("cart", json!({})).await;
    scene.ready("cart").await;
    let writes = account.settled_writes(&scene, 2).await;
    assert_eq!(writes, ["create secrets/ 201", "patch mtlsidentities/status 200"]);
}

#[tokio::test]
async fn a_renewal_costs_two_writes() {
    let stage = Stage::shared();
    let scene = stage.scene().await;
    let issuance = Account::open_in_service(stage).await;
    scene.create("cart", json!({})).await;
    scene.ready("cart").await;
    // The log is written after the answer: what of the issuance is not in it yet would be counted below.
    issuance.settled_writes(&scene, 2).await;
    let settled = Account::open(stage);
    assert!(settled.settled_writes(&scene, 0).await.is_empty(), "a settled identity costs nothing");
    let request = json!({ "metadata": { "annotations": { "mtls-operator.dev/renew": "now" } } });
    let account = Account::open(stage);
    scene.patch("cart", request).await.unwrap();
    assert_eq!(account.settled_writes(&scene, 2).await, RENEWAL);
}

#[tokio::test]
async fn fifty_identities_cost_a_hundred_writes_and_a_restart_of_the_operator_none() {
    let stage = Stage::set(&[]);
    let scene = stage.scene().await;
    let account = Account::open_in_service(&stage).await;
    let names: Vec<String> = (0..50).map(|number| format!("cart-{number}")).collect();
    join_all(names.iter().map(|name| scene.create(name, json!({})))).await;
    for name in &names {
        scene.ready(name).await;
    }
    let writes = account.settled_writes(&scene, 100).await;
    assert_eq!(writes.len(), 100, "{writes:?}");
    stage.kill_operator();
    let account = Account::open(&stage);
    stage.start_operator();
    let writes = account.settled_writes(&scene, 0).await;
    assert!(writes.is_empty(), "{writes:?}");
    let reads = |event: &&Event| {
        event.verb == "get" && event.resource == "secrets" && event.namespace == scene.namespace
    };
    let reads: Vec<String> = account.requests().iter().filter(reads).map(described).collect();
    assert!(reads.is_empty(), "{reads:?}");
    let elsewhere: Vec<String> =
        account.requests().iter().filter(|event| is_unaccounted(event)).map(described).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

/// Writes that are neither of a scene nor counted apart (the Lease, the counts of an authority).
fn is_unaccounted(event: &Event) -> bool {
    let is_apart = event.resource == "leases" || event.resource == "mtlsauthorities";
    event.is_mutating() && !is_apart && !event.namespace.starts_with("scene-")
}
