//! Two replicas. The leader is frozen past its lease in every phase of a rotation, and thawed after the other one has
//! taken over: what it believed then must not matter, whether it still holds or the other one has gone on. (That a write
//! which is on its way meanwhile is refused is shown by `tests/faults/frozen.rs`.)

use mtls_operator::api::authority::Phase;
use serde_json::Value;

use crate::chatter::Chatter;
use crate::cut::not_run;
use crate::election::{holder, leader_among, signal};
use crate::group::{Group, Lifetime, progress};
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

    /// A rotation of each, in which the leader is frozen, and thawed once the other one has come so far. Returns how far each
    /// has come right after.
    async fn rotate(&self, stage: &Stage, pids: [u32; 2], request: &str, thaw: Thaw) -> Come {
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
        self.go_on(request, thaw).await;
        let (before, said) = (self.come(request).await, stage.log_of(leader).len());
        signal("CONT", pid);
        let after = self.come(request).await;
        for group in self.all() {
            group.reaches(request, Phase::Stable).await;
        }
        assert_no_harm(thaw, before, after);
        self.assert_nothing_more(&stage.log_of(leader)[said..], before);
        after
    }

    /// The other one goes on until it has come so far.
    async fn go_on(&self, request: &str, thaw: Thaw) {
        if let Thaw::Between | Thaw::Late = thaw {
            self.asked.reaches(request, Phase::Announced).await;
            self.unseen.reaches(request, Phase::Announced).await;
        }
        if let Thaw::Late = thaw {
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

/// What a replica has said.
fn said(log: &str) -> impl Iterator<Item = Value> {
    log.lines().filter_map(|line| serde_json::from_str(line).ok())
}

/// Whether a replica says that it has changed a root.
fn is_change(line: &Value) -> bool {
    line["message"] == "changed the root Secret"
}

/// How far the rotations have come, in the order of `Phases::all`.
type Come = [Option<Phase>; 4];

/// What is so however slow the machine is: no rotation goes back, and where the other one had announced what was asked for,
/// that is in the root Secret. How much further each has come meanwhile is a matter of time.
fn assert_no_harm(thaw: Thaw, before: Come, after: Come) {
    let least = match thaw {
        Thaw::AtOnce => [Some(Phase::Draining), Some(Phase::Announced), None, None],
        Thaw::Between => [Phase::Draining, Phase::Announced, Phase::Announced, Phase::Announced].map(Some),
        Thaw::Late => [Phase::Draining, Phase::Draining, Phase::Announced, Phase::Announced].map(Some),
    };
    let far = |come: Come| come.map(|phase| phase.map(progress));
    let is_in_order = |former: Come, latter: Come| far(former).iter().zip(far(latter)).all(|(a, b)| *a <= b);
    assert!(is_in_order(least, before), "{thaw:?}: {before:?} before the thaw, {least:?} at least");
    assert!(is_in_order(before, after), "{thaw:?}: {before:?} before the thaw, {after:?} after it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_frozen_past_its_lease_in_any_phase_changes_nothing_when_it_thaws() {
    let stage = Stage::without_operator(&[]);
    let pids = REPLICAS.map(|replica| stage.start_operator_as(replica, &[]));
    let phases = Phases::start(&stage).await;
    let ledger = Ledger::open(&stage);
    let chatter = Chatter::begin(phases.all().map(|group| group.consumers.clone()).into());
    let rounds = if std::env::var_os("MTLS_PROOF").is_some() { THAWS.len() } else { 1 };
    if rounds < THAWS.len() {
        not_run(THAWS.len() - rounds, "ways in which a frozen leader thaws");
    }
    let mut thawed = Vec::new();
    for thaw in &THAWS[..rounds] {
        thawed.push((thaw, phases.rotate(&stage, pids, &format!("{thaw:?}"), *thaw).await));
    }
    let changes_said = REPLICAS.map(|replica| said(&stage.log_of(replica)).filter(is_change).count());
    assert!(
        changes_said.iter().all(|count| *count > 0),
        "each has led, and said what it changed: {changes_said:?}"
    );
    let tally = chatter.end();
    // Announced, switched, dropped: a fourth change would be another root.
    let expected = 3 * rounds;
    let mut changes = Vec::new();
    for group in phases.all() {
        changes.push(ledger.root_changes(&group.authority, expected).await);
    }
    println!(
        "Rotations of 4 roots (one is Draining, one Announced, one just asked for, one not yet) in which the leader was \
         frozen past its lease: {rounds}. Where they were right after it thawed: {thawed:?}; asserted of it is that none had \
         gone back, that what was asked for was announced (but for a thaw at once), and that the one that thawed changed no \
         root until it led again; how much further each was is a matter of time. Each root was changed, and a write \
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
