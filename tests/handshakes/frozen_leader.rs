//! Two replicas. The leader is frozen past its lease in every phase of a rotation, and resumed after the other one has
//! taken over: its old view must not matter, whether it is still right or the other one has gone on. (That a write
//! which is on its way meanwhile is refused is shown by `tests/faults/frozen_leader.rs`.)

use mtls_operator::api::authority::Phase;
use serde_json::Value;
use test_support::cluster::TestCluster;
use test_support::cut::not_run;
use test_support::election::{holder, leader_among, signal};
use test_support::objects::{note, value};
use test_support::root_writes::RootWrites;

use crate::consumers::{Consumers, Lifetime, progress};
use crate::pairwise::PairwiseLoad;

/// Consumers of each authority.
const CONSUMERS: usize = 5;
const REPLICAS: [&str; 2] = ["one", "two"];
/// Long enough for a renewal that falls due as the leader is frozen: it comes once the lease has passed on, after 17 s, and a
/// consumer may take ten more to load it.
const LIFETIME: Lifetime = Lifetime { ttl: "80s", renew_before: "40s" };

/// How far the other one has come when the frozen one resumes. Where it has gone on, what the frozen one has read is out of
/// date, and the API server refuses a write that follows from it. Where it has not, such a write names the stored version
/// and is carried out: nothing but the clock of its lease holds the frozen one back. That is the more dangerous, above all
/// in the middle of a rotation, where the wait seems to have passed while it saw nothing.
#[derive(Clone, Copy, Debug)]
enum Resume {
    /// What was asked for is announced; the rotations that were under way are as they were.
    Between,
    /// It leads, and has had no time for more than to begin.
    AtOnce,
    /// It has gone on with every rotation that can go on.
    Late,
}

/// In the first round both, the more dangerous one where it is that; then each of them for all.
const THAWS: [Resume; 3] = [Resume::Between, Resume::AtOnce, Resume::Late];

/// The authorities, by where their rotation is when the leader is frozen.
struct Phases {
    draining: Consumers,
    announced: Consumers,
    /// Its rotation was asked for right before.
    asked: Consumers,
    /// Its rotation is asked for right after.
    unseen: Consumers,
}

impl Phases {
    async fn start(cluster: &TestCluster) -> Self {
        let group = async || Consumers::start(cluster.namespace().await, None, CONSUMERS, LIFETIME).await;
        Self {
            draining: group().await,
            announced: group().await,
            asked: group().await,
            unseen: group().await,
        }
    }

    const fn all(&self) -> [&Consumers; 4] {
        [&self.draining, &self.announced, &self.asked, &self.unseen]
    }

    /// A rotation of each, in which the leader is frozen, and thawed once the other one has come so far. Returns how far each
    /// has come right after.
    async fn rotate(&self, cluster: &TestCluster, pids: [u32; 2], request: &str, resume: Resume) -> Come {
        let namespace = &self.asked.namespace;
        self.draining.ask(request).await;
        self.draining.reaches(request, Phase::Draining).await;
        self.announced.ask(request).await;
        self.announced.reaches(request, Phase::Announced).await;
        let leader = leader_among(namespace, &REPLICAS).await;
        let pid = pids[usize::from(leader == REPLICAS[1])];
        self.asked.ask(request).await;
        signal("STOP", pid);
        self.unseen.ask(request).await;
        let is_other = |holder: Option<&str>| holder.is_some_and(|holder| !holder.starts_with(leader));
        holder(namespace, "the other replica to lead", is_other).await;
        self.go_on(request, resume).await;
        let (before, said) = (self.come(request).await, cluster.log_of(leader).len());
        signal("CONT", pid);
        let after = self.come(request).await;
        for group in self.all() {
            group.reaches(request, Phase::Stable).await;
        }
        assert_no_harm(resume, before, after);
        self.assert_nothing_more(&cluster.log_of(leader)[said..], before);
        after
    }

    /// The other one goes on until it has come so far.
    async fn go_on(&self, request: &str, resume: Resume) {
        if let Resume::Between | Resume::Late = resume {
            self.asked.reaches(request, Phase::Announced).await;
            self.unseen.reaches(request, Phase::Announced).await;
        }
        if let Resume::Late = resume {
            self.announced.reaches(request, Phase::Draining).await;
        }
    }

    async fn come(&self, request: &str) -> Come {
        let mut come = [None; 4];
        for (come, group) in come.iter_mut().zip(self.all()) {
            *come = group.come(request).await;
        }
        come
    }

