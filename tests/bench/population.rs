//! The objects that a measurement is about: many of one kind, spread over namespaces.
//!
//! They are created by a user of its own before anything is measured, or while the operator runs.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, ObjectMeta, PostParams};
use mtls_operator::api::MtlsIdentity;
use serde_json::{Value, json};
use test_support::Failure;

use crate::writer::Target;

/// Requests at a time.
pub const AT_ONCE: usize = 32;
/// Namespaces of populations begin so.
pub const PREFIX: &str = "bench-";
/// Identities in a namespace, unless a measurement is about namespaces.
const IN_NAMESPACE: usize = 100;

/// The kind of the bare writer: anything is valid, so that the API server only stores it.
pub const PLAIN: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: plains.bench.mtls-operator.dev}
spec:
  group: bench.mtls-operator.dev
  scope: Namespaced
  names: {kind: Plain, plural: plains, singular: plain}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}}
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";

/// Which objects there are to be.
pub struct Population {
    pub size: usize,
    pub namespaces: usize,
    pub resource: ApiResource,
    /// What is asked for: the number of the object, and a spec with all defaults.
    pub spec: fn(usize, &Value) -> Value,
}

impl Population {
    /// Identities of which nothing special is asked.
    pub fn identities(size: usize) -> Self {
        let namespaces = size.div_ceil(IN_NAMESPACE);
        Self { size, namespaces, resource: ApiResource::erase::<MtlsIdentity>(&()), spec: |_, _| json!({}) }
    }

    /// Objects of the bare writer's own kind.
    pub fn plain(size: usize) -> Self {
        let resource = ApiResource {
            group: "bench.mtls-operator.dev".into(),
            version: "v1".into(),
            api_version: "bench.mtls-operator.dev/v1".into(),
            kind: "Plain".into(),
            plural: "plains".into(),
        };
        // As large as an identity, to which the API server adds the defaults.
        Self { resource, spec: |_, whole| whole.clone(), ..Self::identities(size) }
    }

    /// Creates their namespaces.
    pub async fn create_namespaces(&self, client: &Client) -> Result<(), Failure> {
        let names = (0..self.namespaces).map(|number| format!("{PREFIX}{number}"));
        stream::iter(names.map(|name| create_namespace(client, name)))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    /// Creates all of them; returns what the bare writer has to know of each.
    pub async fn create(&self, client: &Client, whole: &Value) -> Result<Vec<Target>, Failure> {
        stream::iter((0..self.size).map(|number| self.create_one(client, number, whole)))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    async fn create_one(&self, client: &Client, number: usize, whole: &Value) -> Result<Target, Failure> {
        let namespace = self.namespace_of(number);
        let objects: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &self.resource);
        let mut object = DynamicObject::new(&name_of(number), &self.resource);
        object.data = json!({ "spec": (self.spec)(number, whole) });
        let ObjectMeta { uid, resource_version, .. } =
            objects.create(&PostParams::default(), &object).await?.metadata;
        Ok(Target {
            namespace,
            name: name_of(number),
            uid: uid.unwrap_or_default(),
            version: resource_version.unwrap_or_default(),
        })
    }

    /// The namespace of an object.
    pub fn namespace_of(&self, number: usize) -> String {
        format!("{PREFIX}{}", number % self.namespaces)
    }
}

/// The name of an object.
pub fn name_of(number: usize) -> String {
    format!("member-{number}")
}

/// Creates a namespace.
pub async fn create_namespace(client: &Client, name: String) -> Result<(), Failure> {
    let metadata = ObjectMeta { name: Some(name), ..ObjectMeta::default() };
    let namespace = Namespace { metadata, ..Namespace::default() };
    Api::all(client.clone()).create(&PostParams::default(), &namespace).await?;
    Ok(())
}
