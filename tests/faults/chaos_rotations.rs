//! A storm rages over a whole rotation.

use mtls_operator::runtime::clock::Clock;
use test_support::cluster::TestCluster;
use test_support::cut::not_run;
use test_support::rng::{SEED, SeededRng};

use crate::chaos::Chaos;
use crate::end_state::EndState;
use crate::operator_process::live;
use crate::rotation_run::RotationRun;

/// One request, and one part of a watch, in so many is hit.
const CALM: u64 = 4;

/// All storms, and as many as there are without `MTLS_PROOF`.
const STORMS: u64 = 50;
const FEW: u64 = 4;

#[test]
fn a_rotation_ends_as_it_should_whatever_storm_rages_over_it() {
    let cluster = TestCluster::without_operator(&[]);
    let outside = tokio::runtime::Runtime::new().unwrap();
    let storms = if std::env::var_os("MTLS_PROOF").is_some() { STORMS } else { FEW };
    if storms < STORMS {
        not_run(STORMS - storms, "storms over a rotation");
    }
    let mut versions = 0;
    for number in 0..storms {
        let mut mesh = outside.block_on(RotationRun::apply(&cluster));
        let namespace = mesh.namespace.clone();
        let picture = live(&cluster, &namespace, Clock::system().now(), async |life| {
            mesh.issued(life).await;
            mesh.forgive_expiry();
            life.wire.weather(Some(Chaos::new(SeededRng::of(number), CALM)));
            mesh.ask(&life.namespace).await;
            mesh.rotated(life, None).await
        });
        let picture = picture.unwrap_or_else(|_| panic!("nobody is killed"));
        assert_eq!(picture, EndState::expected(), "storm {number}, MTLS_SEED={}", *SEED);
        versions += outside.block_on(mesh.end(&cluster));
    }
    println!(
        "{storms} rotations in a storm that hit one request in {CALM} (409, 429, 500, 503, answer lost, none, late) and \
         one part of a watch in {CALM} (late, twice, cut); MTLS_SEED={}; all ended alike, and none of {versions} versions of a Secret was worse than its end",
        *SEED
    );
}
