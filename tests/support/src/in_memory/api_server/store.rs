//! The stored objects, and how each kind of call changes them under optimistic concurrency.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{Method, Response, StatusCode};
use kube::client::Body;
use mtls_operator::runtime::clock::ManualClock;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::changes::ChangeLog;
use super::response::{failure, merge, metadata, response};
use super::target::{Place, Target};
use super::{Call, Fault};

/// The objects, the journal of calls, and what is to happen to the next ones.
#[derive(Default)]
pub(super) struct State {
    pub(super) objects: BTreeMap<Place, Value>,
    pub(super) versions: u64,
    /// What has changed, where that is kept.
    pub(super) changes: ChangeLog,
    pub(super) journal: Vec<Call>,
    pub(super) faults: Vec<(String, Fault)>,
    /// Writes so far, Events apart.
    pub(super) writes: usize,
    /// The write at which the operator is killed, and whether it is carried out.
    pub(super) crash: Option<(usize, bool)>,
    /// Its clock.
    pub(super) clock: Option<ManualClock>,
    /// Notified when an answer that is held back may come.
    pub(super) go_on: Arc<Notify>,
    /// Whether any of this was ever asked of it: faults, a crash, changes by others.
    pub(super) has_misbehaved: bool,
    /// Nothing is answered: the operator is gone.
    pub(super) is_operator_dead: bool,
    /// For how many seconds each request is told to wait, where none is carried out.
    pub(super) throttled: Option<u32>,
    /// What an admission policy does to each write of a leaf Secret before it is stored.
    pub(super) admission: Option<Change>,
    /// What another writer does to each leaf Secret as soon as it is stored.
    pub(super) rival: Option<Change>,
}

/// A change of an object.
pub(super) type Change = Box<dyn Fn(&mut Value) + Send>;

impl State {
    pub(super) fn answer_list(&mut self, kind: &str, body: Value, is_metadata: bool) -> Response<Body> {
        let line = format!("LIST {kind}");
        let fault = self.fault(&line);
        self.journal.push(Call { line, body });
        match fault {
            Some(_) => failure(StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
            None => response(StatusCode::OK, &self.list(kind, is_metadata)),
        }
    }

    pub(super) fn fault(&mut self, line: &str) -> Option<Fault> {
        let at = self.faults.iter().position(|(begin, _)| line.starts_with(begin))?;
        Some(self.faults.remove(at).1)
    }

    pub(super) fn carry_out(&mut self, method: &Method, target: &Target, body: Value) -> Response<Body> {
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
    pub(super) fn answer_write(&mut self, place: &Place) {
        let Some(mut object) = self.objects.get(place).cloned() else { return };
        if let Some(change) = self.rival.as_ref().filter(|_| is_leaf(place)) {
            change(&mut object);
            self.store(place.clone(), object);
        }
    }

    /// A change that has nothing to do with us, but counts as one.
    pub(super) fn overtake(&mut self, place: &Place) {
        if let Some(mut object) = self.objects.get(place).cloned() {
            object["metadata"]["annotations"]["example.com/touched"] = json!("yes");
            self.store(place.clone(), object);
        }
    }

    pub(super) fn store(&mut self, place: Place, mut object: Value) -> Value {
        self.versions += 1;
        object["metadata"]["resourceVersion"] = json!(self.versions.to_string());
        let what = if self.objects.contains_key(&place) { "MODIFIED" } else { "ADDED" };
        self.changes.note(self.versions, what, &place, &object);
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
        self.remove(&target.place);
        response(StatusCode::OK, &json!({"kind": "Status", "apiVersion": "v1", "status": "Success"}))
    }

    /// Lists are only ever asked for by the operator's own label.
    fn list(&self, kind: &str, is_metadata: bool) -> Value {
        let is_ours = |object: &&Value| {
            kind == "mtlsidentities"
                || object["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "mtls-operator"
        };
        let objects = self.objects.iter().filter(|((of, ..), _)| of == kind).map(|(_, object)| object);
        let shown = |object: &Value| if is_metadata { metadata(object) } else { object.clone() };
        let items: Vec<Value> = objects.filter(is_ours).map(shown).collect();
        json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items})
    }
}

/// Whether this is where the Secrets of identities are.
fn is_leaf((kind, namespace, _): &Place) -> bool {
    kind == "secrets" && namespace != "mtls-system"
}
