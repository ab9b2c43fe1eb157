//! What the people of a namespace do: take a Secret over, renew, publish the trust bundle, and look at Pods.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use mtls_operator::api::MtlsIdentity;
use mtls_operator::api::conditions::find;
use mtls_operator::runtime::clock::Clock;
use serde_json::{Value, json};
use test_support::ca::Ca;
use test_support::markdown::block;
use test_support::objects::value;

use crate::fixture::{Fixture, trusted};

#[tokio::test]
async fn a_secret_of_another_tool_is_taken_over() {
    let Some(fixture) = Fixture::new("takeover", json!({})).await else { return };
    let ca = Ca::root("Another Tool", Clock::system().now());
    let mut secret = ca.secret("old", "none", &ca.pem());
    secret["metadata"] =
        json!({ "name": "old", "namespace": "takeover", "labels": { "made-by": "another" } });
    fixture.cluster.apply(&secret);
    let spec = json!({ "authorityRef": { "name": "takeover" }, "secret": { "name": "old" } });
    fixture.create("cart", spec).await;
    fixture.is_refused("cart", "SecretConflict").await;
    let look =
        block("docs/runbooks.md", "Take over a Secret of another tool", "get mtlsidentity <identity>\n");
    let shown = fixture.run(&look.with("<namespace>", "takeover").with("<identity>", "cart"));
    assert!(shown.contains("SecretConflict"), "{shown}");
    let take = block("docs/runbooks.md", "Take over a Secret of another tool", "uid=");
    let take = take.with("<namespace>", "takeover").with("<identity>", "cart").with("<secret>", "old");
    fixture.run(&take.with("<authority>", "takeover"));
    fixture.ready("cart").await;
    let root = fixture.root("Signing").await;
    let taken = fixture.secret("old").await;
    assert_eq!(trusted(&taken), [root]);
    assert_eq!(taken.metadata.labels.unwrap()["made-by"], "another", "labels of the other tool stay");
}

#[tokio::test]
async fn a_certificate_is_renewed_when_that_is_asked_for() {
    let Some(fixture) = Fixture::new("renewed", json!({})).await else { return };
    fixture.issue(&["cart"]).await;
    let serial = fixture.serial("cart").await;
    fixture.run(&block("docs/workloads.md", "Renew now", "mtls-operator.dev/renew="));
    fixture.is_issued_again("cart", &serial).await;
}

#[tokio::test]
async fn clients_without_an_identity_get_the_trust_bundle() {
    let Some(fixture) = Fixture::new("clients", json!({})).await else { return };
    fixture.issue(&["cart"]).await;
    let shown = fixture.run(&block("docs/workloads.md", "Clients without an identity", "matchLabels"));
    let config_maps: Api<ConfigMap> = Api::namespaced(fixture.client.clone(), "clients");
    let published = config_maps.get("clients-trust-bundle").await.unwrap().data.unwrap();
    assert!(shown.ends_with(&published["ca.crt"]), "{shown}");
    assert_eq!(published["ca.crt"].as_bytes(), value(&fixture.leaf("cart").await, "ca.crt"));
}

/// A Deployment and a Pod that mounts a single file.
fn create_pods(fixture: &Fixture, namespace: &str) {
    let mount = json!({ "name": "mtls", "mountPath": "/mtls/tls.crt", "subPath": "tls.crt" });
    let container =
        json!({ "name": "cart", "image": "registry.example.com/cart:1", "volumeMounts": [mount] });
    let volume = json!({ "name": "mtls", "secret": { "secretName": "cart-mtls" } });
    let pod = json!({ "containers": [container], "volumes": [volume] });
    let metadata = json!({ "name": "cart", "namespace": namespace });
    fixture.cluster.kubectl(&[
        "wait",
        "serviceaccount/default",
        "-n",
        namespace,
        "--for=create",
        "--timeout=90s",
    ]);
    fixture.cluster.apply(&json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod }));
    let labels = json!({ "app": "cart" });
    let template = json!({ "metadata": { "labels": labels }, "spec": pod });
    let spec = json!({ "replicas": 0, "selector": { "matchLabels": labels }, "template": template });
    let deployment =
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec });
    fixture.cluster.apply(&deployment);
}

fn annotation(object: &Value, path: &str, name: &str) -> bool {
    object.pointer(path).unwrap()["annotations"][name].is_string()
}

#[tokio::test]
async fn pods_with_an_old_certificate_are_found_touched_and_restarted() {
    let Some(fixture) = Fixture::without_authority("pods").await else { return };
    create_pods(&fixture, "pods");
    let found = fixture.run(&block("docs/runbooks.md", "A Pod serves an old certificate", "subPath"));
    assert_eq!(found, "pods/cart /mtls/tls.crt\n");
    let touch = block("docs/runbooks.md", "A Pod serves an old certificate", "looked-at");
    fixture.run(&touch.with("<namespace>", "pods").with("<pod>", "cart"));
    let pod = fixture.cluster.get(&["pod", "cart", "-n", "pods"]);
    assert!(annotation(&pod, "/metadata", "looked-at"), "{pod}");
    let restart = block("docs/runbooks.md", "A rotation that does not go on", "rollout restart");
    fixture.run(&restart.with("<namespace>", "pods").with("<deployment>", "cart"));
    let deployment = fixture.cluster.get(&["deployment", "cart", "-n", "pods"]);
    let name = "kubectl.kubernetes.io/restartedAt";
    assert!(annotation(&deployment, "/spec/template/metadata", name), "{deployment}");
}

#[tokio::test]
async fn identities_whose_pods_serve_something_else_are_listed_with_the_sentence() {
    let Some(fixture) = Fixture::new("probed", json!({})).await else { return };
    let probe = json!({ "name": "https", "serviceName": "cart", "targetPort": 8443 });
    fixture.create("cart", json!({ "authorityRef": { "name": "probed" }, "probes": [probe] })).await;
    let is_told = |identity: &MtlsIdentity| {
        let conditions = identity.status.as_ref().map_or(&[][..], |status| &status.conditions);
        find(conditions, "Serving").is_some()
    };
    fixture.identity_where("cart", "the condition Serving", is_told).await;
    let shown = fixture.run(&block("docs/runbooks.md", "Pods that serve something else", "Serving"));
    assert!(shown.starts_with("probed/cart: "), "{shown}");
    assert!(shown.contains("endpointProbes.enabled=true") || shown.contains("--endpoint-probes"), "{shown}");
}

#[tokio::test]
async fn an_identity_that_a_finalizer_keeps_is_found() {
    let Some(fixture) = Fixture::new("kept", json!({})).await else { return };
    fixture.issue(&["cart", "till"]).await;
    let finalizers = json!({ "metadata": { "finalizers": ["example.com/kept"] } });
    fixture.patch("cart", finalizers).await.unwrap();
    fixture.cluster.kubectl(&["delete", "mtlsidentity", "cart", "-n", "kept", "--wait=false"]);
    let shown = fixture.run(&block("docs/reference.md", "Status of an MtlsIdentity", "deletionTimestamp"));
    assert_eq!(shown, "kept/cart [\"example.com/kept\"]\n");
    fixture.patch("cart", json!({ "metadata": { "finalizers": null } })).await.unwrap();
}
