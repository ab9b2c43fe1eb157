//! The `Ready` condition of an identity, before it is rendered.
//!
//! One reason for condition, log line and metric: all are rendered from the same value, so they cannot disagree.

use jiff::Timestamp;

use crate::api::conditions::{Ready, Reason};

/// Reason of an identity's `Ready` condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReadyReason {
    /// The leaf is valid and as asked.
    Issued,
    /// No leaf as asked yet; one is on its way.
    Issuing,
    /// Issuance is stopped by `spec.paused`.
    Paused,
    /// The authority is missing or cannot sign.
    AuthorityNotReady,
    /// A namespace, name or address without permission.
    NotPermitted,
    /// Something outside the authority's limits.
    Invalid,
    /// This operator may not write the Secret.
    SecretConflict,
    /// The leaf has expired.
    Expired,
}

impl ReadyReason {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::Issued,
        Self::Issuing,
        Self::Paused,
        Self::AuthorityNotReady,
        Self::NotPermitted,
        Self::Invalid,
        Self::SecretConflict,
        Self::Expired,
    ];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "Issued",
            Self::Issuing => "Issuing",
            Self::Paused => "Paused",
            Self::AuthorityNotReady => "AuthorityNotReady",
            Self::NotPermitted => "NotPermitted",
            Self::Invalid => "Invalid",
            Self::SecretConflict => "SecretConflict",
            Self::Expired => "Expired",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

impl Reason for ReadyReason {
    fn as_str(self) -> &'static str {
        self.as_str()
    }
}

/// A permanent problem: nothing changes until the user acts. The text is a sentence for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A value in the spec that cannot be read.
    Malformed(String),
    /// A namespace, name or address without permission.
    NotPermitted(String),
    /// Something outside the authority's limits.
    Invalid(String),
    /// This operator may not write the Secret.
    SecretConflict(String),
}

/// The conditions of an identity, before they are rendered.
pub type IdentityReady = Ready<ReadyReason>;

impl IdentityReady {
    /// The leaf is valid and as asked, and these grants allow it.
    #[must_use]
    pub fn issued(not_after: Timestamp, grants: &[String]) -> Self {
        let by = match grants {
            [] => String::new(),
            [grant] => format!("; allowed by grant {grant}"),
            grants => format!("; allowed by grants {}", grants.join(", ")),
        };
        Self::valid(
            ReadyReason::Issued,
            format!("the certificate is as asked and valid until {not_after}{by}"),
        )
    }

    /// The same, where the leaf ends with its signer.
    #[must_use]
    pub fn ending_with_its_signer(&self) -> Self {
        let message = format!(
            "{}. The CA that signed it ends then, too: it is renewed only when the authority has another one",
            self.message
        );
        Self { message, ..self.clone() }
    }

    /// The leaf is valid and as asked, and another one is due that no root signs.
    #[must_use]
    pub fn overdue(not_after: Timestamp, why: &str) -> Self {
        let message = format!(
            "the certificate is as asked and valid until {not_after}, but its renewal is due and the authority does not sign: {why}"
        );
        Self::valid(ReadyReason::Issued, message)
    }

    /// Paused, and the leaf is valid and as asked.
    #[must_use]
    pub fn paused(not_after: Timestamp) -> Self {
        let message = format!(
            "issuance is paused by spec.paused; the certificate is as asked and valid until {not_after}"
        );
        Self::valid(ReadyReason::Paused, message)
    }

    /// Paused, and there is no leaf as asked.
    #[must_use]
    pub fn paused_without_leaf() -> Self {
        let message = "issuance is paused by spec.paused, and the Secret holds no certificate as asked; set it to false";
        Self::stalled(ReadyReason::Paused, message.into())
    }

    /// Paused, and the leaf's signer is distrusted.
    #[must_use]
    pub fn paused_and_distrusted() -> Self {
        let message = "issuance is paused by spec.paused, and the root that signed the certificate is distrusted: peers refuse it; set it to false";
        Self::stalled(ReadyReason::Paused, message.into())
    }

    /// Paused, and the leaf has expired.
    #[must_use]
    pub fn paused_and_expired(not_after: Timestamp) -> Self {
        let message = format!(
            "the certificate expired at {not_after} while issuance is paused by spec.paused; set it to false"
        );
        Self::stalled(ReadyReason::Expired, message)
    }

    /// The identity is being deleted, these finalizers keep it, and the leaf has expired.
    #[must_use]
    pub fn deleted_and_expired(not_after: Timestamp, finalizers: &[String]) -> Self {
        let message = format!(
            "the certificate expired at {not_after} while the MtlsIdentity is being deleted, so that no other is \
             issued; what keeps it is metadata.finalizers: {}",
            finalizers.join(", ")
        );
        Self::waiting(ReadyReason::Expired, message)
    }

    /// A leaf as asked is on its way.
    #[must_use]
    pub fn issuing() -> Self {
        Self::waiting(ReadyReason::Issuing, "a certificate as asked is being issued".into())
    }

    /// The leaf has expired, and a new one is on its way.
    #[must_use]
    pub fn expired(not_after: Timestamp, because: Option<&str>) -> Self {
        let why = because.map(|because| format!(": {because}")).unwrap_or_default();
        let message = format!("the certificate expired at {not_after}, no new one has been issued{why}");
        Self::waiting(ReadyReason::Expired, message)
    }

    /// The authority cannot sign.
    #[must_use]
    pub fn authority_not_ready(why: &str) -> Self {
        Self::waiting(ReadyReason::AuthorityNotReady, why.to_owned())
    }

    /// The same, with a note.
    #[must_use]
    pub fn with_note(&self, note: &str) -> Self {
        Self { message: format!("{}; {note}", self.message), ..self.clone() }
    }

    /// The same, with the error that prevents the next leaf.
    #[must_use]
    pub fn with_failure(&self, why: &str) -> Self {
        let attempt = match self.reason {
            ReadyReason::Issued => "the last attempt at another one",
            ReadyReason::Issuing | ReadyReason::Expired => "the last attempt",
            _ => return self.clone(),
        };
        Self { message: format!("{}; {attempt} ended with: {why}", self.message), ..self.clone() }
    }

    /// The same, where the error stays until the user acts.
    #[must_use]
    pub fn blocked_by(&self, why: &str, has_stalled: bool) -> Self {
        match self.reason {
            ReadyReason::Issuing => Self::refused(Refusal::Invalid(why.to_owned()), has_stalled),
            ReadyReason::Expired => Self { stalled: true, ..self.with_failure(why) },
            _ => self.with_failure(why),
        }
    }

    /// A permanent problem. One that a change of another object ends needs manual action only after a while, `has_stalled`:
    /// that change may be in the same commit.
    #[must_use]
    pub fn refused(refusal: Refusal, has_stalled: bool) -> Self {
        let (reason, message, stalled) = match refusal {
            Refusal::Malformed(message) => (ReadyReason::Invalid, message, true),
            Refusal::NotPermitted(message) => (ReadyReason::NotPermitted, message, has_stalled),
            Refusal::Invalid(message) => (ReadyReason::Invalid, message, has_stalled),
            Refusal::SecretConflict(message) => (ReadyReason::SecretConflict, message, has_stalled),
        };
        Self { ready: false, stalled, reason, message }
    }

    fn valid(reason: ReadyReason, message: String) -> Self {
        Self { ready: true, stalled: false, reason, message }
    }

    fn waiting(reason: ReadyReason, message: String) -> Self {
        Self { ready: false, stalled: false, reason, message }
    }

    fn stalled(reason: ReadyReason, message: String) -> Self {
        Self { ready: false, stalled: true, reason, message }
    }
}
