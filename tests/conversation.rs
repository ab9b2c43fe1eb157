//! What the operator says to the API server, call by call: enough, and not one call more.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]
#![allow(clippy::large_futures, reason = "the whole operator lies in the future of a test")]

#[path = "conversation/at_work.rs"]
mod at_work;
#[path = "conversation/audit.rs"]
mod audit;
#[path = "conversation/bundle.rs"]
mod bundle;
#[path = "conversation/clock.rs"]
mod clock;
#[path = "conversation/custody.rs"]
mod custody;
#[path = "conversation/distrust.rs"]
mod distrust;
#[path = "conversation/ending.rs"]
mod ending;
#[path = "conversation/evidence.rs"]
mod evidence;
#[path = "conversation/figures.rs"]
mod figures;
#[path = "conversation/inputs.rs"]
mod inputs;
#[path = "conversation/issuing.rs"]
mod issuing;
#[path = "leadership/api.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod leases;
#[path = "support/log.rs"]
mod log;
#[path = "conversation/loops.rs"]
mod loops;
#[path = "conversation/many_keys.rs"]
mod many_keys;
#[path = "conversation/many_pods.rs"]
mod many_pods;
#[path = "support/memory.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod memory;
#[path = "conversation/mesh.rs"]
mod mesh;
#[path = "conversation/mishaps.rs"]
mod mishaps;
#[path = "support/pod.rs"]
mod pod;
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
#[path = "conversation/rivals.rs"]
mod rivals;
#[path = "conversation/rotating.rs"]
mod rotating;
#[path = "conversation/rotation.rs"]
mod rotation;
#[path = "conversation/server.rs"]
mod server;
#[path = "conversation/serving.rs"]
mod serving;
#[path = "conversation/spread.rs"]
mod spread;
#[path = "conversation/stage.rs"]
mod stage;
#[path = "conversation/waiting.rs"]
mod waiting;
