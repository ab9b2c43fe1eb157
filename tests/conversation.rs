//! What the operator says to the API server, call by call: enough, and not one call more.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]
#![allow(clippy::large_futures, reason = "the whole operator lies in the future of a test")]

#[path = "conversation/api_faults.rs"]
mod api_faults;
#[path = "conversation/at_work.rs"]
mod at_work;
#[path = "conversation/audit.rs"]
mod audit;
#[path = "conversation/blockers.rs"]
mod blockers;
#[path = "conversation/bundle.rs"]
mod bundle;
#[path = "conversation/clock.rs"]
mod clock;
#[path = "conversation/distrust.rs"]
mod distrust;
#[path = "conversation/evidence.rs"]
mod evidence;
#[path = "conversation/inputs.rs"]
mod inputs;
#[path = "conversation/issuing.rs"]
mod issuing;
#[path = "conversation/left_behind.rs"]
mod left_behind;
#[path = "conversation/lists.rs"]
mod lists;
#[path = "conversation/loops.rs"]
mod loops;
#[path = "conversation/many_keys.rs"]
mod many_keys;
#[path = "conversation/many_pods.rs"]
mod many_pods;
#[path = "conversation/metrics.rs"]
mod metrics;
#[path = "conversation/other_writers.rs"]
mod other_writers;
#[path = "conversation/pods.rs"]
mod pods;
#[path = "conversation/provided.rs"]
mod provided;
#[path = "conversation/races.rs"]
mod races;
#[path = "conversation/read_back.rs"]
mod read_back;
#[path = "conversation/refusals.rs"]
mod refusals;
#[path = "conversation/relisting.rs"]
mod relisting;
#[path = "conversation/root_keys.rs"]
mod root_keys;
#[path = "conversation/rotating_condition.rs"]
mod rotating_condition;
#[path = "conversation/rotation.rs"]
mod rotation;
#[path = "conversation/serving.rs"]
mod serving;
#[path = "conversation/shutdown.rs"]
mod shutdown;
#[path = "conversation/spread_rollout.rs"]
mod spread_rollout;
#[path = "conversation/unread_bundles.rs"]
mod unread_bundles;
