//! Claim: the root Secret of the model is the one that the operator writes. After each of thousands of random steps the
//! operator's Secret, with real certificates, is loaded and compared with the model's: the roots and what is known of them,
//! the number of certificates, the decision that follows, the chain that is served, and the verdict of verifiers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]
#![allow(clippy::print_stdout, reason = "it says with which seed it ran, and what it has seen")]

mod abstraction;
mod compare;
mod pair;
mod recycle;
mod walk;

use std::cell::RefCell;
use std::collections::BTreeMap;

use mtls_operator::plan::authority::origin::Origin;
use mtls_operator::plan::authority::transition::{Cause, Transition};
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};
use rotation_model::Scope;
use rotation_model::time::PROPAGATION;
use test_support::properties::cases;
use test_support::rng::{SEED, is_usual_seed};

use pair::Pair;
use walk::{steps, walk};

/// Runs of each world.
const CASES: u32 = 24;

/// Steps that must happen often, so that the runs show something.
const STEPS: [&str; 8] =
    ["Announce", "Withdraw", "Switch", "SwitchForced", "Succeed", "Drop", "RaiseMaxLeafTtl", "Distrust"];

/// Each part of the run takes other steps.
fn compare(what: &str, part: u64, scope: Scope, is_ahead: bool) {
    let rng_seed = RngSeed::Fixed(SEED.wrapping_add(part));
    let mut runner = TestRunner::new(Config { rng_seed, ..cases(env!("CARGO_CRATE_NAME"), CASES) });
    let taken = RefCell::new(BTreeMap::new());
    let found = runner.run(&vec(any::<(u8, u8)>(), 0..80), |choices| {
        walk(&mut Pair::new(scope), &choices, is_ahead, &mut taken.borrow_mut());
        Ok(())
    });
    if let Err(TestError::Fail(why, choices)) = found {
        let told = steps(&mut Pair::new(scope), &choices, is_ahead);
        panic!("{what}: {why} after {told:#?}");
    }
    let taken = taken.into_inner();
    println!("differential: {what}: MTLS_SEED={}, {CASES} runs: {taken:?}", *SEED);
    let is_rare = |step: &&str| taken.get(step).is_none_or(|count| *count < 5);
    let rare: Vec<&str> = STEPS.into_iter().filter(is_rare).collect();
    assert!(rare.is_empty() || !is_usual_seed(), "{rare:?} in {taken:?}");
}

#[test]
fn each_transition_writes_what_the_model_says() {
    compare("the first root does not end", 1, Scope { spread: 2, ..Scope::ALONE }, false);
}

#[test]
fn a_root_that_ends_is_replaced_as_the_model_says() {
    compare("the first root ends", 2, Scope { first_end: 14, margin: 14, ..Scope::ALONE }, false);
}

#[test]
fn a_replica_whose_clock_is_ahead_writes_what_the_model_says() {
    compare("clocks are ahead", 3, Scope { spread: 2, ..Scope::ALONE }, true);
}

/// One rotation after another, while no former root has ended: a part that grew with each would show in the counts.
#[test]
fn after_many_rotations_the_secret_and_the_chain_hold_what_the_model_says() {
    let mut pair = Pair::new(Scope::ALONE);
    for _ in 0..24 {
        pair.asked += 1;
        pair.make_transition(&Transition::Announce(Origin::Generated, Cause::Requested), 0);
        pair.assert_same();
        pair.pass_time(PROPAGATION);
        pair.make_transition(&Transition::Switch { is_forced: false }, 0);
        pair.assert_same();
        let former = pair.ca.retiring[0].unwrap();
        pair.pass_time(former.until);
        pair.make_transition(&Transition::Drop(vec![rotation_model::facts::fingerprint(former.root)]), 0);
        pair.assert_same();
        pair.recycle();
    }
}
