//! A merge patch of a root Secret: annotations and data.
//!
//! It is sent with the version that it was decided for; what it holds is wiped when it is dropped.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use serde::Serialize;
use serde_json::{Value, json};
use zeroize::Zeroize as _;

use super::ca_pem::{NEXT, SIGNER};
use crate::api::duration;
use crate::api::names::{annotation, key};
use crate::pki::{AuthorityPem, CrossCertificate, Fingerprint, TrustBundle, whole_second};
use crate::plan::authority::origin::Origin;
use crate::plan::authority::retiring_root::RetiringRoot;
use crate::plan::authority::spec::AuthoritySpec;

/// A patch of a root Secret. `None` removes a key. What it holds is wiped when it is dropped: there are keys in it.
#[derive(Default)]
pub struct RootPatch {
    annotations: BTreeMap<String, Option<String>>,
    data: BTreeMap<String, Option<ByteString>>,
}

impl RootPatch {
    pub(super) fn annotate(&mut self, key: &str, value: &str) {
        self.annotations.insert(key.into(), Some(value.into()));
    }

    pub(super) fn set_json<T: Serialize>(&mut self, key: &str, value: &T) {
        self.annotate(key, &serde_json::to_string(value).unwrap_or_default());
    }

    pub(super) fn remove_annotation(&mut self, key: &str) {
        self.annotations.insert(key.into(), None);
    }

    pub(super) fn set_text(&mut self, key: &str, text: &str) {
        let value = (!text.is_empty()).then(|| ByteString(text.as_bytes().to_vec()));
        self.data.insert(key.into(), value);
    }

    pub(super) fn set_cross_certificate(&mut self, key: &str, cross: Option<&CrossCertificate>) {
        self.set_text(key, &cross.map_or_else(String::new, CrossCertificate::to_pem));
    }

    pub(crate) fn set_octets(&mut self, key: &str, octets: &[u8]) {
        self.data.insert(key.into(), Some(ByteString(octets.to_vec())));
    }

    pub(super) fn set_ca(&mut self, keys: [&str; 3], pem: &AuthorityPem) {
        let pairs = keys.into_iter().zip(contents(pem));
        self.data.extend(pairs.map(|(key, content)| (key.to_owned(), Some(content))));
    }

    pub(super) fn remove_keys<const N: usize>(&mut self, keys: [&str; N]) {
        self.data.extend(keys.map(|key| (key.to_owned(), None)));
    }

    /// Sets the retiring roots, and of the stored anchors those that are theirs.
    pub(super) fn set_retiring(&mut self, roots: &[RetiringRoot], stored: Option<&TrustBundle>) {
        self.set_json(annotation::RETIRING, &roots);
        let is_theirs = |anchor: &Fingerprint| {
            let anchor = anchor.to_string();
            roots.iter().any(|root| root.anchors.contains(&anchor))
        };
        let anchors = stored.and_then(|stored| {
            let theirs: Vec<_> = stored.fingerprints().filter(is_theirs).collect();
            stored.only(&theirs)
        });
        self.set_text(key::RETIRING, anchors.as_ref().map_or("", TrustBundle::to_pem));
    }

    /// Sets everything that a Secret holds.
    pub(super) fn set_all_of(&mut self, secret: &Secret) {
        let annotations = secret.metadata.annotations.iter().flatten();
        self.annotations.extend(annotations.map(|(key, value)| (key.clone(), Some(value.clone()))));
        self.data.extend(secret.data.iter().flatten().map(|(key, value)| (key.clone(), Some(value.clone()))));
    }

    /// Sets the CA that signs, and removes the announced one.
    pub(super) fn set_signer(&mut self, pem: &AuthorityPem, origin: Origin, spec: &AuthoritySpec) {
        self.remove_keys(NEXT);
        self.set_ca(SIGNER, pem);
        self.remove_annotation(annotation::NEXT_ORIGIN);
        self.annotate(annotation::ORIGIN, origin.as_str());
        self.annotate(annotation::MAX_LEAF_TTL, &duration::format(spec.max_leaf_ttl));
    }

    /// The request. It names the version that the patch was decided for, so that the API server refuses it for any other.
    #[must_use]
    pub fn at_version(&self, version: &str) -> Value {
        let metadata = json!({ "resourceVersion": version, "annotations": self.annotations });
        json!({ "metadata": metadata, "data": self.data })
    }

    /// What the API server will make of this Secret.
    #[must_use]
    pub fn applied_to(&self, secret: &Secret) -> Secret {
        let mut secret = secret.clone();
        merge(secret.metadata.annotations.get_or_insert_default(), &self.annotations);
        merge(secret.data.get_or_insert_default(), &self.data);
        secret
    }
}

impl Drop for RootPatch {
    fn drop(&mut self) {
        self.data.values_mut().flatten().for_each(|value| value.0.zeroize());
    }
}

/// RFC 7386 of one object: what is null is removed.
fn merge<T: Clone>(content: &mut BTreeMap<String, T>, patch: &BTreeMap<String, Option<T>>) {
    for (key, value) in patch {
        match value {
            Some(value) => drop(content.insert(key.clone(), value.clone())),
            None => drop(content.remove(key)),
        }
    }
}

pub(super) fn contents(pem: &AuthorityPem) -> [ByteString; 3] {
    [ByteString(pem.chain.clone()), ByteString(pem.key.to_vec()), ByteString(pem.anchors.clone())]
}

/// A moment as annotations hold it: RFC 3339, whole seconds.
pub(super) fn timestamp_text(moment: Timestamp) -> String {
    whole_second(moment).to_string()
}
