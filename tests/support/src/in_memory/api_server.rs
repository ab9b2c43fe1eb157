//! An API server in memory: just enough of one to hold objects under optimistic concurrency, and a journal of every
//! call. Faults are injected call by call.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::header::{DATE, RETRY_AFTER};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use kube::Client;
use kube::client::Body;
use mtls_operator::runtime::clock::{Clock, ManualClock};
use mtls_operator::runtime::clock_check::ClockCheck;
use mtls_operator::runtime::retry_after::RetryAfter;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tower::BoxError;

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
    /// Nothing: it is a later call that meets with something.
    Spared,
    /// The call is carried out, but its answer comes only when the server is told to go on.
    Held,
    /// Whoever waits for the answer panics.
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

#[derive(Default)]
struct State {
    objects: BTreeMap<Place, Value>,
    versions: u64,
    journal: Vec<Call>,
    faults: Vec<(String, Fault)>,
    /// Writes so far, Events apart.
    writes: usize,
    /// The write at which the operator is killed, and whether it is carried out.
    crash: Option<(usize, bool)>,
    /// What its clock goes by.
    clock: Option<ManualClock>,
    /// Told when an answer that is held back may come.
    go_on: Arc<Notify>,
    /// Whether any of this was ever asked of it: faults, a crash, changes by others.
    has_misbehaved: bool,
    /// Nothing is answered: the operator is gone.
    is_deserted: bool,
    /// For how many seconds each request is told to wait, where none is carried out.
    throttled: Option<u32>,
    /// What an admission policy does to each write of a leaf Secret before it is stored.
    admission: Option<Change>,
    /// What another writer does to each leaf Secret as soon as it is stored.
    rival: Option<Change>,
}

/// A change of an object.
type Change = Box<dyn Fn(&mut Value) + Send>;

/// Kind, namespace and name.
type Place = (String, String, String);

/// A call as its path says it.
struct Target {
    place: Place,
    is_status: bool,
    is_metadata: bool,
}

