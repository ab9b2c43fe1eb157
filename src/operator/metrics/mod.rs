//! Metrics of identities and authorities.

mod counters;
mod gauge;
mod labels;
pub mod probes;
pub mod watches;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use self::counters::AuthorityCounters;
use self::gauge::gauge;
use self::labels::{
    AuthorityLabels, BundleLabels, ErrorLabels, GrantLabels, IssuedLabels, PhaseLabels, QueueLabels,
    ReasonLabels, RequestLabels, TransitionLabels,
};
use self::probes::ProbeMetrics;
use self::watches::WatchMetrics;
use super::error::Error;
use crate::api::authority::Phase;
use crate::operator::scheduler::requeue::Priority;
use crate::plan::authority::reason;
use crate::plan::identity::decide::IssueReason;
use crate::plan::identity::ready::ReadyReason;
use crate::plan::trust_bundle::published;

/// In place of an authority's name, for identities whose authority this operator does not serve. It is not a valid name
/// of an object, and there is one series, however many names are mistyped.
pub const MISSING: &str = "(missing)";

/// The metrics of this process.
#[derive(Clone, Default)]
pub struct Metrics {
    issued: Family<IssuedLabels, Counter>,
    granted: AuthorityCounters<GrantLabels>,
    refreshed: Counter,
    requests: Family<RequestLabels, Counter>,
    errors: Family<ErrorLabels, Counter>,
    queue: Family<QueueLabels, Gauge>,
    retries: Gauge,
    workers: Gauge,
    identities: Family<ReasonLabels, Gauge>,
    overdue: Family<AuthorityLabels, Gauge>,
    authorities: Family<ReasonLabels, Gauge>,
    root_not_after: Family<AuthorityLabels, Gauge>,
    rotation_phase: Family<PhaseLabels, Gauge>,
    rotation_waiting: Family<AuthorityLabels, Gauge>,
    rotations: AuthorityCounters<TransitionLabels>,
    /// Of probes.
    pub probes: ProbeMetrics,
    /// Of watches.
    pub watches: WatchMetrics,
    bundles: Family<BundleLabels, Gauge>,
}

impl Metrics {
    /// Registers every metric.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("mtls_operator_issued", "Leaf certificates issued", self.issued.clone());
        registry.register(
            "mtls_operator_granted",
            "Leaf certificates issued with a name or address that this grant allows",
            self.granted.family(),
        );
        registry.register(
            "mtls_operator_refreshed",
            "Secrets updated without a new key",
            self.refreshed.clone(),
        );
        registry.register("mtls_operator_api_requests", "Requests to the API server", self.requests.clone());
        registry.register("mtls_operator_errors", "Passes that ended with an error", self.errors.clone());
        registry.register(
            "mtls_operator_queue_depth",
            "Identities that wait to be reconciled",
            self.queue.clone(),
        );
        registry.register("mtls_operator_retrying", "Identities that wait for a retry", self.retries.clone());
        registry.register(
            "mtls_operator_workers",
            "Identities that may be reconciled at the same time",
            self.workers.clone(),
        );
        self.register_authorities(registry);
    }

    fn register_authorities(&self, registry: &mut Registry) {
        registry.register(
            "mtls_operator_identities",
            "Identities by the reason of Ready",
            self.identities.clone(),
        );
        registry.register(
            "mtls_operator_identities_overdue",
            "Identities whose time of renewal has passed",
            self.overdue.clone(),
        );
        registry.register(
            "mtls_operator_authorities",
            "Authorities by the reason of Ready: 1 for the present one, else 0",
            self.authorities.clone(),
        );
        self.register_roots(registry);
        self.probes.register(registry);
        self.watches.register(registry);
        registry.register(
            "mtls_operator_bundles",
            "Objects that a trust bundle is to be published in, by their state",
            self.bundles.clone(),
        );
    }

    fn register_roots(&self, registry: &mut Registry) {
        registry.register(
            "mtls_operator_root_not_after_timestamp_seconds",
            "End of the signing root, seconds since 1970",
            self.root_not_after.clone(),
        );
        registry.register(
            "mtls_operator_rotation_phase",
            "Phase of the root's rotation: 1 for the one that it is in, else 0",
            self.rotation_phase.clone(),
        );
        registry.register(
            "mtls_operator_rotation_waiting",
            "Identities, trust bundles and endpoints that a rotation of the root waits for",
            self.rotation_waiting.clone(),
        );
        registry.register(
            "mtls_operator_root_transitions",
            "Changes of the roots of an authority",
            self.rotations.family(),
        );
    }

    /// A leaf was issued.
    pub fn issued(&self, because: IssueReason, class: Priority) {
        let labels = IssuedLabels { because: because.as_str(), class: class.as_str() };
        self.issued.get_or_create(&labels).inc();
    }

    /// A leaf was issued with names that these grants of an authority allow.
    pub fn granted(&self, authority: &str, grants: &[String]) {
        for grant in grants {
            let labels = GrantLabels { authority: authority.to_owned(), grant: grant.clone() };
            self.granted.count(authority, labels);
        }
    }

    /// A Secret was updated without a new key.
    pub fn refreshed(&self) {
        self.refreshed.inc();
    }

    /// A request was made.
    pub fn requested(&self, verb: &'static str, is_ok: bool) {
        let result = if is_ok { "ok" } else { "error" };
        self.requests.get_or_create(&RequestLabels { verb, result }).inc();
    }

    /// A pass ended with an error.
    pub fn failed(&self, error: &Error) {
        self.errors.get_or_create(&ErrorLabels { kind: error.kind() }).inc();
    }

    /// Identities that wait, by priority, and those that wait for a retry.
    pub fn waiting(&self, depths: [(Priority, usize); 3], retrying: usize) {
        for (class, depth) in depths {
            self.queue.get_or_create(&QueueLabels { class: class.as_str() }).set(gauge(depth));
        }
        self.retries.set(gauge(retrying));
    }

    /// So many identities may be reconciled at the same time.
    pub fn workers(&self, count: usize) {
        self.workers.set(gauge(count));
    }
}

