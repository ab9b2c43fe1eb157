//! Rotations by operators without some of the safeguards, in which handshakes must fail.

use mtls_operator::operator::run::Settings;
use mtls_operator::plan::authority::safeguards::Safeguard::{CrossCertificates, Gate, Wait};
use mtls_operator::plan::authority::safeguards::Safeguards;
use mtls_operator::runtime::clock::Clock;
use test_support::cluster::TestCluster;
use test_support::in_process::{InProcessOperator, settings};

use crate::consumers::{Consumers, Lifetime};
use crate::pairwise::{Counts, PairwiseLoad};
use crate::rotations::{ALL, CONSUMERS};

/// Without cross-certificates.
pub async fn without_crosses() -> Counts {
    rotation(Safeguards::ALL.without(CrossCertificates)).await
}

/// Without these, and without waiting for any identity.
pub async fn without_both() -> Counts {
    rotation(Safeguards::ALL.without(CrossCertificates).without(Gate).without(Wait)).await
}

/// One rotation by an operator with these safeguards only, which serves this authority only.
async fn rotation(safeguards: Safeguards) -> Counts {
    let cluster = TestCluster::shared();
    let namespace = cluster.namespace().await;
    let name = namespace.name.clone();
    let settings = Settings {
        namespace: name.clone(),
        watch_namespaces: vec![name.clone()],
        default_authority: None,
        ..settings()
    };
    let operator = InProcessOperator::run(settings, safeguards, Clock::system(), cluster.client().await);
    let group = Consumers::start(namespace, Some(&name), CONSUMERS, Lifetime::SHORTEST).await;
    let load = PairwiseLoad::begin(vec![group.all.clone()]);
    group.rotate("1").await;
    let counts = load.end();
    operator.stop().await;
    counts
}

#[test]
fn without_cross_certificates_consumers_that_never_reload_fail_and_no_others() {
    let counts = ALL.without_crosses.end();
    println!("A rotation without cross-certificates. {counts}");
    assert!(counts.sum(true).1 > 0, "{counts}");
    assert_eq!(counts.sum(false).1, 0, "{counts}\n{:#?}", counts.failures);
    assert_eq!(counts.untried(), [], "{counts}");
}

#[test]
fn without_gate_and_cross_certificates_handshakes_fail() {
    let counts = ALL.without_both.end();
    println!("A rotation without gate and cross-certificates. {counts}");
    assert!(counts.sum(false).1 > 0, "{counts}");
}
