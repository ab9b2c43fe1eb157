//! Secrets on the way from and to the API server. Copies of private keys that this program makes are wiped when they are
//! dropped; buffers of the HTTP client, the TLS library and the JSON reader are not.

use std::ops::Deref;

use k8s_openapi::api::core::v1::Secret;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroize as _;

/// A Secret whose content is wiped when it is dropped. Has no `Debug`.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct WipedSecret(Secret);

impl From<Secret> for WipedSecret {
    fn from(secret: Secret) -> Self {
        Self(secret)
    }
}

impl Deref for WipedSecret {
    type Target = Secret;

    fn deref(&self) -> &Secret {
        &self.0
    }
}

impl WipedSecret {
    fn wipe(&mut self) {
        self.0.data.iter_mut().flat_map(|data| data.values_mut()).for_each(|value| value.0.zeroize());
    }
}

impl Drop for WipedSecret {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// Wipes every text in a value.
pub fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_that_is_wiped_holds_nothing() {
        let secret = json!({"metadata": {"name": "a"}, "data": {"tls.key": "a2V5", "tls.crt": "Y2VydA=="}});
        let mut secret: WipedSecret = serde_json::from_value(secret).unwrap();
        secret.wipe();
        assert!(secret.data.as_ref().unwrap().values().all(|value| value.0.is_empty()));
        assert_eq!(secret.metadata.name.as_deref(), Some("a"));
    }

    #[test]
    fn a_patch_that_is_wiped_holds_no_text() {
        let mut patch = json!({"data": {"tls.key": "a2V5", "more": ["a2V5", {"deep": "a2V5"}]}, "number": 1});
        wipe(&mut patch);
        assert_eq!(patch, json!({"data": {"tls.key": "", "more": ["", {"deep": ""}]}, "number": 1}));
    }
}
