//! Labels, annotations and owner reference of a leaf Secret.
//!
//! Those of this operator are kept in force, others are left alone, and a key that leaves the spec leaves the Secret.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Resource as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::api::MtlsIdentity;
use crate::api::identity::Reclaim;
use crate::api::names::{GROUP, annotation, label};
use crate::plan::identity::spec::IdentitySpec;

type Pairs = BTreeMap<String, String>;

/// What annotations say of the leaf in the Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafAnnotations {
    /// Serial number, hex.
    pub serial: String,
    /// End of validity.
    pub not_after: Timestamp,
    /// Key identifier of the signer, hex.
    pub authority_key_id: String,
    /// Hash of what was spec; left out while the authority is unknown.
    pub profile: Option<String>,
    /// Hash of the trust bundle; left out while the authority is unknown.
    pub trust: Option<String>,
    /// Moment of issuance.
    pub issued_at: Timestamp,
    /// Number of issuances so far.
    pub revision: i64,
    /// Renewal request that is answered.
    pub renew_request: Option<String>,
}

impl LeafAnnotations {
    fn annotations(&self) -> Pairs {
        let mut pairs = Pairs::from([
            (annotation::SERIAL.into(), self.serial.clone()),
            (annotation::NOT_AFTER.into(), self.not_after.to_string()),
            (annotation::AUTHORITY_KEY_ID.into(), self.authority_key_id.clone()),
            (annotation::ISSUED_AT.into(), self.issued_at.to_string()),
            (annotation::REVISION.into(), self.revision.to_string()),
        ]);
        let optional = [
            (annotation::PROFILE, &self.profile),
            (annotation::TRUST, &self.trust),
            (annotation::RENEW_REQUEST, &self.renew_request),
        ];
        pairs.extend(optional.into_iter().filter_map(|(key, value)| Some((key.into(), value.clone()?))));
        pairs
    }
}

/// Labels, annotations and owner reference that a leaf Secret should have.
#[derive(Clone, Debug, PartialEq)]
pub struct SecretMetadata {
    labels: Pairs,
    annotations: Pairs,
    owner: Option<OwnerReference>,
}

/// Keys that a spec put on a Secret, as the annotation `applied-keys` remembers them.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct AppliedKeys {
    labels: BTreeSet<String>,
    annotations: BTreeSet<String>,
}

impl SecretMetadata {
    /// Those of the Secret of this identity with this leaf in it.
    #[must_use]
    pub fn of(spec: &IdentitySpec, leaf: &LeafAnnotations) -> Self {
        let mut metadata = Self::lasting(spec);
        metadata.annotations.extend(leaf.annotations());
        metadata
    }

    /// Those that it should have whatever leaf is in it.
    #[must_use]
    pub fn lasting(spec: &IdentitySpec) -> Self {
        let mut labels = user_pairs(&spec.secret.labels);
        labels.extend([
            (label::MANAGED_BY.into(), label::MANAGER.into()),
            (label::AUTHORITY.into(), spec.authority.clone()),
            (label::IDENTITY.into(), spec.name.clone()),
        ]);
        let mut annotations = user_pairs(&spec.secret.annotations);
        annotations.insert(annotation::IDENTITY_UID.into(), spec.uid.clone());
        if let Some(keys) = applied_keys(spec) {
            annotations.insert(annotation::APPLIED_KEYS.into(), keys);
        }
        Self { labels, annotations, owner: owner(spec) }
    }

    /// The metadata of a Secret to be created.
    #[must_use]
    pub fn metadata(&self, spec: &IdentitySpec) -> ObjectMeta {
        ObjectMeta {
            name: Some(spec.secret.name.clone()),
            namespace: Some(spec.namespace.clone()),
            labels: Some(self.labels.clone()),
            annotations: Some(self.annotations.clone()),
            owner_references: self.owner.clone().map(|owner| vec![owner]),
            ..ObjectMeta::default()
        }
    }

