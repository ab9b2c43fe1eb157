//! Which names an identity may have.
//!
//! SANs are a pure function of (namespace, spec, authority); a namespace gets nothing outside its own zone without a grant (I7).

use std::net::IpAddr;

use jiff::SignedDuration;

use super::entitlement::service_names;
use super::ready::Refusal;
use super::spec::IdentitySpec;
use super::subject;
use super::zone;
use crate::api::duration::format;
use crate::pki::{KeyAlgorithm, TrustDomain};
use crate::plan::authority::spec::{AuthoritySpec, ParsedGrant};
use crate::plan::selector::{Labels, Reading, Selection};

pub use super::entitlement::Entitlement;

/// What an authority's spec permits an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// It may have what it asks.
    Granted,
    /// It may not.
    Refused,
    /// It may not by what can be read of the spec. What cannot be read may say otherwise.
    Hidden,
}

/// Checks what an identity asks against the authority's spec.
///
/// # Errors
/// [`Refusal`] with a sentence that says what to change, and where.
pub fn authorize(
    spec: &IdentitySpec,
    authority: &AuthoritySpec,
    namespace: &Labels,
) -> Result<Entitlement, Refusal> {
    let grants = check(spec, authority, namespace, Reading::Strict)?;
    Ok(Entitlement::of(spec, authority, grants))
}

/// What an identity may keep though it is refused: the names that were permitted before, where just what cannot be read may
/// permit them still.
#[must_use]
pub fn retained(spec: &IdentitySpec, authority: &AuthoritySpec, namespace: &Labels) -> Option<Entitlement> {
    let grants = check(spec, authority, namespace, Reading::Generous).ok()?;
    Some(Entitlement::of(spec, authority, grants))
}

/// What an authority's spec permits of what an identity asks.
#[must_use]
pub fn permission(spec: &IdentitySpec, authority: &AuthoritySpec, namespace: &Labels) -> Permission {
    let permits = |reading| check(spec, authority, namespace, reading).is_ok();
    match () {
        () if permits(Reading::Strict) => Permission::Granted,
        () if authority.unread.hides_permissions() && permits(Reading::Generous) => Permission::Hidden,
        () => Permission::Refused,
    }
}

/// The same of identities of a namespace with a default spec. They differ in their own names only, which need no grant.
#[must_use]
pub fn permission_of_default(authority: &AuthoritySpec, namespace: &str, labels: &Labels) -> Permission {
    permission(&IdentitySpec::default_in(namespace), authority, labels)
}

/// Whether two specs of one authority permit the same to every identity, because they agree in all that permissions depend on.
#[must_use]
pub fn permits_the_same(one: &AuthoritySpec, other: &AuthoritySpec) -> bool {
    PolicySpec::from(one) == PolicySpec::from(other)
}

/// The part of an authority's spec that permissions depend on.
#[derive(PartialEq)]
struct PolicySpec<'a> {
    trust_domain: &'a TrustDomain,
    cluster_domain: &'a str,
    leaf_ttl: SignedDuration,
    max_leaf_ttl: SignedDuration,
    algorithms: &'a [KeyAlgorithm],
    propagation: SignedDuration,
    namespaces: &'a Selection,
    grants: &'a [ParsedGrant],
    hides_permissions: bool,
}

impl<'a> From<&'a AuthoritySpec> for PolicySpec<'a> {
    fn from(spec: &'a AuthoritySpec) -> Self {
        Self {
            trust_domain: &spec.trust_domain,
            cluster_domain: &spec.cluster_domain,
            leaf_ttl: spec.leaf_ttl,
            max_leaf_ttl: spec.max_leaf_ttl,
            algorithms: &spec.algorithms,
            propagation: spec.propagation,
            namespaces: &spec.namespaces,
            grants: &spec.grants,
            hides_permissions: spec.unread.hides_permissions(),
        }
    }
}

/// The grants by which an identity may have what it asks.
fn check(
    spec: &IdentitySpec,
    authority: &AuthoritySpec,
    namespace: &Labels,
    reading: Reading,
) -> Result<Vec<String>, Refusal> {
    if let Some(malformed) = &spec.malformed {
        return Err(Refusal::Malformed(malformed.to_string()));
    }
    within_namespaces(spec, authority, namespace, reading)?;
    within_limits(spec, authority)?;
    subject::fits(spec, authority)?;
    all_granted(spec, authority, namespace, reading)
}

fn within_namespaces(
    spec: &IdentitySpec,
    authority: &AuthoritySpec,
    namespace: &Labels,
    reading: Reading,
) -> Result<(), Refusal> {
    if authority.namespaces.selects_by(namespace, reading) {
        return Ok(());
    }
    Err(Refusal::NotPermitted(format!(
        "namespace {} is not among those that MtlsAuthority {} serves: its spec.namespaces selects {}; ask for these labels",
        spec.namespace,
        authority.name,
        authority.namespaces.shown()
    )))
}

fn within_limits(spec: &IdentitySpec, authority: &AuthoritySpec) -> Result<(), Refusal> {
    let ttl = spec.ttl.unwrap_or(authority.leaf_ttl);
    if ttl > authority.max_leaf_ttl {
        return Err(Refusal::Invalid(format!(
            "spec.ttl {} is longer than leaf.maxTTL {} of MtlsAuthority {}; ask for less",
            format(ttl),
            format(authority.max_leaf_ttl),
            authority.name
        )));
    }
    if !authority.algorithms.contains(&spec.algorithm) {
        let advice = match &*authority.algorithms {
            [] => "none of them is known to this version of the operator".to_owned(),
            known => format!("choose one of {}", list(known)),
        };
        return Err(Refusal::Invalid(format!(
            "spec.privateKey.algorithm {} is not among leaf.algorithms of MtlsAuthority {}; {advice}",
            spec.algorithm, authority.name
        )));
    }
    margin_fits(spec, authority, ttl)
}

