//! The authorities of a generation: one for each phase and each fault, generated and provided, with one identity each.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use mtls_operator::api::MtlsAuthority;
use mtls_operator::api::conditions::find;
use serde_json::{Value, json};

use crate::provided;
use crate::stage::{Scene, wait};

/// Rotates at once.
pub fn fast() -> Value {
    json!({ "rotation": { "propagation": "10s", "spreadOver": "0s" } })
}

/// A spec with more fields.
pub fn with(mut spec: Value, more: &Value) -> Value {
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    spec
}

/// An authority with an identity of its name, in the namespace of the scene.
pub async fn found(scene: &Scene, name: &str, spec: Value) {
    scene.create_authority(name, spec).await;
    scene.create(name, json!({ "authorityRef": { "name": name } })).await;
}

/// The same, once both are ready.
pub async fn ready(scene: &Scene, name: &str, spec: Value) {
    found(scene, name, spec).await;
    scene.ready(name).await;
    scene.authority_stands(name, "True", "Ready").await;
}

async fn annotate(scene: &Scene, name: &str, key: &str, value: &str) {
    let key = format!("mtls-operator.dev/{key}");
    scene.patch_authority(name, json!({ "metadata": { "annotations": { key: value } } })).await.unwrap();
}

/// Waits until an authority is in this phase, with its roots in these roles.
pub async fn phase(scene: &Scene, name: &str, phase: &str, roles: &[&str]) {
    let what = format!("{phase} with {roles:?}");
    scene
        .authority_where(name, &what, |authority| {
            let status = serde_json::to_value(&authority.status).unwrap();
            let found = status["roots"].as_array().into_iter().flatten();
            let found: Vec<&str> = found.filter_map(|root| root["role"].as_str()).collect();
            status["rotation"]["phase"] == phase && found == roles
        })
        .await;
}

/// Waits until it trusts a next root.
pub async fn announced(scene: &Scene, name: &str) {
    phase(scene, name, "Announced", &["Signing", "Next"]).await;
}

async fn draining(scene: &Scene, name: &str) {
    phase(scene, name, "Draining", &["Signing", "Retiring"]).await;
}

async fn rotate(scene: &Scene, name: &str) {
    annotate(scene, name, "rotate", "golden").await;
}

/// Fingerprint of the root of this authority in this role.
pub async fn root(scene: &Scene, name: &str, role: &str) -> String {
    let status = scene.authorities().get(name).await.unwrap().status.unwrap();
    status.roots.into_iter().find(|root| root.role == role).unwrap().fingerprint
}

/// Distrusts the root of this authority in this role.
pub async fn distrust(scene: &Scene, name: &str, role: &str) {
    let named = json!([{ "fingerprint": root(scene, name, role).await }]);
    scene.patch_authority(name, json!({ "spec": { "distrustedRoots": named } })).await.unwrap();
}

/// Deletes a Secret of the operator's namespace.
pub async fn delete_system_secret(scene: &Scene, name: &str) {
    scene.system_secrets().delete(name, &DeleteParams::default()).await.unwrap();
}

/// Waits until a condition of an authority says this.
pub async fn says(scene: &Scene, name: &str, condition: &str, status: &str) {
    let is_so = |authority: &MtlsAuthority| {
        let conditions = authority.status.as_ref().map_or(&[][..], |status| &status.conditions);
        find(conditions, condition).is_some_and(|found| found.status == status)
    };
    scene.authority_where(name, &format!("{condition}={status}"), is_so).await;
}

/// What is older: a rotation that is to be over by now.
pub async fn begin_early(scene: &Scene) {
    let leaf = json!({ "leaf": { "ttl": "1h", "maxTTL": "1h" } });
    ready(scene, "rotated", with(fast(), &leaf)).await;
    annotate(scene, "rotated", "rotation-exclude", "nowhere/nothing").await;
    rotate(scene, "rotated").await;
    draining(scene, "rotated").await;
}

/// Everything else. What takes time is begun first.
pub async fn make(scene: &Scene) {
    phase(scene, "rotated", "Stable", &["Signing"]).await;
    begin_rotations(scene).await;
    provided::make(scene).await;
    break_roots(scene).await;
    publish(scene).await;
    end_rotations(scene).await;
}