    /// The merge patch of the metadata that turns what was found into what should be; empty where it is already.
    #[must_use]
    pub fn patch(&self, found: &ObjectMeta) -> Map<String, Value> {
        let empty = Pairs::new();
        let (labels, annotations) =
            (found.labels.as_ref().unwrap_or(&empty), found.annotations.as_ref().unwrap_or(&empty));
        let before = annotations
            .get(annotation::APPLIED_KEYS)
            .map_or_else(AppliedKeys::default, |text| serde_json::from_str(text).unwrap_or_default());
        let mut dropped: BTreeSet<&str> = before.annotations.iter().map(String::as_str).collect();
        dropped.insert(annotation::APPLIED_KEYS);
        let dropped_labels = before.labels.iter().map(String::as_str).collect();
        let mut patch = Map::new();
        insert(&mut patch, "labels", changes(labels, &self.labels, &dropped_labels));
        insert(&mut patch, "annotations", changes(annotations, &self.annotations, &dropped));
        if let Some(owners) = self.owners(found) {
            patch.insert("ownerReferences".into(), json!(owners));
        }
        patch
    }

    /// The merge patch of the annotations that describe the leaf, for a Secret that is otherwise as it should be.
    #[must_use]
    pub fn leaf_patch(&self) -> Map<String, Value> {
        let ours = self
            .annotations
            .iter()
            .filter(|(key, _)| is_reserved_key(key) && *key != annotation::APPLIED_KEYS);
        let annotations = ours.map(|(key, value)| (key.clone(), json!(value))).collect();
        Map::from_iter([("annotations".to_owned(), Value::Object(annotations))])
    }

    /// The merge patch of all labels and annotations, for a Secret of which some are not as they should be.
    #[must_use]
    pub fn whole_patch(&self) -> Map<String, Value> {
        let pairs = [("labels", &self.labels), ("annotations", &self.annotations)];
        pairs.into_iter().map(|(field, pairs)| (field.to_owned(), json!(pairs))).collect()
    }

    /// Which of them a Secret has otherwise or not at all, by the names under which people find them there.
    #[must_use]
    pub fn differing(&self, found: &ObjectMeta) -> Vec<String> {
        let named = |what: &str, wanted: &Pairs, found: Option<&Pairs>| {
            let differs =
                |(key, value): &(&String, &String)| found.and_then(|found| found.get(*key)) != Some(*value);
            wanted.iter().filter(differs).map(|(key, _)| format!("{what} {key}")).collect::<Vec<_>>()
        };
        let mut fields = named("label", &self.labels, found.labels.as_ref());
        fields.extend(named("annotation", &self.annotations, found.annotations.as_ref()));
        fields.extend(self.owners(found).map(|_| "metadata.ownerReferences".to_owned()));
        fields
    }

    /// The owners, others' kept, if they differ. A merge patch replaces the list as a whole.
    fn owners(&self, found: &ObjectMeta) -> Option<Vec<OwnerReference>> {
        let before = found.owner_references.clone().unwrap_or_default();
        let others = before.iter().filter(|owner| !is_identity(owner)).cloned();
        let after: Vec<OwnerReference> = others.chain(self.owner.clone()).collect();
        (after != before).then_some(after)
    }
}

/// The merge patch of the metadata that goes with another trust bundle.
#[must_use]
pub fn trust_patch(trust: &str) -> Map<String, Value> {
    Map::from_iter([("annotations".to_owned(), json!({ annotation::TRUST: trust }))])
}

fn insert(patch: &mut Map<String, Value>, key: &str, changes: Map<String, Value>) {
    if !changes.is_empty() {
        patch.insert(key.into(), Value::Object(changes));
    }
}

/// What to set, and what to take away because a former spec put it there.
fn changes(found: &Pairs, wanted: &Pairs, applied: &BTreeSet<&str>) -> Map<String, Value> {
    let set = wanted.iter().filter(|(key, value)| found.get(*key) != Some(value));
    let set = set.map(|(key, value)| (key.clone(), json!(value)));
    let gone = applied.iter().filter(|key| found.contains_key(**key) && !wanted.contains_key(**key));
    set.chain(gone.map(|key| ((*key).to_owned(), Value::Null))).collect()
}

