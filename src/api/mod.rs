//! What users see: the two kinds, their names, their conditions. Everything that a schema or CEL can refuse is
//! refused by the API server, with a sentence that says what to do.

pub mod authority;
pub mod conditions;
pub mod duration;
pub mod form;
pub mod identity;
pub mod names;
mod rule;
pub mod verify;

pub use authority::{MtlsAuthority, MtlsAuthoritySpec, MtlsAuthorityStatus};
pub use identity::{MtlsIdentity, MtlsIdentitySpec, MtlsIdentityStatus};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray,
};
use kube::CustomResourceExt as _;
use serde_json::json;

/// Both definitions, as `mtls-operator crds` prints them.
#[must_use]
pub fn definitions() -> [CustomResourceDefinition; 2] {
    [
        with_defaults(MtlsAuthority::crd(), &json!(MtlsAuthoritySpec::default())),
        with_defaults(MtlsIdentity::crd(), &json!(MtlsIdentitySpec::default())),
    ]
}

/// Both definitions as YAML documents, each behind its separator.
///
/// # Errors
/// Where a definition cannot be written down.
pub fn manifest() -> Result<String, serde_norway::Error> {
    definitions().iter().map(document).collect()
}

/// One definition as a YAML document.
///
/// # Errors
/// Where it cannot be written down.
pub fn document(definition: &CustomResourceDefinition) -> Result<String, serde_norway::Error> {
    Ok(format!("---\n{}", serde_norway::to_string(definition)?))
}

/// Gives `spec` and `status` the defaults that the derive macro cannot: an absent spec is a complete one, and a
/// status that nobody has written must not look current to kstatus. The default of `spec` is spelled out, because
/// the API server judges it by the rules before nested defaults are filled in.
fn with_defaults(
    mut definition: CustomResourceDefinition,
    spec: &serde_json::Value,
) -> CustomResourceDefinition {
    for version in &mut definition.spec.versions {
        let schema = version.schema.as_mut().and_then(|s| s.open_api_v3_schema.as_mut());
        if let Some(schema) = schema {
            set_default(schema, "spec", spec.clone());
            set_default(schema, "status", json!({"observedGeneration": -1}));
            forbid_null(schema);
        }
    }
    definition
}

fn set_default(schema: &mut JSONSchemaProps, property: &str, default: serde_json::Value) {
    if let Some(property) = schema.properties.as_mut().and_then(|p| p.get_mut(property)) {
        property.default = Some(JSON(default));
    }
}

/// Takes `nullable` away everywhere: an explicit null is then dropped before defaults and rules apply, instead of
/// reaching a CEL rule as a value of no type.
fn forbid_null(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema.properties.iter_mut().flatten().for_each(|(_, property)| forbid_null(property));
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        forbid_null(items);
    }
}
