//! What etcd has stored: how often, since the API server may fail to answer for a write that it has made and answer for
//! one that changed nothing; and how much.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use kube::{Client, Config};
use mtls_operator::runtime::client::connect;
use mtls_operator::runtime::clock::Clock;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use test_support::Failure;

use crate::report::figures::count;

/// Kinds that an identity is stored as.
const KINDS: [&str; 2] = ["secrets", "mtls-operator.dev/mtlsidentities"];

/// The JSON gateway of etcd.
pub struct Etcd {
    client: Client,
}

#[derive(Deserialize)]
struct Range {
    #[serde(default)]
    kvs: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    /// How often the key was written since it was created.
    version: String,
    key: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
struct Status {
    #[serde(rename = "dbSize")]
    size: String,
}

impl Etcd {
    /// That of this address.
    pub fn at(url: &str) -> Result<Self, Failure> {
        Ok(Self { client: connect(Config::new(url.parse()?), Clock::system())? })
    }

    /// How often the objects of an identity's kinds in a namespace were written, those that exist.
    pub async fn writes(&self, namespace: &str) -> Result<usize, Failure> {
        let mut writes = 0;
        for kind in KINDS {
            let entries = self.below(&prefix(kind, namespace), json!({ "keys_only": true })).await?;
            writes += entries.iter().map(|entry| entry.version.parse::<usize>()).sum::<Result<usize, _>>()?;
        }
        Ok(writes)
    }

    /// Bytes of keys and values of an identity and its Secret, the mean over some of a namespace.
    pub async fn stored_bytes(&self, namespace: &str) -> Result<f64, Failure> {
        let mut bytes = 0.0;
        for kind in KINDS {
            let entries = self.below(&prefix(kind, namespace), json!({ "limit": 100 })).await?;
            let sizes = entries.iter().map(Entry::size).sum::<Result<usize, Failure>>()?;
            bytes += count(sizes) / count(entries.len().max(1));
        }
        Ok(bytes)
    }

    /// Bytes of etcd's file.
    pub async fn database_size(&self) -> Result<f64, Failure> {
        let Status { size } = self.ask("/v3/maintenance/status", &json!({})).await?;
        Ok(size.parse()?)
    }

    async fn below(&self, prefix: &str, options: Value) -> Result<Vec<Entry>, Failure> {
        // The end of the range is the first key that does not begin so: `0` follows `/`.
        let end = format!("{}0", prefix.trim_end_matches('/'));
        let mut range = options;
        range["key"] = json!(STANDARD.encode(prefix));
        range["range_end"] = json!(STANDARD.encode(end));
        let Range { kvs } = self.ask("/v3/kv/range", &range).await?;
        Ok(kvs)
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str, question: &Value) -> Result<T, Failure> {
        let request = Request::post(path).body(serde_json::to_vec(question)?)?;
        Ok(self.client.request(request).await?)
    }
}

impl Entry {
    fn size(&self) -> Result<usize, Failure> {
        Ok(STANDARD.decode(&self.key)?.len() + STANDARD.decode(&self.value)?.len())
    }
}

fn prefix(kind: &str, namespace: &str) -> String {
    format!("/registry/{kind}/{namespace}/")
}