/// What users may put on a Secret: nothing in the names that decisions are made from.
fn user_pairs(spec: &Pairs) -> Pairs {
    spec.iter()
        .filter(|(key, _)| !is_reserved_key(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn is_reserved_key(key: &str) -> bool {
    key.strip_prefix(GROUP).is_some_and(|rest| rest.starts_with('/')) || key == label::MANAGED_BY
}

fn applied_keys(spec: &IdentitySpec) -> Option<String> {
    let keys = |pairs: &Pairs| pairs.keys().filter(|key| !is_reserved_key(key)).cloned().collect();
    let applied =
        AppliedKeys { labels: keys(&spec.secret.labels), annotations: keys(&spec.secret.annotations) };
    (applied != AppliedKeys::default()).then(|| serde_json::to_string(&applied).unwrap_or_default())
}

fn owner(spec: &IdentitySpec) -> Option<OwnerReference> {
    (spec.secret.reclaim == Reclaim::Delete).then(|| OwnerReference {
        api_version: MtlsIdentity::api_version(&()).into_owned(),
        kind: MtlsIdentity::kind(&()).into_owned(),
        name: spec.name.clone(),
        uid: spec.uid.clone(),
        controller: Some(true),
        block_owner_deletion: Some(false),
    })
}

/// Whether an owner is an `MtlsIdentity` of any version.
#[must_use]
pub fn is_identity(owner: &OwnerReference) -> bool {
    let group = owner.api_version.split_once('/').map_or("", |(group, _)| group);
    group == GROUP && owner.kind == MtlsIdentity::kind(&())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(labels: &[(&str, &str)], reclaim: Reclaim) -> IdentitySpec {
        let mut spec = IdentitySpec::default_in("shop");
        spec.name = "web".into();
        spec.uid = "uid-1".into();
        spec.authority = "mesh".into();
        spec.secret.name = "web-mtls".into();
        spec.secret.reclaim = reclaim;
        spec.secret.labels = labels.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        spec
    }

    fn leaf_annotations() -> LeafAnnotations {
        LeafAnnotations {
            serial: "4a".into(),
            not_after: Timestamp::UNIX_EPOCH,
            authority_key_id: "0b".into(),
            profile: Some("v1:00".into()),
            trust: Some("t".into()),
            issued_at: Timestamp::UNIX_EPOCH,
            revision: 1,
            renew_request: None,
        }
    }

    fn stored(spec: &IdentitySpec) -> ObjectMeta {
        SecretMetadata::of(spec, &leaf_annotations()).metadata(spec)
    }

    #[test]
    fn a_secret_with_all_metadata_needs_no_patch() {
        let spec = spec(&[("team", "red")], Reclaim::Delete);
        assert_eq!(SecretMetadata::of(&spec, &leaf_annotations()).patch(&stored(&spec)), Map::new());
    }

    #[test]
    fn a_label_that_leaves_the_spec_leaves_the_secret_and_a_foreign_one_stays() {
        let mut found = stored(&spec(&[("team", "red"), ("tier", "1")], Reclaim::Delete));
        found.labels.get_or_insert_default().insert("foreign".into(), "x".into());
        let patch =
            SecretMetadata::of(&spec(&[("tier", "2")], Reclaim::Delete), &leaf_annotations()).patch(&found);
        assert_eq!(patch["labels"], json!({"team": null, "tier": "2"}));
    }

    #[test]
    fn labels_of_ours_cannot_be_overridden() {
        let spec = spec(&[(label::IDENTITY, "other"), (label::MANAGED_BY, "me")], Reclaim::Delete);
        let stored = stored(&spec).labels.unwrap();
        assert_eq!(stored[label::IDENTITY], "web");
        assert_eq!(stored[label::MANAGED_BY], label::MANAGER);
    }

    #[test]
    fn retaining_takes_our_owner_away_and_leaves_others() {
        let mut found = stored(&spec(&[], Reclaim::Delete));
        let other = OwnerReference { kind: "Application".into(), ..OwnerReference::default() };
        found.owner_references.get_or_insert_default().push(other.clone());
        let patch = SecretMetadata::of(&spec(&[], Reclaim::Retain), &leaf_annotations()).patch(&found);
        assert_eq!(patch["ownerReferences"], json!([other]));
    }
}
