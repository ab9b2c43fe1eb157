//! Objects of the largest sizes that the API allows, made by users of one namespace, keep no other identity waiting and take no
//! memory that the operator does not have.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, PostParams};
use mtls_operator::api::MtlsIdentity;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use test_support::cluster::TestCluster;
use test_support::namespace::TestNamespace;

/// What Go writes with six octets in JSON.
const LONGEST_IN_JSON: &str = "<";
/// Most octets of all annotations of an object, but for their keys.
const ANNOTATIONS: usize = 255 * 1024;
const MIB: u64 = 1 << 20;

fn metadata(name: &str, ballast: usize) -> Value {
    json!({
        "name": name,
        "labels": { "app.kubernetes.io/managed-by": "mtls-operator", "mtls-operator.dev/authority": "mesh" },
        "annotations": { "mtls-operator.dev/trust": "t", "example.com/ballast": LONGEST_IN_JSON.repeat(ballast) },
    })
}

/// Creates objects with these numbers in their names.
async fn create<K>(api: Api<K>, count: usize, object: impl Fn(&str) -> Value)
where
    K: Clone + std::fmt::Debug + Serialize + DeserializeOwned,
{
    for number in 0..count {
        let object = serde_json::from_value(object(&format!("hostile-{number}"))).unwrap();
        api.create(&PostParams::default(), &object).await.unwrap();
    }
}

async fn fill(namespace: &TestNamespace) {
    let (client, name) = (&namespace.client, &namespace.name);
    create(Api::<ConfigMap>::namespaced(client.clone(), name), 25, |name| {
        json!({ "metadata": metadata(name, 10), "data": { "ca.crt": LONGEST_IN_JSON.repeat(1_000_000) } })
    })
    .await;
    create(
        Api::<Secret>::namespaced(client.clone(), name),
        60,
        |name| json!({ "metadata": metadata(name, ANNOTATIONS) }),
    )
    .await;
    create(Api::<MtlsIdentity>::namespaced(client.clone(), name), 60, |name| {
        json!({
            "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsIdentity",
            "metadata": metadata(name, ANNOTATIONS), "spec": {},
        })
    })
    .await;
}

/// The most resident memory that a process has had.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn an_operator_among_the_largest_objects_starts_serves_and_publishes_within_its_memory() {
    let cluster = TestCluster::without_operator(&[]);
    let (hostile, other) = (cluster.namespace().await, cluster.namespace().await);
    fill(&hostile).await;
    let pid = cluster.start_operator_as("operator", &[]);
    cluster.wait_for_first_authority();
    println!("at the first authority: {} MiB", peak(pid) / MIB);
    let published = json!({ "spec": { "trustBundle": { "namespaces": { "from": "All" } } } });
    other.patch_authority("mesh", published).await.unwrap();
    other.create("web", json!({})).await;
    other.ready("web").await;
    println!("at the first identity: {} MiB", peak(pid) / MIB);
    hostile.ready("hostile-59").await;
    cluster.kubectl(&["wait", "mtlsauthority/mesh", "--for=condition=Published", "--timeout=90s"]);
    let peak = peak(pid);
    println!("peak of resident memory: {} MiB", peak / MIB);
    assert!(peak < 128 * MIB, "{} MiB", peak / MIB);
}
