//! Claim: whatever goes wrong, and whenever, a rotation breaks no connection, and comes to its end. Small scopes are
//! explored whole; with `MTLS_PROOF=1` larger ones, too. What goes wrong together with something else is in `combinations`.

use mtls_operator::plan::authority::safeguards::{Safeguard, Safeguards};
use rotation_model::{Clocks, PLAIN_LEAF, Scope, SecondReplica, hold_at_full_size, holds};

const PLAIN: Scope = Scope::PLAIN;
const ALONE: Scope = Scope::ALONE;
/// Two rotations. A consumer that never reloads is lost with the second.
const TWICE: Scope = Scope { rotations: 2, never_reloads: false, ..PLAIN };
const TWICE_ALONE: Scope = Scope { rotations: 2, never_reloads: false, ..ALONE };
/// The gate alone, for verifiers that mishandle cross-certificates. A consumer that never reloads is lost then.
const NO_CROSS: Safeguards = Safeguards::ALL.without(Safeguard::CrossCertificates);

/// The same, held by the gate alone.
const fn without_cross(scope: Scope) -> Scope {
    Scope { never_reloads: false, safeguards: NO_CROSS, ..scope }
}

#[test]
fn a_replica_with_an_old_view_and_late_writes_does_no_harm() {
    holds("two workloads, one rotation", PLAIN);
    holds("the same without cross-certificates", without_cross(PLAIN));
    let three = Scope { workloads: 3, ..PLAIN };
    hold_at_full_size(&[
        ("three workloads without cross-certificates", without_cross(three)),
        ("three workloads, two writes under way", Scope { max_in_flight: 2, ..three }),
    ]);
}

#[test]
fn leaves_that_live_for_three_times_propagation_or_less_do_no_harm() {
    let leaf = |scope| Scope { leaf: PLAIN_LEAF, ..scope };
    holds("leaves of three times propagation, one replica", leaf(ALONE));
    holds("the same, two rotations", leaf(TWICE_ALONE));
    hold_at_full_size(&[
        ("leaves of three times propagation", leaf(PLAIN)),
        ("the same, two replicas that both lead", leaf(Scope { second: SecondReplica::Leads, ..PLAIN })),
        ("the same, two rotations", leaf(TWICE)),
    ]);
}

#[test]
fn a_second_rotation_does_no_harm() {
    holds("two rotations, one replica", TWICE_ALONE);
    holds("the same without cross-certificates", without_cross(TWICE_ALONE));
    hold_at_full_size(&[
        ("two rotations without cross-certificates", without_cross(TWICE)),
        ("two rotations, three workloads", Scope { workloads: 3, ..TWICE }),
        ("two rotations, Secrets are deleted", Scope { deletions: true, ..TWICE }),
    ]);
}

#[test]
fn nothing_rests_on_the_election() {
    let both = Scope { second: SecondReplica::Leads, ..PLAIN };
    holds("two replicas that both lead", both);
    hold_at_full_size(&[
        ("the same without cross-certificates", without_cross(both)),
        ("two replicas that both lead, two rotations", Scope { rotations: 2, never_reloads: false, ..both }),
    ]);
}

#[test]
fn slow_writes_of_the_root_secret_do_no_harm() {
    let slow = |scope| Scope { slow_root_writes: true, ..scope };
    holds("slow writes of the root Secret, one replica", slow(ALONE));
    hold_at_full_size(&[("slow writes of the root Secret", slow(PLAIN))]);
}

/// A clock that is ahead when a leaf is signed, behind at the switch and ahead when the former root is dropped, costs a
/// former leaf the end of its time; by then no consumer that keeps to `propagation` has it. So consumers do keep to it
/// wherever clocks step, and a consumer that goes on with a leaf until it ends is left out.
#[test]
fn clocks_that_differ_do_no_harm() {
    let step = |scope| Scope { clocks: Clocks::Step, keepers: false, ..scope };
    holds("the clock of the only replica steps", step(ALONE));
    let second = |clocks| Scope { clocks, ..PLAIN };
    hold_at_full_size(&[
        ("the clock of the only replica steps, two rotations", step(TWICE_ALONE)),
        ("the second replica's clock is ahead", second(Clocks::SecondAhead)),
        ("the second replica's clock is behind", second(Clocks::SecondBehind)),
        ("clocks step", step(PLAIN)),
        ("clocks step, two rotations, one identity", step(Scope { workloads: 1, ..TWICE })),
    ]);
}

