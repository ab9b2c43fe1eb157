//! Status as a merge patch of what differs: nothing is written where nothing changed.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// The merge patch from one status to another, naming the version that was observed. `None` where they are equal.
#[must_use]
pub fn status_patch<S: Serialize>(version: Option<&str>, before: Option<&S>, after: &S) -> Option<Value> {
    let before = before.and_then(|status| serde_json::to_value(status).ok()).unwrap_or_else(|| json!({}));
    let after = serde_json::to_value(after).ok()?;
    let changes = difference(&before, &after)?;
    Some(json!({ "metadata": { "resourceVersion": version }, "status": changes }))
}

/// The JSON merge patch (RFC 7396) from one value to another; `None` where they are equal.
fn difference(before: &Value, after: &Value) -> Option<Value> {
    if before == after {
        return None;
    }
    let (Value::Object(old), Value::Object(new)) = (before, after) else { return Some(after.clone()) };
    let set = new.iter().filter_map(|(key, value)| {
        let change = difference(old.get(key).unwrap_or(&Value::Null), value)?;
        Some((key.clone(), change))
    });
    let gone = old.keys().filter(|key| !new.contains_key(*key)).map(|key| (key.clone(), Value::Null));
    Some(Value::Object(set.chain(gone).collect::<Map<_, _>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_need_no_patch() {
        assert_eq!(difference(&json!({"a": {"b": 1}}), &json!({"a": {"b": 1}})), None);
    }

    #[test]
    fn a_patch_names_what_changed_and_nothing_else() {
        let before = json!({"a": 1, "b": {"c": 1, "d": 2}, "gone": 1, "list": [1, 2]});
        let after = json!({"a": 1, "b": {"c": 1, "d": 3}, "new": {"x": 1}, "list": [2]});
        let expected = json!({"b": {"d": 3}, "new": {"x": 1}, "gone": null, "list": [2]});
        assert_eq!(difference(&before, &after), Some(expected));
    }
}
