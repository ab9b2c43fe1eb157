//! ConfigMaps and ClusterTrustBundles as trust bundles for clients without an identity, as they are read and written.
//!
//! An object with the annotation `trust` is this operator's; other keys, labels and annotations in it are kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{CustomResource, Resource};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::store::ObservedBundle;
use crate::api::names::{annotation, key, label, signer_name};
use crate::operator::index::digest::hash_of;
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

/// The trust bundle of an authority, as it is written.
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
    pub fn desired(&self) -> DesiredBundle<'a> {
        DesiredBundle { authority: self.authority, text: hash_of(self.text), trust: hash_of(self.trust) }
    }

    fn labels(&self) -> BTreeMap<String, String> {
        [(label::MANAGED_BY, label::MANAGER), (label::AUTHORITY, self.authority)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
    }

    fn annotations(&self) -> BTreeMap<String, String> {
        [(annotation::TRUST.to_owned(), self.trust.to_owned())].into()
    }

    fn metadata(&self, target: &Target) -> ObjectMeta {
        ObjectMeta {
            name: Some(target.name().to_owned()),
            namespace: target.namespace().map(str::to_owned),
            labels: Some(self.labels()),
            annotations: Some(self.annotations()),
            ..ObjectMeta::default()
        }
    }
}

/// A kind of object that holds a trust bundle.
pub trait BundleObject: Resource<DynamicType = ()> + Sized {
    /// The bundle in it.
    fn text(&self) -> Option<&str>;
    /// Whether that cannot be changed.
    fn is_immutable(&self) -> bool;
    /// Its target.
    fn target(&self) -> Target;
    /// A new one.
    fn new_at(target: &Target, bundle: &RenderedBundle<'_>) -> Self;
    /// The part of a merge patch that holds the bundle.
    fn content(bundle: &RenderedBundle<'_>) -> (&'static str, Value);

    /// What the store keeps of it, if it is this operator's.
    fn observed(&self) -> Option<ObservedBundle> {
        let meta = self.meta();
        let of =
            |pairs: &Option<BTreeMap<String, String>>, key| pairs.as_ref().and_then(|p| p.get(key)).cloned();
        let trust = of(&meta.annotations, annotation::TRUST)?;
        let published = PublishedBundle {
            authority: of(&meta.labels, label::AUTHORITY).map(Arc::from),
            text: self.text().map(hash_of),
            trust: hash_of(&trust),
            is_labelled: of(&meta.labels, label::MANAGED_BY).as_deref() == Some(label::MANAGER),
            is_immutable: self.is_immutable(),
            is_read: true,
        };
        let uid = meta.uid.clone().unwrap_or_default();
        Some(ObservedBundle { published, uid, version: meta.resource_version.clone().unwrap_or_default() })
    }

    /// The patch that writes the bundle over this version.
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

    fn is_immutable(&self) -> bool {
        self.immutable == Some(true)
    }

    fn target(&self) -> Target {
        let [namespace, name] = [&self.metadata.namespace, &self.metadata.name]
            .map(|text| text.as_deref().unwrap_or_default().into());
        Target::ConfigMap { namespace, name }
    }

    fn new_at(target: &Target, bundle: &RenderedBundle<'_>) -> Self {
        let data = BTreeMap::from([(key::TRUST_BUNDLE.to_owned(), bundle.text.to_owned())]);
        Self { metadata: bundle.metadata(target), data: Some(data), ..Self::default() }
    }

    fn content(bundle: &RenderedBundle<'_>) -> (&'static str, Value) {
        ("data", json!({ key::TRUST_BUNDLE: bundle.text }))
    }
}

impl BundleObject for ClusterTrustBundle {
    fn text(&self) -> Option<&str> {
        Some(&self.spec.trust_bundle)
    }

    fn is_immutable(&self) -> bool {
        false
    }

    fn target(&self) -> Target {
        Target::Cluster { name: self.metadata.name.as_deref().unwrap_or_default().into() }
    }

    fn new_at(target: &Target, bundle: &RenderedBundle<'_>) -> Self {
        let spec = ClusterTrustBundleSpec {
            signer_name: Some(signer_name(bundle.authority)),
            trust_bundle: bundle.text.to_owned(),
        };
        Self { metadata: bundle.metadata(target), ..Self::new(target.name(), spec) }
    }

    fn content(bundle: &RenderedBundle<'_>) -> (&'static str, Value) {
        ("spec", json!({ "trustBundle": bundle.text }))
    }
}
