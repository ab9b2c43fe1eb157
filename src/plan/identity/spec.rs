//! An identity's spec, parsed.
//!
//! After this, no value in it can be malformed: one that cannot be read is noted, and its field left at the default.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::SignedDuration;

use super::zone;
use crate::api::duration;
use crate::api::identity::{MtlsIdentity, Reclaim};
use crate::api::names::annotation;
use crate::api::patterns;
use crate::api::word::Word;
use crate::pki::{CommonName, KeyAlgorithm};

/// The spec of an `MtlsIdentity`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentitySpec {
    /// Namespace of the identity.
    pub namespace: String,
    /// Name of the identity.
    pub name: String,
    /// Uid of the identity.
    pub uid: String,
    /// Name of the authority that is to sign.
    pub authority: String,
    /// Service account in the SPIFFE ID.
    pub service_account: String,
    /// Services of the namespace whose names the certificate has.
    pub services: Vec<String>,
    /// DNS names beyond those of the services.
    pub dns_names: Vec<String>,
    /// IP addresses, sorted and distinct.
    pub ip_addresses: Vec<IpAddr>,
    /// Lifetime, where the identity names one.
    pub ttl: Option<SignedDuration>,
    /// Margin of renewal, where the identity names one.
    pub renew_before: Option<SignedDuration>,
    /// Kind of key.
    pub algorithm: KeyAlgorithm,
    /// What the subject says.
    pub common_name: CommonName,
    /// The Secret.
    pub secret: SecretSettings,
    /// Whether issuance is stopped.
    pub paused: bool,
    /// Value of the annotation `renew`.
    pub renew_request: Option<String>,
    /// What of the spec cannot be read. Nothing is issued then; what is there is kept current.
    pub malformed: Option<MalformedSpec>,
}

/// What an `MtlsIdentity` says of its Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretSettings {
    /// Name of the Secret.
    pub name: String,
    /// Labels that users put on it.
    pub labels: BTreeMap<String, String>,
    /// Annotations that users put on it.
    pub annotations: BTreeMap<String, String>,
    /// What becomes of it when the identity is deleted.
    pub reclaim: Reclaim,
}

/// A spec that its schema would refuse, made before the schema was installed; or one of another version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedSpec {
    /// The object lacks something that the API server always sets.
    #[error("metadata.{0} is missing")]
    Metadata(&'static str),
    /// This version cannot read the object at all.
    #[error(
        "this version of the operator cannot read the spec: {0}; upgrade the operator, or correct the spec"
    )]
    Unreadable(String),
    /// A word of another version.
    #[error(
        "spec.{field} is {word:?}, which this version of the operator does not know; upgrade the operator, or correct it"
    )]
    Word {
        /// Field of the spec.
        field: &'static str,
        /// What it holds.
        word: String,
    },
    /// A duration that Go would not read.
    #[error("spec.{field} is {value:?}, which is not a duration such as 24h or 90m; correct it")]
    Duration {
        /// Field of the spec.
        field: &'static str,
        /// What it holds.
        value: String,
    },
    /// A name that Kubernetes, SPIFFE or clients of TLS do not take.
    #[error("{field} has {value:?}, which is not {form}; correct it")]
    Name {
        /// Field of the object.
        field: &'static str,
        /// What it holds, or its beginning.
        value: String,
        /// What it should be.
        form: &'static str,
    },
    /// An address that is none.
    #[error("spec.ipAddresses has {0:?}, which is not an IP address; correct it")]
    Address(String),
}

impl IdentitySpec {
    /// Reads what an identity asks for. A value that cannot be read is noted, and its field left at the default.
    ///
    /// # Errors
    /// [`MalformedSpec`] where not even that can be read to which authority and Secret the identity belongs.
    pub fn parse(identity: &MtlsIdentity) -> Result<Self, MalformedSpec> {
        let meta = &identity.metadata;
        let spec = &identity.spec;
        if let Some(why) = &spec.unreadable {
            return Err(MalformedSpec::Unreadable(why.clone()));
        }
        let name = meta.name.clone().ok_or(MalformedSpec::Metadata("name"))?;
        let secret_name = identity.secret_name();
        object_name("spec.secret.name", &secret_name)?;
        Ok(Self {
            namespace: meta.namespace.clone().ok_or(MalformedSpec::Metadata("namespace"))?,
            uid: meta.uid.clone().ok_or(MalformedSpec::Metadata("uid"))?,
            authority: spec.authority_ref.name.clone(),
            service_account: spec.service_account_name.clone().unwrap_or_else(|| name.clone()),
            services: spec.services.clone().unwrap_or_else(|| vec![name.clone()]),
            dns_names: spec.dns_names.clone(),
            ip_addresses: addresses(&spec.ip_addresses).unwrap_or_default(),
            ttl: optional_duration("ttl", spec.ttl.as_deref()).unwrap_or_default(),
            renew_before: optional_duration("renewBefore", spec.renew_before.as_deref()).unwrap_or_default(),
            algorithm: spec.private_key.algorithm.known().unwrap_or_default(),
            common_name: spec.subject.common_name.known().unwrap_or_default(),
            secret: SecretSettings {
                name: secret_name,
                labels: spec.secret.labels.clone(),
                annotations: spec.secret.annotations.clone(),
                // A Secret that stays is no loss.
                reclaim: spec.secret.reclaim.known().unwrap_or(Reclaim::Retain),
            },
            paused: spec.paused,
            renew_request: meta.annotations.as_ref().and_then(|a| a.get(annotation::RENEW)).cloned(),
            malformed: malformed(identity).err(),
            name,
        })
    }
}

