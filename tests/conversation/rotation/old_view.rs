//! A replica whose index or view of the root is out of date: it signs nothing, writes no bundle and switches no signer.

use mtls_operator::operator::error::Error;
use serde_json::json;
use test_support::in_memory::harness::NAMESPACE;
use test_support::in_memory::rotation_run::RotationRun;

#[tokio::test(start_paused = true)]
async fn an_index_that_lags_switches_no_signer() {
    let mut mesh = RotationRun::of(&["a"], RotationRun::swift()).await;
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    for second in 0..20 {
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        mesh.harness.server.edit("secrets", NAMESPACE, "a-mtls", |secret| {
            secret["metadata"]["annotations"]["example.com/touched"] = json!(second.to_string());
        });
        mesh.harness.reconcile_authority().await.unwrap();
        assert_eq!(mesh.phase(), "Announced", "the watch has not shown what the Secret was in between");
    }
    mesh.harness.watch();
    mesh.until("Draining", 15, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_replica_with_an_old_view_of_the_root_writes_no_bundle() {
    let mut mesh = RotationRun::of(&["a"], json!({})).await;
    // Another replica has announced a root, and brought it to the Secret.
    mesh.harness.server.edit("secrets", "mtls-system", "mtls-authority-mesh", |root| {
        root["metadata"]["annotations"]["example.com/touched"] = json!("yes");
    });
    let bundle = mesh.harness.secret("a-mtls").unwrap()["data"]["ca.crt"].clone();
    mesh.harness
        .server
        .edit("secrets", NAMESPACE, "a-mtls", |secret| secret["data"]["ca.crt"] = json!("eA=="));
    tokio::time::advance(std::time::Duration::from_secs(61)).await;
    mesh.harness.watch();
    let before = mesh.harness.server.writes();
    assert!(matches!(mesh.harness.work().await[..], [Err(Error::Stale { .. })]));
    assert_eq!(mesh.harness.server.writes(), before, "it would take out a root that other Secrets need");
    mesh.tick(60).await;
    assert_eq!(
        mesh.harness.secret("a-mtls").unwrap()["data"]["ca.crt"],
        bundle,
        "it has read the root again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_replica_with_an_old_view_of_the_root_signs_nothing() {
    let mut mesh = RotationRun::of(&["a"], json!({})).await;
    // Another replica has changed the root Secret.
    mesh.harness.server.edit("secrets", "mtls-system", "mtls-authority-mesh", |root| {
        root["metadata"]["annotations"]["example.com/touched"] = json!("yes");
    });
    mesh.harness.server.delete("secrets", NAMESPACE, "a-mtls");
    tokio::time::advance(std::time::Duration::from_secs(61)).await;
    mesh.harness.watch();
    assert!(matches!(mesh.harness.work().await[..], [Err(Error::Stale { .. })]));
    assert_eq!(mesh.harness.secret("a-mtls"), None, "the drain bound counts no leaf that is signed so late");
    mesh.tick(60).await;
    assert!(mesh.harness.secret("a-mtls").is_some(), "it has read the root again");
}
