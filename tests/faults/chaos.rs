//! Random faults of the connection to the API server: some requests are refused, late, or carried out and not answered;
//! some watch events are late or repeated, and some watches are cut.

use std::time::Duration;

use axum::body::Body;
use http::{Method, Response};
use serde_json::json;
use test_support::rng::SeededRng;

/// Seconds that a watch event can be late: longer than any view of the root may be old (F of the protocol).
const STALE: u64 = 10;

/// The fault of a request.
#[derive(Clone, Copy, Debug)]
pub enum RequestFault {
    /// It is answered with this HTTP status, and not carried out.
    Refused(u16),
    /// It is carried out, and the connection breaks.
    AnswerLost,
    /// It is carried out, and never answered.
    Silence,
    /// It is on its way for so long: no longer than a write may be.
    Late(Duration),
}

/// The fault of a part of the answer to a watch.
#[derive(Clone, Copy, Debug)]
pub enum WatchFault {
    /// It is lost, and the connection breaks.
    Cut,
    /// It comes twice.
    Twice,
    /// It comes so late, and so does all that follows.
    Late(Duration),
}

/// Random faults.
pub struct Chaos {
    rng: SeededRng,
    /// One request in so many has a fault.
    calm: u64,
}

impl Chaos {
    /// Faults of one request in so many.
    pub fn new(rng: SeededRng, calm: u64) -> Self {
        Self { rng, calm }
    }

    /// The fault of the next request, if it has one.
    pub fn request_fault(&mut self, method: &Method) -> Option<RequestFault> {
        if !self.hits() {
            return None;
        }
        Some(match self.rng.below(8) {
            0 if *method != Method::GET => RequestFault::Refused(409),
            0 | 1 => RequestFault::Refused(429),
            2 => RequestFault::Refused(500),
            3 => RequestFault::Refused(503),
            4 => RequestFault::Silence,
            5 => RequestFault::AnswerLost,
            _ => RequestFault::Late(self.span(3)),
        })
    }

    /// The fault of the next part of the answer to a watch, if it has one.
    pub fn watch_fault(&mut self) -> Option<WatchFault> {
        if !self.hits() {
            return None;
        }
        Some(match self.rng.below(4) {
            0 => WatchFault::Cut,
            1 => WatchFault::Twice,
            _ => WatchFault::Late(self.span(STALE)),
        })
    }

    fn hits(&mut self) -> bool {
        self.rng.below(self.calm) == 0
    }

    fn span(&mut self, longest: u64) -> Duration {
        Duration::from_secs(1 + self.rng.below(longest))
    }
}

/// An answer that refuses.
pub fn refusal(code: u16) -> Response<Body> {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "an injected fault",
        "reason": if code == 409 { "Conflict" } else { "InternalError" },
    });
    Response::builder().status(code).body(Body::from(serde_json::to_vec(&status).unwrap())).unwrap()
}
