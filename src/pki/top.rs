//! The upper end of a chain, for messages that say which root belongs to it.

use super::{certificate, pem};

/// Longest name that a sentence repeats, in characters.
const MAX_NAME: usize = 128;

/// The upper end of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainTop {
    /// A root, and nothing below it.
    Alone,
    /// A root.
    Root,
    /// A certificate that this CA has issued: its name, as text.
    Below(String),
}

impl ChainTop {
    /// The upper end of `tls.crt`, if it can be read.
    #[must_use]
    pub fn of(chain: &[u8]) -> Option<Self> {
        let chain = pem::certificates(chain, pem::PROVIDED).ok()?;
        let last = chain.last()?;
        let x509 = certificate::parse(last)?;
        let issuer = x509.issuer();
        Some(match (issuer.as_raw() == x509.subject().as_raw(), chain.len()) {
            (true, 1) => Self::Alone,
            (true, _) => Self::Root,
            (false, _) => Self::Below(issuer.to_string().chars().take(MAX_NAME).collect()),
        })
    }
}
