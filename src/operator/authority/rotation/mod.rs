//! May the next root sign? Observes which Secrets, bundles and endpoints do not have the announced root yet.

pub mod blockers;
pub mod bundles;
pub mod confirmation;
pub mod fresh_list;
pub mod gate;
pub mod status;
