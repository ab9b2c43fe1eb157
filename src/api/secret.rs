//! Reading Secrets.
//!
//! An absent value is an empty one: neither can be used.

use k8s_openapi::api::core::v1::Secret;

/// One value of a Secret; empty where there is none.
#[must_use]
pub fn content<'a>(secret: &'a Secret, key: &str) -> &'a [u8] {
    secret.data.as_ref().and_then(|data| data.get(key)).map_or(&[], |value| &value.0)
}

/// One annotation of a Secret.
#[must_use]
pub fn annotated<'a>(secret: &'a Secret, key: &str) -> Option<&'a str> {
    secret.metadata.annotations.as_ref()?.get(key).map(String::as_str)
}