async fn begin_rotations(scene: &Scene) {
    let clustered = json!({
        "root": { "algorithm": "ECDSAP384" }, "trustBundle": { "clusterTrustBundle": true },
        "rotation": { "propagation": "10m", "spreadOver": "0s" },
    });
    ready(scene, "announced", clustered).await;
    says(scene, "announced", "Published", "True").await;
    ready(scene, "spread", json!({})).await;
    scene.create("spread-excluded", json!({ "authorityRef": { "name": "spread" } })).await;
    scene.ready("spread-excluded").await;
    let excluded = format!("{}/spread-excluded", scene.namespace);
    annotate(scene, "spread", "rotation-exclude", &excluded).await;
    let slower = json!({ "rotation": { "propagation": "20s", "spreadOver": "0s" } });
    ready(scene, "draining-spread", slower).await;
    for name in ["draining", "distrusted-retiring", "distrusted-both"] {
        ready(scene, name, fast()).await;
    }
    let rotating =
        ["announced", "spread", "draining-spread", "draining", "distrusted-retiring", "distrusted-both"];
    for name in rotating {
        rotate(scene, name).await;
    }
    // The next root reaches all Secrets at once, and its certificates do over a day.
    let both = |secret: &Secret| {
        let trust = crate::stage::value(secret, "ca.crt");
        String::from_utf8(trust).unwrap().matches("BEGIN CERTIFICATE").count() == 2
    };
    scene.secret_where("draining-spread-mtls", "both roots", both).await;
    let spread = json!({ "spec": { "rotation": { "spreadOver": "24h" } } });
    scene.patch_authority("draining-spread", spread).await.unwrap();
}

async fn end_rotations(scene: &Scene) {
    for name in ["announced", "spread", "corp-announced", "adopting"] {
        announced(scene, name).await;
    }
    for name in ["draining-spread", "draining", "distrusted-retiring", "distrusted-both", "corp-draining"] {
        draining(scene, name).await;
    }
    distrust(scene, "distrusted-retiring", "Retiring").await;
    phase(scene, "distrusted-retiring", "Stable", &["Signing"]).await;
    // The former root has certified it.
    distrust(scene, "distrusted-both", "Signing").await;
    let names_another = |authority: &MtlsAuthority| {
        authority.status.as_ref().is_some_and(|status| !status.distrusted.is_empty())
    };
    scene.authority_where("distrusted-both", "another root to go with it", names_another).await;
    scene.authority_stands("distrusted-both", "True", "Ready").await;
    let waits = |authority: &MtlsAuthority| {
        let rotation = authority.status.as_ref().and_then(|status| status.rotation.as_ref());
        rotation.is_some_and(|rotation| rotation.waiting_for.len() == 1)
    };
    scene.authority_where("draining-spread", "an identity to be waited for", waits).await;
    let excludes = |authority: &MtlsAuthority| {
        let rotation = authority.status.as_ref().and_then(|status| status.rotation.as_ref());
        rotation.is_some_and(|rotation| rotation.excluded.len() == 1 && rotation.waiting_for.len() == 1)
    };
    scene.authority_where("spread", "one identity to be waited for, and one not", excludes).await;
}

async fn break_roots(scene: &Scene) {
    for name in ["distrusted", "recovered", "lost", "damaged", "renamed"] {
        ready(scene, name, fast()).await;
    }
    distrust(scene, "distrusted", "Signing").await;
    let lost = root(scene, "recovered", "Signing").await;
    for name in ["recovered", "lost"] {
        delete_system_secret(scene, &format!("mtls-authority-{name}")).await;
        scene.authority_stands(name, "False", "RootLost").await;
    }
    annotate(scene, "recovered", "accept-root-loss", &lost).await;
    draining(scene, "recovered").await;
    let broken = json!({ "data": { "tls.crt": k8s_openapi::ByteString(b"no certificate".to_vec()) } });
    let (api, broken) = (scene.system_secrets(), Patch::Merge(broken));
    api.patch("mtls-authority-damaged", &PatchParams::default(), &broken).await.unwrap();
    scene.authority_stands("damaged", "False", "RootInvalid").await;
    scene.authorities().delete("renamed", &DeleteParams::default()).await.unwrap();
    wait(scene.authorities(), "renamed", "it to be gone", |found| found.is_none().then_some(())).await;
    scene.create_authority("renamed", json!({ "trustDomain": "example.org" })).await;
    scene.authority_stands("renamed", "False", "TrustDomainMismatch").await;
    scene.create_authority_of(Some("elsewhere"), "of-another-operator", json!({})).await;
}

/// A bundle that lies where it shall, and one whose place is taken.
async fn publish(scene: &Scene) {
    let selected = json!({ "matchLabels": { "bundle": "yes" } });
    let config_maps = Api::<ConfigMap>::namespaced(scene.client.clone(), &scene.namespace);
    let taken = json!({ "metadata": { "name": "taken" }, "data": { "note": "not the operator's" } });
    let taken: ConfigMap = serde_json::from_value(taken).unwrap();
    config_maps.create(&PostParams::default(), &taken).await.unwrap();
    let elsewhere = json!({
        "root": { "secretName": "root-elsewhere" },
        "trustBundle": { "namespaces": selected, "configMapName": "taken" },
    });
    ready(scene, "unpublished", elsewhere).await;
    says(scene, "unpublished", "Published", "False").await;
    for name in ["draining", "corp-draining"] {
        let spec = json!({ "spec": { "trustBundle": { "namespaces": selected } } });
        scene.patch_authority(name, spec).await.unwrap();
        says(scene, name, "Published", "True").await;
    }
}
