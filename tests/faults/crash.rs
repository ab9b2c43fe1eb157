//! The operator is killed at a write of a rotation, and another one begins.

use jiff::Timestamp;
use mtls_operator::runtime::clock::Clock;
use test_support::cluster::TestCluster;
use test_support::cut::not_run;

use crate::end_state::EndState;
use crate::fault_proxy::WriteFault;
use crate::operator_process::live;
use crate::rotation_run::RotationRun;

/// Without `MTLS_PROOF` one in so many crash points is tried. Coprime to the number of fates: each has its turn.
const STEP: usize = 5;

/// A rotation in which the operator is killed at a write, if it comes that far.
struct Rotation {
    picture: EndState,
    /// Writes of the operator that lived to the end.
    writes: usize,
    was_killed: bool,
}

fn rotate(cluster: &TestCluster, crash: Option<(usize, WriteFault)>) -> Rotation {
    let outside = tokio::runtime::Runtime::new().unwrap();
    let mut mesh = outside.block_on(RotationRun::apply(cluster));
    let namespace = mesh.namespace.clone();
    let first = live(cluster, &namespace, now(), async |life| {
        mesh.issued(life).await;
        life.wire.plan(crash);
        mesh.ask(&life.namespace).await;
        (mesh.rotated(life, None).await, life.wire.writes())
    });
    let was_killed = first.is_err();
    let (picture, writes) = first.unwrap_or_else(|death| {
        let next = live(cluster, &namespace, death.at, async |life| {
            (mesh.rotated(life, death.late).await, life.wire.writes())
        });
        next.unwrap_or_else(|_| panic!("nobody is killed twice"))
    });
    outside.block_on(mesh.end(cluster));
    Rotation { picture, writes, was_killed }
}

fn now() -> Timestamp {
    Clock::system().now()
}

#[test]
fn a_rotation_ends_alike_whichever_write_the_operator_is_killed_at() {
    let cluster = TestCluster::without_operator(&[]);
    let undisturbed = rotate(&cluster, None);
    assert_eq!(undisturbed.picture, EndState::expected());
    let fates = [WriteFault::Lost, WriteFault::Unanswered, WriteFault::Late];
    let crashes = (1..=undisturbed.writes).flat_map(|at| fates.map(|fate| (at, fate)));
    let step = if std::env::var_os("MTLS_PROOF").is_some() { 1 } else { STEP };
    let (mut tried, mut killed) = (0, 0);
    if step > 1 {
        let all = crashes.clone().count();
        not_run(
            all - all.div_ceil(step),
            "writes, lost, unanswered or late, at which the operator is killed",
        );
    }
    for crash in crashes.step_by(step) {
        let Rotation { picture, writes, was_killed } = rotate(&cluster, Some(crash));
        assert_eq!(picture, undisturbed.picture, "killed at write {crash:?}");
        // Renewals fall where the serials say, so that one rotation has a write more than another.
        assert!(was_killed || writes < crash.0, "it outlived its write {crash:?}, with {writes} in all");
        tried += 1;
        killed += usize::from(was_killed);
    }
    println!(
        "{killed} crashes of the operator in {tried} rotations of {} writes, each at another write, lost, unanswered or \
         late; all ended alike",
        undisturbed.writes
    );
    assert!(undisturbed.writes >= 15, "{} writes are no rotation", undisturbed.writes);
    assert!(
        killed * 10 >= tried * 9,
        "{tried} rotations had less to write than the first, but {killed} of them"
    );
}
