//! A rotation waits for endpoints that do not trust the next root, for ten minutes where they cannot be reached.

use mtls_operator::api::authority::WaitingFor;
use serde_json::{Value, json};
use test_support::in_memory::rotation_run::RotationRun;

use super::pods::Pods;
use super::{PODS, is, serving, verified};

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
async fn an_identity_that_is_excluded_by_name_is_not_waited_for_whatever_its_pods_trust() {
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
    let stopped = watched.mesh.harness.manual_clock.now();
    for _ in 0..700 {
        watched.probe_in_vain().await;
        if watched.mesh.phase() == "Draining" {
            break;
        }
    }
    let waited = watched.mesh.harness.manual_clock.now().duration_since(stopped);
    assert!((590..=615).contains(&waited.as_secs()), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_does_not_trust_the_next_root_is_still_waited_for_after_a_probe_that_fails() {
    let mut watched = Box::pin(Watched::of(RotationRun::swift())).await;
    watched.mesh.ask("1");
    assert!(watched.until("Announced", 30).await);
    assert!(!watched.until("Draining", 30).await, "the Secrets have been ready for that long");
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
    let began = watched.mesh.harness.manual_clock.now();
    assert!(watched.until("Draining", 1200).await);
    let waited = watched.mesh.harness.manual_clock.now().duration_since(began);
    assert!((1000..=1090).contains(&waited.as_secs()), "{waited}");
}