    /// What the frozen one says that it has changed since it thawed was changed before: its answer came while it was frozen.
    /// That is so until it leads again, if ever.
    fn assert_nothing_more(&self, log: &str, before: Come) {
        let is_its_own = |line: &Value| line["message"] != "this replica leads";
        for line in said(log).take_while(is_its_own).filter(is_change) {
            let mut groups = self.all().into_iter().zip(before);
            let (_, before) = groups.find(|(group, _)| line["authority"] == group.authority).unwrap();
            let begun = match line["plan"].as_str().unwrap() {
                "Announce" => Phase::Announced,
                "Switch" => Phase::Draining,
                "Drop" => Phase::Stable,
                other => panic!("{other} is no change of these rotations: {line}"),
            };
            assert!(before.map(progress) >= Some(progress(begun)), "it was {before:?}: {line}");
        }
    }
}

/// The log lines of a replica.
fn said(log: &str) -> impl Iterator<Item = Value> {
    log.lines().filter_map(|line| serde_json::from_str(line).ok())
}

/// Whether a replica says that it has changed a root.
fn is_change(line: &Value) -> bool {
    line["message"] == "changed the root Secret"
}

/// How far the rotations have come, in the order of `Phases::all`.
type Come = [Option<Phase>; 4];

/// Holds on a machine of any speed: no rotation goes back, and where the other one had announced the requested root, that is
/// in the root Secret. How much further each has come meanwhile is a matter of time.
fn assert_no_harm(resume: Resume, before: Come, after: Come) {
    let least = match resume {
        Resume::AtOnce => [Some(Phase::Draining), Some(Phase::Announced), None, None],
        Resume::Between => [Phase::Draining, Phase::Announced, Phase::Announced, Phase::Announced].map(Some),
        Resume::Late => [Phase::Draining, Phase::Draining, Phase::Announced, Phase::Announced].map(Some),
    };
    let far = |come: Come| come.map(|phase| phase.map(progress));
    let is_in_order = |former: Come, latter: Come| far(former).iter().zip(far(latter)).all(|(a, b)| *a <= b);
    assert!(is_in_order(least, before), "{resume:?}: {before:?} before the resume, {least:?} at least");
    assert!(is_in_order(before, after), "{resume:?}: {before:?} before the resume, {after:?} after it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_frozen_past_its_lease_in_any_phase_changes_nothing_when_it_resumes() {
    let cluster = TestCluster::without_operator(&[]);
    let pids = REPLICAS.map(|replica| cluster.start_operator_as(replica, &[]));
    let phases = Phases::start(&cluster).await;
    let root_writes = RootWrites::open(&cluster);
    let load = PairwiseLoad::begin(phases.all().map(|group| group.all.clone()).into());
    let rounds = if std::env::var_os("MTLS_PROOF").is_some() { THAWS.len() } else { 1 };
    if rounds < THAWS.len() {
        not_run(THAWS.len() - rounds, "ways in which a frozen leader resumes");
    }
    let mut thawed = Vec::new();
    for resume in &THAWS[..rounds] {
        thawed.push((resume, phases.rotate(&cluster, pids, &format!("{resume:?}"), *resume).await));
    }
    let changes_said = REPLICAS.map(|replica| said(&cluster.log_of(replica)).filter(is_change).count());
    assert!(
        changes_said.iter().all(|count| *count > 0),
        "each has led, and said what it changed: {changes_said:?}"
    );
    let counts = load.end();
    // Announced, switched, dropped: a fourth change would be another root.
    let expected = 3 * rounds;
    let mut changes = Vec::new();
    for group in phases.all() {
        changes.push(root_writes.root_changes(&group.authority, expected).await);
    }
    println!(
        "Rotations of 4 roots (one is Draining, one Announced, one just asked for, one not yet) in which the leader was \
         frozen past its lease: {rounds}. Where they were right after it thawed: {thawed:?}; asserted of it is that none had \
         gone back, that what was asked for was announced (but for a resume at once), and that the one that thawed changed no \
         root until it led again; how much further each was is a matter of time. Each root was changed, and a write \
         refused, so often: {changes:?}. {counts}"
    );
    assert!(counts.failures.is_empty(), "{counts}\n{:#?}", counts.failures);
    assert_eq!(counts.untried(), [], "{counts}");
    assert!(changes.iter().all(|(done, _)| *done == expected), "{changes:?}");
    for group in phases.all() {
        is_at_rest(group).await;
    }
}

/// Every identity trusts the root that signs and no other, and holds a certificate of it.
async fn is_at_rest(group: &Consumers) {
    let authority = group.namespace.authorities().get(&group.authority).await.unwrap();
    let roots = authority.status.unwrap().roots;
    assert_eq!(roots.len(), 1, "{}", group.authority);
    for consumer in &group.all {
        let name = format!("{}-mtls", consumer.name);
        let is_of_one_root = |secret: &k8s_openapi::api::core::v1::Secret| {
            let anchors = String::from_utf8(value(secret, "ca.crt")).unwrap().matches("BEGIN").count();
            anchors == 1 && note(secret, "authority-key-id").as_deref() == Some(&roots[0].key_id)
        };
        group.namespace.secret_where(&name, "one root", is_of_one_root).await;
    }
}
