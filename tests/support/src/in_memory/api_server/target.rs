//! What a call is about, as its path says it.

use http::{Method, Response, StatusCode};
use kube::client::Body;
use serde_json::Value;

use super::response::{metadata, response, text};

/// Kind, namespace and name.
pub(super) type Place = (String, String, String);

/// A call as its path says it.
pub(super) struct Target {
    pub(super) place: Place,
    pub(super) is_status: bool,
    is_metadata: bool,
}

impl Target {
    /// From a path like `/api/v1/namespaces/<ns>/secrets/<name>` or `/apis/<group>/<version>/<kinds>/<name>/status`.
    pub(super) fn of(path: &str, body: &Value, is_metadata: bool) -> Self {
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

    pub(super) fn line(&self, method: &Method) -> String {
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

    pub(super) fn response(&self, object: &Value) -> Response<Body> {
        let object = if self.is_metadata { metadata(object) } else { object.clone() };
        response(StatusCode::OK, &object)
    }
}

pub(super) fn place(kind: &str, namespace: &str, name: &str) -> Place {
    (kind.to_owned(), namespace.to_owned(), name.to_owned())
}

/// The kind that a path without a name lists, over all namespaces, or identities in one; these tests have no other.
pub(super) fn listed(path: &str) -> Option<String> {
    if path.starts_with("/apis/mtls-operator.dev/v1alpha1/namespaces/") && path.ends_with("/mtlsidentities") {
        return Some("mtlsidentities".into());
    }
    let rest =
        path.strip_prefix("/api/v1/").or_else(|| path.strip_prefix("/apis/certificates.k8s.io/v1/"))?;
    (!rest.contains('/')).then(|| rest.to_owned())
}
