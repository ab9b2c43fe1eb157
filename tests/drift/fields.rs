//! The field tables of the documents: the descriptions of the definitions, as `kubectl explain` prints them.

use std::fmt::Write as _;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray,
};

const INTRODUCTION: &str = "# Fields\n\n\
    Generated from the definitions by `make generate`; `kubectl explain mtlsidentity.spec --recursive` prints the same. A \
    duration is whole numbers with the units h, m, s and ms, as in `24h`, `1h30m` or `90s`. Nested objects default to `{}`, so \
    `spec: {}` is complete.\n";

/// The tables of all definitions, in Markdown.
pub fn tables(definitions: &[CustomResourceDefinition]) -> String {
    let mut text = INTRODUCTION.to_owned();
    for definition in definitions {
        let _ = write!(text, "\n## {}\n", definition.spec.names.kind);
        for part in ["spec", "status"] {
            let schema = definition.spec.versions[0].schema.as_ref().unwrap();
            let root = schema.open_api_v3_schema.as_ref().unwrap();
            let mut rows = String::new();
            below(&root.properties.as_ref().unwrap()[part], "", &mut rows);
            let _ = write!(text, "\n| `{part}` | default | meaning |\n| --- | --- | --- |\n{rows}");
        }
    }
    text
}

/// A row for each field below a schema, and for those below it. Conditions are Kubernetes' own.
fn below(schema: &JSONSchemaProps, path: &str, rows: &mut String) {
    for (name, field) in schema.properties.iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let is_object = field.properties.is_some();
        let default = field.default.as_ref().filter(|_| !is_object || path == "namespaces");
        let default = default.map_or_else(String::new, |default| format!("`{}`", default.0));
        let required = schema.required.iter().flatten().any(|required| required == name);
        let default = if required { "required".into() } else { default };
        let meaning = field.description.clone().unwrap_or_default().replace('|', "\\|").replace('<', "\\<");
        let _ = writeln!(rows, "| `{path}` | {default} | {meaning} |");
        if path == "conditions" {
            continue;
        }
        below(field, &path, rows);
        if let Some(JSONSchemaPropsOrArray::Schema(items)) = &field.items {
            below(items, &format!("{path}[]"), rows);
        }
    }
}
