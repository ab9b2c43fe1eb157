//! An API server in memory, as far as tests of the operator need one: objects under optimistic concurrency, and a journal of
//! every call. Faults are injected call by call.

mod answer;
pub mod changes;
mod response;
mod store;
mod target;

use std::sync::Arc;

use http::Request;
use jiff::Timestamp;
use kube::Client;
use kube::client::Body;
use mtls_operator::runtime::clock::{Clock, ManualClock};
use mtls_operator::runtime::clock_check::ClockCheck;
use mtls_operator::runtime::retry_after::RetryAfter;
use parking_lot::Mutex;
use response::text;
use serde_json::{Value, json};
use store::State;
use target::place;

/// What an API server may do to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Another writer changes the object first.
    Overtaken,
    /// The call is carried out, but its answer never arrives.
    AnswerLost,
    /// The call is carried out, but its answer lacks the last byte.
    AnswerCut,
    /// The call is refused with 500.
    Broken,
    /// Nothing: the call is left out, so that a fault for the same line meets a later call.
    None,
    /// The call is carried out, but its answer comes only when the server is told to go on.
    Held,
    /// The task that waits for the answer panics.
    Fatal,
}

/// One call: a line that says what was asked, and the body that came with it.
#[derive(Clone, Debug)]
pub struct Call {
    /// Method, kind, namespace and name.
    pub line: String,
    /// What was sent.
    pub body: Value,
}

/// The API server.
#[derive(Clone, Default)]
pub struct ApiServer(Arc<Mutex<State>>);

impl ApiServer {
    /// A client of this server. The dates of answers are compared with this clock.
    pub fn client(&self, clock: &Clock) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move { server.answer(request).await }
        });
        Client::new(RetryAfter::new(ClockCheck::new(service, clock.clone())), "default")
    }

    /// Its clock goes as this one.
    pub fn set_clock(&self, clock: &ManualClock) {
        self.0.lock().clock = Some(clock.clone());
    }

    /// What its clock shows, where its answers tell the time.
    pub fn time(&self) -> Option<Timestamp> {
        self.0.lock().clock.as_ref().map(ManualClock::now)
    }

    /// Its answers tell no time any more.
    pub fn hide_time(&self) {
        self.0.lock().clock = None;
    }

    /// Stores an object as people or other controllers would; the spec's generation counts up.
    pub fn put(&self, kind: &str, object: &impl serde::Serialize) {
        let mut object = serde_json::to_value(object).unwrap();
        let mut state = self.0.lock();
        let place = (kind.to_owned(), text(&object, "namespace"), text(&object, "name"));
        let before = state.objects.get(&place).cloned().unwrap_or(Value::Null);
        if object["spec"] != before["spec"] {
            object["metadata"]["generation"] =
                json!(before["metadata"]["generation"].as_i64().unwrap_or(0) + 1);
        }
        let uid = before["metadata"]["uid"]
            .as_str()
            .map_or_else(|| format!("uid-{}", state.versions), str::to_owned);
        if object["metadata"]["uid"].is_null() {
            object["metadata"]["uid"] = json!(uid);
        }
        state.store(place, object);
    }

    /// Changes an object as people or other controllers would.
    pub fn edit(&self, kind: &str, namespace: &str, name: &str, change: impl FnOnce(&mut Value)) {
        let mut object = self.get(kind, namespace, name).unwrap();
        change(&mut object);
        self.put(kind, &object);
    }

    /// Deletes an object as people would.
    pub fn delete(&self, kind: &str, namespace: &str, name: &str) {
        self.0.lock().remove(&place(kind, namespace, name)).unwrap();
    }

    /// An object, as it is stored.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        self.0.lock().objects.get(&place(kind, namespace, name)).cloned()
    }

    /// Every object of a kind.
    pub fn all(&self, kind: &str) -> Vec<Value> {
        let state = self.0.lock();
        state.objects.iter().filter(|((of, ..), _)| of == kind).map(|(_, object)| object.clone()).collect()
    }

    /// The next call whose line begins so has this fault.
    pub fn next(&self, line: &str, fault: Fault) {
        let mut state = self.0.lock();
        state.has_misbehaved = true;
        state.faults.push((line.to_owned(), fault));
    }

    /// An answer that is held back comes now.
    pub fn go_on(&self) {
        self.0.lock().go_on.notify_one();
    }

    /// Whether it was ever told to misbehave. Where it was not, the operator has no reason to fail.
    pub fn has_misbehaved(&self) -> bool {
        self.0.lock().has_misbehaved
    }

    /// Kills the operator at this write, counted from the first, before it is carried out or right after.
    pub fn crash_at(&self, write: usize, is_carried_out: bool) {
        let mut state = self.0.lock();
        state.has_misbehaved = true;
        state.crash = Some((write, is_carried_out));
    }

    /// Whether the operator was killed. Another one may start then.
    pub fn was_crashed(&self) -> bool {
        std::mem::take(&mut self.0.lock().is_operator_dead)
    }

    /// From now on an admission policy changes so what is written to leaf Secrets.
    pub fn admit(&self, change: impl Fn(&mut Value) + Send + 'static) {
        let mut state = self.0.lock();
        state.has_misbehaved = true;
        state.admission = Some(Box::new(change));
    }

    /// From now on another writer changes each leaf Secret so after a write of it.
    pub fn override_writes(&self, change: impl Fn(&mut Value) + Send + 'static) {
        let mut state = self.0.lock();
        state.has_misbehaved = true;
        state.rival = Some(Box::new(change));
    }

    /// From now on no request is carried out, and each is told to wait for so many seconds; with `None` they are again.
    pub fn throttle(&self, seconds: Option<u32>) {
        let mut state = self.0.lock();
        state.has_misbehaved = true;
        state.throttled = seconds;
    }

    /// The other writer has been stopped.
    pub fn stop_overriding(&self) {
        self.0.lock().rival = None;
    }

    /// Writes so far, Events apart.
    pub fn writes(&self) -> usize {
        self.0.lock().writes
    }

    /// What was asked since the last time.
    pub fn asked(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.line).collect()
    }

    /// What was asked since the last time, with what came along.
    pub fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.0.lock().journal)
    }
}
