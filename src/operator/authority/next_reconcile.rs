//! When an authority needs a look though nothing seems to have changed.

use super::reconcile::RootOutcome;
use crate::api::authority::Phase;
use crate::operator::authority::root::loaded_ca::{LoadedCa, LoadedRoot};
use crate::operator::index::authorities::RECONCILE_EVERY;
use crate::operator::index::time::Millis;
use crate::plan::authority::ending::warned_from;
use crate::plan::authority::spec::AuthoritySpec;

/// One that signs nothing because of the clock is looked at this often: the answers tell when the clock is right again.
const HALTED_EVERY: Millis = 10 * 1000;

/// How often an authority is looked at though nothing seems to have changed: in a rotation, often enough that the end
/// of a wait is noticed.
fn look_every(loaded: &LoadedRoot, terms: &AuthoritySpec) -> Millis {
    match loaded.held().map(|ca| ca.phase) {
        None | Some(Phase::Stable) => RECONCILE_EVERY,
        Some(Phase::Announced | Phase::Draining) => {
            let part = i64::try_from(terms.propagation.as_millis() / 20).unwrap_or(RECONCILE_EVERY);
            part.clamp(1000, RECONCILE_EVERY)
        }
    }
}

/// When time alone makes an authority need a look: its signer ends, another root is due, or people have to be told.
#[must_use]
pub(super) fn next_look(passed: &RootOutcome, terms: &AuthoritySpec, now: Millis) -> Millis {
    let every = if passed.decision.is_halted() { HALTED_EVERY } else { look_every(&passed.loaded, terms) };
    let regular = now.saturating_add(every);
    let Some(root) = passed.loaded.held().filter(|_| passed.decision.signs).map(LoadedCa::state) else {
        return regular;
    };
    let end = root.window.not_after.as_millisecond();
    let due = if root.origin.is_provided() {
        warned_from(&root, terms.propagation, terms.max_leaf_ttl).as_millisecond()
    } else {
        end.saturating_sub(i64::try_from(terms.root_renew_before.as_millis()).unwrap_or(0))
    };
    let moments = [regular, end.saturating_add(1000), if due > now { due } else { regular }];
    moments.into_iter().min().unwrap_or(regular)
}
