//! The operator in the test's own process: the test holds its clock, and what is between it and the API server.

use http::Request;
use http::header::DATE;
use jiff::fmt::rfc2822::DateTimePrinter;
use kube::Client;
use kube::client::Body;
use mtls_operator::operator::authority::bootstrap::DefaultAuthority;
use mtls_operator::operator::metrics::Metrics;
use mtls_operator::operator::probe::dial::Dialer;
use mtls_operator::operator::run::{Dependencies, Settings, run};
use mtls_operator::plan::authority::safeguards::Safeguards;
use mtls_operator::runtime::clock::Clock;
use mtls_operator::runtime::clock_check::ClockCheck;
use mtls_operator::runtime::leader::Leadership;
use mtls_operator::runtime::readiness::Readiness;
use mtls_operator::runtime::shutdown::{Shutdown, Trigger};
use tokio::task::JoinHandle;
use tower::service_fn;

use crate::cluster::{SYSTEM, TestCluster};

/// A client whose answers have this date, whatever the API server's real clock shows.
fn hearing(client: Client, clock: &Clock, api_server: Clock) -> Client {
    let namespace = client.default_namespace().to_owned();
    let service = service_fn(move |request: Request<Body>| {
        let (client, api_server) = (client.clone(), api_server.clone());
        async move {
            let mut answer = client.send(request).await?;
            let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&api_server.wall()).unwrap();
            answer.headers_mut().insert(DATE, date.parse().unwrap());
            Ok::<_, kube::Error>(answer)
        }
    });
    Client::new(ClockCheck::new(service, clock.clone()), namespace)
}

/// An operator, which leads without election unless said otherwise. It runs until it is stopped.
pub struct InProcessOperator {
    trigger: Trigger,
    running: JoinHandle<()>,
}

impl InProcessOperator {
    /// Starts an operator with this clock, and the rights of the chart's service account.
    pub async fn start(cluster: &TestCluster, clock: Clock) -> Self {
        Self::run(settings(), Safeguards::ALL, clock, cluster.operator_client().await)
    }

    /// The same, where the API server has a clock of its own.
    pub async fn start_apart(cluster: &TestCluster, clock: Clock, api_server: Clock) -> Self {
        let (client, leadership) = (cluster.operator_client().await, Leadership::always(clock.clone()));
        let client = hearing(client, &clock, api_server);
        Self::begin(leadership, Dialer::tcp(), settings(), Safeguards::ALL, clock, client)
    }

    /// Starts an operator with these settings and safeguards, this clock and this client.
    pub fn run(settings: Settings, safeguards: Safeguards, clock: Clock, client: Client) -> Self {
        Self::run_with(Dialer::tcp(), settings, safeguards, clock, client)
    }

    /// The same, reaching Pods in its own way.
    pub fn run_with(
        dialer: Dialer,
        settings: Settings,
        safeguards: Safeguards,
        clock: Clock,
        client: Client,
    ) -> Self {
        let (leadership, client) =
            (Leadership::always(clock.clone()), hearing(client, &clock, clock.clone()));
        Self::begin(leadership, dialer, settings, safeguards, clock, client)
    }

    /// Starts one of several operators, which writes only while it leads.
    pub fn run_led(leadership: Leadership, settings: Settings, clock: Clock, client: Client) -> Self {
        let client = hearing(client, &clock, clock.clone());
        Self::begin(leadership, Dialer::tcp(), settings, Safeguards::ALL, clock, client)
    }

    fn begin(
        leadership: Leadership,
        dialer: Dialer,
        settings: Settings,
        safeguards: Safeguards,
        clock: Clock,
        client: Client,
    ) -> Self {
        let (shutdown, trigger) = Shutdown::manual();
        let (readiness, metrics) = (Readiness::new(), Metrics::default());
        let around =
            Dependencies { clock, client, dialer, leadership, readiness, metrics, safeguards, shutdown };
        let running = tokio::spawn(async move { run(settings, around).await.unwrap() });
        Self { trigger, running }
    }

    /// Stops it, and returns when what was in flight is finished.
    pub async fn stop(self) {
        self.trigger.fire();
        self.running.await.unwrap();
    }
}

/// Settings as the chart has them.
pub fn settings() -> Settings {
    let default =
        DefaultAuthority { trust_domain: "cluster.local".into(), cluster_domain: "cluster.local".into() };
    Settings {
        namespace: SYSTEM.into(),
        pod_name: "mtls-operator-0".into(),
        watch_namespaces: Vec::new(),
        default_authority: Some(default),
        workers: 4.into(),
        key_threads: 1,
        endpoint_probes: false,
    }
}
