//! Laws of the state that a process keeps for an authority: it belongs to one object, and is removed with it.

use std::time::Duration;

use jiff::SignedDuration;
use mtls_operator::api::MtlsAuthority;
use mtls_operator::api::authority::Phase;
use mtls_operator::operator::authority::outcome::Applied;
use mtls_operator::operator::authority::rotation::quiet_period::Lag;
use mtls_operator::operator::authority::state::AuthorityStates;

use super::fixture::authority;
use super::requeue::issuer_entry;

fn with_uid(uid: &str) -> MtlsAuthority {
    let mut authority = authority();
    authority.metadata.uid = Some(uid.to_owned());
    authority
}

/// For how long nothing has lagged in the rotation of an authority, at this second.
fn quiet_for(states: &mut AuthorityStates, authority: &MtlsAuthority, second: u64) -> Option<SignedDuration> {
    let (now, lag) = (Duration::from_secs(second), Lag { is_behind: false, was_behind: false });
    let quiet_period = &mut states.of(authority).quiet_period;
    quiet_period.observe(Phase::Announced, &issuer_entry(), lag, now).quiet_for
}

#[test]
fn no_quiet_period_outlives_its_authority_or_the_leadership() {
    type Event = (fn(&mut AuthorityStates), &'static str);
    let nothing = Some(SignedDuration::ZERO);
    let events: [Event; 4] = [
        (|_| (), "another"),
        (|states| states.remove("mesh"), "first"),
        (|states| states.step_down(), "first"),
        (|_| (), "first"),
    ];
    for ((happens, uid), expected) in
        events.into_iter().zip([nothing, nothing, nothing, Some(SignedDuration::from_secs(9))])
    {
        let mut states = AuthorityStates::default();
        assert_eq!(quiet_for(&mut states, &with_uid("first"), 1), nothing);
        happens(&mut states);
        assert_eq!(quiet_for(&mut states, &with_uid(uid), 10), expected, "{uid}");
    }
}

#[test]
fn a_change_that_no_event_tells_of_yet_is_kept_while_another_replica_leads() {
    let (mut states, authority) = (AuthorityStates::default(), with_uid("first"));
    let applied = Applied { transition: "Switch", warning: None };
    states.of(&authority).unreported.push(applied.clone());
    states.of(&authority).logged_reason = Some("Ready");
    states.step_down();
    let state = states.of(&authority);
    assert_eq!((&state.unreported, state.logged_reason), (&vec![applied], None));
}
