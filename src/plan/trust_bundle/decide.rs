//! Where a trust bundle is published, and what is to be done at each target: (desired, observed) → plan.
//!
//! An object that the operator did not create is neither written nor deleted (I5).

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
    /// Name of the ClusterTrustBundle, if one is asked for.
    cluster: Option<Arc<str>>,
}

impl PublicationSpec {
    /// From an authority's spec. Values that cannot be read are noted in `unread`.
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

    /// Whether ConfigMaps are asked for.
    #[must_use]
    pub const fn has_config_maps(&self) -> bool {
        self.namespaces.is_some()
    }

    /// The target in a namespace with these labels, if it is selected.
    #[must_use]
    pub fn within(&self, namespace: &Arc<str>, labels: &Labels) -> Option<Target> {
        let is_selected = self.namespaces.as_ref().is_some_and(|selection| selection.selects(labels));
        is_selected.then(|| Target::ConfigMap { namespace: namespace.clone(), name: self.config_map.clone() })
    }

    /// The cluster-wide target.
    #[must_use]
    pub fn cluster(&self) -> Option<Target> {
        self.cluster.clone().map(|name| Target::Cluster { name })
    }
}

/// An object that a trust bundle is published in.
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

/// A trust bundle as it is to be published. Texts are 64-bit digests, since they are only compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DesiredBundle<'a> {
    /// Name of its authority.
    pub authority: &'a str,
    /// Its text.
    pub text: u64,
    /// Its hash, as the annotation `trust` says it.
    pub trust: u64,
}

/// A trust bundle that the operator has published, as it was observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedBundle {
    /// Name of its authority, if its label names one.
    pub authority: Option<Arc<str>>,
    /// Its text, where it has one; as it was read last.
    pub text: Option<u64>,
    /// Digest of its annotation `trust`.
    pub trust: u64,
    /// Whether it has the label by which it is watched.
    pub is_labelled: bool,
    /// Whether it is immutable; as it was read last.
    pub is_frozen: bool,
    /// Whether it was read in its present version, or only its metadata are known.
    pub is_read: bool,
}

/// What was observed at a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetState {
    /// No object is known.
    Nothing,
    /// A bundle of this operator.
    Ours(PublishedBundle),
    /// An object that this operator did not create.
    Foreign,
}

/// Why a target cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// An object that this operator did not create.
    Foreign,
    /// A bundle of another existing authority, of this name.
    Authority(Arc<str>),
}

/// What to do at a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BundlePlan {
    /// Nothing.
    Keep,
    /// Create it, if absent.
    Create,
    /// Read it: what it holds is not known.
    Read,
    /// Update text, labels and annotations.
    Update,
    /// Delete it.
    Remove,
    /// Leave the object alone, and report the conflict.
    Refuse(Conflict),
}

/// Decides for a target with a desired bundle. `exists` tells whether an authority of a name exists.
#[must_use]
pub fn decide(desired: DesiredBundle<'_>, found: &TargetState, exists: impl Fn(&str) -> bool) -> BundlePlan {
    let published = match found {
        TargetState::Nothing => return BundlePlan::Create,
        TargetState::Foreign => return BundlePlan::Refuse(Conflict::Foreign),
        TargetState::Ours(published) => published,
    };
    if let Some(owner) = other_owner(desired.authority, published, exists) {
        return BundlePlan::Refuse(Conflict::Authority(owner));
    }
    if !published.is_read {
        return BundlePlan::Read;
    }
    if is_as_wanted(desired, published) {
        return BundlePlan::Keep;
    }
    // An immutable object can only be replaced: after the deletion the next comparison creates it.
    if published.is_frozen && published.text != Some(desired.text) {
        BundlePlan::Remove
    } else {
        BundlePlan::Update
    }
}

/// Decides for a target where this authority desires no bundle.
#[must_use]
pub fn decide_unwanted(authority: &str, found: &TargetState) -> BundlePlan {
    match found {
        TargetState::Ours(published) if published.authority.as_deref() == Some(authority) => {
            BundlePlan::Remove
        }
        _ => BundlePlan::Keep,
    }
}

/// The authority that a bundle belongs to, if it is another one and exists. The bundle of a deleted authority may be taken
/// over.
#[must_use]
pub fn other_owner(
    authority: &str,
    published: &PublishedBundle,
    exists: impl Fn(&str) -> bool,
) -> Option<Arc<str>> {
    published.authority.clone().filter(|owner| **owner != *authority && exists(owner))
}

fn is_as_wanted(desired: DesiredBundle<'_>, published: &PublishedBundle) -> bool {
    published.text == Some(desired.text)
        && published.trust == desired.trust
        && published.is_labelled
        && published.authority.as_deref() == Some(desired.authority)
}

/// Whether a bundle whose present version was not read yet is, by its metadata and by what was read last, the desired one.
#[must_use]
pub fn seems_as_wanted(desired: DesiredBundle<'_>, found: &TargetState) -> bool {
    match found {
        TargetState::Ours(published) => {
            let text = published.text.or(Some(desired.text));
            is_as_wanted(desired, &PublishedBundle { text, ..published.clone() })
        }
        TargetState::Nothing | TargetState::Foreign => false,
    }
}

/// Whether clients may use a bundle that differs from the desired one. Where no object exists, a deleted one may still be in
/// use, unless the target `is_new`: younger than the last change of the roots.
#[must_use]
pub fn is_behind(
    desired: DesiredBundle<'_>,
    found: &TargetState,
    exists: impl Fn(&str) -> bool,
    is_new: bool,
) -> bool {
    match found {
        TargetState::Nothing => !is_new,
        TargetState::Foreign => false,
        TargetState::Ours(published) => {
            other_owner(desired.authority, published, exists).is_none()
                && published.text != Some(desired.text)
        }
    }
}