impl ApiServer {
    /// A client of this server, whose answers this clock hears.
    pub fn client(&self, clock: &Clock) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move { server.answer(request).await }
        });
        Client::new(RetryAfter::new(ClockCheck::new(service, clock.clone())), "default")
    }

    /// Its clock goes as this one.
    pub fn set_clock(&self, hand: &ManualClock) {
        self.0.lock().clock = Some(hand.clone());
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
        self.0.lock().objects.remove(&place(kind, namespace, name)).unwrap();
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

    /// The next call that begins so meets with this.
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
        std::mem::take(&mut self.0.lock().is_deserted)
    }

    /// From now on an admission policy changes so what is written to leaf Secrets.
    pub fn admit(&self, change: impl Fn(&mut Value) + Send + 'static) {
        let mut state = self.0.lock();
        state.has_misbehaved = true;
        state.admission = Some(Box::new(change));
    }

    /// From now on another writer answers so each write of a leaf Secret.
    pub fn oppose(&self, change: impl Fn(&mut Value) + Send + 'static) {
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
    pub fn appease(&self) {
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

    async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
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
        state.writes += usize::from(is_write && !state.is_deserted);
        let crash = state.crash.filter(|(at, _)| is_write && *at == state.writes && !state.is_deserted);
        if state.is_deserted || crash.is_some() {
            state.is_deserted = true;
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

/// An answer without its last byte.
async fn cut(answer: Response<Body>) -> Result<Response<Body>, BoxError> {
    let (parts, body) = answer.into_parts();
    let mut bytes = body.collect_bytes().await?.to_vec();
    bytes.pop();
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

impl State {
    fn answer_list(&mut self, kind: &str, body: Value, is_metadata: bool) -> Response<Body> {
        let line = format!("LIST {kind}");
        let fault = self.fault(&line);
        self.journal.push(Call { line, body });
        match fault {
            Some(_) => failure(StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
            None => response(StatusCode::OK, &self.list(kind, is_metadata)),
        }
    }

    fn fault(&mut self, line: &str) -> Option<Fault> {
        let at = self.faults.iter().position(|(begin, _)| line.starts_with(begin))?;
        Some(self.faults.remove(at).1)
    }

    fn carry_out(&mut self, method: &Method, target: &Target, body: Value) -> Response<Body> {
        let before = self.objects.get(&target.place).cloned();
        match (method.as_str(), before) {
            ("POST", Some(_)) => failure(StatusCode::CONFLICT, "AlreadyExists"),
            ("POST", None) => {
                let mut object = body;
                object["metadata"]["uid"] = json!(format!("uid-{}", self.versions));
                self.admit(&target.place, &mut object);
                target.response(&self.store(target.place.clone(), object))
            }
            (_, None) => failure(StatusCode::NOT_FOUND, "NotFound"),
            ("GET", Some(object)) => target.response(&object),
            ("PATCH", Some(object)) => self.patch(target, object, &body),
            ("DELETE", Some(object)) => self.delete(target, &object, &body),
            (other, _) => panic!("{other} was never meant to be used"),
        }
    }

    fn patch(&mut self, target: &Target, mut object: Value, patch: &Value) -> Response<Body> {
        let wanted = &patch["metadata"]["resourceVersion"];
        assert!(wanted.is_string(), "a write names no version: {}", target.line(&Method::PATCH));
        if *wanted != object["metadata"]["resourceVersion"] {
            return failure(StatusCode::CONFLICT, "Conflict");
        }
        if target.is_status {
            merge(&mut object["status"], &patch["status"]);
        } else {
            merge(&mut object, patch);
            self.admit(&target.place, &mut object);
        }
        target.response(&self.store(target.place.clone(), object))
    }

    fn admit(&self, place: &Place, object: &mut Value) {
        if let Some(change) = self.admission.as_ref().filter(|_| is_leaf(place)) {
            change(object);
        }
    }

    /// The other writer has seen a write of ours.
    fn answer_write(&mut self, place: &Place) {
        let Some(mut object) = self.objects.get(place).cloned() else { return };
        if let Some(change) = self.rival.as_ref().filter(|_| is_leaf(place)) {
            change(&mut object);
            self.store(place.clone(), object);
        }
    }

    /// A change that has nothing to do with us, but counts as one.
    fn overtake(&mut self, place: &Place) {
        if let Some(mut object) = self.objects.get(place).cloned() {
            object["metadata"]["annotations"]["example.com/touched"] = json!("yes");
            self.store(place.clone(), object);
        }
    }

    fn store(&mut self, place: Place, mut object: Value) -> Value {
        self.versions += 1;
        object["metadata"]["resourceVersion"] = json!(self.versions.to_string());
        self.objects.insert(place, object.clone());
        object
    }

    fn delete(&mut self, target: &Target, object: &Value, options: &Value) -> Response<Body> {
        let is = &options["preconditions"];
        assert!(
            is["uid"].is_string() && is["resourceVersion"].is_string(),
            "a deletion names no version: {options}"
        );
        if ["uid", "resourceVersion"].iter().any(|field| is[field] != object["metadata"][field]) {
            return failure(StatusCode::CONFLICT, "Conflict");
        }
        self.objects.remove(&target.place);
        response(StatusCode::OK, &json!({"kind": "Status", "apiVersion": "v1", "status": "Success"}))
    }

    /// Lists are only ever asked for by the operator's own label.
    fn list(&self, kind: &str, is_metadata: bool) -> Value {
        let is_ours =
            |object: &&Value| object["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "mtls-operator";
        let objects = self.objects.iter().filter(|((of, ..), _)| of == kind).map(|(_, object)| object);
        let shown = |object: &Value| if is_metadata { metadata(object) } else { object.clone() };
        let items: Vec<Value> = objects.filter(is_ours).map(shown).collect();
        json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items})
    }
}

impl Target {
    /// From a path like `/api/v1/namespaces/<ns>/secrets/<name>` or `/apis/<group>/<version>/<kinds>/<name>/status`.
    fn of(path: &str, body: &Value, is_metadata: bool) -> Self {
        let mut parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        if let ["apis", group, version] = parts[..] {
            return Self { place: place(group, "", version), is_status: false, is_metadata };
        }
        parts.drain(..if parts[0] == "api" { 2 } else { 3 });
        let mut namespace = String::new();
        if let ["namespaces", of, _, ..] = parts.as_slice() {
            (*of).clone_into(&mut namespace);
            parts.drain(..2);
        }
        let name = parts.get(1).map_or_else(|| text(body, "name"), |name| (*name).to_owned());
        let is_status = parts.get(2) == Some(&"status");
        Self { place: (parts[0].to_owned(), namespace, name), is_status, is_metadata }
    }

    fn line(&self, method: &Method) -> String {
        let (kind, namespace, name) = &self.place;
        let what = match (self.is_status, self.is_metadata && method == Method::GET) {
            (true, _) => "status",
            (_, true) => "metadata",
            _ => kind.as_str(),
        };
        let name = if kind == "events" { "" } else { name };
        match namespace.as_str() {
            "" => format!("{method} {what} {name}"),
            _ => format!("{method} {what} {namespace}/{name}"),
        }
    }

    fn response(&self, object: &Value) -> Response<Body> {
        let object = if self.is_metadata { metadata(object) } else { object.clone() };
        response(StatusCode::OK, &object)
    }
}

/// Whether this is where the Secrets of identities are.
fn is_leaf((kind, namespace, _): &Place) -> bool {
    kind == "secrets" && namespace != "mtls-system"
}

fn place(kind: &str, namespace: &str, name: &str) -> Place {
    (kind.to_owned(), namespace.to_owned(), name.to_owned())
}

/// The kind that a path without a name lists, over all namespaces.
fn listed(path: &str) -> Option<String> {
    let rest =
        path.strip_prefix("/api/v1/").or_else(|| path.strip_prefix("/apis/certificates.k8s.io/v1/"))?;
    (!rest.contains('/')).then(|| rest.to_owned())
}

fn text(object: &Value, field: &str) -> String {
    object["metadata"][field].as_str().unwrap_or_default().to_owned()
}

fn metadata(object: &Value) -> Value {
    json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": object["metadata"]})
}

/// RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut target[key], value);
        }
    }
}

fn response(status: StatusCode, body: &Value) -> Response<Body> {
    let body = Body::from(serde_json::to_vec(body).unwrap());
    Response::builder().status(status).header("content-type", "application/json").body(body).unwrap()
}

/// As API Priority and Fairness answers: the header alone says for how long to wait.
fn too_many_requests(seconds: u32) -> Response<Body> {
    let body = Body::from(b"Too many requests, please try again later.\n".to_vec());
    let answer = Response::builder().status(StatusCode::TOO_MANY_REQUESTS).header(RETRY_AFTER, seconds);
    answer.body(body).unwrap()
}

fn failure(status: StatusCode, reason: &str) -> Response<Body> {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": reason, "reason": reason,
        "code": status.as_u16(),
    });
    response(status, &body)
}
