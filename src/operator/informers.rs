//! Handlers of the watches: identities, leaf Secrets and Namespaces for the scheduler, authorities and root Secrets for the
//! store of authorities. A handler stores what an event shows and never waits.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::ResourceExt as _;

use super::context::Context;
use super::index::listed::{ListNumber, ListedKeys};
use crate::api::decoded::Decoded;
use crate::api::namespaced_name::NamespacedName;
use crate::api::{MtlsAuthority, MtlsIdentity};
use crate::operator::client::api_object::MetadataOf;
use crate::operator::client::watch::EventHandler;
use crate::operator::index::authorities::Authorities;
use crate::operator::index::awaited_object::{AwaitedKind, AwaitedObject};
use crate::operator::index::identity::ParsedIdentity;
use crate::operator::index::metadata::{LeafMetadata, NameOnly, NamespaceMetadata};
use crate::operator::index::policy::NamespaceEntry;
use crate::operator::index::time::{Millis, Second};
use crate::operator::probe::store::SharedProbeState;
use crate::operator::trust_bundle::shared::SharedBundleStore;
use crate::plan::authority::spec::AuthoritySpec;
use crate::runtime::shared::Shared;

/// An object that changes again and again has its authority reconciled at most this often.
const REQUEUE_AFTER: Millis = 1000;

/// Identities, for the scheduler and for probes.
pub struct IdentityHandler {
    context: Context,
    probes: SharedProbeState,
    scope: Option<String>,
    list: ListNumber,
}

impl IdentityHandler {
    /// Those of one namespace, or of all.
    #[must_use]
    pub fn new(context: Context, probes: SharedProbeState, scope: Option<String>) -> Self {
        Self { context, probes, scope, list: ListNumber::default() }
    }
}

impl EventHandler<Decoded<MtlsIdentity>> for IdentityHandler {
    fn init(&mut self) {
        self.list = self.context.scheduler.lock().start_list();
    }

    fn apply(&mut self, Decoded(identity): Decoded<MtlsIdentity>, is_from_list: bool) {
        let now = self.context.millis();
        self.probes.change_if(|probes| {
            if is_from_list { probes.apply_listed(&identity) } else { probes.apply(&identity) }
        });
        let parsed = ParsedIdentity::from(&identity);
        self.context.scheduler.change(|scheduler| scheduler.apply_identity(parsed, is_from_list, now));
        let (namespace, name) = (identity.namespace().unwrap_or_default(), identity.name_any());
        requeue_awaiting(&self.context, |awaited| awaited.is(AwaitedKind::Identity, &namespace, &name));
    }

    fn delete(&mut self, object: Decoded<MtlsIdentity>) {
        let now = self.context.millis();
        let namespace = object.namespace().unwrap_or_default();
        self.probes.lock().delete(&namespace, &object.name_any());
        self.context.scheduler.change(|scheduler| scheduler.delete_identity(&object.0, now));
        requeue_awaiting(&self.context, |awaited| {
            awaited.is(AwaitedKind::Identity, &namespace, &object.name_any())
        });
    }

    fn init_done(&mut self) {
        let now = self.context.millis();
        self.context
            .scheduler
            .change(|scheduler| scheduler.finish_identity_list(self.scope.as_deref(), self.list, now));
        drop_deleted(&self.context, &self.probes, self.scope.as_deref());
        requeue_awaiting(&self.context, |awaited| awaited.kind == AwaitedKind::Identity);
    }
}

/// Drops from the probe state the identities of a scope that are not in the index.
fn drop_deleted(context: &Context, probes: &SharedProbeState, scope: Option<&str>) {
    let mut names = probes.lock().names(scope);
    {
        let scheduler = context.scheduler.lock();
        names.retain(|name| scheduler.index().find(&name.namespace, &name.name).is_none());
    }
    let mut probes = probes.lock();
    for NamespacedName { namespace, name } in &names {
        probes.delete(namespace, name);
    }
}

/// Leaf Secrets, for the scheduler.
pub struct LeafSecretHandler {
    context: Context,
    scope: Option<String>,
    list: ListNumber,
}

impl LeafSecretHandler {
    /// Those of one namespace, or of all.
    #[must_use]
    pub fn new(context: Context, scope: Option<String>) -> Self {
        Self { context, scope, list: ListNumber::default() }
    }
}

impl EventHandler<MetadataOf<Secret, LeafMetadata>> for LeafSecretHandler {
    fn init(&mut self) {
        self.list = self.context.scheduler.lock().start_list();
    }

    fn apply(&mut self, object: MetadataOf<Secret, LeafMetadata>, is_from_list: bool) {
        let now = self.context.millis();
        self.context.scheduler.change(|scheduler| scheduler.apply_secret(object.metadata, is_from_list, now));
    }

