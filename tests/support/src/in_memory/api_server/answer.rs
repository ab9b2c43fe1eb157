//! How a call is answered, and what the faults of a test do to the answer.

use http::header::DATE;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use jiff::fmt::rfc2822::DateTimePrinter;
use kube::client::Body;
use serde_json::Value;
use tower::BoxError;

use super::response::{cut, failure, too_many_requests};
use super::target::{Target, listed};
use super::{ApiServer, Call, Fault};

impl ApiServer {
    /// Answers a request.
    pub async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let (parts, body) = request.into_parts();
        let body = body.collect_bytes().await?;
        let body: Value = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body)? };
        let answer = match self.respond(&parts, body)? {
            (answer, Some(Fault::AnswerCut)) => cut(answer).await?,
            (answer, Some(Fault::Held)) => {
                let go_on = self.0.lock().go_on.clone();
                go_on.notified().await;
                answer
            }
            (_, Some(Fault::Fatal)) => panic!("as the test asked"),
            (answer, _) => answer,
        };
        Ok(self.dated(answer))
    }

    fn dated(&self, mut answer: Response<Body>) -> Response<Body> {
        if let Some(time) = self.time() {
            let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&time).unwrap();
            answer.headers_mut().insert(DATE, date.parse().unwrap());
        }
        answer
    }

    /// The answer, and what is still to happen to it.
    fn respond(&self, parts: &Parts, body: Value) -> Result<(Response<Body>, Option<Fault>), BoxError> {
        let accept = parts.headers.get("accept").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut state = self.0.lock();
        if let Some(kind) = listed(parts.uri.path()).filter(|_| parts.method == Method::GET) {
            return Ok((state.answer_list(&kind, body, accept.contains("PartialObjectMetadata")), None));
        }
        let target = Target::of(parts.uri.path(), &body, accept.contains("PartialObjectMetadata"));
        let line = target.line(&parts.method);
        let is_write = parts.method != Method::GET && target.place.0 != "events";
        state.writes += usize::from(is_write && !state.is_operator_dead);
        let crash = state.crash.filter(|(at, _)| is_write && *at == state.writes && !state.is_operator_dead);
        if state.is_operator_dead || crash.is_some() {
            state.is_operator_dead = true;
            if crash.is_some_and(|(_, is_carried_out)| is_carried_out) {
                drop(state.carry_out(&parts.method, &target, body));
            }
            return Err("the operator was killed".into());
        }
        let fault = state.fault(&line);
        state.journal.push(Call { line, body: body.clone() });
        if let Some(seconds) = state.throttled {
            return Ok((too_many_requests(seconds), None));
        }
        if fault == Some(Fault::Overtaken) {
            state.overtake(&target.place);
        }
        if fault == Some(Fault::Broken) {
            return Ok((failure(StatusCode::INTERNAL_SERVER_ERROR, "InternalError"), None));
        }
        let answer = state.carry_out(&parts.method, &target, body);
        if is_write {
            state.answer_write(&target.place);
        }
        match fault {
            Some(Fault::AnswerLost) => Err("connection reset by peer".into()),
            _ => Ok((answer, fault)),
        }
    }
}
