//! Counts of what etcd has stored: the API server may fail to answer for a write that it has made, and
//! answer for one that changed nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use kube::{Client, Config};
use mtls_operator::runtime::client::connect;
use mtls_operator::runtime::clock::Clock;
use serde::Deserialize;
use serde_json::json;
use test_support::Failure;

/// The JSON gateway of etcd.
pub struct Etcd {
    client: Client,
}

#[derive(Deserialize)]
struct Range {
    #[serde(default)]
    kvs: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    /// How often the key was written since it was created.
    version: String,
}

impl Etcd {
    /// That of this address.
    pub fn at(url: &str) -> Result<Self, Failure> {
        Ok(Self { client: connect(Config::new(url.parse()?), Clock::system())? })
    }

    /// How often the objects of the fleet's kinds in a namespace were written, those that exist.
    pub async fn writes(&self, namespace: &str) -> Result<usize, Failure> {
        let mut writes = 0;
        for kind in ["secrets", "mtls-operator.dev/mtlsidentities"] {
            writes += self.writes_below(&format!("/registry/{kind}/{namespace}/")).await?;
        }
        Ok(writes)
    }

    async fn writes_below(&self, prefix: &str) -> Result<usize, Failure> {
        // The end of the range is the first key that does not begin so: `0` follows `/`.
        let end = format!("{}0", prefix.trim_end_matches('/'));
        let range =
            json!({ "key": STANDARD.encode(prefix), "range_end": STANDARD.encode(end), "keys_only": true });
        let request = Request::post("/v3/kv/range").body(serde_json::to_vec(&range)?)?;
        let Range { kvs } = self.client.request(request).await?;
        Ok(kvs.iter().map(|key| key.version.parse::<usize>()).sum::<Result<usize, _>>()?)
    }
}
