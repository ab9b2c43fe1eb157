//! Status as a merge patch of what differs: nothing is written where nothing changed.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// The merge patch from one status to another, naming the version that was observed. `None` where they are equal.
#[must_use]
pub fn status_patch<S: Serialize>(version: Option<&str>, before: Option<&S>, after: &S) -> Option<Value> {
    let before = before.and_then(|status| serde_json::to_value(status).ok()).unwrap_or_else(|| json!({}));
    let changes = difference(&before, serde_json::to_value(after).ok()?)?;
    let mut patch = json!({ "metadata": { "resourceVersion": version } });
    // Moved: the macro would copy it.
    patch["status"] = changes;
    Some(patch)
}

/// The JSON merge patch (RFC 7396) from one value to another; `None` where they are equal.
fn difference(before: &Value, after: Value) -> Option<Value> {
    match (before, after) {
        (before, after) if *before == after => None,
        (Value::Object(old), Value::Object(new)) => Some(Value::Object(changes(old, new))),
        (_, after) => Some(after),
    }
}

/// What is set otherwise or taken away.
fn changes(old: &Map<String, Value>, new: Map<String, Value>) -> Map<String, Value> {
    let gone = old.keys().filter(|key| !new.contains_key(*key)).map(|key| (key.clone(), Value::Null));
    let gone: Vec<_> = gone.collect();
    let set = new.into_iter().filter_map(|(key, value)| {
        let change = difference(old.get(&key).unwrap_or(&Value::Null), value)?;
        Some((key, change))
    });
    set.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_need_no_patch() {
        assert_eq!(difference(&json!({"a": {"b": 1}}), json!({"a": {"b": 1}})), None);
    }

    #[test]
    fn a_patch_names_what_changed_and_nothing_else() {
        let before = json!({"a": 1, "b": {"c": 1, "d": 2}, "gone": 1, "list": [1, 2]});
        let after = json!({"a": 1, "b": {"c": 1, "d": 3}, "new": {"x": 1}, "list": [2]});
        let expected = json!({"b": {"d": 3}, "new": {"x": 1}, "gone": null, "list": [2]});
        assert_eq!(difference(&before, after), Some(expected));
    }
}
