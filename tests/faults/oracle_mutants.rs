//! Mutants of a history: its judgement reports each fault that is written into one.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Secret;
use mtls_operator::runtime::clock::Clock;
use test_support::cluster::TestCluster;

use crate::end_state::EndState;
use crate::history::judge;
use crate::operator_process::run_operator;
use crate::rotation_run::RotationRun;

/// Every version that was written in a rotation, and the name of the root Secret.
fn rotation() -> (Vec<Secret>, String) {
    let cluster = TestCluster::without_operator(&[]);
    let outside = tokio::runtime::Runtime::new().unwrap();
    let mut mesh = outside.block_on(RotationRun::apply(&cluster));
    let namespace = mesh.namespace.clone();
    let end_state = run_operator(&cluster, &namespace, Clock::system().now(), async |operator| {
        mesh.issued(operator).await;
        mesh.ask(&operator.namespace).await;
        mesh.rotated(operator, None).await
    });
    assert_eq!(end_state.unwrap_or_else(|_| panic!("the operator was killed")), EndState::expected());
    (outside.block_on(mesh.history.told()), mesh.history.root().to_owned())
}

fn name(secret: &Secret) -> &str {
    secret.metadata.name.as_deref().unwrap_or_default()
}

/// Why a history is refused.
fn fault(told: &[Secret], root: &str) -> String {
    judge(told, root).unwrap_err()
}

#[test]
fn each_fault_of_a_history_is_reported() {
    let (told, root) = rotation();
    assert_eq!(judge(&told, &root), Ok(()));
    let of =
        |wanted: &str| -> Vec<usize> { (0..told.len()).filter(|at| name(&told[*at]) == wanted).collect() };
    let (roots, first, other) = (of(&root), of("a-mtls"), of("b-mtls"));

    let mut swapped = told.clone();
    let key = |at: usize| told[at].data.clone().unwrap()["tls.key"].clone();
    swapped[first[0]].data.as_mut().unwrap().insert("tls.key".into(), key(other[0]));
    assert!(fault(&swapped, &root).contains("no peer would accept it"));

    let later: BTreeSet<usize> = other[1..].iter().copied().collect();
    let kept = (0..told.len()).filter(|at| !later.contains(at)).map(|at| told[at].clone());
    assert!(fault(&kept.collect::<Vec<_>>(), &root).contains("not in the bundles of [\"b-mtls\"]"));

    let mut restored = told.clone();
    restored.push(told[roots[0]].clone());
    assert!(fault(&restored, &root).contains("a root signs"));

    let mut unannounced = told.clone();
    unannounced.remove(roots[1]);
    assert!(fault(&unannounced, &root).contains("the phase goes from Stable to Draining"));
}
