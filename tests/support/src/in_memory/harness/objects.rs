//! The objects as users write them, and as they are stored.

use mtls_operator::api::{MtlsAuthority, MtlsIdentity, MtlsIdentitySpec};
use serde_json::{Value, json};

use super::{AUTHORITIES, Harness, IDENTITIES, NAMESPACE, SECRETS};

impl Harness {
    /// The authority, as it is stored.
    pub fn authority(&self) -> MtlsAuthority {
        serde_json::from_value(self.server.get(AUTHORITIES, "", "mesh").unwrap()).unwrap()
    }

    /// The status of the authority names this root as the one that signs, as its controller would write it.
    pub fn name_root(&self, fingerprint: &str, key_id: &str) {
        let fingerprint: String = fingerprint.replace(':', "").to_lowercase();
        let roots = json!([{ "fingerprint": fingerprint, "keyID": key_id, "role": "Signing", "leaves": 0 }]);
        self.server.edit(AUTHORITIES, "", "mesh", |authority| authority["status"]["roots"] = roots);
    }

    /// A user applies an identity.
    pub fn apply(&self, name: &str, spec: &Value) {
        let spec: MtlsIdentitySpec = serde_json::from_value(spec.clone()).unwrap();
        let mut identity = MtlsIdentity::new(name, spec);
        identity.metadata.namespace = Some(NAMESPACE.into());
        let mut identity = serde_json::to_value(identity).unwrap();
        if let Some(before) = self.server.get(IDENTITIES, NAMESPACE, name) {
            identity["metadata"] = before["metadata"].clone();
            identity["status"] = before["status"].clone();
        }
        if identity["status"].is_null() {
            identity["status"] = json!({"observedGeneration": -1});
        }
        self.server.put(IDENTITIES, &identity);
    }

    /// An identity, as it is stored.
    pub fn identity(&self, name: &str) -> MtlsIdentity {
        serde_json::from_value(self.server.get(IDENTITIES, NAMESPACE, name).unwrap()).unwrap()
    }

    /// A Secret of the namespace, as it is stored.
    pub fn secret(&self, name: &str) -> Option<Value> {
        self.server.get(SECRETS, NAMESPACE, name)
    }

    /// The serial number that the Secret of an identity speaks of.
    pub fn serial(&self, name: &str) -> String {
        let secret = self.secret(&format!("{name}-mtls")).unwrap();
        secret["metadata"]["annotations"]["mtls-operator.dev/serial"].as_str().unwrap().to_owned()
    }

    /// Status and reason of `Ready`.
    pub fn ready(&self, name: &str) -> (String, String) {
        let conditions = self.identity(name).status.unwrap().conditions;
        let ready = conditions.into_iter().find(|condition| condition.type_ == "Ready").unwrap();
        (ready.status, ready.reason)
    }

    /// The message of `Ready`.
    pub fn message(&self, name: &str) -> String {
        let conditions = self.identity(name).status.unwrap().conditions;
        conditions.into_iter().find(|condition| condition.type_ == "Ready").unwrap().message
    }
}
