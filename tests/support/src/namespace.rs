//! A namespace of the cluster, and what a test does in it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use mtls_operator::api::conditions::find;
use mtls_operator::api::{MtlsAuthority, MtlsIdentity};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::installation::SYSTEM;
use crate::objects::ready_of;
use crate::wait::wait;

/// A namespace, and what a test does in it. Waiting is by watches, never by sleeping.
pub struct TestNamespace {
    /// A client with all rights.
    pub client: Client,
    /// The namespace.
    pub name: String,
}

impl TestNamespace {
    /// Identities of the namespace.
    pub fn identities(&self) -> Api<MtlsIdentity> {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// Secrets of the namespace.
    pub fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// Secrets of the operator's namespace.
    pub fn system_secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), SYSTEM)
    }

    /// Authorities.
    pub fn authorities(&self) -> Api<MtlsAuthority> {
        Api::all(self.client.clone())
    }

    /// A name that no other namespace uses, for what is cluster-scoped.
    pub fn unique(&self, name: &str) -> String {
        format!("{name}-{}", self.name)
    }

    /// Creates an identity with this spec.
    pub async fn create(&self, name: &str, spec: Value) -> MtlsIdentity {
        self.try_create(name, spec).await.unwrap()
    }

    /// Creates an identity with this spec, or says why the API server does not let it.
    pub async fn try_create(&self, name: &str, spec: Value) -> kube::Result<MtlsIdentity> {
        let object = json!({
            "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsIdentity",
            "metadata": { "name": name, "namespace": self.name }, "spec": spec
        });
        create(
            &self.client,
            &format!("/apis/mtls-operator.dev/v1alpha1/namespaces/{}/mtlsidentities", self.name),
            &object,
        )
        .await
    }

    /// Creates an authority with this spec.
    pub async fn create_authority(&self, name: &str, spec: Value) -> MtlsAuthority {
        self.try_create_authority(name, spec).await.unwrap()
    }

    /// Creates an authority with this spec that the operator of a namespace serves, or the first that finds it.
    pub async fn create_authority_of(&self, operator: Option<&str>, name: &str, spec: Value) {
        let annotations = operator.map(|namespace| ("mtls-operator.dev/operator-namespace", namespace));
        let annotations: BTreeMap<&str, &str> = annotations.into_iter().collect();
        let object = json!({
            "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsAuthority",
            "metadata": { "name": name, "annotations": annotations }, "spec": spec
        });
        let path = "/apis/mtls-operator.dev/v1alpha1/mtlsauthorities";
        create::<MtlsAuthority>(&self.client, path, &object).await.unwrap();
    }

    /// Creates an authority with this spec, or says why the API server does not let it.
    pub async fn try_create_authority(&self, name: &str, spec: Value) -> kube::Result<MtlsAuthority> {
        let object = json!({
            "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsAuthority",
            "metadata": { "name": name }, "spec": spec
        });
        create(&self.client, "/apis/mtls-operator.dev/v1alpha1/mtlsauthorities", &object).await
    }

    /// Merge-patches an identity.
    pub async fn patch(&self, name: &str, patch: Value) -> kube::Result<MtlsIdentity> {
        self.identities().patch(name, &PatchParams::default(), &Patch::Merge(patch)).await
    }

    /// Merge-patches an authority.
    pub async fn patch_authority(&self, name: &str, patch: Value) -> kube::Result<MtlsAuthority> {
        self.authorities().patch(name, &PatchParams::default(), &Patch::Merge(patch)).await
    }

    /// Merge-patches a Secret of the namespace.
    pub async fn patch_secret(&self, name: &str, patch: Value) -> kube::Result<Secret> {
        self.secrets().patch(name, &PatchParams::default(), &Patch::Merge(patch)).await
    }

    /// Deletes a Secret of the namespace.
    pub async fn delete_secret(&self, name: &str) {
        self.secrets().delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// Waits until an identity is Ready for its present generation, with this reason.
    pub async fn ready(&self, name: &str) -> MtlsIdentity {
        self.stands(name, "True", "Issued").await
    }

    /// Waits until `Ready` of an identity has this status and reason, for its present generation.
    pub async fn stands(&self, name: &str, status: &str, reason: &str) -> MtlsIdentity {
        let what = format!("{name} to be Ready={status} {reason}");
        self.identity_where(name, &what, |identity| {
            let current =
                identity.status.as_ref().and_then(|s| s.observed_generation) == identity.metadata.generation;
            let (is, why, _) = ready_of(identity);
            current && is == status && why == reason
        })
        .await
    }

    /// Waits until an identity is so.
    pub async fn identity_where(
        &self,
        name: &str,
        what: &str,
        is_so: impl Fn(&MtlsIdentity) -> bool,
    ) -> MtlsIdentity {
        wait(self.identities(), name, what, |identity| identity.filter(|identity| is_so(identity)).cloned())
            .await
    }

    /// Waits until an authority is so.
    pub async fn authority_where(
        &self,
        name: &str,
        what: &str,
        is_so: impl Fn(&MtlsAuthority) -> bool,
    ) -> MtlsAuthority {
        wait(self.authorities(), name, what, |authority| authority.filter(|a| is_so(a)).cloned()).await
    }

    /// Waits until `Ready` of an authority has this status and reason.
    pub async fn authority_stands(&self, name: &str, status: &str, reason: &str) -> MtlsAuthority {
        let what = format!("{name} to be Ready={status} {reason}");
        self.authority_where(name, &what, |authority| {
            let conditions = authority.status.as_ref().map_or(&[][..], |s| &s.conditions);
            find(conditions, "Ready").is_some_and(|c| c.status == status && c.reason == reason)
        })
        .await
    }

    /// Waits until a Secret is so.
    pub async fn secret_where(&self, name: &str, what: &str, is_so: impl Fn(&Secret) -> bool) -> Secret {
        wait(self.secrets(), name, what, |secret| secret.filter(|secret| is_so(secret)).cloned()).await
    }

    /// Waits until there is no Secret of this name.
    pub async fn secret_gone(&self, name: &str) {
        wait(self.secrets(), name, "the Secret to be gone", |secret| secret.is_none().then_some(())).await;
    }

    /// A Secret, as it is now.
    pub async fn secret(&self, name: &str) -> Secret {
        self.secrets().get(name).await.unwrap()
    }
}

async fn create<K: DeserializeOwned>(client: &Client, path: &str, object: &Value) -> kube::Result<K> {
    let request = http::Request::post(path).header("content-type", "application/json");
    client.request(request.body(serde_json::to_vec(object).unwrap()).unwrap()).await
}
