//! A question to a verifier, and its verdict.

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;

/// In what role a leaf is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Server,
    Client,
}

impl Role {
    pub const ALL: [Self; 2] = [Self::Server, Self::Client];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

/// Whether this chain is good for a verifier that trusts these roots.
#[derive(Clone, Debug)]
pub struct Question {
    /// `tls.crt`: the leaf, then what is served with it.
    pub chain: PathBuf,
    /// `tls.key`.
    pub key: PathBuf,
    /// A DNS name of the leaf.
    pub name: &'static str,
    /// The roots that the verifier trusts.
    pub trust: PathBuf,
    pub role: Role,
    pub at: Timestamp,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [chain, trust] = [&self.chain, &self.trust].map(|path| path.display());
        write!(f, "{chain} of a {} before {trust}", self.role.name())
    }
}

/// `Err`: refused, and why.
pub type Verdict = Result<(), String>;

/// A verifier that is installed.
pub trait Judge: Sync {
    fn version(&self) -> String;

    /// A verdict for each question.
    fn judge(&self, questions: &[Question]) -> Vec<Verdict>;
}

/// Looks for a verifier. `None`, after a line that says why, if it is not installed.
pub type Find = fn() -> Option<Box<dyn Judge>>;
