//! The authorities of a generation: one for each phase and each fault, generated and provided, with one identity each.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use mtls_operator::api::MtlsAuthority;
use mtls_operator::api::conditions::find;
use serde_json::{Value, json};
use test_support::namespace::TestNamespace;
use test_support::wait::wait;

use crate::provided;

/// Rotates at once.
pub fn fast() -> Value {
    json!({ "rotation": { "propagation": "10s", "spreadOver": "0s" } })
}

/// A spec with more fields.
pub fn with(mut spec: Value, more: &Value) -> Value {
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    spec
}

/// An authority with an identity of its name, in the namespace.
pub async fn found(namespace: &TestNamespace, name: &str, spec: Value) {
    namespace.create_authority(name, spec).await;
    namespace.create(name, json!({ "authorityRef": { "name": name } })).await;
}

/// The same, once both are ready.
pub async fn ready(namespace: &TestNamespace, name: &str, spec: Value) {
    found(namespace, name, spec).await;
    namespace.ready(name).await;
    namespace.authority_stands(name, "True", "Ready").await;
}

async fn annotate(namespace: &TestNamespace, name: &str, key: &str, value: &str) {
    let key = format!("mtls-operator.dev/{key}");
    namespace.patch_authority(name, json!({ "metadata": { "annotations": { key: value } } })).await.unwrap();
}

/// Waits until an authority is in this phase, with its roots in these roles.
pub async fn phase(namespace: &TestNamespace, name: &str, phase: &str, roles: &[&str]) {
    let what = format!("{phase} with {roles:?}");
    namespace
        .authority_where(name, &what, |authority| {
            let status = serde_json::to_value(&authority.status).unwrap();
            let found = status["roots"].as_array().into_iter().flatten();
            let found: Vec<&str> = found.filter_map(|root| root["role"].as_str()).collect();
            status["rotation"]["phase"] == phase && found == roles
        })
        .await;
}

/// Waits until it trusts a next root.
pub async fn announced(namespace: &TestNamespace, name: &str) {
    phase(namespace, name, "Announced", &["Signing", "Next"]).await;
}

async fn draining(namespace: &TestNamespace, name: &str) {
    phase(namespace, name, "Draining", &["Signing", "Retiring"]).await;
}

async fn rotate(namespace: &TestNamespace, name: &str) {
    annotate(namespace, name, "rotate", "golden").await;
}

/// Fingerprint of the root of this authority in this role.
pub async fn root(namespace: &TestNamespace, name: &str, role: &str) -> String {
    let status = namespace.authorities().get(name).await.unwrap().status.unwrap();
    status.roots.into_iter().find(|root| root.role == role).unwrap().fingerprint
}

/// Distrusts the root of this authority in this role.
pub async fn distrust(namespace: &TestNamespace, name: &str, role: &str) {
    let named = json!([{ "fingerprint": root(namespace, name, role).await }]);
    namespace.patch_authority(name, json!({ "spec": { "distrustedRoots": named } })).await.unwrap();
}

/// Deletes a Secret of the operator's namespace.
pub async fn delete_system_secret(namespace: &TestNamespace, name: &str) {
    namespace.system_secrets().delete(name, &DeleteParams::default()).await.unwrap();
}

/// Waits until a condition of an authority says this.
pub async fn says(namespace: &TestNamespace, name: &str, condition: &str, status: &str) {
    let is_so = |authority: &MtlsAuthority| {
        let conditions = authority.status.as_ref().map_or(&[][..], |status| &status.conditions);
        find(conditions, condition).is_some_and(|found| found.status == status)
    };
    namespace.authority_where(name, &format!("{condition}={status}"), is_so).await;
}

/// Begun earlier: a rotation that is to be over by now.
pub async fn begin_early(namespace: &TestNamespace) {
    let leaf = json!({ "leaf": { "ttl": "1h", "maxTTL": "1h" } });
    ready(namespace, "rotated", with(fast(), &leaf)).await;
    annotate(namespace, "rotated", "rotation-exclude", "nowhere/nothing").await;
    rotate(namespace, "rotated").await;
    draining(namespace, "rotated").await;
}

/// Everything else. The states that take time are begun first.
pub async fn make(namespace: &TestNamespace) {
    phase(namespace, "rotated", "Stable", &["Signing"]).await;
    begin_rotations(namespace).await;
    provided::make(namespace).await;
    break_roots(namespace).await;
    publish(namespace).await;
    end_rotations(namespace).await;
}

