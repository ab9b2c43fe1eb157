//! Transient errors of a reconcile: each is retried with backoff. A permanent problem is a value, not an error
//! (`plan::identity::ready::Refusal`).

use std::time::Duration;

use crate::pki::{IssueError, KeyError, LoadError, NoRandomness};
use crate::runtime::error_chain::cause;
use crate::runtime::skew::ClockProblem;

/// Why a reconcile of an identity or an authority failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The object was changed since it was observed.
    #[error("{what} changed since it was read")]
    Stale {
        /// The object.
        what: String,
    },
    /// The API server refused or failed.
    #[error("{what}: {}", cause(&**source))]
    Api {
        /// Verb and object.
        what: String,
        /// The answer.
        source: Box<kube::Error>,
    },
    /// The answer cannot be parsed. The error names the position and never the content, which may be a key.
    #[error("{what}: the answer cannot be read from line {line}, column {column} on")]
    Unreadable {
        /// Verb and object.
        what: String,
        /// From 1; 0 where it is not known.
        line: usize,
        /// From 1; 0 where it is not known.
        column: usize,
    },
    /// The answer is too long to be read.
    #[error("{what}: the answer is longer than {limit} octets and was not read")]
    TooLarge {
        /// Verb and object.
        what: String,
        /// Octets that are read at most.
        limit: usize,
    },
    /// The API server did not answer in time.
    #[error("{what}: no answer within {within:?}")]
    Timeout {
        /// Verb and object.
        what: String,
        /// The timeout.
        within: Duration,
    },
    /// This replica does not lead and must not write.
    #[error("{what}: not written, because this replica does not lead")]
    NotLeader {
        /// Verb and object.
        what: String,
    },
    /// The authority is being set up.
    #[error("MtlsAuthority {0} is not set up yet")]
    AuthorityPending(String),
    /// The clock cannot be relied on.
    #[error("nothing is signed: {0}")]
    Clock(ClockProblem),
    /// The key is being generated.
    #[error("the private key is being generated")]
    KeyPending,
    /// No key could be generated.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No serial number could be drawn.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// No leaf could be signed.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The root that was just made cannot be loaded.
    #[error("the new root cannot be used: {0}")]
    Root(#[from] LoadError),
    /// A probe's certificate cannot be used.
    #[error("the certificate of a probe cannot be used: {0}")]
    Probe(rustls::Error),
    /// An object cannot be serialised.
    #[error("{what} cannot be serialised: {source}")]
    Serialise {
        /// The object.
        what: String,
        /// Why.
        source: serde_json::Error,
    },
}

impl Error {
    /// An answer that cannot be parsed.
    #[must_use]
    pub fn unreadable(verb: &str, what: &str, error: &serde_json::Error) -> Self {
        Self::Unreadable { what: format!("{verb} {what}"), line: error.line(), column: error.column() }
    }

    /// Why the API server or a verifier refuses, where that is known, for conditions.
    #[must_use]
    pub fn explanation(&self) -> Option<String> {
        match self {
            Self::Api { source, .. } if matches!(**source, kube::Error::Api(_)) => Some(self.to_string()),
            Self::Issue(_) => Some(self.to_string()),
            _ => None,
        }
    }

    /// Whether a retry gives the same result, unless an object is changed.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        match self {
            Self::Issue(error) => error.is_permanent(),
            _ => false,
        }
    }

    /// Whether a write that failed so may have been applied nevertheless.
    #[must_use]
    pub fn may_have_been_applied(&self) -> bool {
        match self {
            Self::Timeout { .. } | Self::Unreadable { .. } | Self::TooLarge { .. } => true,
            Self::Api { source, .. } => !matches!(&**source, kube::Error::Api(status) if status.code < 500),
            _ => false,
        }
    }

    /// The value of the label `kind` of `mtls_operator_errors`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Stale { .. } => "Stale",
            Self::Api { .. } => "Api",
            Self::Unreadable { .. } | Self::TooLarge { .. } => "Unreadable",
            Self::Timeout { .. } => "Timeout",
            Self::NotLeader { .. } => "NotLeader",
            Self::AuthorityPending(_) => "AuthorityPending",
            Self::Clock(_) => "Clock",
            Self::KeyPending => "KeyOrdered",
            Self::Key(_) => "Key",
            Self::Randomness(_) => "Randomness",
            Self::Issue(_) => "Issue",
            Self::Root(_) => "Root",
            Self::Probe(_) => "Probe",
            Self::Serialise { .. } => "Serialise",
        }
    }
}

/// A part of the operator ended that must not: the process has to be restarted.
#[derive(Debug, thiserror::Error)]
#[error("a watch or the authority controller has ended; see the log")]
pub struct TaskEnded;
