//! Metrics of watches: what has interrupted them, and when each was last told something.
//!
//! Every replica has them. A watch that ends takes its time with it: one that is not updated any more would mislead.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What interrupts a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// There was no list, or not all of it.
    ListFailed,
    /// The API server could not be asked for changes.
    NotOpened,
    /// It answers with an error instead.
    Refused,
    /// It does not remember any more what has changed: a list tells.
    Gone,
    /// The answer broke off.
    BrokenOff,
    /// A change could not be read.
    Unreadable,
    /// A change was too long to be read: a list tells.
    TooLarge,
}

impl Interruption {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::ListFailed,
        Self::NotOpened,
        Self::Refused,
        Self::Gone,
        Self::BrokenOff,
        Self::Unreadable,
        Self::TooLarge,
    ];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ListFailed => "ListFailed",
            Self::NotOpened => "NotOpened",
            Self::Refused => "Refused",
            Self::Gone => "Gone",
            Self::BrokenOff => "BrokenOff",
            Self::Unreadable => "Unreadable",
            Self::TooLarge => "TooLarge",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    resource: String,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResourceLabels {
    resource: String,
}

/// Metrics of all watches.
#[derive(Clone, Default)]
pub struct WatchMetrics {
    errors: Family<ErrorLabels, Counter>,
    last_event: Family<ResourceLabels, Gauge>,
}

impl WatchMetrics {
    /// Registers every metric.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("mtls_operator_watch_errors", "Interruptions of watches", self.errors.clone());
        registry.register(
            "mtls_operator_watch_last_event_timestamp_seconds",
            "When a list, a change or a bookmark came last, seconds since 1970",
            self.last_event.clone(),
        );
    }

    /// Those of a watch of objects of this plural.
    #[must_use]
    pub fn of(&self, resource: &str) -> ResourceWatch {
        ResourceWatch { metrics: self.clone(), labels: ResourceLabels { resource: resource.to_owned() } }
    }
}

/// Metrics of the watch of a resource, until it ends.
pub struct ResourceWatch {
    metrics: WatchMetrics,
    labels: ResourceLabels,
}

impl ResourceWatch {
    /// It was interrupted.
    pub fn interrupted(&self, by: Interruption) {
        let labels = ErrorLabels { resource: self.labels.resource.clone(), reason: by.as_str() };
        self.metrics.errors.get_or_create(&labels).inc();
    }

    /// It was told something at this moment, in seconds since 1970.
    pub fn told(&self, at: i64) {
        self.metrics.last_event.get_or_create(&self.labels).set(at);
    }
}

impl Drop for ResourceWatch {
    fn drop(&mut self) {
        self.metrics.last_event.remove(&self.labels);
    }
}
