//! Names that other programs rely on: each label, annotation, key and type is spelled once, here.

/// API group of both kinds.
pub const GROUP: &str = "mtls-operator.dev";
/// Field manager of every write.
pub const FIELD_MANAGER: &str = "mtls-operator";
/// Name of the authority that identities use unless they say otherwise.
pub const DEFAULT_AUTHORITY: &str = "mesh";

/// Labels of a leaf Secret, and of a published trust bundle.
pub mod label {
    /// Standard Kubernetes label; the watch on leaf Secrets selects by it.
    pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
    /// The value of [`MANAGED_BY`] on everything this operator writes.
    pub const MANAGER: &str = "mtls-operator";
    /// Name of the `MtlsAuthority` that signed the leaf.
    pub const AUTHORITY: &str = "mtls-operator.dev/authority";
    /// Name of the `MtlsIdentity` that the Secret belongs to.
    pub const IDENTITY: &str = "mtls-operator.dev/identity";

    /// Selects everything that this operator writes.
    #[must_use]
    pub fn selector() -> String {
        format!("{MANAGED_BY}={MANAGER}")
    }

    /// Selects what this operator writes for an authority.
    #[must_use]
    pub fn selector_for(authority: &str) -> String {
        format!("{},{AUTHORITY}={authority}", selector())
    }
}

/// Annotations. Those of a leaf Secret let the operator decide from metadata alone, without reading a key.
pub mod annotation {
    /// Leaf Secret: end of the leaf's validity, RFC 3339 in UTC.
    pub const NOT_AFTER: &str = "mtls-operator.dev/not-after";
    /// Leaf Secret: serial number of the leaf, lower-case hex.
    pub const SERIAL: &str = "mtls-operator.dev/serial";
    /// Leaf Secret: key identifier of the signer, lower-case hex.
    pub const AUTHORITY_KEY_ID: &str = "mtls-operator.dev/authority-key-id";
    /// Leaf Secret: versioned hash of what the leaf was asked to be.
    pub const PROFILE: &str = "mtls-operator.dev/profile";
    /// Leaf Secret: hash of the trust bundle in `ca.crt`. A ConfigMap or ClusterTrustBundle that has it is ours.
    pub const TRUST: &str = "mtls-operator.dev/trust";
    /// Leaf Secret: moment of issuance (`notBefore` is backdated), RFC 3339 in UTC.
    pub const ISSUED_AT: &str = "mtls-operator.dev/issued-at";
    /// Leaf Secret: number of issuances so far.
    pub const REVISION: &str = "mtls-operator.dev/revision";
    /// Leaf Secret: the value of [`RENEW`] that the leaf answers.
    pub const RENEW_REQUEST: &str = "mtls-operator.dev/renew-request";
    /// Leaf Secret: JSON of the label and annotation keys that the identity's spec put there.
    pub const APPLIED_KEYS: &str = "mtls-operator.dev/applied-keys";
    /// Leaf Secret: uid of the identity that owns it.
    pub const IDENTITY_UID: &str = "mtls-operator.dev/identity-uid";
    /// `MtlsIdentity`: renews the leaf once per value.
    pub const RENEW: &str = "mtls-operator.dev/renew";
    /// `MtlsAuthority`: namespace of the operator that serves it.
    pub const OPERATOR_NAMESPACE: &str = "mtls-operator.dev/operator-namespace";
    /// Secret with a provided CA: names of the `MtlsAuthority` objects that may sign with it, with commas between.
    pub const PROVIDES_FOR: &str = "mtls-operator.dev/provides-for";
    /// Root Secret: name of its `MtlsAuthority`.
    pub const AUTHORITY: &str = "mtls-operator.dev/authority";
    /// Root Secret: trust domain that the root was made for.
    pub const TRUST_DOMAIN: &str = "mtls-operator.dev/trust-domain";
    /// Root Secret: phase of the rotation.
    pub const PHASE: &str = "mtls-operator.dev/phase";
    /// Root Secret: when the phase began, RFC 3339 in UTC.
    pub const SINCE: &str = "mtls-operator.dev/since";
    /// Root Secret: the largest `leaf.maxTTL` in force while this root signs, as a Go duration.
    pub const MAX_LEAF_TTL: &str = "mtls-operator.dev/max-leaf-ttl";
    /// Root Secret: where the signer came from, `generated` or `provided`.
    pub const ORIGIN: &str = "mtls-operator.dev/origin";
    /// Root Secret: until when the Secrets of identities follow the last change of the roots, RFC 3339 in UTC.
    pub const SPREAD_UNTIL: &str = "mtls-operator.dev/spread-until";
    /// Root Secret: hash of the trust bundle that was in force before the one that is.
    pub const FORMER_TRUST: &str = "mtls-operator.dev/former-trust";
    /// Root Secret: where the announced root came from, `generated` or `provided`.
    pub const NEXT_ORIGIN: &str = "mtls-operator.dev/next-origin";
    /// Root Secret: JSON of the roots that sign no more and are still trusted.
    pub const RETIRING: &str = "mtls-operator.dev/retiring";
    /// Root Secret: JSON of the SHA-256 fingerprints of the certificates of every CA that the signer has certified.
    pub const CERTIFIED: &str = "mtls-operator.dev/certified";
    /// Root Secret: the value of [`ROTATE`] that was answered last.
    pub const ROTATE_REQUEST: &str = "mtls-operator.dev/rotate-request";
    /// Root Secret: the value of [`ROTATION_EXCLUDE`] that the last rotation has used, and that counts for no other.
    pub const EXCLUDE_REQUEST: &str = "mtls-operator.dev/exclude-request";
    /// `MtlsAuthority`: rotates the root once per value.
    pub const ROTATE: &str = "mtls-operator.dev/rotate";
    /// `MtlsAuthority`: SHA-256 fingerprint of a root whose loss is accepted, or `none` where there was no root.
    pub const ACCEPT_ROOT_LOSS: &str = "mtls-operator.dev/accept-root-loss";
    /// `MtlsAuthority`: identities, as `<namespace>/<name>`, and trust bundles, as status names them, with commas between,
    /// that a rotation does not wait for. Each value counts for one rotation.
    pub const ROTATION_EXCLUDE: &str = "mtls-operator.dev/rotation-exclude";
    /// Root Secret: SHA-256 of the evidence key that was lost together with a root whose loss was accepted.
    pub const LOST_EVIDENCE_KEY: &str = "mtls-operator.dev/lost-evidence-key";
    /// Root Secret: JSON of replaced signers and the last moment a leaf of theirs can be valid.
    pub const FORMER_KEY_IDS: &str = "mtls-operator.dev/former-key-ids";
}

