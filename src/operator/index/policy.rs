//! What permissions of identities depend on: namespaces, and the specs of authorities, with their signers.
//!
//! Every change that a permission can depend on takes a new epoch, so that an identity is checked again only after such a change.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::digest::{Digest, digest};
use super::identity::{CachedPermission, IdentityEntry};
use super::issuer::{AuthorityEntry, IssuerEntry};
use super::time::{Millis, Second, millis};
use crate::plan::authority::spec::AuthoritySpec;
use crate::plan::identity::policy::{self, Permission};
use crate::plan::identity::profile::AuthoritySpecHash;
use crate::plan::identity::spec::IdentitySpec;
use crate::plan::selector::Labels;

/// A namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceEntry {
    /// Its labels.
    pub labels: Labels,
    /// Whether it is being deleted, so that nothing can be created in it.
    pub is_terminating: bool,
    /// When it was created.
    pub created: Option<Second>,
}

impl NamespaceEntry {
    /// A namespace with these labels.
    #[must_use]
    pub fn new(labels: Labels) -> Self {
        Self { labels, ..Self::default() }
    }
}

/// A namespace, and when it changed.
#[derive(Debug)]
struct Namespace {
    entry: NamespaceEntry,
    /// When this process saw it change last.
    changed: Millis,
    epoch: u64,
}

/// An authority, as far as identities depend on it.
#[derive(Debug)]
struct Authority {
    spec: Arc<AuthoritySpec>,
    entry: AuthorityEntry,
    /// When this process saw what permissions depend on change last.
    changed: Millis,
}

/// Holds namespaces and authorities as observed; returns what changed for identities. Pure.
#[derive(Debug, Default)]
pub struct PolicyIndex {
    namespaces: HashMap<Arc<str>, Namespace>,
    authorities: HashMap<Digest, Authority>,
    /// Authorities that another operator serves.
    served_elsewhere: HashSet<Digest>,
    epochs: u64,
}

impl PolicyIndex {
    /// A namespace.
    #[must_use]
    pub fn namespace(&self, name: &str) -> Option<&NamespaceEntry> {
        self.namespaces.get(name).map(|found| &found.entry)
    }

    /// Every namespace with its name.
    pub fn namespaces(&self) -> impl Iterator<Item = (&Arc<str>, &NamespaceEntry)> {
        self.namespaces.iter().map(|(name, found)| (name, &found.entry))
    }

    /// One copy of each namespace's name, however many objects are in it.
    #[must_use]
    pub fn intern(&self, namespace: &str) -> Arc<str> {
        self.namespaces.get_key_value(namespace).map_or_else(|| namespace.into(), |(name, _)| name.clone())
    }

    /// A namespace was seen. Returns its name if something has changed that identities depend on.
    pub fn apply_namespace(
        &mut self,
        name: &str,
        namespace: NamespaceEntry,
        now: Millis,
    ) -> Option<Arc<str>> {
        if let Some(known) = self.namespaces.get_mut(name) {
            known.entry.created = namespace.created;
            if known.entry == namespace {
                return None;
            }
        }
        let epoch = self.next_epoch();
        let name = self.intern(name);
        self.namespaces.insert(name.clone(), Namespace { entry: namespace, changed: now, epoch });
        Some(name)
    }

    /// A namespace is gone.
    pub fn remove_namespace(&mut self, name: &str) {
        self.namespaces.remove(name);
    }

    /// A list of namespaces ended: these were not in it.
    pub fn remove_namespaces(&mut self, is_gone: impl Fn(&Arc<str>) -> bool) {
        self.namespaces.retain(|name, _| !is_gone(name));
    }

    /// What identities need to know of an authority.
    #[must_use]
    pub fn authority(&self, authority: Digest) -> Option<&AuthorityEntry> {
        self.authorities.get(&authority).map(|found| &found.entry)
    }

    /// The signer of an authority.
    #[must_use]
    pub fn signer(&self, authority: Digest) -> Option<&IssuerEntry> {
        self.authority(authority)?.signer.as_ref()
    }

