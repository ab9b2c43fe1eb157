//! An object as JSON without what only others use: managed fields, and annotations that are not ours.
//!
//! Both are skipped while they are parsed. Users of a namespace can make them as large as the API server allows.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

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
            "managedFields" => map.next_value::<IgnoredAny>().map(|_| None),
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
    use serde_json::json;

    use super::*;

    #[test]
    fn managed_fields_and_annotations_of_others_are_skipped_and_nothing_else() {
        let mut object = json!({
            "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsIdentity",
            "metadata": {
                "name": "web", "labels": { "app": "web" }, "finalizers": ["example.com/keep"],
                "annotations": { "mtls-operator.dev/renew": "1" },
            },
            "spec": { "secret": { "annotations": { "example.com/kept": "yes" } } },
            "status": { "managedFields": "kept" },
        });
        let trimmed = object.clone();
        object["metadata"]["managedFields"] = json!([{ "manager": "kubectl", "fieldsV1": { "f:spec": {} } }]);
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