/// Metrics of one authority. A replica that stops serving it removes them: a figure that is not updated any more would mislead.
impl Metrics {
    /// Identities of an authority with this reason.
    pub fn identities(&self, authority: &str, reason: ReadyReason, count: i64) {
        self.identities.get_or_create(&ReasonLabels::of(authority, reason.as_str())).set(count);
    }

    /// Identities of an authority whose time of renewal has passed.
    pub fn overdue(&self, authority: &str, count: i64) {
        self.overdue.get_or_create(&AuthorityLabels::of(authority)).set(count);
    }

    /// The reason of an authority's `Ready`.
    pub fn authority_ready(&self, authority: &str, reason: &'static str) {
        for each in reason::AuthorityReason::ALL {
            let labels = ReasonLabels::of(authority, each.as_str());
            self.authorities.get_or_create(&labels).set((each.as_str() == reason).into());
        }
    }

    /// Until when the signing root of an authority is valid, in seconds since 1970.
    pub fn root(&self, authority: &str, not_after: i64) {
        self.root_not_after.get_or_create(&AuthorityLabels::of(authority)).set(not_after);
    }

    /// No root of an authority signs.
    pub fn no_root(&self, authority: &str) {
        self.root_not_after.remove(&AuthorityLabels::of(authority));
    }

    /// The phase of an authority's root. `None`: it is not known.
    pub fn rotation_phase(&self, authority: &str, phase: Option<Phase>) {
        for each in Phase::ALL {
            let labels = PhaseLabels::of(authority, each);
            match phase {
                Some(phase) => drop(self.rotation_phase.get_or_create(&labels).set((each == phase).into())),
                None => drop(self.rotation_phase.remove(&labels)),
            }
        }
    }

    /// Published bundles of an authority, by their state.
    pub fn bundles(&self, authority: &str, counts: &[(published::PublishedReason, usize)]) {
        for (reason, count) in counts {
            self.bundles.get_or_create(&BundleLabels::of(authority, *reason)).set(gauge(*count));
        }
    }

    /// Identities, bundles and endpoints that a rotation waits for. `None`: it is not known.
    pub fn rotation_waiting(&self, authority: &str, waiting: Option<usize>) {
        let labels = AuthorityLabels::of(authority);
        match waiting {
            Some(waiting) => drop(self.rotation_waiting.get_or_create(&labels).set(gauge(waiting))),
            None => drop(self.rotation_waiting.remove(&labels)),
        }
    }

    /// The roots of an authority were changed.
    pub fn changed_roots(&self, authority: &str, transition: &'static str) {
        let labels = TransitionLabels { authority: authority.to_owned(), transition };
        self.rotations.count(authority, labels);
    }

    /// Removes the counters of an authority that is deleted, or that another operator serves.
    pub fn remove_counters(&self, authority: &str) {
        self.granted.remove(authority);
        self.rotations.remove(authority);
    }

    /// Removes the gauges of an authority that this replica does not reconcile any more. Its counters stay.
    pub fn remove_gauges(&self, authority: &str) {
        self.no_root(authority);
        self.rotation_waiting(authority, None);
        self.overdue.remove(&AuthorityLabels::of(authority));
        for reason in ReadyReason::ALL {
            self.identities.remove(&ReasonLabels::of(authority, reason.as_str()));
        }
        for reason in reason::AuthorityReason::ALL {
            self.authorities.remove(&ReasonLabels::of(authority, reason.as_str()));
        }
        self.rotation_phase(authority, None);
        self.remove_bundles(authority);
    }

    /// Removes the gauges of an authority that publishes no bundle any more.
    pub fn remove_bundles(&self, authority: &str) {
        for reason in published::PublishedReason::ALL {
            self.bundles.remove(&BundleLabels::of(authority, reason));
        }
    }
}