    /// Whether another operator serves this authority.
    #[must_use]
    pub fn is_served_elsewhere(&self, authority: Digest) -> bool {
        self.served_elsewhere.contains(&authority)
    }

    /// The spec of an authority was seen. Returns which authority it is if something has changed that identities depend on.
    pub fn apply_authority(&mut self, spec: &Arc<AuthoritySpec>, now: Millis) -> Option<Digest> {
        let name = digest(&spec.name);
        self.served_elsewhere.remove(&name);
        let profile = AuthoritySpecHash::of(spec);
        if let Some(known) = self.authorities.get_mut(&name) {
            let permits_the_same = policy::permits_the_same(&known.spec, spec);
            known.spec = spec.clone();
            if permits_the_same && known.entry.profile == profile {
                return None;
            }
        }
        let signer = self.authorities.remove(&name).and_then(|known| known.entry.signer);
        let entry = AuthorityEntry { epoch: self.next_epoch(), profile, signer };
        self.authorities.insert(name, Authority { spec: spec.clone(), entry, changed: now });
        Some(name)
    }

    /// An authority has this signer from now on, or none. Returns which authority it is, if it is known and the signer has
    /// changed.
    pub fn apply_issuer(&mut self, name: &str, signer: Option<IssuerEntry>) -> Option<Digest> {
        let name = digest(name);
        let known = &mut self.authorities.get_mut(&name)?.entry.signer;
        (std::mem::replace(known, signer) != *known).then_some(name)
    }

    /// An authority is gone. Returns which it was, if it was known.
    pub fn remove_authority(&mut self, name: &str) -> Option<Digest> {
        let name = digest(name);
        self.authorities.remove(&name).map(|_| name)
    }

    /// Another operator serves an authority. Returns which it was, if it was known.
    pub fn yield_authority(&mut self, name: &str) -> Option<Digest> {
        self.served_elsewhere.insert(digest(name));
        self.remove_authority(name)
    }

    /// What the authority permits of a spec; nothing where it cannot be read. `None` while authority or namespace is unknown.
    #[must_use]
    pub fn check(&self, entry: &IdentityEntry, spec: Option<&IdentitySpec>) -> Option<CachedPermission> {
        let (authority, namespace) = self.of(entry)?;
        let check = |spec| policy::permission(spec, &authority.spec, &namespace.entry.labels);
        Some(CachedPermission {
            epoch: epoch(authority, namespace),
            permission: spec.map_or(Permission::Refused, check),
        })
    }

    /// Whether an identity may have its names. `None` if its spec is needed to say that.
    #[must_use]
    pub fn permission(&self, entry: &IdentityEntry) -> Option<Permission> {
        let (authority, namespace) = self.of(entry)?;
        if entry.is_default_spec {
            return Some(policy::permission_of_default(
                &authority.spec,
                &entry.namespace,
                &namespace.entry.labels,
            ));
        }
        let cached = entry.permission.filter(|cached| cached.epoch == epoch(authority, namespace))?;
        Some(cached.permission)
    }

    /// When this process has seen something change last that a refusal of an identity depends on: this generation of it, its
    /// namespace, or what its authority permits.
    #[must_use]
    pub fn changed(&self, entry: &IdentityEntry) -> Millis {
        let namespace = self.namespaces.get(&entry.namespace).map(|namespace| namespace.changed);
        let authority = self.authorities.get(&entry.authority).map(|authority| authority.changed);
        [namespace, authority].into_iter().flatten().fold(millis(entry.first_seen.get()), Millis::max)
    }

    fn of(&self, entry: &IdentityEntry) -> Option<(&Authority, &Namespace)> {
        self.authorities.get(&entry.authority).zip(self.namespaces.get(&entry.namespace))
    }

    fn next_epoch(&mut self) -> u64 {
        self.epochs += 1;
        self.epochs
    }
}

/// Both numbers only rise, so their sum changes whenever one of them does.
const fn epoch(authority: &Authority, namespace: &Namespace) -> u64 {
    authority.entry.epoch + namespace.epoch
}
