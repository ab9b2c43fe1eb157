//! Rotations in which random requests and watch events have faults.

use mtls_operator::runtime::clock::Clock;
use test_support::cluster::TestCluster;
use test_support::cut::not_run;
use test_support::rng::{SEED, SeededRng};

use crate::chaos::Chaos;
use crate::end_state::EndState;
use crate::operator_process::run_operator;
use crate::rotation_run::RotationRun;

/// One request, and one part of a watch, in so many has a fault.
const ONE_IN: u64 = 4;

/// All runs with random faults, and as many as there are without `MTLS_PROOF`.
const RUNS: u64 = 50;
const FEW: u64 = 4;

#[test]
fn a_rotation_ends_as_it_should_under_any_random_faults() {
    let cluster = TestCluster::without_operator(&[]);
    let outside = tokio::runtime::Runtime::new().unwrap();
    let runs = if std::env::var_os("MTLS_PROOF").is_some() { RUNS } else { FEW };
    if runs < RUNS {
        not_run(RUNS - runs, "rotations with random faults");
    }
    let mut versions = 0;
    for number in 0..runs {
        let mut mesh = outside.block_on(RotationRun::apply(&cluster));
        let namespace = mesh.namespace.clone();
        let end_state = run_operator(&cluster, &namespace, Clock::system().now(), async |operator| {
            mesh.issued(operator).await;
            mesh.forgive_expiry();
            operator.proxy.inject(Some(Chaos::new(SeededRng::of(number), ONE_IN)));
            mesh.ask(&operator.namespace).await;
            mesh.rotated(operator, None).await
        });
        let end_state = end_state.unwrap_or_else(|_| panic!("the operator was killed"));
        assert_eq!(end_state, EndState::expected(), "run {number}, MTLS_SEED={}", *SEED);
        versions += outside.block_on(mesh.end(&cluster));
    }
    println!(
        "{runs} rotations with faults in one request in {ONE_IN} (409, 429, 500, 503, answer lost, none, late) and \
         one part of a watch in {ONE_IN} (late, twice, cut); MTLS_SEED={}; all ended alike, and none of {versions} versions of a Secret was worse than its end",
        *SEED
    );
}
