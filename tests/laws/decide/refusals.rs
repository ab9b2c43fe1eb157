//! Identities that get no leaf: paused, refused, or with a Secret that is not theirs. Trust still reaches them.

use mtls_operator::plan::identity::decide::Plan;
use mtls_operator::plan::identity::ready::{ReadyReason, Refusal};
use mtls_operator::plan::identity::world::{LeafDefect, SecretState};

use super::{PAUSED, STUCK, at, decision, refresh, refuse, stands, unready};
use crate::fixture::{Case, DAY, NOW};

#[test]
fn a_paused_identity_gets_no_leaf_whatever_happens() {
    type Row = (&'static str, fn(&mut Case), (bool, bool, ReadyReason));
    let rows: [Row; 6] = [
        ("Secret gone", |c| c.secret = SecretState::Absent, STUCK),
        ("damaged", |c| c.held().leaf = Err(LeafDefect::KeyMismatch), STUCK),
        ("changed", |c| c.held().matches_profile = false, STUCK),
        ("a former identity's", |c| c.held().carries_uid = false, STUCK),
        ("renewal asked", |c| c.asked.renew_request = Some("1".into()), PAUSED),
        ("due", |c| c.leaf().issued_at = NOW - DAY * 9, PAUSED),
    ];
    for (name, change, ready) in rows {
        let mut case = Case::changed(change);
        case.asked.paused = true;
        let decision = decision(&case);
        assert_eq!((decision.plan.clone(), stands(&decision)), (Plan::Keep, ready), "{name}");
        assert_eq!(decision.renewal, None, "{name}: a renewal is announced");
    }
}

#[test]
fn trust_reaches_paused_and_refused_identities_without_a_new_key() {
    let changes: [fn(&mut Case); 3] = [
        |case| case.asked.paused = true,
        |case| refuse(case, Refusal::NotPermitted("no grant".into())),
        |case| refuse(case, Refusal::Invalid("too long".into())),
    ];
    for change in changes {
        let mut case = Case::changed(change);
        case.held().trust = Some("t0".into());
        assert_eq!(decision(&case).plan, refresh());
        case.held().carries_uid = false;
        assert_eq!(decision(&case).plan, Plan::Keep, "a Secret that is not its own is not refreshed");
    }
}

#[test]
fn a_refusal_stalls_and_no_leaf_is_issued() {
    let rows = [
        (Refusal::NotPermitted("a".into()), ReadyReason::NotPermitted),
        (Refusal::Invalid("a".into()), ReadyReason::Invalid),
        (Refusal::SecretConflict("a".into()), ReadyReason::SecretConflict),
    ];
    for (refusal, reason) in rows {
        for secret in [Case::settled().secret, SecretState::Absent] {
            let mut case = Case::settled();
            case.secret = secret;
            refuse(&mut case, refusal.clone());
            let decision = decision(&case);
            assert_eq!((decision.plan.clone(), stands(&decision)), (Plan::Keep, (false, true, reason)));
            assert_eq!(decision.ready.message, "a");
        }
    }
}

#[test]
fn a_foreign_secret_is_never_touched_and_reported_before_every_other_problem() {
    let mut case = Case::changed(|case| case.secret = SecretState::Foreign("it is foreign".into()));
    case.asked.renew_request = Some("1".into());
    refuse(&mut case, Refusal::Invalid("too long".into()));
    unready(&mut case);
    for now in [NOW, NOW + DAY * 400] {
        let decision = at(&case, now);
        assert_eq!(
            (decision.plan.clone(), stands(&decision)),
            (Plan::Keep, (false, true, ReadyReason::SecretConflict))
        );
        assert_eq!(decision.ready.message, "it is foreign");
    }
}
