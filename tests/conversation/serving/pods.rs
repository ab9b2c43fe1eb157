//! Pods that serve with what their Secret held when they loaded it, each at an address of its own, over connections in
//! memory.

use std::collections::{BTreeSet, HashMap};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use mtls_operator::operator::metrics::probes::ProbeMetrics;
use mtls_operator::operator::probe::controller::ProbeController;
use mtls_operator::operator::probe::dial::Dialer;
use mtls_operator::operator::probe::endpoint_probe::EndpointProber;
use mtls_operator::operator::probe::handshake::Limits;
use mtls_operator::operator::probe::slice_object::SliceObject;
use mtls_operator::runtime::clock::ManualClock;
use parking_lot::Mutex;
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;
use serde_json::{Value, json};
use test_support::in_memory::harness::{Harness, IDENTITIES, NAMESPACE};
use test_support::pod::Pod;

/// Where the Pods of the tests listen.
pub const PORT: u16 = 8443;

/// All Pods, and the controller that probes them.
pub struct Pods {
    listening: Arc<Mutex<HashMap<SocketAddr, Pod>>>,
    /// The addresses that were dialed since they were last asked for.
    dialed: Arc<Mutex<BTreeSet<SocketAddr>>>,
    pub controller: ProbeController,
}

impl Pods {
    /// No Pod yet. The operator probes them.
    pub fn of(harness: &Harness) -> Self {
        let listening: Arc<Mutex<HashMap<SocketAddr, Pod>>> = Arc::default();
        let (pods, clock) = (listening.clone(), PodClock(harness.manual_clock.clone()));
        let seen: Arc<Mutex<BTreeSet<SocketAddr>>> = Arc::default();
        let addresses = seen.clone();
        let dialer = Dialer::new(move |address| {
            addresses.lock().insert(address);
            let (pod, clock) = (pods.lock().get(&address).cloned(), clock.clone());
            async move { pod.map(|pod| pod.connect(Arc::new(clock))).ok_or(ErrorKind::ConnectionRefused.into()) }
        });
        let prober = EndpointProber { dialer, limits: limits(), metrics: ProbeMetrics::default() };
        let state = harness.consumers.probes.clone();
        Self {
            listening,
            dialed: seen,
            controller: ProbeController::new(harness.context.clone(), state, Some(prober)),
        }
    }

    /// The Pods that the operator dialed since the last time, by their addresses.
    pub fn dialed(&self) -> Vec<String> {
        std::mem::take(&mut *self.dialed.lock()).into_iter().map(|address| address.ip().to_string()).collect()
    }

    /// The Service of this name has ready Pods at these addresses.
    pub fn publish(harness: &Harness, service: &str, addresses: &[&str]) {
        let endpoints: Vec<Value> = addresses
            .iter()
            .map(|address| json!({ "addresses": [address], "targetRef": { "kind": "Pod", "namespace": NAMESPACE } }))
            .collect();
        let slice: SliceObject = serde_json::from_value(json!({
            "metadata": {
                "name": format!("{service}-x"), "namespace": NAMESPACE,
                "labels": {
                    "kubernetes.io/service-name": service,
                    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                },
            },
            "addressType": "IPv4", "endpoints": endpoints, "ports": [{ "port": PORT }],
        }))
        .unwrap();
        harness.consumers.probes.change(|probes| probes.slices.apply(&slice));
    }

    /// The Pod at this address loads what the Secret of an identity holds.
    pub fn load(&self, harness: &Harness, address: &str, identity: &str) {
        self.load_some(harness, address, identity, true);
    }

    /// The same, but the trust bundle stays as it is.
    pub fn load_leaf(&self, harness: &Harness, address: &str, identity: &str) {
        self.load_some(harness, address, identity, false);
    }

    fn load_some(&self, harness: &Harness, address: &str, identity: &str, with_trust: bool) {
        let secret = harness.secret(&format!("{identity}-mtls")).unwrap();
        let address = at(address);
        let mut listening = self.listening.lock();
        let files = ["tls.crt", "tls.key", "ca.crt"].map(|key| bytes(&secret, key));
        let mut loaded = Pod::of(&files[0], &files[1], &files[2]);
        if let Some(before) = listening.get(&address).filter(|_| !with_trust) {
            loaded.roots = before.roots.clone();
        }
        listening.insert(address, loaded);
    }

    /// The Pod at this address accepts untrusted clients from now on.
    pub fn accept_untrusted(&self, address: &str) {
        self.listening.lock().get_mut(&at(address)).unwrap().accepts_any_client = true;
    }

    /// The Pod at this address listens no more.
    pub fn stop(&self, address: &str) {
        self.listening.lock().remove(&at(address));
    }

    /// The watches show every identity, and the controller probes every endpoint that is due.
    pub async fn probe(&mut self, harness: &Harness) {
        for identity in harness.server.all(IDENTITIES) {
            let identity = serde_json::from_value(identity).unwrap();
            harness.consumers.probes.change(|probes| probes.apply(&identity));
        }
        // The first round probes, the second writes the verdict.
        for _ in 0..2 {
            self.controller.round().await;
            self.controller.rest().await;
        }
    }
}

/// Time is tokio's and paused: it passes only when every task waits.
fn limits() -> Limits {
    let [handshake, settle, close] = [30, 10, 30].map(Duration::from_millis);
    Limits { handshake, settle, close }
}

fn at(address: &str) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), PORT)
}

fn bytes(secret: &Value, key: &str) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD.decode(secret["data"][key].as_str().unwrap()).unwrap()
}

/// The clock of a Pod: that of the harness.
#[derive(Clone)]
struct PodClock(ManualClock);

impl std::fmt::Debug for PodClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PodClock")
    }
}

impl TimeProvider for PodClock {
    fn current_time(&self) -> Option<UnixTime> {
        let second = u64::try_from(self.0.now().as_second()).unwrap();
        Some(UnixTime::since_unix_epoch(Duration::from_secs(second)))
    }
}
