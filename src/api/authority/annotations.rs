//! What annotations of an `MtlsAuthority` ask for.

use super::MtlsAuthority;
use crate::api::names::annotation;

impl MtlsAuthority {
    /// The rotation that is asked for, by `rotate`.
    #[must_use]
    pub fn rotate_request(&self) -> Option<&str> {
        self.annotated(annotation::ROTATE)
    }

    /// What a rotation is not to wait for, by `rotation-exclude`.
    #[must_use]
    pub fn exclude_request(&self) -> Option<&str> {
        self.annotated(annotation::ROTATION_EXCLUDE)
    }

    /// The identities and bundles that a rotation is not to wait for. A value that has served a rotation counts for no other.
    #[must_use]
    pub fn excluded(&self, served: Option<&str>) -> Vec<String> {
        let text = self.exclude_request().filter(|text| served != Some(*text));
        let names = text.unwrap_or_default().split(',');
        names.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
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
