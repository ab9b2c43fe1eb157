//! A merge patch of a root Secret: annotations and data, over one version of it.

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::root_notes::Origin;
use crate::api::duration;
use crate::api::names::{annotation, key};
use crate::pki::AuthorityPem;
use crate::plan::terms::Terms;

/// Keys of the announced root.
pub(super) const NEXT: [&str; 3] = [key::NEXT_CERTIFICATE, key::NEXT_PRIVATE_KEY, key::NEXT_TRUST_BUNDLE];
/// Keys of the signer.
pub(super) const SIGNER: [&str; 3] = [key::CERTIFICATE, key::PRIVATE_KEY, key::TRUST_BUNDLE];

/// A patch of a root Secret in the making.
#[derive(Default)]
pub(super) struct Patch {
    annotations: Map<String, Value>,
    data: Map<String, Value>,
}

impl Patch {
    pub(super) fn note(&mut self, key: &str, value: &str) {
        self.annotations.insert(key.into(), json!(value));
    }

    pub(super) fn json<T: Serialize>(&mut self, key: &str, value: &T) {
        self.note(key, &serde_json::to_string(value).unwrap_or_default());
    }

    pub(super) fn forget(&mut self, key: &str) {
        self.annotations.insert(key.into(), Value::Null);
    }

    pub(super) fn text(&mut self, key: &str, text: &str) {
        let value = if text.is_empty() { Value::Null } else { json!(ByteString(text.as_bytes().to_vec())) };
        self.data.insert(key.into(), value);
    }

    pub(super) fn octets(&mut self, key: &str, octets: &[u8]) {
        self.data.insert(key.into(), json!(ByteString(octets.to_vec())));
    }

    pub(super) fn put(&mut self, keys: [&str; 3], pem: &AuthorityPem) {
        let pairs = keys.into_iter().zip(contents(pem));
        self.data.extend(pairs.map(|(key, content)| (key.to_owned(), json!(content))));
    }

    pub(super) fn drop_keys<const N: usize>(&mut self, keys: [&str; N]) {
        self.data.extend(keys.map(|key| (key.to_owned(), Value::Null)));
    }

    /// Everything that a Secret holds.
    pub(super) fn all_of(&mut self, secret: &Secret) {
        let annotations = secret.metadata.annotations.iter().flatten();
        self.annotations.extend(annotations.map(|(key, value)| (key.clone(), json!(value))));
        self.data.extend(secret.data.iter().flatten().map(|(key, value)| (key.clone(), json!(value))));
    }

    /// Another CA signs; nothing is announced any more.
    pub(super) fn signer(&mut self, pem: &AuthorityPem, origin: Origin, terms: &Terms) {
        self.drop_keys(NEXT);
        self.put(SIGNER, pem);
        self.forget(annotation::NEXT_ORIGIN);
        self.note(annotation::ORIGIN, origin.as_str());
        self.note(annotation::MAX_LEAF_TTL, &duration::format(terms.max_leaf_ttl));
    }

    pub(super) fn over(self, version: &str) -> Value {
        let metadata = json!({ "resourceVersion": version, "annotations": self.annotations });
        json!({ "metadata": metadata, "data": self.data })
    }
}

pub(super) fn contents(pem: &AuthorityPem) -> [ByteString; 3] {
    [ByteString(pem.chain.clone()), ByteString(pem.key.to_vec()), ByteString(pem.anchors.clone())]
}

/// A moment as annotations hold it: whole seconds.
pub(super) fn written(moment: Timestamp) -> String {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment).to_string()
}
