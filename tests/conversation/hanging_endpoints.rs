//! Endpoints of one namespace that accept connections and never answer do not keep those of another from being probed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mtls_operator::operator::index::policy::NamespaceEntry;
use mtls_operator::operator::metrics::probes::ProbeMetrics;
use mtls_operator::operator::probe::controller::ProbeController;
use mtls_operator::operator::probe::dial::Dialer;
use mtls_operator::operator::probe::endpoint_probe::EndpointProber;
use mtls_operator::runtime::leader::Leadership;
use mtls_operator::runtime::readiness::Readiness;
use parking_lot::Mutex;
use serde_json::{Value, json};
use test_support::in_memory::harness::{Harness, IDENTITIES, NAMESPACE};
use tokio::io::{DuplexStream, duplex};
use tokio::time::sleep;

use super::serving::{serving, verified};

const HOSTILE: &str = "hostile";
/// Endpoints that hang: one round of all of them takes five minutes, in 32 places.
const HANGING: u16 = 2000;

fn slice(namespace: &str, addresses: impl Iterator<Item = String>) -> Value {
    let endpoint =
        |address| json!({ "addresses": [address], "targetRef": { "kind": "Pod", "namespace": namespace } });
    json!({
        "metadata": {
            "name": "web-x", "namespace": namespace,
            "labels": {
                "kubernetes.io/service-name": "web",
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            },
        },
        "endpoints": addresses.map(endpoint).collect::<Vec<_>>(),
        "ports": [{ "port": 8443 }],
    })
}

/// An operator with an identity in each of two namespaces, both of which are issued.
async fn operator() -> Harness {
    let mut harness = Harness::set().await;
    let now = harness.context.millis();
    harness
        .context
        .scheduler
        .change(|scheduler| scheduler.apply_namespace(HOSTILE, NamespaceEntry::default(), now));
    harness.apply("web", &verified());
    let mut other = harness.server.get(IDENTITIES, NAMESPACE, "web").unwrap();
    other["metadata"] = json!({ "name": "web", "namespace": HOSTILE });
    harness.server.put(IDENTITIES, &other);
    harness.settle().await;
    harness
}

fn show(harness: &Harness, slice: &Value) {
    let slice = serde_json::from_value(slice.clone()).unwrap();
    harness.consumers.probes.change(|probes| probes.slices.apply(&slice));
}

#[tokio::test(start_paused = true)]
async fn endpoints_that_never_answer_delay_the_verdict_about_those_of_another_namespace_by_seconds() {
    let harness = operator().await;
    let held: Arc<Mutex<Vec<DuplexStream>>> = Arc::default();
    let ends = held.clone();
    let dialer = Dialer::new(move |_: SocketAddr| {
        let (here, there) = duplex(64 * 1024);
        ends.lock().push(there);
        async move { Ok(here) }
    });
    let prober = EndpointProber::new(dialer, ProbeMetrics::default());
    let controller =
        ProbeController::new(harness.context.clone(), harness.consumers.probes.clone(), Some(prober));
    let leadership = Leadership::always(harness.context.clock.clone());
    let running = tokio::spawn(controller.run(leadership, Readiness::new()));
    sleep(Duration::from_millis(1)).await;
    let addresses = (0..HANGING).map(|host| format!("10.1.{}.{}", host / 250, host % 250 + 1));
    show(&harness, &slice(HOSTILE, addresses));
    for identity in harness.server.all(IDENTITIES) {
        harness.consumers.probes.change(|probes| probes.apply(&serde_json::from_value(identity).unwrap()));
    }
    sleep(Duration::from_secs(30)).await;
    assert_eq!(serving(&harness).0.1, "NoEndpoints");
    show(&harness, &slice(NAMESPACE, ["10.0.0.1".to_owned()].into_iter()));
    // Five seconds until places are free, five for its own endpoint, which does not answer either, and ten between two writes.
    sleep(Duration::from_secs(25)).await;
    assert_eq!(serving(&harness).0.1, "Unreachable", "{}", serving(&harness).1);
    let connections = held.lock().len();
    assert!(connections < 600, "most of the others wait still, {connections} of {HANGING} do not");
    running.abort();
}
