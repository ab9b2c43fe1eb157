//! The authorities of a generation whose CA is provided: each phase that it can be in, and each fault that it can have.

use jiff::SignedDuration;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams, PostParams};
use mtls_operator::api::MtlsAuthority;
use mtls_operator::runtime::clock::Clock;
use serde_json::{Value, json};
use test_support::ca::{Ca, offset};
use test_support::installation::SYSTEM;
use test_support::namespace::TestNamespace;

use crate::authorities::{announced, delete_system_secret, distrust, fast, found, phase, ready, root, with};

const YEAR: SignedDuration = SignedDuration::from_hours(24 * 365);

/// Provided earlier: a CA that has expired by now.
pub async fn begin_early(namespace: &TestNamespace) {
    let yesterday = Clock::system().now() - SignedDuration::from_hours(24);
    let ca = Ca::root_with("Example Root 0", yesterday - YEAR, |params| params.not_after = offset(yesterday));
    bring(namespace, "corp-expired", ca.data(&ca.pem()), "Never", &json!({})).await;
}

/// Puts a CA into the Secret that an authority names, as people do.
async fn provide(namespace: &TestNamespace, name: &str, data: Value) {
    let annotations = json!({ "mtls-operator.dev/provides-for": name });
    let meta = json!({ "name": format!("{name}-input"), "namespace": SYSTEM, "annotations": annotations });
    let secret = json!({ "metadata": meta, "type": "kubernetes.io/tls", "data": data });
    let secret: Secret = serde_json::from_value(secret).unwrap();
    namespace.system_secrets().create(&PostParams::default(), &secret).await.unwrap();
}

async fn replace(namespace: &TestNamespace, name: &str, data: Value) {
    let (input, patch) = (format!("{name}-input"), Patch::Merge(json!({ "data": data })));
    namespace.system_secrets().patch(&input, &PatchParams::default(), &patch).await.unwrap();
}

/// The spec of an authority whose CA is provided.
fn under(name: &str, certify: &str, more: &Value) -> Value {
    let provided = json!({ "secretName": format!("{name}-input"), "crossCertificates": certify });
    with(json!({ "trustDomain": "own.example", "root": { "provided": provided } }), more)
}

/// An authority that is ready, with this CA.
async fn bring(namespace: &TestNamespace, name: &str, data: Value, certify: &str, more: &Value) {
    provide(namespace, name, data).await;
    ready(namespace, name, under(name, certify, more)).await;
}

/// Everything else.
pub async fn make(namespace: &TestNamespace) {
    let now = Clock::system().now();
    let (one, two) = (Ca::root("Example Root 1", now), Ca::root("Example Root 2", now));
    follow(namespace, &one, &two).await;
    fail(namespace, &one, &two).await;
    namespace.authority_stands("corp-expired", "False", "RootExpired").await;
}

/// A CA, and what follows when another one takes its place.
async fn follow(namespace: &TestNamespace, one: &Ca, two: &Ca) {
    let (none, never) = (json!({}), "Never");
    let mut partners = one.data(&one.pem());
    partners["ca.crt"] = json!(ByteString([one.pem(), two.pem()].concat().into_bytes()));
    bring(namespace, "corp", partners, never, &none).await;
    bring(namespace, "corp-below", one.intermediate("Issuing 1").data(&one.pem()), never, &none).await;
    let former = root(namespace, "corp-below", "Signing").await;
    replace(namespace, "corp-below", one.intermediate("Issuing 2").data(&one.pem())).await;
    bring(namespace, "corp-draining", one.data(&one.pem()), never, &fast()).await;
    for name in ["corp-announced", "corp-withdrawn"] {
        bring(namespace, name, one.data(&one.pem()), "Allowed", &none).await;
    }
    for name in ["corp-announced", "corp-withdrawn", "corp-draining"] {
        replace(namespace, name, two.data(&two.pem())).await;
    }
    announced(namespace, "corp-withdrawn").await;
    replace(namespace, "corp-withdrawn", one.data(&one.pem())).await;
    phase(namespace, "corp-withdrawn", "Stable", &["Signing"]).await;
    let generated = json!({ "trustDomain": "own.example", "rotation": { "spreadOver": "0s" } });
    ready(namespace, "adopting", generated).await;
    provide(namespace, "adopting", one.intermediate("Issuing 3").data(&one.pem())).await;
    let spec = under("adopting", never, &none);
    namespace.patch_authority("adopting", json!({ "spec": spec })).await.unwrap();
    let is_another = |authority: &MtlsAuthority| {
        let signer = authority.status.as_ref().and_then(|status| status.signing_root());
        signer.is_some_and(|signer| signer.fingerprint != former)
    };
    namespace.authority_where("corp-below", "the other intermediate", is_another).await;
}

/// Faults of a provided CA.
async fn fail(namespace: &TestNamespace, one: &Ca, two: &Ca) {
    let (none, never) = (json!({}), "Never");
    for name in ["corp-missing", "corp-invalid", "corp-distrusted"] {
        bring(namespace, name, two.data(&two.pem()), never, &none).await;
    }
    delete_system_secret(namespace, "corp-missing-input").await;
    namespace.authority_stands("corp-missing", "True", "ProvidedMissing").await;
    replace(namespace, "corp-invalid", json!({ "tls.key": one.data(&one.pem())["tls.key"] })).await;
    namespace.authority_stands("corp-invalid", "True", "ProvidedInvalid").await;
    distrust(namespace, "corp-distrusted", "Signing").await;
    namespace.authority_stands("corp-distrusted", "False", "Distrusted").await;
    found(namespace, "corp-awaited", under("corp-awaited", never, &none)).await;
    namespace.authority_stands("corp-awaited", "False", "ProvidedMissing").await;
}
