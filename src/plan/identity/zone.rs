//! Zones of DNS names: which names belong to a namespace by its name.
//!
//! A name that means something outside of the cluster, or the API server, never does.

use crate::api::patterns::ends_in_number;

/// Top-level domains that the public suffix list does not know, because they are in no public DNS, and that mean something else
/// than a namespace outside of it: special-use domains (IANA's registry, RFC 6761: `test`, `localhost`, `invalid`, `example`;
/// RFC 6762 and its appendix G: `local`, `intranet`, `internal`, `private`, `corp`, `home`, `lan`; RFC 7686: `onion`; RFC 9476:
/// `alt`), `arpa` (RFC 3172, with `home.arpa` of RFC 8375), and what ICANN keeps out of DNS for that reason (`internal` for
/// private use, `corp`, `home` and `mail` because of collisions).
const RESERVED: [&str; 15] = [
    "alt",
    "arpa",
    "corp",
    "example",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localhost",
    "mail",
    "onion",
    "private",
    "test",
];

/// Namespace and name of the Service of the API server.
pub const API_SERVER: (&str, &str) = ("default", "kubernetes");

/// Whether a namespace has a name without a grant: it is below `<namespace>.svc` or `<namespace>.svc.<clusterDomain>`, and is not
/// the API server's.
pub fn is_own(name: &str, namespace: &str, cluster_domain: &str) -> bool {
    let below =
        |zone: &str| name.strip_suffix(zone).is_some_and(|head| head.len() > 1 && head.ends_with('.'));
    (below(&format!("{namespace}.svc")) || below(&format!("{namespace}.svc.{cluster_domain}")))
        && !is_api_server(name, cluster_domain)
}

/// Whether clients of Kubernetes take a name for the API server's: its Service is in a namespace that tenants may use.
pub fn is_api_server(name: &str, cluster_domain: &str) -> bool {
    let (namespace, service) = API_SERVER;
    let head = name.split_once('.').filter(|(head, _)| *head == service || *head == "*");
    match head.and_then(|(_, zone)| zone.strip_prefix(namespace)) {
        Some("" | ".svc") => true,
        Some(zone) => zone.strip_prefix(".svc.") == Some(cluster_domain),
        None => false,
    }
}

/// Whether a name can be that of a service, of whatever namespace.
fn is_of_service(name: &str, cluster_domain: &str) -> bool {
    let zone = name.strip_suffix(cluster_domain).and_then(|rest| rest.strip_suffix('.')).unwrap_or(name);
    zone.strip_suffix(".svc").is_some_and(|head| head.contains('.'))
}

/// Whether a name means something else than what the namespace has of its own. Service accounts have names with dots: `a.orders` in
/// the namespace `svc` would be a service of `orders`.
pub fn is_of_others(name: &str, namespace: &str, cluster_domain: &str) -> bool {
    let is_foreign = is_of_service(name, cluster_domain) && !is_own(name, namespace, cluster_domain);
    !is_local(name) || is_api_server(name, cluster_domain) || is_foreign
}

/// The names of a service. Never the bare one: it means another service in another namespace.
pub fn service_names(service: &str, namespace: &str, cluster_domain: &str) -> Vec<String> {
    let short = short_name(service, namespace);
    let mut names = vec![format!("{short}.svc"), format!("{short}.svc.{cluster_domain}")];
    if is_local(&short) {
        names.insert(0, short);
    }
    names
}

/// The name of a service for clients of any namespace of the cluster, in two labels.
pub fn short_name(service: &str, namespace: &str) -> String {
    format!("{service}.{namespace}")
}

/// Whether `<name>.<namespace>` means something in this cluster alone.
fn is_local(short: &str) -> bool {
    !is_public(short) && !is_reserved(short) && !ends_in_number(short)
}

/// Whether a name is one of the Internet. In a namespace called `com`, `<service>.com` would be a domain of the Internet; in
/// one called `ck`, all of whose subdomains are public suffixes, `<service>.ck` would be a domain of a whole registry. The list's
/// default rule `*` does not count: by it every label is a suffix.
fn is_public(name: &str) -> bool {
    psl::suffix(name.as_bytes()).is_some_and(|suffix| suffix.is_known())
}

/// Whether a name is in a zone that hosts and networks resolve without the public DNS.
fn is_reserved(name: &str) -> bool {
    name.rsplit('.').next().is_some_and(|zone| RESERVED.contains(&zone))
}
