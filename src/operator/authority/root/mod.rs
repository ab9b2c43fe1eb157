//! The root Secret: one object that holds the whole CA state of an authority, so that each change of it is one
//! conditional write.

pub mod annotations;
pub mod ca_pem;
pub mod creation;
pub mod distrusted;
pub mod former_keys;
pub mod known_signers;
pub mod leaf_secrets;
pub mod load;
pub mod loaded_ca;
pub mod loss;
pub mod lost_certificate;
pub mod ownership_claim;
mod parse;
pub mod patch;
pub mod provided;
pub mod read_back;
pub mod recovery;
pub mod retiring;
mod signer_facts;
pub mod transition;
