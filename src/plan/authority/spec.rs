//! The spec of an authority, parsed: what it signs, for which namespaces, within which limits.

use std::collections::BTreeMap;

use ipnet::IpNet;
use jiff::SignedDuration;

use super::rotation_inputs::RotationRules;
use super::safeguards::Safeguards;
use super::timing::Timing;
use crate::api::authority::{CrossCertificates, Grant, LeafSpec, MtlsAuthority, RootSpec};
use crate::api::duration;
use crate::api::patterns;
use crate::pki::{Fingerprint, KeyAlgorithm, RootAlgorithm, TrustDomain};
use crate::plan::selector::Selection;
use crate::plan::trust_bundle::decide::PublicationSpec;
use crate::plan::unread_spec::{Unread, Unreadable};

/// The spec of an authority, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthoritySpec {
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
    /// Whether a signer that people provide may certify its successor.
    pub provided_may_certify: bool,
    /// Within which time a step of a rotation reaches every Secret.
    pub spread_over: SignedDuration,
    /// Namespaces that may use this authority.
    pub namespaces: Selection,
    /// What namespaces may ask beyond their own zone.
    pub grants: Vec<ParsedGrant>,
    /// Where the trust bundle is published.
    pub publication: PublicationSpec,
    /// Roots that must not be trusted: those of the spec, and those that status adds.
    pub distrust: Vec<Fingerprint>,
    /// What each CA has certified, as status remembers it, by SHA-256 in hex: an older root Secret does not know it.
    pub certified: BTreeMap<String, Vec<String>>,
    /// What of the spec this version cannot read.
    pub unread: Unread,
}

/// One grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedGrant {
    /// Its name.
    pub name: String,
    /// Namespaces that it is for.
    pub namespaces: Selection,
    /// DNS names, exact or with one leading `*.`.
    pub dns_names: Vec<String>,
    /// Address ranges.
    pub ranges: Vec<IpNet>,
    /// Whether some of its address ranges cannot be read.
    pub hides_ranges: bool,
}

/// A spec without which nothing can be signed, because it was made before its schema, or for another version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedAuthoritySpec {
    /// No name can be made without it.
    #[error("spec.trustDomain is {0:?}, which is no SPIFFE trust domain; create another MtlsAuthority")]
    TrustDomain(String),
    /// The names of services end in it.
    #[error("spec.clusterDomain is {0:?}, which is no DNS name; correct it")]
    ClusterDomain(String),
    /// This version cannot read the object at all.
    #[error(
        "this version of the operator cannot read the spec: {0}; upgrade the operator, or correct the spec"
    )]
    Unreadable(String),
}

impl AuthoritySpec {
    /// Parses the spec of an authority. A value that cannot be read is taken in the strictest way, and `unread` names it.
    ///
    /// # Errors
    /// [`MalformedAuthoritySpec`] where nothing could be signed with it.
    pub fn parse(authority: &MtlsAuthority) -> Result<Self, MalformedAuthoritySpec> {
        let spec = &authority.spec;
        if let Some(why) = &spec.unreadable {
            return Err(MalformedAuthoritySpec::Unreadable(why.clone()));
        }
        let trust_domain = spec.trust_domain.parse();
        let trust_domain =
            trust_domain.map_err(|_| MalformedAuthoritySpec::TrustDomain(spec.trust_domain.clone()))?;
        if !patterns::is_dns_name(&spec.cluster_domain) || patterns::ends_in_number(&spec.cluster_domain) {
            return Err(MalformedAuthoritySpec::ClusterDomain(spec.cluster_domain.clone()));
        }
        let mut unread = Unread::default();
        let (leaf_ttl, max_leaf_ttl) = lifetimes(&spec.leaf, &mut unread);
        let root_ttl = span("root.ttl", &spec.root.ttl, &mut unread).unwrap_or(YEAR);
        Ok(Self {
            name: authority.metadata.name.clone().unwrap_or_default(),
            trust_domain,
            cluster_domain: spec.cluster_domain.clone(),
            leaf_ttl,
            max_leaf_ttl,
            algorithms: algorithms(&spec.leaf, &mut unread),
            propagation: span("rotation.propagation", &spec.rotation.propagation, &mut unread)
                .unwrap_or(PROPAGATION),
            root_algorithm: unread
                .word(&spec.root.algorithm, || Unreadable::of_root("spec.root.algorithm"))
                .unwrap_or_default(),
            root_ttl,
            root_renew_before: renew_before(&spec.root, root_ttl, &mut unread),
            provided_may_certify: may_certify(&spec.root, &mut unread),
            spread_over: span("rotation.spreadOver", &spec.rotation.spread_over, &mut unread).unwrap_or(DAY),
            namespaces: Selection::parse(&spec.namespaces, "spec.namespaces", &mut unread),
            grants: spec.grants.iter().map(|grant| granted(grant, &mut unread)).collect(),
            publication: PublicationSpec::of(authority, &mut unread),
            distrust: distrusted(authority, &mut unread),
            certified: certified(authority),
            unread,
        })
    }
}

