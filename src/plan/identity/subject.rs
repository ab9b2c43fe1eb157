//! Whether an identity may have the distinguished name that it asks for.
//!
//! No common name may be taken for a host name of another namespace.

use super::ready::Refusal;
use super::spec::IdentitySpec;
use super::zone;
use crate::pki::{CommonName, MAX_ATTRIBUTE, Subject};
use crate::plan::authority::spec::AuthoritySpec;

/// Checks `spec.subject`.
///
/// # Errors
/// [`Refusal`] with a sentence that says what to change.
pub fn fits(spec: &IdentitySpec, authority: &AuthoritySpec) -> Result<(), Refusal> {
    match spec.common_name {
        CommonName::None => Ok(()),
        CommonName::ServiceAccount => {
            let subject = Subject::new(&authority.trust_domain, &spec.namespace, &spec.service_account);
            short_enough("CN", &subject.common_name, "a shorter spec.serviceAccountName")?;
            short_enough("O", &subject.organization, "an MtlsAuthority with a shorter spec.trustDomain")?;
            no_name_of_others(spec, &subject.common_name, &authority.cluster_domain)
        }
    }
}

fn short_enough(attribute: &str, value: &str, instead: &str) -> Result<(), Refusal> {
    // All of it is ASCII.
    if value.len() <= MAX_ATTRIBUTE {
        return Ok(());
    }
    Err(Refusal::Invalid(format!(
        "spec.subject.commonName ServiceAccount makes the subject {attribute}={value}, whose {} characters are more than the {MAX_ATTRIBUTE} that X.509 allows; use {instead}, or commonName None",
        value.len()
    )))
}

/// Where a certificate has no DNS name, some clients look for the host name in its subject.
fn no_name_of_others(spec: &IdentitySpec, name: &str, cluster_domain: &str) -> Result<(), Refusal> {
    if !zone::is_of_others(name, &spec.namespace, cluster_domain) {
        return Ok(());
    }
    Err(Refusal::NotPermitted(format!(
        "spec.subject.commonName ServiceAccount is not permitted for service account {} in namespace {}: clients that look for a host name in the subject would take {name} for one that is not of this namespace; use commonName None, or another namespace",
        spec.service_account, spec.namespace
    )))
}
