//! What was written to root Secrets, by the audit log of the API server.

use devcluster::audit::{self, Event};

use crate::cluster::{SYSTEM, TestCluster};
use crate::wait::until;

/// The account from a moment on.
pub struct RootWrites<'a> {
    cluster: &'a TestCluster,
    since: u64,
}

impl<'a> RootWrites<'a> {
    /// Opens it now.
    pub fn open(cluster: &'a TestCluster) -> Self {
        let log = cluster.control_plane().audit_log();
        Self { cluster, since: audit::end(&log).unwrap() }
    }

    /// How often the root Secret of an authority was changed, and how often a change was refused; once it was changed so
    /// often. The API server writes its log after the answer, and a watch or the next read may be ahead of it.
    pub async fn root_changes(&self, authority: &str, least: usize) -> (usize, usize) {
        until("the audit log to hold every change of the root", || async {
            let changes = self.root_changes_so_far(authority);
            (changes.0 >= least).then_some(changes)
        })
        .await
    }

    fn root_changes_so_far(&self, authority: &str) -> (usize, usize) {
        let log = self.cluster.control_plane().audit_log();
        let name = format!("mtls-authority-{authority}");
        let is_root =
            |event: &Event| event.resource == "secrets" && event.namespace == SYSTEM && event.name == name;
        let events = audit::read(&log, self.since).unwrap();
        let writes = events.iter().filter(|event| event.is_mutating() && is_root(event));
        let (done, refused): (Vec<_>, Vec<_>) = writes.partition(|event| event.code < 300);
        (done.len(), refused.len())
    }
}