// The defaults of the schema, for durations that cannot be read: the root is not changed then.
const DAY: SignedDuration = SignedDuration::from_hours(24);
const YEAR: SignedDuration = SignedDuration::from_hours(8760);
const PROPAGATION: SignedDuration = SignedDuration::from_mins(5);

impl AuthoritySpec {
    /// F, W and S of this authority.
    #[must_use]
    pub fn timing(&self) -> Timing {
        Timing::of(self.propagation)
    }

    /// The rules of a rotation.
    #[must_use]
    pub const fn rules(&self, safeguards: Safeguards) -> RotationRules {
        RotationRules {
            propagation: self.propagation,
            spread_over: self.spread_over,
            renew_before: self.root_renew_before,
            max_leaf_ttl: self.max_leaf_ttl,
            safeguards,
        }
    }
}

/// The usual and the longest lifetime. What cannot be read makes neither longer than what can.
fn lifetimes(spec: &LeafSpec, unread: &mut Unread) -> (SignedDuration, SignedDuration) {
    let usual = span("leaf.ttl", &spec.ttl, unread);
    let longest = span("leaf.maxTTL", &spec.max_ttl, unread);
    let longest = longest.or(usual).unwrap_or(DAY);
    (usual.unwrap_or(DAY).min(longest), longest)
}

fn algorithms(spec: &LeafSpec, unread: &mut Unread) -> Vec<KeyAlgorithm> {
    let field = "spec.leaf.algorithms";
    let known = spec.algorithms.iter().filter_map(|word| unread.word(word, || Unreadable::of_list(field)));
    known.collect()
}

fn renew_before(spec: &RootSpec, ttl: SignedDuration, unread: &mut Unread) -> SignedDuration {
    let asked = spec.renew_before.as_deref().and_then(|text| span("root.renewBefore", text, unread));
    asked.unwrap_or(ttl / 3)
}

fn may_certify(spec: &RootSpec, unread: &mut Unread) -> bool {
    let field = "spec.root.provided.crossCertificates";
    let asked = spec.provided.as_ref().map(|provided| &provided.cross_certificates);
    let asked = asked.and_then(|word| unread.word(word, || Unreadable::of_root(field)));
    asked == Some(CrossCertificates::Allowed)
}

fn certified(authority: &MtlsAuthority) -> BTreeMap<String, Vec<String>> {
    let roots = authority.status.iter().flat_map(|status| &status.roots);
    let certified = roots.filter(|root| !root.certified.is_empty());
    certified.map(|root| (root.fingerprint.clone(), root.certified.clone())).collect()
}

/// Those of status too: what was distrusted with another root stays so, whichever backup of the root Secret is restored.
fn distrusted(authority: &MtlsAuthority, unread: &mut Unread) -> Vec<Fingerprint> {
    let of = || Unreadable::of_root("spec.distrustedRoots[].fingerprint");
    let roots = authority.spec.distrusted_roots.iter();
    let named = roots.filter_map(|root| unread.value(root.fingerprint.parse().ok(), &root.fingerprint, of));
    let mut all: Vec<Fingerprint> = named.collect();
    let recorded = authority.status.iter().flat_map(|status| &status.distrusted);
    all.extend(recorded.filter_map(|root| root.fingerprint.parse::<Fingerprint>().ok()));
    all.sort_unstable();
    all.dedup();
    all
}

fn granted(grant: &Grant, unread: &mut Unread) -> ParsedGrant {
    let field = format!("spec.grants[{}]", grant.name);
    let of = || Unreadable::grant(&format!("{field}.cidrs"));
    let namespaces = Selection::parse(&grant.namespaces, &format!("{field}.namespaces"), unread);
    let ranges = grant.cidrs.iter().filter_map(|text| unread.value(text.parse().ok(), text, of));
    let ranges: Vec<IpNet> = ranges.collect();
    ParsedGrant {
        name: grant.name.clone(),
        namespaces,
        dns_names: grant.dns_names.clone(),
        hides_ranges: ranges.len() < grant.cidrs.len(),
        ranges,
    }
}

fn span(field: &str, text: &str, unread: &mut Unread) -> Option<SignedDuration> {
    unread.value(duration::parse(text), text, || Unreadable::of_root(&format!("spec.{field}")))
}
