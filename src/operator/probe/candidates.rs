//! Which identities a round looks at: those of which something has changed, and in turn all others.
//!
//! What the scheduler learns of Secrets is not told to the probe state: every identity is compared with it again within ten
//! seconds.

use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;
use std::time::Duration;

use super::probed_object::ProbedObject;
use super::store::ProbeState;
use crate::api::namespaced_name::NamespacedName;
use crate::plan::probe::verdict::NextRoot;

/// In this time every identity is looked at once.
const SWEEP: Duration = Duration::from_secs(10);

/// An identity as a round finds it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Namespace and name.
    pub name: Arc<NamespacedName>,
    /// The object, as probes need it.
    pub object: Arc<ProbedObject>,
    /// The announced root that its Secret carried in the round before.
    pub next: Option<NextRoot>,
    /// Whether something has changed since it was judged.
    pub is_changed: bool,
}

/// How far the turn through all identities has come.
#[derive(Debug, Default)]
pub struct Sweep {
    last: Option<Arc<NamespacedName>>,
    at: Option<Duration>,
}

impl Sweep {
    /// How many of so many identities are next.
    fn share(&mut self, of: usize, now: Duration) -> usize {
        let since = self.at.replace(now).map_or(SWEEP, |at| now.saturating_sub(at));
        let whole = SWEEP.as_millis();
        let share = (of as u128 * since.as_millis()).div_ceil(whole);
        usize::try_from(share).map_or(of, |share| share.min(of))
    }

    /// The identities that are next.
    fn next(&mut self, state: &ProbeState, now: Duration) -> Vec<Arc<NamespacedName>> {
        let count = self.share(state.identities.len(), now);
        let from = self.last.clone().map_or(Unbounded, Excluded);
        let later = state.identities.range::<Arc<NamespacedName>, _>((from, Unbounded));
        let names = later.chain(&state.identities).map(|(name, _)| name.clone());
        let names: Vec<_> = names.take(count).collect();
        self.last = names.last().cloned().or(self.last.take());
        names
    }
}

impl ProbeState {
    /// The identities that a round looks at. Nothing is noted as changed after that.
    pub fn take_candidates(&mut self, sweep: &mut Sweep, now: Duration) -> Vec<Candidate> {
        self.mark_services();
        let changed = std::mem::take(&mut self.changed);
        let mut others: BTreeSet<Arc<NamespacedName>> = sweep.next(self, now).into_iter().collect();
        let issuers = std::mem::take(&mut self.issuers);
        if !issuers.is_empty() {
            let theirs =
                self.identities.iter().filter(|(_, probed)| issuers.contains(&probed.object.authority));
            others.extend(theirs.map(|(name, _)| name.clone()));
        }
        let others = others.difference(&changed).map(|name| (name, false));
        let names = changed.iter().map(|name| (name, true)).chain(others);
        names.filter_map(|(name, is_changed)| self.candidate(name, is_changed)).collect()
    }

    /// An identity as it is now.
    pub(super) fn candidate(&self, name: &NamespacedName, is_changed: bool) -> Option<Candidate> {
        let (name, probed) = self.identities.get_key_value(name)?;
        let (object, next) = (probed.object.clone(), probed.next.clone());
        Some(Candidate { name: name.clone(), object, next, is_changed })
    }

    /// Marks the identities whose probes name a Service that has changed.
    fn mark_services(&mut self) {
        let Some(services) = self.slices.take_changed() else { return self.mark_all() };
        let namespaces: BTreeSet<&str> = services.iter().map(|service| &*service.namespace).collect();
        for namespace in namespaces {
            let first = Arc::new(NamespacedName::new(namespace, ""));
            let within = self.identities.range(first..).take_while(|(name, _)| name.namespace == namespace);
            let names = within.filter(|(_, probed)| probed.object.names_any(namespace, &services));
            self.changed.extend(names.map(|(name, _)| name.clone()));
        }
    }
}
