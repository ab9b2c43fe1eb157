//! Another writer of a Secret, on a real API server: the condition names the last writer.

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use test_support::cluster::TestCluster;
use test_support::namespace::TestNamespace;
use test_support::objects::{note, ready_of};

use crate::admission_policy::in_force;
use crate::leaf_content::Content;

const RIVAL: &str = "rival-controller";

/// Another controller writes a pair of its own.
async fn overwrite(namespace: &TestNamespace) {
    let patch = json!({ "data": { "tls.crt": "b3RoZXI=", "tls.key": "b3RoZXI=" } });
    let params = PatchParams { field_manager: Some(RIVAL.into()), ..PatchParams::default() };
    namespace.secrets().patch("cart-mtls", &params, &Patch::Merge(patch)).await.unwrap();
}

#[tokio::test]
async fn a_secret_that_is_overwritten_a_fourth_time_is_repaired_after_a_pause_and_its_writer_is_named() {
    let namespace = TestCluster::shared().namespace().await;
    namespace.create("cart", json!({})).await;
    namespace.ready("cart").await;
    for revision in 2..=4 {
        overwrite(&namespace).await;
        namespace
            .identity_where("cart", "a repair", |identity| {
                identity.status.as_ref().is_some_and(|status| status.revision == Some(revision))
            })
            .await;
        namespace.ready("cart").await;
    }
    overwrite(&namespace).await;
    let told = namespace.stands("cart", "False", "Issuing").await;
    let sentence = ready_of(&told).2;
    assert!(sentence.contains(&format!("field manager \"{RIVAL}\" at 20")), "{sentence}");
    let healed = namespace.ready("cart").await;
    assert_eq!(healed.status.unwrap().revision, Some(5), "it is repaired after the pause");
    Content::of(&namespace.secret("cart-mtls").await);
}

fn policies(namespace: &TestNamespace, kind: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind);
    Api::all_with(namespace.client.clone(), &ApiResource::from_gvk(&kind))
}

async fn make(namespace: &TestNamespace, kind: &str, spec: Value) {
    let name = namespace.unique("managed-by");
    let object = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": { "name": name }, "spec": spec,
    });
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    policies(namespace, kind).create(&PostParams::default(), &object).await.unwrap();
}

/// An admission policy that gives every Secret of the namespace this value of the label that the watch selects by.
async fn rewrite_managed_by(namespace: &TestNamespace) {
    let expression = "[JSONPatch{op: 'add', path: '/metadata/labels/' + \
        jsonpatch.escapeKey('app.kubernetes.io/managed-by'), value: 'platform'}]";
    let rules = json!([{
        "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["secrets"],
    }]);
    let here = format!("object.metadata.namespace == '{}'", namespace.name);
    let spec = json!({
        "failurePolicy": "Fail", "reinvocationPolicy": "Never", "matchConstraints": { "resourceRules": rules },
        "matchConditions": [{ "name": "here", "expression": here }],
        "mutations": [{ "patchType": "JSONPatch", "jsonPatch": { "expression": expression } }],
    });
    make(namespace, "MutatingAdmissionPolicy", spec).await;
    let policy = json!({ "policyName": namespace.unique("managed-by") });
    make(namespace, "MutatingAdmissionPolicyBinding", policy).await;
    // It is in force some time after it was made.
    let canary = json!({ "metadata": { "name": "canary", "labels": { "a": "b" } } });
    let canary = serde_json::from_value(canary).unwrap();
    in_force("the policy", async || {
        let dry = PostParams { dry_run: true, ..PostParams::default() };
        let made = namespace.secrets().create(&dry, &canary).await.unwrap();
        made.metadata.labels.unwrap().contains_key("app.kubernetes.io/managed-by")
    })
    .await;
}

#[tokio::test]
async fn a_secret_that_a_policy_hides_from_the_watch_is_told_of_and_comes_back_when_it_is_deleted() {
    let namespace = TestCluster::shared().namespace().await;
    rewrite_managed_by(&namespace).await;
    namespace.create("cart", json!({})).await;
    let sentence = ready_of(&namespace.ready("cart").await).2;
    assert!(sentence.contains("label app.kubernetes.io/managed-by of Secret"), "{sentence}");
    let serial = note(&namespace.secret("cart-mtls").await, "serial");
    namespace.delete_secret("cart-mtls").await;
    let made =
        namespace.secret_where("cart-mtls", "another", |secret| note(secret, "serial") != serial).await;
    Content::of(&made);
    namespace.ready("cart").await;
}
