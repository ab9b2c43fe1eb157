//! One log line for each certificate that is signed and stored, or may be: what it says, which CA signed it and why, and which
//! client asked for it.
//!
//! Never a key.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::field_managers::last_writer;
use crate::operator::error::Error;
use crate::operator::scheduler::requeue::Priority;
use crate::pki::{Authority, KeyAlgorithm, Leaf};
use crate::plan::identity::decide::IssueReason;
use crate::plan::identity::spec::IdentitySpec;

/// The target of these lines, for filters.
const TARGET: &str = "audit";

/// An issuance, but for the certificate.
pub struct IssuanceRecord<'a> {
    /// Metadata of the identity.
    pub identity: &'a ObjectMeta,
    /// Its spec.
    pub spec: &'a IdentitySpec,
    /// Why a certificate is issued.
    pub because: IssueReason,
    /// How urgent it was.
    pub priority: Priority,
    /// The grants that allow names and addresses outside the own zone.
    pub grants: &'a [String],
}

impl IssuanceRecord<'_> {
    /// A certificate was signed, and the write that stores it has ended so. One that was refused was thrown away.
    pub fn ended<T>(&self, signer: &Authority, leaf: &Leaf, result: &Result<T, Error>) {
        match result {
            Ok(_) => self.log(signer, leaf, "yes"),
            Err(error) if error.may_have_been_applied() => self.log(signer, leaf, "unknown"),
            Err(_) => {}
        }
    }

    fn log(&self, signer: &Authority, leaf: &Leaf, stored: &'static str) {
        let writer = last_writer(self.identity);
        tracing::info!(
            target: TARGET,
            namespace = self.spec.namespace,
            name = self.spec.name,
            uid = self.spec.uid,
            secret = self.spec.secret.name,
            stored,
            because = self.because.as_str(),
            class = self.priority.as_str(),
            serial = %leaf.serial,
            subject = leaf.subject,
            spiffe_id = listed(&leaf.spiffe_ids),
            dns_names = listed(&leaf.dns_names),
            ip_addresses = listed(&leaf.ip_addresses),
            not_before = %leaf.window.not_before,
            not_after = %leaf.window.not_after,
            key_algorithm = leaf.key_algorithm.map(KeyAlgorithm::as_str),
            authority = self.spec.authority,
            signer_key_id = %signer.key_id(),
            signer_fingerprint = %signer.fingerprint(),
            grants = (!self.grants.is_empty()).then(|| self.grants.join(",")),
            writer = writer.as_ref().map(|writer| writer.manager.as_str()),
            writer_time = writer.as_ref().and_then(|writer| writer.at).map(|at| at.to_string()),
            "issued"
        );
    }
}

fn listed(names: &[impl ToString]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
