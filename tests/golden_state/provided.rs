//! The authorities of a generation whose CA is provided: each phase that it can be in, and each fault that it can have.

use jiff::SignedDuration;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams, PostParams};
use mtls_operator::api::MtlsAuthority;
use mtls_operator::runtime::clock::Clock;
use serde_json::{Value, json};

use crate::authorities::{announced, delete_system_secret, distrust, fast, found, phase, ready, root, with};
use crate::provided_ca::Ca;
use crate::stage::{SYSTEM, Scene};

/// What is older: a CA that has expired by now.
pub async fn begin_early(scene: &Scene) {
    let yesterday = Clock::system().now() - SignedDuration::from_hours(24);
    let ca = Ca::root_until("Example Root 0", yesterday);
    bring(scene, "corp-expired", ca.provided(&ca), "Never", &json!({})).await;
}

/// Puts a CA into the Secret that an authority names, as people do.
async fn provide(scene: &Scene, name: &str, data: Value) {
    let annotations = json!({ "mtls-operator.dev/provides-for": name });
    let meta = json!({ "name": format!("{name}-input"), "namespace": SYSTEM, "annotations": annotations });
    let secret = json!({ "metadata": meta, "type": "kubernetes.io/tls", "data": data });
    let secret: Secret = serde_json::from_value(secret).unwrap();
    scene.system_secrets().create(&PostParams::default(), &secret).await.unwrap();
}

async fn replace(scene: &Scene, name: &str, data: Value) {
    let (input, patch) = (format!("{name}-input"), Patch::Merge(json!({ "data": data })));
    scene.system_secrets().patch(&input, &PatchParams::default(), &patch).await.unwrap();
}

/// The spec of an authority whose CA is provided.
fn under(name: &str, certify: &str, more: &Value) -> Value {
    let provided = json!({ "secretName": format!("{name}-input"), "crossCertificates": certify });
    with(json!({ "trustDomain": "own.example", "root": { "provided": provided } }), more)
}

/// An authority that is ready, with this CA.
async fn bring(scene: &Scene, name: &str, data: Value, certify: &str, more: &Value) {
    provide(scene, name, data).await;
    ready(scene, name, under(name, certify, more)).await;
}

/// Everything else.
pub async fn make(scene: &Scene) {
    let (one, two) = (Ca::root("Example Root 1"), Ca::root("Example Root 2"));
    follow(scene, &one, &two).await;
    fail(scene, &one, &two).await;
    scene.authority_stands("corp-expired", "False", "RootExpired").await;
}

/// A CA, and what follows when another one takes its place.
async fn follow(scene: &Scene, one: &Ca, two: &Ca) {
    let (none, never) = (json!({}), "Never");
    let mut partners = one.provided(one);
    partners["ca.crt"] = json!(ByteString([one.pem(), two.pem()].concat().into_bytes()));
    bring(scene, "corp", partners, never, &none).await;
    bring(scene, "corp-below", one.intermediate("Issuing 1").provided(one), never, &none).await;
    let former = root(scene, "corp-below", "Signing").await;
    replace(scene, "corp-below", one.intermediate("Issuing 2").provided(one)).await;
    bring(scene, "corp-draining", one.provided(one), never, &fast()).await;
    for name in ["corp-announced", "corp-withdrawn"] {
        bring(scene, name, one.provided(one), "Allowed", &none).await;
    }
    for name in ["corp-announced", "corp-withdrawn", "corp-draining"] {
        replace(scene, name, two.provided(two)).await;
    }
    announced(scene, "corp-withdrawn").await;
    replace(scene, "corp-withdrawn", one.provided(one)).await;
    phase(scene, "corp-withdrawn", "Stable", &["Signing"]).await;
    let generated = json!({ "trustDomain": "own.example", "rotation": { "spreadOver": "0s" } });
    ready(scene, "adopting", generated).await;
    provide(scene, "adopting", one.intermediate("Issuing 3").provided(one)).await;
    let spec = under("adopting", never, &none);
    scene.patch_authority("adopting", json!({ "spec": spec })).await.unwrap();
    let is_another = |authority: &MtlsAuthority| {
        let signer = authority.status.as_ref().and_then(|status| status.signing_root());
        signer.is_some_and(|signer| signer.fingerprint != former)
    };
    scene.authority_where("corp-below", "the other intermediate", is_another).await;
}

/// What can be wrong with it.
async fn fail(scene: &Scene, one: &Ca, two: &Ca) {
    let (none, never) = (json!({}), "Never");
    for name in ["corp-missing", "corp-invalid", "corp-distrusted"] {
        bring(scene, name, two.provided(two), never, &none).await;
    }
    delete_system_secret(scene, "corp-missing-input").await;
    scene.authority_stands("corp-missing", "True", "ProvidedMissing").await;
    replace(scene, "corp-invalid", json!({ "tls.key": one.provided(one)["tls.key"] })).await;
    scene.authority_stands("corp-invalid", "True", "ProvidedInvalid").await;
    distrust(scene, "corp-distrusted", "Signing").await;
    scene.authority_stands("corp-distrusted", "False", "Distrusted").await;
    found(scene, "corp-awaited", under("corp-awaited", never, &none)).await;
    scene.authority_stands("corp-awaited", "False", "ProvidedMissing").await;
}
