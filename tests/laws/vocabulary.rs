//! Every value of those labels of metrics that are enums with content. A new variant does not compile before it is here.

use std::time::Duration;

use mtls_operator::operator::error::Error;
use mtls_operator::pki::{IssueError, KeyError, LoadError, NoRandomness};
use mtls_operator::plan::authority::decision::RootPlan;
use mtls_operator::plan::authority::origin::Origin;
use mtls_operator::plan::authority::transition::{Cause, NextRoot, Transition};
use mtls_operator::plan::identity::decide::IssueReason;
use mtls_operator::plan::identity::world::LeafDefect;
use mtls_operator::runtime::skew::ClockProblem;
use test_support::objects::LEAF_DEFECTS;

pub fn every_cause() -> [IssueReason; 15] {
    let because = |number: usize| match number {
        0 => IssueReason::New,
        1 => IssueReason::Missing,
        2 => IssueReason::Adopted,
        3 => IssueReason::Changed,
        4 => IssueReason::Expired,
        5 => IssueReason::Requested,
        6 => IssueReason::Due,
        7 => IssueReason::Rotated,
        8 => IssueReason::Distrusted,
        damage => IssueReason::Damaged(LEAF_DEFECTS[damage - 9]),
    };
    std::array::from_fn(because)
}

/// Every error that is counted: one that only says that a key is not ready yet is none.
pub fn every_error() -> Vec<Error> {
    let what = || "get Secret".to_owned();
    let unreadable = serde_json::from_str::<u8>("").unwrap_err();
    vec![
        Error::Stale { what: what() },
        Error::Api { what: what(), source: Box::new(kube::Error::LinesCodecMaxLineLengthExceeded) },
        Error::Unreadable { what: what(), line: 0, column: 0 },
        Error::Timeout { what: what(), within: Duration::ZERO },
        Error::NotLeader { what: what() },
        Error::AuthorityPending("mesh".into()),
        Error::Clock(ClockProblem::NoServerTime),
        Error::Key(KeyError::Unsupported),
        Error::Randomness(NoRandomness),
        Error::Issue(IssueError::NotSigned),
        Error::Root(LoadError::KeyMismatch),
        Error::Probe(rustls::Error::EncryptError),
        Error::Serialise { what: what(), source: unreadable },
    ]
}

pub fn every_transition() -> [&'static str; 11] {
    let made = [RootPlan::Generate, RootPlan::Copy, RootPlan::Recover].map(|plan| plan.as_str());
    let changed = [
        Transition::Announce(Origin::Generated, Cause::Due),
        Transition::Withdraw,
        Transition::Switch { is_forced: false },
        Transition::Switch { is_forced: true },
        Transition::Succeed(NextRoot::New(Origin::Generated)),
        Transition::Drop(Vec::new()),
        Transition::Replace,
        Transition::RaiseMaxLeafTtl,
    ]
    .map(|transition| transition.as_str());
    std::array::from_fn(|number| made.iter().chain(&changed).nth(number).copied().unwrap())
}

/// Not called: each match names every variant, so that the compiler points here when one is missing above.
#[expect(dead_code, reason = "it only has to compile")]
fn nothing_is_missing(
    cause: IssueReason,
    damage: LeafDefect,
    error: &Error,
    plan: &RootPlan,
    transition: &Transition,
) {
    match cause {
        IssueReason::New
        | IssueReason::Missing
        | IssueReason::Adopted
        | IssueReason::Damaged(_)
        | IssueReason::Changed
        | IssueReason::Expired
        | IssueReason::Requested
        | IssueReason::Due
        | IssueReason::Rotated
        | IssueReason::Distrusted => {}
    }
    match damage {
        LeafDefect::CertificateUnreadable
        | LeafDefect::KeyUnreadable
        | LeafDefect::KeyMismatch
        | LeafDefect::Untrusted
        | LeafDefect::Unsound
        | LeafDefect::NotYetValid => {}
    }
    match error {
        Error::Stale { .. }
        | Error::Api { .. }
        | Error::Unreadable { .. }
        | Error::TooLarge { .. }
        | Error::Timeout { .. }
        | Error::NotLeader { .. }
        | Error::AuthorityPending(_)
        | Error::Clock(_)
        | Error::KeyPending
        | Error::Key(_)
        | Error::Randomness(_)
        | Error::Issue(_)
        | Error::Root(_)
        | Error::Probe(_)
        | Error::Serialise { .. } => {}
    }
    is_complete(plan, transition);
}

/// The same. Two of the plans change no root.
const fn is_complete(plan: &RootPlan, transition: &Transition) {
    match plan {
        RootPlan::Generate
        | RootPlan::Copy
        | RootPlan::Recover
        | RootPlan::Change { .. }
        | RootPlan::Keep
        | RootPlan::AddEvidenceKey => {}
    }
    match transition {
        Transition::Announce(..)
        | Transition::Withdraw
        | Transition::Switch { .. }
        | Transition::Succeed(_)
        | Transition::Drop(_)
        | Transition::Replace
        | Transition::RaiseMaxLeafTtl => {}
    }
}
