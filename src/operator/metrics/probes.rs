//! Metrics of probes: TLS sessions, identities by reason, endpoints and how many of them wait.
//!
//! The values of the labels `client` and `outcome` are documented in `docs/reference.md` and never change.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::gauge::gauge;
use crate::plan::probe::verdict::ServingReason;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SessionLabels {
    client: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

/// Metrics of probes.
#[derive(Clone, Default)]
pub struct ProbeMetrics {
    sessions: Family<SessionLabels, Counter>,
    identities: Family<ReasonLabels, Gauge>,
    endpoints: Gauge,
    waiting: Gauge,
    overdue: Gauge,
}

impl ProbeMetrics {
    /// Registers every metric.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "mtls_operator_probe_sessions",
            "TLS sessions with endpoints, by client and outcome",
            self.sessions.clone(),
        );
        registry.register(
            "mtls_operator_probe_identities",
            "Identities with spec.probes by the reason of Serving",
            self.identities.clone(),
        );
        registry.register(
            "mtls_operator_probe_endpoints",
            "Endpoints that are probed",
            self.endpoints.clone(),
        );
        registry.register(
            "mtls_operator_probe_waiting",
            "Endpoints that are due for a probe and wait for their turn",
            self.waiting.clone(),
        );
        registry.register(
            "mtls_operator_probe_endpoints_overdue",
            "Endpoints that are due and were not probed within ten minutes",
            self.overdue.clone(),
        );
    }

    /// Counts a session that has ended.
    pub fn session_ended(&self, client: &'static str, outcome: &'static str) {
        self.sessions.get_or_create(&SessionLabels { client, outcome }).inc();
    }

    /// Sets how many identities with `spec.probes` have each reason.
    pub fn identities(&self, counts: impl Fn(ServingReason) -> usize) {
        for reason in ServingReason::ALL {
            let labels = ReasonLabels { reason: reason.as_str() };
            self.identities.get_or_create(&labels).set(gauge(counts(reason)));
        }
    }

    /// Zeroes the gauges: this replica does not probe any more.
    pub fn clear(&self) {
        self.identities.clear();
        self.endpoints(0, 0);
        self.overdue(0);
    }

    /// Sets how many endpoints are due and were not probed within ten minutes.
    pub fn overdue(&self, count: usize) {
        self.overdue.set(gauge(count));
    }

    /// Sets how many endpoints are probed, and how many of them are due and wait.
    pub fn endpoints(&self, all: usize, waiting: usize) {
        self.endpoints.set(gauge(all));
        self.waiting.set(gauge(waiting));
    }
}
