//! Two replicas. The leader is frozen past its lease in every phase of a rotation, and thawed after the other one has
//! taken over: what it believed then must not matter, whether it still holds or the other one has gone on. (That a write
//! which is on its way meanwhile is refused is shown by `tests/faults/frozen.rs`.)

use mtls_operator::api::authority::Phase;

use crate::chatter::Chatter;
use crate::election::{holder, leader_among, signal};
use crate::group::{Group, Lifetime};
use crate::ledger::Ledger;
use crate::stage::{Stage, note, value};

/// Consumers of each authority.
const CONSUMERS: usize = 5;
const REPLICAS: [&str; 2] = ["one", "two"];
/// Long enough for a renewal that falls due as the leader is frozen: it comes once the lease has passed on, after 17 s, and a
/// consumer may take ten more to load it.
const LIFETIME: Lifetime = Lifetime { ttl: "80s", renew_before: "40s" };

/// How far the other one has come when the frozen one thaws. Where it has gone on, what the frozen one has read is out of
/// date, and the API server refuses a write that comes of it. Where it has not, such a write names the version that is there
/// and is carried out: nothing but the clock of its lease holds the frozen one back. That is the more dangerous, above all
/// in the middle of a rotation, where what it waits for seems to have lasted while it saw nothing.
#[derive(Clone, Copy, Debug)]
enum Thaw {
    /// What was asked for is announced; the rotations that were under way are as they were.
    Between,
    /// It leads, and has had no time for more than to begin.
    AtOnce,
    /// It has gone on with all that can go on.
    Late,
}

/// In the first round both, the more dangerous one where it is that; then each of them for all.
const THAWS: [Thaw; 3] = [Thaw::Between, Thaw::AtOnce, Thaw::Late];

/// The authorities, by where their rotation is when the leader is frozen.
struct Phases {
    draining: Group,
    announced: Group,
    /// Its rotation was asked for right before.
    asked: Group,
    /// Its rotation is asked for right after.
    unseen: Group,
}

impl Phases {
    async fn start(stage: &Stage) -> Self {
        let group = async || Group::start(stage.scene().await, None, CONSUMERS, LIFETIME).await;
        Self {
            draining: group().await,
            announced: group().await,
            asked: group().await,
            unseen: group().await,
        }
    }

    const fn all(&self) -> [&Group; 4] {
        [&self.draining, &self.announced, &self.asked, &self.unseen]
    }

    /// A rotation of each, in which the leader is frozen, and thawed once the other one has come so far. Returns the phases
    /// of the roots right after.
    async fn rotate(&self, pids: [u32; 2], request: &str, thaw: Thaw) -> Vec<Option<Phase>> {
        let scene = &self.asked.scene;
        self.draining.ask(request).await;
        self.draining.reaches(request, Phase::Draining).await;
        self.announced.ask(request).await;
        self.announced.reaches(request, Phase::Announced).await;
        let leader = leader_among(scene, &REPLICAS).await;
        let pid = pids[usize::from(leader == REPLICAS[1])];
        self.asked.ask(request).await;
        signal("STOP", pid);
        self.unseen.ask(request).await;
        let is_other = |holder: Option<&str>| holder.is_some_and(|holder| !holder.starts_with(leader));
        holder(scene, "the other replica to lead", is_other).await;
        if let Thaw::Between | Thaw::Late = thaw {
            self.asked.reaches(request, Phase::Announced).await;
            self.unseen.reaches(request, Phase::Announced).await;
        }
        if let Thaw::Late = thaw {
            self.announced.reaches(request, Phase::Draining).await;
        }
        signal("CONT", pid);
        let phases = self.phases().await;
        for group in self.all() {
            group.reaches(request, Phase::Stable).await;
        }
        phases
    }

    async fn phases(&self) -> Vec<Option<Phase>> {
        let mut phases = Vec::new();
        for group in self.all() {
            phases.push(group.phase().await);
        }
        phases
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_frozen_past_its_lease_in_any_phase_changes_nothing_when_it_thaws() {
    let stage = Stage::without_operator(&[]);
    let pids = REPLICAS.map(|replica| stage.start_operator_as(replica, &[]));
    let phases = Phases::start(&stage).await;
    let ledger = Ledger::open(&stage);
    let chatter = Chatter::begin(phases.all().map(|group| group.consumers.clone()).into());
    let rounds = if std::env::var_os("MTLS_PROOF").is_some() { THAWS.len() } else { 1 };
    let mut thawed = Vec::new();
    for thaw in &THAWS[..rounds] {
        thawed.push((thaw, phases.rotate(pids, &format!("{thaw:?}"), *thaw).await));
    }
    let tally = chatter.end();
    // Announced, switched, dropped: a fourth change would be another root.
    let expected = 3 * rounds;
    let mut changes = Vec::new();
    for group in phases.all() {
        changes.push(ledger.root_changes(&group.authority, expected).await);
    }
    println!(
        "Rotations of 4 roots (one is Draining, one Announced, one just asked for, one not yet) in which the leader was \
         frozen past its lease: {rounds}. Where they were right after it thawed: {thawed:?}. Each root was changed, and a write \
         refused, so often: {changes:?}. {tally}"
    );
    assert!(tally.failures.is_empty(), "{tally}\n{:#?}", tally.failures);
    assert_eq!(tally.untried(), [], "{tally}");
    assert!(changes.iter().all(|(done, _)| *done == expected), "{changes:?}");
    for group in phases.all() {
        is_at_rest(group).await;
    }
}

/// Every identity trusts the root that signs and no other, and holds a certificate of it.
async fn is_at_rest(group: &Group) {
    let authority = group.scene.authorities().get(&group.authority).await.unwrap();
    let roots = authority.status.unwrap().roots;
    assert_eq!(roots.len(), 1, "{}", group.authority);
    for consumer in &group.consumers {
        let name = format!("{}-mtls", consumer.name);
        let is_of_one_root = |secret: &k8s_openapi::api::core::v1::Secret| {
            let anchors = String::from_utf8(value(secret, "ca.crt")).unwrap().matches("BEGIN").count();
            anchors == 1 && note(secret, "authority-key-id").as_deref() == Some(&roots[0].key_id)
        };
        group.scene.secret_where(&name, "one root", is_of_one_root).await;
    }
}
