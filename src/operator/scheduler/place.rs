//! The place of an identity in the queue.

use super::requeue::Priority;
use crate::operator::index::digest::Digest;

/// Where an identity waits. A smaller place is a better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Its class.
    pub priority: Priority,
    /// Whether its last attempt failed.
    pub has_failed: bool,
    /// What orders within its namespace, smallest first: the second since 1970 at which its leaf ends or ended, or since which it
    /// waits for its first one.
    pub urgency: i64,
    /// Its namespace.
    pub namespace: Digest,
}