    fn delete(&mut self, object: MetadataOf<Secret, LeafMetadata>) {
        let (now, secret) = (self.context.millis(), object.metadata);
        let (namespace, name) = (secret.namespace.clone(), secret.name.clone());
        self.context.scheduler.change(|scheduler| scheduler.delete_secret(secret, now));
        requeue_awaiting(&self.context, |awaited| awaited.is(AwaitedKind::Secret, &namespace, &name));
    }

    fn init_done(&mut self) {
        let now = self.context.millis();
        self.context
            .scheduler
            .change(|scheduler| scheduler.finish_secret_list(self.scope.as_deref(), self.list, now));
        requeue_awaiting(&self.context, |awaited| awaited.kind == AwaitedKind::Secret);
    }
}

/// Requeues the authorities that cannot sign because of this object.
fn requeue_awaiting(context: &Context, is_it: impl Fn(&AwaitedObject) -> bool) {
    context.authorities.change_if(|authorities| {
        authorities.awaited_changed(context.millis().saturating_add(REQUEUE_AFTER), is_it)
    });
}

/// Namespaces, for the scheduler and for trust bundles.
pub struct NamespaceHandler {
    context: Context,
    bundles: SharedBundleStore,
    listed: ListedKeys<String>,
}

impl NamespaceHandler {
    /// All of them.
    #[must_use]
    pub fn new(context: Context, bundles: SharedBundleStore) -> Self {
        Self { context, bundles, listed: ListedKeys::default() }
    }
}

impl EventHandler<MetadataOf<Namespace, NamespaceMetadata>> for NamespaceHandler {
    fn init(&mut self) {
        self.listed.start();
    }

    fn apply(&mut self, object: MetadataOf<Namespace, NamespaceMetadata>, is_from_list: bool) {
        let NamespaceMetadata { name, labels, creation_timestamp, deletion_timestamp, .. } = object.metadata;
        let namespace = NamespaceEntry {
            is_terminating: deletion_timestamp.is_some(),
            created: creation_timestamp.and_then(|at| Second::new(at.0.as_second())),
            ..NamespaceEntry::new(labels)
        };
        let now = self.context.millis();
        self.context.scheduler.change(|scheduler| scheduler.apply_namespace(&name, namespace, now));
        self.bundles.notify();
        if is_from_list {
            self.listed.insert(name);
        }
    }

    fn delete(&mut self, object: MetadataOf<Namespace, NamespaceMetadata>) {
        self.context.scheduler.change(|scheduler| scheduler.remove_namespace(&object.metadata.name));
    }

    fn init_done(&mut self) {
        let listed = self.listed.finish();
        let is_gone = |name: &Arc<str>| !listed.contains(&**name);
        self.context.scheduler.change(|scheduler| scheduler.remove_namespaces(is_gone));
    }
}

/// Authorities, for their own store; what they allow, for the scheduler.
pub struct AuthorityHandler {
    context: Context,
}

impl AuthorityHandler {
    /// All of them.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { context }
    }
}

impl EventHandler<Decoded<MtlsAuthority>> for AuthorityHandler {
    fn init(&mut self) {
        self.context.authorities.lock().start_list();
    }

    fn apply(&mut self, Decoded(authority): Decoded<MtlsAuthority>, _is_from_list: bool) {
        let now = self.context.millis();
        let is_ours = authority.claimed_by().is_none_or(|holder| *holder == *self.context.namespace);
        if let (true, Ok(spec)) = (is_ours, AuthoritySpec::parse(&authority)) {
            self.context.scheduler.change(|scheduler| scheduler.apply_authority(&Arc::new(spec), now));
        }
        self.context.authorities.change_if(|authorities| authorities.apply(authority));
    }

    fn delete(&mut self, object: Decoded<MtlsAuthority>) {
        let (name, now) = (object.name_any(), self.context.millis());
        self.context.authorities.change(|authorities| authorities.delete(&object.0, now));
        self.context.scheduler.change(|scheduler| scheduler.remove_authority(&name, now));
    }

    fn init_done(&mut self) {
        let gone = self.context.authorities.change(Authorities::finish_list);
        let now = self.context.millis();
        self.context
            .scheduler
            .change(|scheduler| gone.iter().for_each(|name| scheduler.remove_authority(name, now)));
    }
}

/// Secrets of the operator's own namespace, by name only: roots and provided CAs.
pub struct RootSecretHandler(pub Shared<Authorities>);

impl EventHandler<MetadataOf<Secret, NameOnly>> for RootSecretHandler {
    fn init(&mut self) {}

    fn apply(&mut self, object: MetadataOf<Secret, NameOnly>, _is_from_list: bool) {
        self.0.change(|authorities| authorities.apply_secret(&object.metadata.name));
    }

    fn delete(&mut self, object: MetadataOf<Secret, NameOnly>) {
        self.0.change(|authorities| authorities.apply_secret(&object.metadata.name));
    }

    fn init_done(&mut self) {
        self.0.change(|authorities| authorities.requeue_all_at(0));
    }
}
