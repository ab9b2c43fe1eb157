//! A SPIFFE ID is always `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`, from parts that fit.

use std::fmt;
use std::str::FromStr;

/// Longest trust domain name (SPIFFE-ID §2.1).
const MAX_TRUST_DOMAIN: usize = 255;

/// Why a text is not a trust domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the trust domain {0:?} is not valid: use lower-case letters, digits, dashes and underscores, with single dots between them, {MAX_TRUST_DOMAIN} characters at most"
)]
pub struct TrustDomainError(String);

/// A trust domain: the authority component of the URI of a SPIFFE ID.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrustDomain(String);

impl TrustDomain {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TrustDomain {
    type Err = TrustDomainError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        // Go's verifier cannot read a host with an empty label, so that it would refuse the certificate.
        let is_label = |label: &str| !label.is_empty() && label.bytes().all(allowed);
        if text.len() <= MAX_TRUST_DOMAIN && text.split('.').all(is_label) {
            return Ok(Self(text.to_owned()));
        }
        let shown = text.chars().take(MAX_TRUST_DOMAIN).collect();
        Err(TrustDomainError(shown))
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Trust domain, namespace and service account of a SPIFFE ID. `None` where it is not of our form.
pub(super) fn parts(uri: &str) -> Option<[&str; 3]> {
    let segments: Vec<&str> = uri.strip_prefix("spiffe://")?.split('/').collect();
    match *segments {
        [trust_domain, "ns", namespace, "sa", service_account] => {
            Some([trust_domain, namespace, service_account])
        }
        _ => None,
    }
}

/// The identity of a workload: the only URI in its certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpiffeId(String);

impl SpiffeId {
    /// The ID of a service account. Both names come from Kubernetes objects, whose rules (RFC 1123) fit the path.
    #[must_use]
    pub fn new(trust_domain: &TrustDomain, namespace: &str, service_account: &str) -> Self {
        Self(format!("spiffe://{trust_domain}/ns/{namespace}/sa/{service_account}"))
    }

    /// The whole URI.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_domain_namespace_and_service_account() {
        let id = SpiffeId::new(&"cluster.local".parse().unwrap(), "shop", "cart");
        assert_eq!(id.to_string(), "spiffe://cluster.local/ns/shop/sa/cart");
    }

    #[test]
    fn a_trust_domain_is_lower_case_and_has_no_port_user_or_path() {
        for good in ["a", "cluster.local", "prod_1.example-corp.internal", &"x".repeat(255)] {
            assert!(good.parse::<TrustDomain>().is_ok(), "{good}");
        }
        let long = "x".repeat(256);
        for bad in
            ["", "Cluster.local", "a:1", "a/b", "u@a", "a b", "ä", "a%20", "a..b", ".a", "a.", ".", &long]
        {
            assert!(bad.parse::<TrustDomain>().is_err(), "{bad}");
        }
    }
}
