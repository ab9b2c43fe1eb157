//! The limit of open files: the operator raises the soft limit to the hard one at start.
//!
//! Each watch is a connection, and there are three or four for each watched namespace. Container runtimes start processes with a
//! soft limit of 1,024 files (containerd 2 and later) and a high hard limit, which is theirs to raise up to; Go programs do the same.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit as far as is allowed. Where that is refused, the process goes on within the limit that it has.
pub fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    let raised = Rlimit { current: limit.maximum, ..limit };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => {
            tracing::debug!(before = ?limit.current, now = ?limit.maximum, "raised the limit of open files");
        }
        Err(error) => {
            tracing::warn!(limit = ?limit.current, %error, "the limit of open files stays as it is");
        }
    }
}