/// `propagation` ≤ `renewBefore` ≤ ttl/2, of the ttl that was asked: a lifetime clamped to the signer's end must not
/// turn a sound spec into a refused one.
fn margin_fits(spec: &IdentitySpec, authority: &AuthoritySpec, ttl: SignedDuration) -> Result<(), Refusal> {
    let (field, margin) = match spec.renew_before {
        Some(margin) => ("spec.renewBefore", margin),
        None => ("a third of spec.ttl", ttl / 3),
    };
    if margin < authority.propagation {
        return Err(Refusal::Invalid(format!(
            "{field} is {}, shorter than rotation.propagation {} of MtlsAuthority {}: Pods could still hold the expired certificate; ask for {}",
            format(margin),
            format(authority.propagation),
            authority.name,
            longer(spec, authority.propagation)
        )));
    }
    if margin * 2 > ttl {
        return Err(Refusal::Invalid(format!(
            "spec.renewBefore {} is more than half of the lifetime {}; make it shorter or ttl longer",
            format(margin),
            format(ttl)
        )));
    }
    Ok(())
}

/// What leaves Pods enough time.
fn longer(spec: &IdentitySpec, propagation: SignedDuration) -> String {
    let least = format(propagation);
    if spec.renew_before.is_some() {
        return format!("spec.renewBefore of {least} or more");
    }
    let (alone, with) = (format(propagation * 3), format(propagation * 2));
    format!("spec.ttl of {alone} or more, or of {with} or more with spec.renewBefore {least}")
}

/// The grants that allow what lies outside the own zone. All names and addresses without one are named at once, and which
/// grant allows the others.
fn all_granted(
    spec: &IdentitySpec,
    authority: &AuthoritySpec,
    namespace: &Labels,
    reading: Reading,
) -> Result<Vec<String>, Refusal> {
    let is_own = |name: &&String| zone::is_own(name, &spec.namespace, &authority.cluster_domain);
    let judged = |name: String| {
        let grant = granting(authority, namespace, reading, |grant| grants_name(grant, &name));
        (name, grant)
    };
    let services = services_of_others(spec, authority).map(judged);
    let names = spec.dns_names.iter().filter(|name| !is_own(name)).cloned().map(judged);
    let addresses = spec.ip_addresses.iter().map(|address| {
        (
            address.to_string(),
            granting(authority, namespace, reading, |grant| grants_address(grant, *address, reading)),
        )
    });
    let (services, names, addresses): (Vec<_>, Vec<_>, Vec<_>) =
        (services.collect(), names.collect(), addresses.collect());
    let lacking = [
        lacking("services", "dnsNames", &services),
        lacking("dnsNames", "dnsNames", &names),
        lacking("ipAddresses", "cidrs", &addresses),
    ];
    let lacking: Vec<String> = lacking.into_iter().flatten().collect();
    let allowed =
        services.iter().chain(&names).chain(&addresses).filter_map(|(what, grant)| Some((what, (*grant)?)));
    if lacking.is_empty() {
        let mut grants: Vec<String> = allowed.map(|(_, grant)| grant.to_owned()).collect();
        grants.sort_unstable();
        grants.dedup();
        return Ok(grants);
    }
    let allowed = allowed.map(|(what, grant)| format!("; {what} is allowed by grant {grant}"));
    Err(Refusal::NotPermitted(format!(
        "{} in MtlsAuthority {} for namespace {}{}",
        lacking.join(" and "),
        authority.name,
        spec.namespace,
        allowed.collect::<String>()
    )))
}

/// The names of services that a namespace has only by a grant.
fn services_of_others(spec: &IdentitySpec, authority: &AuthoritySpec) -> impl Iterator<Item = String> {
    let names = service_names(spec, &authority.cluster_domain);
    names.filter(|name| zone::is_api_server(name, &authority.cluster_domain))
}

/// What was asked, with the name of the grant that allows it, if one does.
type Judged<'a> = (String, Option<&'a str>);

fn lacking(field: &str, of_grant: &str, judged: &[Judged<'_>]) -> Option<String> {
    let refused: Vec<&String> =
        judged.iter().filter(|(_, grant)| grant.is_none()).map(|(what, _)| what).collect();
    let need = match refused.len() {
        0 => return None,
        1 => "needs",
        _ => "need",
    };
    Some(format!("spec.{field} {} {need} a grant (spec.grants[].{of_grant})", list(&refused)))
}

/// The first grant for these namespaces that allows it.
fn granting<'a>(
    authority: &'a AuthoritySpec,
    namespace: &Labels,
    reading: Reading,
    allows: impl Fn(&ParsedGrant) -> bool,
) -> Option<&'a str> {
    let mut grants = authority.grants.iter();
    grants
        .find(|grant| grant.namespaces.selects_by(namespace, reading) && allows(grant))
        .map(|grant| grant.name.as_str())
}

fn grants_name(grant: &ParsedGrant, name: &str) -> bool {
    grant.dns_names.iter().any(|pattern| match pattern.strip_prefix("*.") {
        Some(zone) => name.split_once('.').is_some_and(|(_, rest)| rest == zone),
        None => pattern == name,
    })
}

fn grants_address(grant: &ParsedGrant, address: IpAddr, reading: Reading) -> bool {
    let may_be_hidden = grant.hides_ranges && reading == Reading::Generous;
    may_be_hidden || grant.ranges.iter().any(|range| range.contains(&address))
}

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
