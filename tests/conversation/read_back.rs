//! A transition whose result the operator could not read again (I13): it is not written, the condition says so, and the root
//! in force goes on signing.

use k8s_openapi::ByteString;
use mtls_operator::api::conditions::{READY, STALLED, find};
use mtls_operator::pki::{Authority, MAX_CERTIFICATES, RootAlgorithm};
use serde_json::{Value, json};
use test_support::in_memory::harness::{Harness, NOW, SECRETS, issued};
use test_support::in_memory::rotation_run::RotationRun;

use crate::authority_controller::{authority, controller, run_a_minute};

const ROOT: &str = "mtls-authority-mesh";

fn root(mesh: &RotationRun) -> Value {
    mesh.harness.server.get(SECRETS, "mtls-system", ROOT).unwrap()
}

/// The root Secret holds former roots beside the signer: as many as a trust bundle may have.
fn fill(mesh: &RotationRun) {
    let ttl = jiff::SignedDuration::from_hours(1);
    let anchors = |_| Authority::generate("mesh", RootAlgorithm::EcdsaP256, ttl, NOW).unwrap().anchors;
    let roots: Vec<u8> = (1..MAX_CERTIFICATES).flat_map(anchors).collect();
    mesh.harness.server.edit(SECRETS, "mtls-system", ROOT, |secret| {
        secret["data"]["retiring.crt"] = json!(ByteString(roots));
    });
    mesh.harness.context.authorities.lock().apply_secret(ROOT);
}

/// Status, reason and message of a condition of the authority.
fn condition(harness: &Harness, name: &str) -> (String, String, String) {
    let conditions = authority(harness).status.unwrap().conditions;
    let found = find(&conditions, name).unwrap_or_else(|| panic!("there is no {name}")).clone();
    (found.status, found.reason, found.message)
}

#[tokio::test(start_paused = true)]
async fn a_transition_that_could_not_be_read_again_is_not_written_and_signing_goes_on() {
    let mut mesh = RotationRun::of(&["a"], RotationRun::swift()).await;
    fill(&mesh);
    mesh.tick(1).await;
    let before = root(&mesh);
    mesh.ask("1");
    mesh.harness.apply("late", &json!({}));
    mesh.tick(1).await;
    run_a_minute(controller(&mesh.harness)).await;
    assert_eq!(root(&mesh), before, "the announced root would be one too many");
    let sentence = format!(
        "Announce of Secret mtls-system/{ROOT} was not written, because the operator could not read the result: the trust bundle (ca.crt) holds more than {MAX_CERTIFICATES} certificates; remove those that are not needed. Signing goes on with the root in force"
    );
    for (name, status) in [(READY, "True"), (STALLED, "True")] {
        let found = condition(&mesh.harness, name);
        assert_eq!((&*found.0, &*found.1), (status, "RootInvalid"), "{name}: {}", found.2);
        assert!(found.2.contains(&sentence), "{name}: {}", found.2);
    }
    assert_eq!(mesh.harness.ready("late"), issued());
}
