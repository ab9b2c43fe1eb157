//! The reason of an authority's condition `Ready`: one closed set of words for condition, log line and metric.

use crate::api::conditions::Reason;

/// The reason of an authority's condition `Ready`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthorityReason {
    /// It signs.
    Ready,
    /// The root that identities depend on is gone, or another one is in its place.
    RootLost,
    /// The root Secret cannot be used.
    RootInvalid,
    /// The root has expired.
    RootExpired,
    /// The Secret with the provided CA cannot be used.
    ProvidedInvalid,
    /// There is no Secret with the provided CA.
    ProvidedMissing,
    /// The root was made for another trust domain.
    TrustDomainMismatch,
    /// The root is distrusted, and another one has to be provided.
    Distrusted,
    /// The clock differs from the API server's, so that nothing is signed.
    ClockSkewed,
    /// A part of the spec cannot be read.
    Invalid,
}

impl AuthorityReason {
    /// Every reason.
    pub const ALL: [Self; 10] = [
        Self::Ready,
        Self::RootLost,
        Self::RootInvalid,
        Self::RootExpired,
        Self::ProvidedInvalid,
        Self::ProvidedMissing,
        Self::TrustDomainMismatch,
        Self::Distrusted,
        Self::ClockSkewed,
        Self::Invalid,
    ];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::RootLost => "RootLost",
            Self::RootInvalid => "RootInvalid",
            Self::RootExpired => "RootExpired",
            Self::ProvidedInvalid => "ProvidedInvalid",
            Self::ProvidedMissing => "ProvidedMissing",
            Self::TrustDomainMismatch => "TrustDomainMismatch",
            Self::Distrusted => "Distrusted",
            Self::ClockSkewed => "ClockSkewed",
            Self::Invalid => "Invalid",
        }
    }
}

impl Reason for AuthorityReason {
    fn as_str(self) -> &'static str {
        self.as_str()
    }
}
