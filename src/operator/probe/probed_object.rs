//! What probes need of an identity: some hundred octets in place of the object, which has thousands.
//!
//! It is made once for each version of the object and never changes.

use std::collections::HashSet;
use std::sync::Arc;

use super::status::{StoredStatus, stated};
use crate::api::conditions::{SERVING, find};
use crate::api::identity::{MtlsIdentity, default_secret_name};
use crate::api::namespaced_name::NamespacedName;
use crate::api::probe::{ClientCertificates, ProbeSpec};
use crate::api::word::Word;
use crate::operator::index::digest::{Digest, digest, version_number};
use crate::plan::probe::verdict::Expected;

/// An identity with `spec.probes`, as probes need it.
#[derive(Debug)]
pub struct ProbedObject {
    /// Stands for its uid.
    pub uid: Digest,
    /// Its version.
    pub version: u64,
    /// The generation of its spec.
    pub generation: Option<i64>,
    /// Its authority.
    pub authority: Box<str>,
    /// `spec.secret.name`.
    secret: Option<Box<str>>,
    /// Its probes, in the order of `spec.probes`.
    pub probes: Box<[Probe]>,
    /// The leaf that its status states.
    pub leaf: Option<StatedLeaf>,
    /// Stands for what its status states of its servers.
    pub stated: Digest,
    /// What a write of its status has to preserve; `None` where that is long: the object is read before it is written then.
    pub status: Option<StoredStatus>,
}

/// A port on which Pods serve.
#[derive(Debug)]
pub struct Probe {
    /// Name of the probe.
    pub name: Arc<str>,
    /// The Service that leads to the Pods.
    pub service: Box<str>,
    /// The port on which they listen.
    pub port: u16,
    /// Whether they are meant to accept untrusted clients.
    pub allows_untrusted: bool,
}

/// A leaf as status states it.
#[derive(Debug)]
pub struct StatedLeaf {
    /// Its serial number.
    pub serial: Box<str>,
    /// Its only URI.
    pub spiffe_id: Box<str>,
    /// The version of its Secret.
    pub secret_version: u64,
}

impl ProbedObject {
    /// What probes need of this object.
    #[must_use]
    pub fn new(identity: &MtlsIdentity) -> Self {
        let (meta, spec, status) = (&identity.metadata, &identity.spec, identity.status.as_ref());
        let conditions = status.map(|status| &*status.conditions).unwrap_or_default();
        Self {
            uid: uid(identity),
            version: version_number(meta.resource_version.as_deref().unwrap_or_default()),
            generation: meta.generation,
            authority: spec.authority_ref.name.as_str().into(),
            secret: spec.secret.name.as_deref().map(Into::into),
            probes: spec.probes.iter().map(Probe::new).collect(),
            leaf: StatedLeaf::of(identity),
            stated: stated(find(conditions, SERVING), status.and_then(|status| status.served.as_ref())),
            status: StoredStatus::of(identity),
        }
    }

    /// Whether an identity is this one, and not another of its name.
    #[must_use]
    pub fn is_same(&self, identity: &MtlsIdentity) -> bool {
        self.uid == uid(identity)
    }

    /// Name of the Secret that holds the certificate.
    #[must_use]
    pub fn secret_name(&self, identity: &str) -> String {
        self.secret.as_deref().map_or_else(|| default_secret_name(identity), str::to_owned)
    }

    /// Whether a probe names one of these Services of its namespace.
    pub(super) fn names_any(&self, namespace: &str, services: &HashSet<NamespacedName>) -> bool {
        let is_among = |probe: &Probe| services.contains(&NamespacedName::new(namespace, &*probe.service));
        self.probes.iter().any(is_among)
    }

    /// The probe of this name.
    #[must_use]
    pub fn probe(&self, name: &str) -> Option<&Probe> {
        self.probes.iter().find(|probe| &*probe.name == name)
    }
}

fn uid(identity: &MtlsIdentity) -> Digest {
    digest(identity.metadata.uid.as_deref().unwrap_or_default())
}

impl Probe {
    /// What its servers are expected to be like, from what those of its identity are.
    #[must_use]
    pub fn expected(&self, of_identity: &Expected) -> Expected {
        Expected { allows_untrusted: self.allows_untrusted, ..of_identity.clone() }
    }

    fn new(spec: &ProbeSpec) -> Self {
        Self {
            name: spec.name.as_str().into(),
            service: spec.service_name.as_str().into(),
            port: u16::try_from(spec.target_port).unwrap_or_default(),
            allows_untrusted: spec.client_certificates != Word::Known(ClientCertificates::Required),
        }
    }
}

impl StatedLeaf {
    fn of(identity: &MtlsIdentity) -> Option<Self> {
        let status = identity.status.as_ref()?;
        Some(Self {
            serial: status.serial.as_deref()?.into(),
            spiffe_id: status.spiffe_id.as_deref()?.into(),
            secret_version: version_number(&status.secret.as_ref()?.resource_version),
        })
    }
}