#[test]
fn watches_that_are_interrupted_do_no_harm() {
    let interrupted = Scope { interruptions: true, ..PLAIN };
    holds("interrupted watches, no cross-certificates", without_cross(interrupted));
}

#[test]
fn secrets_that_are_deleted_do_no_harm() {
    let deleted = |scope| without_cross(Scope { deletions: true, ..scope });
    holds("Secrets are deleted, one replica, no cross-certificates", deleted(ALONE));
    hold_at_full_size(&[("Secrets are deleted, no cross-certificates", deleted(PLAIN))]);
}

#[test]
fn paused_identities_block_no_rotation() {
    let paused = |scope| Scope { paused: true, ..scope };
    holds("an identity is paused, one replica", paused(ALONE));
    hold_at_full_size(&[("an identity is paused", paused(PLAIN))]);
}

#[test]
fn a_longer_lifetime_does_no_harm() {
    let longer = |scope| Scope { longer_leaves: true, ..scope };
    holds("the lifetime of leaves is raised, one replica", longer(ALONE));
    hold_at_full_size(&[("the lifetime of leaves is raised", longer(PLAIN))]);
}

#[test]
fn a_root_is_made_where_there_was_none_and_once() {
    holds("no root at first", Scope { begins_empty: true, ..PLAIN });
}

/// Consumers keep to `propagation` here, too. A consumer that keeps a leaf to its end can lose by it: an older root Secret
/// that was restored signs on, and the later one that people put back then knows nothing of those leaves. Left out are these
/// consumers, and no promise: I9 holds, too, since a restore changes the signer as a switch does, and F + W begin with it.
#[test]
fn a_lost_root_is_never_silently_replaced() {
    let restores = Scope { restores: true, keepers: false, roots: 3, ..ALONE };
    let lag = Scope { status_lags: true, ..restores };
    holds(
        "the root Secret is deleted and restored, statuses lag, one identity",
        Scope { workloads: 1, ..lag },
    );
    holds("the root Secret is deleted and restored, one replica", restores);
    let twice = Scope { rotations: 2, never_reloads: false, ..restores };
    let one = Scope { workloads: 1, ..twice };
    hold_at_full_size(&[
        ("the root Secret is deleted and restored, statuses lag", lag),
        ("the root Secret is deleted and restored, two rotations", twice),
        ("the same with one identity, statuses lag", Scope { status_lags: true, ..one }),
        ("the same with one identity, and a further root", Scope { roots: 4, ..one }),
        (
            "the root Secret is deleted and restored, a second replica signs",
            Scope { second: SecondReplica::Signs, ..restores },
        ),
    ]);
}

#[test]
fn a_status_that_was_not_written_proves_no_loss() {
    let lag = |scope| Scope { status_lags: true, ..scope };
    holds("statuses lag behind Secrets, one replica", lag(ALONE));
    holds(
        "the clock of the only replica steps, statuses lag",
        Scope { clocks: Clocks::Step, keepers: false, workloads: 1, ..lag(ALONE) },
    );
    hold_at_full_size(&[
        ("statuses lag behind Secrets, two rotations", lag(TWICE_ALONE)),
        ("statuses lag behind Secrets, a second replica signs", lag(PLAIN)),
    ]);
}

#[test]
fn a_secret_that_cannot_be_written_blocks_no_rotation_for_ever() {
    let stuck = |scope| Scope { first_end: 16, margin: 14, stuck: true, ..scope };
    holds("the first root ends, and a Secret may become unwritable, one replica", stuck(ALONE));
    hold_at_full_size(&[("the first root ends, and a Secret may become unwritable", stuck(PLAIN))]);
}

#[test]
fn steps_that_are_spread_over_time_do_no_harm() {
    holds("each step is spread", Scope { spread: 2, ..PLAIN });
}
