//! Writes a generation: an operator of the present version reaches every state, and the objects are stored. This takes
//! minutes, and is done once for each version whose objects are to be taken over by later ones.

use std::path::Path;
use std::time::Duration;

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use kube::api::{Api, PostParams};
use mtls_operator::runtime::clock::Clock;
use serde_json::{Value, json};
use test_support::cluster::TestCluster;
use test_support::installation::SYSTEM;
use test_support::namespace::TestNamespace;

use crate::authorities;
use crate::etcd::Etcd;
use crate::generation::{Generation, KINDS, Kind, Object, get, text};
use crate::identities;
use crate::operator::Operator;
use crate::provided;
use crate::schema::{newer, today};

/// Namespace of the identities of the authority `mesh`, and of those of all other authorities.
const NAMESPACES: [&str; 2] = ["identities", "authorities"];
/// The first version of any object of a generation: what a control plane and the chart write before is older, so that a
/// restore can give each object the version that it had.
const FIRST: i64 = 5000;
/// Longer than the minute after which a refusal is Stalled, the last change that time alone brings.
const REST: Duration = Duration::from_secs(80);

/// Writes the generation of this name.
pub async fn write(name: &str, faketime: &Path) {
    Generation::new_folder(name);
    let cluster = TestCluster::without_operator(&["trustBundles.clusterTrustBundles=true"]);
    let etcd = Etcd::at(&cluster.control_plane().etcd_url());
    etcd.advance_to_before(FIRST).await;
    let client = cluster.client().await;
    let [of_mesh, of_others] =
        NAMESPACES.map(|name| TestNamespace { client: client.clone(), name: name.into() });
    for namespace in NAMESPACES {
        create_namespace(&client, namespace).await;
    }
    let early = Operator::start(&cluster, "three-days-ago", faketime, SignedDuration::from_hours(72)).await;
    identities::begin_early(&of_mesh).await;
    authorities::begin_early(&of_others).await;
    provided::begin_early(&of_others).await;
    early.kill();
    let operator = Operator::start(&cluster, "today", faketime, SignedDuration::ZERO).await;
    authorities::make(&of_others).await;
    identities::make(&of_mesh).await;
    store_unknown_words(&cluster, &of_mesh).await;
    rest(&client).await;
    operator.kill();
    let objects = objects(&client).await;
    let generation = Generation { name: name.to_owned(), taken_at: Clock::system().now(), objects };
    generation.write(&get(&client, "/version").await["gitVersion"]);
}

async fn create_namespace(client: &Client, name: &str) {
    let namespace = json!({ "metadata": { "name": name, "labels": { "bundle": "yes" } } });
    let namespace: Namespace = serde_json::from_value(namespace).unwrap();
    Api::all(client.clone()).create(&PostParams::default(), &namespace).await.unwrap();
}

/// Objects that a later version has stored before it was rolled back, with values that this one does not know.
async fn store_unknown_words(cluster: &TestCluster, namespace: &TestNamespace) {
    namespace.create_authority("unreadable", json!({})).await;
    let spec = json!({ "authorityRef": { "name": "unreadable" } });
    for name in ["unreadable", "of-unreadable"] {
        namespace.create(name, spec.clone()).await;
        namespace.ready(name).await;
    }
    define(cluster, &newer());
    let algorithm = json!({ "spec": { "privateKey": { "algorithm": "MLDSA65" } } });
    let algorithms = json!({ "spec": { "leaf": { "algorithms": ["ECDSAP256", "MLDSA65"] } } });
    // The API server judges by changed definitions a moment later.
    let accepted = async || namespace.patch("unreadable", algorithm.clone()).await.ok();
    test_support::wait::until("the newer definitions", accepted).await;
    namespace.patch_authority("unreadable", algorithms).await.unwrap();
    namespace.stands("unreadable", "False", "Invalid").await;
    namespace.authority_stands("unreadable", "True", "Invalid").await;
    define(cluster, &today());
}

fn define(cluster: &TestCluster, definitions: &[Value; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("definitions.json");
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": definitions });
    std::fs::write(&file, list.to_string()).unwrap();
    cluster.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", file.to_str().unwrap()]);
}

/// Waits until nothing has changed for that long.
async fn rest(client: &Client) {
    let mut before = Vec::new();
    loop {
        let now: Vec<Value> = objects(client).await.into_iter().map(|object| object.value).collect();
        if now == before {
            return;
        }
        before = now;
        tokio::time::sleep(REST).await;
    }
}

/// Everything that belongs to a generation.
async fn objects(client: &Client) -> Vec<Object> {
    let mut all = Vec::new();
    for kind in KINDS {
        let Value::Array(listed) =
            get(client, &format!("{}/{}", kind.api, kind.plural)).await["items"].take()
        else {
            panic!("not a list")
        };
        for value in listed.into_iter().filter(|value| is_of_generation(kind, value)) {
            // Objects in a list have no kind.
            let value = Object { kind, value }.now(client).await;
            all.push(Object { kind, value });
        }
    }
    all
}

/// Whether an object was made here, and not by the control plane or by the chart.
fn is_of_generation(kind: Kind, value: &Value) -> bool {
    let (name, namespace) = (text(value, "/metadata/name"), value["metadata"]["namespace"].as_str());
    match kind.plural {
        "namespaces" => NAMESPACES.contains(&name),
        "secrets" | "configmaps" => {
            let is_foreign = name == "kube-root-ca.crt" || value["type"] == "helm.sh/release.v1";
            !is_foreign && namespace.is_some_and(|found| found == SYSTEM || NAMESPACES.contains(&found))
        }
        "clustertrustbundles" => name.starts_with("mtls-operator.dev:"),
        _ => true,
    }
}
