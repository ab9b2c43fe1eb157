//! The rotation from a lost root to its successor, once the loss is accepted by fingerprint.

use serde_json::json;
use test_support::in_memory::harness::{SECRETS, issued};
use test_support::in_memory::rotation_run::RotationRun;

use crate::authority_controller::{ROOT, down};
use crate::distrust::{fingerprint, hex, taken, trust, trusts};

#[tokio::test(start_paused = true)]
async fn a_loss_that_is_accepted_by_name_ends_with_another_root_beside_the_lost_one() {
    let mut mesh = RotationRun::of(&["a", "b"], RotationRun::swift()).await;
    let lost = fingerprint(&mesh, "tls.crt");
    let signer = mesh.note("a", "authority-key-id");
    mesh.harness.server.delete(SECRETS, "mtls-system", ROOT);
    mesh.tick(1).await;
    assert!(down(&mesh.harness).starts_with("RootLost: "), "{}", down(&mesh.harness));
    mesh.annotate("accept-root-loss", &"ab".repeat(32));
    mesh.tick(1).await;
    assert!(
        down(&mesh.harness).contains("no trust bundle of this authority holds a root"),
        "{}",
        down(&mesh.harness)
    );
    assert_eq!(mesh.harness.server.get(SECRETS, "mtls-system", ROOT), None);
    mesh.harness.name_root(&lost, &signer);
    mesh.annotate("accept-root-loss", &lost);
    mesh.tick(1).await;
    assert_eq!((mesh.phase().as_str(), down(&mesh.harness).as_str()), ("Draining", ""));
    for name in ["a", "b"] {
        assert_eq!((trust(&mesh, name), mesh.harness.ready(name)), ((2, true), issued()));
        assert_ne!(mesh.note(name, "authority-key-id"), signer);
    }
    mesh.reload();
    mesh.until("Stable", 180, 1).await;
    assert_eq!(trust(&mesh, "a"), (1, true));
}

#[tokio::test(start_paused = true)]
async fn a_backup_from_before_a_rotation_is_no_root_until_the_loss_of_the_later_one_is_accepted() {
    let mut mesh = RotationRun::of(&["a"], RotationRun::swift()).await;
    let backup = mesh.harness.server.get(SECRETS, "mtls-system", ROOT).unwrap();
    mesh.ask("1");
    for phase in ["Announced", "Draining", "Stable"] {
        mesh.until(phase, 180, 1).await;
    }
    let (lost, signer) = (fingerprint(&mesh, "tls.crt"), mesh.note("a", "authority-key-id"));
    mesh.harness.server.put(SECRETS, &backup);
    mesh.tick(1).await;
    assert!(down(&mesh.harness).contains("MtlsIdentity orders/a depends on"), "{}", down(&mesh.harness));
    mesh.harness.name_root(&lost, &signer);
    mesh.annotate("accept-root-loss", &lost);
    mesh.tick(1).await;
    assert_eq!((mesh.phase().as_str(), trust(&mesh, "a")), ("Draining", (2, true)));
    let root = mesh.harness.server.get(SECRETS, "mtls-system", ROOT).unwrap();
    assert_ne!(root["data"]["tls.key"], backup["data"]["tls.key"], "the root of the backup signs nothing");
    let accepted = fingerprint(&mesh, "tls.crt");
    mesh.reload();
    mesh.until("Stable", 180, 1).await;
    assert_eq!(
        fingerprint(&mesh, "tls.crt"),
        accepted,
        "what was asked for before the loss is not done again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_root_that_follows_a_lost_one_answers_for_nothing_that_the_root_of_the_backup_has_certified() {
    let mut mesh = RotationRun::of(&["a"], RotationRun::swift()).await;
    let mut backup = mesh.harness.server.get(SECRETS, "mtls-system", ROOT).unwrap();
    mesh.ask("1");
    for phase in ["Announced", "Draining", "Stable"] {
        mesh.until(phase, 180, 1).await;
    }
    let (lost, signer) = (fingerprint(&mesh, "tls.crt"), mesh.note("a", "authority-key-id"));
    backup["metadata"]["annotations"]["mtls-operator.dev/certified"] = json!(json!([hex(&lost)]).to_string());
    mesh.harness.server.put(SECRETS, &backup);
    mesh.harness.name_root(&lost, &signer);
    mesh.annotate("accept-root-loss", &lost);
    mesh.tick(1).await;
    let accepted = fingerprint(&mesh, "tls.crt");
    mesh.distrust(&[&lost]);
    mesh.tick(1).await;
    assert_eq!((fingerprint(&mesh, "tls.crt"), taken(&mesh)), (accepted, vec![]));
    assert_eq!((mesh.phase().as_str(), trusts(&mesh, "a", &lost)), ("Stable", false));
}
