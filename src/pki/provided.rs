//! What people provide is held to more than what is read back: a CA that is in force signs on, whatever is asked of the
//! next one, and bundles that are joined of several can still be read.

use jiff::Timestamp;

use super::certificate::CaCertificate;
use super::pem::{self, PROVIDED};
use super::trust::TrustError;
use super::{Authority, AuthorityPem, LoadError};

impl Authority {
    /// Reads and checks a CA that people provide.
    ///
    /// # Errors
    /// The first reason why it cannot sign, or should not be trusted.
    pub fn load_provided(pem: &AuthorityPem, now: Timestamp) -> Result<Self, LoadError> {
        pem::certificates(&pem.chain, PROVIDED).map_err(LoadError::Chain)?;
        check_anchors(&pem.anchors)?;
        Self::load(pem, now)
    }
}

/// Verifiers follow every anchor: one that can be broken is as good as no verification.
fn check_anchors(text: &[u8]) -> Result<(), TrustError> {
    for (number, der) in (1..).zip(&pem::certificates(text, PROVIDED)?) {
        let anchor = CaCertificate::parse(der).ok_or(TrustError::Damaged { number })?;
        if let Some(weakness) = anchor.weakness {
            return Err(TrustError::Weak { number, subject: anchor.shown_subject(), weakness });
        }
    }
    Ok(())
}