/// The first value of a spec that cannot be read.
fn malformed(identity: &MtlsIdentity) -> Result<(), MalformedSpec> {
    names(identity)?;
    let spec = &identity.spec;
    word("privateKey.algorithm", &spec.private_key.algorithm)?;
    word("subject.commonName", &spec.subject.common_name)?;
    word("secret.reclaim", &spec.secret.reclaim)?;
    for probe in &spec.probes {
        word("probes[].clientCertificates", &probe.client_certificates)?;
    }
    optional_duration("ttl", spec.ttl.as_deref())?;
    optional_duration("renewBefore", spec.renew_before.as_deref())?;
    addresses(&spec.ip_addresses).map(drop)
}

/// All that becomes part of a name in a certificate.
fn names(identity: &MtlsIdentity) -> Result<(), MalformedSpec> {
    let (meta, spec) = (&identity.metadata, &identity.spec);
    label("metadata.namespace", meta.namespace.as_deref().unwrap_or_default())?;
    label("metadata.name", meta.name.as_deref().unwrap_or_default())?;
    label("spec.authorityRef.name", &spec.authority_ref.name)?;
    spec.service_account_name.iter().try_for_each(|name| object_name("spec.serviceAccountName", name))?;
    spec.services.iter().flatten().try_for_each(|name| label("spec.services", name))?;
    spec.dns_names.iter().try_for_each(|name| {
        let is_sound =
            patterns::is_dns_pattern(name) && patterns::is_narrow(name) && !patterns::ends_in_number(name);
        named("spec.dnsNames", name, "a DNS name or a wildcard of one that has two labels", is_sound)
    })
}

fn label(field: &'static str, name: &str) -> Result<(), MalformedSpec> {
    named(field, name, "a DNS label", patterns::is_dns_label(name))
}

fn object_name(field: &'static str, name: &str) -> Result<(), MalformedSpec> {
    named(field, name, "the name of an object", patterns::is_dns_subdomain(name))
}

fn named(field: &'static str, name: &str, form: &'static str, is_sound: bool) -> Result<(), MalformedSpec> {
    if is_sound && name.len() <= patterns::MAX_NAME {
        return Ok(());
    }
    Err(MalformedSpec::Name { field, value: name.chars().take(patterns::MAX_NAME).collect(), form })
}

fn word<T: Copy>(field: &'static str, word: &Word<T>) -> Result<T, MalformedSpec> {
    word.known().map_err(|word| MalformedSpec::Word { field, word: word.clone() })
}

impl IdentitySpec {
    /// The spec of an identity of this namespace that asks for nothing, but for its names.
    #[must_use]
    pub fn default_in(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: String::new(),
            uid: String::new(),
            authority: String::new(),
            service_account: String::new(),
            services: Vec::new(),
            dns_names: Vec::new(),
            ip_addresses: Vec::new(),
            ttl: None,
            renew_before: None,
            algorithm: KeyAlgorithm::default(),
            common_name: CommonName::default(),
            secret: SecretSettings {
                name: String::new(),
                labels: BTreeMap::new(),
                annotations: BTreeMap::new(),
                reclaim: Reclaim::default(),
            },
            paused: false,
            renew_request: None,
            malformed: None,
        }
    }
}

impl IdentitySpec {
    /// Whether it asks for nothing that a grant or a limit of an authority could refuse, so that what holds for
    /// [`IdentitySpec::default_in`] holds for it. A new field has to say here whether policy depends on it.
    #[must_use]
    pub fn is_default(&self) -> bool {
        let Self {
            namespace: _,
            name: _,
            uid: _,
            authority: _,
            service_account: _,
            services: _,
            secret: _,
            paused: _,
            renew_request: _,
            dns_names,
            ip_addresses,
            ttl,
            renew_before,
            algorithm,
            common_name,
            malformed,
        } = self;
        dns_names.is_empty()
            && ip_addresses.is_empty()
            && (ttl, renew_before) == (&None, &None)
            && *algorithm == KeyAlgorithm::default()
            && *common_name == CommonName::default()
            && malformed.is_none()
            && !self.claims_api_server()
    }

    /// Whether it names the Service of the API server, which needs a grant.
    #[must_use]
    pub fn claims_api_server(&self) -> bool {
        let (namespace, service) = zone::API_SERVER;
        self.namespace == namespace && self.services.iter().any(|asked| asked == service)
    }
}

fn optional_duration(
    field: &'static str,
    text: Option<&str>,
) -> Result<Option<SignedDuration>, MalformedSpec> {
    text.map(|text| {
        duration::parse(text).ok_or_else(|| MalformedSpec::Duration { field, value: text.to_owned() })
    })
    .transpose()
}

fn addresses(texts: &[String]) -> Result<Vec<IpAddr>, MalformedSpec> {
    let parse = |text: &String| text.parse::<IpAddr>().map_err(|_| MalformedSpec::Address(text.clone()));
    let mut addresses = texts.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    addresses.sort_unstable();
    addresses.dedup();
    Ok(addresses)
}
