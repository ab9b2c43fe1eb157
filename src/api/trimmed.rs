//! An object as JSON without what only others use: annotations that are not ours, and managed fields but for who wrote last.
//!
//! They are skipped while they are parsed. Users of a namespace can make them as large as the API server allows.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use super::names::GROUP;

/// An object.
#[derive(Debug)]
pub(super) struct Trimmed(pub(super) Map<String, Value>);

/// A part of an object, and how each of its entries is parsed.
trait Part {
    /// The value of an entry; `None` where it is skipped.
    fn value<'de, A: MapAccess<'de>>(key: &str, map: &mut A) -> Result<Option<Value>, A::Error>;
}

struct Object;
struct Metadata;
struct Annotations;

impl Part for Object {
    fn value<'de, A: MapAccess<'de>>(key: &str, map: &mut A) -> Result<Option<Value>, A::Error> {
        match key {
            "metadata" => map.next_value().map(parsed::<Metadata>).map(Some),
            _ => map.next_value().map(Some),
        }
    }
}

impl Part for Metadata {
    fn value<'de, A: MapAccess<'de>>(key: &str, map: &mut A) -> Result<Option<Value>, A::Error> {
        match key {
            "managedFields" => map.next_value().map(|LastWrite(entry)| entry.map(|entry| json!([entry]))),
            "annotations" => map.next_value().map(parsed::<Annotations>).map(Some),
            _ => map.next_value().map(Some),
        }
    }
}

impl Part for Annotations {
    fn value<'de, A: MapAccess<'de>>(key: &str, map: &mut A) -> Result<Option<Value>, A::Error> {
        match key.split_once('/') {
            Some((GROUP, _)) => map.next_value().map(Some),
            _ => map.next_value::<IgnoredAny>().map(|_| None),
        }
    }
}

/// The newest entry of managed fields that is not about the status, without the list of fields.
struct LastWrite(Option<WriteEntry>);

/// What an entry of managed fields says of a write.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct WriteEntry {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    manager: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    /// RFC 3339 in UTC and whole seconds: the order of the texts is that of the times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(default, skip_serializing)]
    subresource: Option<String>,
}

impl<'de> Deserialize<'de> for LastWrite {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LastWriteVisitor)
    }
}

struct LastWriteVisitor;

impl<'de> Visitor<'de> for LastWriteVisitor {
    type Value = LastWrite;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of managed fields")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(LastWrite(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut last: Option<WriteEntry> = None;
        while let Some(entry) = entries.next_element::<WriteEntry>()? {
            let is_newer = last.as_ref().is_none_or(|last| entry.time >= last.time);
            if entry.subresource.is_none() && is_newer {
                last = Some(entry);
            }
        }
        Ok(LastWrite(last))
    }
}

/// A map of which entries are skipped.
struct Entries<P>(Map<String, Value>, PhantomData<P>);

fn parsed<P>(entries: Option<Entries<P>>) -> Value {
    entries.map_or(Value::Null, |entries| Value::Object(entries.0))
}

impl<'de, P: Part> Deserialize<'de> for Entries<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

struct EntriesVisitor<P>(PhantomData<P>);

impl<'de, P: Part> Visitor<'de> for EntriesVisitor<P> {
    type Value = Entries<P>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if let Some(value) = P::value(&key, &mut map)? {
                entries.insert(key, value);
            }
        }
        Ok(Entries(entries, PhantomData))
    }
}

impl<'de> Deserialize<'de> for Trimmed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Entries::<Object>::deserialize(deserializer).map(|object| Self(object.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn managed_fields_but_the_last_writer_and_annotations_of_others_are_skipped_and_nothing_else() {
        let mut object = json!({
            "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsIdentity",
            "metadata": {
                "name": "web", "labels": { "app": "web" }, "finalizers": ["example.com/keep"],
                "annotations": { "mtls-operator.dev/renew": "1" },
            },
            "spec": { "secret": { "annotations": { "example.com/kept": "yes" } } },
            "status": { "managedFields": "kept" },
        });
        let mut trimmed = object.clone();
        let write =
            |manager: &str, time: &str| json!({ "manager": manager, "operation": "Apply", "time": time });
        let with = |mut write: Value, key: &str, value: Value| {
            write[key] = value;
            write
        };
        trimmed["metadata"]["managedFields"] = json!([write("argocd", "2026-11-30T12:00:00Z")]);
        object["metadata"]["managedFields"] = json!([
            with(write("kubectl", "2026-11-30T11:59:59Z"), "fieldsV1", json!({ "f:spec": {} })),
            with(write("argocd", "2026-11-30T12:00:00Z"), "fieldsV1", json!({ "f:spec": {} })),
            with(write("mtls-operator", "2026-11-30T12:00:09Z"), "subresource", json!("status")),
            write("helm", "2026-11-29T12:00:00Z"),
        ]);
        for foreign in ["kubectl.kubernetes.io/last-applied-configuration", "mtls-operator.developer/x", "x"]
        {
            object["metadata"]["annotations"][foreign] = json!("ballast");
        }
        let Trimmed(parsed) = serde_json::from_value(object).unwrap();
        assert_eq!(Value::Object(parsed), trimmed);
    }

    #[test]
    fn metadata_and_annotations_may_be_missing_or_null() {
        for object in [json!({}), json!({ "metadata": null }), json!({ "metadata": { "annotations": null } })]
        {
            let Trimmed(parsed) = serde_json::from_value(object.clone()).unwrap();
            assert_eq!(Value::Object(parsed), object);
        }
    }
}
