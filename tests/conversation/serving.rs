//! Live probes: status states what Pods serve, in few writes; and a rotation waits for endpoints that do not trust the next root.

use jiff::SignedDuration;
use mtls_operator::api::MtlsIdentityStatus;
use mtls_operator::api::authority::WaitingFor;
use mtls_operator::operator::probe::controller::ProbeController;
use serde_json::{Value, json};
use test_support::in_memory::api_server::Fault;
use test_support::in_memory::harness::{Harness, issued};
use test_support::in_memory::rotation_run::RotationRun;

use super::pods::Pods;

const PODS: [&str; 3] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
const STATUS: &str = "PATCH status orders/web";

fn verified() -> Value {
    json!({ "probes": [{ "name": "tls", "serviceName": "web", "targetPort": 8443 }] })
}

/// An identity of three Pods that serve as issued and were probed.
async fn set() -> (Harness, Pods) {
    let mut harness = Harness::set().await;
    harness.apply("web", &verified());
    harness.settle().await;
    let mut pods = Pods::of(&harness);
    Pods::publish(&harness, "web", &PODS);
    for address in PODS {
        pods.load(&harness, address, "web");
    }
    pods.probe(&harness).await;
    (harness, pods)
}

/// Some time later, after which every endpoint is due and status may be written.
async fn later(harness: &mut Harness, pods: &mut Pods, by: SignedDuration) -> Vec<String> {
    harness.asked();
    tokio::time::advance(by.unsigned_abs()).await;
    pods.probe(harness).await;
    harness.asked()
}

fn status(harness: &Harness) -> MtlsIdentityStatus {
    harness.identity("web").status.unwrap()
}

/// Status and reason of `Serving`, and its message.
fn serving(harness: &Harness) -> ((String, String), String) {
    let conditions = status(harness).conditions;
    let found = conditions.into_iter().find(|condition| condition.type_ == "Serving").unwrap();
    ((found.status, found.reason), found.message)
}

fn is(status: &str, reason: &str) -> (String, String) {
    (status.into(), reason.into())
}

const SIX_MINUTES: SignedDuration = SignedDuration::from_mins(6);

