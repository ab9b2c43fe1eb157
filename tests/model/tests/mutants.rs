//! Claim: the model detects what is broken. Each rule that is taken away, and each assumption that is broken, shows in a
//! broken promise; where two rules cover each other, only without both.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

use std::fs;
use std::path::Path;

use mtls_operator::plan::authority::safeguards::Safeguard;
use rotation_model::{Broken, Clocks, Mutation, Mutations, Scope, breaks, holds};

const PLAIN: Scope = Scope::PLAIN;
const ALONE: Scope = Scope::ALONE;
/// The first root ends, with as much left of it as a rotation needs.
const ENDING: Scope = Scope { first_end: 16, margin: 14, ..ALONE };

fn without(safeguards: &[Safeguard], scope: Scope) -> Scope {
    let weakened = safeguards.iter().fold(scope.safeguards, |all, one| all.without(*one));
    Scope { safeguards: weakened, ..scope }
}

/// Every consumer reloads its bundle: one that never does needs cross-certificates.
fn without_cross(scope: Scope) -> Scope {
    Scope { never_reloads: false, ..without(&[Safeguard::CrossCertificates], scope) }
}

fn with(mutation: Mutation, scope: Scope) -> Scope {
    Scope { mutations: Mutations::of(&[mutation]), ..scope }
}

#[test]
fn gate_and_wait_can_each_be_missed_while_there_are_cross_certificates() {
    for safeguard in [Safeguard::Gate, Safeguard::Wait] {
        holds(&format!("no {safeguard:?}"), without(&[safeguard], PLAIN));
        let what = format!("no {safeguard:?}, no cross-certificates");
        breaks(&what, Broken::I2, without_cross(without(&[safeguard], PLAIN)));
    }
    holds("no Gate, no Wait", without(&[Safeguard::Gate, Safeguard::Wait], PLAIN));
}

#[test]
fn without_cross_certificates_a_consumer_that_never_reloads_is_lost() {
    let never_reloads = Scope { never_reloads: true, ..without_cross(PLAIN) };
    breaks("no cross-certificates, a consumer that never reloads", Broken::I2, never_reloads);
}

#[test]
fn cross_certificates_that_end_with_the_rotation_help_no_consumer() {
    let dropped = Scope { never_reloads: false, ..without(&[Safeguard::LastingCrosses], PLAIN) };
    holds("cross-certificates dropped at Stable", dropped);
    for safeguard in [Safeguard::Gate, Safeguard::Wait] {
        let what = format!("cross-certificates dropped at Stable, no {safeguard:?}");
        breaks(&what, Broken::I2, without(&[safeguard], dropped));
    }
    let never_reloads = Scope { never_reloads: true, ..dropped };
    breaks("cross-certificates dropped at Stable, a consumer that never reloads", Broken::I2, never_reloads);
}

#[test]
fn a_former_root_is_needed_until_its_last_leaf_can_have_ended() {
    let observed = without(&[Safeguard::DrainBound], PLAIN);
    breaks("Draining ended by observation only", Broken::I2, observed);
    holds("the same, and no consumer keeps a leaf beyond propagation", Scope { keepers: false, ..observed });
    // S alone is as long as F and W, and covers them until a clock needs it.
    let late = without(&[Safeguard::LateLeaves], PLAIN);
    holds("drain bound without F + W, a replica with an old view", late);
    let late = Scope { clocks: Clocks::SecondAhead, ..late };
    breaks("drain bound without F + W, a replica with an old view and a fast clock", Broken::I2, late);
}

#[test]
fn lifetimes_are_recorded_before_they_are_used() {
    let longer = Scope { longer_leaves: true, ..ALONE };
    breaks(
        "a longer lifetime of leaves is not recorded",
        Broken::I2,
        without(&[Safeguard::RecordedLifetime], longer),
    );
}

#[test]
fn consumers_keep_to_propagation() {
    breaks(
        "staleness above propagation, no cross",
        Broken::I2,
        with(Mutation::SlowConsumers, without_cross(PLAIN)),
    );
    holds("staleness above propagation", with(Mutation::SlowConsumers, PLAIN));
}

/// Accepted: with two cross-certificates, verifiers that are in use refuse a chain whose signer they trust.
#[test]
fn a_consumer_that_never_reloads_is_carried_over_one_rotation() {
    holds("a consumer that never reloads, one rotation", ALONE);
    let two = Scope { rotations: 2, ..ALONE };
    breaks("a consumer that never reloads, two rotations", Broken::I2, two);
}

#[test]
fn a_cross_certificate_is_served_until_it_ends() {
    let what = "no cross-certificate is served that ends before the leaf";
    breaks(what, Broken::I2, with(Mutation::ServesNoCrossThatEndsEarly, ENDING));
}

#[test]
fn nothing_blocks_a_rotation_for_ever() {
    breaks("wait counted from the last write", Broken::Liveness, with(Mutation::WaitsSinceLastWrite, PLAIN));
    let paused = Scope { paused: true, ..ALONE };
    breaks("an expired leaf blocks Draining", Broken::Liveness, with(Mutation::ExpiredLeavesBlock, paused));
    let twice = Scope { rotations: 2, never_reloads: false, ..paused };
    let what = "an expired leaf proves that a root is lost";
    breaks(what, Broken::Liveness, with(Mutation::ExpiredLeavesAreEvidence, twice));
}

#[test]
fn a_secret_that_cannot_be_written_blocks_neither_the_switch_nor_the_end_for_ever() {
    let stuck = Scope { stuck: true, ..ENDING };
    let unforced = without(&[Safeguard::ForcedSwitch], stuck);
    breaks("an unwritable Secret holds the switch up for ever", Broken::Liveness, unforced);
    let what = "a Secret that lacks the new root keeps the former one";
    breaks(what, Broken::Liveness, with(Mutation::MissingTrustBlocks, stuck));
}

