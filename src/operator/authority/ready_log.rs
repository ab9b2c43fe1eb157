//! How authorities stand, for whoever looks at figures and logs only: a figure always, a log line when it changes.

use std::collections::HashMap;

use crate::api::conditions::Verdict;
use crate::operator::metrics::Metrics;

/// The reasons that authorities were last said to have, by their names.
#[derive(Default)]
pub struct ReadyLog(HashMap<String, &'static str>);

impl ReadyLog {
    /// An authority stands so.
    pub fn saw(&mut self, metrics: &Metrics, authority: &str, verdict: &Verdict) {
        let Verdict { ready, stalled, reason, message: why } = verdict;
        metrics.authority_ready(authority, reason);
        let before = self.0.insert(authority.to_owned(), reason);
        match before {
            Some(before) if before == *reason => {}
            _ if *stalled || !*ready => {
                tracing::warn!(authority, reason, why, "an authority is not as it should be");
            }
            Some(before) => {
                tracing::info!(authority, reason, before, why, "an authority is as it should be again");
            }
            // A process that starts finds it so: that is no news.
            None => {}
        }
    }

    /// An authority is gone, or another operator serves it.
    pub fn gone(&mut self, metrics: &Metrics, authority: &str) {
        self.forget(metrics, authority);
        metrics.remove_counters(authority);
    }

    /// Another replica looks after an authority from now on.
    pub fn forget(&mut self, metrics: &Metrics, authority: &str) {
        metrics.remove_gauges(authority);
        self.0.remove(authority);
    }
}