#[tokio::test(start_paused = true)]
async fn pods_that_serve_as_issued_cost_one_write_and_then_none() {
    let (mut harness, mut pods) = set().await;
    assert_eq!(pods.dialed(), PODS);
    assert_eq!(harness.asked(), [STATUS]);
    assert_eq!(serving(&harness).0, is("True", "ServesAsIssued"));
    let served = status(&harness).served.unwrap();
    assert_eq!((served.endpoints, served.as_issued, served.differing.len()), (3, 3, 0));
    for _ in 0..5 {
        // The root Secret is confirmed before each new certificate of a probe: no write.
        let calls = later(&mut harness, &mut pods, SIX_MINUTES).await;
        assert!(calls.iter().all(|call| call.starts_with("GET metadata mtls-system/")), "{calls:?}");
        assert_eq!(pods.dialed(), PODS, "each Pod is looked at still");
    }
    assert_eq!(harness.ready("web"), issued());
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_pods_load_costs_no_write_of_the_probes() {
    let (mut harness, mut pods) = set().await;
    harness.apply("web", &verified());
    harness.advance(SignedDuration::from_hours(17));
    harness.asked();
    harness.settle().await;
    // Not loaded yet: they have the time.
    assert!(!later(&mut harness, &mut pods, SignedDuration::from_secs(1)).await.contains(&STATUS.to_owned()));
    for address in PODS {
        pods.load(&harness, address, "web");
    }
    assert!(!later(&mut harness, &mut pods, SIX_MINUTES).await.contains(&STATUS.to_owned()));
    assert_eq!(serving(&harness).0, is("True", "ServesAsIssued"));
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_never_loads_its_new_certificate_is_found_once_it_had_the_time() {
    let (mut harness, mut pods) = set().await;
    let before = harness.serial("web");
    harness.advance(SignedDuration::from_hours(17));
    harness.settle().await;
    assert_ne!(harness.serial("web"), before);
    for address in &PODS[1..] {
        pods.load(&harness, address, "web");
    }
    later(&mut harness, &mut pods, SignedDuration::from_mins(4)).await;
    assert_eq!(serving(&harness).0, is("True", "ServesAsIssued"));
    later(&mut harness, &mut pods, SignedDuration::from_mins(2)).await;
    let (verdict, message) = serving(&harness);
    assert_eq!(verdict, is("False", "ServesOldLeaf"), "{message}");
    assert!(message.starts_with("1 of 3 endpoints (10.0.0.1:8443) present"), "{message}");
    let served = status(&harness).served.unwrap();
    assert_eq!((served.endpoints, served.as_issued), (3, 2));
    assert_eq!(served.differing[0].serial.as_deref(), Some(&*before));
    assert_eq!(harness.ready("web"), issued(), "what Pods do is not what the operator was asked for");
    // The Pod is restarted: another address, probed at once.
    pods.load(&harness, "10.0.0.4", "web");
    Pods::publish(&harness, "web", &["10.0.0.2", "10.0.0.3", "10.0.0.4"]);
    later(&mut harness, &mut pods, SignedDuration::from_secs(11)).await;
    assert_eq!(serving(&harness).0, is("True", "ServesAsIssued"));
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_lets_strangers_in_is_found_unless_it_may() {
    let (mut harness, mut pods) = set().await;
    pods.accept_untrusted(PODS[2]);
    later(&mut harness, &mut pods, SIX_MINUTES).await;
    let (verdict, message) = serving(&harness);
    assert_eq!(verdict, is("False", "AcceptsStrangers"), "{message}");
    assert!(message.contains("(10.0.0.3:8443) let in clients without a certificate"), "{message}");
    harness.apply("web", &json!({ "probes": [{ "name": "tls", "serviceName": "web", "targetPort": 8443, "clientCertificates": "NotChecked" }] }));
    harness.settle().await;
    later(&mut harness, &mut pods, SIX_MINUTES).await;
    assert_eq!(serving(&harness).0, is("True", "ServesAsIssued"));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_seen_is_said_to_be_unknown() {
    let (mut harness, mut pods) = set().await;
    pods.stop(PODS[0]);
    later(&mut harness, &mut pods, SIX_MINUTES).await;
    assert_eq!(serving(&harness).0, is("Unknown", "Unreachable"));
    Pods::publish(&harness, "web", &[]);
    later(&mut harness, &mut pods, SIX_MINUTES).await;
    assert_eq!(
        serving(&harness),
        (is("Unknown", "NoEndpoints"), "Service web has no ready endpoint with port 8443".into())
    );
    Pods::publish(&harness, "web", &PODS[1..]);
    harness.apply("web", &json!({ "probes": [{ "name": "tls", "serviceName": "web", "targetPort": 443 }] }));
    harness.settle().await;
    later(&mut harness, &mut pods, SIX_MINUTES).await;
    let (verdict, message) = serving(&harness);
    assert_eq!(verdict, is("Unknown", "NoEndpoints"));
    assert!(message.contains("its Pods declare 8443: targetPort of probe tls is the port"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn an_operator_that_does_not_probe_says_so_and_dials_nobody() {
    let (mut harness, mut pods) = set().await;
    pods.controller = ProbeController::new(harness.context.clone(), harness.consumers.probes.clone(), None);
    harness.asked();
    assert_eq!(later(&mut harness, &mut pods, SignedDuration::from_secs(11)).await, [STATUS]);
    let (verdict, message) = serving(&harness);
    assert_eq!(verdict, is("Unknown", "Disabled"));
    assert!(message.contains("--endpoint-probes"), "{message}");
    assert_eq!(status(&harness).served, None);
    let nothing: [&str; 0] = [];
    assert_eq!(later(&mut harness, &mut pods, SIX_MINUTES).await, nothing);
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_asks_no_more_forgets_what_was_seen() {
    let (mut harness, mut pods) = set().await;
    harness.asked();
    harness.apply("web", &json!({ "paused": false }));
    let calls = harness.settle().await;
    assert_eq!(calls.iter().filter(|call| !call.starts_with("GET")).collect::<Vec<_>>(), [STATUS]);
    assert!(status(&harness).conditions.iter().all(|condition| condition.type_ != "Serving"));
    assert_eq!(status(&harness).served, None);
    let nothing: [&str; 0] = [];
    assert_eq!(later(&mut harness, &mut pods, SIX_MINUTES).await, nothing);
}

#[tokio::test(start_paused = true)]
async fn a_status_that_somebody_else_writes_meanwhile_is_written_the_next_time() {
    let (mut harness, mut pods) = set().await;
    pods.stop(PODS[0]);
    harness.server.next(STATUS, Fault::Overtaken);
    later(&mut harness, &mut pods, SIX_MINUTES).await;
    later(&mut harness, &mut pods, SignedDuration::from_secs(11)).await;
    assert_eq!(serving(&harness).0, is("Unknown", "Unreachable"));
}

/// A mesh in which one identity is probed.
struct Watched {
    mesh: RotationRun,
    pods: Pods,
    /// Whether its Pod loads the trust bundle again after a change.
    reloads_trust: bool,
}

impl Watched {
    async fn of(spec: Value) -> Self {
        let mut mesh = RotationRun::of(&["a"], spec).await;
        mesh.harness.apply("web", &verified());
        mesh.tick(1).await;
        let pods = Pods::of(&mesh.harness);
        Pods::publish(&mesh.harness, "web", &PODS[..1]);
        pods.load(&mesh.harness, PODS[0], "web");
        let mut watched = Self { mesh, pods, reloads_trust: false };
        watched.tick(2).await;
        watched
    }

    async fn tick(&mut self, seconds: u64) {
        let harness = &self.mesh.harness;
        if self.reloads_trust {
            self.pods.load(harness, PODS[0], "web");
        } else {
            self.pods.load_leaf(harness, PODS[0], "web");
        }
        self.pods.probe(&self.mesh.harness).await;
        self.mesh.tick(seconds).await;
        self.mesh.check(true);
    }

    /// A second in which the Pod does not listen any more.
    async fn probe_in_vain(&mut self) {
        self.pods.probe(&self.mesh.harness).await;
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
        let waiting = self.mesh.harness.root_outcome().await.0.blockers.waiting_for();
        let is_endpoint = |one: &&WaitingFor| one.kind == "Endpoint";
        let first = waiting.iter().find(is_endpoint).map(|one| one.first.clone()).unwrap_or_default();
        (first, !waiting.iter().all(|one| is_endpoint(&one)))
    }
}

#[tokio::test(start_paused = true)]
async fn several_probes_of_one_workload_are_looked_at_and_judged_apart() {
    let (mut harness, mut pods) = set().await;
    let probe = |name: &str, clients: &str| json!({ "name": name, "serviceName": "web", "targetPort": 8443, "clientCertificates": clients });
    harness.apply("web", &json!({ "probes": [probe("open", "NotChecked"), probe("strict", "Required")] }));
    harness.settle().await;
    pods.accept_untrusted(PODS[2]);
    later(&mut harness, &mut pods, SIX_MINUTES).await;
    later(&mut harness, &mut pods, SIX_MINUTES).await;
    let (verdict, message) = serving(&harness);
    assert_eq!(verdict, is("False", "AcceptsStrangers"), "{message}");
    assert!(message.starts_with("open: every endpoint (3)"), "{message}");
    assert!(message.contains(". strict: 1 of 3 endpoints (10.0.0.3:8443) let in"), "{message}");
    let served = status(&harness).served.unwrap();
    assert_eq!((served.endpoints, served.as_issued), (6, 5));
    let differing: Vec<_> = served.differing.iter().map(|one| (&*one.probe, &*one.address)).collect();
    assert_eq!(differing, [("strict", "10.0.0.3:8443")]);
}

#[tokio::test(start_paused = true)]
async fn a_rotation_waits_for_a_pod_that_does_not_trust_the_next_root_until_it_does() {
    let mut watched = Box::pin(Watched::of(RotationRun::swift())).await;
    watched.mesh.ask("1");
    assert!(watched.until("Announced", 30).await);
    assert!(!watched.until("Draining", 60).await, "it is waited for");
    assert_eq!(watched.waiting_for().await, (vec!["orders/web 10.0.0.1:8443".to_owned()], false));
    assert_eq!(serving(&watched.mesh.harness).0, is("False", "DoesNotTrustNextRoot"));
    watched.reloads_trust = true;
    assert!(watched.until("Draining", 30).await);
    assert!(watched.until("Stable", 300).await);
    watched.tick(11).await;
    assert_eq!(serving(&watched.mesh.harness).0, is("True", "ServesAsIssued"));
}

#[tokio::test(start_paused = true)]
async fn whoever_is_excluded_by_name_is_not_waited_for_whatever_its_pods_trust() {
    let mut watched = Box::pin(Watched::of(RotationRun::swift())).await;
    watched.mesh.ask("1");
    assert!(watched.until("Announced", 30).await);
    assert!(!watched.until("Draining", 40).await);
    watched.mesh.annotate("rotation-exclude", "orders/web");
    assert!(watched.until("Draining", 30).await);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_cannot_be_reached_any_more_holds_a_switch_up_for_ten_minutes_and_no_longer() {
    let mut watched = Box::pin(Watched::of(RotationRun::swift())).await;
    watched.mesh.ask("1");
    assert!(watched.until("Announced", 30).await);
    watched.tick(3).await;
    watched.pods.stop(PODS[0]);
    let stopped = watched.mesh.harness.hand.now();
    for _ in 0..700 {
        watched.probe_in_vain().await;
        if watched.mesh.phase() == "Draining" {
            break;
        }
    }
    let waited = watched.mesh.harness.hand.now().duration_since(stopped);
    assert!((590..=615).contains(&waited.as_secs()), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_does_not_trust_the_next_root_is_not_let_off_by_a_look_that_fails() {
    let mut watched = Box::pin(Watched::of(RotationRun::swift())).await;
    watched.mesh.ask("1");
    assert!(watched.until("Announced", 30).await);
    assert!(!watched.until("Draining", 30).await, "for so long the Secrets have been ready");
    watched.pods.stop(PODS[0]);
    for _ in 0..30 {
        watched.probe_in_vain().await;
    }
    assert_eq!(watched.mesh.phase(), "Announced");
    assert_eq!(serving(&watched.mesh.harness).0, is("Unknown", "Unreachable"));
    assert_eq!(watched.waiting_for().await, (vec!["orders/web 10.0.0.1:8443".to_owned()], false));
    watched.reloads_trust = true;
    assert!(watched.until("Draining", 330).await, "it is probed again, and accepts the next root");
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
    let began = watched.mesh.harness.hand.now();
    assert!(watched.until("Draining", 1200).await);
    let waited = watched.mesh.harness.hand.now().duration_since(began);
    assert!((1000..=1090).contains(&waited.as_secs()), "{waited}");
}
