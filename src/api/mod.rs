//! What users see: the two kinds, their names, their conditions. Everything that a schema or CEL can refuse is
//! refused by the API server, with a sentence that says what to do.

#![allow(
    clippy::doc_markdown,
    reason = "these comments are descriptions of the schema, which `kubectl explain` prints"
)]

pub mod authority;
mod cel;
pub mod conditions;
pub mod decoded;
pub mod duration;
pub mod identity;
pub mod names;
pub mod namespaced_name;
pub mod patterns;
pub mod probe;
pub mod secret;
mod trimmed;
pub mod word;

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
/// status that was never written must not be current to kstatus. The default of `spec` is spelled out, because
/// the API server judges it by the rules before nested defaults are filled in.
fn with_defaults(
    mut definition: CustomResourceDefinition,
    spec: &serde_json::Value,
) -> CustomResourceDefinition {
    for version in &mut definition.spec.versions {
        let schema = version.schema.as_mut().and_then(|s| s.open_api_v3_schema.as_mut());
        if let Some(schema) = schema {
            set_default(schema, "spec", spec.clone());
            loosen_status(schema);
            set_default(schema, "status", json!({"observedGeneration": -1}));
            everywhere(schema, &|schema| {
                forbid_null(schema);
                join_lines(schema);
            });
        }
    }
    definition
}

/// A status demands nothing but the keys of lists, and lists no words: under a newer definition an older leader goes on to
/// write its own (`docs/api-policy.md`, C5). Conditions are Kubernetes' own.
fn loosen_status(schema: &mut JSONSchemaProps) {
    let Some(status) = schema.properties.as_mut().and_then(|p| p.get_mut("status")) else { return };
    let conditions = status.properties.as_mut().and_then(|p| p.remove("conditions"));
    everywhere(status, &|schema| {
        schema.default = None;
        schema.required = None;
        schema.enum_ = None;
        if let (Some(keys), Some(JSONSchemaPropsOrArray::Schema(items))) =
            (&schema.x_kubernetes_list_map_keys, &mut schema.items)
        {
            items.required = Some(keys.clone());
        }
    });
    status.properties.get_or_insert_default().extend(conditions.map(|schema| ("conditions".into(), schema)));
}

fn set_default(schema: &mut JSONSchemaProps, property: &str, default: serde_json::Value) {
    if let Some(property) = schema.properties.as_mut().and_then(|p| p.get_mut(property)) {
        property.default = Some(JSON(default));
    }
}

/// Does this to everything below a schema, then to the schema itself.
fn everywhere(schema: &mut JSONSchemaProps, change: &impl Fn(&mut JSONSchemaProps)) {
    schema.properties.iter_mut().flatten().for_each(|(_, property)| everywhere(property, change));
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        everywhere(items, change);
    }
    change(schema);
}

/// Takes `nullable` away: an explicit null is then dropped before defaults and rules apply, instead of reaching a CEL
/// rule as a value of no type.
fn forbid_null(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
}

/// `kubectl explain` breaks lines by itself: where the comments in the code break theirs, a paragraph goes on.
fn join_lines(schema: &mut JSONSchemaProps) {
    if let Some(text) = &mut schema.description {
        let paragraphs = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
        *text = paragraphs.collect::<Vec<_>>().join("\n\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_description_breaks_a_line_within_a_paragraph() {
        for mut definition in definitions() {
            let schema = definition.spec.versions[0].schema.as_mut().unwrap();
            let schema = schema.open_api_v3_schema.as_mut().unwrap();
            everywhere(schema, &|schema| {
                let text = schema.description.clone().unwrap_or_default();
                assert!(!text.replace("\n\n", "").contains('\n'), "{text}");
            });
        }
    }
}
