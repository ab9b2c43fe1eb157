//! The warning about a change of roots that may break connections, or leaves something to do. A change that goes as planned has
//! none.

use super::decision::{RootDecision, RootPlan};
use super::distrust::distrust_command;
use super::retiring_root::RetiringRoot;
use super::transition::Transition;
use super::world::RootWorld;

/// The warning about a change that was made as decided.
#[must_use]
pub fn disruption_warning(world: &RootWorld, decision: &RootDecision, authority: &str) -> Option<String> {
    match &decision.plan {
        RootPlan::Recover | RootPlan::Change(Transition::Succeed(_)) => Some(format!(
            "{}. It signs now without a cross-certificate: handshakes fail until both sides have loaded the new content of their Secrets. Restart every Pod that does not read its files again after a change",
            decision.message
        )),
        RootPlan::Change(Transition::Switch { is_forced: true }) => forced(world),
        RootPlan::Change(Transition::Drop(gone)) => dropped(world, gone, authority),
        _ => None,
    }
}

fn forced(world: &RootWorld) -> Option<String> {
    let is_certified = world.secret.held()?.next.as_ref().is_some_and(|next| next.is_certified);
    let what = "the next root signs, because certificates of the former one would have to get a shorter lifetime, though not every Secret, trust bundle and endpoint was seen to carry it";
    let advice = "see that these Secrets can be written, and restart Pods that do not read their files again";
    Some(if is_certified {
        format!(
            "{what}. A consumer that lacks it needs the cross-certificate, until the former root ends: {advice}"
        )
    } else {
        format!(
            "{what}. No cross-certificate leads to it: a consumer that lacks it refuses its certificates: {advice}"
        )
    })
}

/// The key of a root that was distrusted after the switch was stored in the same Secret as the key that signs now.
fn dropped(world: &RootWorld, gone: &[String], authority: &str) -> Option<String> {
    let root = world.secret.held()?;
    let is_dropped =
        |former: &RetiringRoot| former.distrusted.is_some() && gone.contains(&former.fingerprint);
    let former = root.retiring.iter().find(|former| is_dropped(former))?;
    Some(format!(
        "root {} is distrusted and has left every trust bundle. Until the switch its key was stored in the same Secret as the key of root {}, which signs now: if that Secret can have been read, distrust it as well: {}",
        former.fingerprint,
        root.fingerprint,
        distrust_command(authority, [root.fingerprint.as_str()])
    ))
}
