//! What the store of published trust bundles knows of ConfigMaps: their metadata, until they are read.
//!
//! A version that nothing has read may have held another text: where it is replaced or gone before it is read, that counts as drift.

use std::collections::hash_map::Entry;

use super::store::{Availability, BundleStore, ListScope, ObservedBundle};
use crate::api::names::label;
use crate::operator::index::digest::{hash_of, version_number};
use crate::operator::index::listed::Listed;
use crate::operator::index::metadata::BundleMetadata;
use crate::plan::trust_bundle::decide::{PublishedBundle, Target};

/// The target of a ConfigMap with these metadata.
#[must_use]
pub fn config_map(metadata: &BundleMetadata) -> Target {
    Target::ConfigMap { namespace: metadata.namespace.as_str().into(), name: metadata.name.as_str().into() }
}

/// What metadata say of a bundle, if it is this operator's.
#[must_use]
pub fn observed(metadata: &BundleMetadata) -> Option<ObservedBundle> {
    let published = PublishedBundle {
        authority: metadata.labels.authority.as_deref().map(Into::into),
        text: None,
        trust: hash_of(metadata.annotations.trust.as_deref()?),
        is_labelled: metadata.labels.manager.as_deref() == Some(label::MANAGER),
        is_immutable: false,
        is_read: false,
    };
    Some(ObservedBundle { published, uid: metadata.uid.clone(), version: metadata.resource_version.clone() })
}

impl BundleStore {
    /// A watch shows the metadata of a bundle of this operator. The version that was read, or written, last is known.
    pub fn apply_metadata(&mut self, target: &Target, seen: ObservedBundle, is_from_list: bool) {
        let list = self.list;
        let mut before = None;
        if let Some(listed) = self.published.get_mut(target).filter(|listed| listed.item.uid == seen.uid) {
            if listed.item.version == seen.version {
                listed.is_seen_in(list);
                return;
            }
            let is_late = version_number(&seen.version) < version_number(&listed.item.version);
            if is_late && !is_from_list {
                self.drifted.insert(target.clone());
                return;
            }
            before = Some(&listed.item.published);
        }
        let published = PublishedBundle {
            text: before.and_then(|before| before.text),
            is_immutable: before.is_some_and(|before| before.is_immutable),
            ..seen.published
        };
        let version = seen.version.clone();
        self.published.insert(target.clone(), Listed::new(ObservedBundle { published, ..seen }, list));
        self.note_unread(target);
        self.unread.insert(target.clone(), version);
        self.clear_failure(target);
    }

    /// This version of a bundle was read. One that was to be read and is another may have held anything.
    pub(super) fn was_read(&mut self, target: &Target, version: &str) {
        if let Entry::Occupied(unread) = self.unread.entry(target.clone())
            && unread.remove() != version
        {
            self.drifted.insert(target.clone());
        }
    }

    /// A version that was to be read is gone.
    pub(super) fn note_unread(&mut self, target: &Target) {
        if self.unread.remove(target).is_some() {
            self.drifted.insert(target.clone());
        }
    }

    /// ConfigMaps of a scope are watched from now on, or cannot be: a sentence.
    pub fn set_config_maps(&mut self, scope: ListScope, access: Result<(), String>) {
        self.config_maps.insert(scope, access);
        self.revision += 1;
    }

    /// ConfigMaps of a scope are not watched any more.
    pub fn close_config_maps(&mut self, scope: &ListScope) {
        self.config_maps.remove(scope);
        self.listed.remove(scope);
        self.revision += 1;
    }

    /// Whether it is not known yet what is at a target. Where it cannot be seen, that is known.
    #[must_use]
    pub fn is_unknown(&self, target: &Target) -> bool {
        let is_denied = match (target, self.availability()) {
            (Target::Cluster { .. }, Availability::NotServed | Availability::Denied(_)) => true,
            _ => self.denied(target).is_some(),
        };
        !is_denied && !self.is_listed(target)
    }

    /// Why the ConfigMap at a target cannot be seen.
    #[must_use]
    pub fn denied(&self, target: &Target) -> Option<&str> {
        let of = self.config_maps.iter().filter(|(scope, _)| scope.covers(target));
        of.filter_map(|(_, access)| access.as_ref().err()).map(String::as_str).next()
    }

    /// Whether ConfigMaps are left to be looked after, or it is not known yet whether any are.
    #[must_use]
    pub fn has_config_maps(&self) -> bool {
        let is_unlisted = |(scope, access): (&ListScope, &Result<(), String>)| {
            access.is_ok() && !self.listed.contains(scope)
        };
        self.config_maps.iter().any(is_unlisted)
            || self.published.keys().any(|target| matches!(target, Target::ConfigMap { .. }))
    }
}
