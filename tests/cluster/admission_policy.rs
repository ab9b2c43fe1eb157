//! An admission policy that refuses every write of one object, as administrators may have one.

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::json;
use test_support::namespace::TestNamespace;
use test_support::wait::until;

/// An admission policy that refuses writes of the objects of a kind that have this name.
pub struct DenyPolicy {
    policies: Api<ValidatingAdmissionPolicy>,
    name: String,
}

impl DenyPolicy {
    pub async fn on(namespace: &TestNamespace, group: &str, resource: &str, object: &str) -> Self {
        let name = namespace.unique(resource);
        let policies: Api<ValidatingAdmissionPolicy> = Api::all(namespace.client.clone());
        let policy = json!({
            "metadata": { "name": name },
            "spec": {
                "matchConstraints": { "resourceRules": [{
                    "apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"],
                    "resources": [resource],
                }] },
                "matchConditions": [{ "name": "named", "expression": format!("object.metadata.name == '{object}'") }],
                "validations": [{ "expression": "false", "message": "frozen by a test" }],
            }
        });
        policies.create(&PostParams::default(), &serde_json::from_value(policy).unwrap()).await.unwrap();
        let binding = json!({
            "metadata": { "name": name },
            "spec": { "policyName": name, "validationActions": ["Deny"] },
        });
        let bindings: Api<ValidatingAdmissionPolicyBinding> = Api::all(namespace.client.clone());
        bindings.create(&PostParams::default(), &serde_json::from_value(binding).unwrap()).await.unwrap();
        Self { policies, name }
    }

    pub async fn lift(self) {
        self.policies.delete(&self.name, &DeleteParams::default()).await.unwrap();
    }
}

/// Waits until a policy is in force, which takes the API server a moment.
pub async fn in_force(what: &str, is_refused: impl AsyncFn() -> bool) {
    until(what, || async { is_refused().await.then_some(()) }).await;
}
