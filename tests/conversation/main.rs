//! Exactly which calls the operator makes to a scripted API server, and that it makes none where nothing has changed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]
#![allow(clippy::large_futures, reason = "the future of a test holds the whole operator")]

mod api_faults;
mod at_work;
mod audit;
mod authority_controller;
mod blockers;
mod clock;
mod distrust;
mod floods;
mod fresh_list;
mod hanging_endpoints;
mod issuing;
mod key_turns;
mod late_answers;
mod left_behind;
mod lists;
mod loops;
mod many_endpoints;
mod many_identities;
mod many_keys;
mod metrics;
mod other_writers;
mod pauses;
mod provided;
mod publication;
mod read_back;
mod refusals;
mod relisting;
mod repair;
mod root_loss;
mod rotating_condition;
mod rotation;
mod secrecy;
mod serving;
mod shutdown;
mod spec_in_force;
mod spread_rollout;
mod unread_bundles;
mod verdict_writes;
mod workers;
