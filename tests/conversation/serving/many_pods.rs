//! Probes are bounded whatever number of endpoints there is: so many at once, so many a second.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mtls_operator::operator::metrics::probes::ProbeMetrics;
use mtls_operator::operator::probe::controller::ProbeController;
use mtls_operator::operator::probe::dial::Dialer;
use mtls_operator::operator::probe::endpoint_probe::EndpointProber;
use mtls_operator::runtime::clock::Clock;
use mtls_operator::runtime::leader::Leadership;
use mtls_operator::runtime::readiness::Readiness;
use parking_lot::Mutex;
use serde_json::json;
use test_support::in_memory::harness::{Harness, IDENTITIES};
use tokio::io::{DuplexStream, duplex};
use tokio::time::sleep;

use super::pods::Pods;

const ENDPOINTS: u8 = 250;

/// Several hundred endpoints of one identity, and a prober that dials them like this for so long.
async fn probe(dialer: Dialer, for_so_long: Duration) {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({ "probes": [{ "name": "tls", "serviceName": "web", "targetPort": 8443 }] }));
    harness.settle().await;
    let addresses: Vec<String> = (1..=ENDPOINTS).map(|host| format!("10.0.0.{host}")).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    Pods::publish(&harness, "web", &addresses);
    let prober = ProbeController::new(
        harness.context.clone(),
        harness.consumers.probes.clone(),
        Some(EndpointProber::new(dialer, ProbeMetrics::default())),
    );
    let leadership = Leadership::always(harness.context.clock.clone());
    let running = tokio::spawn(prober.run(leadership, Readiness::new()));
    // It forgets what it knows when it begins to lead; the watches show it again.
    sleep(Duration::from_millis(1)).await;
    Pods::publish(&harness, "web", &addresses);
    for identity in harness.server.all(IDENTITIES) {
        harness.consumers.probes.change(|probes| probes.apply(&serde_json::from_value(identity).unwrap()));
    }
    sleep(for_so_long).await;
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn no_more_than_32_endpoints_are_probed_at_once() {
    let held: Arc<Mutex<Vec<DuplexStream>>> = Arc::default();
    let (probes, ends) = (Arc::new(AtomicUsize::new(0)), held.clone());
    let count = probes.clone();
    // Each accepts the connection and never sends a byte.
    let dialer = Dialer::new(move |_: SocketAddr| {
        count.fetch_add(1, Ordering::Relaxed);
        let (here, there) = duplex(64 * 1024);
        ends.lock().push(there);
        async move { Ok(here) }
    });
    // Less than the time that a handshake may take.
    probe(dialer, Duration::from_secs(4)).await;
    assert_eq!(probes.load(Ordering::Relaxed), 32);
}

#[tokio::test(start_paused = true)]
async fn no_more_than_50_probes_begin_in_a_second_and_hardly_fewer() {
    let probes: Arc<Mutex<Vec<Duration>>> = Arc::default();
    let (begun, clock) = (probes.clone(), Clock::system());
    let dialer = Dialer::new(move |_: SocketAddr| {
        begun.lock().push(clock.monotonic());
        async { Err::<DuplexStream, _>(ErrorKind::ConnectionRefused.into()) }
    });
    probe(dialer, Duration::from_secs(8)).await;
    let moments = probes.lock().clone();
    assert!(moments.len() >= usize::from(ENDPOINTS), "{} probes", moments.len());
    let in_a_second = |from: &Duration| {
        let end = *from + Duration::from_secs(1);
        moments.iter().filter(|moment| (*from..end).contains(*moment)).count()
    };
    let most = moments.iter().map(in_a_second).max();
    assert_eq!(most, Some(50), "the most probes that began within a second");
}
