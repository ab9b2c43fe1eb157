//! Distrust of provided CAs: of an intermediate, of a CA with other anchors beside its root, and where only people can
//! replace it.

use mtls_operator::plan::authority::decision::RootDecision;
use test_support::ca::Ca;
use test_support::in_memory::harness::{NOW, SECRETS, issued};
use test_support::in_memory::rotation_run::RotationRun;

use super::{fingerprint, hex, taken};
use crate::provided::{certifying, input, mesh_of, provide, swift_and_provided};

/// What a reconcile of the authority decides.
async fn decision(mesh: &RotationRun) -> RootDecision {
    mesh.harness.root_outcome().await.0.decision
}

/// X.509 has no way to distrust an intermediate below a root that is trusted: the condition says so, whenever it is named.
#[tokio::test(start_paused = true)]
async fn an_intermediate_that_is_distrusted_is_told_to_be_accepted_before_and_after_it_is_replaced() {
    for is_replaced_first in [true, false] {
        let one = Ca::root("one", NOW);
        let mut mesh = mesh_of(&one.intermediate("one-1"), &one, swift_and_provided()).await;
        let stolen = fingerprint(&mesh, "tls.crt");
        if !is_replaced_first {
            mesh.distrust(&[&stolen]);
            mesh.tick(1).await;
            let told = decision(&mesh).await;
            assert!(!told.signs && told.stalled, "{told:?}");
            assert!(told.message.contains("Peers accept what intermediate"), "{}", told.message);
        }
        provide(&one.intermediate("one-2"), &one, &mesh.harness.server);
        mesh.tick(1).await;
        let before = mesh.note("a", "authority-key-id");
        if is_replaced_first {
            mesh.distrust(&[&stolen]);
            mesh.tick(1).await;
            assert_ne!(mesh.note("a", "authority-key-id"), before, "its certificates are replaced at once");
        }
        let told = decision(&mesh).await;
        assert!(told.signs && told.stalled && told.reason.as_str() == "Distrusted", "{told:?}");
        assert!(told.message.contains(&hex(&stolen)[..16]), "{}", told.message);
        assert!(told.message.contains("provide a CA below another root"), "{}", told.message);
        assert_eq!(mesh.harness.ready("a"), issued());
        let two = Ca::root("two", NOW);
        provide(&two, &two, &mesh.harness.server);
        for _ in 0..180 {
            mesh.tick(1).await;
        }
        assert!(!decision(&mesh).await.stalled, "no root above it is trusted any more");
    }
}

/// What people have put into `ca.crt` beside the root of a CA has certified nothing.
#[tokio::test(start_paused = true)]
async fn a_ca_that_goes_takes_no_anchor_along_that_lay_beside_its_root() {
    let (one, partner, two) = (Ca::root("one", NOW), Ca::root("partner", NOW), Ca::root("two", NOW));
    let mut mesh = mesh_of(&one, &one, certifying()).await;
    mesh.harness.server.put(SECRETS, &input(&one, &format!("{}{}", one.pem(), partner.pem())));
    mesh.tick(5).await;
    let first = fingerprint(&mesh, "tls.crt");
    provide(&two, &two, &mesh.harness.server);
    for phase in ["Announced", "Draining"] {
        mesh.until(phase, 60, 1).await;
    }
    mesh.distrust(&[&fingerprint(&mesh, "tls.crt")]);
    mesh.tick(1).await;
    assert_eq!(taken(&mesh), [hex(&first)], "though nothing can be signed before another CA is there");
    provide(&partner, &partner, &mesh.harness.server);
    mesh.tick(1).await;
    mesh.tick(1).await;
    assert!(decision(&mesh).await.signs);
    assert_eq!(mesh.harness.ready("a"), issued());
}
