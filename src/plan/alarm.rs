//! What people must hear of a change of roots: nothing of one that goes as it should, and what to do after any other.

use super::root::{RootDecision, RootPlan};
use super::rotation::Transition;

/// The sentence about a change that was made as decided, where it may break connections.
#[must_use]
pub fn alarm(decision: &RootDecision) -> Option<String> {
    match &decision.plan {
        RootPlan::Recover | RootPlan::Change { transition: Transition::Succeed(_), .. } => Some(format!(
            "{}. It signs now, and nothing leads to it from the former one: whoever has not read its Secret again refuses, and is refused by, whoever has. Restart every Pod that does not read its files again after a change",
            decision.message
        )),
        RootPlan::Change { transition: Transition::Switch { is_forced: true }, .. } => Some(
            "the next root signs, because certificates of the former one would have to be cut short, though not every Secret, trust bundle and endpoint was seen to carry it. Whoever lacks it needs the cross-certificate, until the former root ends: let them be written, and restart Pods that do not read their files again"
                .to_owned(),
        ),
        _ => None,
    }
}
