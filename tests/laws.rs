//! Laws of the decisions and of the index they are made from: a settled world plus one change gives exactly its own
//! answer.
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

#[path = "laws/api_server.rs"]
mod api_server;
#[path = "laws/authority_state.rs"]
mod authority_state;
#[path = "laws/blockers.rs"]
mod blockers;
#[path = "laws/bundle.rs"]
mod bundle;
#[path = "laws/bundle_store.rs"]
mod bundle_store;
#[path = "laws/clock_halt.rs"]
mod clock_halt;
#[path = "laws/clock_skew.rs"]
mod clock_skew;
#[path = "laws/decide/mod.rs"]
mod decide;
#[path = "laws/distrust.rs"]
mod distrust;
#[path = "laws/drop_distrusted.rs"]
mod drop_distrusted;
#[path = "laws/endpoint_slices.rs"]
mod endpoint_slices;
#[path = "laws/epochs.rs"]
mod epochs;
#[path = "laws/evidence.rs"]
mod evidence;
#[path = "laws/fairness.rs"]
mod fairness;
#[path = "laws/fixture.rs"]
mod fixture;
#[path = "laws/floor.rs"]
mod floor;
#[path = "laws/former_keys.rs"]
mod former_keys;
#[path = "laws/fresh_list.rs"]
mod fresh_list;
#[path = "laws/guarantees.rs"]
mod guarantees;
#[path = "laws/kept_objects.rs"]
mod kept_objects;
#[path = "laws/key_orders.rs"]
mod key_orders;
#[path = "laws/known_signers.rs"]
mod known_signers;
#[path = "laws/late_answers.rs"]
mod late_answers;
#[path = "laws/metrics.rs"]
mod metrics;
#[path = "laws/names.rs"]
mod names;
#[path = "laws/ownership.rs"]
mod ownership;
#[path = "laws/pace.rs"]
mod pace;
#[path = "laws/policy/mod.rs"]
mod policy;
#[path = "laws/probe_due.rs"]
mod probe_due;
#[path = "laws/probe_overdue.rs"]
mod probe_overdue;
#[path = "laws/probe_rate.rs"]
mod probe_rate;
#[path = "laws/probe_schedule.rs"]
mod probe_schedule;
#[path = "laws/probe_status.rs"]
mod probe_status;
#[path = "laws/probe_store.rs"]
mod probe_store;
#[path = "laws/probe_turns.rs"]
mod probe_turns;
#[path = "laws/probe_verdict.rs"]
mod probe_verdict;
#[path = "laws/profile.rs"]
mod profile;
#[path = "laws/provided_secret.rs"]
mod provided_secret;
#[path = "laws/queue.rs"]
mod queue;
#[path = "laws/quiet_period.rs"]
mod quiet_period;
#[path = "laws/read_back.rs"]
mod read_back;
#[path = "laws/requeue/mod.rs"]
mod requeue;
#[path = "laws/rollout.rs"]
mod rollout;
#[path = "laws/root/mod.rs"]
mod root;
#[path = "laws/root_load.rs"]
mod root_load;
#[path = "laws/root_transition.rs"]
mod root_transition;
#[path = "laws/rotation.rs"]
mod rotation;
#[path = "laws/rotation_progress.rs"]
mod rotation_progress;
#[path = "laws/rotation_timing.rs"]
mod rotation_timing;
#[path = "laws/scheduler/mod.rs"]
mod scheduler;
#[path = "laws/shared_secret.rs"]
mod shared_secret;
#[path = "laws/simulation.rs"]
mod simulation;
#[path = "laws/unknown_values.rs"]
mod unknown_values;
#[path = "laws/unread.rs"]
mod unread;
#[path = "laws/vocabulary.rs"]
mod vocabulary;
#[path = "laws/waiting.rs"]
mod waiting;
