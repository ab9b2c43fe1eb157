//! The root Secret: one object that holds the whole CA state of an authority, so that each change of it is one
//! conditional write.

pub mod annotations;
pub mod creation;
pub mod distrusted;
pub mod former_keys;
pub mod known_signers;
pub mod load;
pub mod loss;
pub mod lost_certificate;
pub mod ownership_claim;
pub mod patch;
pub mod provided;
pub mod read_back;
pub mod recovery;
pub mod retiring;
pub mod rotation_state;
pub mod transition;
