//! An identity with `spec.probes`: what was last judged of it, and what of that is not in its status yet.

use std::sync::Arc;
use std::time::Duration;

use super::endpoint_records::EndpointRecords;
use super::probed_object::ProbedObject;
use crate::plan::probe::verdict::{NextRoot, ServingReason, ServingVerdict};

/// An identity with `spec.probes`.
#[derive(Debug)]
pub struct ProbedIdentity {
    /// The object, as probes need it.
    pub object: Arc<ProbedObject>,
    /// Its endpoints, with the last probe of each.
    pub records: EndpointRecords,
    /// The announced root that its Secret carries.
    pub next: Option<NextRoot>,
    /// Stands for what its servers were expected to be like when it was judged last.
    pub(super) expected: Option<u64>,
    /// The reason of the verdict.
    pub(super) reason: Option<ServingReason>,
    /// The verdict, while status does not state it.
    pub(super) unwritten: Option<Box<ServingVerdict>>,
    /// Whether its status is being written.
    pub(super) is_writing: bool,
    /// When its status may be written next, by the monotonic clock.
    pub(super) write_after: Duration,
}

impl ProbedIdentity {
    pub(super) fn new(object: ProbedObject) -> Self {
        Self {
            object: Arc::new(object),
            records: EndpointRecords::default(),
            next: None,
            expected: None,
            reason: None,
            unwritten: None,
            is_writing: false,
            write_after: Duration::ZERO,
        }
    }

    /// Whether its verdict waits to be written.
    pub(super) const fn is_queued(&self) -> bool {
        self.unwritten.is_some() && !self.is_writing
    }
}
