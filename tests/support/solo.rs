//! The operator in the test's own process: the test holds its clock, and what lies between it and the API server.

use kube::Client;
use mtls_operator::operator::metrics::Metrics;
use mtls_operator::operator::probe::dial::Dialer;
use mtls_operator::operator::run::{DefaultAuthority, Settings, Surroundings, run};
use mtls_operator::plan::safeguards::Safeguards;
use mtls_operator::runtime::clock::Clock;
use mtls_operator::runtime::leader::Leadership;
use mtls_operator::runtime::readiness::Readiness;
use mtls_operator::runtime::shutdown::{Shutdown, Trigger};
use tokio::task::JoinHandle;

use crate::stage::{SYSTEM, Stage};

/// An operator, which leads without election where nothing else is said. It stops when it is told to.
pub struct Solo {
    trigger: Trigger,
    running: JoinHandle<()>,
}

impl Solo {
    /// Starts an operator with this clock, and the rights of the chart's service account.
    pub async fn start(stage: &Stage, clock: Clock) -> Self {
        Self::run(settings(), Safeguards::ALL, clock, stage.operator_client().await)
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
        Self::begin(Leadership::always(clock.clone()), dialer, settings, safeguards, clock, client)
    }

    /// Starts one of several operators, which writes only while it leads.
    pub fn run_led(leadership: Leadership, settings: Settings, clock: Clock, client: Client) -> Self {
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
            Surroundings { clock, client, dialer, leadership, readiness, metrics, safeguards, shutdown };
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
        watch_namespaces: Vec::new(),
        default_authority: Some(default),
        workers: 4,
        key_threads: 1,
        endpoint_probes: false,
    }
}
