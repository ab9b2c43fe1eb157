//! What a definition may change of an earlier one, by the rules of `docs/api-policy.md`.

use std::fmt;

use serde_json::Value;

const MAP_TYPE: &str = "x-kubernetes-map-type";

/// A rule that a change breaks.
pub struct Breach {
    /// Its number.
    pub rule: &'static str,
    path: String,
    what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.rule, self.path, self.what)
    }
}

/// Every rule that is broken between two definitions.
pub fn breaches(before: &Value, after: &Value) -> Vec<Breach> {
    let mut found = Found::default();
    for part in ["group", "names", "scope"] {
        found.expect("C7", part, before["spec"][part] == after["spec"][part], "it can never change");
    }
    let selectable = |crd: &Value| crd["spec"]["versions"][0]["selectableFields"].as_array().cloned();
    let now = selectable(after).unwrap_or_default();
    let are_kept = selectable(before).unwrap_or_default().iter().all(|field| now.contains(field));
    found.expect("C4", "selectableFields", are_kept, "a field is not selectable any more");
    let schemas = [before, after].map(|crd| &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]);
    let [before, after] = schemas;
    let new_rules = rules(after).iter().filter(|rule| !rules(before).contains(rule)).count();
    found.expect("C3", "the object's root", new_rules == 0, "a new rule there refuses status writes");
    for part in ["spec", "status"] {
        found.node(part, &before["properties"][part], &after["properties"][part]);
    }
    found.0
}

#[derive(Default)]
struct Found(Vec<Breach>);

impl Found {
    fn expect(&mut self, rule: &'static str, path: &str, holds: bool, what: &str) {
        if !holds {
            self.0.push(Breach { rule, path: path.to_owned(), what: what.to_owned() });
        }
    }

    fn node(&mut self, path: &str, before: &Value, after: &Value) {
        let is_status = path.starts_with("status");
        self.expect("C7", path, before["type"] == after["type"], "its type has changed");
        // A status has one owner, and the API server converts what it has noted of owners, forth and back.
        let is_one_field = path == "status" && after[MAP_TYPE] == "atomic";
        for key in ["x-kubernetes-list-type", "x-kubernetes-list-map-keys", MAP_TYPE] {
            let holds = before[key] == after[key] || is_one_field && key == MAP_TYPE;
            self.expect("C7", path, holds, "how it is merged has changed");
        }
        self.words(path, before, after, is_status);
        self.required(path, before, after, is_status);
        self.limits(path, before, after);
        for key in ["pattern", "format"] {
            let holds = after[key].is_null() || after[key] == before[key];
            self.expect("C3", path, holds, &format!("its {key} may refuse what is stored"));
        }
        if path == "spec" {
            self.rules_of_spec(before, after);
        }
        self.fields(path, before, after);
        if before["additionalProperties"].is_object() {
            self.node(&format!("{path}.*"), &before["additionalProperties"], &after["additionalProperties"]);
        }
        if before["items"].is_object() {
            self.node(&format!("{path}[]"), &before["items"], &after["items"]);
        }
    }

    fn words(&mut self, path: &str, before: &Value, after: &Value, is_status: bool) {
        let has = |words: &Value, word: &Value| words.as_array().is_some_and(|words| words.contains(word));
        match (before["enum"].as_array(), after["enum"].as_array()) {
            (None, Some(_)) if is_status => self.expect("C5", path, false, "a status lists no words"),
            (None, Some(_)) => self.expect("C3", path, false, "words are listed now"),
            (Some(words), Some(_)) => {
                let are_kept = words.iter().all(|word| has(&after["enum"], word));
                self.expect("C4", path, are_kept, "a word is gone that stored objects may have");
            }
            _ => {}
        }
    }

    fn required(&mut self, path: &str, before: &Value, after: &Value, is_status: bool) {
        let known = before["required"].as_array().cloned().unwrap_or_default();
        let added = after["required"].as_array().into_iter().flatten().filter(|name| !known.contains(name));
        let rule = if is_status { "C5" } else { "C3" };
        for name in added {
            self.expect(rule, path, false, &format!("{name} is required now"));
        }
    }

    /// What was in bounds stays in bounds.
    fn limits(&mut self, path: &str, before: &Value, after: &Value) {
        for key in ["maxItems", "maxLength", "maxProperties", "maximum"] {
            let holds =
                after[key].as_f64().is_none_or(|now| before[key].as_f64().is_some_and(|was| now >= was));
            self.expect("C3", path, holds, &format!("{key} is lower"));
        }
        for key in ["minItems", "minLength", "minProperties", "minimum"] {
            let holds =
                after[key].as_f64().is_none_or(|now| before[key].as_f64().is_some_and(|was| now <= was));
            self.expect("C3", path, holds, &format!("{key} is higher"));
        }
    }

    fn rules_of_spec(&mut self, before: &Value, after: &Value) {
        let added = rules(after).iter().filter(|rule| !rules(before).contains(rule));
        for rule in added {
            let yields = rule["optionalOldSelf"] == true;
            self.expect(
                "C3",
                "spec",
                yields,
                "a new rule there must yield to what was so before (optionalOldSelf)",
            );
        }
    }

    fn fields(&mut self, path: &str, before: &Value, after: &Value) {
        let empty = serde_json::Map::new();
        let known = before["properties"].as_object().unwrap_or(&empty);
        let present = after["properties"].as_object().unwrap_or(&empty);
        let is_leaving = |name: &String, field: &Value| {
            let text = field["description"].as_str().unwrap_or_default();
            known.contains_key(name) && text.starts_with("Deprecated")
        };
        let is_renaming = present.iter().any(|(name, field)| is_leaving(name, field));
        for (name, field) in present.iter().filter(|(name, _)| !known.contains_key(*name)) {
            let holds = !is_renaming || field.get("default").is_none();
            self.expect(
                "C1",
                &format!("{path}.{name}"),
                holds,
                "a default hides what is stored under the old name",
            );
        }
        for (name, field) in known {
            let path = format!("{path}.{name}");
            match present.get(name) {
                None => self.expect("C4", &path, false, "it is gone, though stored objects may have it"),
                Some(now) => {
                    let holds = now.get("default").is_none() || now["default"] == field["default"];
                    // The default of an object spells those of its fields out, which are compared below.
                    self.expect("C1", &path, holds || field["type"] == "object", "its default has changed");
                    self.node(&path, field, now);
                }
            }
        }
    }
}

fn rules(schema: &Value) -> &[Value] {
    schema["x-kubernetes-validations"].as_array().map_or(&[], Vec::as_slice)
}
