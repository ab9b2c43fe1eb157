//! `docs/fields.md`: every field of both kinds with type, default, limits and meaning, made from the definitions.
//! Nothing in it is written by hand, so it cannot differ from what the API server enforces.

use std::fmt::Write as _;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use mtls_operator::api::{duration, patterns};

const INTRODUCTION: &str = "# Fields\n\n\
    Every field of both kinds, generated from the definitions by `make generate`. `kubectl explain mtlsidentity.spec --recursive` \
    prints the same descriptions. What a limit excludes is refused by the API server; a limit that is a sentence is the text of the refusal. \
    Nested objects default to `{}`, so `spec: {}` is complete.\n\n\
    A **duration** is a string of whole numbers with the units h, m, s and ms, as in `24h`, `1h30m` or `90s`. A **DNS label** \
    is a string of at most 63 lower-case letters, digits and `-`, which neither begins nor ends with `-`. An **object name** and \
    a **DNS name** are such parts with dots between them; a **DNS pattern** is a DNS name, or `*.` and a DNS name. A **time** is \
    RFC 3339 in UTC.\n";

/// Types that are strings of a certain form, by the expression that the schema gives.
const FORMS: [(&str, &str); 7] = [
    (duration::PATTERN, "duration"),
    (patterns::DNS_LABEL, "DNS label"),
    (patterns::DNS_SUBDOMAIN, "object name"),
    (patterns::DNS_NAME, "DNS name"),
    (patterns::DNS_PATTERN, "DNS pattern"),
    (patterns::TRUST_DOMAIN, "trust domain"),
    (patterns::FINGERPRINT, "SHA-256 fingerprint"),
];

/// The tables of all definitions, in Markdown.
pub fn tables(definitions: &[CustomResourceDefinition]) -> String {
    let mut text = INTRODUCTION.to_owned();
    for definition in definitions {
        let schema = definition.spec.versions[0].schema.as_ref().unwrap();
        let root = schema.open_api_v3_schema.as_ref().unwrap();
        let _ = write!(
            text,
            "\n## {}\n\n{}\n",
            definition.spec.names.kind,
            escaped(root.description.as_ref().unwrap())
        );
        let names = &definition.spec.names;
        let _ = writeln!(
            text,
            "Scope: {}. Short name: {}. Category: {}.",
            definition.spec.scope.to_lowercase(),
            quoted(names.short_names.as_ref()),
            quoted(names.categories.as_ref())
        );
        for part in ["spec", "status"] {
            let _ = write!(text, "\n{}", Table::of(root, part).text());
        }
    }
    text
}

fn quoted(words: Option<&Vec<String>>) -> String {
    words.into_iter().flatten().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// The rows of one part of a kind, and the rules that concern several of its fields.
struct Table {
    part: &'static str,
    rows: Vec<(String, String)>,
    rules: Vec<String>,
}

impl Table {
    fn of(root: &JSONSchemaProps, part: &'static str) -> Self {
        let schema = &root.properties.as_ref().unwrap()[part];
        let mut table = Self { part, rows: Vec::new(), rules: Vec::new() };
        table.below(schema, "");
        let about_root = if part == "spec" { messages(root) } else { Vec::new() };
        for message in messages(schema).into_iter().chain(about_root) {
            table.place(message);
        }
        table
    }

    fn text(&self) -> String {
        let head = "| type | default | limits | meaning |\n| --- | --- | --- | --- | --- |";
        let mut text = format!("| `{}` {head}\n", self.part);
        for (path, cells) in &self.rows {
            let _ = writeln!(text, "| `{path}` | {cells} |");
        }
        if !self.rules.is_empty() {
            text += "\nRules that concern several fields:\n\n";
            for rule in &self.rules {
                let _ = writeln!(text, "- {rule}");
            }
        }
        text
    }

    /// A row for each field below a schema, and for those below it. Conditions are Kubernetes' own.
    fn below(&mut self, schema: &JSONSchemaProps, path: &str) {
        for (name, field) in schema.properties.iter().flatten() {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let is_required = schema.required.iter().flatten().any(|required| required == name);
            self.rows.push((path.clone(), cells(field, is_required, &path)));
            if path == "conditions" {
                continue;
            }
            self.below(field, &path);
            if let Some(items) = items(field) {
                self.below(items, &format!("{path}[]"));
            }
        }
    }

    /// A rule about one field stands in its row, where the schema has it further up because it compares with the object before.
    fn place(&mut self, message: String) {
        let field = message.split_once(" is immutable").map(|(field, _)| field);
        let Some(field) = field.filter(|field| !field.contains(' ')) else {
            self.rules.push(message);
            return;
        };
        let path = field.trim_start_matches("spec.");
        let row = self.rows.iter_mut().find(|(row, _)| row == path);
        let (_, cells) = row.unwrap_or_else(|| panic!("there is no field {path}: {message}"));
        let at = cells.rfind(" | ").unwrap();
        let before = if cells[..at].ends_with('|') { " " } else { "; " };
        cells.insert_str(at, &format!("{before}{message}"));
    }
}

fn cells(field: &JSONSchemaProps, is_required: bool, path: &str) -> String {
    // The default of an object is that of its fields, save where it has no field with one.
    let is_object = field.properties.is_some();
    let default = field.default.as_ref().filter(|_| !is_object || path == "namespaces");
    let default = default.map_or_else(String::new, |default| format!(" `{}`", default.0));
    let default = if is_required { " required".into() } else { default };
    let limits = limits(field).join("; ");
    let limits = if limits.is_empty() { limits } else { format!(" {limits}") };
    let meaning = escaped(field.description.as_deref().unwrap_or_default());
    format!("{} |{default} |{limits} | {meaning}", type_of(field))
}

fn type_of(field: &JSONSchemaProps) -> String {
    if let Some(form) = form_of(field) {
        return form.into();
    }
    if field.format.as_deref() == Some("date-time") {
        return "time".into();
    }
    if let Some(items) = items(field) {
        return format!("list of {}s", type_of(items));
    }
    match &field.additional_properties {
        Some(JSONSchemaPropsOrBool::Schema(values)) => format!("map of {}s", type_of(values)),
        _ => field.type_.clone().unwrap(),
    }
}

fn form_of(field: &JSONSchemaProps) -> Option<&'static str> {
    let pattern = field.pattern.as_deref()?;
    FORMS.iter().find(|(expression, _)| *expression == pattern).map(|(_, form)| *form)
}

