//! Laws of the decision on an identity. Here: how a test decides, and the plans and conditions that it compares with.

mod changes;
mod refusals;
mod renewals;
mod without_signer;

use jiff::{SignedDuration, Timestamp};
use mtls_operator::plan::identity::decide::{Decision, IssueReason, Plan, decide};
use mtls_operator::plan::identity::ready::{ReadyReason, Refusal};
use mtls_operator::plan::identity::world::NotReady;

use super::fixture::{Case, HOUR, NOW};

const SECOND: SignedDuration = SignedDuration::from_secs(1);

fn decision(case: &Case) -> Decision {
    decide(&case.world(), NOW + HOUR)
}

fn at(case: &Case, now: Timestamp) -> Decision {
    decide(&case.world(), now)
}

fn issue(because: IssueReason) -> Plan {
    Plan::Issue { because, over: Some("7".into()) }
}

fn create(because: IssueReason) -> Plan {
    Plan::Issue { because, over: None }
}

fn refresh() -> Plan {
    Plan::Refresh { over: "7".into() }
}

/// Ready, Stalled and the reason, as a user reads them.
fn stands(decision: &Decision) -> (bool, bool, ReadyReason) {
    (decision.ready.ready, decision.ready.stalled, decision.ready.reason)
}

const ISSUED: (bool, bool, ReadyReason) = (true, false, ReadyReason::Issued);
const ISSUING: (bool, bool, ReadyReason) = (false, false, ReadyReason::Issuing);
const PAUSED: (bool, bool, ReadyReason) = (true, false, ReadyReason::Paused);
const STUCK: (bool, bool, ReadyReason) = (false, true, ReadyReason::Paused);
const WAITING: (bool, bool, ReadyReason) = (false, false, ReadyReason::AuthorityNotReady);

fn unready(case: &mut Case) {
    case.signer = Err(NotReady("the root is lost".into()));
}

fn unknown_authority(case: &mut Case) {
    case.terms = None;
    unready(case);
}

fn refuse(case: &mut Case, refusal: Refusal) {
    case.terms.as_mut().unwrap().entitlement = Err(refusal);
}
