//! Laws of the decisions and of the memory they are made from: a settled world plus one change gives exactly its
//! own answer.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking, also in what its functions share; literals are handed over as they are"
)]
#![allow(
    clippy::redundant_closure_for_method_calls,
    reason = "a method of a type with a lifetime is not general enough to be named instead"
)]

#[path = "support/properties.rs"]
mod properties;

#[path = "laws/answers.rs"]
mod answers;
#[path = "laws/attention.rs"]
mod attention;
#[path = "laws/belonging.rs"]
mod belonging;
#[path = "laws/board.rs"]
mod board;
#[path = "laws/bundle.rs"]
mod bundle;
#[path = "laws/bundles.rs"]
mod bundles;
#[path = "laws/course.rs"]
mod course;
#[path = "laws/decide.rs"]
mod decide;
#[path = "laws/distrust.rs"]
mod distrust;
#[path = "laws/fixture.rs"]
mod fixture;
#[path = "laws/former_keys.rs"]
mod former_keys;
#[path = "laws/halt.rs"]
mod halt;
#[path = "laws/input.rs"]
mod input;
#[path = "laws/lookout.rs"]
mod lookout;
#[path = "laws/metrics.rs"]
mod metrics;
#[path = "laws/names.rs"]
mod names;
#[path = "laws/policy.rs"]
mod policy;
#[path = "laws/probes.rs"]
mod probes;
#[path = "laws/profile.rs"]
mod profile;
#[path = "laws/read_back.rs"]
mod read_back;
#[path = "laws/riddance.rs"]
mod riddance;
#[path = "laws/root.rs"]
mod root;
#[path = "laws/root_change.rs"]
mod root_change;
#[path = "laws/root_secret.rs"]
mod root_secret;
#[path = "laws/rotation.rs"]
mod rotation;
#[path = "laws/serving.rs"]
mod serving;
#[path = "laws/sight.rs"]
mod sight;
#[path = "laws/skew.rs"]
mod skew;
#[path = "laws/slices.rs"]
mod slices;
#[path = "laws/steps.rs"]
mod steps;
#[path = "laws/suspects.rs"]
mod suspects;
#[path = "laws/unread.rs"]
mod unread;
