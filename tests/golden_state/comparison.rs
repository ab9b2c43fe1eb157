//! The differences between objects of a generation and their present state. The sentences of conditions may differ: a version
//! that words one differently writes the status once. Everything else must be the same. Contents are never shown, since some
//! are keys.

use std::collections::{BTreeMap, BTreeSet};

use kube::Client;
use serde_json::Value;

use crate::generation::Object;

/// What a write changes of any object.
pub const VERSION: [&str; 2] = ["/metadata/resourceVersion", "/metadata/managedFields"];

/// Objects as they were, compared with what they are now.
#[derive(Default)]
pub struct Comparison {
    /// The fields that differ, by the object.
    pub changed: BTreeMap<String, Vec<String>>,
    /// Where the API server takes the statuses in which nothing but sentences of conditions has changed.
    pub reworded: BTreeSet<String>,
}

impl Comparison {
    /// Compares these objects, but for these fields.
    pub async fn of(objects: impl Iterator<Item = &Object>, client: &Client, but_for: &[&str]) -> Self {
        let mut comparison = Self::default();
        for object in objects {
            comparison.add(object, &object.now(client).await, but_for);
        }
        comparison
    }

    fn add(&mut self, object: &Object, now: &Value, but_for: &[&str]) {
        let mut fields = Vec::new();
        differences(&object.value, now, "", &mut fields);
        fields.retain(|field| !but_for.contains(&field.as_str()));
        let is_of_write = |field: &String| VERSION.contains(&field.as_str());
        let has_sentence = fields.iter().any(|field| is_sentence(field));
        if has_sentence && fields.iter().all(|field| is_sentence(field) || is_of_write(field)) {
            self.reworded.insert(format!("{}/status", object.path()));
        } else if !fields.is_empty() {
            self.changed.insert(object.title(), fields);
        }
    }
}

/// Whether this is the message of a condition.
fn is_sentence(field: &str) -> bool {
    field.strip_prefix("/status/conditions/").is_some_and(|rest| rest.ends_with("/message"))
}

/// The paths at which two values differ.
fn differences(one: &Value, other: &Value, path: &str, found: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            for key in one.keys().chain(other.keys().filter(|key| !one.contains_key(*key))) {
                let (one, other) = (one.get(key), other.get(key));
                let path = format!("{path}/{key}");
                differences(one.unwrap_or(&Value::Null), other.unwrap_or(&Value::Null), &path, found);
            }
        }
        // Who has written which field is one value.
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() && path != VERSION[1] => {
            for (at, (one, other)) in one.iter().zip(other).enumerate() {
                differences(one, other, &format!("{path}/{at}"), found);
            }
        }
        _ if one != other => found.push(path.to_owned()),
        _ => {}
    }
}
