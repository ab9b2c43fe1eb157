//! The Lease as a record, without requests: how this replica claims and releases it, and whether another one holds it.
//!
//! Another holder is judged by how long its record does not change on our own monotonic clock; the times written in a Lease
//! are for users to read and are never compared.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};

/// A replica that wants the Lease, and how long the Lease is valid when it is not renewed.
pub(super) struct Candidate {
    pub(super) identity: String,
    pub(super) lease_duration: Duration,
}

impl Candidate {
    /// A Lease that had no holder yet, claimed.
    pub(super) fn first(&self, name: &str, now: Timestamp) -> Lease {
        let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        self.claim(Lease { metadata, spec: None }, now)
    }

    /// The Lease, claimed or renewed. Its resourceVersion is kept, so that the write fails after any other write.
    pub(super) fn claim(&self, mut lease: Lease, now: Timestamp) -> Lease {
        let is_renewal = self.holds(&lease);
        let spec = lease.spec.get_or_insert_default();
        if !is_renewal {
            spec.lease_transitions = Some(spec.lease_transitions.map_or(0, |count| count.saturating_add(1)));
            spec.acquire_time = Some(MicroTime(now));
            spec.holder_identity = Some(self.identity.clone());
        }
        spec.renew_time = Some(MicroTime(now));
        spec.lease_duration_seconds = Some(whole_seconds(self.lease_duration));
        lease
    }

    /// The Lease without a holder, or nothing where another replica holds it.
    pub(super) fn release(&self, mut lease: Lease) -> Option<Lease> {
        if !self.holds(&lease) {
            return None;
        }
        lease.spec.get_or_insert_default().holder_identity = None;
        Some(lease)
    }

    fn holds(&self, lease: &Lease) -> bool {
        holder(lease) == Some(&self.identity)
    }
}

/// The other replica that holds the Lease, as far as this one has seen.
#[derive(Default)]
pub(super) struct OtherHolder {
    seen: Option<SeenRecord>,
}

/// A record, the moment it was first seen, and how long the Lease is valid from then on.
struct SeenRecord {
    spec: LeaseSpec,
    since: Duration,
    lasts: Duration,
}

impl OtherHolder {
    /// Whether another replica may still write. `read_at` is the moment *after* the Lease was read: counted from
    /// before a slow read, a record that was renewed meanwhile would seem older than it is.
    pub(super) fn may_lead(
        &mut self,
        candidate: &Candidate,
        lease: Option<&Lease>,
        read_at: Duration,
    ) -> bool {
        match lease {
            Some(lease) if candidate.holds(lease) || holder(lease).is_none() => self.seen = None,
            Some(Lease { spec: Some(spec), .. }) => self.record_seen(candidate, spec, read_at),
            // The Lease was deleted, and its holder may not know yet.
            _ => {}
        }
        self.seen.as_ref().is_some_and(|seen| read_at < seen.since.saturating_add(seen.lasts))
    }

    fn record_seen(&mut self, candidate: &Candidate, spec: &LeaseSpec, at: Duration) {
        if self.seen.as_ref().is_some_and(|seen| seen.spec == *spec) {
            return;
        }
        if self.seen.as_ref().is_none_or(|seen| seen.spec.holder_identity != spec.holder_identity) {
            tracing::info!(holder = spec.holder_identity, "another replica holds the Lease");
        }
        let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        let lasts = seconds.map_or(candidate.lease_duration, Duration::from_secs);
        self.seen = Some(SeenRecord { spec: spec.clone(), since: at, lasts });
    }
}

/// The holder of the Lease. A released one has no holder, or an empty one.
fn holder(lease: &Lease) -> Option<&String> {
    lease.spec.as_ref()?.holder_identity.as_ref().filter(|holder| !holder.is_empty())
}

/// Rounded up: others may wait too long, never too short.
fn whole_seconds(duration: Duration) -> i32 {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(seconds).unwrap_or(i32::MAX)
}
