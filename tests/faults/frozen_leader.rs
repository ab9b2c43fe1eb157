//! The leader is frozen while a change of the root that it has sent is on its way, for longer than its lease lasts. Another
//! one leads, and makes that change. Then the write arrives: it names the version that its sender had read, and is refused.
//! The sender resumes, finds that out, and runs beside the other.

use jiff::Timestamp;
use mtls_operator::api::authority::Phase;
use mtls_operator::runtime::clock::Clock;
use test_support::cluster::TestCluster;
use tokio::runtime::Runtime;

use crate::delayed_write::DelayedWrite;
use crate::end_state::EndState;
use crate::operator_process::Process;
use crate::rotation_run::{AT_MOST, RotationRun};

/// The changes of the root in a rotation, each by the phase that it begins.
const CHANGES: [Phase; 3] = [Phase::Announced, Phase::Draining, Phase::Stable];
/// Seconds that both run after the rotation. The authority controller of a leader wakes after ten at the latest.
const A_WHILE: usize = 20;

/// A rotation in which two replicas have a part.
struct Rotation<'a> {
    outside: &'a Runtime,
    mesh: RotationRun<'a>,
    /// The one that is frozen.
    first: Process,
    second: Process,
}

/// The end of a rotation.
struct End {
    state: EndState,
    /// How often the root was changed, and how often a change was refused.
    changes: (usize, usize),
    /// How many versions of a Secret there were.
    versions: usize,
}

impl<'a> Rotation<'a> {
    /// The first one is frozen, with this change on its way. The second one leads, and has made it.
    fn taken_over(cluster: &'a TestCluster, outside: &'a Runtime, change: usize) -> (Self, DelayedWrite) {
        let mut mesh = outside.block_on(RotationRun::apply(cluster));
        let namespace = mesh.namespace.clone();
        let first = Process::begin(cluster, &namespace, now(), Some("first"));
        let (held, frozen) = first.run(async |operator| {
            mesh.issued(operator).await;
            // The lease is not renewed until it is over, which is a fourth of a leaf's lifetime here.
            mesh.forgive_expiry();
            operator.proxy.hold(change + 1);
            mesh.ask(&operator.namespace).await;
            (mesh.held(operator).await, operator.now())
        });
        let second = Process::begin(cluster, &namespace, frozen, Some("second"));
        second.run(async |operator| mesh.reaches(operator, CHANGES[change]).await);
        (Self { outside, mesh, first, second }, held)
    }

    /// The write arrives. Then its sender resumes. Returns the HTTP status that it finds.
    fn resume(&self, held: DelayedWrite) -> u16 {
        let (status, now) =
            self.second.run(async |operator| (held.arrive(&operator.proxy).await, operator.now()));
        self.first.run(async |operator| operator.resume(now).await);
        status
    }

    /// Both run until the rotation has ended, and for a while.
    fn go_on(&mut self) {
        assert!((0..AT_MOST).any(|_| self.second()), "the rotation does not end");
        for _ in 0..A_WHILE {
            self.second();
        }
        let leads = |process: &Process| process.run(async |operator| operator.leads());
        assert_eq!((leads(&self.first), leads(&self.second)), (false, true));
        assert!(
            self.first.run(async |operator| operator.proxy.is_answered()),
            "the first one waits for its answer"
        );
    }

    /// A second passes for both of them. Returns whether the rotation has ended.
    fn second(&mut self) -> bool {
        let Self { mesh, first, second, .. } = self;
        first.run(async |operator| operator.second().await);
        second.run(async |operator| {
            mesh.second(operator).await;
            mesh.is_stable(&operator.namespace).await
        })
    }

    /// The second one is killed, and the first one leads again.
    fn end(self, cluster: &TestCluster) -> End {
        let Self { outside, mut mesh, first, second } = self;
        drop(second);
        let end_state = first.run(async |operator| {
            mesh.led(operator).await;
            mesh.rotated(operator, None).await
        });
        let changes = outside.block_on(mesh.root_changes());
        End { state: end_state, changes, versions: outside.block_on(mesh.end(cluster)) }
    }
}

fn now() -> Timestamp {
    Clock::system().now()
}

#[test]
fn a_change_of_the_root_that_comes_late_from_a_frozen_leader_is_refused_and_its_sender_does_no_harm() {
    let cluster = TestCluster::without_operator(&[]);
    let outside = Runtime::new().unwrap();
    let mut versions = 0;
    for (change, phase) in CHANGES.iter().enumerate() {
        let (mut rotation, held) = Rotation::taken_over(&cluster, &outside, change);
        assert_eq!(rotation.resume(held), 409, "{phase:?}");
        rotation.go_on();
        let end = rotation.end(&cluster);
        assert_eq!(end.state, EndState::expected(), "{phase:?}");
        // Created, announced, switched, dropped; and one of these a second time, which is refused.
        assert_eq!(end.changes, (4, 1), "{phase:?}");
        versions += end.versions;
    }
    println!(
        "3 rotations in which the leader was frozen past its lease with a change of the root on its way, each another one \
         ({CHANGES:?}): each was refused once, and none of {versions} versions of a Secret was worse than its end"
    );
}

#[test]
fn a_change_of_the_root_that_named_no_version_would_be_made_twice() {
    let cluster = TestCluster::without_operator(&[]);
    let outside = Runtime::new().unwrap();
    for (change, phase) in CHANGES.iter().enumerate() {
        let (mut rotation, held) = Rotation::taken_over(&cluster, &outside, change);
        let held = outside.block_on(held.of_any_version());
        assert_eq!(rotation.resume(held), 200, "{phase:?}");
        rotation.go_on();
        assert_eq!(outside.block_on(rotation.mesh.root_changes()), (5, 0), "{phase:?}");
    }
}