/// Keys of leaf and root Secrets.
pub mod key {
    /// Certificate chain, leaf or signer first (PEM).
    pub const CERTIFICATE: &str = "tls.crt";
    /// Private key (PEM).
    pub const PRIVATE_KEY: &str = "tls.key";
    /// Trust bundle: every anchor (PEM). In a root Secret those of the signer alone.
    pub const TRUST_BUNDLE: &str = "ca.crt";
    /// Root Secret: certificate chain of the announced root (PEM).
    pub const NEXT_CERTIFICATE: &str = "next.crt";
    /// Root Secret: private key of the announced root (PEM).
    pub const NEXT_PRIVATE_KEY: &str = "next.key";
    /// Root Secret: anchors of the announced root (PEM).
    pub const NEXT_TRUST_BUNDLE: &str = "next-ca.crt";
    /// Root Secret: the signer's cross-certificate, signed by the former root (PEM).
    pub const CROSS_CERTIFICATE: &str = "cross.crt";
    /// Root Secret: the same of the announced root, signed by the signer (PEM).
    pub const NEXT_CROSS_CERTIFICATE: &str = "next-cross.crt";
    /// Root Secret: what proofs of statuses are made with, 32 octets. Made once, and kept through every rotation.
    pub const EVIDENCE_KEY: &str = "evidence.key";
    /// Root Secret: anchors that are still trusted and sign no more (PEM).
    pub const RETIRING: &str = "retiring.crt";
}

/// Name of the ClusterTrustBundle of an authority. It has to begin with the signer's name.
#[must_use]
pub fn cluster_trust_bundle(authority: &str) -> String {
    format!("{GROUP}:{authority}:bundle")
}

/// The signer that a ClusterTrustBundle is of.
#[must_use]
pub fn signer_name(authority: &str) -> String {
    format!("{GROUP}/{authority}")
}

/// Type of a leaf Secret.
pub const LEAF_SECRET_TYPE: &str = "kubernetes.io/tls";
/// Type of a root Secret.
pub const ROOT_SECRET_TYPE: &str = "mtls-operator.dev/root";
