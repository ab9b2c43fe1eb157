//! An object without what only others use: annotations that are not ours, and managed fields but for who wrote last.
//!
//! They are skipped while they are parsed. Users of a namespace can make them as large as the API server allows.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta, OwnerReference, Time};
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::names::GROUP;

/// An object. Its spec and status may be of another version.
#[derive(Debug, Deserialize)]
pub(super) struct Trimmed {
    /// Its metadata.
    pub(super) metadata: Option<Metadata>,
    /// Its spec.
    pub(super) spec: Option<Value>,
    /// Its status.
    pub(super) status: Option<Value>,
}

/// What is used of the metadata.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Metadata {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    generation: Option<i64>,
    creation_timestamp: Option<Time>,
    deletion_timestamp: Option<Time>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<Annotations>,
    finalizers: Option<Vec<String>>,
    owner_references: Option<Vec<OwnerReference>>,
    managed_fields: Option<LastWrite>,
}

impl From<Metadata> for ObjectMeta {
    fn from(meta: Metadata) -> Self {
        let write = meta.managed_fields.and_then(|LastWrite(write)| write);
        Self {
            name: meta.name,
            namespace: meta.namespace,
            uid: meta.uid,
            resource_version: meta.resource_version,
            generation: meta.generation,
            creation_timestamp: meta.creation_timestamp,
            deletion_timestamp: meta.deletion_timestamp,
            labels: meta.labels,
            annotations: meta.annotations.map(|Annotations(ours)| ours),
            finalizers: meta.finalizers,
            owner_references: meta.owner_references,
            managed_fields: write.map(|write| vec![write.into()]),
            ..Self::default()
        }
    }
}

/// Our annotations.
#[derive(Debug)]
struct Annotations(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AnnotationsVisitor)
    }
}

struct AnnotationsVisitor;

impl<'de> Visitor<'de> for AnnotationsVisitor {
    type Value = Annotations;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut ours = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.split_once('/') {
                Some((GROUP, _)) => drop(ours.insert(key, map.next_value()?)),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Annotations(ours))
    }
}

/// The newest entry of managed fields that is not about the status, without the list of fields.
#[derive(Debug)]
struct LastWrite(Option<WriteEntry>);

/// What an entry of managed fields says of a write.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WriteEntry {
    manager: Option<String>,
    operation: Option<String>,
    time: Option<Time>,
    subresource: Option<String>,
}

impl WriteEntry {
    fn at(&self) -> Option<jiff::Timestamp> {
        self.time.as_ref().map(|time| time.0)
    }
}

impl From<WriteEntry> for ManagedFieldsEntry {
    fn from(write: WriteEntry) -> Self {
        let WriteEntry { manager, operation, time, subresource } = write;
        Self { manager, operation, time, subresource, ..Self::default() }
    }
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
            let is_newer = last.as_ref().is_none_or(|last| entry.at() >= last.at());
            if entry.subresource.is_none() && is_newer {
                last = Some(entry);
            }
        }
        Ok(LastWrite(last))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
        let parsed: Trimmed = serde_json::from_value(object).unwrap();
        assert_eq!(
            serde_json::to_value(ObjectMeta::from(parsed.metadata.unwrap())).unwrap(),
            trimmed["metadata"]
        );
        assert_eq!(
            (parsed.spec.as_ref(), parsed.status.as_ref()),
            (trimmed.get("spec"), trimmed.get("status"))
        );
    }

    #[test]
    fn metadata_and_annotations_may_be_missing_or_null() {
        for object in [json!({}), json!({ "metadata": null }), json!({ "metadata": { "annotations": null } })]
        {
            let parsed: Trimmed = serde_json::from_value(object).unwrap();
            assert_eq!(ObjectMeta::from(parsed.metadata.unwrap_or_default()), ObjectMeta::default());
        }
    }
}
