//! Pauses that the API server asks for, by 429 or 503, whatever it was asked for: one for all, that of the task that begins
//! reconciles, and for a watch its own.
//!
//! What an admission webhook answers is no word of the API server: it stops what it was asked about, and nothing else.

use std::time::Duration;

use crate::operator::error::Error;
use crate::runtime::shared::Shared;

/// The pause where none is named: what API Priority and Fairness asks for in general.
const USUAL: Duration = Duration::from_secs(1);
/// The longest pause: half of the shortest time between a renewal and the end of its leaf, since it holds up all namespaces.
const LONGEST: Duration = Duration::from_secs(5);

/// The longest pause that was asked for since it was looked at last.
#[derive(Clone, Default)]
pub struct Throttle(Shared<Option<Duration>>);

impl Throttle {
    /// A request was answered so.
    pub(super) fn note(&self, error: &kube::Error) {
        if let Some(pause) = asked_by(error) {
            self.0.change(|asked| *asked = (*asked).max(Some(pause)));
        }
    }

    /// The pause that was asked for since the last call.
    #[must_use]
    pub fn take(&self) -> Option<Duration> {
        self.0.lock().take()
    }

    /// Waits until a pause is asked for.
    pub async fn asked(&self) {
        self.0.changed().await;
    }
}

/// The pause that an answer asks for.
#[must_use]
pub fn pause(error: &Error) -> Option<Duration> {
    let Error::Api { source, .. } = error else { return None };
    asked_by(source)
}

/// The pause that an answer asks for, as it comes from the API server.
pub(super) fn asked_by(error: &kube::Error) -> Option<Duration> {
    let kube::Error::Api(status) = error else { return None };
    // It has an answer of its own, with any code, and Kubernetes puts these words before it.
    let is_of_webhook = status.message.starts_with("admission webhook ");
    if is_of_webhook || !matches!(status.code, 429 | 503) {
        return None;
    }
    let named = status.details.as_ref().map(|details| details.retry_after_seconds).filter(|named| *named > 0);
    Some(named.map_or(USUAL, |named| Duration::from_secs(named.into())).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn answered(code: u16, message: &str, seconds: u32) -> kube::Error {
        let details = serde_json::json!({ "retryAfterSeconds": seconds });
        let status = Status::failure(message, "TooManyRequests").with_code(code);
        let status = status.with_details(serde_json::from_value(details).unwrap());
        kube::Error::Api(status.boxed())
    }

    fn asked(code: u16, message: &str, seconds: u32) -> Option<u64> {
        let throttle = Throttle::default();
        throttle.note(&answered(code, message, seconds));
        throttle.take().map(|pause| pause.as_secs())
    }

    #[test]
    fn a_pause_is_as_long_as_it_is_asked_for_and_bounded() {
        assert_eq!([0, 1, 3, 5, 3600].map(|seconds| asked(429, "busy", seconds).unwrap()), [1, 1, 3, 5, 5]);
        assert_eq!(asked(503, "no etcd", 2), Some(2));
        assert_eq!([200, 409, 500].map(|code| asked(code, "busy", 2)), [None; 3]);
    }

    #[test]
    fn a_webhook_that_says_too_many_requests_stops_no_other() {
        assert_eq!(asked(429, "admission webhook \"a.example.com\" denied the request: busy", 5), None);
    }

    #[test]
    fn the_longest_of_several_pauses_counts_once() {
        let throttle = Throttle::default();
        for seconds in [1, 4, 2] {
            throttle.note(&answered(429, "busy", seconds));
        }
        assert_eq!((throttle.take(), throttle.take()), (Some(Duration::from_secs(4)), None));
    }
}
