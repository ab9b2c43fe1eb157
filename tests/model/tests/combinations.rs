//! Claim: faults that break no promise alone break none in combination. Each combination is explored with as few
//! identities and roots as show it; with `MTLS_PROOF=1` larger ones, too.

use rotation_model::{Clocks, Scope, SecondReplica, hold_at_full_size, holds};

/// Two replicas that both lead, one identity.
const BOTH: Scope = Scope { second: SecondReplica::Leads, workloads: 1, max_in_flight: 0, ..Scope::PLAIN };
const LATE: Scope = Scope { workloads: 2, max_in_flight: 1, ..BOTH };
/// One replica, one identity, two rotations. A consumer that never reloads is lost with the second.
const TWICE: Scope = Scope { workloads: 1, rotations: 2, never_reloads: false, ..Scope::ALONE };
const THREE: Scope = Scope { workloads: 3, ..Scope::ALONE };

const fn slow(scope: Scope) -> Scope {
    Scope { slow_root_writes: true, ..scope }
}

/// Consumers keep to `propagation` where root Secrets are restored and where clocks step, as in `protocol`.
const fn restored(scope: Scope) -> Scope {
    Scope { restores: true, keepers: false, roots: 3, ..scope }
}

const fn stepping(scope: Scope) -> Scope {
    Scope { clocks: Clocks::Step, keepers: false, ..scope }
}

const fn interrupted(scope: Scope) -> Scope {
    Scope { interruptions: true, ..scope }
}

/// Where a first root can be lost on its way, nothing says which one a consumer that never reloads has loaded.
const fn empty(scope: Scope) -> Scope {
    Scope { begins_empty: true, never_reloads: false, ..scope }
}

const fn deleted(scope: Scope) -> Scope {
    Scope { deletions: true, ..scope }
}

#[test]
fn two_replicas_that_both_lead_do_no_harm_whatever_goes_wrong_besides() {
    holds("two lead, slow writes of the root Secret", slow(BOTH));
    holds("two lead, the root Secret is deleted and restored", Scope { roots: 1, ..restored(BOTH) });
    holds("two lead, clocks step", stepping(BOTH));
    holds("two lead, interrupted watches", interrupted(BOTH));
    hold_at_full_size(&[
        ("two lead, slow writes of the root Secret, late writes", slow(LATE)),
        (
            "two lead, the root Secret is deleted and restored, one rotation",
            Scope { roots: 2, ..restored(BOTH) },
        ),
        ("two lead, clocks step, late writes", stepping(LATE)),
        ("two lead, interrupted watches, late writes", interrupted(LATE)),
        (
            "two lead, slow writes of a root Secret that is deleted and restored",
            slow(Scope { roots: 1, ..restored(BOTH) }),
        ),
    ]);
}

#[test]
fn two_replicas_that_both_lead_make_one_root() {
    holds("two lead, no root at first", empty(BOTH));
    holds("two lead, no root at first, slow writes of the root Secret", slow(empty(BOTH)));
    hold_at_full_size(&[
        ("two lead, no root at first, late writes", empty(LATE)),
        ("two lead, no root at first, slow and late writes", slow(empty(LATE))),
    ]);
}

#[test]
fn interrupted_watches_do_no_harm_whatever_goes_wrong_besides() {
    holds("interrupted watches, two rotations", interrupted(TWICE));
    let one = Scope { workloads: 1, ..Scope::ALONE };
    holds("interrupted watches, Secrets are deleted", interrupted(deleted(one)));
    holds("interrupted watches, the clock steps", interrupted(stepping(one)));
    let two = Scope { workloads: 2, ..TWICE };
    hold_at_full_size(&[
        ("interrupted watches, two rotations, two identities", interrupted(two)),
        ("interrupted watches, Secrets are deleted, two identities", interrupted(deleted(Scope::ALONE))),
        ("interrupted watches, clocks step, a second replica signs", interrupted(stepping(Scope::PLAIN))),
    ]);
}

#[test]
fn an_identity_that_cannot_be_written_or_is_paused_does_no_harm_in_two_rotations() {
    let paused = Scope { paused: true, ..TWICE };
    holds("an identity is paused, two rotations", paused);
    let stuck = Scope { stuck: true, ..restored(TWICE) };
    holds("a Secret may become unwritable, restores, one rotation", Scope { rotations: 1, ..stuck });
    hold_at_full_size(&[
        ("an identity is paused, two rotations, two identities", Scope { workloads: 2, ..paused }),
        ("a Secret may become unwritable, restores, two rotations", stuck),
    ]);
}

#[test]
fn with_three_identities_every_promise_holds() {
    holds("three identities, the root Secret is deleted and restored", Scope { roots: 1, ..restored(THREE) });
    hold_at_full_size(&[
        (
            "three identities, the root Secret is deleted and restored, one rotation",
            Scope { roots: 2, ..restored(THREE) },
        ),
        ("three identities, the clock of the only replica steps", stepping(THREE)),
    ]);
}
