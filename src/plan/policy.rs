//! Who may have which name. SANs are a pure function of (namespace, spec, authority); a namespace gets nothing
//! outside its own zone without a written grant (I7).

use std::net::IpAddr;

use jiff::SignedDuration;

use super::asked::Asked;
use super::outcome::Refusal;
use super::selector::{Labels, selects, shown};
use super::terms::{Granted, Terms};
use crate::api::duration::format;
use crate::api::form::ends_in_number;
use crate::pki::{LeafProfile, SpiffeId};

/// What an identity may have: the leaf profile, and how long its leaves live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entitlement {
    /// What the leaf says.
    pub profile: LeafProfile,
    /// Lifetime.
    pub ttl: SignedDuration,
}

/// Judges what an identity asks against the authority's terms.
///
/// # Errors
/// [`Refusal`] with a sentence that says what to change, and where.
pub fn judge(asked: &Asked, terms: &Terms, namespace: &Labels) -> Result<Entitlement, Refusal> {
    permit(asked, terms, namespace)?;
    Ok(Entitlement { profile: profile(asked, terms), ttl: asked.ttl.unwrap_or(terms.leaf_ttl) })
}

/// Whether an identity may have what it asks.
///
/// # Errors
/// [`Refusal`] with a sentence that says what to change, and where.
pub fn permit(asked: &Asked, terms: &Terms, namespace: &Labels) -> Result<(), Refusal> {
    within_namespaces(asked, terms, namespace)?;
    within_limits(asked, terms)?;
    all_granted(asked, terms, namespace)
}

/// Whether an authority permits identities of a namespace that ask for nothing in particular. They differ in their
/// own names only, which nobody refuses them.
#[must_use]
pub fn permits_plain(terms: &Terms, namespace: &str, labels: &Labels) -> bool {
    permit(&Asked::plain(namespace), terms, labels).is_ok()
}

fn within_namespaces(asked: &Asked, terms: &Terms, namespace: &Labels) -> Result<(), Refusal> {
    match &terms.namespaces {
        Some(selector) if !selects(selector, namespace) => Err(Refusal::NotPermitted(format!(
            "namespace {} is not among those that MtlsAuthority {} serves: its spec.namespaces selects {}; ask for these labels",
            asked.namespace,
            terms.name,
            shown(selector)
        ))),
        _ => Ok(()),
    }
}

fn within_limits(asked: &Asked, terms: &Terms) -> Result<(), Refusal> {
    let ttl = asked.ttl.unwrap_or(terms.leaf_ttl);
    if ttl > terms.max_leaf_ttl {
        return Err(Refusal::Invalid(format!(
            "spec.ttl {} is longer than leaf.maxTTL {} of MtlsAuthority {}; ask for less",
            format(ttl),
            format(terms.max_leaf_ttl),
            terms.name
        )));
    }
    if !terms.algorithms.contains(&asked.algorithm) {
        return Err(Refusal::Invalid(format!(
            "spec.privateKey.algorithm {} is not among leaf.algorithms of MtlsAuthority {}; choose one of {}",
            asked.algorithm,
            terms.name,
            list(&terms.algorithms)
        )));
    }
    margin_fits(asked, terms, ttl)
}

