//! A distrusted root of the operator's own, in each role of a rotation: it leaves every bundle, with the roots that
//! certified it.

use serde_json::json;
use test_support::in_memory::harness::issued;
use test_support::in_memory::rotation_run::RotationRun;

use super::{fingerprint, hex, taken, trust};
use crate::rotation::mesh_in;

#[tokio::test(start_paused = true)]
async fn a_distrusted_signer_is_replaced_at_once_and_leaves_every_bundle() {
    let mut mesh = RotationRun::of(&["a", "b"], RotationRun::swift()).await;
    mesh.harness.apply("still", &json!({"paused": false}));
    mesh.tick(1).await;
    mesh.harness.apply("still", &json!({"paused": true}));
    mesh.tick(1).await;
    let signer = fingerprint(&mesh, "tls.crt");
    mesh.distrust(&[&signer]);
    mesh.tick(1).await;
    assert_eq!(mesh.phase(), "Stable");
    assert_ne!(fingerprint(&mesh, "tls.crt"), signer);
    for name in ["a", "b"] {
        assert_eq!((trust(&mesh, name), mesh.harness.ready(name)), ((1, true), issued()));
    }
    assert_eq!(trust(&mesh, "still"), (1, false), "it keeps its leaf, and gets the bundle");
    assert_eq!(mesh.harness.ready("still"), ("False".into(), "Paused".into()));
    assert!(mesh.harness.message("still").contains("distrusted"), "{}", mesh.harness.message("still"));
    mesh.harness.server.calls();
    mesh.tick(5).await;
    mesh.harness.apply("still", &json!({"paused": false}));
    mesh.tick(1).await;
    assert_eq!((trust(&mesh, "still"), mesh.harness.ready("still")), ((1, true), issued()));
}

#[tokio::test(start_paused = true)]
async fn an_announced_root_that_is_distrusted_goes_with_the_signer_that_has_certified_it() {
    let mut mesh = mesh_in("Announced", &["a", "b"], RotationRun::swift()).await;
    let (signer, announced) = (fingerprint(&mesh, "tls.crt"), fingerprint(&mesh, "next.crt"));
    mesh.distrust(&[&announced]);
    mesh.tick(1).await;
    assert_eq!((mesh.phase().as_str(), trust(&mesh, "a")), ("Stable", (1, true)));
    let signs = fingerprint(&mesh, "tls.crt");
    assert!(signs != signer && signs != announced);
    assert_eq!(taken(&mesh), [hex(&signer)]);
    // Named by people it is no more of the status.
    mesh.distrust(&[&announced, &signer]);
    mesh.tick(1).await;
    assert_eq!((taken(&mesh), fingerprint(&mesh, "tls.crt")), (vec![], signs));
}

#[tokio::test(start_paused = true)]
async fn a_signer_that_is_distrusted_goes_with_the_announced_root_whose_key_lay_beside_its_own() {
    let mut mesh = mesh_in("Announced", &["a", "b"], RotationRun::swift()).await;
    let (signer, announced) = (fingerprint(&mesh, "tls.crt"), fingerprint(&mesh, "next.crt"));
    mesh.distrust(&[&signer]);
    mesh.tick(1).await;
    assert_eq!((mesh.phase().as_str(), trust(&mesh, "a")), ("Stable", (1, true)));
    assert_ne!(fingerprint(&mesh, "tls.crt"), announced);
    assert_eq!(taken(&mesh), [hex(&announced)]);
}

#[tokio::test(start_paused = true)]
async fn a_signer_that_is_distrusted_while_draining_goes_with_the_root_that_has_certified_it() {
    let mut mesh = mesh_in("Draining", &["a", "b"], RotationRun::swift()).await;
    let (former, signer) = (fingerprint(&mesh, "retiring.crt"), fingerprint(&mesh, "tls.crt"));
    mesh.distrust(&[&signer]);
    mesh.tick(1).await;
    assert_eq!((mesh.phase().as_str(), trust(&mesh, "a")), ("Stable", (1, true)));
    assert_eq!(taken(&mesh), [hex(&former)]);
    for name in ["a", "b"] {
        assert_eq!(mesh.harness.ready(name), issued());
    }
}

#[tokio::test(start_paused = true)]
async fn a_retiring_root_that_is_distrusted_leaves_every_bundle_and_the_signer_stays() {
    let mut mesh = mesh_in("Draining", &["a", "b"], RotationRun::swift()).await;
    let signer = fingerprint(&mesh, "tls.crt");
    assert_eq!(trust(&mesh, "a"), (2, true));
    mesh.distrust(&[&fingerprint(&mesh, "retiring.crt")]);
    mesh.tick(1).await;
    assert_eq!((mesh.phase().as_str(), trust(&mesh, "a")), ("Stable", (1, true)));
    assert_eq!((fingerprint(&mesh, "tls.crt"), taken(&mesh)), (signer, vec![]));
}