#[test]
fn a_root_is_created_only_where_none_can_have_been() {
    let restores = Scope { restores: true, roots: 3, ..PLAIN };
    breaks("a stale index shows no leaves", Broken::I11, with(Mutation::CreatesByStaleIndex, restores));
    breaks("nothing proves that a root is lost", Broken::I11, with(Mutation::NoEvidence, restores));
}

#[test]
fn a_signer_is_named_before_it_signs() {
    let restores = Scope { restores: true, roots: 3, status_lags: true, ..ALONE };
    let late = with(Mutation::NamesSignerAfterItsFirstLeaf, restores);
    breaks("a signer is named after its first leaf", Broken::I11, late);
    // Where the identity's status names it with the leaf, a process that uses what it has read just before signs with a root
    // that people, who had no warning, have overwritten.
    let prompt = Scope { status_lags: false, workloads: 1, ..late };
    breaks("a signer is named after its first leaf, and no status lags", Broken::Liveness, prompt);
}

#[test]
fn a_replica_uses_what_it_has_just_read() {
    breaks("it signs with a view of any age", Broken::I9, with(Mutation::SignsWithOldView, PLAIN));
    let restored = Scope { restores: true, roots: 3, ..ALONE };
    let what = "the only replica signs with a view of any age, the root Secret is restored";
    breaks(what, Broken::I9, with(Mutation::SignsWithOldView, restored));
    let refreshes = with(Mutation::RefreshesFromOldView, without_cross(PLAIN));
    breaks("it writes bundles from a view of any age, no cross", Broken::I2, refreshes);
}

#[test]
fn a_write_of_the_root_secret_names_the_version_that_was_read() {
    let slow = Scope { slow_root_writes: true, ..ALONE };
    // A root that has signed is overwritten: it is lost, and people must act.
    let unguarded = with(Mutation::UnguardedRootWrites, slow);
    breaks("a write of the root Secret names no version", Broken::Liveness, unguarded);
    let what = "a write of a leaf Secret names no version, no cross: it is over before the wait is";
    holds(what, with(Mutation::UnguardedLeafWrites, without_cross(PLAIN)));
}

#[test]
fn an_observation_must_be_complete() {
    let gate_only = without_cross(PLAIN);
    let what = "what was behind between two looks is forgotten, no cross";
    breaks(what, Broken::I2, with(Mutation::ForgetsBetweenLooks, gate_only));
    let interrupted = Scope { interruptions: true, ..gate_only };
    breaks(
        "what a watch has missed is ignored, no cross",
        Broken::I2,
        with(Mutation::IgnoresInterruptions, interrupted),
    );
    breaks(
        "no fresh list confirms the switch, no cross",
        Broken::I2,
        with(Mutation::Unconfirmed, interrupted),
    );
}

#[test]
fn a_leaf_stays_inside_its_signer() {
    breaks("leaves are not clamped", Broken::I8, with(Mutation::Unclamped, ENDING));
}

/// All that a test program of the operator is made of.
fn program(folder: &Path) -> String {
    let mut text = fs::read_to_string(folder.with_extension("rs")).unwrap_or_default();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        text += &program(&entry.unwrap().path().with_extension(""));
    }
    text
}

/// The mutations break lines of the model. That the operator's own lines hold is for these tests to show.
#[test]
fn a_test_of_the_operator_fails_without_each_rule() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let named: Vec<&str> = Mutation::ALL.into_iter().filter_map(Mutation::product_test).collect();
    assert_eq!(named.len(), Mutation::ALL.len() - 1, "SlowConsumers alone is an assumption about the world");
    for name in named {
        let (folder, test) = name.split_once("::").unwrap();
        let is_there = program(&tests.join(folder)).contains(&format!("fn {test}()"));
        assert!(is_there, "there is no test {name}");
    }
}

/// The cells of the table of mutations, without their quotes; the last one as it is.
fn rows() -> Vec<[&'static str; 4]> {
    let lines = include_str!("../src/mutation.rs").lines();
    let rows = lines.filter_map(|line| line.strip_prefix("//! | `")?.strip_suffix(" |"));
    let cells = |row: &'static str| {
        let mut cells = row.splitn(4, " | ");
        std::array::from_fn(|at| {
            let cell = cells.next().unwrap();
            if at < 3 { cell.trim_matches('`') } else { cell }
        })
    };
    rows.map(cells).collect()
}

/// A function of the operator, from its name to its end, as rustfmt indents it.
fn function<'a>(source: &'a str, name: &str) -> Option<&'a str> {
    let (before, after) = source.split_once(&format!("fn {name}("))?;
    let line = before.rsplit('\n').next().unwrap();
    let indent = &line[..line.len() - line.trim_start().len()];
    after.split(&format!("\n{indent}}}\n")).next()
}

/// One space for each that rustfmt may have made a line's end.
fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn each_rule_is_a_line_of_the_operator() {
    let rows = rows();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src");
    for [mutation, file, name, deleted] in &rows {
        let text = fs::read_to_string(source.join(file)).unwrap_or_default();
        let Some(body) = function(&text, name) else { panic!("{mutation}: there is no {name} in {file}") };
        for quoted in deleted.split('`').skip(1).step_by(2) {
            assert!(spaced(body).contains(quoted), "{mutation}: {name} in {file} lacks {quoted}");
        }
    }
    let named: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    for mutation in Mutation::ALL.into_iter().filter(|mutation| mutation.product_test().is_some()) {
        assert!(named.contains(&&*format!("{mutation:?}")), "the table lacks {mutation:?}");
    }
    assert_eq!(named.len(), Mutation::ALL.len() - 1, "SlowConsumers alone is no line: {named:?}");
}
