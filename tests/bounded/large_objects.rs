//! Objects of the largest sizes that the API allows.

use serde_json::{Value, json};
use test_support::installation::SYSTEM;

use crate::api::series::NUMBER;
use crate::world::{HOSTILE, World, identity};

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
    let Some(mut world) = World::new(&published).await else { return };
    let config_map = |name: &str| {
        let data = json!({ "ca.crt": LONGEST_IN_JSON.repeat(DATA) });
        json!({ "metadata": claiming(name, ANNOTATIONS), "data": data })
    };
    world.start();
    world.until("the bundle", |server| server.get("configmaps", HOSTILE, "mesh-trust-bundle")).await;
    world.stop();
    world.server().delete("configmaps", HOSTILE, "mesh-trust-bundle");
    let others = world.add("configmaps", 120, config_map(&format!("bundle-{NUMBER}")));
    let bundle = world.add("configmaps", 1, config_map("mesh-trust-bundle"));
    world.start();
    world.until("some of them to be removed", |_| (others.moved() > 20).then_some(())).await;
    println!("{} of 120 removed, {} written", others.moved(), bundle.moved());
    world.works_on("120 labelled ConfigMaps of 1 MB with annotations of 255 KiB").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_1_mb_that_claim_identities_take_no_more_memory_than_there_is() {
    let Some(mut world) = World::new(&json!({})).await else { return };
    let text = "PHw+".repeat(DATA / 3);
    let secret = json!({
        "metadata": claiming(&format!("pod-{NUMBER}-mtls"), ANNOTATIONS), "type": "kubernetes.io/tls",
        "data": { "tls.crt": text, "tls.key": "", "ca.crt": "" },
    });
    let secrets = world.add("secrets", 80, secret);
    world.add("mtlsidentities", 80, large_identity("pod", 0, json!({})));
    world.start();
    world.until("some of them to be repaired", |_| (secrets.moved() > 40).then_some(())).await;
    world.works_on("80 Secrets of 1 MB with annotations of 255 KiB").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn identities_with_the_largest_annotations_and_specs_take_no_more_memory_than_there_is() {
    let Some(mut world) = World::new(&json!({})).await else { return };
    // A custom resource takes 1.5 MiB as JSON: either these or those are that large.
    let noted = large_identity("noted", ANNOTATIONS, json!({}));
    let secret = json!({ "annotations": { "example.com/ballast": LONGEST_IN_JSON.repeat(ANNOTATIONS) } });
    let mut asking = large_identity("asking", 0, json!({ "secret": secret }));
    // Namespaces take turns: both kinds are issued at the same time.
    asking["metadata"]["namespace"] = json!(SYSTEM);
    let both = [noted, asking].map(|identity| world.add("mtlsidentities", 250, identity));
    world.start();
    for identities in both {
        world.until("some of them to be issued", |_| (identities.moved() > 10).then_some(())).await;
    }
    world.works_on("500 identities with annotations or a spec of 255 KiB").await;
}
