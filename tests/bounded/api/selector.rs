//! Which objects a list or a watch is of.

use serde_json::Value;

/// A collection, in one namespace or in all, of which only objects with some labels are wanted.
#[derive(Clone, Debug)]
pub struct Selector {
    pub kind: String,
    pub namespace: Option<String>,
    /// Labels and their values.
    pub labels: Vec<(String, String)>,
}

impl Selector {
    /// From the text of a query, where labels are compared with `=`.
    pub fn new(kind: &str, namespace: Option<&str>, labels: &str) -> Self {
        let pairs = labels.split(',').filter_map(|pair| pair.split_once('='));
        let labels = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Self { kind: kind.into(), namespace: namespace.map(str::to_owned), labels }
    }

    /// Whether it selects an object of this collection.
    pub fn selects(&self, kind: &str, object: &Value) -> bool {
        let metadata = &object["metadata"];
        let is_there = self.namespace.as_ref().is_none_or(|namespace| metadata["namespace"] == **namespace);
        self.kind == kind
            && is_there
            && self.labels.iter().all(|(key, value)| metadata["labels"][key] == **value)
    }
}
