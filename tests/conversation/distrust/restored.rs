//! A backup of the root Secret is restored before or after a root was distrusted: the root stays distrusted, with what it
//! certified.

use mtls_operator::operator::authority::status::after;
use serde_json::json;
use test_support::in_memory::harness::{AUTHORITIES, issued};
use test_support::in_memory::rotation_run::RotationRun;

use super::{fingerprint, hex, taken, trust, trusts};

/// The backup is older than the root that is distrusted, and lacks what it has certified since.
#[tokio::test(start_paused = true)]
async fn what_was_distrusted_with_another_root_stays_so_whichever_backup_is_restored() {
    let mut mesh = RotationRun::of(&["a"], RotationRun::swift()).await;
    let backup = mesh.harness.server.get("secrets", "mtls-system", "mtls-authority-mesh").unwrap();
    let first = fingerprint(&mesh, "tls.crt");
    mesh.ask("1");
    for phase in ["Announced", "Draining"] {
        mesh.until(phase, 60, 1).await;
    }
    mesh.distrust(&[&fingerprint(&mesh, "tls.crt")]);
    mesh.tick(1).await;
    let (signs, key_id) = (fingerprint(&mesh, "tls.crt"), mesh.note("a", "authority-key-id"));
    mesh.harness.server.put("secrets", &backup);
    mesh.tick(1).await;
    let service = mesh.harness.context.issuers.get("mesh").unwrap();
    assert!(service.signer.is_err(), "the first root has certified the one that is distrusted");
    // A person accepts the loss of the missing root.
    mesh.harness.server.edit(AUTHORITIES, "", "mesh", |authority| {
        let missed = json!({ "role": "Signing", "fingerprint": hex(&signs), "keyID": key_id, "leaves": 1 });
        authority["status"]["roots"] = json!([missed]);
    });
    mesh.annotate("accept-root-loss", &signs);
    mesh.tick(1).await;
    assert_eq!((taken(&mesh), mesh.harness.ready("a")), (vec![hex(&first)], issued()));
    assert!(!trusts(&mesh, "a", &first) && fingerprint(&mesh, "tls.crt") != first);
}

/// Status names the roots, as the controller writes it after each pass.
async fn record_roots(mesh: &RotationRun) {
    let outcome = mesh.harness.root_outcome().await.0;
    let roots = after(&mesh.harness.authority(), &outcome).roots;
    mesh.harness
        .server
        .edit(AUTHORITIES, "", "mesh", |authority| authority["status"]["roots"] = json!(roots));
}

/// The backup is restored first, and the root distrusted only then: status lists what the signer has certified since.
#[tokio::test(start_paused = true)]
async fn a_backup_from_before_a_root_was_announced_does_not_hide_that_its_signer_has_certified_it() {
    let mut mesh = RotationRun::of(&["a"], RotationRun::swift()).await;
    let backup = mesh.harness.server.get("secrets", "mtls-system", "mtls-authority-mesh").unwrap();
    let first = fingerprint(&mesh, "tls.crt");
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    let announced = fingerprint(&mesh, "next.crt");
    record_roots(&mesh).await;
    mesh.harness
        .server
        .edit(AUTHORITIES, "", "mesh", |authority| authority["metadata"]["annotations"] = json!({}));
    mesh.harness.server.put("secrets", &backup);
    mesh.tick(1).await;
    assert_eq!((mesh.phase().as_str(), fingerprint(&mesh, "tls.crt")), ("Stable", first.clone()));
    mesh.distrust(&[&announced]);
    mesh.tick(1).await;
    assert_eq!(taken(&mesh), [hex(&first)]);
    assert_ne!(fingerprint(&mesh, "tls.crt"), first);
}

#[tokio::test(start_paused = true)]
async fn a_restored_backup_does_not_bring_a_distrusted_root_back() {
    let mut mesh = RotationRun::of(&["a"], RotationRun::swift()).await;
    mesh.ask("1");
    for phase in ["Announced", "Draining"] {
        mesh.until(phase, 60, 1).await;
    }
    let backup = mesh.harness.server.get("secrets", "mtls-system", "mtls-authority-mesh").unwrap();
    let former = fingerprint(&mesh, "retiring.crt");
    mesh.distrust(&[&former]);
    mesh.tick(1).await;
    assert_eq!(trust(&mesh, "a"), (1, true));
    mesh.harness.server.put("secrets", &backup);
    mesh.tick(1).await;
    assert_eq!((mesh.phase().as_str(), trust(&mesh, "a")), ("Stable", (1, true)));
}
