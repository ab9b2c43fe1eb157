//! Whether an identity may have the distinguished name that it asks for.

use super::ready::Refusal;
use super::spec::IdentitySpec;
use super::zone;
use crate::pki::{CommonName, MAX_ATTRIBUTE, Subject};
use crate::plan::authority::spec::AuthoritySpec;

/// Judges `spec.subject`.
///
/// # Errors
/// [`Refusal`] with a sentence that says what to change.
pub fn fits(asked: &IdentitySpec, terms: &AuthoritySpec) -> Result<(), Refusal> {
    match asked.common_name {
        CommonName::None => Ok(()),
        CommonName::ServiceAccount => {
            let subject = Subject::new(&terms.trust_domain, &asked.namespace, &asked.service_account);
            short_enough("CN", &subject.common_name, "a shorter spec.serviceAccountName")?;
            short_enough("O", &subject.organization, "an MtlsAuthority with a shorter spec.trustDomain")?;
            no_name_of_others(asked, &subject.common_name, &terms.cluster_domain)
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
fn no_name_of_others(asked: &IdentitySpec, name: &str, cluster_domain: &str) -> Result<(), Refusal> {
    if !zone::is_of_others(name, &asked.namespace, cluster_domain) {
        return Ok(());
    }
    Err(Refusal::NotPermitted(format!(
        "spec.subject.commonName ServiceAccount is not permitted for service account {} in namespace {}: clients that look for a host name in the subject would take {name} for one that is not of this namespace; use commonName None, or another namespace",
        asked.service_account, asked.namespace
    )))
}
