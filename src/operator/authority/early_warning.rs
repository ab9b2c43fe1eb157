//! What people must see to though an authority signs: the condition `Ready` has it as long as it holds, and one Event
//! tells of it.

use crate::api::MtlsAuthority;
use crate::api::conditions::{READY, Verdict, find};
use crate::operator::context::Context;
use crate::operator::events;
use crate::plan::authority::decision::RootDecision;

/// Reason of the Event: the signer ends soon, and only people can replace it.
const ENDS_SOON: &str = "EndsSoon";

/// Tells of a warning that the authority, as it was before this look, has not said yet. What a condition says outlives the
/// process, so that a restart tells nothing twice.
pub async fn forewarn(context: &Context, authority: &MtlsAuthority, decision: &RootDecision) {
    let Some(warning) = decision.warning.as_ref().filter(|warning| !has_said(authority, warning)) else {
        return;
    };
    let verdict = Verdict { reason: ENDS_SOON, message: warning.clone(), ..decision.verdict() };
    events::warn(context, authority, &verdict).await;
}

fn has_said(authority: &MtlsAuthority, what: &str) -> bool {
    let conditions = authority.status.as_ref().map_or(&[][..], |status| &status.conditions);
    find(conditions, READY).is_some_and(|ready| ready.message.contains(what))
}
