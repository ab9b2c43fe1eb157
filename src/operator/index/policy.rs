//! What has a say over identities: namespaces, and authorities with who signs for them. Every change has a number, so that
//! an identity's names are judged again only after one that can matter to them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::digest::{Digest, digest};
use super::identity::{CachedPermission, IdentityEntry};
use super::issuer::{AuthorityEntry, IssuerEntry};
use super::time::Millis;
use crate::api::identity::MtlsIdentity;
use crate::plan::authority::spec::AuthoritySpec;
use crate::plan::identity::policy::{self, Permission};
use crate::plan::identity::profile::AuthoritySpecHash;
use crate::plan::identity::spec::IdentitySpec;
use crate::plan::selector::Labels;

/// A namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace {
    /// Its labels.
    pub labels: Labels,
    /// Whether it is being deleted, so that nothing can be created in it.
    pub is_terminating: bool,
    /// When it was made, in seconds since 1970.
    pub made: i64,
    /// When this process saw it change last, in milliseconds since 1970.
    changed: Millis,
    epoch: u64,
}

/// An authority, as far as identities depend on it.
#[derive(Debug)]
struct Authority {
    terms: Arc<AuthoritySpec>,
    mark: AuthorityEntry,
    /// When this process saw its terms change last, in milliseconds since 1970.
    changed: Millis,
}

/// Who has a say over which identity. Pure: it is told what the watches see, and says whom that concerns.
#[derive(Debug, Default)]
pub struct PolicyIndex {
    namespaces: HashMap<Arc<str>, Namespace>,
    authorities: HashMap<Digest, Authority>,
    /// Authorities that another operator serves.
    others: HashSet<Digest>,
    epochs: u64,
}

impl PolicyIndex {
    /// A namespace.
    #[must_use]
    pub fn namespace(&self, name: &str) -> Option<&Namespace> {
        self.namespaces.get(name)
    }

    /// Every namespace with its name.
    pub fn namespaces(&self) -> impl Iterator<Item = (&Arc<str>, &Namespace)> {
        self.namespaces.iter()
    }

    /// One copy of each namespace's name, however many objects live in it.
    #[must_use]
    pub fn shared(&self, namespace: &str) -> Arc<str> {
        self.namespaces.get_key_value(namespace).map_or_else(|| namespace.into(), |(name, _)| name.clone())
    }

    /// A namespace was seen. Returns its name if there is something new about it.
    pub fn saw_namespace(
        &mut self,
        name: &str,
        labels: Labels,
        is_terminating: bool,
        now: Millis,
    ) -> Option<Arc<str>> {
        let before = self.namespaces.get(name);
        if before.is_some_and(|n| n.labels == labels && n.is_terminating == is_terminating) {
            return None;
        }
        let made = before.map_or(0, |before| before.made);
        let epoch = self.next_epoch();
        let name = self.shared(name);
        self.namespaces.insert(name.clone(), Namespace { labels, is_terminating, made, changed: now, epoch });
        Some(name)
    }

    /// It was seen when a namespace was made, in seconds since 1970.
    pub fn dated_namespace(&mut self, name: &str, made: i64) {
        if let Some(namespace) = self.namespaces.get_mut(name) {
            namespace.made = made;
        }
    }

    /// A namespace was seen to be gone.
    pub fn lost_namespace(&mut self, name: &str) {
        self.namespaces.remove(name);
    }

    /// A list of namespaces ended: these were not in it.
    pub fn lost_namespaces(&mut self, is_gone: impl Fn(&Arc<str>) -> bool) {
        self.namespaces.retain(|name, _| !is_gone(name));
    }

    /// What identities need to know of an authority.
    #[must_use]
    pub fn authority(&self, authority: Digest) -> Option<&AuthorityEntry> {
        self.authorities.get(&authority).map(|found| &found.mark)
    }

    /// Who signs for an authority.
    #[must_use]
    pub fn signer(&self, authority: Digest) -> Option<&IssuerEntry> {
        self.authority(authority)?.signer.as_ref()
    }

    /// Whether another operator serves this authority.
    #[must_use]
    pub fn is_anothers(&self, authority: Digest) -> bool {
        self.others.contains(&authority)
    }

    /// The terms of an authority were seen. Returns which it is if they are new.
    pub fn saw_terms(&mut self, terms: &Arc<AuthoritySpec>, now: Millis) -> Option<Digest> {
        let name = digest(&terms.name);
        self.others.remove(&name);
        let before = self.authorities.get(&name);
        if before.is_some_and(|before| before.terms == *terms) {
            return None;
        }
        let signer = before.and_then(|before| before.mark.signer.clone());
        let mark = AuthorityEntry { epoch: self.next_epoch(), terms: AuthoritySpecHash::of(terms), signer };
        self.authorities.insert(name, Authority { terms: terms.clone(), mark, changed: now });
        Some(name)
    }

    /// An authority has this signer from now on, or none. Returns which it is, if it is known and that is news.
    pub fn saw_signer(&mut self, name: &str, signer: Option<IssuerEntry>) -> Option<Digest> {
        let name = digest(name);
        let known = &mut self.authorities.get_mut(&name)?.mark.signer;
        (std::mem::replace(known, signer) != *known).then_some(name)
    }

    /// An authority is gone. Returns which it was, if it was known.
    pub fn lost_authority(&mut self, name: &str) -> Option<Digest> {
        let name = digest(name);
        self.authorities.remove(&name).map(|_| name)
    }

    /// Another operator serves an authority. Returns which it was, if it was ours.
    pub fn yielded_authority(&mut self, name: &str) -> Option<Digest> {
        self.others.insert(digest(name));
        self.lost_authority(name)
    }

    /// What the terms say of an identity's names. `None` while its authority or namespace is unknown.
    #[must_use]
    pub fn judge(&self, entry: &IdentityEntry, identity: &MtlsIdentity) -> Option<CachedPermission> {
        let (authority, namespace) = self.of(entry)?;
        let permission = match IdentitySpec::parse(identity) {
            Ok(asked) => policy::permission(&asked, &authority.terms, &namespace.labels),
            Err(_) => Permission::Refused,
        };
        Some(CachedPermission { epoch: epoch(authority, namespace), permission })
    }

    /// Whether an identity may have its names. `None` if that must be judged anew.
    #[must_use]
    pub fn permission(&self, entry: &IdentityEntry) -> Option<Permission> {
        let (authority, namespace) = self.of(entry)?;
        if entry.is_plain {
            return Some(policy::permission_of_plain(&authority.terms, &entry.namespace, &namespace.labels));
        }
        let judgement = entry.judgement.filter(|judgement| judgement.epoch == epoch(authority, namespace))?;
        Some(judgement.permission)
    }

    /// When this process has seen something change last that a refusal of an identity depends on, in milliseconds since
    /// 1970: this generation of it, its namespace, or the terms of its authority.
    #[must_use]
    pub fn changed(&self, entry: &IdentityEntry) -> Millis {
        let namespace = self.namespaces.get(&entry.namespace).map_or(0, |namespace| namespace.changed);
        let authority = self.authorities.get(&entry.authority).map_or(0, |authority| authority.changed);
        entry.seen.saturating_mul(1000).max(namespace).max(authority)
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
    authority.mark.epoch + namespace.epoch
}
