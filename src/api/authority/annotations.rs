//! What annotations of an `MtlsAuthority` ask for.

use super::MtlsAuthority;
use crate::api::names::annotation;

/// What annotations of an authority ask of its rotations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuthorityRequests<'a> {
    /// The rotation that is asked for: the value of `rotate`.
    pub rotate: Option<&'a str>,
    /// What a rotation is not to wait for: the value of `rotation-exclude`.
    pub exclude: Option<&'a str>,
}

impl<'a> AuthorityRequests<'a> {
    /// Whether a rotation that has ended was the one that the exclusion counted for: a value counts for one.
    #[must_use]
    pub fn is_exclusion_spent(self, served: Option<&str>) -> bool {
        served.is_some() && served == self.exclude
    }

    /// The entries of the exclusion, where it still counts.
    pub fn exclusions(self, served: Option<&str>) -> impl Iterator<Item = &'a str> {
        let text = self.exclude.filter(|_| !self.is_exclusion_spent(served));
        text.unwrap_or_default().split(',').map(str::trim).filter(|entry| !entry.is_empty())
    }
}

impl MtlsAuthority {
    /// What its annotations ask of its rotations.
    #[must_use]
    pub fn requests(&self) -> AuthorityRequests<'_> {
        AuthorityRequests {
            rotate: self.annotated(annotation::ROTATE),
            exclude: self.annotated(annotation::ROTATION_EXCLUDE),
        }
    }

    /// The root whose loss is accepted, by `accept-root-loss`.
    #[must_use]
    pub fn accepted_loss(&self) -> Option<&str> {
        self.annotated(annotation::ACCEPT_ROOT_LOSS)
    }

    /// Namespace of the operator that serves it.
    #[must_use]
    pub fn claimed_by(&self) -> Option<&str> {
        self.annotated(annotation::OPERATOR_NAMESPACE)
    }

    fn annotated(&self, key: &str) -> Option<&str> {
        self.metadata.annotations.as_ref()?.get(key).map(String::as_str)
    }
}
