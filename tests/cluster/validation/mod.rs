//! The rules of the CRDs, judged by the API server: what is refused, in which words, and what is accepted.

mod accepted;
mod authority;
mod dry_run;
mod identity;
mod immutable;

use serde_json::{Value, json};

pub fn numbered(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{prefix}{number}")).collect()
}

pub fn pairs(count: usize) -> Value {
    numbered("k", count).into_iter().map(|key| (key, json!("v"))).collect()
}

/// Bad specs, with the words that a user reads.
pub type Table = Vec<(Value, &'static str)>;

pub fn many_grants(count: usize) -> Vec<Value> {
    numbered("g", count).iter().map(|name| all_namespaces(name)).collect()
}

pub fn all_namespaces(name: &str) -> Value {
    json!({ "name": name, "namespaces": { "from": "All" } })
}
