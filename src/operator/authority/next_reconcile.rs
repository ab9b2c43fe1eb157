//! When an authority needs a reconcile though nothing seems to have changed.

use super::outcome::RootOutcome;
use crate::api::authority::Phase;
use crate::operator::authority::root::loaded_ca::{LoadedCa, LoadedRoot};
use crate::operator::index::authorities::RECONCILE_EVERY;
use crate::operator::index::time::Millis;
use crate::plan::authority::ending::warned_from;
use crate::plan::authority::spec::AuthoritySpec;

/// An authority that signs nothing because of the clock is reconciled this often: the answers of the API server show when the
/// clock is right again.
const HALTED_EVERY: Millis = 10 * 1000;

/// How often an authority is reconciled though nothing seems to have changed: in a rotation, often enough that the end of a
/// wait is noticed.
fn interval(loaded: &LoadedRoot, spec: &AuthoritySpec) -> Millis {
    match loaded.held().map(|ca| ca.phase) {
        None | Some(Phase::Stable) => RECONCILE_EVERY,
        Some(Phase::Announced | Phase::Draining) => {
            let part = i64::try_from(spec.propagation.as_millis() / 20).unwrap_or(RECONCILE_EVERY);
            part.clamp(1000, RECONCILE_EVERY)
        }
    }
}

/// When time alone makes a reconcile necessary: the signer ends, another root is due, or a warning is due.
#[must_use]
pub(super) fn next_reconcile(outcome: &RootOutcome, spec: &AuthoritySpec, now: Millis) -> Millis {
    let every = if outcome.decision.is_halted() { HALTED_EVERY } else { interval(&outcome.loaded, spec) };
    let regular = now.saturating_add(every);
    let Some(root) = outcome.loaded.held().filter(|_| outcome.decision.signs).map(LoadedCa::state) else {
        return regular;
    };
    let end = root.window.not_after.as_millisecond();
    let due = if root.origin.is_provided() {
        warned_from(&root, spec.propagation, spec.max_leaf_ttl).as_millisecond()
    } else {
        end.saturating_sub(i64::try_from(spec.root_renew_before.as_millis()).unwrap_or(0))
    };
    let moments = [regular, end.saturating_add(1000), if due > now { due } else { regular }];
    moments.into_iter().min().unwrap_or(regular)
}
