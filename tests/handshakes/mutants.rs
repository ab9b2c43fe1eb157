//! Rotations by operators without some of the safeguards. Handshakes fail.

use mtls_operator::operator::run::Settings;
use mtls_operator::plan::authority::safeguards::Safeguard::{CrossCertificates, Gate, Wait};
use mtls_operator::plan::authority::safeguards::Safeguards;
use mtls_operator::runtime::clock::Clock;

use crate::chatter::{Chatter, Tally};
use crate::group::{Group, Lifetime};
use crate::rotations::{ALL, CONSUMERS};
use crate::solo::{Solo, settings};
use crate::stage::Stage;

/// Without cross-certificates.
pub async fn without_crosses() -> Tally {
    rotation(Safeguards::ALL.without(CrossCertificates)).await
}

/// Without these, and without waiting for anybody.
pub async fn without_both() -> Tally {
    rotation(Safeguards::ALL.without(CrossCertificates).without(Gate).without(Wait)).await
}

/// One rotation by an operator with these safeguards only, which serves nobody else.
async fn rotation(safeguards: Safeguards) -> Tally {
    let stage = Stage::shared();
    let scene = stage.scene().await;
    let namespace = scene.namespace.clone();
    let settings = Settings {
        namespace: namespace.clone(),
        watch_namespaces: vec![namespace.clone()],
        default_authority: None,
        ..settings()
    };
    let operator = Solo::run(settings, safeguards, Clock::system(), stage.client().await);
    let group = Group::start(scene, Some(&namespace), CONSUMERS, Lifetime::SHORTEST).await;
    let chatter = Chatter::begin(vec![group.consumers.clone()]);
    group.rotate("1").await;
    let tally = chatter.end();
    operator.stop().await;
    tally
}

#[test]
fn without_cross_certificates_those_fail_that_never_reload_and_only_those() {
    let tally = ALL.without_crosses.end();
    println!("A rotation without cross-certificates. {tally}");
    assert!(tally.sum(true).1 > 0, "{tally}");
    assert_eq!(tally.sum(false).1, 0, "{tally}\n{:#?}", tally.failures);
    assert_eq!(tally.untried(), [], "{tally}");
}

#[test]
fn without_gate_and_cross_certificates_handshakes_fail() {
    let tally = ALL.without_both.end();
    println!("A rotation without gate and cross-certificates. {tally}");
    assert!(tally.sum(false).1 > 0, "{tally}");
}
