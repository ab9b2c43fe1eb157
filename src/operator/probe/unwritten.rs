//! Verdicts that status does not state yet: taken a few at a time, and put back when their write has ended.
//!
//! The status of an identity is written every ten seconds at most; after a failure later, by a share of the identity's own, so
//! that those that failed together do not come again together.

use std::sync::Arc;
use std::time::Duration;

use super::candidates::Candidate;
use super::store::ProbeState;
use crate::api::namespaced_name::NamespacedName;
use crate::plan::probe::verdict::ServingVerdict;
use crate::plan::spread::slot;

/// The status of an identity is written this often at most.
const WRITE_INTERVAL: Duration = Duration::from_secs(10);

impl ProbeState {
    /// Takes the verdict that has waited for the longest time. Its identity is being written from now on.
    pub(super) fn take_write(&mut self, now: Duration) -> Option<(Candidate, ServingVerdict)> {
        loop {
            let name = self.writes.pop_due(now)?;
            let verdict = self.identities.get_mut(&*name).and_then(|probed| {
                (probed.is_writing, probed.write_after) = (true, now.saturating_add(WRITE_INTERVAL));
                probed.unwritten.take()
            });
            if let Some((candidate, verdict)) = self.candidate(&name, false).zip(verdict) {
                return Some((candidate, *verdict));
            }
        }
    }

    /// The write of an identity's status has ended.
    pub(super) fn end_write(&mut self, name: &Arc<NamespacedName>, has_failed: bool) {
        let Some(probed) = self.identities.get_mut(&**name).filter(|probed| probed.is_writing) else {
            return;
        };
        probed.is_writing = false;
        if has_failed {
            let share = u32::from(slot(&name.to_string()));
            probed.write_after = probed.write_after.saturating_add(WRITE_INTERVAL * share / 65_536);
        }
        let at = probed.is_queued().then_some(probed.write_after);
        self.writes.reschedule(name, None, at);
        self.mark_changed(name);
    }
}
