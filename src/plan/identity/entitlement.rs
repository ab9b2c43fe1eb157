//! What an identity may have, as it is issued to it.
//!
//! SANs are a pure function of (namespace, spec, authority).

use jiff::SignedDuration;

use super::spec::IdentitySpec;
use super::zone;
use crate::pki::{Leaf, LeafProfile, SpiffeId};
use crate::plan::authority::spec::AuthoritySpec;

/// What an identity may have: the leaf profile, and how long its leaves live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entitlement {
    /// What the leaf says.
    pub profile: LeafProfile,
    /// Names that are not given although a former version, or an older list of public suffixes, gave them.
    pub omitted_names: Vec<String>,
    /// Lifetime.
    pub ttl: SignedDuration,
    /// The grants that allow its names and addresses outside the own zone.
    pub grants: Vec<String>,
}

impl Entitlement {
    /// What the authority's spec gives of what is asked, once these grants allow it.
    pub(super) fn of(spec: &IdentitySpec, authority: &AuthoritySpec, grants: Vec<String>) -> Self {
        let profile = profile(spec, authority);
        let short = spec.services.iter().map(|service| zone::short_name(service, &spec.namespace));
        let omitted_names = short.filter(|name| !profile.dns_names.contains(name)).collect();
        Self { profile, omitted_names, ttl: spec.ttl.unwrap_or(authority.leaf_ttl), grants }
    }

    /// Whether a leaf is what may be had. One with the names that are omitted now was right when it was issued, and stays until
    /// its renewal: an upgrade issues nothing.
    #[must_use]
    pub fn is_met_by(&self, leaf: &Leaf) -> bool {
        leaf.matches(&self.profile) || !self.omitted_names.is_empty() && leaf.matches(&self.former_profile())
    }

    fn former_profile(&self) -> LeafProfile {
        let names = self.profile.dns_names.iter().chain(&self.omitted_names);
        LeafProfile { dns_names: names.cloned().collect(), ..self.profile.clone() }
    }
}

fn profile(spec: &IdentitySpec, authority: &AuthoritySpec) -> LeafProfile {
    LeafProfile {
        spiffe_id: SpiffeId::new(&authority.trust_domain, &spec.namespace, &spec.service_account),
        dns_names: dns_names(spec, &authority.cluster_domain),
        ip_addresses: spec.ip_addresses.clone(),
        key_algorithm: spec.algorithm,
        common_name: spec.common_name,
    }
}

/// The names of all services.
pub(super) fn service_names(spec: &IdentitySpec, cluster_domain: &str) -> impl Iterator<Item = String> {
    spec.services
        .iter()
        .flat_map(move |service| zone::service_names(service, &spec.namespace, cluster_domain))
}

/// The DNS names of a leaf, distinct, in the order in which they were asked.
fn dns_names(spec: &IdentitySpec, cluster_domain: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in service_names(spec, cluster_domain).chain(spec.dns_names.iter().cloned()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
