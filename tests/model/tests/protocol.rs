//! Claim: whatever goes wrong, and whenever, a rotation breaks no connection, and comes to its end. Small worlds are
//! explored whole; with `MTLS_PROOF=1` larger ones, too.

use mtls_operator::plan::safeguards::{Safeguard, Safeguards};
use rotation_model::{Clocks, Scope, Second, holds, is_proof};

const PLAIN: Scope = Scope::PLAIN;
/// The gate alone, for verifiers that mishandle cross-certificates. Whoever never reloads is lost then.
const NO_CROSS: Scope =
    Scope { stubborn: false, safeguards: Safeguards::ALL.without(Safeguard::CrossCertificates), ..PLAIN };

#[test]
fn a_replica_with_an_old_view_and_late_writes_does_no_harm() {
    holds("two workloads, one rotation", PLAIN);
    holds("the same without cross-certificates", NO_CROSS);
}

#[test]
fn nothing_rests_on_the_election() {
    holds("two replicas that both lead", Scope { second: Second::Leads, ..PLAIN });
    holds("the same without cross-certificates", Scope { second: Second::Leads, ..NO_CROSS });
}

#[test]
fn slow_writes_of_the_root_secret_do_no_harm() {
    let slow = Scope { slow_root_writes: true, ..PLAIN };
    holds("slow writes of the root Secret", slow);
}

#[test]
fn clocks_that_differ_do_no_harm() {
    holds("the second replica's clock is ahead", Scope { clocks: Clocks::SecondAhead, ..PLAIN });
    holds("the second replica's clock is behind", Scope { clocks: Clocks::SecondBehind, ..PLAIN });
}

#[test]
fn watches_that_are_interrupted_do_no_harm() {
    holds("interrupted watches, no cross-certificates", Scope { interruptions: true, ..NO_CROSS });
}

#[test]
fn secrets_that_are_deleted_do_no_harm() {
    holds("Secrets are deleted", Scope { deletions: true, ..PLAIN });
    holds("the same without cross-certificates", Scope { deletions: true, ..NO_CROSS });
}

#[test]
fn paused_identities_hold_nobody_up() {
    holds("an identity is paused", Scope { paused: true, ..PLAIN });
}

#[test]
fn a_lost_root_is_never_silently_replaced() {
    holds("no root at first", Scope { begins_empty: true, ..PLAIN });
    let alone = Scope { second: Second::Absent, flights: 0, restores: true, roots: 3, ..PLAIN };
    holds("the root Secret is deleted and restored", alone);
}

#[test]
fn whoever_cannot_be_written_holds_nobody_up_for_ever() {
    let alone = Scope { second: Second::Absent, flights: 0, first_end: 24, margin: 14, ..PLAIN };
    holds("the first root ends", alone);
    holds("the first root ends, and a Secret cannot be written", Scope { stuck: true, ..alone });
}

#[test]
fn steps_that_are_spread_over_time_do_no_harm() {
    holds("each step is spread", Scope { spread: 2, ..PLAIN });
}

#[test]
fn larger_worlds_hold_too() {
    if !is_proof() {
        return;
    }
    let two = Scope { rotations: 2, ..PLAIN };
    let restores = Scope { restores: true, roots: 3, ..PLAIN };
    let finite = Scope { first_end: 24, margin: 14, ..PLAIN };
    let rows = [
        ("two rotations", two),
        ("two rotations without cross-certificates", Scope { rotations: 2, ..NO_CROSS }),
        ("three workloads", Scope { workloads: 3, ..PLAIN }),
        ("three workloads, two rotations", Scope { workloads: 3, ..two }),
        ("three workloads, two writes under way", Scope { workloads: 3, flights: 2, ..PLAIN }),
        ("two rotations, both replicas lead", Scope { second: Second::Leads, ..two }),
        ("two rotations, deletions", Scope { deletions: true, ..two }),
        ("the lifetime of leaves is raised", Scope { longer_leaves: true, ..PLAIN }),
        ("clocks step", Scope { clocks: Clocks::Step, keepers: false, ..PLAIN }),
        ("the root Secret is restored, two replicas", restores),
        ("the first root ends, two replicas", finite),
        ("a Secret cannot be written, two replicas", Scope { stuck: true, ..finite }),
    ];
    for (what, scope) in rows {
        holds(what, scope);
    }
}
