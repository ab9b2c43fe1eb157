//! Live probes: what is seen of Pods stands in status, in few writes; and a rotation waits for who was seen behind.

use jiff::SignedDuration;
use mtls_operator::api::authority::WaitingFor;
use mtls_operator::api::{MtlsAuthority, MtlsIdentityStatus};
use mtls_operator::operator::probe::prober::Prober;
use mtls_operator::operator::root::pass;
use mtls_operator::plan::terms::Terms;
use serde_json::{Value, json};

use super::mesh::Mesh;
use super::pods::Pods;
use super::server::Mishap;
use super::stage::{AUTHORITIES, Stage, issued};

const PODS: [&str; 3] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
const STATUS: &str = "PATCH status orders/web";

fn verified() -> Value {
    json!({ "probes": [{ "name": "tls", "serviceName": "web", "targetPort": 8443 }] })
}

/// An identity of three Pods that serve as issued and were looked at.
async fn set() -> (Stage, Pods) {
    let mut stage = Stage::set().await;
    stage.apply("web", &verified());
    stage.settle().await;
    let mut pods = Pods::of(&stage);
    Pods::publish(&stage, "web", &PODS);
    for address in PODS {
        pods.load(&stage, address, "web");
    }
    pods.probe(&stage).await;
    (stage, pods)
}

/// Some time later, after which everybody is due and status may be written.
async fn later(stage: &mut Stage, pods: &mut Pods, by: SignedDuration) -> Vec<String> {
    stage.asked();
    tokio::time::advance(by.unsigned_abs()).await;
    pods.probe(stage).await;
    stage.asked()
}

fn status(stage: &Stage) -> MtlsIdentityStatus {
    stage.identity("web").status.unwrap()
}

/// Status and reason of `Serving`, and its message.
fn serving(stage: &Stage) -> ((String, String), String) {
    let conditions = status(stage).conditions;
    let found = conditions.into_iter().find(|condition| condition.type_ == "Serving").unwrap();
    ((found.status, found.reason), found.message)
}

fn is(status: &str, reason: &str) -> (String, String) {
    (status.into(), reason.into())
}

const SIX_MINUTES: SignedDuration = SignedDuration::from_mins(6);

