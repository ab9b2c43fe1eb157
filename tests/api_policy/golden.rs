//! The contract between today's definitions and those of the last release.

use serde_json::{Value, json};

use crate::contract::{Breach, breaches};
use crate::schema::{field, golden, schema, today};

#[test]
fn todays_definitions_keep_the_contract_with_the_last_release() {
    for (before, after) in golden().iter().zip(&today()) {
        let found = breaches(before, after);
        assert!(found.is_empty(), "see docs/api-policy.md:\n{}", told(&found));
    }
}

/// What a status demands or lists, by path; the keys of lists apart, and conditions, which are Kubernetes' own.
fn demands(schema: &Value, path: &str, found: &mut Vec<String>) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        if path == "status.conditions" {
            continue;
        }
        let required = [&field["required"], &field["enum"]].iter().any(|demand| demand.is_array());
        let keys = &field["x-kubernetes-list-map-keys"];
        if required || field["items"]["required"] != *keys {
            found.push(path.clone());
        }
        demands(field, &path, found);
        demands(&field["items"], &format!("{path}[]"), found);
    }
}

#[test]
fn a_status_demands_nothing_but_the_keys_of_lists_and_lists_no_words() {
    for mut definition in today() {
        let mut found = Vec::new();
        demands(field(schema(&mut definition), "status"), "status", &mut found);
        assert!(found.is_empty(), "C5: {found:?}");
    }
}

fn told(found: &[Breach]) -> String {
    found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The rules that are broken by a change of the definition of authorities or identities.
fn broken_by(index: usize, change: impl FnOnce(&mut Value)) -> Vec<&'static str> {
    let before = today()[index].clone();
    let mut after = before.clone();
    change(schema(&mut after));
    breaches(&before, &after).iter().map(|breach| breach.rule).collect()
}

fn remove(schema: &mut Value, parent: &str, name: &str) {
    field(schema, parent)["properties"].as_object_mut().unwrap().remove(name).unwrap();
}

const AUTHORITIES: usize = 0;
const IDENTITIES: usize = 1;

#[test]
fn each_breach_is_reported_with_the_number_of_its_rule() {
    let new_name = |schema: &mut Value| {
        field(schema, "spec.authorityRef")["description"] = json!("Deprecated: use signer.");
        field(schema, "spec")["properties"]["signer"] =
            json!({ "type": "object", "default": {}, "properties": { "name": { "type": "string" } } });
    };
    assert_eq!(broken_by(IDENTITIES, new_name), ["C1"], "a default of the new name hides what is stored");
    let sibling_rule = json!([{ "rule": "!has(self.grants)" }]);
    assert_eq!(broken_by(AUTHORITIES, |s| s["x-kubernetes-validations"] = sibling_rule.clone()), ["C3"]);
    let of_spec = |s: &mut Value| {
        field(s, "spec")["x-kubernetes-validations"].as_array_mut().unwrap().push(sibling_rule[0].clone());
    };
    assert_eq!(broken_by(AUTHORITIES, of_spec), ["C3"], "without optionalOldSelf it refuses stored objects");
    let required = |s: &mut Value| field(s, "spec.root")["required"] = json!(["algorithm"]);
    assert_eq!(broken_by(AUTHORITIES, required), ["C3"]);
    let shorter = |s: &mut Value| field(s, "spec.grants")["maxItems"] = json!(511);
    assert_eq!(broken_by(AUTHORITIES, shorter), ["C3"]);
    let form = |s: &mut Value| field(s, "spec.grants[].dnsNames")["items"]["pattern"] = json!("^a$");
    assert_eq!(broken_by(AUTHORITIES, form), ["C3"]);
    let values =
        |s: &mut Value| field(s, "spec.secret.labels")["additionalProperties"]["maxLength"] = json!(10);
    assert_eq!(broken_by(IDENTITIES, values), ["C3"]);
    let narrowed =
        |s: &mut Value| drop(field(s, "spec.secret.reclaim")["enum"].as_array_mut().unwrap().pop());
    assert_eq!(broken_by(IDENTITIES, narrowed), ["C4"]);
    assert_eq!(broken_by(AUTHORITIES, |s| remove(s, "spec", "distrustedRoots")), ["C4"]);
    assert_eq!(broken_by(AUTHORITIES, |s| remove(s, "spec.grants[]", "cidrs")), ["C4"]);
    let of_status = |s: &mut Value| field(s, "status")["required"] = json!(["conditions"]);
    assert_eq!(broken_by(AUTHORITIES, of_status), ["C5"]);
    let words = |s: &mut Value| field(s, "status.rotation.phase")["enum"] = json!(["Stable"]);
    assert_eq!(broken_by(AUTHORITIES, words), ["C5"]);
    let other_type = |s: &mut Value| field(s, "spec.probes[].targetPort")["type"] = json!("string");
    assert_eq!(broken_by(IDENTITIES, other_type), ["C7"]);
    let other_keys = |s: &mut Value| field(s, "spec.grants")["x-kubernetes-list-type"] = json!("atomic");
    assert_eq!(broken_by(AUTHORITIES, other_keys), ["C7"]);
    let one_field = |s: &mut Value| field(s, "spec.root")["x-kubernetes-map-type"] = json!("atomic");
    assert_eq!(broken_by(AUTHORITIES, one_field), ["C7"]);
}

#[test]
fn what_only_adds_or_loosens_is_no_breach() {
    let adds = |s: &mut Value| {
        field(s, "spec")["properties"]["note"] = json!({ "type": "string", "default": "" });
        field(s, "spec.root.algorithm")["enum"].as_array_mut().unwrap().push(json!("MLDSA65"));
        field(s, "spec.grants")["maxItems"] = json!(1000);
        field(s, "status")["properties"]["flavour"] = json!({ "type": "string" });
        field(s, "status")["x-kubernetes-map-type"] = json!("atomic");
    };
    assert!(broken_by(AUTHORITIES, adds).is_empty());
}
