//! What a rotation waits for: identities, by the Secrets that they own. What people copy, forge or delete holds it up for no
//! longer than a leaf can be valid.

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use serde_json::{Value, json};
use test_support::in_memory::api_server::Fault;
use test_support::in_memory::harness::{AUTHORITIES, IDENTITIES, NAMESPACE, SECRETS};
use test_support::in_memory::rotation_run::RotationRun;

/// Goes on until the phase is this one; expired leaves are not checked here.
async fn comes(mesh: &mut RotationRun, phase: &str, at_most: u64) -> bool {
    for _ in 0..at_most {
        mesh.tick(1).await;
        if mesh.phase() == phase {
            return true;
        }
    }
    false
}

/// A Secret as `kubectl get -o json | kubectl apply` creates it again under another name.
fn copied(secret: &Value, name: &str) -> Value {
    let mut copy = secret.clone();
    copy["type"] = json!("Opaque");
    let meta = copy["metadata"].as_object_mut().unwrap();
    meta.insert("name".into(), json!(name));
    for key in ["uid", "resourceVersion", "ownerReferences"] {
        meta.remove(key);
    }
    copy
}

/// The names of the identities that a reconcile of the authority finds behind, and of those that are excluded.
async fn waited_for(mesh: &RotationRun) -> (Vec<String>, Vec<String>) {
    let blockers = mesh.harness.root_outcome().await.0.blockers;
    (blockers.names, blockers.excluded)
}

#[tokio::test(start_paused = true)]
async fn a_rotation_does_not_wait_for_a_copy_of_a_secret() {
    let mut mesh = RotationRun::of(&["a"], RotationRun::swift()).await;
    let secret = mesh.harness.secret("a-mtls").unwrap();
    mesh.harness.server.put(SECRETS, &copied(&secret, "a-mtls-backup"));
    mesh.ask("1");
    for phase in ["Announced", "Draining", "Stable"] {
        assert!(comes(&mut mesh, phase, 180).await, "it is {}, not {phase}", mesh.phase());
    }
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_the_index_does_not_know_yet_is_waited_for_by_its_name_and_can_be_excluded() {
    for (secret, is_its_own) in [("new-mtls", true), ("new-mtls-backup", false)] {
        let mut mesh = RotationRun::of(&["a"], RotationRun::swift()).await;
        mesh.ask("1");
        mesh.until("Announced", 30, 1).await;
        let mut made = copied(&mesh.harness.secret("a-mtls").unwrap(), secret);
        mesh.harness.apply("new", &json!({}));
        let uid = mesh.harness.server.get(IDENTITIES, NAMESPACE, "new").unwrap()["metadata"]["uid"].clone();
        made["metadata"]["labels"]["mtls-operator.dev/identity"] = json!("new");
        let notes = &mut made["metadata"]["annotations"];
        (notes["mtls-operator.dev/identity-uid"], notes["mtls-operator.dev/trust"]) = (uid, json!("other"));
        mesh.harness.server.put(SECRETS, &made);
        let meta = json!({ "metadata": mesh.harness.secret(secret).unwrap()["metadata"] });
        let meta: PartialObjectMeta<Secret> = serde_json::from_value(meta).unwrap();
        mesh.harness
            .context
            .scheduler
            .change(|scheduler| scheduler.apply_secret(&meta, false, mesh.harness.context.millis()));
        for _ in 0..15 {
            tokio::time::advance(std::time::Duration::from_secs(1)).await;
            mesh.harness.reconcile_authority().await.unwrap();
        }
        if is_its_own {
            assert_eq!(mesh.phase(), "Announced");
            for _ in 0..11 {
                tokio::time::advance(std::time::Duration::from_secs(1)).await;
                let (names, excluded) = waited_for(&mesh).await;
                assert!(names.is_empty() || names == ["orders/new"], "{names:?}");
                assert_eq!(excluded, [""; 0]);
            }
            mesh.annotate("rotation-exclude", "orders/new");
            for _ in 0..15 {
                tokio::time::advance(std::time::Duration::from_secs(1)).await;
                mesh.harness.reconcile_authority().await.unwrap();
            }
        }
        assert_eq!(mesh.phase(), "Draining", "{secret}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rotation_does_not_wait_for_the_secret_of_a_refused_identity_once_it_is_deleted() {
    let mut spec = RotationRun::swift();
    spec["grants"] =
        json!([{ "name": "edge", "namespaces": { "from": "All" }, "dnsNames": ["api.example.com"] }]);
    let mut mesh = RotationRun::of(&["a"], spec).await;
    mesh.harness.apply("b", &json!({ "dnsNames": ["api.example.com"] }));
    mesh.tick(1).await;
    mesh.harness.server.edit(AUTHORITIES, "", "mesh", |authority| authority["spec"]["grants"] = json!([]));
    mesh.tick(1).await;
    assert_eq!(mesh.harness.ready("b"), ("False".into(), "NotPermitted".into()));
    mesh.harness.server.delete(SECRETS, NAMESPACE, "b-mtls");
    mesh.ask("1");
    for phase in ["Announced", "Draining", "Stable"] {
        assert!(comes(&mut mesh, phase, 180).await, "it is {}, not {phase}", mesh.phase());
    }
}

#[tokio::test(start_paused = true)]
async fn a_leaf_whose_end_cannot_be_read_is_waited_for_no_longer_than_the_last_that_can_be() {
    let mut mesh = RotationRun::of(&["a", "still"], RotationRun::swift()).await;
    mesh.harness.apply("still", &json!({ "paused": true }));
    mesh.ask("1");
    for phase in ["Announced", "Draining"] {
        assert!(comes(&mut mesh, phase, 60).await, "it is {}, not {phase}", mesh.phase());
    }
    mesh.harness.server.edit(SECRETS, NAMESPACE, "still-mtls", |secret| {
        secret["metadata"]["annotations"].as_object_mut().unwrap().remove("mtls-operator.dev/not-after");
    });
    for _ in 0..10_000 {
        mesh.harness.server.next(&format!("PATCH secrets {NAMESPACE}/still-mtls"), Fault::Broken);
    }
    assert!(comes(&mut mesh, "Stable", 180).await, "it is {}", mesh.phase());
}

#[tokio::test(start_paused = true)]
async fn a_change_that_breaks_connections_is_told_as_a_warning_that_says_what_to_do() {
    let mesh = RotationRun::of(&["a"], RotationRun::swift()).await;
    mesh.harness.advance(SignedDuration::from_hours(2));
    let (_, applied) = mesh.harness.root_outcome().await;
    let warning = applied[0].warning.as_deref().unwrap_or_default();
    assert_eq!(applied[0].transition, "Succeed");
    assert!(warning.contains("expired at") && warning.contains("Restart every Pod"), "{warning}");
}