fn limits(field: &JSONSchemaProps) -> Vec<String> {
    let mut limits = Vec::new();
    if let Some(words) = &field.enum_ {
        let words: Vec<String> = words.iter().map(|word| format!("`{}`", word.0.as_str().unwrap())).collect();
        limits.push(words.join(", "));
    }
    // The length of a label is in its definition; durations and fingerprints have their form.
    if form_of(field).is_none_or(|form| !["duration", "DNS label", "SHA-256 fingerprint"].contains(&form)) {
        limits.extend(range(field.min_length, field.max_length, "characters"));
    }
    let (least, most) = (field.minimum, field.maximum);
    limits.extend(least.zip(most).map(|(least, most)| format!("{least} to {most}")));
    limits.extend(range(None, field.max_items, "entries"));
    limits.extend(range(None, field.max_properties, "entries"));
    match field.x_kubernetes_list_type.as_deref() {
        Some("set") => limits.push("no entry twice".into()),
        Some("map") => {
            let keys = field.x_kubernetes_list_map_keys.iter().flatten().map(|key| format!("`{key}`"));
            limits.push(format!("no two with the same {}", keys.collect::<Vec<_>>().join(" and ")));
        }
        _ => {}
    }
    limits.extend(messages(field));
    if let Some(items) = items(field).filter(|items| items.properties.is_none()) {
        limits.extend(limits_of_each(items));
    }
    limits
}

fn limits_of_each(items: &JSONSchemaProps) -> impl Iterator<Item = String> {
    limits(items).into_iter().map(|limit| format!("each {limit}"))
}

fn range(least: Option<i64>, most: Option<i64>, of: &str) -> Option<String> {
    match (least.filter(|least| *least > 0), most) {
        (Some(least), Some(most)) => Some(format!("{least} to {most} {of}")),
        (None, Some(most)) => Some(format!("at most {most} {of}")),
        _ => None,
    }
}

/// What the rules of a schema say, but for what the type says already.
fn messages(schema: &JSONSchemaProps) -> Vec<String> {
    let type_says = |rule: &str| {
        let expression = rule.strip_prefix("self.matches(r'").and_then(|rule| rule.strip_suffix("')"));
        form_of(schema).is_some() && expression == schema.pattern.as_deref()
    };
    let rules = schema.x_kubernetes_validations.iter().flatten().filter(|rule| !type_says(&rule.rule));
    rules.map(|rule| escaped(rule.message.as_ref().unwrap())).collect()
}

fn items(field: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    match &field.items {
        Some(JSONSchemaPropsOrArray::Schema(items)) => Some(items),
        _ => None,
    }
}

/// As text in a cell, with nothing that Markdown takes for markup.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "\\<").replace('*', "\\*").replace('_', "\\_")
}