#[tokio::test(start_paused = true)]
async fn pods_that_serve_as_issued_cost_one_write_and_then_none() {
    let (mut stage, mut pods) = set().await;
    assert_eq!(pods.dialed(), PODS);
    assert_eq!(stage.asked(), [STATUS]);
    assert_eq!(serving(&stage).0, is("True", "ServesAsIssued"));
    let served = status(&stage).served.unwrap();
    assert_eq!((served.endpoints, served.as_issued, served.differing.len()), (3, 3, 0));
    for _ in 0..5 {
        // The root Secret is confirmed before each new certificate of a probe: no write.
        let calls = later(&mut stage, &mut pods, SIX_MINUTES).await;
        assert!(calls.iter().all(|call| call.starts_with("GET metadata mtls-system/")), "{calls:?}");
        assert_eq!(pods.dialed(), PODS, "each Pod is looked at still");
    }
    assert_eq!(stage.ready("web"), issued());
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_pods_load_costs_no_write_of_the_probes() {
    let (mut stage, mut pods) = set().await;
    stage.apply("web", &verified());
    stage.advance(SignedDuration::from_hours(17));
    stage.asked();
    stage.settle().await;
    // Not loaded yet: they have the time.
    assert!(!later(&mut stage, &mut pods, SignedDuration::from_secs(1)).await.contains(&STATUS.to_owned()));
    for address in PODS {
        pods.load(&stage, address, "web");
    }
    assert!(!later(&mut stage, &mut pods, SIX_MINUTES).await.contains(&STATUS.to_owned()));
    assert_eq!(serving(&stage).0, is("True", "ServesAsIssued"));
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_never_loads_its_new_certificate_is_found_once_it_had_the_time() {
    let (mut stage, mut pods) = set().await;
    let before = stage.serial("web");
    stage.advance(SignedDuration::from_hours(17));
    stage.settle().await;
    assert_ne!(stage.serial("web"), before);
    for address in &PODS[1..] {
        pods.load(&stage, address, "web");
    }
    later(&mut stage, &mut pods, SignedDuration::from_mins(4)).await;
    assert_eq!(serving(&stage).0, is("True", "ServesAsIssued"));
    later(&mut stage, &mut pods, SignedDuration::from_mins(2)).await;
    let (verdict, message) = serving(&stage);
    assert_eq!(verdict, is("False", "ServesOldLeaf"), "{message}");
    assert!(message.starts_with("1 of 3 endpoints (10.0.0.1:8443) present"), "{message}");
    let served = status(&stage).served.unwrap();
    assert_eq!((served.endpoints, served.as_issued), (3, 2));
    assert_eq!(served.differing[0].serial.as_deref(), Some(&*before));
    assert_eq!(stage.ready("web"), issued(), "what Pods do is not what the operator was asked for");
    // Somebody restarts the Pod: another address, looked at at once.
    pods.load(&stage, "10.0.0.4", "web");
    Pods::publish(&stage, "web", &["10.0.0.2", "10.0.0.3", "10.0.0.4"]);
    later(&mut stage, &mut pods, SignedDuration::from_secs(11)).await;
    assert_eq!(serving(&stage).0, is("True", "ServesAsIssued"));
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_lets_strangers_in_is_found_unless_it_may() {
    let (mut stage, mut pods) = set().await;
    pods.welcome_strangers(PODS[2]);
    later(&mut stage, &mut pods, SIX_MINUTES).await;
    let (verdict, message) = serving(&stage);
    assert_eq!(verdict, is("False", "AcceptsStrangers"), "{message}");
    assert!(message.contains("(10.0.0.3:8443) let in clients without a certificate"), "{message}");
    stage.apply("web", &json!({ "probes": [{ "name": "tls", "serviceName": "web", "targetPort": 8443, "clientCertificates": "NotChecked" }] }));
    stage.settle().await;
    later(&mut stage, &mut pods, SIX_MINUTES).await;
    assert_eq!(serving(&stage).0, is("True", "ServesAsIssued"));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_seen_is_said_to_be_unknown() {
    let (mut stage, mut pods) = set().await;
    pods.stop(PODS[0]);
    later(&mut stage, &mut pods, SIX_MINUTES).await;
    assert_eq!(serving(&stage).0, is("Unknown", "Unreachable"));
    Pods::publish(&stage, "web", &[]);
    later(&mut stage, &mut pods, SIX_MINUTES).await;
    assert_eq!(
        serving(&stage),
        (is("Unknown", "NoEndpoints"), "Service web has no ready endpoint with port 8443".into())
    );
    Pods::publish(&stage, "web", &PODS[1..]);
    stage.apply("web", &json!({ "probes": [{ "name": "tls", "serviceName": "web", "targetPort": 443 }] }));
    stage.settle().await;
    later(&mut stage, &mut pods, SIX_MINUTES).await;
    let (verdict, message) = serving(&stage);
    assert_eq!(verdict, is("Unknown", "NoEndpoints"));
    assert!(message.contains("its Pods declare 8443: targetPort of probe tls is the port"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn an_operator_that_does_not_probe_says_so_and_dials_nobody() {
    let (mut stage, mut pods) = set().await;
    pods.prober = Prober::new(stage.context.clone(), None);
    stage.asked();
    assert_eq!(later(&mut stage, &mut pods, SignedDuration::from_secs(11)).await, [STATUS]);
    let (verdict, message) = serving(&stage);
    assert_eq!(verdict, is("Unknown", "Disabled"));
    assert!(message.contains("--endpoint-probes"), "{message}");
    assert_eq!(status(&stage).served, None);
    let nothing: [&str; 0] = [];
    assert_eq!(later(&mut stage, &mut pods, SIX_MINUTES).await, nothing);
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_asks_no_more_forgets_what_was_seen() {
    let (mut stage, mut pods) = set().await;
    stage.asked();
    stage.apply("web", &json!({ "paused": false }));
    let calls = stage.settle().await;
    assert_eq!(calls.iter().filter(|call| !call.starts_with("GET")).collect::<Vec<_>>(), [STATUS]);
    assert!(status(&stage).conditions.iter().all(|condition| condition.type_ != "Serving"));
    assert_eq!(status(&stage).served, None);
    let nothing: [&str; 0] = [];
    assert_eq!(later(&mut stage, &mut pods, SIX_MINUTES).await, nothing);
}

#[tokio::test(start_paused = true)]
async fn a_status_that_somebody_else_writes_meanwhile_is_written_the_next_time() {
    let (mut stage, mut pods) = set().await;
    pods.stop(PODS[0]);
    stage.server.next(STATUS, Mishap::Overtaken);
    later(&mut stage, &mut pods, SIX_MINUTES).await;
    later(&mut stage, &mut pods, SignedDuration::from_secs(11)).await;
    assert_eq!(serving(&stage).0, is("Unknown", "Unreachable"));
}

/// A mesh in which one identity is looked at.
struct Watched {
    mesh: Mesh,
    pods: Pods,
    /// Whether its Pod loads the trust bundle again after a change.
    reloads_trust: bool,
}

impl Watched {
    async fn of(spec: Value) -> Self {
        let mut mesh = Mesh::of(&["a"], spec).await;
        mesh.stage.apply("web", &verified());
        mesh.tick(1).await;
        let pods = Pods::of(&mesh.stage);
        Pods::publish(&mesh.stage, "web", &PODS[..1]);
        pods.load(&mesh.stage, PODS[0], "web");
        let mut watched = Self { mesh, pods, reloads_trust: false };
        watched.tick(2).await;
        watched
    }

    async fn tick(&mut self, seconds: u64) {
        let stage = &self.mesh.stage;
        if self.reloads_trust {
            self.pods.load(stage, PODS[0], "web");
        } else {
            self.pods.load_leaf(stage, PODS[0], "web");
        }
        self.pods.probe(&self.mesh.stage).await;
        self.mesh.tick(seconds).await;
        self.mesh.check(true);
    }

    /// A second in which the Pod listens no more.
    async fn look_in_vain(&mut self) {
        self.pods.probe(&self.mesh.stage).await;
        self.mesh.tick(1).await;
        self.mesh.check(true);
    }

    /// So many seconds, or less if the phase comes before.
    async fn until(&mut self, phase: &str, at_most: u64) -> bool {
        for _ in 0..at_most {
            if self.mesh.phase() == phase {
                return true;
            }
            self.tick(1).await;
        }
        self.mesh.phase() == phase
    }

    /// The endpoints that the rotation waits for, and whether it waits for anything else.
    async fn waiting_for(&self) -> (Vec<String>, bool) {
        let object = self.mesh.stage.server.get(AUTHORITIES, "", "mesh").unwrap();
        let authority: MtlsAuthority = serde_json::from_value(object).unwrap();
        let terms = Terms::parse(&authority).unwrap();
        let waiting = pass(&self.mesh.stage.context, &authority, &terms).await.unwrap().survey.waiting_for();
        let is_endpoint = |one: &&WaitingFor| one.kind == "Endpoint";
        let first = waiting.iter().find(is_endpoint).map(|one| one.first.clone()).unwrap_or_default();
        (first, !waiting.iter().all(|one| is_endpoint(&one)))
    }
}

#[tokio::test(start_paused = true)]
async fn several_probes_of_one_workload_are_looked_at_and_judged_apart() {
    let (mut stage, mut pods) = set().await;
    let probe = |name: &str, clients: &str| json!({ "name": name, "serviceName": "web", "targetPort": 8443, "clientCertificates": clients });
    stage.apply("web", &json!({ "probes": [probe("open", "NotChecked"), probe("strict", "Required")] }));
    stage.settle().await;
    pods.welcome_strangers(PODS[2]);
    later(&mut stage, &mut pods, SIX_MINUTES).await;
    later(&mut stage, &mut pods, SIX_MINUTES).await;
    let (verdict, message) = serving(&stage);
    assert_eq!(verdict, is("False", "AcceptsStrangers"), "{message}");
    assert!(message.starts_with("open: every endpoint (3)"), "{message}");
    assert!(message.contains(". strict: 1 of 3 endpoints (10.0.0.3:8443) let in"), "{message}");
    let served = status(&stage).served.unwrap();
    assert_eq!((served.endpoints, served.as_issued), (6, 5));
    let differing: Vec<_> = served.differing.iter().map(|one| (&*one.probe, &*one.address)).collect();
    assert_eq!(differing, [("strict", "10.0.0.3:8443")]);
}

#[tokio::test(start_paused = true)]
async fn a_rotation_waits_for_a_pod_that_does_not_trust_the_next_root_until_it_does() {
    let mut watched = Box::pin(Watched::of(Mesh::swift())).await;
    watched.mesh.ask("1");
    assert!(watched.until("Announced", 30).await);
    assert!(!watched.until("Draining", 60).await, "it is waited for");
    assert_eq!(watched.waiting_for().await, (vec!["orders/web 10.0.0.1:8443".to_owned()], false));
    assert_eq!(serving(&watched.mesh.stage).0, is("False", "DoesNotTrustNextRoot"));
    watched.reloads_trust = true;
    assert!(watched.until("Draining", 30).await);
    assert!(watched.until("Stable", 300).await);
    watched.tick(11).await;
    assert_eq!(serving(&watched.mesh.stage).0, is("True", "ServesAsIssued"));
}

#[tokio::test(start_paused = true)]
async fn whoever_is_excluded_by_name_is_not_waited_for_whatever_its_pods_trust() {
    let mut watched = Box::pin(Watched::of(Mesh::swift())).await;
    watched.mesh.ask("1");
    assert!(watched.until("Announced", 30).await);
    assert!(!watched.until("Draining", 40).await);
    watched.mesh.annotate("rotation-exclude", "orders/web");
    assert!(watched.until("Draining", 30).await);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_cannot_be_reached_any_more_holds_a_switch_up_for_ten_minutes_and_no_longer() {
    let mut watched = Box::pin(Watched::of(Mesh::swift())).await;
    watched.mesh.ask("1");
    assert!(watched.until("Announced", 30).await);
    watched.tick(3).await;
    watched.pods.stop(PODS[0]);
    let stopped = watched.mesh.stage.hand.now();
    for _ in 0..700 {
        watched.look_in_vain().await;
        if watched.mesh.phase() == "Draining" {
            break;
        }
    }
    let waited = watched.mesh.stage.hand.now().duration_since(stopped);
    assert!((590..=615).contains(&waited.as_secs()), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_does_not_trust_the_next_root_is_not_let_off_by_a_look_that_fails() {
    let mut watched = Box::pin(Watched::of(Mesh::swift())).await;
    watched.mesh.ask("1");
    assert!(watched.until("Announced", 30).await);
    assert!(!watched.until("Draining", 30).await, "for so long the Secrets have been ready");
    watched.pods.stop(PODS[0]);
    for _ in 0..30 {
        watched.look_in_vain().await;
    }
    assert_eq!(watched.mesh.phase(), "Announced");
    assert_eq!(serving(&watched.mesh.stage).0, is("Unknown", "Unreachable"));
    assert_eq!(watched.waiting_for().await, (vec!["orders/web 10.0.0.1:8443".to_owned()], false));
    watched.reloads_trust = true;
    assert!(watched.until("Draining", 330).await, "it is met again, and lets the next root in");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_never_trusts_the_next_root_is_waited_for_until_the_switch_is_forced() {
    let spec = json!({
        "root": { "ttl": "20m" }, "leaf": { "ttl": "2m", "maxTTL": "2m" },
        "rotation": { "propagation": "10s", "spreadOver": "0s" },
    });
    let mut watched = Box::pin(Watched::of(spec)).await;
    watched.mesh.ask("1");
    assert!(watched.until("Announced", 30).await);
    let began = watched.mesh.stage.hand.now();
    assert!(watched.until("Draining", 1200).await);
    let waited = watched.mesh.stage.hand.now().duration_since(began);
    assert!((1000..=1090).contains(&waited.as_secs()), "{waited}");
}
