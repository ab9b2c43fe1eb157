//! What surrounds an identity when its attention is judged: its Secret, its authority, what policy says, the time.
//!
//! All of it is known without a request.

use crate::operator::index::identity::SeenSecret;
use crate::operator::index::issuer::{AuthorityMark, SignerMark};
use crate::plan::identity::policy::Permission;

/// Everything that attention depends on, besides the entry of the identity.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The Secret of the name that the identity wants.
    pub secret: Option<&'a SeenSecret>,
    /// The authority, where there is one.
    pub authority: Option<&'a AuthorityMark>,
    /// What policy says. `None` where it must be asked anew, with the whole object.
    pub permission: Option<Permission>,
    /// From when on a refusal needs a person, seconds since 1970.
    pub stalls_at: i64,
    /// Seconds since 1970.
    pub now: i64,
}

impl<'a> Circumstances<'a> {
    /// The signer of the authority, where it has one.
    #[must_use]
    pub fn signer(&self) -> Option<&'a SignerMark> {
        self.authority.and_then(|authority| authority.signer.as_ref())
    }

    /// The signer, where it signs now.
    #[must_use]
    pub fn signing(&self) -> Option<&'a SignerMark> {
        self.signer().filter(|signer| !signer.is_halted)
    }
}
