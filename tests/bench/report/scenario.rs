//! What can be measured, and who or what does the work.
//!
//! The words are those of the command line and of the stored results: one word for both.

use serde::{Deserialize, Serialize};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// Identities that exist when the operator starts, until all have their Secret and status.
    Fresh,
    /// Identities that are created while the operator runs, some at a time.
    Create,
    /// Identities that are created one after the other, by how long their Secrets take.
    Single,
    /// A renewal of all, asked for by the annotation.
    Renew,
    /// Renewals that fall due by time.
    Expiry,
    /// Nothing to do.
    Steady,
    /// A restart with all up to date.
    Restart,
    /// All connections to the API server are cut.
    Cut,
    /// A rotation of the root at once, and one that is spread over a lifetime.
    Rotate,
    /// A rotation at once of certificates that live long, until the next root has signed all of them.
    Prompt,
    /// A fresh start in a thousand namespaces.
    Namespaces,
    /// A fresh start where one key of ten is RSA.
    Rsa,
    /// A fresh start among many Secrets of others.
    Foreign,
}

impl Scenario {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 13] = [
        Self::Fresh,
        Self::Create,
        Self::Single,
        Self::Renew,
        Self::Expiry,
        Self::Steady,
        Self::Restart,
        Self::Cut,
        Self::Rotate,
        Self::Prompt,
        Self::Namespaces,
        Self::Rsa,
        Self::Foreign,
    ];

    /// Its word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Create => "create",
            Self::Single => "single",
            Self::Renew => "renew",
            Self::Expiry => "expiry",
            Self::Steady => "steady",
            Self::Restart => "restart",
            Self::Cut => "cut",
            Self::Rotate => "rotate",
            Self::Prompt => "prompt",
            Self::Namespaces => "namespaces",
            Self::Rsa => "rsa",
            Self::Foreign => "foreign",
        }
    }

    /// What a reader is told of it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Fresh => {
                "Fresh start: identities that exist when the operator starts, until all are issued"
            }
            Self::Create => "Identities created 32 at a time while the operator runs",
            Self::Single => "Identities created one after the other, to their Secret",
            Self::Renew => "Renewal of all identities by annotation",
            Self::Expiry => "Renewals that fall due by time: certificates of three minutes, watched for two",
            Self::Steady => "A minute in which there is nothing to do",
            Self::Restart => "Restart with all identities up to date",
            Self::Cut => "All connections to the API server are cut, with all identities up to date",
            Self::Rotate => "Rotation of the root, certificates of three minutes",
            Self::Prompt => "Rotation of the root at once, until the next root has signed all certificates",
            Self::Namespaces => "Fresh start in many namespaces",
            Self::Rsa => "Fresh start where one key of ten is RSA 2048",
            Self::Foreign => "Fresh start among Secrets of others",
        }
    }

    /// Whether it needs a population that is up to date, and leaves one.
    pub fn is_of_population(self) -> bool {
        matches!(
            self,
            Self::Create
                | Self::Single
                | Self::Renew
                | Self::Steady
                | Self::Restart
                | Self::Cut
                | Self::Prompt
        )
    }
}

/// Who or what did the work of a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// The two writes per identity and nothing else, on a kind without schema.
    Bare,
    /// The same on `MtlsIdentity`, with its schema and rules.
    BareOnIdentity,
    /// The operator.
    Operator,
    /// The operator, where nothing else goes on.
    Quiet,
    /// The operator, in a rotation at once.
    AtOnce,
    /// The operator, in a rotation that is spread over a lifetime.
    Spread,
}

impl Subject {
    /// How tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare writer",
            Self::BareOnIdentity => "bare writer on `MtlsIdentity`",
            Self::Operator => "operator",
            Self::Quiet => "operator, new identities before",
            Self::AtOnce => "operator, at once",
            Self::Spread => "operator, spread over 3m",
        }
    }
}
