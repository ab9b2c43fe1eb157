//! Who may have which name. SANs are a pure function of (namespace, spec, authority); a namespace gets nothing
//! outside its own zone without a written grant (I7).

use std::net::IpAddr;

use jiff::SignedDuration;

use super::entitlement::service_names;
use super::ready::Refusal;
use super::spec::IdentitySpec;
use super::subject;
use super::zone;
use crate::api::duration::format;
use crate::plan::authority::spec::{AuthoritySpec, ParsedGrant};
use crate::plan::selector::{Labels, Reading};

pub use super::entitlement::Entitlement;

/// What an authority's terms say of an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// It may have what it asks.
    Granted,
    /// It may not.
    Refused,
    /// It may not by what can be read of the terms. What cannot be read may say otherwise.
    Hidden,
}

/// Judges what an identity asks against the authority's terms.
///
/// # Errors
/// [`Refusal`] with a sentence that says what to change, and where.
pub fn judge(
    asked: &IdentitySpec,
    terms: &AuthoritySpec,
    namespace: &Labels,
) -> Result<Entitlement, Refusal> {
    let grants = permit(asked, terms, namespace, Reading::Strict)?;
    Ok(Entitlement::of(asked, terms, grants))
}

/// What an identity may keep though it is refused: the names that were permitted before, where just what cannot be read may
/// permit them still.
#[must_use]
pub fn retained(asked: &IdentitySpec, terms: &AuthoritySpec, namespace: &Labels) -> Option<Entitlement> {
    let grants = permit(asked, terms, namespace, Reading::Generous).ok()?;
    Some(Entitlement::of(asked, terms, grants))
}

/// What an authority's terms say of what an identity asks.
#[must_use]
pub fn permission(asked: &IdentitySpec, terms: &AuthoritySpec, namespace: &Labels) -> Permission {
    let permits = |reading| permit(asked, terms, namespace, reading).is_ok();
    match () {
        () if permits(Reading::Strict) => Permission::Granted,
        () if terms.unread.hides_permissions() && permits(Reading::Generous) => Permission::Hidden,
        () => Permission::Refused,
    }
}

/// The same of identities of a namespace that ask for nothing in particular. They differ in their own names only, which
/// need no grant.
#[must_use]
pub fn permission_of_plain(terms: &AuthoritySpec, namespace: &str, labels: &Labels) -> Permission {
    permission(&IdentitySpec::plain(namespace), terms, labels)
}

/// The grants by which an identity may have what it asks.
fn permit(
    asked: &IdentitySpec,
    terms: &AuthoritySpec,
    namespace: &Labels,
    reading: Reading,
) -> Result<Vec<String>, Refusal> {
    if let Some(malformed) = &asked.malformed {
        return Err(Refusal::Malformed(malformed.to_string()));
    }
    within_namespaces(asked, terms, namespace, reading)?;
    within_limits(asked, terms)?;
    subject::fits(asked, terms)?;
    all_granted(asked, terms, namespace, reading)
}

fn within_namespaces(
    asked: &IdentitySpec,
    terms: &AuthoritySpec,
    namespace: &Labels,
    reading: Reading,
) -> Result<(), Refusal> {
    if terms.namespaces.selects_by(namespace, reading) {
        return Ok(());
    }
    Err(Refusal::NotPermitted(format!(
        "namespace {} is not among those that MtlsAuthority {} serves: its spec.namespaces selects {}; ask for these labels",
        asked.namespace,
        terms.name,
        terms.namespaces.shown()
    )))
}

fn within_limits(asked: &IdentitySpec, terms: &AuthoritySpec) -> Result<(), Refusal> {
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
        let advice = match &*terms.algorithms {
            [] => "none of them is known to this version of the operator".to_owned(),
            known => format!("choose one of {}", list(known)),
        };
        return Err(Refusal::Invalid(format!(
            "spec.privateKey.algorithm {} is not among leaf.algorithms of MtlsAuthority {}; {advice}",
            asked.algorithm, terms.name
        )));
    }
    margin_fits(asked, terms, ttl)
}

/// `propagation` ≤ `renewBefore` ≤ ttl/2, of the ttl that was asked: a lifetime clamped to the signer's end must not
/// turn a sound spec into a refused one.
fn margin_fits(asked: &IdentitySpec, terms: &AuthoritySpec, ttl: SignedDuration) -> Result<(), Refusal> {
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
fn longer(asked: &IdentitySpec, propagation: SignedDuration) -> String {
    let least = format(propagation);
    if asked.renew_before.is_some() {
        return format!("spec.renewBefore of {least} or more");
    }
    let (alone, with) = (format(propagation * 3), format(propagation * 2));
    format!("spec.ttl of {alone} or more, or of {with} or more with spec.renewBefore {least}")
}

/// The grants that allow what lies outside the own zone. All names and addresses without one are told at once, and which
/// grant allows the others.
fn all_granted(
    asked: &IdentitySpec,
    terms: &AuthoritySpec,
    namespace: &Labels,
    reading: Reading,
) -> Result<Vec<String>, Refusal> {
    let is_own = |name: &&String| zone::is_own(name, &asked.namespace, &terms.cluster_domain);
    let judged = |name: String| {
        let grant = granting(terms, namespace, reading, |grant| grants_name(grant, &name));
        (name, grant)
    };
    let services = services_of_others(asked, terms).map(judged);
    let names = asked.dns_names.iter().filter(|name| !is_own(name)).cloned().map(judged);
    let addresses = asked.ip_addresses.iter().map(|address| {
        (
            address.to_string(),
            granting(terms, namespace, reading, |grant| grants_address(grant, *address, reading)),
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
        terms.name,
        asked.namespace,
        allowed.collect::<String>()
    )))
}

/// The names of services that a namespace has only by a grant.
fn services_of_others(asked: &IdentitySpec, terms: &AuthoritySpec) -> impl Iterator<Item = String> {
    let names = service_names(asked, &terms.cluster_domain);
    names.filter(|name| zone::is_api_server(name, &terms.cluster_domain))
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
    terms: &'a AuthoritySpec,
    namespace: &Labels,
    reading: Reading,
    allows: impl Fn(&ParsedGrant) -> bool,
) -> Option<&'a str> {
    let mut grants = terms.grants.iter();
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
