//! A request of people that the floor holds back, to be told.
//!
//! It is told once for each identity, and of few identities of a namespace at a time.

use std::sync::Arc;

use crate::operator::index::time::Millis;

/// A request that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRequest {
    /// The namespace of its identity.
    pub namespace: Arc<str>,
    /// The name of its identity.
    pub name: String,
    /// Until when it waits.
    pub until: Millis,
}
