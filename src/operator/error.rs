//! Transient problems: each is retried with backoff. Permanent ones are data, not errors (`plan::outcome::Refusal`).

use std::time::Duration;

use crate::pki::{IssueError, KeyError, LoadError, NoRandomness};
use crate::runtime::error_chain::cause;
use crate::runtime::skew::Doubt;

/// Why a pass over an identity or an authority did not end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The object is another one than was observed: observe again.
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
    /// The answer is none. It is told where, never what stands there: it may be a key.
    #[error("{what}: the answer cannot be read from line {line}, column {column} on")]
    Unreadable {
        /// Verb and object.
        what: String,
        /// From 1; 0 where nothing is known.
        line: usize,
        /// From 1; 0 where nothing is known.
        column: usize,
    },
    /// The API server did not answer in time.
    #[error("{what}: no answer within {within:?}")]
    Timeout {
        /// Verb and object.
        what: String,
        /// How long was waited.
        within: Duration,
    },
    /// Another replica leads: this one must not write.
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
    Clock(Doubt),
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
    /// What was just made cannot be used.
    #[error("the new root cannot be used: {0}")]
    Root(#[from] LoadError),
    /// A probe's certificate cannot be used.
    #[error("the certificate of a probe cannot be used: {0}")]
    Probe(rustls::Error),
    /// An object cannot be written down.
    #[error("{what} cannot be serialised: {source}")]
    Serialise {
        /// The object.
        what: String,
        /// Why.
        source: serde_json::Error,
    },
}

impl Error {
    /// What the API server or the peers have against it, where that is known: worth telling whoever waits.
    #[must_use]
    pub fn explanation(&self) -> Option<String> {
        match self {
            Self::Api { source, .. } if matches!(**source, kube::Error::Api(_)) => Some(self.to_string()),
            Self::Issue(_) => Some(self.to_string()),
            _ => None,
        }
    }

    /// Whether trying again gives the same, unless a person changes something.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        match self {
            Self::Issue(error) => error.is_permanent(),
            _ => false,
        }
    }

    /// Whether a write that ended so may have been carried out all the same.
    #[must_use]
    pub fn leaves_open(&self) -> bool {
        match self {
            Self::Timeout { .. } | Self::Unreadable { .. } => true,
            Self::Api { source, .. } => !matches!(&**source, kube::Error::Api(status) if status.code < 500),
            _ => false,
        }
    }

    /// The word for metrics.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Stale { .. } => "Stale",
            Self::Api { .. } => "Api",
            Self::Unreadable { .. } => "Unreadable",
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
