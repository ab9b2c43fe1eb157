//! The objects that carry a trust bundle to clients without an identity: ConfigMaps and ClusterTrustBundles, as they are
//! read and as they are written. Ours is what has the annotation `trust`; keys, labels and annotations of others stay.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{CustomResource, Resource};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::store::ObservedBundle;
use crate::api::names::{annotation, key, label, signer_name};
use crate::operator::index::digest::digest;
use crate::plan::trust_bundle::decide::{DesiredBundle, PublishedBundle, Target};

/// What a ClusterTrustBundle holds. Of `certificates.k8s.io/v1`, which is younger than the API that this is built for.
#[derive(CustomResource, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[kube(
    group = "certificates.k8s.io",
    version = "v1",
    kind = "ClusterTrustBundle",
    plural = "clustertrustbundles",
    schema = "disabled"
)]
#[serde(rename_all = "camelCase")]
pub struct ClusterTrustBundleSpec {
    /// The signer that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer_name: Option<String>,
    /// The roots (PEM).
    pub trust_bundle: String,
}

/// A trust bundle and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct RenderedBundle<'a> {
    /// Name of its authority.
    pub authority: &'a str,
    /// The roots (PEM).
    pub text: &'a str,
    /// Hash of the set of roots.
    pub trust: &'a str,
}

impl<'a> RenderedBundle<'a> {
    /// The same, as decisions compare it.
    #[must_use]
    pub fn wanted(&self) -> DesiredBundle<'a> {
        DesiredBundle { authority: self.authority, text: digest(self.text), trust: digest(self.trust) }
    }

    fn labels(&self) -> BTreeMap<String, String> {
        [(label::MANAGED_BY, label::MANAGER), (label::AUTHORITY, self.authority)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
    }

    fn annotations(&self) -> BTreeMap<String, String> {
        [(annotation::TRUST.to_owned(), self.trust.to_owned())].into()
    }

    fn metadata(&self, place: &Target) -> ObjectMeta {
        ObjectMeta {
            name: Some(place.name().to_owned()),
            namespace: place.namespace().map(str::to_owned),
            labels: Some(self.labels()),
            annotations: Some(self.annotations()),
            ..ObjectMeta::default()
        }
    }
}

/// A kind of object that carries a trust bundle.
pub trait BundleObject: Resource<DynamicType = ()> + Sized {
    /// The bundle in it.
    fn text(&self) -> Option<&str>;
    /// Whether that cannot be changed.
    fn is_frozen(&self) -> bool;
    /// Where it lies.
    fn place(&self) -> Target;
    /// A new one.
    fn new_at(place: &Target, bundle: &RenderedBundle<'_>) -> Self;
    /// The part of a merge patch that holds the bundle.
    fn content(bundle: &RenderedBundle<'_>) -> (&'static str, Value);

    /// What is to be remembered of it, where it is ours.
    fn seen(&self) -> Option<ObservedBundle> {
        let meta = self.meta();
        let of =
            |pairs: &Option<BTreeMap<String, String>>, key| pairs.as_ref().and_then(|p| p.get(key)).cloned();
        let trust = of(&meta.annotations, annotation::TRUST)?;
        let posted = PublishedBundle {
            authority: of(&meta.labels, label::AUTHORITY).map(Arc::from),
            text: self.text().map(digest),
            trust: digest(&trust),
            is_labelled: of(&meta.labels, label::MANAGED_BY).as_deref() == Some(label::MANAGER),
            is_frozen: self.is_frozen(),
        };
        let uid = meta.uid.clone().unwrap_or_default();
        Some(ObservedBundle { posted, uid, version: meta.resource_version.clone().unwrap_or_default() })
    }

    /// The patch that makes what has this version what it shall be.
    #[must_use]
    fn patch(bundle: &RenderedBundle<'_>, version: &str) -> Value {
        let (field, content) = Self::content(bundle);
        json!({
            "metadata": {
                "resourceVersion": version, "labels": bundle.labels(), "annotations": bundle.annotations(),
            },
            field: content,
        })
    }
}

impl BundleObject for ConfigMap {
    fn text(&self) -> Option<&str> {
        self.data.as_ref()?.get(key::TRUST_BUNDLE).map(String::as_str)
    }

    fn is_frozen(&self) -> bool {
        self.immutable == Some(true)
    }

    fn place(&self) -> Target {
        let [namespace, name] = [&self.metadata.namespace, &self.metadata.name]
            .map(|text| text.as_deref().unwrap_or_default().into());
        Target::ConfigMap { namespace, name }
    }

    fn new_at(place: &Target, bundle: &RenderedBundle<'_>) -> Self {
        let data = BTreeMap::from([(key::TRUST_BUNDLE.to_owned(), bundle.text.to_owned())]);
        Self { metadata: bundle.metadata(place), data: Some(data), ..Self::default() }
    }

    fn content(bundle: &RenderedBundle<'_>) -> (&'static str, Value) {
        ("data", json!({ key::TRUST_BUNDLE: bundle.text }))
    }
}

impl BundleObject for ClusterTrustBundle {
    fn text(&self) -> Option<&str> {
        Some(&self.spec.trust_bundle)
    }

    fn is_frozen(&self) -> bool {
        false
    }

    fn place(&self) -> Target {
        Target::Cluster { name: self.metadata.name.as_deref().unwrap_or_default().into() }
    }

    fn new_at(place: &Target, bundle: &RenderedBundle<'_>) -> Self {
        let spec = ClusterTrustBundleSpec {
            signer_name: Some(signer_name(bundle.authority)),
            trust_bundle: bundle.text.to_owned(),
        };
        Self { metadata: bundle.metadata(place), ..Self::new(place.name(), spec) }
    }

    fn content(bundle: &RenderedBundle<'_>) -> (&'static str, Value) {
        ("spec", json!({ "trustBundle": bundle.text }))
    }
}
