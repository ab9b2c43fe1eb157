//! An API server whose Priority and Fairness gives the operator one seat and no queue: it is asked for little more than it
//! answers.

use devcluster::audit::{self, Event};
use futures::future::join_all;
use serde_json::{Value, json};
use test_support::cluster::TestCluster;
use test_support::installation::SYSTEM;
use test_support::wait::until;

const IDENTITIES: usize = 200;

/// A priority level with so few shares that one seat is left for it, beside one that has nearly all and lends them to others.
fn levels() -> [Value; 2] {
    let level = |name: &str, shares: u32, lendable: u32| {
        json!({
            "apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "PriorityLevelConfiguration",
            "metadata": { "name": name },
            "spec": { "type": "Limited", "limited": {
                "nominalConcurrencyShares": shares, "lendablePercent": lendable, "borrowingLimitPercent": 0,
                "limitResponse": { "type": "Reject" }
            } }
        })
    };
    [level("one-seat", 1, 0), level("lender", 100_000, 100)]
}

/// What the operator requests is of that level.
fn schema() -> Value {
    let account = json!({ "kind": "ServiceAccount",
        "serviceAccount": { "name": "mtls-operator", "namespace": SYSTEM } });
    json!({
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "FlowSchema", "metadata": { "name": "one-seat" },
        "spec": {
            "matchingPrecedence": 50, "priorityLevelConfiguration": { "name": "one-seat" },
            "rules": [{ "subjects": [account], "resourceRules": [{
                "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": true, "namespaces": ["*"]
            }] }]
        }
    })
}

/// What the operator requested since this length of the audit log, each answer once.
fn requests(cluster: &TestCluster, since: u64) -> Vec<Event> {
    let user = format!("system:serviceaccount:{SYSTEM}:mtls-operator");
    let log = cluster.control_plane().audit_log();
    let is_answer = |event: &Event| event.user == user && event.stage == "ResponseComplete";
    audit::read(&log, since).unwrap().into_iter().filter(is_answer).collect()
}

#[tokio::test]
async fn an_operator_with_one_seat_at_the_api_server_serves_all_without_a_storm() {
    let cluster = TestCluster::new(&[]);
    let namespace = cluster.namespace().await;
    levels().iter().chain([&schema()]).for_each(|object| cluster.apply(object));
    let since = audit::end(&cluster.control_plane().audit_log()).unwrap();
    let names: Vec<String> = (0..IDENTITIES).map(|n| format!("web-{n}")).collect();
    join_all(names.iter().map(|name| namespace.create(name, json!({})))).await;
    let all_ready = || async {
        let secrets = namespace.secrets().list_metadata(&kube::api::ListParams::default()).await.unwrap();
        (secrets.items.len() == IDENTITIES).then_some(())
    };
    until("all of them to have a Secret", all_ready).await;
    join_all(names.iter().map(|name| namespace.ready(name))).await;
    let requests = requests(&cluster, since);
    let refused = requests.iter().filter(|event| event.code == 429).count();
    assert!(refused > 0, "the seats were not limited");
    assert!(refused * 5 < requests.len(), "{refused} of {} requests were refused", requests.len());
}
