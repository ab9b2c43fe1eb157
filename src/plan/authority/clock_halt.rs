//! The decision on a root while the clock cannot be relied on (I14): nothing is signed, no root is made, and no change that
//! depends on time is made. Distrusted roots are dropped nevertheless, where nothing has to be signed for that.

use super::ca_state::{CaState, RootSecret};
use super::decision::{RootDecision, RootPlan};
use super::origin::Origin;
use super::reason::AuthorityReason;
use super::transition::{NextRoot, Transition, has_distrusted};
use super::world::RootWorld;

/// The same decision under a clock that cannot be relied on. A graver reason takes precedence.
pub(super) fn halted(world: &RootWorld, decision: RootDecision, why: &str) -> RootDecision {
    let goes_on = goes_on(world, &decision.plan);
    let is_graver = decision.stalled && !decision.signs;
    if is_graver || (goes_on && !decision.signs) {
        return decision;
    }
    let what = if decision.signs { "nothing is signed" } else { "no root signs, and none is made" };
    RootDecision {
        plan: if goes_on { decision.plan } else { RootPlan::Keep },
        reason: AuthorityReason::ClockSkewed,
        stalled: true,
        message: format!("{what}: {why}"),
        ..decision
    }
}

fn goes_on(world: &RootWorld, plan: &RootPlan) -> bool {
    match (plan, &world.secret) {
        (RootPlan::Change(transition), RootSecret::Sound(root) | RootSecret::Expired(root)) => {
            needs_no_clock(transition, root)
        }
        _ => false,
    }
}

/// Whether it is wanted at once and nothing is signed for it. A longer lifetime is recorded before the first such leaf.
fn needs_no_clock(transition: &Transition, root: &CaState) -> bool {
    match transition {
        Transition::RaiseMaxLeafTtl => true,
        Transition::Withdraw => root.next.as_ref().is_some_and(|next| next.distrusted.is_some()),
        Transition::Drop(_) => has_distrusted(&root.retiring),
        Transition::Succeed(NextRoot::Existing | NextRoot::New(Origin::Provided)) | Transition::Replace => {
            root.distrusted.is_some()
        }
        Transition::Announce(..)
        | Transition::Switch { .. }
        | Transition::Succeed(NextRoot::New(Origin::Generated)) => false,
    }
}
