//! The operator is killed at a write of a rotation, and another one begins.

use jiff::Timestamp;
use mtls_operator::runtime::clock::Clock;
use test_support::cluster::TestCluster;
use test_support::cut::not_run;

use crate::end_state::EndState;
use crate::fault_proxy::WriteFault;
use crate::operator_process::run_operator;
use crate::rotation_run::RotationRun;

/// Without `MTLS_PROOF` one in so many crash points is tried. Coprime to the number of faults, so that each is tried.
const STEP: usize = 5;

/// A rotation in which the operator is killed at a write, if it comes that far.
struct Rotation {
    end_state: EndState,
    /// Writes of the operator that was not killed.
    writes: usize,
    was_killed: bool,
}

fn rotate(cluster: &TestCluster, crash: Option<(usize, WriteFault)>) -> Rotation {
    let outside = tokio::runtime::Runtime::new().unwrap();
    let mut mesh = outside.block_on(RotationRun::apply(cluster));
    let namespace = mesh.namespace.clone();
    let first = run_operator(cluster, &namespace, now(), async |operator| {
        mesh.issued(operator).await;
        operator.proxy.plan(crash);
        mesh.ask(&operator.namespace).await;
        (mesh.rotated(operator, None).await, operator.proxy.writes())
    });
    let was_killed = first.is_err();
    let (end_state, writes) = first.unwrap_or_else(|kill| {
        let next = run_operator(cluster, &namespace, kill.at, async |operator| {
            (mesh.rotated(operator, kill.late).await, operator.proxy.writes())
        });
        next.unwrap_or_else(|_| panic!("the second operator was killed, too"))
    });
    outside.block_on(mesh.end(cluster));
    Rotation { end_state, writes, was_killed }
}

fn now() -> Timestamp {
    Clock::system().now()
}

#[test]
fn a_rotation_ends_alike_whichever_write_the_operator_is_killed_at() {
    let cluster = TestCluster::without_operator(&[]);
    let undisturbed = rotate(&cluster, None);
    assert_eq!(undisturbed.end_state, EndState::expected());
    let faults = [WriteFault::Lost, WriteFault::Unanswered, WriteFault::Late];
    let crashes = (1..=undisturbed.writes).flat_map(|at| faults.map(|fault| (at, fault)));
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
        let Rotation { end_state, writes, was_killed } = rotate(&cluster, Some(crash));
        assert_eq!(end_state, undisturbed.end_state, "killed at write {crash:?}");
        // Serial numbers decide when renewals are due, so that one rotation has a write more than another.
        assert!(
            was_killed || writes < crash.0,
            "it was not killed at its write {crash:?}, of {writes} in all"
        );
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
