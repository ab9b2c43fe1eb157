//! Objects of the largest sizes that the API allows.

use serde_json::{Value, json};
use test_support::in_memory::api_server::ApiServer;

use crate::api::series::NUMBER;
use crate::world::{HOSTILE, OTHER, World, identity};

/// What the API server writes with six octets in JSON.
const LONGEST_IN_JSON: &str = "<";
/// Most octets of all annotations of an object, but for their keys.
const ANNOTATIONS: usize = 255 * 1024;
/// Octets of the data of a ConfigMap or Secret: a little less than 1 MiB is allowed.
const DATA: usize = 1_000_000;

/// Metadata that call an object this operator's.
fn claiming(name: &str, annotations: usize) -> Value {
    json!({
        "name": name, "namespace": HOSTILE, "uid": format!("uid-{name}"), "resourceVersion": "1", "generation": 1,
        "labels": {
            "app.kubernetes.io/managed-by": "mtls-operator", "mtls-operator.dev/authority": "mesh",
            "mtls-operator.dev/identity": format!("pod-{NUMBER}"),
        },
        "annotations": {
            "mtls-operator.dev/trust": "t", "mtls-operator.dev/identity-uid": format!("uid-pod-{NUMBER}"),
            "example.com/ballast": LONGEST_IN_JSON.repeat(annotations),
        },
    })
}

/// An identity with these annotations.
fn large_identity(name: &str, annotations: usize, spec: Value) -> Value {
    let name = format!("{name}-{NUMBER}");
    let mut identity = identity(HOSTILE, &name);
    identity["metadata"] = claiming(&name, annotations);
    identity["spec"] = spec;
    identity
}

#[tokio::test(flavor = "multi_thread")]
async fn labelled_config_maps_of_1_mb_in_one_namespace_take_no_more_memory_than_there_is() {
    let published = json!({ "trustBundle": { "namespaces": { "from": "All" } } });
    let Some(mut world) = World::new(published).await else { return };
    let data = json!({ "ca.crt": LONGEST_IN_JSON.repeat(DATA) });
    world.add(
        "configmaps",
        120,
        json!({ "metadata": claiming(&format!("bundle-{NUMBER}"), 10), "data": data }),
    );
    world.add("configmaps", 1, json!({ "metadata": claiming("mesh-trust-bundle", 10), "data": data }));
    world.start();
    let bundle = |server: &ApiServer| server.get("configmaps", OTHER, "mesh-trust-bundle");
    world.until("the bundle of another namespace", bundle).await;
    world.works_on("120 labelled ConfigMaps of 1 MB").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_1_mb_that_claim_identities_take_no_more_memory_than_there_is() {
    let Some(mut world) = World::new(json!({})).await else { return };
    let text = "PHw+".repeat(DATA / 3);
    let name = format!("pod-{NUMBER}-mtls");
    world.add(
        "secrets",
        120,
        json!({
            "metadata": claiming(&name, ANNOTATIONS), "type": "kubernetes.io/tls",
            "data": { "tls.crt": text, "tls.key": "", "ca.crt": "" },
        }),
    );
    world.add("mtlsidentities", 120, large_identity("pod", 0, json!({})));
    world.start();
    world.works_on("120 Secrets of 1 MB with annotations of 255 KiB").await;
    world.until("a Secret to be issued", |server| server.get("mtlsidentities", HOSTILE, "pod-000119")).await;
    world.works_on("the same, written").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn identities_with_the_largest_annotations_and_specs_take_no_more_memory_than_there_is() {
    let Some(mut world) = World::new(json!({})).await else { return };
    // A custom resource takes 1.5 MiB as JSON: either these or those are that large.
    world.add("mtlsidentities", 250, large_identity("noted", ANNOTATIONS, json!({})));
    let secret = json!({ "annotations": { "example.com/ballast": LONGEST_IN_JSON.repeat(ANNOTATIONS) } });
    world.add("mtlsidentities", 250, large_identity("asking", 0, json!({ "secret": secret })));
    world.start();
    world.works_on("500 identities with annotations or a spec of 255 KiB").await;
    for name in ["noted-000007", "asking-000007"] {
        world.until("one of them to be issued", |server| server.get("mtlsidentities", HOSTILE, name)).await;
    }
    world.works_on("the same, issued").await;
}
