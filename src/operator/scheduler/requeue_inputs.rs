//! What the time of the next reconcile of an identity depends on: its Secret, its authority, its permission, the time.
//!
//! All of it is known without a request.

use crate::operator::index::issuer::{AuthorityEntry, IssuerEntry};
use crate::operator::index::leaf_secret::SecretEntry;
use crate::plan::identity::policy::Permission;

/// Everything that it depends on, besides the entry of the identity.
#[derive(Clone, Copy, Debug)]
pub struct RequeueInputs<'a> {
    /// The Secret of the name that the identity asks for.
    pub secret: Option<&'a SecretEntry>,
    /// The authority, where there is one.
    pub authority: Option<&'a AuthorityEntry>,
    /// What policy says. `None` where the whole object is needed to say it.
    pub permission: Option<Permission>,
    /// From when on a refusal needs manual action, seconds since 1970.
    pub stalls_at: i64,
    /// Seconds since 1970.
    pub now: i64,
}

impl<'a> RequeueInputs<'a> {
    /// The signer of the authority, where it has one.
    #[must_use]
    pub fn signer(&self) -> Option<&'a IssuerEntry> {
        self.authority.and_then(|authority| authority.signer.as_ref())
    }

    /// The signer, where it signs now.
    #[must_use]
    pub fn signing(&self) -> Option<&'a IssuerEntry> {
        self.signer().filter(|signer| signer.halted.is_none())
    }
}