async fn begin_rotations(namespace: &TestNamespace) {
    let clustered = json!({
        "root": { "algorithm": "ECDSAP384" }, "trustBundle": { "clusterTrustBundle": true },
        "rotation": { "propagation": "10m", "spreadOver": "0s" },
    });
    ready(namespace, "announced", clustered).await;
    says(namespace, "announced", "Published", "True").await;
    ready(namespace, "spread", json!({})).await;
    namespace.create("spread-excluded", json!({ "authorityRef": { "name": "spread" } })).await;
    namespace.ready("spread-excluded").await;
    let excluded = format!("{}/spread-excluded", namespace.name);
    annotate(namespace, "spread", "rotation-exclude", &excluded).await;
    let slower = json!({ "rotation": { "propagation": "20s", "spreadOver": "0s" } });
    ready(namespace, "draining-spread", slower).await;
    for name in ["draining", "distrusted-retiring", "distrusted-both"] {
        ready(namespace, name, fast()).await;
    }
    let rotating =
        ["announced", "spread", "draining-spread", "draining", "distrusted-retiring", "distrusted-both"];
    for name in rotating {
        rotate(namespace, name).await;
    }
    // The next root reaches all Secrets at once, and its certificates do over a day.
    let both = |secret: &Secret| {
        let trust = test_support::objects::value(secret, "ca.crt");
        String::from_utf8(trust).unwrap().matches("BEGIN CERTIFICATE").count() == 2
    };
    namespace.secret_where("draining-spread-mtls", "both roots", both).await;
    let spread = json!({ "spec": { "rotation": { "spreadOver": "24h" } } });
    namespace.patch_authority("draining-spread", spread).await.unwrap();
}

async fn end_rotations(namespace: &TestNamespace) {
    for name in ["announced", "spread", "corp-announced", "adopting"] {
        announced(namespace, name).await;
    }
    for name in ["draining-spread", "draining", "distrusted-retiring", "distrusted-both", "corp-draining"] {
        draining(namespace, name).await;
    }
    distrust(namespace, "distrusted-retiring", "Retiring").await;
    phase(namespace, "distrusted-retiring", "Stable", &["Signing"]).await;
    // The former root has certified it.
    distrust(namespace, "distrusted-both", "Signing").await;
    let names_another = |authority: &MtlsAuthority| {
        authority.status.as_ref().is_some_and(|status| !status.distrusted.is_empty())
    };
    namespace.authority_where("distrusted-both", "another root to go with it", names_another).await;
    namespace.authority_stands("distrusted-both", "True", "Ready").await;
    let waits = |authority: &MtlsAuthority| {
        let rotation = authority.status.as_ref().and_then(|status| status.rotation.as_ref());
        rotation.is_some_and(|rotation| rotation.waiting_for.len() == 1)
    };
    namespace.authority_where("draining-spread", "an identity to be waited for", waits).await;
    let excludes = |authority: &MtlsAuthority| {
        let rotation = authority.status.as_ref().and_then(|status| status.rotation.as_ref());
        rotation.is_some_and(|rotation| rotation.excluded.len() == 1 && rotation.waiting_for.len() == 1)
    };
    namespace.authority_where("spread", "one identity to be waited for, and one not", excludes).await;
}

async fn break_roots(namespace: &TestNamespace) {
    for name in ["distrusted", "recovered", "lost", "damaged", "renamed"] {
        ready(namespace, name, fast()).await;
    }
    distrust(namespace, "distrusted", "Signing").await;
    let lost = root(namespace, "recovered", "Signing").await;
    for name in ["recovered", "lost"] {
        delete_system_secret(namespace, &format!("mtls-authority-{name}")).await;
        namespace.authority_stands(name, "False", "RootLost").await;
    }
    annotate(namespace, "recovered", "accept-root-loss", &lost).await;
    draining(namespace, "recovered").await;
    let broken = json!({ "data": { "tls.crt": k8s_openapi::ByteString(b"no certificate".to_vec()) } });
    let (api, broken) = (namespace.system_secrets(), Patch::Merge(broken));
    api.patch("mtls-authority-damaged", &PatchParams::default(), &broken).await.unwrap();
    namespace.authority_stands("damaged", "False", "RootInvalid").await;
    namespace.authorities().delete("renamed", &DeleteParams::default()).await.unwrap();
    wait(namespace.authorities(), "renamed", "it to be gone", |found| found.is_none().then_some(())).await;
    namespace.create_authority("renamed", json!({ "trustDomain": "example.org" })).await;
    namespace.authority_stands("renamed", "False", "TrustDomainMismatch").await;
    namespace.create_authority_of(Some("elsewhere"), "of-another-operator", json!({})).await;
}

/// A published bundle, and one whose ConfigMap belongs to another owner.
async fn publish(namespace: &TestNamespace) {
    let selected = json!({ "matchLabels": { "bundle": "yes" } });
    let config_maps = Api::<ConfigMap>::namespaced(namespace.client.clone(), &namespace.name);
    let taken = json!({ "metadata": { "name": "taken" }, "data": { "note": "not the operator's" } });
    let taken: ConfigMap = serde_json::from_value(taken).unwrap();
    config_maps.create(&PostParams::default(), &taken).await.unwrap();
    let elsewhere = json!({
        "root": { "secretName": "root-elsewhere" },
        "trustBundle": { "namespaces": selected, "configMapName": "taken" },
    });
    ready(namespace, "unpublished", elsewhere).await;
    says(namespace, "unpublished", "Published", "False").await;
    for name in ["draining", "corp-draining"] {
        let spec = json!({ "spec": { "trustBundle": { "namespaces": selected } } });
        namespace.patch_authority(name, spec).await.unwrap();
        says(namespace, name, "Published", "True").await;
    }
}
