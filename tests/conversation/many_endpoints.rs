//! 20,000 endpoints, none of which answers: each has its turn within ten minutes.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mtls_operator::operator::metrics::probes::ProbeMetrics;
use mtls_operator::operator::probe::controller::ProbeController;
use mtls_operator::operator::probe::dial::Dialer;
use mtls_operator::operator::probe::endpoint_probe::EndpointProber;
use mtls_operator::operator::probe::handshake::Limits;
use mtls_operator::runtime::clock::Clock;
use mtls_operator::runtime::leader::Leadership;
use mtls_operator::runtime::readiness::Readiness;
use parking_lot::Mutex;
use serde_json::json;
use test_support::in_memory::harness::{Harness, IDENTITIES};
use tokio::io::DuplexStream;
use tokio::time::sleep;

use super::serving::pods::Pods;

const IDENTITIES_PROBED: usize = 80;
const PODS_OF_EACH: usize = 250;
const TEN_MINUTES: Duration = Duration::from_mins(10);

/// When each endpoint was dialed, how many are being dialed, and the most there ever were.
#[derive(Clone, Default)]
struct Dials {
    at: Arc<Mutex<HashMap<IpAddr, Vec<Duration>>>>,
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Dials {
    /// Connections that nothing answers.
    fn dialer(&self) -> Dialer {
        let (dials, clock) = (self.clone(), Clock::system());
        Dialer::new(move |address: SocketAddr| {
            dials.at.lock().entry(address.ip()).or_default().push(clock.monotonic());
            let now = dials.now.fetch_add(1, Ordering::SeqCst) + 1;
            dials.most.fetch_max(now, Ordering::SeqCst);
            let ended = dials.now.clone();
            async move {
                // As long as a connection may take.
                sleep(Limits::default().handshake.saturating_sub(Duration::from_millis(1))).await;
                ended.fetch_sub(1, Ordering::SeqCst);
                Err::<DuplexStream, _>(ErrorKind::TimedOut.into())
            }
        })
    }
}

/// An operator with that many endpoints, of identities whose leaves are in force.
async fn operator() -> Harness {
    let mut harness = Harness::set().await;
    for number in 0..IDENTITIES_PROBED {
        let service = format!("web-{number:03}");
        harness.apply(
            &service,
            &json!({ "probes": [{ "name": "tls", "serviceName": service, "targetPort": 8443 }] }),
        );
        if number % 10 == 9 {
            harness.settle().await;
        }
        let pods: Vec<String> = (1..=PODS_OF_EACH).map(|pod| format!("10.0.{number}.{pod}")).collect();
        Pods::publish(&harness, &service, &pods.iter().map(String::as_str).collect::<Vec<_>>());
    }
    for identity in harness.server.all(IDENTITIES) {
        harness.consumers.probes.change(|probes| probes.apply(&serde_json::from_value(identity).unwrap()));
    }
    harness
}

#[tokio::test(start_paused = true)]
async fn each_of_20000_endpoints_that_do_not_answer_is_probed_again_within_ten_minutes() {
    let (harness, dials, clock) = (operator().await, Dials::default(), Clock::system());
    let prober = EndpointProber::new(dials.dialer(), ProbeMetrics::default());
    let controller =
        ProbeController::new(harness.context.clone(), harness.consumers.probes.clone(), Some(prober));
    let leadership = Leadership::always(harness.context.clock.clone());
    let began = clock.monotonic();
    let running = tokio::spawn(controller.run(leadership, Readiness::new()));
    sleep(TEN_MINUTES * 3 / 2).await;
    running.abort();
    let at = dials.at.lock().clone();
    assert_eq!(at.len(), IDENTITIES_PROBED * PODS_OF_EACH);
    for (address, dialed) in at {
        let moments = [began].into_iter().chain(dialed).chain([clock.monotonic()]).collect::<Vec<_>>();
        let longest = moments.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).max().unwrap();
        assert!(longest <= TEN_MINUTES, "{address}: {longest:?}");
    }
    let most = dials.most.load(Ordering::SeqCst);
    assert!((200..=256).contains(&most), "{most} at once");
}
