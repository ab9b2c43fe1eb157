//! A storm over the connection to the API server: now and then a request is refused, comes late, or is carried out and
//! not answered.

use std::time::Duration;

use http::{Method, Response};
use kube::client::Body;
use serde_json::json;

use crate::dice::Dice;

/// What befalls a request.
#[derive(Clone, Copy, Debug)]
pub enum Blow {
    /// It is answered with this HTTP status, and not carried out.
    Refused(u16),
    /// It is carried out, and the connection breaks.
    AnswerLost,
    /// It is carried out, and nothing is heard of it ever again.
    Silence,
    /// It is on its way for so long: no longer than a write may be.
    Late(Duration),
}

/// A storm.
pub struct Storm {
    dice: Dice,
    /// One request in so many is hit.
    calm: u64,
}

impl Storm {
    /// A storm that hits one request in so many.
    pub fn new(dice: Dice, calm: u64) -> Self {
        Self { dice, calm }
    }

    /// What befalls the next request, if anything does.
    pub fn blow(&mut self, method: &Method) -> Option<Blow> {
        if self.dice.below(self.calm) > 0 {
            return None;
        }
        Some(match self.dice.below(8) {
            0 if *method != Method::GET => Blow::Refused(409),
            0 | 1 => Blow::Refused(429),
            2 => Blow::Refused(500),
            3 => Blow::Refused(503),
            // Reads of a watch have no end of their own: silence there is ended by TCP.
            4 if *method != Method::GET => Blow::Silence,
            4 | 5 => Blow::AnswerLost,
            _ => Blow::Late(Duration::from_secs(1 + self.dice.below(3))),
        })
    }
}

/// An answer that refuses.
pub fn refusal(code: u16) -> Response<Body> {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "a storm",
        "reason": if code == 409 { "Conflict" } else { "InternalError" },
    });
    Response::builder().status(code).body(Body::from(serde_json::to_vec(&status).unwrap())).unwrap()
}