/// `propagation` ≤ `renewBefore` ≤ ttl/2, of the ttl that was asked: a lifetime clamped to the signer's end must not
/// turn a sound spec into a refused one.
fn margin_fits(asked: &Asked, terms: &Terms, ttl: SignedDuration) -> Result<(), Refusal> {
    let (field, margin) = match asked.renew_before {
        Some(margin) => ("spec.renewBefore", margin),
        None => ("a third of spec.ttl", ttl / 3),
    };
    if margin < terms.propagation {
        return Err(Refusal::Invalid(format!(
            "{field} is {}, shorter than rotation.propagation {} of MtlsAuthority {}: Pods could still hold the expired certificate; ask for {}",
            format(margin),
            format(terms.propagation),
            terms.name,
            longer(asked, terms.propagation)
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
fn longer(asked: &Asked, propagation: SignedDuration) -> String {
    let least = format(propagation);
    if asked.renew_before.is_some() {
        return format!("spec.renewBefore of {least} or more");
    }
    let (alone, with) = (format(propagation * 3), format(propagation * 2));
    format!("spec.ttl of {alone} or more, or of {with} or more with spec.renewBefore {least}")
}

/// Whatever lacks a grant is told at once, names and addresses.
fn all_granted(asked: &Asked, terms: &Terms, namespace: &Labels) -> Result<(), Refusal> {
    let lacking = [
        lacking("dnsNames", &refused_names(asked, terms, namespace)),
        lacking("ipAddresses", &refused_addresses(asked, terms, namespace)),
    ];
    let lacking: Vec<String> = lacking.into_iter().flatten().collect();
    if lacking.is_empty() {
        return Ok(());
    }
    Err(Refusal::NotPermitted(format!(
        "{} in MtlsAuthority {} for namespace {}",
        lacking.join(" and "),
        terms.name,
        asked.namespace
    )))
}

fn refused_names<'a>(asked: &'a Asked, terms: &Terms, namespace: &Labels) -> Vec<&'a str> {
    asked
        .dns_names
        .iter()
        .filter(|name| !in_own_zone(name, &asked.namespace, &terms.cluster_domain))
        .filter(|name| !granted(terms, namespace, |grant| grants_name(grant, name)))
        .map(String::as_str)
        .collect()
}

fn refused_addresses<'a>(asked: &'a Asked, terms: &Terms, namespace: &Labels) -> Vec<&'a IpAddr> {
    asked
        .ip_addresses
        .iter()
        .filter(|address| !granted(terms, namespace, |grant| grants_address(grant, **address)))
        .collect()
}

fn lacking<T: ToString>(field: &str, refused: &[T]) -> Option<String> {
    let need = match refused.len() {
        0 => return None,
        1 => "needs",
        _ => "need",
    };
    Some(format!("spec.{field} {} {need} a grant (spec.grants[].{field})", list(refused)))
}

fn granted(terms: &Terms, namespace: &Labels, what: impl Fn(&Granted) -> bool) -> bool {
    terms.grants.iter().any(|grant| selects(&grant.namespaces, namespace) && what(grant))
}

/// Whether a name lies below `<namespace>.svc` or `<namespace>.svc.<clusterDomain>`.
fn in_own_zone(name: &str, namespace: &str, cluster_domain: &str) -> bool {
    let below =
        |zone: &str| name.strip_suffix(zone).is_some_and(|head| head.len() > 1 && head.ends_with('.'));
    below(&format!("{namespace}.svc")) || below(&format!("{namespace}.svc.{cluster_domain}"))
}

fn grants_name(grant: &Granted, name: &str) -> bool {
    grant.dns_names.iter().any(|pattern| match pattern.strip_prefix("*.") {
        Some(zone) => name.split_once('.').is_some_and(|(_, rest)| rest == zone),
        None => pattern == name,
    })
}

fn grants_address(grant: &Granted, address: IpAddr) -> bool {
    grant.ranges.iter().any(|range| range.contains(&address))
}

fn profile(asked: &Asked, terms: &Terms) -> LeafProfile {
    LeafProfile {
        spiffe_id: SpiffeId::new(&terms.trust_domain, &asked.namespace, &asked.service_account),
        dns_names: dns_names(asked, &terms.cluster_domain),
        ip_addresses: asked.ip_addresses.clone(),
        key_algorithm: asked.algorithm,
    }
}

/// The DNS names of a leaf, distinct, in the order in which they were asked.
fn dns_names(asked: &Asked, cluster_domain: &str) -> Vec<String> {
    let services = asked.services.iter().flat_map(|s| service_names(s, &asked.namespace, cluster_domain));
    let mut names: Vec<String> = Vec::new();
    for name in services.chain(asked.dns_names.iter().cloned()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Never the bare service name: it means another service in another namespace.
fn service_names(service: &str, namespace: &str, cluster_domain: &str) -> Vec<String> {
    let short = format!("{service}.{namespace}");
    let mut names = vec![format!("{short}.svc"), format!("{short}.svc.{cluster_domain}")];
    if !is_public(&short) && !ends_in_number(&short) {
        names.insert(0, short);
    }
    names
}

/// Whether a name is one of the Internet. In a namespace called `com`, `<service>.com` would be somebody's domain; in
/// one called `ck`, all of whose subdomains are public suffixes, `<service>.ck` would be a whole registry's. The list's
/// default rule `*` does not count: by it every label is a suffix.
fn is_public(name: &str) -> bool {
    psl::suffix(name.as_bytes()).is_some_and(|suffix| suffix.is_known())
}

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
