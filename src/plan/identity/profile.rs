//! The `profile` annotation: a versioned hash of what a leaf was asked to be.
//!
//! It hashes inputs, not SANs, so that a newer public suffix list re-issues nothing by itself.

use std::fmt;

use super::spec::IdentitySpec;
use crate::pki::{CommonName, hex, sha256};
use crate::plan::authority::spec::AuthoritySpec;

/// Version of the hash. A Secret with another version is compared by its leaf, not by its hash.
const VERSION: &str = "v2";

/// Hash of the part of a profile that the identity's spec determines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdentitySpecHash([u8; 16]);

/// Hash of the part that the authority determines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AuthoritySpecHash([u8; 16]);

/// Hash of both: the value of the annotation `profile`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProfileHash([u8; 16]);

impl IdentitySpecHash {
    /// The hash of what an identity asks: names, addresses, algorithm and its own ttl. What came later enters only when it is
    /// not the default, so that an upgrade issues nothing.
    #[must_use]
    pub fn of(spec: &IdentitySpec) -> Self {
        let mut parts =
            vec![spec.namespace.clone(), spec.service_account.clone(), spec.algorithm.to_string()];
        parts.push(spec.ttl.map_or_else(String::new, |ttl| ttl.as_secs().to_string()));
        parts.push(sorted(spec.services.iter().cloned()));
        parts.push(sorted(spec.dns_names.iter().cloned()));
        parts.push(sorted(spec.ip_addresses.iter().map(ToString::to_string)));
        match spec.common_name {
            CommonName::None => {}
            CommonName::ServiceAccount => parts.push("subject.commonName=ServiceAccount".into()),
        }
        Self(digest(&parts))
    }
}

impl AuthoritySpecHash {
    /// The hash of what an authority contributes to every profile.
    #[must_use]
    pub fn of(authority: &AuthoritySpec) -> Self {
        Self(digest(&[
            authority.name.clone(),
            authority.trust_domain.to_string(),
            authority.cluster_domain.clone(),
        ]))
    }
}

impl ProfileHash {
    /// The hash of a leaf that these two determine.
    #[must_use]
    pub fn of(spec: IdentitySpecHash, authority: AuthoritySpecHash) -> Self {
        Self(truncated(&[spec.0, authority.0].concat()))
    }

    /// Reads an annotation. `None` where it is of another version or malformed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let octets = hex::read(text.strip_prefix(VERSION)?.strip_prefix(':')?)?;
        octets.try_into().map(Self).ok()
    }
}

impl fmt::Display for ProfileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION}:")?;
        hex::write(f, &self.0)
    }
}

fn sorted(items: impl Iterator<Item = String>) -> String {
    let mut items: Vec<String> = items.collect();
    items.sort_unstable();
    items.dedup();
    items.join(" ")
}

/// No part can contain a newline, so joining by one is unambiguous.
fn digest(parts: &[String]) -> [u8; 16] {
    truncated(parts.join("\n").as_bytes())
}

fn truncated(bytes: &[u8]) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&sha256(bytes)[..16]);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_hash_reads_back() {
        let hash = ProfileHash([0xab; 16]);
        assert_eq!(ProfileHash::parse(&hash.to_string()), Some(hash));
    }

    #[test]
    fn another_version_or_garbage_is_no_hash() {
        for text in [
            "",
            "v2:",
            "v1:abababababababababababababababab",
            "v2:zz",
            "v2:+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a",
            "v2:ééééééééééééééééé",
        ] {
            assert_eq!(ProfileHash::parse(text), None, "{text}");
        }
    }
}
