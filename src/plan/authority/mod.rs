//! Decisions on roots: from the state of a CA, its spec and the observed distribution to one transition at a time.

pub mod accepted_loss;
pub mod ca_state;
mod clock_halt;
pub mod decide;
pub mod decision;
pub mod distrust;
pub mod ending;
pub mod evidence;
pub mod known_signers;
pub mod origin;
pub mod progress;
pub mod provided_secret;
pub mod quiet_period;
pub mod reason;
pub mod retiring_root;
pub mod rotation;
pub mod rotation_inputs;
pub mod safeguards;
pub mod spec;
pub mod timing;
pub mod transition;
pub mod warning;
pub mod world;
