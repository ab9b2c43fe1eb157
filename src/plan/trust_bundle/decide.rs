//! Where a trust bundle is published, and what is to be done at each place: what shall lie there, what does → plan. What
//! the operator did not make is neither written nor removed (I5).

use std::fmt;
use std::sync::Arc;

use crate::api::MtlsAuthority;
use crate::api::names::cluster_trust_bundle;
use crate::plan::selector::{Labels, Selection};
use crate::plan::unread_spec::Unread;

/// Where an authority wants its trust bundle published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicationSpec {
    /// Name of the ConfigMaps.
    config_map: Arc<str>,
    /// Namespaces that get one; `None` is none.
    namespaces: Option<Selection>,
    /// Name of the ClusterTrustBundle, where there shall be one.
    cluster: Option<Arc<str>>,
}

impl PublicationSpec {
    /// What an authority's spec says. What cannot be read is noted.
    #[must_use]
    pub fn of(authority: &MtlsAuthority, unread: &mut Unread) -> Self {
        let spec = &authority.spec.trust_bundle;
        let name = authority.metadata.name.as_deref().unwrap_or_default();
        Self {
            config_map: authority.config_map_name().into(),
            namespaces: spec
                .namespaces
                .as_ref()
                .map(|selector| Selection::parse(selector, "spec.trustBundle.namespaces", unread)),
            cluster: spec.cluster_trust_bundle.then(|| cluster_trust_bundle(name).into()),
        }
    }

    /// Whether it is published anywhere.
    #[must_use]
    pub const fn is_asked(&self) -> bool {
        self.namespaces.is_some() || self.cluster.is_some()
    }

    /// Whether namespaces are asked about at all.
    #[must_use]
    pub const fn has_config_maps(&self) -> bool {
        self.namespaces.is_some()
    }

    /// The place in a namespace with these labels, where that is selected.
    #[must_use]
    pub fn within(&self, namespace: &Arc<str>, labels: &Labels) -> Option<Target> {
        let is_selected = self.namespaces.as_ref().is_some_and(|selection| selection.selects(labels));
        is_selected.then(|| Target::ConfigMap { namespace: namespace.clone(), name: self.config_map.clone() })
    }

    /// The place that has no namespace.
    #[must_use]
    pub fn cluster(&self) -> Option<Target> {
        self.cluster.clone().map(|name| Target::Cluster { name })
    }
}

/// A place for a trust bundle.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// A ConfigMap.
    ConfigMap {
        /// Its namespace.
        namespace: Arc<str>,
        /// Its name.
        name: Arc<str>,
    },
    /// A ClusterTrustBundle.
    Cluster {
        /// Its name.
        name: Arc<str>,
    },
}

impl Target {
    /// The namespace, where it has one.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::ConfigMap { namespace, .. } => Some(namespace),
            Self::Cluster { .. } => None,
        }
    }

    /// The name of the object.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::ConfigMap { name, .. } | Self::Cluster { name } => name,
        }
    }
}

/// As status names it, and as `rotation-exclude` takes it.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConfigMap { namespace, name } => write!(f, "configmap/{namespace}/{name}"),
            Self::Cluster { name } => write!(f, "clustertrustbundle/{name}"),
        }
    }
}

/// A trust bundle, as it shall lie at a place. Texts are stood in for by 64 bits: they are only compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DesiredBundle<'a> {
    /// Name of its authority.
    pub authority: &'a str,
    /// Its text.
    pub text: u64,
    /// Its hash, as the annotation `trust` says it.
    pub trust: u64,
}

/// A trust bundle that the operator has put somewhere, as it lies there now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedBundle {
    /// Name of its authority, if its label names one.
    pub authority: Option<Arc<str>>,
    /// Its text, where it has one.
    pub text: Option<u64>,
    /// What its annotation `trust` says.
    pub trust: u64,
    /// Whether it has the label by which it is watched.
    pub is_labelled: bool,
    /// Whether its text cannot be changed.
    pub is_frozen: bool,
}

/// What lies at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetState {
    /// Nothing that is known of.
    Nothing,
    /// A bundle that the operator has put there.
    Ours(PublishedBundle),
    /// Something else.
    Foreign,
}

/// Who is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Somebody who is not this operator.
    Foreign,
    /// Another authority that exists, of this name.
    Authority(Arc<str>),
}

/// What to do at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BundlePlan {
    /// Nothing.
    Keep,
    /// Create it, if there is still nothing.
    Create,
    /// Bring text, labels and annotations up to date.
    Update,
    /// Remove it.
    Remove,
    /// Leave what is there alone, and say so.
    Refuse(Conflict),
}

/// Decides for a place where a bundle shall lie. `exists` says whether there is an authority of a name.
#[must_use]
pub fn decide(wanted: DesiredBundle<'_>, found: &TargetState, exists: impl Fn(&str) -> bool) -> BundlePlan {
    let posted = match found {
        TargetState::Nothing => return BundlePlan::Create,
        TargetState::Foreign => return BundlePlan::Refuse(Conflict::Foreign),
        TargetState::Ours(posted) => posted,
    };
    if let Some(owner) = other_owner(wanted.authority, posted, exists) {
        return BundlePlan::Refuse(Conflict::Authority(owner));
    }
    if is_as_wanted(wanted, posted) {
        return BundlePlan::Keep;
    }
    // Only removal can change what is immutable: the next look creates it anew.
    if posted.is_frozen && posted.text != Some(wanted.text) { BundlePlan::Remove } else { BundlePlan::Update }
}

/// Decides for a place where this authority wants no bundle, or no more.
#[must_use]
pub fn decide_unwanted(authority: &str, found: &TargetState) -> BundlePlan {
    match found {
        TargetState::Ours(posted) if posted.authority.as_deref() == Some(authority) => BundlePlan::Remove,
        _ => BundlePlan::Keep,
    }
}

/// The authority that a bundle belongs to, if that is another one, and exists. What is left of one that is gone belongs to
/// whoever wants it.
#[must_use]
pub fn other_owner(
    authority: &str,
    posted: &PublishedBundle,
    exists: impl Fn(&str) -> bool,
) -> Option<Arc<str>> {
    posted.authority.clone().filter(|owner| **owner != *authority && exists(owner))
}

fn is_as_wanted(wanted: DesiredBundle<'_>, posted: &PublishedBundle) -> bool {
    posted.text == Some(wanted.text)
        && posted.trust == wanted.trust
        && posted.is_labelled
        && posted.authority.as_deref() == Some(wanted.authority)
}

/// Whether somebody may use a bundle that lacks a root in force, or has one that is in force no more. Where there is nothing,
/// what was there may still be in use; but not where the place `is_new`: younger than the last change of the roots.
#[must_use]
pub fn is_behind(
    wanted: DesiredBundle<'_>,
    found: &TargetState,
    exists: impl Fn(&str) -> bool,
    is_new: bool,
) -> bool {
    match found {
        TargetState::Nothing => !is_new,
        TargetState::Foreign => false,
        TargetState::Ours(posted) => {
            other_owner(wanted.authority, posted, exists).is_none() && posted.text != Some(wanted.text)
        }
    }
}
