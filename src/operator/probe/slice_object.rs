//! An `EndpointSlice` as lists and watches deliver it: what probes use of it.
//!
//! Everything else is skipped while it is parsed: managed fields, annotations and the nodes, zones and hints of endpoints take more
//! than their addresses do, and clients of a namespace that may write slices fill them at will.

use std::borrow::Cow;

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Resource;
use serde::Deserialize;

use crate::operator::client::api_object::ApiObject;

/// An `EndpointSlice`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SliceObject {
    /// Metadata.
    pub metadata: SliceMetadata,
    // An empty list may be written as null.
    pub(super) ports: Option<Vec<SlicePort>>,
    pub(super) endpoints: Option<Vec<SliceEndpoint>>,
}

/// Its metadata.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SliceMetadata {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Version.
    pub resource_version: String,
    /// Labels.
    pub labels: SliceLabels,
}

/// Its labels that are used.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SliceLabels {
    /// Its Service.
    #[serde(rename = "kubernetes.io/service-name")]
    pub service: Option<String>,
    /// The controller that manages it.
    #[serde(rename = "endpointslice.kubernetes.io/managed-by")]
    pub manager: Option<String>,
}

/// A port of every endpoint.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SlicePort {
    pub(super) port: Option<i32>,
    pub(super) protocol: Option<String>,
}

/// An endpoint.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SliceEndpoint {
    pub(super) addresses: Vec<String>,
    pub(super) conditions: Option<EndpointConditions>,
    pub(super) target_ref: Option<EndpointTarget>,
}

/// What is known of an endpoint's state.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EndpointConditions {
    pub(super) ready: Option<bool>,
}

/// What an endpoint is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EndpointTarget {
    pub(super) kind: Option<String>,
    pub(super) namespace: Option<String>,
}

impl ApiObject for SliceObject {
    fn path(namespace: Option<&str>) -> String {
        EndpointSlice::url_path(&(), namespace)
    }

    fn plural() -> Cow<'static, str> {
        Cow::Owned(<EndpointSlice as Resource>::plural(&()).into_owned())
    }

    fn is_metadata() -> bool {
        false
    }

    fn version(&self) -> String {
        self.metadata.resource_version.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_without_endpoints_is_read_as_the_api_server_writes_it() {
        let empty = r#"{"metadata":{"name":"web-x","resourceVersion":"7"},"endpoints":null,"ports":null}"#;
        let slice: SliceObject = serde_json::from_str(empty).unwrap();
        assert!(slice.endpoints.is_none() && slice.ports.is_none());
        assert_eq!((slice.metadata.name.as_str(), slice.version()), ("web-x", "7".to_owned()));
    }

    #[test]
    fn what_is_read_has_the_names_of_the_api() {
        let written: EndpointSlice = serde_json::from_str(
            r#"{"addressType":"IPv4","ports":[{"port":8443,"protocol":"TCP"}],"endpoints":[{"addresses":["10.0.0.1"],
            "conditions":{"ready":true},"targetRef":{"kind":"Pod","namespace":"shop"},"nodeName":"n"}]}"#,
        )
        .unwrap();
        let read: SliceObject = serde_json::from_value(serde_json::to_value(&written).unwrap()).unwrap();
        let (port, endpoint) = (&read.ports.unwrap()[0], &read.endpoints.unwrap()[0]);
        assert_eq!((port.port, port.protocol.as_deref()), (Some(8443), Some("TCP")));
        assert_eq!(endpoint.addresses, ["10.0.0.1"]);
        assert_eq!(endpoint.conditions.as_ref().unwrap().ready, Some(true));
        let target = endpoint.target_ref.as_ref().unwrap();
        assert_eq!((target.kind.as_deref(), target.namespace.as_deref()), (Some("Pod"), Some("shop")));
    }
}
