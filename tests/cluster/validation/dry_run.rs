//! Dry runs of bad objects: the answers of the API server, and whether every rule has refused one.

use kube::Client;
use mtls_operator::api::patterns;
use serde_json::{Value, json};
use test_support::namespace::TestNamespace;

/// Asks the API server whether it would accept the object, without storing it. Returns what it says.
async fn judge(client: &Client, path: &str, object: &Value) -> Result<Value, String> {
    let request = http::Request::post(format!("/apis/mtls-operator.dev/v1alpha1/{path}?dryRun=All"));
    let request =
        request.header("content-type", "application/json").body(serde_json::to_vec(object).unwrap());
    client.request::<Value>(request.unwrap()).await.map_err(|error| error.to_string())
}

/// Its verdict on an identity of this spec.
pub async fn judge_identity(
    namespace: &TestNamespace,
    name: &str,
    spec: Option<&Value>,
) -> Result<Value, String> {
    let mut object = json!({ "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsIdentity", "metadata": { "name": name } });
    if let Some(spec) = spec {
        object["spec"] = spec.clone();
    }
    judge(&namespace.client, &format!("namespaces/{}/mtlsidentities", namespace.name), &object).await
}

/// Its verdict on an authority of this spec.
pub async fn judge_authority(
    namespace: &TestNamespace,
    name: &str,
    spec: Option<&Value>,
) -> Result<Value, String> {
    let mut object = json!({ "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsAuthority", "metadata": { "name": name } });
    if let Some(spec) = spec {
        object["spec"] = spec.clone();
    }
    judge(&namespace.client, "mtlsauthorities", &object).await
}

/// Patterns in each of 512 grants: there a rule that says them in words costs more than the API server allows.
const TOO_DEAR: [&str; 2] = [patterns::DNS_PATTERN, patterns::QUALIFIED_NAME];

/// The answers of the API server to bad objects.
#[derive(Default)]
pub struct Validation {
    said: String,
    complaints: Vec<String>,
}

impl Validation {
    /// Adds a complaint unless the object was refused in these words.
    pub fn expect(&mut self, spec: &Value, words: &str, verdict: Result<Value, String>) {
        match verdict {
            Ok(_) => self.complaints.push(format!("{spec} was accepted; wanted: {words}")),
            Err(said) if !said.contains(words) => {
                self.complaints.push(format!("{spec}: wanted {words:?}, but it says: {said}"));
            }
            // A rule that cannot be evaluated reports its own error instead of the user's mistake.
            Err(said) if said.contains("conversion error") => {
                self.complaints.push(format!("{spec}: a rule failed instead of refusing: {said}"));
            }
            Err(said) => self.said += &said,
        }
    }

    /// Asserts that all was refused as expected, that no rule of the definition has been forgotten, and
    /// that each pattern has a rule beside it that says the same in words.
    pub fn close(mut self, definition: &str) {
        let definition: Value = serde_norway::from_str(definition).unwrap();
        let mut rules = Vec::new();
        collect_rules(&definition, &mut rules);
        assert!(!rules.is_empty());
        let forgotten = rules.into_iter().filter(|sentence| !self.said.contains(sentence));
        self.complaints
            .extend(forgotten.map(|sentence| format!("no bad object was refused with: {sentence}")));
        let mut bare = Vec::new();
        collect_bare_patterns(&definition, &[], &mut bare);
        bare.retain(|pattern| !TOO_DEAR.contains(pattern));
        self.complaints.extend(bare.iter().map(|pattern| format!("no rule says in words: {pattern}")));
        assert!(self.complaints.is_empty(), "{}", self.complaints.join("\n"));
    }
}

/// The sentences of all rules about one object; those that compare it with its former state have tests of their own.
fn collect_rules<'a>(schema: &'a Value, rules: &mut Vec<&'a str>) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| collect_rules(item, rules)),
        Value::Object(fields) => {
            let text = |key: &str| fields.get(key).and_then(Value::as_str);
            if let (Some(rule), Some(message)) = (text("rule"), text("message"))
                && !rule.contains("oldSelf")
            {
                rules.push(message);
            }
            fields.values().for_each(|field| collect_rules(field, rules));
        }
        _ => {}
    }
}

/// Patterns that no rule of their own field, or of the list or map that they are in, repeats.
fn collect_bare_patterns<'a>(schema: &'a Value, above: &[&str], bare: &mut Vec<&'a str>) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| collect_bare_patterns(item, &[], bare)),
        Value::Object(fields) => {
            let rules = fields.get("x-kubernetes-validations").and_then(Value::as_array);
            let here: Vec<&str> =
                rules.into_iter().flatten().filter_map(|rule| rule["rule"].as_str()).collect();
            if let Some(pattern) = fields.get("pattern").and_then(Value::as_str)
                && !here.iter().chain(above).any(|rule| rule.contains(pattern))
            {
                bare.push(pattern);
            }
            fields.values().for_each(|field| collect_bare_patterns(field, &here, bare));
        }
        _ => {}
    }
}
