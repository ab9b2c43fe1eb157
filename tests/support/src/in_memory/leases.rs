//! An API server that knows Leases only: versions are checked as the real one does, and the requests of each client can have
//! faults of their own.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

/// What happens to the requests of one client.
#[derive(Clone, Copy, Debug, Default)]
pub enum FaultProfile {
    /// They arrive and are answered.
    #[default]
    NoFault,
    /// Each is answered 503.
    Refused,
    /// They never arrive.
    Lost,
    /// They arrive and do their work; the answer never comes.
    AnswerLost,
    /// They wait before they arrive, and their answers on the way back.
    Slow(Duration, Duration),
}

/// The API server.
#[derive(Clone, Default)]
pub struct FakeApi(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    lease: Option<Value>,
    version: u64,
    faults: HashMap<String, FaultProfile>,
    requests: Vec<(String, Method)>,
    always_conflicts: bool,
}

impl FakeApi {
    /// A client whose requests have faults of their own.
    pub fn client(&self, name: &str) -> Client {
        let (api, name) = (self.clone(), name.to_owned());
        let service =
            tower::service_fn(move |request: Request<Body>| api.clone().serve(name.clone(), request));
        Client::new(service, "default")
    }

    /// From now on this happens to the requests of a client.
    pub fn set_faults(&self, client: &str, faults: FaultProfile) {
        self.0.lock().unwrap().faults.insert(client.to_owned(), faults);
    }

    /// From now on, whether each PUT is answered with a conflict.
    pub fn set_conflicts(&self, always: bool) {
        self.0.lock().unwrap().always_conflicts = always;
    }

    /// Writes the Lease past the election.
    pub fn put(&self, mut lease: Value) {
        let mut state = self.0.lock().unwrap();
        state.version += 1;
        lease["metadata"]["resourceVersion"] = json!(state.version.to_string());
        state.lease = Some(lease);
    }

    /// Deletes the Lease.
    pub fn delete(&self) {
        self.0.lock().unwrap().lease = None;
    }

    /// The Lease, as it is stored.
    pub fn lease(&self) -> Option<Value> {
        self.0.lock().unwrap().lease.clone()
    }

    /// The holder that the Lease names.
    pub fn holder(&self) -> Option<String> {
        Some(self.lease()?["spec"]["holderIdentity"].as_str()?.to_owned())
    }

    /// The methods of a client's requests since the last call.
    pub fn take_requests(&self, client: &str) -> Vec<Method> {
        let requests = std::mem::take(&mut self.0.lock().unwrap().requests);
        requests.into_iter().filter(|(name, _)| name == client).map(|(_, method)| method).collect()
    }

    fn serve(
        self,
        client: String,
        request: Request<Body>,
    ) -> impl Future<Output = Result<Response<Body>, Infallible>> + Send {
        let faults = self.0.lock().unwrap().faults.get(&client).copied().unwrap_or_default();
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect_bytes().await.unwrap();
            let answer = |(status, body): (StatusCode, Value)| {
                Response::builder().status(status).body(Body::from(body.to_string().into_bytes())).unwrap()
            };
            let apply = || self.0.lock().unwrap().apply(&client, &parts.method, &body);
            match faults {
                FaultProfile::NoFault => Ok(answer(apply())),
                FaultProfile::Refused => Ok(answer(refusal(StatusCode::SERVICE_UNAVAILABLE))),
                FaultProfile::Lost => std::future::pending().await,
                FaultProfile::AnswerLost => {
                    apply();
                    std::future::pending().await
                }
                FaultProfile::Slow(there, back) => {
                    // As on a real network, a client that gives up does not call back what it has sent.
                    let arrived = tokio::spawn({
                        let (api, client, method) = (self.clone(), client.clone(), parts.method.clone());
                        async move {
                            tokio::time::sleep(there).await;
                            api.0.lock().unwrap().apply(&client, &method, &body)
                        }
                    });
                    let outcome = arrived.await.unwrap();
                    tokio::time::sleep(back).await;
                    Ok(answer(outcome))
                }
            }
        }
    }
}

impl State {
    fn apply(&mut self, client: &str, method: &Method, body: &[u8]) -> (StatusCode, Value) {
        self.requests.push((client.to_owned(), method.clone()));
        match (method, &self.lease) {
            (&Method::GET, Some(lease)) => (StatusCode::OK, lease.clone()),
            (&Method::GET | &Method::PUT, None) => refusal(StatusCode::NOT_FOUND),
            (&Method::POST, None) => self.store(body),
            (&Method::PUT, Some(stored)) if !self.always_conflicts => {
                let sent: Value = serde_json::from_slice(body).unwrap();
                if sent["metadata"]["resourceVersion"] == stored["metadata"]["resourceVersion"] {
                    self.store(body)
                } else {
                    refusal(StatusCode::CONFLICT)
                }
            }
            _ => refusal(StatusCode::CONFLICT),
        }
    }

    fn store(&mut self, body: &[u8]) -> (StatusCode, Value) {
        let mut lease: Value = serde_json::from_slice(body).unwrap();
        self.version += 1;
        lease["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.lease = Some(lease.clone());
        (StatusCode::OK, lease)
    }
}

fn refusal(status: StatusCode) -> (StatusCode, Value) {
    let reason = status.canonical_reason().unwrap_or_default().replace(' ', "");
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "message": reason, "reason": reason, "code": status.as_u16(),
    });
    (status, body)
}
