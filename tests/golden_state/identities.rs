//! The identities of a generation: one for each state, and for each form that a Secret can have.

use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, PostParams};
use mtls_operator::api::MtlsIdentity;
use serde_json::{Value, json};
use test_support::namespace::TestNamespace;
use test_support::objects::is_stalled;
use test_support::wait::wait;

use crate::authorities::says;

/// Name of the authority that all but one of these belong to.
const MESH: &str = "mesh";

/// Issued earlier: certificates that have expired by now.
pub async fn begin_early(namespace: &TestNamespace) {
    for name in ["expired", "expired-ending"] {
        namespace.create(name, json!({})).await;
        namespace.ready(name).await;
    }
    namespace.patch("expired", json!({ "spec": { "paused": true } })).await.unwrap();
    namespace.stands("expired", "True", "Paused").await;
    keep_and_delete(namespace, "expired-ending").await;
}

/// Deletes an identity that the finalizer of another program keeps.
async fn keep_and_delete(namespace: &TestNamespace, name: &str) {
    let kept = json!({ "metadata": { "finalizers": ["example.com/keeps-it"] } });
    namespace.patch(name, kept).await.unwrap();
    namespace.identities().delete(name, &DeleteParams::default()).await.unwrap();
}

/// Those that are issued, each in another form.
fn issued() -> Vec<(&'static str, Value)> {
    let algorithm = |word: &str| json!({ "privateKey": { "algorithm": word } });
    let labels = json!({ "team": "edge" });
    let dressed = json!({
        "name": "gateway-certificates", "labels": labels,
        "annotations": { "example.com/owner": "edge" }, "reclaim": "Retain",
    });
    let probe = json!({ "name": "https", "serviceName": "probed", "targetPort": 8443 });
    vec![
        ("plain", json!({})),
        ("ecdsap384", algorithm("ECDSAP384")),
        ("ed25519", algorithm("ED25519")),
        ("rsa2048", algorithm("RSA2048")),
        ("rsa3072", algorithm("RSA3072")),
        ("rsa4096", algorithm("RSA4096")),
        (
            "common-name",
            json!({ "subject": { "commonName": "ServiceAccount" }, "serviceAccountName": "till" }),
        ),
        ("granted", json!({ "dnsNames": ["*.example.com"], "ipAddresses": ["10.0.0.7", "fd00::7"] })),
        ("named", json!({ "services": ["one", "two"], "dnsNames": ["*.one.identities.svc"] })),
        ("nameless", json!({ "services": [] })),
        ("short", json!({ "ttl": "12h", "renewBefore": "4h" })),
        ("long", json!({ "ttl": "168h" })),
        ("dressed", json!({ "secret": dressed })),
        ("probed", json!({ "probes": [probe] })),
        ("renewed", json!({})),
        ("moved", json!({})),
        ("retained", json!({ "secret": { "reclaim": "Retain" } })),
        ("paused", json!({})),
        ("ending", json!({})),
        ("permitted-no-more", json!({})),
        ("invalid-by-now", json!({})),
    ]
}

/// Makes all of them.
pub async fn make(namespace: &TestNamespace) {
    let selected = json!({ "matchLabels": { "bundle": "yes" } });
    let grant = json!({
        "name": "edge", "namespaces": { "from": "All" }, "dnsNames": ["*.example.com"],
        "cidrs": ["10.0.0.0/24", "fd00::/64"],
    });
    let spec = json!({ "grants": [grant], "trustBundle": { "namespaces": selected } });
    namespace.patch_authority(MESH, json!({ "spec": spec })).await.unwrap();
    says(namespace, MESH, "Published", "True").await;
    for (name, spec) in issued() {
        namespace.create(name, spec).await;
    }
    for (name, _) in issued() {
        namespace.ready(name).await;
    }
    change(namespace).await;
    refuse(namespace).await;
}

/// Changes of some that were issued.
async fn change(namespace: &TestNamespace) {
    let renew = json!({ "metadata": { "annotations": { "mtls-operator.dev/renew": "once" } } });
    namespace.patch("renewed", renew).await.unwrap();
    let moved = json!({ "spec": { "authorityRef": { "name": "corp" } } });
    namespace.patch("moved", moved).await.unwrap();
    for name in ["renewed", "moved"] {
        let is_second = |identity: &MtlsIdentity| {
            identity.status.as_ref().is_some_and(|status| status.revision == Some(2))
        };
        namespace.identity_where(name, "its second certificate", is_second).await;
        namespace.ready(name).await;
    }
    namespace.identities().delete("retained", &DeleteParams::default()).await.unwrap();
    wait(namespace.identities(), "retained", "it to be gone", |found| found.is_none().then_some(())).await;
    namespace.patch("paused", json!({ "spec": { "paused": true } })).await.unwrap();
    namespace.stands("paused", "True", "Paused").await;
    keep_and_delete(namespace, "ending").await;
    namespace.stands("expired", "False", "Expired").await;
    namespace.identity_where("expired-ending", "its end to be recorded", is_not_ready).await;
    namespace
        .patch("permitted-no-more", json!({ "spec": { "dnsNames": ["not.granted.test"] } }))
        .await
        .unwrap();
    namespace.patch("invalid-by-now", json!({ "spec": { "ttl": "1000h" } })).await.unwrap();
}

fn is_not_ready(identity: &MtlsIdentity) -> bool {
    test_support::objects::ready_of(identity).0 == "False"
}

/// Those that get none, each for another reason.
async fn refuse(namespace: &TestNamespace) {
    let people =
        json!({ "metadata": { "name": "conflict-mtls" }, "stringData": { "note": "not the operator's" } });
    let people: Secret = serde_json::from_value(people).unwrap();
    namespace.secrets().create(&PostParams::default(), &people).await.unwrap();
    let nowhere = json!({ "authorityRef": { "name": "nowhere" } });
    let lost = json!({ "authorityRef": { "name": "lost" } });
    for (name, spec) in [
        ("conflict", json!({})),
        ("not-permitted", json!({ "ipAddresses": ["192.0.2.1"] })),
        ("invalid", json!({ "ttl": "1000h" })),
        ("without-authority", nowhere),
        ("without-root", lost),
    ] {
        namespace.create(name, spec).await;
    }
    for (name, reason) in [
        ("conflict", "SecretConflict"),
        ("not-permitted", "NotPermitted"),
        ("permitted-no-more", "NotPermitted"),
        ("invalid", "Invalid"),
        ("invalid-by-now", "Invalid"),
        ("without-authority", "AuthorityNotReady"),
        ("without-root", "AuthorityNotReady"),
    ] {
        namespace
            .identity_where(name, reason, |identity| test_support::objects::ready_of(identity).1 == reason)
            .await;
    }
    for name in ["conflict", "not-permitted", "invalid"] {
        namespace.identity_where(name, "Stalled", is_stalled).await;
    }
}
