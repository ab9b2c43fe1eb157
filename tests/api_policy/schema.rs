//! Definitions as values: those of today, those of the last release, and what another version could have made of them.

use std::fs;
use std::path::Path;

use mtls_operator::api::definitions;
use serde_json::{Value, json};

/// The definitions of today, authorities first.
pub fn today() -> [Value; 2] {
    definitions().map(|definition| json!(definition))
}

/// The definitions of the last release, authorities first.
pub fn golden() -> [Value; 2] {
    ["mtlsauthorities", "mtlsidentities"].map(|plural| {
        let path = format!("tests/golden/crds/mtls-operator.dev_{plural}.yaml");
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
        serde_norway::from_str(&text).unwrap()
    })
}

/// The schema of a definition.
pub fn schema(definition: &mut Value) -> &mut Value {
    &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
}

/// A field below a schema, by its path as people write it; `[]` for the items of a list.
pub fn field<'a>(schema: &'a mut Value, path: &str) -> &'a mut Value {
    path.split('.').fold(schema, |schema, name| match name.strip_suffix("[]") {
        Some(name) => &mut schema["properties"][name]["items"],
        None => &mut schema["properties"][name],
    })
}

fn add_word(schema: &mut Value, path: &str, word: &str) {
    field(schema, path)["enum"].as_array_mut().unwrap().push(json!(word));
}

/// What a later version could make of today's definitions: more words, a field in each spec, a field in each status.
pub fn newer() -> [Value; 2] {
    let [mut authorities, mut identities] = today();
    let authority = schema(&mut authorities);
    for path in ["spec.root.algorithm", "spec.leaf.algorithms[]"] {
        add_word(authority, path, "MLDSA65");
    }
    add_word(authority, "spec.namespaces.from", "Expression");
    let identity = schema(&mut identities);
    add_word(identity, "spec.privateKey.algorithm", "MLDSA65");
    for schema in [authority, identity] {
        field(schema, "spec")["properties"]["note"] = json!({ "type": "string", "default": "none" });
        field(schema, "status")["properties"]["flavour"] = json!({ "type": "string" });
    }
    // What another version selects by, this one does not understand.
    let selector = field(schema(&mut authorities), "spec.namespaces");
    selector["properties"]["expression"] = json!({ "type": "string" });
    selector["x-kubernetes-validations"] = json!([]);
    [authorities, identities]
}

/// What an earlier version could have had: a word, a field of the spec and a field of the status less.
pub fn older() -> [Value; 2] {
    let [authorities, mut identities] = today();
    let identity = schema(&mut identities);
    field(identity, "spec.privateKey.algorithm")["enum"].as_array_mut().unwrap().pop();
    for (part, name) in [("spec", "probes"), ("status", "lastHandledRenew")] {
        field(identity, part)["properties"].as_object_mut().unwrap().remove(name).unwrap();
        if let Some(default) = field(identity, part)["default"].as_object_mut() {
            default.remove(name);
        }
    }
    [authorities, identities]
}
