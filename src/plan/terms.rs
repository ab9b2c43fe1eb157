//! An authority's spec, parsed: what it signs, for whom, within which limits.

use ipnet::IpNet;
use jiff::SignedDuration;

use super::bundle::Publication;
use super::rotation::Rules;
use super::safeguards::Safeguards;
use crate::api::authority::{Grant, MtlsAuthority, NamespaceSelector};
use crate::api::duration;
use crate::pki::{Fingerprint, KeyAlgorithm, RootAlgorithm, TrustDomain};

/// The terms of an authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Name of the authority.
    pub name: String,
    /// SPIFFE trust domain.
    pub trust_domain: TrustDomain,
    /// DNS suffix of service names.
    pub cluster_domain: String,
    /// Lifetime of leaves whose identity asks for none.
    pub leaf_ttl: SignedDuration,
    /// Longest lifetime that an identity may ask for.
    pub max_leaf_ttl: SignedDuration,
    /// Key algorithms that an identity may ask for.
    pub algorithms: Vec<KeyAlgorithm>,
    /// How long consumers may take to see a changed Secret.
    pub propagation: SignedDuration,
    /// Key of a generated root.
    pub root_algorithm: RootAlgorithm,
    /// Lifetime of a generated root.
    pub root_ttl: SignedDuration,
    /// How long before its end a generated root is replaced.
    pub root_renew_before: SignedDuration,
    /// Within which time a step of a rotation reaches every Secret.
    pub spread_over: SignedDuration,
    /// Namespaces that may use this authority; `None` is all.
    pub namespaces: Option<NamespaceSelector>,
    /// What namespaces may ask beyond their own zone.
    pub grants: Vec<Granted>,
    /// Where the trust bundle is published.
    pub publication: Publication,
    /// Roots that must not be trusted.
    pub distrust: Vec<Fingerprint>,
}

/// One grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Namespaces that it is for.
    pub namespaces: NamespaceSelector,
    /// DNS names, exact or with one leading `*.`.
    pub dns_names: Vec<String>,
    /// Address ranges.
    pub ranges: Vec<IpNet>,
}

/// A spec that its schema would refuse: made before the schema was installed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("spec.{field} is {value:?}, which its schema does not allow; correct it")]
pub struct MalformedTerms {
    field: &'static str,
    value: String,
}

impl Terms {
    /// Reads the terms of an authority.
    ///
    /// # Errors
    /// [`MalformedTerms`] where the object does not meet its own schema.
    pub fn parse(authority: &MtlsAuthority) -> Result<Self, MalformedTerms> {
        let spec = &authority.spec;
        let trust_domain = spec.trust_domain.parse();
        let root_ttl = span("root.ttl", &spec.root.ttl)?;
        let renew_before = spec.root.renew_before.as_deref();
        Ok(Self {
            name: authority.metadata.name.clone().unwrap_or_default(),
            trust_domain: trust_domain.map_err(|_| malformed("trustDomain", &spec.trust_domain))?,
            cluster_domain: spec.cluster_domain.clone(),
            leaf_ttl: span("leaf.ttl", &spec.leaf.ttl)?,
            max_leaf_ttl: span("leaf.maxTTL", &spec.leaf.max_ttl)?,
            algorithms: spec.leaf.algorithms.clone(),
            propagation: span("rotation.propagation", &spec.rotation.propagation)?,
            root_algorithm: spec.root.algorithm,
            root_ttl,
            root_renew_before: renew_before
                .map_or(Ok(root_ttl / 3), |text| span("root.renewBefore", text))?,
            spread_over: span("rotation.spreadOver", &spec.rotation.spread_over)?,
            namespaces: spec.namespaces.clone(),
            grants: spec.grants.iter().map(granted).collect::<Result<_, _>>()?,
            publication: Publication::of(authority),
            distrust: spec.distrust.iter().map(|text| fingerprint(text)).collect::<Result<_, _>>()?,
        })
    }
}

impl Terms {
    /// The rules of a rotation.
    #[must_use]
    pub const fn rules(&self, safeguards: Safeguards) -> Rules {
        Rules {
            propagation: self.propagation,
            spread_over: self.spread_over,
            renew_before: self.root_renew_before,
            max_leaf_ttl: self.max_leaf_ttl,
            safeguards,
        }
    }
}

fn granted(grant: &Grant) -> Result<Granted, MalformedTerms> {
    let range = |text: &String| text.parse().map_err(|_| malformed("grants[].ipAddresses", text));
    Ok(Granted {
        namespaces: grant.namespaces.clone(),
        dns_names: grant.dns_names.clone(),
        ranges: grant.ip_addresses.iter().map(range).collect::<Result<_, _>>()?,
    })
}

fn fingerprint(text: &str) -> Result<Fingerprint, MalformedTerms> {
    text.parse().map_err(|_| malformed("distrust", text))
}

fn span(field: &'static str, text: &str) -> Result<SignedDuration, MalformedTerms> {
    duration::parse(text).ok_or_else(|| malformed(field, text))
}

fn malformed(field: &'static str, value: &str) -> MalformedTerms {
    MalformedTerms { field, value: value.to_owned() }
}
