//! Warns of what needs manual action though an authority signs: the condition `Ready` says it as long as it holds, and one
//! Event reports it.
//!
//! The condition outlives the process: a restart repeats no Event.

use crate::api::MtlsAuthority;
use crate::api::conditions::{READY, find};
use crate::operator::context::Context;
use crate::operator::events;
use crate::plan::authority::decision::RootDecision;

/// Reason of the Event: the signer ends soon, and only the user who provided it can replace it.
const ENDS_SOON: &str = "EndsSoon";

/// Creates the Event for a warning that the condition of the authority, as it was before this reconcile, does not say.
pub async fn warn_early(context: &Context, authority: &MtlsAuthority, decision: &RootDecision) {
    let Some(warning) = decision.warning.as_ref().filter(|warning| !says(authority, warning)) else {
        return;
    };
    events::warn(context, authority, ENDS_SOON, warning).await;
}

fn says(authority: &MtlsAuthority, warning: &str) -> bool {
    let conditions = authority.status.as_ref().map_or(&[][..], |status| &status.conditions);
    find(conditions, READY).is_some_and(|ready| ready.message.contains(warning))
}
