//! Figures about identities and authorities. Label values are closed sets, but for the names of authorities.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::attention::Class;
use super::error::Error;
use crate::plan::decide::Because;
use crate::plan::published::Reason;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct IssuedLabels {
    because: &'static str,
    class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    verb: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueLabels {
    class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct IdentityLabels {
    authority: String,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AuthorityLabels {
    authority: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TransitionLabels {
    authority: String,
    transition: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BundleLabels {
    authority: String,
    state: &'static str,
}

/// The figures.
#[derive(Clone, Default)]
pub struct Metrics {
    issued: Family<IssuedLabels, Counter>,
    refreshed: Counter,
    requests: Family<RequestLabels, Counter>,
    errors: Family<ErrorLabels, Counter>,
    queue: Family<QueueLabels, Gauge>,
    retries: Gauge,
    identities: Family<IdentityLabels, Gauge>,
    root_not_after: Family<AuthorityLabels, Gauge>,
    rotation_waiting: Family<AuthorityLabels, Gauge>,
    rotations: Family<TransitionLabels, Counter>,
    bundles: Family<BundleLabels, Gauge>,
}

impl Metrics {
    /// Registers every figure.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("mtls_operator_issued", "Leaf certificates issued", self.issued.clone());
        registry.register(
            "mtls_operator_refreshed",
            "Secrets updated without a new key",
            self.refreshed.clone(),
        );
        registry.register("mtls_operator_api_requests", "Requests to the API server", self.requests.clone());
        registry.register("mtls_operator_errors", "Passes that ended with an error", self.errors.clone());
        registry.register("mtls_operator_queue_depth", "Identities that wait for a look", self.queue.clone());
        registry.register(
            "mtls_operator_retrying",
            "Identities that wait for another try",
            self.retries.clone(),
        );
        registry.register(
            "mtls_operator_identities",
            "Identities by the reason of Ready",
            self.identities.clone(),
        );
        registry.register(
            "mtls_operator_root_not_after_timestamp_seconds",
            "End of the signing root, seconds since 1970",
            self.root_not_after.clone(),
        );
        registry.register(
            "mtls_operator_rotation_waiting",
            "Identities and trust bundles that a rotation of the root waits for",
            self.rotation_waiting.clone(),
        );
        registry.register(
            "mtls_operator_root_transitions",
            "Changes of the roots of an authority",
            self.rotations.clone(),
        );
        registry.register(
            "mtls_operator_bundles",
            "Places where a trust bundle shall lie, by how it stands there",
            self.bundles.clone(),
        );
    }

    /// A leaf was issued.
    pub fn issued(&self, because: Because, class: Class) {
        let labels = IssuedLabels { because: because.as_str(), class: class.as_str() };
        self.issued.get_or_create(&labels).inc();
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

    /// So many identities wait.
    pub fn waiting(&self, depths: [(Class, usize); 3], retrying: usize) {
        for (class, depth) in depths {
            self.queue.get_or_create(&QueueLabels { class: class.as_str() }).set(gauge(depth));
        }
        self.retries.set(gauge(retrying));
    }

    /// So many identities of an authority stand so.
    pub fn identities(&self, authority: &str, reason: &'static str, count: i64) {
        self.identities.get_or_create(&IdentityLabels { authority: authority.to_owned(), reason }).set(count);
    }

    /// The signing root of an authority ends then.
    pub fn root(&self, authority: &str, not_after: i64) {
        self.root_not_after
            .get_or_create(&AuthorityLabels { authority: authority.to_owned() })
            .set(not_after);
    }
}

impl Metrics {
    /// So many published bundles of an authority stand how.
    pub fn bundles(&self, authority: &str, counts: &[(Reason, usize)]) {
        for (reason, count) in counts {
            let labels = BundleLabels { authority: authority.to_owned(), state: reason.as_str() };
            self.bundles.get_or_create(&labels).set(gauge(*count));
        }
    }

    /// A rotation waits for so many identities and bundles.
    pub fn rotation_waiting(&self, authority: &str, behind: usize) {
        let labels = AuthorityLabels { authority: authority.to_owned() };
        self.rotation_waiting.get_or_create(&labels).set(gauge(behind));
    }

    /// The roots of an authority have changed.
    pub fn changed_roots(&self, authority: &str, transition: &'static str) {
        let labels = TransitionLabels { authority: authority.to_owned(), transition };
        self.rotations.get_or_create(&labels).inc();
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
