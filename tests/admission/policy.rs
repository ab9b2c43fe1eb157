//! A policy of the chart, asked as the API server asks it.

use std::fmt::Write as _;

use serde_json::{Value, json};
use test_support::chart::render;
use test_support::tools::judges::ask;

/// The oldest version of Kubernetes that the chart installs on.
const OLDEST: &str = "1.33";

/// The operator's account.
pub const OPERATOR: &str = "system:serviceaccount:mtls-system:mtls-operator";

/// A policy, as the chart renders it.
pub struct Policy(Value);

impl Policy {
    /// The policy of the chart with these values whose name ends so.
    pub fn of(purpose: &str, values: &[&str]) -> Self {
        let name = format!("mtls-operator.mtls-system.{purpose}");
        let is_it = |object: &Value| {
            object["kind"] == "ValidatingAdmissionPolicy" && object["metadata"]["name"] == *name
        };
        Self(render(values).into_iter().find(is_it).unwrap_or_else(|| panic!("there is no policy {name}")))
    }

    /// What it says of each request; `None` where there is no Go.
    pub fn judge(&self, requests: &[Value]) -> Option<Vec<String>> {
        let mut input = self.0.to_string();
        for request in requests {
            writeln!(input, "{request}").unwrap();
        }
        let verdicts: Vec<String> = ask("admission", &[OLDEST], &input)?.lines().map(str::to_owned).collect();
        assert_eq!(verdicts.len(), requests.len());
        Some(verdicts)
    }

    /// Whether it says so of each request.
    pub fn says(&self, expected: &[(&str, Value)]) {
        let requests: Vec<Value> = expected.iter().map(|(_, request)| request.clone()).collect();
        let Some(verdicts) = self.judge(&requests) else { return };
        for ((expected, request), verdict) in expected.iter().zip(verdicts) {
            assert!(verdict.starts_with(expected), "{verdict:?}, not {expected:?}: {request}");
        }
    }
}

/// A write by an account: `before` is null where the object is created, `after` where it is deleted.
pub fn write(user: &str, resource: &str, before: &Value, after: &Value) -> Value {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let (group, resource) = resource.split_once(':').unwrap_or(("", resource));
    let operation = match (before, after) {
        (Value::Null, _) => "CREATE",
        (_, Value::Null) => "DELETE",
        _ => "UPDATE",
    };
    json!({
        "user": user, "operation": operation, "subresource": subresource,
        "resource": { "group": group, "version": "v1", "resource": resource },
        "oldObject": before, "object": after,
    })
}
