//! Objects in etcd. A restore keeps `uid`, `status` and `resourceVersion`, which no request to the API server can.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{StreamExt as _, stream};
use http::Request;
use kube::{Client, Config};
use mtls_operator::runtime::client::connect;
use mtls_operator::runtime::clock::Clock;
use serde_json::{Value, json};

/// The JSON gateway of etcd. While the API server is stopped, there is no other writer, and each write has the next revision.
pub struct Etcd(Client);

/// A key that only counts: each write of it makes one more revision.
const FILLER: &str = "/filler";
/// Requests at once.
const AT_ONCE: usize = 32;

impl Etcd {
    /// That of this address.
    pub fn at(url: &str) -> Self {
        Self(connect(Config::new(url.parse().unwrap()), Clock::system()).unwrap())
    }

    /// Writes until the next write has this revision: that is what the API server shows as `resourceVersion`.
    pub async fn advance_to_before(&self, revision: i64) {
        let now = self.revision().await;
        assert!(now < revision, "revision {revision} is taken, this cluster is at {now} already");
        let fillers = stream::iter(now + 1..revision).map(|_| self.put(FILLER, "1"));
        fillers.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
    }

    /// Writes a value; returns its revision.
    pub async fn put(&self, key: &str, value: &str) -> i64 {
        let put = json!({ "key": STANDARD.encode(key), "value": STANDARD.encode(value) });
        revision(&self.ask("/v3/kv/put", &put).await)
    }

    async fn revision(&self) -> i64 {
        revision(&self.ask("/v3/kv/range", &json!({ "key": STANDARD.encode(FILLER) })).await)
    }

    async fn ask(&self, path: &str, body: &Value) -> Value {
        let request = Request::post(path).body(serde_json::to_vec(body).unwrap()).unwrap();
        self.0.request(request).await.unwrap()
    }
}

fn revision(answer: &Value) -> i64 {
    answer["header"]["revision"].as_str().unwrap().parse().unwrap()
}
