//! A change of the root that is held on its way, for so long that its sender is frozen meanwhile. Unlike the sender of a
//! write that is late (`WriteFault::Late`), this one goes on, and finds the answer when it resumes.

use http::{Method, Request};
use kube::client::Body;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::fault_proxy::{Answer, FaultProxy};

/// A write on its way.
pub struct DelayedWrite {
    request: Request<Body>,
    sender: oneshot::Sender<Answer>,
}

impl DelayedWrite {
    /// A write whose answer goes there.
    pub const fn new(request: Request<Body>, sender: oneshot::Sender<Answer>) -> Self {
        Self { request, sender }
    }

    /// The same change without the version that it names: nothing keeps it from being made once more.
    pub async fn of_any_version(self) -> Self {
        let (head, body) = self.request.into_parts();
        let mut patch: Value = serde_json::from_slice(&body.collect_bytes().await.unwrap()).unwrap();
        let version = patch["metadata"].as_object_mut().unwrap().remove("resourceVersion");
        assert!(version.is_some_and(|version| version.is_string()), "it names no version");
        let request = Request::from_parts(head, Body::from(serde_json::to_vec(&patch).unwrap()));
        Self { request, ..self }
    }

    /// It arrives at the API server, by this proxy. Returns the HTTP status that its sender will find.
    pub async fn arrive(self, proxy: &FaultProxy) -> u16 {
        let (head, body) = proxy.ask(self.request).await.into_parts();
        let (status, body) = (head.status.as_u16(), body.collect_bytes().await.unwrap());
        let answer = Answer::from_parts(head, axum::body::Body::from(body));
        assert!(self.sender.send(answer).is_ok(), "its sender does not wait for the answer any more");
        status
    }
}

/// Whether a request changes a root Secret that is there.
pub fn is_root_change(request: &Request<Body>) -> bool {
    request.method() == Method::PATCH && request.uri().path().contains("/secrets/mtls-authority-")
}
