//! What answers to writes of this operator say: metadata, but for managed fields, which take most of them.
//!
//! They are skipped while they are parsed: it is this operator that wrote last.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde::Deserialize;

/// An object that was written.
#[derive(Deserialize)]
pub(super) struct Written {
    metadata: WrittenMetadata,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WrittenMetadata {
    namespace: Option<String>,
    name: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    owner_references: Option<Vec<OwnerReference>>,
}

impl From<Written> for ObjectMeta {
    fn from(Written { metadata }: Written) -> Self {
        Self {
            namespace: metadata.namespace,
            name: metadata.name,
            uid: metadata.uid,
            resource_version: metadata.resource_version,
            labels: metadata.labels,
            annotations: metadata.annotations,
            owner_references: metadata.owner_references,
            ..Self::default()
        }
    }
}

/// An object that was written, of which only the version is used.
#[derive(Deserialize)]
pub(super) struct WrittenVersion {
    metadata: VersionOnly,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VersionOnly {
    resource_version: String,
}

impl From<WrittenVersion> for String {
    fn from(WrittenVersion { metadata }: WrittenVersion) -> Self {
        metadata.resource_version
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_of_an_answer_that_is_used_is_read_and_managed_fields_are_not() {
        let mut metadata = json!({
            "namespace": "shop", "name": "web-mtls", "uid": "1", "resourceVersion": "7",
            "labels": { "a": "b" }, "annotations": { "c": "d" },
            "ownerReferences": [{ "apiVersion": "v1", "kind": "Thing", "name": "web", "uid": "2" }],
        });
        let wanted: ObjectMeta = serde_json::from_value(metadata.clone()).unwrap();
        metadata["managedFields"] = json!([{ "manager": "mtls-operator", "fieldsV1": { "f:data": {} } }]);
        let answer = json!({ "kind": "PartialObjectMetadata", "metadata": metadata });
        let written: Written = serde_json::from_value(answer.clone()).unwrap();
        assert_eq!(ObjectMeta::from(written), wanted);
        let version: WrittenVersion = serde_json::from_value(answer).unwrap();
        assert_eq!(String::from(version), "7");
    }
}
